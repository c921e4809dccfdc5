#include "migrate/backfill.h"

#include "base/clock.h"
#include "migrate/estimate.h"

#include <inttypes.h>

enum { TELL_MS = 1000 };

void backfill_release(struct backfill *backfill)
{
	free(backfill->id);
	free(backfill->type);
	free(backfill->last);
	free(backfill->until);
	free(backfill->next);
	*backfill = (struct backfill){0};
}

bool backfill_write_open(
	const struct migrate_session *session, const struct migrate_step *step, struct err *err)
{
	const struct migrate_file *file = step->file;
	const struct sql_statement *update = &step->backfill.items[0];
	AUTO_FREE char *text = xstrndup(update->text, update->length);
	AUTO_RESULT(result);
	return db_query(session->db, &result, err,
		"insert into mig.history (revision, direction, up_sql, host, run, tool, tree, "
		"detail)"
		" values ($1, 'backfill', $2, $3, $4, $5, $8, jsonb_build_object('state', 'open',"
		" 'table', $6::text, 'key', $7::text))",
		file->id, text, session->how.host, session->keys->run_id, session->how.version,
		file->batches.table, file->batches.key, session->tree->where->name);
}

static bool read_row(struct backfill *backfill, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(backfill->session->db, &row, err,
		    "select id, detail->>'last', detail->>'until', detail->>'batches',"
		    " detail->>'rows', detail->>'passed' from mig.history where revision = $1"
		    " and direction = 'backfill' and detail->>'state' = 'open' and tree = $2"
		    " order by id desc limit 1",
		    backfill->step->file->id, backfill->session->tree->where->name))
		return false;
	if (!db_rows(&row))
		return err_set(
			err, ERR_BUG, "the backfill of %s is not open", backfill->step->file->id);
	backfill->id = xstrdup(db_get(&row, 0, 0));
	backfill->last = xstrdup_null(db_get(&row, 0, 1));
	backfill->until = xstrdup_null(db_get(&row, 0, 2));
	backfill->batches = db_get_int(&row, 0, 3);
	backfill->rows = db_get_int(&row, 0, 4);
	backfill->passed = backfill->passed_before = db_get_int(&row, 0, 5);
	return true;
}

static bool no_key(const struct backfill *backfill, const char *why, struct err *err)
{
	const struct migrate_file *file = backfill->step->file;
	err_set(err, ERR_REFUSED, "%s:%d: backfill along %s.%s: %s", file->name,
		file->backfill.line, file->batches.table, file->batches.key, why);
	err_where(err, "%s:%d:1", file->name, file->backfill.line);
	return err_hint(err, "name a column that is NOT NULL and has a unique index of its own");
}

/* Without a unique key batches would leave rows out, or never end. */
static bool learn_key(struct backfill *backfill, struct err *err)
{
	const struct migrate_backfill *what = &backfill->step->file->batches;
	AUTO_RESULT(row);
	if (!db_query(backfill->session->db, &row, err,
		    "select format_type(a.atttypid, null), a.attnotnull,"
		    " exists (select from pg_index i where i.indrelid = a.attrelid and"
		    "  i.indisunique and i.indisvalid and i.indnkeyatts = 1 and"
		    "  i.indkey[0] = a.attnum and i.indpred is null),"
		    " greatest(c.reltuples, 0)::bigint, to_regclass($3) = c.oid"
		    " from pg_attribute a join pg_class c on c.oid = a.attrelid"
		    " where a.attrelid = to_regclass($1) and a.attname = $2"
		    " and not a.attisdropped and a.attnum > 0",
		    what->table, what->key, backfill->step->backfill.items[0].table))
		return false;
	if (!db_rows(&row))
		return no_key(backfill, "there is no such table, or no such column", err);
	if (!db_get_bool(&row, 0, 4))
		return no_key(backfill, "the UPDATE is of another table", err);
	if (!db_get_bool(&row, 0, 1) || !db_get_bool(&row, 0, 2))
		return no_key(backfill, "the column is not unique, or may be NULL", err);
	backfill->type = xstrdup(db_get(&row, 0, 0));
	backfill->estimate = db_get_int(&row, 0, 3);
	return true;
}

/* Rows that come later are the application's: else it might never end. */
static bool learn_end(struct backfill *backfill, const char *key, struct err *err)
{
	if (backfill->until)
		return true;
	AUTO_FREE char *sql = xstrfmt("select %s::text as shown from %s order by %s desc limit 1",
		key, backfill->step->backfill.items[0].table, key);
	return db_value(backfill->session->db, &backfill->until, err, sql);
}

bool backfill_begin(struct backfill *backfill, struct migrate_session *session,
	const struct migrate_step *step, struct err *err)
{
	*backfill = (struct backfill){.session = session, .step = step};
	AUTO_FREE char *key = db_ident(session->db, step->file->batches.key);
	if (!read_row(backfill, err) || !learn_key(backfill, err) || !learn_end(backfill, key, err))
		return false;
	backfill->finished = !backfill->until;
	backfill->began_ms = backfill->told_ms = clock_monotonic_ms();
	return true;
}

