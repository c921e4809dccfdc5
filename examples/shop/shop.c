/*
 * A small shop: the application that the demo deploys.
 *
 *	GET  /health   200 when the queries of the present version work on the database
 *	GET  /orders   the newest orders
 *	POST /orders   {"reference", "customer", "items": [{"product", "quantity"}]}
 *	               201 with the id, only after COMMIT
 *
 * While the maintenance file stands, everybody gets 503, except requests whose header
 * X-Maintenance-Bypass holds the secret of the variable SHOP_BYPASS. Which version of the
 *application answers is the name that the symbolic link `current` points to, read at each request:
 *so the demo can deploy without restarting a process. It knows nothing of mig.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS 4
#define BODY_LIMIT 65536

/* What a release of the application asks of its database. */
struct version {
	const char *name;
	const char *newest; /* one JSON array */
	const char *insert; /* $1 reference, $2 customer; returns the id */
};

#define NEWEST(columns) \
	"select coalesce(json_agg(n), '[]') from (select o.id, o.placed_at, o.status, " columns \
	" from orders o join customers c on c.id = o.customer_id order by o.id desc limit 20) n"

static const struct version versions[] = {
	{"v1", NEWEST("c.name as customer"),
		"insert into orders (reference, customer_id) values ($1, $2) returning id"},
	{"v2", NEWEST("c.name as customer, o.channel"),
		"insert into orders (reference, customer_id, channel) values ($1, $2, 'web')"
		" returning id"},
	/* Its migration splits customers.name in two; this release still asks for the old column.
	 */
	{"v3", NEWEST("c.name as customer, o.channel"),
		"insert into orders (reference, customer_id, channel) values ($1, $2, 'web')"
		" returning id"},
};

static const char insert_items[] =
	"insert into order_items (order_id, line, product_id, quantity, price_cents)"
	" select $1::bigint, i.line, p.id, (i.item ->> 'quantity')::int, p.price_cents"
	" from jsonb_array_elements($2::jsonb) with ordinality i (item, line)"
	" join products p on p.id = (i.item ->> 'product')::bigint";

struct session {
	PGconn *pg;
	bool busy;
	char sqlstate[6]; /* of the last statement that failed */
};

struct shop {
	const char *database, *maintenance, *current, *port_file, *bypass;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct session sessions[SESSIONS];
};

struct request {
	char body[BODY_LIMIT];
	size_t length;
	bool too_long;
};

struct answer {
	int status;
	char *text; /* JSON, owned */
};

static void note(const char *fmt, ...)
{
	struct timespec now;
	struct tm utc;
	char stamp[32], line[1024];
	va_list args;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fprintf(stderr, "%s.%03ldZ %s\n", stamp, now.tv_nsec / 1000000, line);
}

static struct answer say(int status, json_t *fields)
{
	struct answer answer = {status, json_dumps(fields, JSON_COMPACT)};

	json_decref(fields);
	return answer;
}

/* Sessions with the database: a fixed pool, mended when the server ended one */

static PGconn *connect_database(const struct shop *shop)
{
	const char *names[] = {"dbname", "application_name", "connect_timeout", "options", NULL};
	const char *values[] = {
		shop->database, "shop", "5", "-c statement_timeout=10s -c lock_timeout=5s", NULL};

	return PQconnectdbParams(names, values, 1);
}

static struct session *session_take(struct shop *shop)
{
	struct session *free_one = NULL;

	pthread_mutex_lock(&shop->lock);
	while (!free_one) {
		for (int i = 0; i < SESSIONS && !free_one; i++)
			if (!shop->sessions[i].busy)
				free_one = &shop->sessions[i];
		if (!free_one)
			pthread_cond_wait(&shop->freed, &shop->lock);
	}
	free_one->busy = true;
	pthread_mutex_unlock(&shop->lock);
	return free_one;
}

static void session_give_back(struct shop *shop, struct session *session)
{
	pthread_mutex_lock(&shop->lock);
	session->busy = false;
	pthread_cond_signal(&shop->freed);
	pthread_mutex_unlock(&shop->lock);
}

static PGresult *ask(struct session *session, const char *sql, int count, const char *const *values)
{
	PGresult *result = PQexecParams(session->pg, sql, count, NULL, values, NULL, NULL, 0);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (state)
		snprintf(session->sqlstate, sizeof(session->sqlstate), "%s", state);
	return result;
}

