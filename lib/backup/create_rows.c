#include "backup/create_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "pack/frame.h"

enum {
	BUFFER = 64 << 10,
	POLL_MS = 200,
	TELL_BYTES = 1 << 20,
	FLOWING_BYTES = 256 << 10,
	PAUSE_US = 400,
};

struct create_rows {
	struct pack_writer *writer;
	struct pack_frame *frame;
	bool (*stop)(void *ctx);
	void *ctx;
	char *buffer; /* whole rows on their way to the frame */
	size_t used;
	const struct create_rows_of *of;
	struct pack_content content;
	int members; /* written of this part */
	int64_t rows_before; /* that ended in earlier members */
	int64_t told; /* bytes, as progress */
};

struct create_rows *create_rows_new(
	struct pack_writer *writer, int level, bool (*stop)(void *ctx), void *ctx)
{
	struct create_rows *rows = xcalloc(1, sizeof(*rows));
	rows->writer = writer;
	rows->frame = pack_frame_new(level ? level : PACK_LEVEL_DEFAULT);
	rows->stop = stop;
	rows->ctx = ctx;
	rows->buffer = xrealloc(NULL, BUFFER);
	return rows;
}

void create_rows_free(struct create_rows *rows)
{
	if (!rows)
		return;
	pack_frame_free(rows->frame);
	free(rows->buffer);
	free(rows);
}

static bool stop_asked(const struct create_rows *rows)
{
	return rows->stop && rows->stop(rows->ctx);
}

/* Whoever stops in the middle of a COPY closes the session, too. */
static bool stopped(struct err *err)
{
	return err_set(err, ERR_SIGNAL, "interrupted");
}

/* --- members ---------------------------------------------------------------------------------- */

static bool end_member(struct create_rows *rows, struct err *err)
{
	const void *bytes;
	size_t length;
	struct pack_about about = {
		.table = rows->of->oid, .rows = rows->content.rows - rows->rows_before};
	if (pack_frame_is_empty(rows->frame))
		return true;
	AUTO_FREE char *name = xstrfmt("%s.%06d.copy.zst", rows->of->prefix, ++rows->members);
	rows->rows_before = rows->content.rows;
	return pack_frame_end(rows->frame, &bytes, &length, &about.plain, err) &&
	       pack_writer_add(rows->writer, name, bytes, length, &about, err);
}

/* Ends members inside of the bytes only where they do not fit into one. */
static bool compress(struct create_rows *rows, const char *bytes, size_t length, struct err *err)
{
	while (length) {
		size_t taken;
		if (!pack_frame_add(rows->frame, bytes, length, &taken, err))
			return false;
		bytes += taken;
		length -= taken;
		if (length && !end_member(rows, err))
			return false;
	}
	return true;
}

static bool flush_buffer(struct create_rows *rows, struct err *err)
{
	size_t used = rows->used;
	rows->used = 0;
	return compress(rows, rows->buffer, used, err) &&
	       (!pack_frame_wants_end(rows->frame) || end_member(rows, err));
}

static void tell(struct create_rows *rows, bool ended)
{
	int64_t weight = rows->of->weight == INT64_MAX ? 0 : rows->of->weight;
	int64_t now = ended || rows->content.bytes > weight ? weight : rows->content.bytes;
	if (!ended && now - rows->told < TELL_BYTES)
		return;
	rows->of->advance(rows->of->ctx, now - rows->told);
	rows->told = now;
}

static bool add_row(struct create_rows *rows, const char *row, size_t length, struct err *err)
{
	if (rows->used + length > BUFFER) {
		if (stop_asked(rows))
			return stopped(err);
		if (!flush_buffer(rows, err))
			return false;
		tell(rows, false);
	}
	if (length > BUFFER) {
		/* a row that does not fit goes on in the next member, and counts where it ends */
		if (!compress(rows, row, length, err))
			return false;
	} else {
		memcpy(rows->buffer + rows->used, row, length);
		rows->used += length;
	}
	pack_hash_row(&rows->content.hash, row, length - 1);
	rows->content.rows++;
	rows->content.bytes += (int64_t)length;
	bool full = length > BUFFER && pack_frame_wants_end(rows->frame);
	return !full || end_member(rows, err);
}

