#include "restore/foreign_load.h"
#include "db/copy_session.h"
#include "restore/foreign_archive.h"
#include "restore/foreign_fate.h"
#include "restore/foreign_source.h"
#include "restore/room.h"
#include "restore/text.h"

enum { ROWS_AT_ONCE = 64 * 1024 };

struct loading {
	const struct restore_settings *settings;
	struct db *db;
	struct strbuf rows; /* not sent yet */
	bool taken; /* the server takes the rows */
	bool making; /* something was made: what comes now is no clearing */
	struct strvec last; /* statements for the end */
};

static void loading_release(struct loading *loading)
{
	strbuf_release(&loading->rows);
	strvec_release(&loading->last);
	db_close(loading->db);
}

static enum foreign_fate fate_of(const struct restore_settings *settings, const char *sql)
{
	char *what;
	enum foreign_fate fate = foreign_fate(sql, false, &what);
	free(what);
	if (settings->no_tablespaces && str_starts(sql, "SET default_tablespace = "))
		return FOREIGN_LEAVE_OUT;
	return fate;
}

/* pg_dump --clean begins with removing all that it will make; nothing of it is there. */
static bool is_cleared(const struct loading *loading, const char *sql, const struct err *err)
{
	static const char *const begins[] = {"DROP ", "ALTER ", "SELECT pg_catalog.lo_unlink("};
	static const char *const undefined[] = {"42P01", "42704", "42883", "3F000", "42703"};
	bool clears = false, absent = false;
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		clears |= str_starts(sql, begins[i]);
	for (size_t i = 0; i < ARRAY_SIZE(undefined); i++)
		absent |= !strcmp(err->sqlstate, undefined[i]);
	return !loading->making && clears && absent;
}

static bool run_now(struct loading *loading, const char *sql, struct err *err)
{
	loading->making |= str_starts(sql, "CREATE ");
	if (restore_text_statement(loading->settings, loading->db, sql, err))
		return true;
	if (!is_cleared(loading, sql, err))
		return false;
	err_release(err);
	return true;
}

static bool run_statement(void *ctx, const char *sql, bool rows, struct err *err)
{
	struct loading *loading = ctx;
	loading->taken = true;
	strbuf_reset(&loading->rows);
	if (rows)
		return db_copy_begin(loading->db, sql, err);
	enum foreign_fate fate = fate_of(loading->settings, sql);
	if (fate == FOREIGN_RUN_LAST)
		strvec_push(&loading->last, sql);
	return fate == FOREIGN_RUN_LAST || fate == FOREIGN_LEAVE_OUT || run_now(loading, sql, err);
}

static bool send(struct loading *loading)
{
	loading->taken =
		loading->taken && db_copy_send(loading->db, loading->rows.buf, loading->rows.len);
	strbuf_reset(&loading->rows);
	return loading->taken;
}

static bool take_row(void *ctx, const char *line, size_t length, struct err *err)
{
	struct loading *loading = ctx;
	strbuf_add(&loading->rows, line, length);
	return loading->rows.len < ROWS_AT_ONCE || send(loading) ||
	       db_copy_end(loading->db, false, err);
}

static bool end_rows(void *ctx, struct err *err)
{
	struct loading *loading = ctx;
	return db_copy_end(loading->db, send(loading), err);
}

/* What is not committed would go with the session, and nobody would know. */
static bool is_committed(const struct loading *loading, struct err *err)
{
	if (PQtransactionStatus(loading->db->pg) == PQTRANS_IDLE)
		return true;
	err_set(err, ERR_SQL, "the dump begins a transaction and does not end it");
	return err_hint(err, "put COMMIT; at the place where it shall end");
}

static bool load_text(const struct restore_settings *settings, const struct foreign_dump *dump,
	const char *database, struct err *err)
{
	CLEANUP(loading_release)
	struct loading loading = {.settings = settings, .rows = STRBUF_INIT};
	struct foreign_hands hands = {run_statement, take_row, end_rows, NULL, &loading};
	struct db_params params = settings->target;
	params.dbname = database;
	return db_open(&params, &loading.db, err) && db_copy_session_fast(loading.db, NULL, err) &&
	       foreign_source_read(settings, dump, &hands, err) &&
	       restore_text_statements(settings, loading.db, &loading.last, err) &&
	       is_committed(&loading, err);
}

bool foreign_load(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_facts *facts, struct db *server, const char *database, struct err *err)
{
	bool mapped = settings->role_map && settings->role_map->count;
	if (dump->form == FOREIGN_PLAIN || mapped || facts->event_triggers)
		return load_text(settings, dump, database, err);
	struct restore_settings alone = *settings;
	if (dump->form == FOREIGN_TAR) /* pg_restore reads it once, in its order */
		alone.workers = 1;
	return foreign_archive_load(&alone, dump, facts, server, database, err);
}