static bool ended_well(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool simple(struct session *session, const char *sql)
{
	PGresult *result = ask(session, sql, 0, NULL);
	/* COMMIT of a failed transaction succeeds with the tag ROLLBACK. */
	bool fine = ended_well(result) &&
		    (strcmp(sql, "commit") != 0 || strcmp(PQcmdStatus(result), "COMMIT") == 0);

	PQclear(result);
	return fine;
}

/* Nothing was asked before `begin`, so a lost connection is replaced once, silently. */
static bool begin(const struct shop *shop, struct session *session, const char *how)
{
	session->sqlstate[0] = '\0';
	if (session->pg && PQstatus(session->pg) == CONNECTION_OK && simple(session, how))
		return true;
	PQfinish(session->pg);
	session->pg = connect_database(shop);
	return PQstatus(session->pg) == CONNECTION_OK && simple(session, how);
}

/*
 * Rolls back and tells why: 503 when the database is away or read-only (maintenance began after
 * this request was let in), 500 when it refused.
 */
static struct answer failed(struct session *session)
{
	const char *message = PQerrorMessage(session->pg);
	json_t *why = json_stringn(message, strcspn(message, "\n"));
	bool read_only = strcmp(session->sqlstate, "25006") == 0;
	/* A session that was ended shows it only now. */
	bool away = PQstatus(session->pg) != CONNECTION_OK || !simple(session, "rollback");

	note("failed: %s", json_string_value(why));
	return say(away || read_only ? 503 : 500, json_pack("{s:o}", "error", why));
}

/* The first value of one query in a read-only transaction; the caller owns it; NULL on failure. */
static char *read_value(struct shop *shop, struct session *session, const char *sql)
{
	PGresult *result;
	char *text = NULL;

	if (!begin(shop, session, "begin read only"))
		return NULL;
	result = ask(session, sql, 0, NULL);
	if (ended_well(result) && PQntuples(result) == 1)
		text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	if (text && simple(session, "commit"))
		return text;
	free(text);
	return NULL;
}

static const struct version *present_version(const struct shop *shop)
{
	char target[PATH_MAX];
	ssize_t length = readlink(shop->current, target, sizeof(target) - 1);
	const char *name;

	if (length < 0)
		return NULL;
	target[length] = '\0';
	name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i].name, name) == 0)
			return &versions[i];
	return NULL;
}

static struct answer get_orders(
	struct shop *shop, struct session *session, const struct version *version)
{
	char *orders = read_value(shop, session, version->newest);

	return orders ? (struct answer){200, orders} : failed(session);
}

static struct answer get_health(
	struct shop *shop, struct session *session, const struct version *version)
{
	char *orders = read_value(shop, session, version->newest);

	if (!orders)
		return failed(session);
	free(orders);
	return say(200, json_pack("{s:s, s:s, s:s}", "status", "ok", "version", version->name,
				"database", PQdb(session->pg)));
}

/* The order and its items in one transaction; *id is set (owned) as soon as there is one. */
static bool insert_order(struct session *session, const struct version *version,
	const char *reference, const char *customer, const char *items, char **id)
{
	PGresult *result = ask(session, version->insert, 2, (const char *[]){reference, customer});
	bool fine = ended_well(result) && PQntuples(result) == 1;

	if (fine)
		*id = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	if (!fine)
		return false;
	result = ask(session, insert_items, 2, (const char *[]){*id, items});
	fine = ended_well(result);
	PQclear(result);
	return fine && simple(session, "commit");
}

static struct answer post_order(struct shop *shop, struct session *session,
	const struct version *version, const struct request *request)
{
	json_t *order = json_loadb(request->body, request->length, 0, NULL);
	const char *reference;
	json_int_t customer;
	json_t *items;
	char *items_text, *id = NULL, number[32];
	struct answer answer;

	if (json_unpack(order, "{s:s, s:I, s:o}", "reference", &reference, "customer", &customer,
		    "items", &items) != 0 ||
		!json_is_array(items)) {
		json_decref(order);
		return say(400, json_pack("{s:s}", "error", "reference, customer, items wanted"));
	}
	items_text = json_dumps(items, JSON_COMPACT);
	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, customer);
	if (begin(shop, session, "begin") &&
		insert_order(session, version, reference, number, items_text, &id))
		answer = say(201, json_pack("{s:s, s:s}", "id", id, "reference", reference));
	else
		answer = failed(session);
	free(id);
	free(items_text);
	json_decref(order);
	return answer;
}

