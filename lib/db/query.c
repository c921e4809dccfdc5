#include "db/internal.h"

#include <errno.h>
#include <poll.h>

enum { STOP_POLL_MS = 200 };

/* A statement that is to stop is cancelled once; its end is then reported by the server. */
static void ask_whether_to_stop(struct db *db)
{
	if (db->stopping || db->uninterrupted || !db->stop || !db->stop(db->stop_ctx))
		return;
	db->stopping = true;
	db_cancel(db);
}

/* False: the connection is gone, as the next PQgetResult will tell. */
static bool wait_for_input(struct db *db)
{
	while (PQisBusy(db->pg)) {
		struct pollfd wait = {.fd = PQsocket(db->pg), .events = POLLIN};
		int ready = poll(&wait, 1, db->stop ? STOP_POLL_MS : -1);
		if (ready < 0 && errno != EINTR)
			return false;
		ask_whether_to_stop(db);
		if (ready > 0 && !PQconsumeInput(db->pg))
			return false;
	}
	return true;
}

/* Requests wait in our buffer when the server is slow to read them. */
static void flush_output(struct db *db)
{
	while (PQflush(db->pg) == 1) {
		struct pollfd wait = {.fd = PQsocket(db->pg), .events = POLLIN | POLLOUT};
		poll(&wait, 1, STOP_POLL_MS);
		ask_whether_to_stop(db);
		if (wait.revents & POLLIN && !PQconsumeInput(db->pg))
			return;
	}
}

/* As PQexec: the last result, or the first failure; the session is idle again afterwards. */
static PGresult *last_result(struct db *db)
{
	PGresult *last = NULL;
	flush_output(db);
	for (;;) {
		wait_for_input(db);
		PGresult *next = PQgetResult(db->pg);
		if (!next)
			return last;
		PQclear(last);
		last = next;
		ExecStatusType status = PQresultStatus(next);
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
			PQstatus(db->pg) == CONNECTION_BAD)
			return last;
	}
}

static bool finish(struct db *db, int sent, struct db_result *result, struct err *err)
{
	db->stopping = false;
	db->error_position = 0;
	PQclear(result->pg);
	result->pg = sent ? last_result(db) : NULL;
	ExecStatusType status = result->pg ? PQresultStatus(result->pg) : PGRES_FATAL_ERROR;
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
		return true;
	if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
		return err_set(err, ERR_SQL, "COPY to or from the client is not possible here");
	return db_error(db, result->pg, err, db->dbname ? db->dbname : "connect");
}

bool db_exec(struct db *db, struct err *err, const char *sql)
{
	AUTO_RESULT(result);
	return finish(db, PQsendQuery(db->pg, sql), &result, err);
}

bool db_execf(struct db *db, struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *sql = xvstrfmt(fmt, args);
	va_end(args);
	return db_exec(db, err, sql);
}

bool db_query_params(struct db *db, struct db_result *result, struct err *err, const char *sql,
	size_t count, const char *const *params)
{
	int sent = PQsendQueryParams(db->pg, sql, (int)count, NULL, params, NULL, NULL, 0);
	return finish(db, sent, result, err);
}

/* --- rows for the server ------------------------------------------------------------------------
 */

static bool wait_to_send(struct db *db)
{
	struct pollfd wait = {.fd = PQsocket(db->pg), .events = POLLIN | POLLOUT};
	int ready = poll(&wait, 1, STOP_POLL_MS);
	if (ready < 0 && errno != EINTR)
		return false;
	ask_whether_to_stop(db);
	return ready <= 0 || !(wait.revents & POLLIN) || PQconsumeInput(db->pg);
}

/* libpq would keep all rows in memory while the server is slow to take them. */
static bool flush_rows(struct db *db)
{
	int left;
	while ((left = PQflush(db->pg)) == 1 && !db->stopping)
		if (!wait_to_send(db))
			return false;
	return left >= 0;
}

bool db_copy_send(struct db *db, const char *rows, size_t length)
{
	enum { PIECE = 65536 };
	while (length && !db->stopping) {
		size_t size = length < PIECE ? length : PIECE;
		int sent = PQputCopyData(db->pg, rows, (int)size);
		if (sent < 0 || !flush_rows(db))
			return false;
		rows += sent ? size : 0;
		length -= sent ? size : 0;
		ask_whether_to_stop(db);
	}
	return !db->stopping;
}

static void end_rows(struct db *db, const char *why_not)
{
	while (PQputCopyEnd(db->pg, why_not) == 0 && wait_to_send(db))
		;
}

bool db_copy_begin(struct db *db, const char *sql, struct err *err)
{
	AUTO_RESULT(begun);
	db->stopping = false;
	db->error_position = 0;
	begun.pg = PQsendQuery(db->pg, sql) ? last_result(db) : NULL;
	if (PQresultStatus(begun.pg) != PGRES_COPY_IN)
		return db_error(db, begun.pg, err, db->dbname);
	PQsetnonblocking(db->pg, 1);
	return true;
}

