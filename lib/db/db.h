/*
 * A session with PostgreSQL: connect with mig's settings, run SQL, read results.
 *
 * Every session sets client_connection_check_interval=1s (14+), TCP keepalives and
 * tcp_user_timeout, default_transaction_read_only=off, search_path stays the role's own unless
 * asked. Notices become debug log lines. Parameters travel beside the SQL ($1), identifiers through
 * db_ident().
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include <libpq-fe.h>

/* How to reach the server: borrowed strings. */
struct db_params {
	const char *conninfo; /* conninfo, URI, or "" */
	const char *dbname; /* another database of the same server; NULL: conninfo's */
	const char *application_name; /* cut to 63 bytes */
	struct log_sink *log; /* may be NULL */
	/* Asked every 200 ms while a statement runs; true: cancel it (ERR_SIGNAL). May be NULL. */
	bool (*stop)(void *ctx);
	void *stop_ctx;
	bool pooler_session; /* a pooler that keeps one backend per session is all right */
	/* Called when the first questions are on their way, before pooler and pin are looked at:
	 * for what needs no database. May be NULL; not called when there is no connection. */
	void (*meanwhile)(void *ctx);
	void *meanwhile_ctx;
};

struct db {
	PGconn *pg;
	PGcancel *cancel;
	struct log_sink *log;
	bool (*stop)(void *ctx);
	void *stop_ctx;
	bool uninterrupted; /* `stop` is not asked now: for undoing things */
	bool stopping; /* the running statement was asked to stop */
	int error_position; /* of the last failed statement, see db_error_position() */
	int version; /* 150020 */
	int pid; /* pg_backend_pid(), compared with PQbackendPID: a pooler is refused (17) */
	char *dbname; /* current_database(): its bytes as the server stores them */
	uint32_t db_oid; /* its OID at connect */
	char *user; /* current_user */
	bool superuser;
	bool standby; /* in recovery: nothing can be written here */
	char *system_id; /* pg_control_system(), NULL when not permitted */
};

/*
 * ERR_DATABASE when there is no session to be had: unreachable, and also a wrong password, an
 * unknown role or database (those with a hint, and the SQLSTATE when it could be told).
 * ERR_REFUSED behind a pooler that hides the backend. ERR_USAGE for an unreadable conninfo.
 *
 * Text travels as UTF-8 (in an SQL_ASCII database: as its bytes are).
 */
MUST_CHECK bool db_open(const struct db_params *params, struct db **db, struct err *err);
void db_close(struct db *db); /* NULL is fine */
DEFINE_AUTO(struct db, db_close)

/*
 * Runs SQL text (one or several statements, no result wanted). How a refusal is classed:
 *	08xxx, 57P01..57P05, 53300, a lost connection    ERR_DATABASE
 *	55P03 lock_timeout, 40P01 deadlock               ERR_LOCK
 *	57014 by a timeout                               ERR_TIMEOUT (by `stop`: ERR_SIGNAL)
 *	53100 disk full                                  ERR_STORAGE
 *	everything else                                  ERR_SQL (42501 with a hint about grants)
 */