/* Whoever holds the secret is let in while users are kept out. */
static bool let_in(const struct shop *shop, struct MHD_Connection *connection)
{
	const char *header =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Maintenance-Bypass");

	if (access(shop->maintenance, F_OK) != 0 && errno == ENOENT)
		return true;
	return header && shop->bypass && *shop->bypass && strcmp(header, shop->bypass) == 0;
}

static struct answer answer_request(struct shop *shop, struct MHD_Connection *connection,
	const char *url, const char *method, const struct request *request)
{
	const struct version *version = present_version(shop);
	bool get = strcmp(method, "GET") == 0, orders = strcmp(url, "/orders") == 0;
	struct session *session;
	struct answer answer;

	if (!let_in(shop, connection))
		return say(503, json_pack("{s:s}", "error", "down for maintenance"));
	if (!version)
		return say(500, json_pack("{s:s}", "error", "no such version of the application"));
	session = session_take(shop);
	if (get && strcmp(url, "/health") == 0)
		answer = get_health(shop, session, version);
	else if (get && orders)
		answer = get_orders(shop, session, version);
	else if (orders && strcmp(method, "POST") == 0 && !request->too_long)
		answer = post_order(shop, session, version, request);
	else
		answer = say(404, json_pack("{s:s}", "error", "no such page"));
	session_give_back(shop, session);
	return answer;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(answer.text), answer.text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result queued;

	MHD_add_response_header(response, "Content-Type", "application/json");
	if (answer.status == 503)
		MHD_add_response_header(response, "Retry-After", "1");
	queued = MHD_queue_response(connection, (unsigned)answer.status, response);
	MHD_destroy_response(response);
	return queued;
}

/* libmicrohttpd calls this once with the headers, then for each piece of the body, then once more.
 */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *http_version, const char *piece, size_t *piece_length,
	void **state)
{
	struct request *request = *state;
	struct answer answer;

	(void)http_version;
	if (!request) {
		*state = calloc(1, sizeof(*request));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*piece_length) {
		if (*piece_length > sizeof(request->body) - request->length)
			request->too_long = true;
		else
			memcpy(request->body + request->length, piece, *piece_length);
		request->length += request->too_long ? 0 : *piece_length;
		*piece_length = 0;
		return MHD_YES;
	}
	answer = answer_request(ctx, connection, url, method, request);
	note("%s %s %d", method, url, answer.status);
	return send_answer(connection, answer);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode how)
{
	(void)ctx;
	(void)connection;
	(void)how;
	free(*state);
}

/* The port appears in the file when requests are answered. */
static bool write_port(const struct shop *shop, struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	char partial[PATH_MAX];
	FILE *file;

	snprintf(partial, sizeof(partial), "%s.partial", shop->port_file);
	file = fopen(partial, "we");
	if (!file)
		return false;
	fprintf(file, "%u\n", (unsigned)info->port);
	return fclose(file) == 0 && rename(partial, shop->port_file) == 0;
}

static bool parse(struct shop *shop, int argc, char **argv)
{
	static const struct option options[] = {{"database", required_argument, NULL, 'd'},
		{"maintenance", required_argument, NULL, 'm'},
		{"current", required_argument, NULL, 'c'},
		{"port-file", required_argument, NULL, 'p'}, {0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (letter) {
		case 'd':
			shop->database = optarg;
			break;
		case 'm':
			shop->maintenance = optarg;
			break;
		case 'c':
			shop->current = optarg;
			break;
		case 'p':
			shop->port_file = optarg;
			break;
		default:
			return false;
		}
	return shop->database && shop->maintenance && shop->current && shop->port_file;
}

int main(int argc, char **argv)
{
	struct shop shop = {
		.bypass = getenv("SHOP_BYPASS"),
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.freed = PTHREAD_COND_INITIALIZER,
	};
	struct MHD_Daemon *daemon;
	sigset_t stop;
	int got;

	if (!parse(&shop, argc, argv)) {
		fprintf(stderr, "usage: shop --database CONNINFO --maintenance FILE"
				" --current LINK --port-file FILE\n");
		return 2;
	}
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, &shop,
		MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&(struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		MHD_OPTION_THREAD_POOL_SIZE, (unsigned)SESSIONS, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_END);
	if (!daemon || !write_port(&shop, daemon)) {
		fprintf(stderr, "shop: cannot start: %s\n", strerror(errno));
		return 1;
	}
	note("listening");
	sigwait(&stop, &got);
	MHD_stop_daemon(daemon);
	for (int i = 0; i < SESSIONS; i++)
		PQfinish(shop.sessions[i].pg);
	return 0;
}
