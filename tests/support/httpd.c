/*
 * A scriptable HTTP server for tests: httpd --port-file F --routes FILE [--record FILE]
 *
 * Binds 127.0.0.1, any free port, writes the port. Routes are JSON: a path and the answers it gives
 * in turn, the last one for ever:
 *
 *	{"/health": [{"status": 503, "body": "starting"},
 *	             {"status": 200, "body": "{}", "headers": {"Content-Type": "application/json"},
 *	              "delay_ms": 50, "need": "X-Bypass: word", "end": "close" or "half"}]}
 *
 * `need`: without that header, 403. `end`: "close" gives no answer, "half" breaks off in the body.
 * Every request is recorded as one JSON line {method, path, headers, body}. Unknown paths get 404.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static json_t *routes;
static json_t *counts;
static const char *record_path;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The next answer of a path's list. */
static json_t *next_answer(const char *path)
{
	json_t *answers = json_object_get(routes, path);
	size_t size = json_array_size(answers);
	if (!size)
		return NULL;
	pthread_mutex_lock(&lock);
	json_int_t made = json_integer_value(json_object_get(counts, path));
	json_object_set_new(counts, path, json_integer(made + 1));
	pthread_mutex_unlock(&lock);
	return json_array_get(answers, (size_t)made < size ? (size_t)made : size - 1);
}

static enum MHD_Result add_header(
	void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	json_object_set_new(ctx, key, json_string(value ? value : ""));
	return MHD_YES;
}

static void record(struct MHD_Connection *connection, const char *method, const char *path,
	const struct strbuf *body)
{
	AUTO_ERR(err);
	if (!record_path)
		return;
	json_t *headers = json_object();
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, headers);
	json_t *line = json_pack("{s:s, s:s, s:o, s:s}", "method", method, "path", path, "headers",
		headers, "body", body->buf);
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT);
	AUTO_FREE char *full = xstrfmt("%s\n", text ? text : "{}");
	json_decref(line);
	pthread_mutex_lock(&lock);
	if (!fs_append(record_path, full, strlen(full), false, &err))
		fprintf(stderr, "httpd: %s\n", err.msg);
	pthread_mutex_unlock(&lock);
}

static bool has_needed(struct MHD_Connection *connection, const char *need)
{
	const char *colon = need ? strchr(need, ':') : NULL;
	if (!colon)
		return true;
	AUTO_FREE char *name = xstrndup(need, (size_t)(colon - need));
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	return str_equal(value, colon + 2);
}

static ssize_t break_off(void *ctx, uint64_t position, char *out, size_t room)
{
	(void)ctx;
	if (position > 0 || !room)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	*out = '{';
	return 1;
}

static struct MHD_Response *make_response(json_t *answer)
{
	const char *body = json_string_value(json_object_get(answer, "body"));
	if (str_equal(json_string_value(json_object_get(answer, "end")), "half"))
		return MHD_create_response_from_callback(1000, 1, break_off, NULL, NULL);
	return MHD_create_response_from_buffer(
		body ? strlen(body) : 0, (void *)(body ? body : ""), MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result reply(struct MHD_Connection *connection, int status, json_t *answer)
{
	struct MHD_Response *response = make_response(answer);
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(answer, "headers"), name, value)
	{
		MHD_add_response_header(response, name, json_string_value(value));
	}
	enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_request(struct MHD_Connection *connection, const char *path)
{
	json_t *answer = next_answer(path);
	if (!answer)
		return reply(connection, 404, NULL);
	clock_sleep_ms(json_integer_value(json_object_get(answer, "delay_ms")));
	if (str_equal(json_string_value(json_object_get(answer, "end")), "close"))
		return MHD_NO;
	if (!has_needed(connection, json_string_value(json_object_get(answer, "need"))))
		return reply(connection, 403, NULL);
	int status = (int)json_integer_value(json_object_get(answer, "status"));
	return reply(connection, status ? status : 200, answer);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	(void)ctx, (void)version;
	struct strbuf *body = *state;
	if (!body) {
		body = xcalloc(1, sizeof(*body));
		*body = (struct strbuf)STRBUF_INIT;
		*state = body;
		return MHD_YES;
	}
	if (*length) {
		strbuf_add(body, data, *length);
		*length = 0;
		return MHD_YES;
	}
	record(connection, method, path, body);
	return answer_request(connection, path);
}

static void done(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	(void)ctx, (void)connection, (void)code;
	struct strbuf *body = *state;
	if (body)
		strbuf_release(body);
	free(body);
}

static bool write_port(struct MHD_Daemon *daemon, const char *path, struct err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	AUTO_FREE char *text = xstrfmt("%u\n", info ? info->port : 0);
	return fs_write_atomic(path, text, strlen(text), err);
}

static void wait_for_end(void)
{
	sigset_t signals;
	int signal_number;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigwait(&signals, &signal_number);
}

static void block_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port-file", required_argument, NULL, 'p'},
		{"routes", required_argument, NULL, 'r'}, {"record", required_argument, NULL, 'w'},
		{0}};
	const char *port_file = NULL;
	json_error_t problem;
	AUTO_ERR(err);
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		if (c == 'p')
			port_file = optarg;
		else if (c == 'w')
			record_path = optarg;
		else if (c == 'r' && !(routes = json_load_file(optarg, 0, &problem)))
			fprintf(stderr, "httpd: %s:%d: %s\n", optarg, problem.line, problem.text);
	if (!routes || !port_file) {
		fprintf(stderr, "usage: httpd --port-file F --routes FILE [--record FILE]\n");
		return 2;
	}
	counts = json_object();
	block_signals();
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0,
			NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address,
			MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
	if (!daemon || !write_port(daemon, port_file, &err)) {
		fprintf(stderr, "httpd: cannot start %s\n", err.msg ? err.msg : "");
		return 1;
	}
	wait_for_end();
	return 0;
}