/* --- the stream ------------------------------------------------------------------------------- */

/*
 * The server sends 8 KiB at a time and would wake us for each of them. While rows flow it is let
 * fill the socket's buffer first: a fraction of the system calls and switches, on both sides.
 */
static void let_rows_gather(const struct create_rows *rows)
{
	struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
	if (rows->content.bytes > FLOWING_BYTES)
		nanosleep(&pause, NULL);
}

/* Waits until there is more to read. */
static bool wait_for_rows(struct create_rows *rows, struct db *db, struct err *err)
{
	struct pollfd wait = {.fd = PQsocket(db->pg), .events = POLLIN};
	let_rows_gather(rows);
	for (;;) {
		if (stop_asked(rows))
			return stopped(err);
		int ready = poll(&wait, 1, POLL_MS);
		if (ready < 0 && errno != EINTR)
			return err_sys(err, ERR_DATABASE, "cannot wait for the server");
		if (ready <= 0)
			continue;
		return PQconsumeInput(db->pg) || db_error(db, NULL, err, "COPY");
	}
}

/* All statements before the COPY have no rows of their own. */
static bool next_result(
	struct create_rows *rows, struct db *db, ExecStatusType *status, struct err *err)
{
	while (PQisBusy(db->pg))
		if (!wait_for_rows(rows, db, err))
			return false;
	PGresult *result = PQgetResult(db->pg);
	*status = PQresultStatus(result);
	bool ok = *status == PGRES_COMMAND_OK || *status == PGRES_COPY_OUT;
	if (!ok)
		db_error(db, result, err, "COPY");
	PQclear(result);
	while (!ok && (result = PQgetResult(db->pg)))
		PQclear(result);
	return ok;
}

bool create_rows_begin(struct create_rows *rows, struct db *db, const char *sql, struct err *err)
{
	ExecStatusType status = PGRES_COMMAND_OK;
	rows->content = (struct pack_content){0};
	if (!PQsendQuery(db->pg, sql))
		return db_error(db, NULL, err, "COPY");
	while (status == PGRES_COMMAND_OK)
		if (!next_result(rows, db, &status, err))
			return false;
	return true;
}

static bool end_copy(struct db *db, struct err *err)
{
	bool ok = true;
	PGresult *result;
	while ((result = PQgetResult(db->pg))) {
		if (ok && PQresultStatus(result) != PGRES_COMMAND_OK)
			ok = db_error(db, result, err, "COPY");
		PQclear(result);
	}
	return ok;
}

static bool read_rows(struct create_rows *rows, struct db *db, struct err *err)
{
	for (;;) {
		char *row = NULL;
		int length = PQgetCopyData(db->pg, &row, 1);
		if (length > 0) {
			bool ok = add_row(rows, row, (size_t)length, err);
			PQfreemem(row);
			if (!ok)
				return false;
		} else if (length == -1) {
			return end_copy(db, err);
		} else if (length == -2) {
			return db_error(db, NULL, err, "COPY");
		} else if (!wait_for_rows(rows, db, err)) {
			return false;
		}
	}
}

/* libpq reads into a buffer that grows with what it has met, and reads at most what fits there. */
bool create_rows_prepare(struct db *db, struct err *err)
{
	AUTO_RESULT(ignored);
	return db_query(db, &ignored, err, "select pg_catalog.repeat(' ', 200000)");
}

bool create_rows_read(struct create_rows *rows, struct db *db, const struct create_rows_of *of,
	struct pack_content *content, struct err *err)
{
	rows->of = of;
	rows->members = 0;
	rows->rows_before = 0;
	rows->told = 0;
	rows->used = 0;
	if (!read_rows(rows, db, err) || !flush_buffer(rows, err) || !end_member(rows, err))
		return false;
	tell(rows, true);
	*content = rows->content;
	return true;
}
