/*
 * A strict stand-in for a Sentry server: sentry --port-file F --record DIR [--script LIST]
 *
 * Binds 127.0.0.1, any free port, writes the port. Whatever is not exactly as the protocol has it
 *is answered with 400, 401, 404 or 413 and a reason. What passes is answered by the script, item
 *after item, then with 200:
 *
 *	200               200:60:error       429              429:2.5:error;monitor   503
 *	close (no answer) half (breaks off in the answer)     stall (never answers)
 *
 * STATUS:SECONDS:CATEGORIES adds X-Sentry-Rate-Limits. Request n leaves in DIR: n.head (request
 *line and headers), n.body (bytes as sent), n.answer (status and reason), n.event (the event, when
 *good).
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "base/strvec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <getopt.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum { EVENT_MAX = 1 << 20, CHECK_IN_MAX = 100 << 10, BODY_MAX = 4 << 20, KEY_LENGTH = 32 };

static const char *record_directory;
static struct strvec script;
static size_t requests;
static size_t scripted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What is thought of a request: 0 while nothing is wrong. */
struct verdict {
	int status;
	char *reason;
	json_t *event;
};

static bool wrong(struct verdict *verdict, int status, const char *reason)
{
	if (!verdict->status) {
		verdict->status = status;
		verdict->reason = xstrdup(reason);
	}
	return false;
}

static bool all_of(const char *text, size_t length, const char *letters)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(letters, text[i]) || !text[i])
			return false;
	return length > 0;
}

static bool is_uuid(const char *text)
{
	return text && strlen(text) == 32 && all_of(text, 32, "0123456789abcdef") &&
	       strspn(text, "0") < 32;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (str_equal(text, *words))
			return true;
	return false;
}

static bool is_time(const json_t *value)
{
	const char *text = json_string_value(value);
	int64_t ms;
	AUTO_ERR(ignored);
	if (json_is_number(value))
		return json_number_value(value) > 0;
	return text && strlen(text) >= 20 && text[10] == 'T' && str_ends(text, "Z") &&
	       clock_parse_time(text, &ms, &ignored);
}

static bool short_line(const json_t *value, size_t most)
{
	const char *text = json_string_value(value);
	return text && *text && strlen(text) <= most && !strpbrk(text, "\r\n");
}

/* --- the event ---------------------------------------------------------------------------------
 */

static const char *const levels[] = {"fatal", "error", "warning", "info", "debug", NULL};

static bool good_tags(const json_t *tags, struct verdict *verdict)
{
	const char *key;
	json_t *value;
	if (!json_is_object(tags))
		return wrong(verdict, 400, "tags is not an object");
	json_object_foreach((json_t *)tags, key, value)
	{
		static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					      "0123456789_.:-";
		if (strlen(key) > 32 || !all_of(key, strlen(key), letters))
			return wrong(verdict, 400, "bad tag key");
		if (!short_line(value, 200))
			return wrong(verdict, 400, "bad tag value");
	}
	return true;
}

static bool good_names(const json_t *event, struct verdict *verdict)
{
	static const char *const bad_releases[] = {".", "..", "latest", NULL};
	const json_t *release = json_object_get(event, "release");
	const json_t *environment = json_object_get(event, "environment");
	const char *text = json_string_value(release);
	if (release && (!short_line(release, 200) || strpbrk(text, "/\\\t") ||
			       is_one_of(text, bad_releases)))
		return wrong(verdict, 400, "bad release");
	text = json_string_value(environment);
	if (environment &&
		(!short_line(environment, 64) || strpbrk(text, " /") || str_equal(text, "None")))
		return wrong(verdict, 400, "bad environment");
	return true;
}

static bool good_breadcrumbs(const json_t *breadcrumbs, struct verdict *verdict)
{
	json_t *values = json_object_get(breadcrumbs, "values"), *crumb;
	size_t i;
	if (!json_is_array(values))
		return wrong(verdict, 400, "breadcrumbs without values");
	json_array_foreach(values, i, crumb)
	{
		if (!is_time(json_object_get(crumb, "timestamp")) ||
			!is_one_of(json_string_value(json_object_get(crumb, "level")), levels) ||
			!json_is_string(json_object_get(crumb, "message")))
			return wrong(verdict, 400, "bad breadcrumb");
	}
	return true;
}

