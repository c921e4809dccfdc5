/*
 * reconnect CONNINFO CLIENTS SECONDS: clients that connect, ask one thing and leave, in tight
 * loops. Prints "connects N failures F in_a_row K gap_ms G": the most failures that one client saw
 * one after the other, and the longest time that one client was without a session.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct client {
	pthread_t thread;
	const char *conninfo;
	int64_t until;
	long connects, failures, in_a_row;
	int64_t gap;
};

static int64_t now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int ask_once(const char *conninfo)
{
	PGconn *pg = PQconnectdb(conninfo);
	PGresult *result = PQexec(pg, "select count(*) from pg_class");
	int good = PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	PQfinish(pg);
	return good;
}

static void *client_main(void *argument)
{
	struct client *client = argument;
	long in_a_row = 0;
	int64_t last_good = now_ms();
	while (now_ms() < client->until) {
		int good = ask_once(client->conninfo);
		int64_t now = now_ms();
		in_a_row = good ? 0 : in_a_row + 1;
		client->connects += good;
		client->failures += !good;
		if (in_a_row > client->in_a_row)
			client->in_a_row = in_a_row;
		if (good && now - last_good > client->gap)
			client->gap = now - last_good;
		if (good)
			last_good = now;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	long count = strtol(argv[2], NULL, 10);
	int64_t until = now_ms() + strtol(argv[3], NULL, 10) * 1000;
	struct client *clients = calloc((size_t)count, sizeof(*clients));
	struct client sum = {0};
	for (long i = 0; i < count; i++) {
		clients[i].conninfo = argv[1];
		clients[i].until = until;
		if (pthread_create(&clients[i].thread, NULL, client_main, &clients[i]))
			return 1;
	}
	for (long i = 0; i < count; i++) {
		pthread_join(clients[i].thread, NULL);
		sum.connects += clients[i].connects;
		sum.failures += clients[i].failures;
		if (clients[i].in_a_row > sum.in_a_row)
			sum.in_a_row = clients[i].in_a_row;
		if (clients[i].gap > sum.gap)
			sum.gap = clients[i].gap;
	}
	printf("connects %ld failures %ld in_a_row %ld gap_ms %ld\n", sum.connects, sum.failures,
		sum.in_a_row, (long)sum.gap);
	free(clients);
	return 0;
}
