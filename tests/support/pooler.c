/*
 * pooler LISTEN UPSTREAM: stands between clients and a server, both given as paths of their Unix
 * sockets, and tells each client a backend id of its own, as connection poolers do.
 */
#include "base/fs.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKEND_KEY = 'K', READY = 'Z', HEADER = 5, CHUNK = 65536 };

static int stream_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static bool read_all(int fd, char *bytes, size_t length)
{
	for (size_t had = 0; had < length;) {
		ssize_t got = read(fd, bytes + had, length - had);
		if (got <= 0)
			return false;
		had += (size_t)got;
	}
	return true;
}

/* Passes what is there; false: one side has hung up. */
static bool pass_bytes(int from, int to)
{
	static char bytes[CHUNK];
	AUTO_ERR(ignored);
	ssize_t got = read(from, bytes, sizeof(bytes));
	return got > 0 && fs_write_all(to, bytes, (size_t)got, &ignored);
}

/* Passes one message of the server; *ready after the first ReadyForQuery. */
static bool pass_message(int server, int client, bool *ready)
{
	static char message[CHUNK];
	AUTO_ERR(ignored);
	uint32_t length;
	if (!read_all(server, message, HEADER))
		return false;
	memcpy(&length, message + 1, sizeof(length));
	size_t rest = ntohl(length) - sizeof(length);
	if (rest > sizeof(message) - HEADER || !read_all(server, message + HEADER, rest))
		return false;
	if (message[0] == BACKEND_KEY)
		message[HEADER + 3] ^= 1;
	*ready = message[0] == READY;
	return fs_write_all(client, message, HEADER + rest, &ignored);
}

static void serve(int client, const char *upstream)
{
	struct sockaddr_un address;
	CLEANUP(fs_close) int server = stream_socket(upstream, &address);
	bool ready = false, alive = server >= 0 && connect(server, (struct sockaddr *)&address,
							   sizeof(address)) == 0;
	struct pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
	while (alive && poll(both, 2, -1) > 0) {
		if (both[0].revents)
			alive = pass_bytes(client, server);
		if (alive && both[1].revents)
			alive = ready ? pass_bytes(server, client)
				      : pass_message(server, client, &ready);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address;
	if (argc != 3)
		return 2;
	CLEANUP(fs_close) int listener = stream_socket(argv[1], &address);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(listener, 16) != 0) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		CLEANUP(fs_close) int client = accept(listener, NULL, NULL);
		if (client < 0)
			return 1;
		if (fork() == 0) {
			serve(client, argv[2]);
			_exit(0);
		}
	}
}