static bool good_fingerprint(const json_t *words, struct verdict *verdict)
{
	json_t *word;
	size_t i;
	if (!json_array_size(words))
		return wrong(verdict, 400, "bad fingerprint");
	json_array_foreach((json_t *)words, i, word)
	{
		if (!json_is_string(word))
			return wrong(verdict, 400, "bad fingerprint");
	}
	return true;
}

/* An allow-list: an event that carries more than it should is as wrong as one that lacks something.
 */
static bool only_known_keys(const json_t *event, struct verdict *verdict)
{
	static const char *const known[] = {"event_id", "timestamp", "platform", "level", "logger",
		"server_name", "release", "environment", "transaction", "fingerprint", "tags",
		"message", "breadcrumbs", "contexts", "exception", "sdk", NULL};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)event, key, value)
	{
		if (!is_one_of(key, known))
			return wrong(verdict, 400, "unknown key in the event");
	}
	return true;
}

static bool good_event(const json_t *event, const char *id, struct verdict *verdict)
{
	static const char *const platforms[] = {"c", "native", "other", NULL};
	const json_t *message = json_object_get(event, "message");
	const json_t *part;
	if (!str_equal(json_string_value(json_object_get(event, "event_id")), id))
		return wrong(verdict, 400, "event_id differs from the envelope's");
	if (!is_time(json_object_get(event, "timestamp")))
		return wrong(verdict, 400, "bad timestamp");
	if (!is_one_of(json_string_value(json_object_get(event, "platform")), platforms))
		return wrong(verdict, 400, "unknown platform");
	if (!is_one_of(json_string_value(json_object_get(event, "level")), levels))
		return wrong(verdict, 400, "unknown level");
	if (!message && !json_object_get(event, "exception"))
		return wrong(verdict, 400, "neither message nor exception");
	if (message && (!json_string_length(message) || json_string_length(message) > 8192))
		return wrong(verdict, 400, "bad message");
	if ((part = json_object_get(event, "tags")) && !good_tags(part, verdict))
		return false;
	if ((part = json_object_get(event, "breadcrumbs")) && !good_breadcrumbs(part, verdict))
		return false;
	if ((part = json_object_get(event, "fingerprint")) && !good_fingerprint(part, verdict))
		return false;
	return good_names(event, verdict) && only_known_keys(event, verdict);
}

static bool good_check_in(const json_t *check_in, struct verdict *verdict)
{
	static const char *const statuses[] = {"in_progress", "ok", "error", NULL};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *slug = json_string_value(json_object_get(check_in, "monitor_slug"));
	if (!is_uuid(json_string_value(json_object_get(check_in, "check_in_id"))))
		return wrong(verdict, 400, "bad check_in_id");
	if (!slug || strlen(slug) > 50 || !all_of(slug, strlen(slug), letters))
		return wrong(verdict, 400, "bad monitor_slug");
	return is_one_of(json_string_value(json_object_get(check_in, "status")), statuses) ||
	       wrong(verdict, 400, "bad status");
}

/* --- the envelope ------------------------------------------------------------------------------
 */

/* The JSON object of one line that ends with LF alone; *at moves behind it. */
static json_t *take_line(const char *body, size_t length, size_t *at, struct verdict *verdict)
{
	const char *start = body + *at;
	const char *end = memchr(start, '\n', length - *at);
	if (!end) {
		wrong(verdict, 400, "a header line without newline");
		return NULL;
	}
	size_t line = (size_t)(end - start);
	json_t *object = line && start[0] == '{' && start[line - 1] == '}'
				 ? json_loadb(start, line, JSON_REJECT_DUPLICATES, NULL)
				 : NULL;
	if (!json_is_object(object)) {
		json_decref(object);
		wrong(verdict, 400, "a header line that is not exactly one JSON object");
		return NULL;
	}
	*at += line + 1;
	return object;
}