/* The last key of the next batch; NULL: nothing is left. */
static bool find_next(struct backfill *backfill, const char *key, struct err *err)
{
	const char *table = backfill->step->backfill.items[0].table;
	AUTO_FREE char *batch = xstrfmt("%" PRId64, backfill->step->file->batches.batch);
	AUTO_FREE char *sql =
		xstrfmt("select k::text as shown, count(*) over () from (select %s as k from "
			"%s where ($1::%s is null or %s > $1::%s) and %s <= $2::%s"
			" order by %s limit $3::bigint) batch order by k desc limit 1",
			key, table, backfill->type, key, backfill->type, key, backfill->type, key);
	AUTO_RESULT(row);
	if (!db_query(
		    backfill->session->db, &row, err, sql, backfill->last, backfill->until, batch))
		return false;
	free(backfill->next);
	backfill->next = db_rows(&row) ? xstrdup(db_get(&row, 0, 0)) : NULL;
	backfill->seen = db_rows(&row) ? db_get_int(&row, 0, 1) : 0;
	return true;
}

static bool update(
	struct backfill *backfill, struct runner *runner, const char *key, struct err *err)
{
	const struct migrate_step *step = backfill->step;
	struct sql_statement statement = step->backfill.items[0];
	AUTO_FREE char *sql = backfill_batch_sql(&statement, key, backfill->type);
	const char *const range[] = {backfill->last, backfill->next};
	AUTO_RESULT(result);
	statement.text = sql;
	statement.length = strlen(sql);
	if (!runner_query(runner, step, &step->backfill, &statement, range, 2, &result, err))
		return false;
	backfill->changed = db_affected(&result);
	return true;
}

static bool write_row(const struct backfill *backfill, struct err *err)
{
	AUTO_FREE char *batches = xstrfmt("%" PRId64, backfill->batches + 1);
	AUTO_FREE char *rows = xstrfmt("%" PRId64, backfill->rows + backfill->changed);
	AUTO_FREE char *passed = xstrfmt("%" PRId64, backfill->passed + backfill->seen);
	AUTO_FREE char *estimate = xstrfmt("%" PRId64, backfill->estimate);
	AUTO_RESULT(result);
	return db_query(backfill->session->db, &result, err,
		"update mig.history set detail = detail || jsonb_build_object('last', $2::text,"
		" 'until', $3::text, 'batches', $4::bigint, 'rows', $5::bigint,"
		" 'passed', $6::bigint, 'estimate', $7::bigint) where id = $1::bigint",
		backfill->id, backfill->next, backfill->until, batches, rows, passed, estimate);
}

bool backfill_batch(struct backfill *backfill, struct runner *runner, struct err *err)
{
	AUTO_FREE char *key = db_ident(backfill->session->db, backfill->step->file->batches.key);
	if (!find_next(backfill, key, err))
		return false;
	backfill->finished = !backfill->next;
	return backfill->finished ||
	       (update(backfill, runner, key, err) && write_row(backfill, err));
}

static char *remaining_text(const struct backfill *backfill, int64_t now_ms)
{
	int64_t done = backfill->passed - backfill->passed_before;
	int64_t left = backfill->estimate - backfill->passed;
	if (done <= 0 || left <= 0)
		return xstrdup("");
	AUTO_FREE char *time = clock_duration_text((now_ms - backfill->began_ms) * left / done);
	return xstrfmt(", about %s left", time);
}

static void tell(struct backfill *backfill)
{
	int64_t now_ms = clock_monotonic_ms();
	const struct migrate_file *file = backfill->step->file;
	if (now_ms - backfill->told_ms < TELL_MS)
		return;
	backfill->told_ms = now_ms;
	AUTO_FREE char *left = remaining_text(backfill, now_ms);
	AUTO_FREE char *passed =
		migrate_passed_text(backfill->passed, backfill->estimate, file->batches.table);
	log_info(backfill->session->how.log, "backfill_progress",
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "revision", file->id, "table",
			file->batches.table, "passed", (json_int_t)backfill->passed, "rows",
			(json_int_t)backfill->rows, "estimate", (json_int_t)backfill->estimate,
			"last", backfill->last),
		"backfill of %s: %s%s", file->id, passed, left);
}

void backfill_step_on(struct backfill *backfill)
{
	if (backfill->finished)
		return;
	free(backfill->last);
	backfill->last = xtake(&backfill->next);
	backfill->batches++;
	backfill->rows += backfill->changed;
	backfill->passed += backfill->seen;
	tell(backfill);
}

bool backfill_close(struct backfill *backfill, struct err *err)
{
	AUTO_FREE char *duration = xstrfmt("%" PRId64, clock_monotonic_ms() - backfill->began_ms);
	AUTO_RESULT(result);
	return db_query(backfill->session->db, &result, err,
		"update mig.history set detail = detail || '{\"state\": \"done\"}',"
		" duration_ms = coalesce(duration_ms, 0) + $2::bigint where id = $1::bigint",
		backfill->id, duration);
}