MUST_CHECK bool db_exec(struct db *db, struct err *err, const char *sql);
MUST_CHECK bool db_execf(struct db *db, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * One statement with text parameters (NULL: SQL NULL), every result in text.
 *
 *	AUTO_RESULT(rows);
 *	if (!db_query(db, &rows, err, "select relname from pg_class where oid = $1", oid_text)) ...
 *	db_get(&rows, i, 0)      NULL for SQL NULL
 */
struct db_result {
	PGresult *pg;
};
void db_result_release(struct db_result *result);
#define AUTO_RESULT(name) CLEANUP(db_result_release) struct db_result name = {0}

/* Parameters: the const char * values after sql, as many as its highest $n. */
#define db_query(db, result, err, sql, ...) \
	db_query_params((db), (result), (err), (sql), \
		sizeof((const char *[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1, \
		(const char *[]){NULL, ##__VA_ARGS__} + 1)
MUST_CHECK bool db_query_params(struct db *db, struct db_result *result, struct err *err,
	const char *sql, size_t count, const char *const *params);
/*
 * COPY .. TO STDOUT, row by row as they come; row[length] is its newline. on_row ends it with false
 * and an error: the session is then of no more use.
 */
typedef bool (*db_on_row)(void *ctx, const char *row, size_t length, struct err *err);
MUST_CHECK bool db_copy_out(
	struct db *db, const char *sql, db_on_row on_row, void *ctx, struct err *err);
/*
 * COPY .. FROM STDIN with all its rows. `stop` is asked while they are sent, too: then nothing of
 * them is kept.
 */
MUST_CHECK bool db_copy_in(
	struct db *db, const char *sql, const char *rows, size_t length, struct err *err);
/*
 * The same piece by piece. False of db_copy_send(): no more rows are taken; db_copy_end() with
 * whole false tells why, keeps nothing of them, and always fails.
 */
MUST_CHECK bool db_copy_begin(struct db *db, const char *sql, struct err *err);
MUST_CHECK bool db_copy_send(struct db *db, const char *rows, size_t length);
MUST_CHECK bool db_copy_end(struct db *db, bool whole, struct err *err);

/* Statements that go to the server together and come back together: one round trip. */
struct db_call {
	const char *sql;
	const char *prepared; /* its name in this session, see db_prepare(); NULL: sent as text */
	const char *const *params;
	size_t count; /* of params */
	struct db_result result;
};
/*
 * In order; the first that is refused ends them all, and what they did outside of a transaction is
 * undone. *done (may be NULL) counts those before it.
 */
MUST_CHECK bool db_pipeline(
	struct db *db, struct db_call *calls, size_t count, size_t *done, struct err *err);
/* Each for itself: the result of one that was refused has no rows. False: the session is lost. */
MUST_CHECK bool db_pipeline_each(
	struct db *db, struct db_call *calls, size_t count, struct err *err);
/* Makes call->sql known to the session as call->prepared: parsed and planned once. */
MUST_CHECK bool db_prepare(struct db *db, const struct db_call *call, struct err *err);
bool db_call_worked(const struct db_call *call);
void db_calls_release(struct db_call *calls, size_t count);
int db_rows(const struct db_result *result);
const char *db_get(const struct db_result *result, int row, int column); /* NULL for SQL NULL */
int64_t db_get_int(const struct db_result *result, int row, int column); /* 0 for NULL */
bool db_get_bool(const struct db_result *result, int row, int column);
int64_t db_affected(const struct db_result *result); /* rows of the command tag */

/* One text value of the first row (caller owns); NULL for no row or SQL NULL. */
#define db_value(db, value, err, sql, ...) \
	db_value_params((db), (value), (err), (sql), \
		sizeof((const char *[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1, \
		(const char *[]){NULL, ##__VA_ARGS__} + 1)
MUST_CHECK bool db_value_params(struct db *db, char **value, struct err *err, const char *sql,
	size_t count, const char *const *params);

/*
 * The database that a conninfo names, or libpq's default; NULL when it names none or a service
 * whose file would have to be read, and of what is no conninfo. Caller owns.
 */
char *db_conninfo_dbname(const char *conninfo);

/* Quoted for SQL text in this session's encoding; caller owns. */
char *db_ident(struct db *db, const char *name);
char *db_qualified(struct db *db, const char *schema, const char *name);
char *db_literal(struct db *db, const char *text);

/*
 * A transaction that rolls back at the end of the scope unless committed. `mode` follows BEGIN:
 * "isolation level repeatable read, read only"; NULL or "" for the default. A connection that is
 * lost while COMMIT runs is ERR_DOUBT; a COMMIT that the server turned into a rollback is ERR_SQL.
 */
struct db_tx {
	struct db *db; /* NULL: none open */
};
MUST_CHECK bool db_begin(struct db *db, struct db_tx *tx, const char *mode, struct err *err);
MUST_CHECK bool db_commit(struct db_tx *tx, struct err *err);
void db_rollback(struct db_tx *tx);
#define AUTO_TX(name) CLEANUP(db_rollback) struct db_tx name = {0}

/* Fills err from a libpq result or connection: code, SQLSTATE, detail, hint. Returns false. */
bool db_error(struct db *db, const PGresult *result, struct err *err, const char *what);
/* Code, SQLSTATE and (where there is none yet) hint of an error that another program met. */
void db_error_class(const char *sqlstate, struct err *err);
/* Character position (from 1) of the last SQL error in its statement, 0 unknown. */
int db_error_position(const struct db *db);

/* Was this session asked to stop (and is not undoing things)? ERR_SIGNAL; for loops that wait. */
MUST_CHECK bool db_go_on(struct db *db, struct err *err);

/* Asks the server to cancel what this session is running (from another thread or a handler). */
void db_cancel(struct db *db);

/*
 * Schema `mig` in this database (safety 21): made when absent. Its owner must be the current role,
 * the owner of the database or a superuser, so must be those of its tables, and nobody else may
 * have rights on it: else ERR_REFUSED.
 */
MUST_CHECK bool db_mig_schema(struct db *db, struct err *err);

#endif