static bool good_header(const json_t *header, struct verdict *verdict)
{
	if (!is_uuid(json_string_value(json_object_get(header, "event_id"))))
		return wrong(verdict, 400, "bad event_id");
	if (!is_time(json_object_get(header, "sent_at")))
		return wrong(verdict, 400, "bad sent_at");
	if (json_object_get(header, "dsn"))
		return wrong(verdict, 400, "a dsn does not belong into the envelope header");
	return true;
}

static bool take_item(const char *body, size_t length, size_t *at, const char *id,
	struct verdict *verdict, int *events, int *check_ins)
{
	json_t *header = take_line(body, length, at, verdict);
	const char *type = json_string_value(json_object_get(header, "type"));
	json_t *size = json_object_get(header, "length");
	bool is_event = str_equal(type, "event"), ok = false;
	json_int_t bytes = json_integer_value(size);
	json_t *payload = NULL;
	if (!header)
		return false;
	if (!json_is_integer(size) || bytes <= 0 || (size_t)bytes >= length - *at)
		wrong(verdict, 400, "length does not fit the bytes");
	else if (body[*at + (size_t)bytes] != '\n')
		wrong(verdict, 400, "no newline after the bytes that length counts");
	else if (bytes > (is_event ? EVENT_MAX : CHECK_IN_MAX))
		wrong(verdict, 413, "item too big");
	else if (!(payload = json_loadb(body + *at, (size_t)bytes, JSON_REJECT_DUPLICATES, NULL)))
		wrong(verdict, 400, "an item that is not JSON");
	else if (is_event)
		ok = ++*events == 1 ? good_event(payload, id, verdict)
				    : wrong(verdict, 400, "a second event");
	else if (str_equal(type, "check_in"))
		ok = ++*check_ins == 1 ? good_check_in(payload, verdict)
				       : wrong(verdict, 400, "a second check_in");
	else
		wrong(verdict, 400, "unknown item type");
	if (ok && is_event)
		verdict->event = json_incref(payload);
	*at += ok ? (size_t)bytes + 1 : 0;
	json_decref(payload);
	json_decref(header);
	return ok;
}

static void judge_body(const struct strbuf *body, struct verdict *verdict)
{
	size_t at = 0;
	int events = 0, check_ins = 0;
	if (memchr(body->buf, '\r', body->len)) {
		wrong(verdict, 400, "a carriage return");
		return;
	}
	json_t *header = take_line(body->buf, body->len, &at, verdict);
	if (header && good_header(header, verdict)) {
		const char *id = json_string_value(json_object_get(header, "event_id"));
		if (at == body->len)
			wrong(verdict, 400, "no item");
		while (at < body->len &&
			take_item(body->buf, body->len, &at, id, verdict, &events, &check_ins))
			continue;
	}
	json_decref(header);
}

/* --- the request -------------------------------------------------------------------------------
 */

struct request {
	struct strbuf body;
	struct strvec headers; /* "Name: value" as sent, duplicates kept */
	bool too_big;
};

static size_t count_header(const struct request *request, const char *name, const char **value)
{
	size_t count = 0, length = strlen(name);
	for (size_t i = 0; i < request->headers.count; i++) {
		const char *line = request->headers.items[i];
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			*value = line + length + 2;
			count++;
		}
	}
	return count;
}

/* "Sentry sentry_key=.., sentry_version=7, sentry_client=.." and nothing else, each once. */
static bool good_auth(const char *value, struct verdict *verdict)
{
	AUTO_STRVEC(parts);
	int keys = 0, versions = 0, clients = 0;
	if (!str_starts(value, "Sentry "))
		return wrong(verdict, 401, "X-Sentry-Auth does not begin with Sentry");
	strvec_split(&parts, value + 7, ',');
	for (size_t i = 0; i < parts.count; i++) {
		const char *part = parts.items[i] + (parts.items[i][0] == ' ');
		if (str_starts(part, "sentry_key=") && strlen(part + 11) == KEY_LENGTH &&
			all_of(part + 11, KEY_LENGTH, "0123456789abcdefghijklmnopqrstuvwxyz"))
			keys++;
		else if (str_starts(part, "sentry_key="))
			return wrong(verdict, 400, "bad sentry DSN public key");
		else if (str_equal(part, "sentry_version=7"))
			versions++;
		else if (str_starts(part, "sentry_client=") && strchr(part, '/'))
			clients++;
		else
			return wrong(verdict, 400, "an unknown part in X-Sentry-Auth");
	}
	return (keys == 1 && versions == 1 && clients == 1) ||
	       wrong(verdict, 401, "X-Sentry-Auth lacks a part, or has one twice");
}