bool db_copy_end(struct db *db, bool whole, struct err *err)
{
	AUTO_RESULT(ended);
	end_rows(db, whole ? NULL : "the rest was not sent");
	ended.pg = last_result(db);
	PQsetnonblocking(db->pg, 0);
	return PQresultStatus(ended.pg) == PGRES_COMMAND_OK ||
	       db_error(db, ended.pg, err, db->dbname);
}

bool db_copy_in(struct db *db, const char *sql, const char *rows, size_t length, struct err *err)
{
	return db_copy_begin(db, sql, err) && db_copy_end(db, db_copy_send(db, rows, length), err);
}

static bool begin_copy_out(struct db *db, const char *sql, struct err *err)
{
	PGresult *result = PQexec(db->pg, sql);
	bool begun = PQresultStatus(result) == PGRES_COPY_OUT;
	if (!begun)
		db_error(db, result, err, "reading rows");
	PQclear(result);
	return begun;
}

/* `last`: what ended the rows, as PQgetCopyData says it. */
static bool end_copy_out(struct db *db, int last, struct err *err)
{
	PGresult *result = PQgetResult(db->pg);
	bool ended = last == -1 && PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!ended)
		db_error(db, result, err, "reading rows");
	PQclear(result);
	while ((result = PQgetResult(db->pg)))
		PQclear(result);
	return ended;
}

bool db_copy_out(struct db *db, const char *sql, db_on_row on_row, void *ctx, struct err *err)
{
	char *row;
	int length;
	if (!begin_copy_out(db, sql, err))
		return false;
	while ((length = PQgetCopyData(db->pg, &row, 0)) > 0) {
		bool more = on_row(ctx, row, (size_t)length - 1, err);
		PQfreemem(row);
		if (!more)
			return false;
	}
	return end_copy_out(db, length, err);
}

/* --- several in one round trip ---------------------------------------------------------------- */

