#include "migrate/steps.h"

#include "base/sha256.h"
#include "db/child.h"

#include <inttypes.h>

static const char steps_ddl[] = "create table if not exists mig.history_step ("
				"id bigint generated always as identity primary key,"
				" at timestamptz not null default clock_timestamp(),"
				" tree text not null default 'main',"
				" revision text not null,"
				" direction text not null," /* up, down */
				" number int not null," /* of the statement, from 1 */
				" checksum text not null," /* SHA-256 of its text */
				" statement text not null," /* in short, for people */
				" state text not null," /* begun, done */
				" before text," /* what the catalogue showed before it began */
				" who text not null default session_user,"
				" host text, run text,"
				" duration_ms bigint," /* when it is done */
				" unique (tree, revision, direction, number))";

void steps_release(struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		free(steps->rows[i].id);
		free(steps->rows[i].before);
	}
	free(steps->rows);
	*steps = (struct steps){0};
}

bool steps_ensure(struct migrate_session *session, struct err *err)
{
	if (session->state.has_steps)
		return true;
	if (!db_exec(session->db, err, steps_ddl))
		return err_context(err, "making mig.history_step");
	session->state.has_steps = true;
	return true;
}

static void checksum_of(const struct sql_statement *statement, char checksum[SHA256_TEXT])
{
	AUTO_STRBUF(text);
	for (size_t i = 0; i < statement->length; i++)
		if (statement->text[i] != '\r')
			strbuf_addc(&text, statement->text[i]);
	sha256_text(text.buf, text.len, checksum);
}

static const char *direction_of(const struct steps *steps)
{
	return steps->session->plan.direction == MIGRATE_UP ? "up" : "down";
}

static void add_row(struct steps *steps, const struct db_result *rows, int i)
{
	xgrow(steps->rows, steps->count, steps->alloc);
	struct steps_row *row = &steps->rows[steps->count++];
	*row = (struct steps_row){.number = (int)db_get_int(rows, i, 1),
		.id = xstrdup(db_get(rows, i, 0)),
		.done = db_get_bool(rows, i, 3),
		.before = xstrdup_null(db_get(rows, i, 4))};
	snprintf(row->checksum, sizeof(row->checksum), "%s", db_get(rows, i, 2));
}

static bool check_same(const struct steps *steps, const struct steps_row *row, struct err *err)
{
	const struct sql_script *script = &steps->step->script;
	const struct migrate_file *file = steps->step->file;
	size_t index = (size_t)row->number - 1;
	char now[65] = "";
	if (index < script->count)
		checksum_of(&script->items[index], now);
	if (!strcmp(now, row->checksum))
		return true;
	int line = index < script->count ? script->items[index].place.line : 1;
	err_set(err, ERR_REFUSED,
		"%s:%d: statement %d of %s is another one than the one that was run", file->name,
		line, row->number, file->id);
	AUTO_FREE char *id = db_literal(steps->session->db, file->id);
	AUTO_FREE char *sql = xstrfmt("select number, state, statement from mig.history_step "
				      "where revision = %s order by number",
		id);
	AUTO_FREE char *look = db_psql_command(steps->session->db, sql, true);
	err_detail(err, "what ran: %s", look);
	err_where(err, "%s:%d:1", file->name, line);
	return err_hint(err,
		"put it back: only what comes behind the last statement that ran may be changed");
}

bool steps_read(struct steps *steps, struct migrate_session *session,
	const struct migrate_step *step, struct err *err)
{
	*steps = (struct steps){.session = session, .step = step};
	AUTO_RESULT(rows);
	if (!db_query(session->db, &rows, err,
		    "select id, number, checksum, state = 'done', before from mig.history_step"
		    " where tree = $3 and revision = $1 and direction = $2 order by number",
		    step->file->id, direction_of(steps), session->how.where->name))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		add_row(steps, &rows, i);
	for (size_t i = 0; i < steps->count; i++)
		if (!check_same(steps, &steps->rows[i], err))
			return false;
	return true;
}

const struct steps_row *steps_find(const struct steps *steps, size_t index)
{
	for (size_t i = 0; i < steps->count; i++)
		if (steps->rows[i].number == (int)index + 1)
			return &steps->rows[i];
	return NULL;
}

static bool insert(struct steps *steps, size_t index, const char *state, const char *before,
	const char *ms, char **id, struct err *err)
{
	const struct sql_statement *statement = &steps->step->script.items[index];
	AUTO_FREE char *brief = sql_statement_brief(statement);
	AUTO_FREE char *number = xstrfmt("%zu", index + 1);
	char checksum[65];
	checksum_of(statement, checksum);
	return db_value(steps->session->db, id, err,
		"insert into mig.history_step (revision, direction, number, checksum, statement,"
		" state, before, host, run, tree, duration_ms) values ($1, $2, $3::int, $4, $5, $6,"
		" $7, $8, $9, $10, $11::bigint)"
		" on conflict (tree, revision, direction, number) do update set state = $6,"
		" at = clock_timestamp()"
		" returning id",
		steps->step->file->id, direction_of(steps), number, checksum, brief, state, before,
		steps->session->how.host, steps->session->keys->run_id,
		steps->session->how.where->name, ms);
}

bool steps_write_done(struct steps *steps, size_t index, int64_t ms, struct err *err)
{
	AUTO_FREE char *id = NULL;
	AUTO_FREE char *took = xstrfmt("%" PRId64, ms);
	return insert(steps, index, "done", NULL, took, &id, err);
}

bool steps_write_begun(
	struct steps *steps, size_t index, const char *before, char **id, struct err *err)
{
	return insert(steps, index, "begun", before, NULL, id, err);
}

static bool change(struct steps *steps, const char *sql, const char *id, struct err *err)
{
	AUTO_RESULT(result);
	return db_query(steps->session->db, &result, err, sql, id);
}

bool steps_mark_done(struct steps *steps, const char *id, bool settled, struct err *err)
{
	return change(steps,
		settled ? "update mig.history_step set state = 'done' where id = $1::bigint"
			: "update mig.history_step set state = 'done', duration_ms = extract(epoch"
			  " from clock_timestamp() - at) * 1000 where id = $1::bigint",
		id, err);
}

bool steps_took(struct steps *steps, int64_t *ms, int *untimed, struct err *err)
{
	AUTO_RESULT(sum);
	if (!db_query(steps->session->db, &sum, err,
		    "select coalesce(sum(duration_ms), 0)::bigint,"
		    " count(*) filter (where duration_ms is null) from mig.history_step"
		    " where tree = $3 and revision = $1 and direction = $2",
		    steps->step->file->id, direction_of(steps), steps->session->how.where->name))
		return false;
	*ms = db_get_int(&sum, 0, 0);
	*untimed = (int)db_get_int(&sum, 0, 1);
	return true;
}

bool steps_forget(struct steps *steps, const char *id, struct err *err)
{
	return change(steps, "delete from mig.history_step where id = $1::bigint", id, err);
}

bool steps_clear(struct steps *steps, struct err *err)
{
	AUTO_RESULT(result);
	return db_query(steps->session->db, &result, err,
		"delete from mig.history_step where tree = $3 and revision = $1 and "
		"direction = $2",
		steps->step->file->id, direction_of(steps), steps->session->how.where->name);
}