static bool good_headers(const struct request *request, struct verdict *verdict)
{
	const char *auth = "", *other = "";
	size_t auths = count_header(request, "X-Sentry-Auth", &auth);
	if (!auths)
		return wrong(verdict, 401, "missing X-Sentry-Auth");
	if (auths > 1 || count_header(request, "Authorization", &other))
		return wrong(verdict, 401, "multiple auth");
	if (count_header(request, "Content-Type", &other) != 1 ||
		!str_equal(other, "application/x-sentry-envelope"))
		return wrong(verdict, 400, "wrong Content-Type");
	if (count_header(request, "Content-Encoding", &other))
		return wrong(verdict, 400, "this stand-in reads no Content-Encoding");
	if (count_header(request, "Expect", &other))
		return wrong(verdict, 400, "Expect is not blanked");
	if (count_header(request, "User-Agent", &other) != 1)
		return wrong(verdict, 400, "missing User-Agent");
	return good_auth(auth, verdict);
}

/* "/api/{digits}/envelope/" and nothing around it. */
static bool good_path(const char *method, const char *path, struct verdict *verdict)
{
	size_t digits = str_starts(path, "/api/") ? strspn(path + 5, "0123456789") : 0;
	if (!digits || !str_equal(path + 5 + digits, "/envelope/"))
		return wrong(verdict, 404, "wrong path");
	return str_equal(method, "POST") || wrong(verdict, 405, "wrong method");
}

static enum MHD_Result has_query(
	void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind, (void)key, (void)value;
	*(bool *)ctx = true;
	return MHD_NO;
}

static void judge(struct MHD_Connection *connection, const char *method, const char *path,
	const struct request *request, struct verdict *verdict)
{
	bool query = false;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, has_query, &query);
	if (request->too_big)
		wrong(verdict, 413, "envelope too big");
	else if (query)
		wrong(verdict, 401, "auth does not belong into the query");
	else if (good_path(method, path, verdict) && good_headers(request, verdict))
		judge_body(&request->body, verdict);
}

/* --- records -----------------------------------------------------------------------------------
 */

static void write_record(size_t number, const char *what, const void *bytes, size_t length)
{
	AUTO_ERR(err);
	AUTO_FREE char *path = xstrfmt("%s/%zu.%s", record_directory, number, what);
	if (!fs_write_atomic(path, bytes, length, &err))
		fprintf(stderr, "sentry: %s\n", err.msg);
}