bool db_call_worked(const struct db_call *call)
{
	ExecStatusType status = PQresultStatus(call->result.pg);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

void db_calls_release(struct db_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		db_result_release(&calls[i].result);
}

bool db_prepare(struct db *db, const struct db_call *call, struct err *err)
{
	AUTO_RESULT(ignored);
	int sent = PQsendPrepare(db->pg, call->prepared, call->sql, (int)call->count, NULL);
	return finish(db, sent, &ignored, err);
}

static int send_one(struct db *db, const struct db_call *call)
{
	int count = (int)call->count;
	return call->prepared ? PQsendQueryPrepared(
					db->pg, call->prepared, count, call->params, NULL, NULL, 0)
			      : PQsendQueryParams(db->pg, call->sql, count, NULL, call->params,
					NULL, NULL, 0);
}

static bool send_all(struct db *db, struct db_call *calls, size_t count, bool each)
{
	bool sent = PQenterPipelineMode(db->pg);
	for (size_t i = 0; sent && i < count; i++)
		sent = send_one(db, &calls[i]) &&
		       ((!each && i + 1 < count) || PQpipelineSync(db->pg));
	return sent;
}

static PGresult *next_result(struct db *db)
{
	wait_for_input(db);
	return PQgetResult(db->pg);
}

static void receive_one(struct db *db, struct db_call *call)
{
	for (PGresult *next; (next = next_result(db));) {
		PQclear(call->result.pg);
		call->result.pg = next;
		if (PQstatus(db->pg) == CONNECTION_BAD)
			return;
	}
}

/*
 * Up to the synchronisation. What fails in it (constraints that were deferred, a timeout) comes
 * between, and undoes the last call.
 */
static void receive_sync(struct db *db, struct db_call *last)
{
	bool ended = false;
	int nothing = 0; /* twice in a row: nothing more is to come */
	while (!ended && nothing < 2 && PQstatus(db->pg) != CONNECTION_BAD) {
		PGresult *next = next_result(db);
		ended = PQresultStatus(next) == PGRES_PIPELINE_SYNC;
		nothing = next ? 0 : nothing + 1;
		if (next && !ended) {
			PQclear(last->result.pg);
			last->result.pg = xtake(&next);
		}
		PQclear(next);
	}
}

static void receive_all(struct db *db, struct db_call *calls, size_t count, bool each)
{
	for (size_t i = 0; i < count && PQstatus(db->pg) != CONNECTION_BAD; i++) {
		receive_one(db, &calls[i]);
		if (each || i + 1 == count)
			receive_sync(db, &calls[i]);
	}
	PQexitPipelineMode(db->pg);
}

static bool together(struct db *db, struct db_call *calls, size_t count, bool each,
	const struct db_params *params, struct err *err)
{
	const char *what = db->dbname ? db->dbname : "connect";
	db->stopping = false;
	db->error_position = 0;
	bool sent = send_all(db, calls, count, each);
	if (sent && params && params->meanwhile)
		params->meanwhile(params->meanwhile_ctx);
	if (sent)
		receive_all(db, calls, count, each);
	if (sent && PQstatus(db->pg) == CONNECTION_OK)
		return true;
	return db_error(db, NULL, err, what);
}

bool db_pipeline(struct db *db, struct db_call *calls, size_t count, size_t *done, struct err *err)
{
	size_t i = 0;
	if (!together(db, calls, count, false, NULL, err))
		return false;
	while (i < count && db_call_worked(&calls[i]))
		i++;
	if (done)
		*done = i;
	return i == count ||
	       db_error(db, calls[i].result.pg, err, db->dbname ? db->dbname : "connect");
}

bool db_pipeline_each(struct db *db, struct db_call *calls, size_t count, struct err *err)
{
	return together(db, calls, count, true, NULL, err);
}

bool db_pipeline_first(struct db *db, const struct db_params *params, struct db_call *calls,
	size_t count, struct err *err)
{
	return together(db, calls, count, true, params, err);
}

void db_result_release(struct db_result *result)
{
	if (result->pg) /* libpq stays out of a program that never had a result */
		PQclear(result->pg);
	result->pg = NULL;
}

int db_rows(const struct db_result *result)
{
	return PQntuples(result->pg);
}

const char *db_get(const struct db_result *result, int row, int column)
{
	return PQgetisnull(result->pg, row, column) ? NULL : PQgetvalue(result->pg, row, column);
}

int64_t db_get_int(const struct db_result *result, int row, int column)
{
	const char *text = db_get(result, row, column);
	return text ? strtoll(text, NULL, 10) : 0;
}

bool db_get_bool(const struct db_result *result, int row, int column)
{
	const char *text = db_get(result, row, column);
	return text && *text == 't';
}

int64_t db_affected(const struct db_result *result)
{
	return strtoll(PQcmdTuples(result->pg), NULL, 10);
}

bool db_value_params(struct db *db, char **value, struct err *err, const char *sql, size_t count,
	const char *const *params)
{
	AUTO_RESULT(result);
	if (!db_query_params(db, &result, err, sql, count, params))
		return false;
	free(*value);
	*value = db_rows(&result) > 0 ? xstrdup_null(db_get(&result, 0, 0)) : NULL;
	return true;
}

/* libpq fails only on text that is not valid in the session's encoding: then bytes are doubled. */
static char *quoted(char *by_libpq, const char *text, char quote)
{
	AUTO_STRBUF(out);
	if (by_libpq) {
		strbuf_adds(&out, by_libpq);
		PQfreemem(by_libpq);
		return strbuf_take(&out);
	}
	strbuf_add_quoted(&out, quote, text);
	return strbuf_take(&out);
}

char *db_ident(struct db *db, const char *name)
{
	return quoted(PQescapeIdentifier(db->pg, name, strlen(name)), name, '"');
}

char *db_qualified(struct db *db, const char *schema, const char *name)
{
	AUTO_FREE char *first = db_ident(db, schema);
	AUTO_FREE char *second = db_ident(db, name);
	return xstrfmt("%s.%s", first, second);
}

char *db_literal(struct db *db, const char *text)
{
	return quoted(PQescapeLiteral(db->pg, text, strlen(text)), text, '\'');
}

bool db_begin(struct db *db, struct db_tx *tx, const char *mode, struct err *err)
{
	if (!db_execf(db, err, "BEGIN %s", mode ? mode : ""))
		return false;
	tx->db = db;
	return true;
}

bool db_commit(struct db_tx *tx, struct err *err)
{
	struct db *db = tx->db;
	AUTO_RESULT(result);
	tx->db = NULL;
	db->uninterrupted = true;
	bool sent = finish(db, PQsendQuery(db->pg, "COMMIT"), &result, err);
	db->uninterrupted = false;
	if (!sent) {
		if (PQstatus(db->pg) == CONNECTION_OK)
			return false;
		err->code = ERR_DOUBT;
		err_context(err, "COMMIT may have happened or not");
		return err_hint(err, "look at the database, then run the command again");
	}
	if (strcmp(PQcmdStatus(result.pg), "COMMIT") == 0)
		return true;
	return err_set(
		err, ERR_SQL, "the server rolled the transaction back: a statement in it failed");
}

void db_rollback(struct db_tx *tx)
{
	struct db *db = tx->db;
	tx->db = NULL;
	if (!db || PQtransactionStatus(db->pg) == PQTRANS_IDLE)
		return;
	AUTO_ERR(ignored); /* a lost session rolls back on the server */
	db->uninterrupted = true;
	if (!db_exec(db, &ignored, "ROLLBACK"))
		log_debug(db->log, "rollback", NULL, "%s", ignored.msg);
	db->uninterrupted = false;
}

bool db_go_on(struct db *db, struct err *err)
{
	if (db->uninterrupted || !db->stop || !db->stop(db->stop_ctx))
		return true;
	return err_set(err, ERR_SIGNAL, "interrupted");
}

void db_cancel(struct db *db)
{
	char why[256];
	if (db->cancel && !PQcancel(db->cancel, why, sizeof(why)))
		log_debug(db->log, "cancel", NULL, "%s", why);
}