static void record(size_t number, const char *method, const char *path,
	const struct request *request, const struct verdict *verdict, const char *answer)
{
	AUTO_FREE char *headers = strvec_join(&request->headers, "\n");
	AUTO_FREE char *head = xstrfmt("%s %s\n%s\n", method, path, headers);
	AUTO_FREE char *said = xstrfmt("%s%s%s\n", answer, verdict->reason ? " " : "",
		verdict->reason ? verdict->reason : "");
	write_record(number, "head", head, strlen(head));
	write_record(number, "body", request->body.buf, request->body.len);
	if (verdict->event) {
		AUTO_FREE char *event = json_dumps(verdict->event, JSON_INDENT(2));
		write_record(number, "event", event, strlen(event));
	}
	write_record(number, "answer", said, strlen(said));
	if (verdict->reason)
		fprintf(stderr, "sentry: request %zu refused: %s\n", number, said);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static ssize_t break_off(void *ctx, uint64_t position, char *out, size_t room)
{
	(void)ctx;
	if (position > 0 || !room)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	*out = '{';
	return 1;
}

static enum MHD_Result answer(
	struct MHD_Connection *connection, const char *how, const struct verdict *verdict)
{
	AUTO_STRVEC(parts);
	AUTO_FREE char *body = NULL;
	if (str_equal(how, "close"))
		return MHD_NO;
	if (str_equal(how, "stall"))
		clock_sleep_ms(INT64_C(60) * 60 * 1000);
	strvec_split(&parts, how, ':');
	unsigned status = 200;
	sscanf(parts.items[0], "%u", &status);
	const char *id = json_string_value(json_object_get(verdict->event, "event_id"));
	body = status == 200
		       ? xstrfmt("{\"id\":\"%s\"}", id ? id : "")
		       : xstrfmt("{\"detail\":\"%s\"}", verdict->reason ? verdict->reason : how);
	struct MHD_Response *response =
		str_equal(how, "half")
			? MHD_create_response_from_callback(1000, 1, break_off, NULL, NULL)
			: MHD_create_response_from_buffer(
				  strlen(body), body, MHD_RESPMEM_MUST_COPY);
	if (parts.count > 1) {
		AUTO_FREE char *limits = xstrfmt("%s:%s:organization:stand_in", parts.items[1],
			parts.count > 2 ? parts.items[2] : "");
		MHD_add_response_header(response, "X-Sentry-Rate-Limits", limits);
	}
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result finish(struct MHD_Connection *connection, const char *method,
	const char *path, const struct request *request)
{
	struct verdict verdict = {0};
	char refusal[16];
	const char *how = "200";
	judge(connection, method, path, request, &verdict);
	pthread_mutex_lock(&lock);
	size_t number = ++requests;
	if (verdict.status) {
		snprintf(refusal, sizeof(refusal), "%d", verdict.status);
		how = refusal;
	} else if (scripted < script.count) {
		how = script.items[scripted++];
	}
	record(number, method, path, request, &verdict, how);
	pthread_mutex_unlock(&lock);
	enum MHD_Result result = answer(connection, how, &verdict);
	free(verdict.reason);
	json_decref(verdict.event);
	return result;
}

static enum MHD_Result take_header(
	void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	strvec_pushf(ctx, "%s: %s", key, value ? value : "");
	return MHD_YES;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *length, void **state)
{
	(void)ctx, (void)version;
	struct request *request = *state;
	if (!request) {
		request = xcalloc(1, sizeof(*request));
		request->body = (struct strbuf)STRBUF_INIT;
		MHD_get_connection_values(
			connection, MHD_HEADER_KIND, take_header, &request->headers);
		*state = request;
		return MHD_YES;
	}
	if (*length) {
		request->too_big = request->too_big || request->body.len + *length > BODY_MAX;
		if (!request->too_big)
			strbuf_add(&request->body, data, *length);
		*length = 0;
		return MHD_YES;
	}
	return finish(connection, method, path, request);
}

static void done(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	(void)ctx, (void)connection, (void)code;
	struct request *request = *state;
	if (!request)
		return;
	strbuf_release(&request->body);
	strvec_release(&request->headers);
	free(request);
}

/* --- the program -------------------------------------------------------------------------------
 */

static bool write_port(struct MHD_Daemon *daemon, const char *path, struct err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	AUTO_FREE char *text = xstrfmt("%u\n", info ? info->port : 0);
	return fs_write_atomic(path, text, strlen(text), err);
}

static const char *read_options(int argc, char **argv)
{
	static const struct option options[] = {{"port-file", required_argument, NULL, 'p'},
		{"record", required_argument, NULL, 'r'}, {"script", required_argument, NULL, 's'},
		{0}};
	const char *port_file = NULL;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		if (c == 'p')
			port_file = optarg;
		else if (c == 'r')
			record_directory = optarg;
		else if (c == 's')
			strvec_split(&script, optarg, ',');
	return port_file;
}

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	sigset_t ends;
	int ended_by;
	const char *port_file = read_options(argc, argv);
	if (!record_directory || !port_file) {
		fprintf(stderr, "usage: sentry --port-file F --record DIR [--script LIST]\n");
		return 2;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0,
			NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address,
			MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
	if (!daemon || !fs_mkdirs(record_directory, &err) || !write_port(daemon, port_file, &err)) {
		fprintf(stderr, "sentry: cannot start %s\n", err.msg ? err.msg : "");
		return 1;
	}
	sigwait(&ends, &ended_by);
	return 0;
}
