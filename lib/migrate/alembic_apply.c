#include "maint/writes.h"
#include "migrate/alembic.h"

#include "base/clock.h"
#include "base/fs.h"
#include "migrate/advice.h"
#include "migrate/formats.h"
#include "migrate/steps.h"

#include <inttypes.h>

enum { KEYS_CHECK_MS = 1000, SEEN_LIMIT_MS = 1000, GONE_LIMIT_MS = 30000, STATEMENT_SHOWN = 2000 };

/* One child at work on the steps that are left. */
struct work {
	struct migrate_session *session;
	struct alembic_place place;
	struct strvec backends; /* of the child, in our database */
	size_t first; /* of the plan's steps, which the child begins with */
	size_t running; /* in the plan; SIZE_MAX: none yet */
	int64_t step_ms, checked_ms;
	bool split; /* a step has committed a part of itself and did not end */
	bool written; /* the running step awaits its commit */
	bool told; /* what it wrote before it failed is reported */
	char *blockers;
	char *last_history; /* id of the newest row of mig.history before */
	struct err stop; /* why the child is ended */
};

static void work_release(struct work *work)
{
	alembic_place_release(&work->place);
	strvec_release(&work->backends);
	free(work->blockers);
	free(work->last_history);
	err_release(&work->stop);
}

/* --- backends of the child ---------------------------------------------------------------------
 */

/* Only those that hold our work key: a number may be another session's by now. */
static const char ours_sql[] =
	" from pg_locks l where l.pid = any ($1::int[]) and l.locktype = 'advisory' and l.granted"
	" and l.database = $2::oid and l.objsubid = 1"
	" and (l.classid::bigint << 32 | l.objid::bigint) = $3::bigint";

static bool ask_backends(const struct work *work, const char *what, const struct strvec *pids,
	int64_t *count, struct err *err)
{
	struct db *db = work->session->db;
	AUTO_RESULT(rows);
	AUTO_FREE char *list = strvec_join(pids, ",");
	AUTO_FREE char *array = xstrfmt("{%s}", list);
	AUTO_FREE char *oid = xstrfmt("%u", db->db_oid);
	AUTO_FREE char *key = xstrfmt("%" PRId64, keys_number("work", db->dbname));
	AUTO_FREE char *sql = xstrfmt("select %s%s", what, ours_sql);
	if (!db_query(db, &rows, err, sql, array, oid, key))
		return false;
	*count = db_rows(&rows);
	return true;
}

/* After this nothing of the child is at work any more, nor can it commit. */
static bool end_backends(const struct work *work, struct err *err)
{
	struct db *db = work->session->db;
	int64_t began_ms = clock_monotonic_ms(), left = 0;
	bool before = db->uninterrupted, fine = true;
	db->uninterrupted = true;
	do {
		fine = !work->backends.count || ask_backends(work, "pg_terminate_backend(l.pid)",
							&work->backends, &left, err);
		if (fine && left)
			clock_sleep_ms(50);
	} while (fine && left && clock_monotonic_ms() - began_ms < GONE_LIMIT_MS);
	db->uninterrupted = before;
	if (!fine || !left)
		return fine;
	err_set(err, ERR_DOUBT, "%s: a session of the migration does not end", db->dbname);
	return err_hint(err, "see where the database stands: mig-apply current");
}

/* --- while the child runs ----------------------------------------------------------------------
 */

static bool is_alive(const struct work *work, const char *pid, bool *alive, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(work->session->db, &rows, err,
		    "select from pg_stat_activity where pid = $1::int", pid))
		return false;
	*alive = db_rows(&rows) > 0;
	return true;
}

/*
 * Seen by ourselves, not only by the child: a wrong URL in env.py ends here. A child that is fast
 * may be gone before we look; it has found our key on its number, or it would not have told us.
 */
static void on_attach(struct work *work, const json_t *fields)
{
	AUTO_STRVEC(pid);
	if (json_is_true(json_object_get(fields, "autocommit")))
		log_warn(work->session->how.log, "autocommit", NULL,
			"env.py's connection commits each statement by itself: a revision that "
			"fails stays half applied");
	int64_t count = 0, began_ms = clock_monotonic_ms();
	bool alive = true;
	strvec_pushf(&pid, "%lld", json_integer_value(json_object_get(fields, "pid")));
	strvec_push_all(&work->backends, &pid);
	while (clock_monotonic_ms() - began_ms < SEEN_LIMIT_MS) {
		if (!ask_backends(work, "l.pid", &pid, &count, &work->stop) || count ||
			!is_alive(work, pid.items[0], &alive, &work->stop) || !alive)
			return;
		clock_sleep_ms(50);
	}
	err_set(&work->stop, ERR_REFUSED, "the connection of env.py is not in database \"%s\"",
		work->session->db->dbname);
}

static size_t step_named(const struct work *work, const char *id)
{
	const struct migrate_plan *plan = &work->session->plan;
	for (size_t i = 0; id && i < plan->count; i++)
		if (!strcmp(plan->steps[i].file->id, id))
			return i;
	return SIZE_MAX;
}

static void tell_done(struct work *work)
{
	if (work->written)
		apply_tell(work->session, work->running, "revision_done",
			clock_monotonic_ms() - work->step_ms);
	work->written = false;
}

static void on_begin(struct work *work, const json_t *fields)
{
	tell_done(work);
	work->told = false;
	work->running = step_named(work, json_string_value(json_object_get(fields, "revision")));
	work->step_ms = clock_monotonic_ms();
	free(xtake(&work->blockers));
	if (work->running != SIZE_MAX)
		apply_tell(work->session, work->running, "revision_begins", -1);
}

static void on_statement(const struct work *work, const json_t *fields)
{
	const char *sql = json_string_value(json_object_get(fields, "sql"));
	const char *revision = json_string_value(json_object_get(fields, "revision"));
	CLEANUP(sql_script_release) struct sql_script script = {0};
	AUTO_ERR(ignored);
	if (!sql || !sql_script_parse("", sql, 0, strlen(sql), &script, &ignored))
		return;
	for (size_t i = 0; i < script.count; i++) {
		if (!(script.items[i].flags & SQL_LOSES_COUNTERS))
			continue;
		AUTO_FREE char *brief = sql_statement_brief(&script.items[i]);
		AUTO_FREE char *reason = xstrfmt("revision %s: %s", revision, brief);
		writes_report_unknown(work->session->proof, reason);
	}
}

static void on_event(void *ctx, const char *event, const json_t *fields)
{
	struct work *work = ctx;
	const char *proof = work->session->proof;
	if (!strcmp(event, "attach"))
		on_attach(work, fields);
	else if (!strcmp(event, "begin"))
		on_begin(work, fields);
	else if (!strcmp(event, "written"))
		work->written = true;
	else if (!strcmp(event, "told"))
		work->told = true;
	else if (!strcmp(event, "statement"))
		on_statement(work, fields);
	else if (!strcmp(event, "unknown"))
		writes_report_unknown(proof, json_string_value(json_object_get(fields, "reason")));
	else if (!strcmp(event, "own") && work->stop.code == ERR_NONE &&
		 !writes_report_child(proof, json_object_get(fields, "own"), &work->stop))
		return;
}

static void sample_blockers(struct work *work)
{
	int64_t half_ms = work->session->how.lock_timeout_ms / 2;
	if (work->blockers || !work->backends.count || work->running == SIZE_MAX ||
		clock_monotonic_ms() - work->step_ms < half_ms)
		return;
	const char *newest = work->backends.items[work->backends.count - 1];
	work->blockers = run_blockers(work->session, (int)strtol(newest, NULL, 10));
}

/* Asked at least every 200 ms; true ends the child. */
static bool should_stop(void *ctx)
{
	struct work *work = ctx;
	const struct migrate_settings *how = &work->session->how;
	int64_t now = clock_monotonic_ms();
	if (work->stop.code != ERR_NONE)
		return true;
	if (how->cancelled && how->cancelled(how->ctx)) {
		err_set(&work->stop, ERR_SIGNAL, "told to stop");
	} else if (now - work->checked_ms >= KEYS_CHECK_MS) {
		work->checked_ms = now;
		sample_blockers(work);
		if (!keys_check(work->session->keys, &work->stop)) {
			AUTO_ERR(ignored); /* said again when the child is gone */
			if (end_backends(work, &ignored))
				return true;
		}
	}
	return work->stop.code != ERR_NONE;
}

/* --- what the child is told --------------------------------------------------------------------
 */

static json_t *steps_json(const struct work *work)
{
	json_t *steps = json_array();
	for (size_t i = work->first; i < work->session->plan.count; i++)
		json_array_append_new(steps, json_string(work->session->plan.steps[i].file->id));
	return steps;
}

static json_t *files_json(const struct work *work)
{
	json_t *files = json_object();
	for (size_t i = work->first; i < work->session->plan.count; i++) {
		const struct migrate_file *file = work->session->plan.steps[i].file;
		AUTO_FREE char *detail = history_detail(file, 0);
		json_object_set_new(files, file->id,
			json_pack("{s:s, s:s, s:s}", "path", file->path, "checksum", file->checksum,
				"detail", detail));
	}
	return files;
}

/* Pairs, in the order of mig.yaml. */
static json_t *settings_json(const struct migrate_session *session)
{
	json_t *settings = json_array();
	STRVEC_EACH (&session->how.where->settings, setting) {
		size_t length = strcspn(setting, "=");
		json_array_append_new(
			settings, json_pack("[s%, s]", setting, length, setting + length + 1));
	}
	return settings;
}

static json_t *heads_json(const struct work *work)
{
	json_t *heads = json_array();
	STRVEC_EACH (&work->session->state.versions.rows, row)
		json_array_append_new(heads, json_string(row));
	return heads;
}

bool alembic_lock_nonce(struct db *db, int64_t *nonce, struct err *err)
{
	AUTO_RESULT(locked);
	clock_random(nonce, sizeof(*nonce));
	AUTO_FREE char *text = xstrfmt("%" PRId64, *nonce);
	return db_query(db, &locked, err, "select pg_advisory_lock($1::bigint)", text);
}

static bool unlock_nonce(struct db *db, int64_t nonce, struct err *err)
{
	AUTO_RESULT(unlocked);
	AUTO_FREE char *text = xstrfmt("%" PRId64, nonce);
	return db_query(db, &unlocked, err, "select pg_advisory_unlock($1::bigint)", text);
}

static bool make_request(const struct work *work, int64_t nonce, json_t **request, struct err *err)
{
	const struct migrate_session *session = work->session;
	AUTO_FREE char *name = NULL;
	if (!db_value(session->db, &name, err, "select current_setting('application_name')"))
		return false;
	*request = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:s, s:s, "
			     "s:s, s:o, s:s, s:b, s:s}",
		"do", "apply", "direction", session->plan.direction == MIGRATE_UP ? "up" : "down",
		"target", session->plan.target, "steps", steps_json(work), "files",
		files_json(work), "heads", heads_json(work), "database", session->db->dbname,
		"name", name, "nonce", (json_int_t)nonce, "work",
		(json_int_t)keys_number("work", session->db->dbname), "lock_timeout",
		(json_int_t)session->how.lock_timeout_ms, "host", session->how.host, "run",
		session->keys->run_id, "tool", session->how.version, "settings",
		settings_json(session), "version_table", session->state.versions.qualified,
		"others", session->how.where->others, "tree", session->how.where->name);
	if (session->proof && fs_exists(session->proof))
		json_object_set_new(*request, "own", writes_own_sql());
	return *request || err_set(err, ERR_BUG, "a request that is no JSON");
}

/* --- how it ended ------------------------------------------------------------------------------
 */

static const struct {
	const char *kind;
	enum err_code code;
	const char *hint;
} refusals[] = {
	{"elsewhere", ERR_REFUSED,
		"let env.py take its URL from the variable DATABASE_URL, which mig sets for it; "
		"does it work on several databases on purpose? migrations: {others: true}"},
	{"rows", ERR_REFUSED,
		"is it another table? name it: migrations: {version_table: NAME} in mig.yaml"},
	{"rights", ERR_REFUSED, "let env.py connect as mig does: it finds the way in DATABASE_URL"},
	{"settings", ERR_REFUSED, "connect without a pooler between: direct: in mig.yaml"},
	{"detached", ERR_REFUSED, "mig can only run trees that give Alembic a connection"},
	{"busy", ERR_LOCK, "run the command again when it has ended"},
	{"flask", ERR_CONFIG, "FLASK_APP names it: migrations: {environment: {FLASK_APP: ..}}"},
	{"header", ERR_CONFIG, "give it one, or move the file elsewhere"},
	{"behind", ERR_REFUSED, "mig-apply upgrade, then run it again"},
	{"locations", ERR_USAGE,
		"mig-apply revision --version-path FOLDER: one of those in alembic.ini"},
	{"module", ERR_CONFIG,
		"install it for that interpreter, or name the project's: migrations: {python: "
		"PATH/TO/bin/python} in mig.yaml; where modules lie: {environment: {PYTHONPATH: "
		"..}}"},
	{"percent", ERR_CONFIG,
		"let env.py double what it hands on: config.set_main_option(\"sqlalchemy.url\", "
		"url.replace(\"%\", \"%%\"))"},
	{"syntax", ERR_CONFIG, "correct that file, then run it again"},
	{"unknown", ERR_NOTFOUND,
		"a row of the version table that is in no file here? mig-apply doctor tells"},
	{"section", ERR_REFUSED, "write that function into the file of the revision"},
	{"read-only", ERR_STORAGE, "is the checkout read-only? let this user write there"},
	{"mako", ERR_CONFIG, "take that file from the templates of the tree's Alembic"},
	{"offline", ERR_FAILED,
		"let env.py ask context.is_offline_mode(), as Alembic's own templates do"},
	{"differs", ERR_NO, "write the missing revision: mig-apply revision --autogenerate -m .."},
};

void alembic_error_class(const struct alembic_child *child, struct err *err)
{
	const char *kind = json_string_value(json_object_get(child->error, "kind"));
	const char *state = json_string_value(json_object_get(child->error, "sqlstate"));
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!str_equal(kind, refusals[i].kind))
			continue;
		err->code = refusals[i].code;
		err_hint(err, "%s", refusals[i].hint);
	}
	if (state && strlen(state) == 5)
		db_error_class(state, err);
}

static void add_detail(struct err *err, const char *title, const char *text)
{
	AUTO_FREE char *before = xstrdup_null(err->detail);
	err_detail(err, "%s%s%s%.*s", before ? before : "", before ? "\n" : "", title,
		STATEMENT_SHOWN, text);
}

static void add_statements(struct err *err, const char *title, const json_t *list)
{
	size_t i;
	const json_t *statement;
	json_array_foreach(list, i, statement) add_detail(err, title, json_string_value(statement));
}

/* What the child saw says more than its mark; a child that was killed has said nothing. */
static void explain_seen(
	const struct alembic_child *child, const struct migrate_half *half, struct err *err)
{
	AUTO_STRVEC(seen);
	const json_t *fate = json_object_get(child->error, "fate");
	add_statements(err, "committed: ", json_object_get(fate, "kept"));
	add_statements(err, "rolled back: ", json_object_get(fate, "undone"));
	if (json_is_true(json_object_get(fate, "loose")))
		add_detail(err, "", "what it did by the driver's own connection was not seen");
	if (!fate)
		migrate_half_seen(half, &seen);
	STRVEC_EACH (&seen, line)
		add_detail(err, "", line);
}

static void explain_split(
	const struct work *work, const struct alembic_child *child, struct err *err)
{
	const struct migrate_state *state = &work->session->state;
	for (size_t i = 0; i < state->half_count; i++) {
		if (!state->half[i].split)
			continue;
		AUTO_FREE char *what = migrate_half_what(work->session, &state->half[i]);
		AUTO_FREE char *way = migrate_half_way(work->session, &state->half[i]);
		add_detail(err, "", what);
		explain_seen(child, &state->half[i], err);
		err_hint(err, "%s", way);
	}
}

/* "3f9c1a7be2d4 Add user preferences: relation "x" does not exist", its line and its statement. */
static void explain_step(
	const struct work *work, const struct alembic_child *child, size_t done, struct err *err)
{
	const json_t *error = child->error;
	const json_t *place = json_object_get(error, "place");
	const char *statement = json_string_value(json_object_get(error, "statement"));
	const char *context = json_string_value(json_object_get(error, "context"));
	size_t which =
		error ? step_named(work, json_string_value(json_object_get(error, "revision")))
		      : work->running; /* it died without a word */
	if (context)
		err_context(err, "%s", context);
	if (which == SIZE_MAX || which < done)
		return;
	const struct migrate_step *step = &work->session->plan.steps[which];
	AUTO_FREE char *name = graph_name(work->session->tree->graph, step->index);
	err_context(err, "%s", name);
	if (json_is_object(place))
		err_where(err, "%s:%lld:1", step->file->name,
			json_integer_value(json_object_get(place, "line")));
	if (statement)
		add_detail(err, "statement: ", statement);
	if (work->blockers && err->code == ERR_LOCK)
		add_detail(err, "blocked by: ", work->blockers);
	if (work->split)
		explain_split(work, child, err);
	else if (!err->hint && !error)
		err_hint(err, "nothing of this revision was kept: run the command again");
	else if (!err->hint)
		err_hint(err, "nothing of this revision was kept: correct %s, then run it again%s",
			step->file->name, advice_made_before(work->session, err));
}

/* What the server says is committed, whatever the child said. */
static bool read_result(struct work *work, size_t *done, struct err *err)
{
	struct migrate_session *session = work->session;
	AUTO_RESULT(rows);
	if (!db_query(session->db, &rows, err,
		    "select revision from mig.history where id > $1::bigint and run = $2 and"
		    " direction in ('up', 'down') order by id",
		    work->last_history, session->keys->run_id))
		return false;
	*done = work->first + (size_t)db_rows(&rows);
	if (!migrate_state_read(session, NULL, MIGRATE_ROWS_ANY, err))
		return false;
	for (size_t i = 0; i < session->state.half_count; i++)
		work->split |= session->state.half[i].split;
	return true;
}

/* The server counts rows that were rolled back, and nobody could read how many. */
static void report_rollback(const struct work *work, size_t done)
{
	const struct migrate_session *session = work->session;
	if (!session->proof || work->told || work->running == SIZE_MAX || work->running < done)
		return;
	AUTO_FREE char *reason = xstrfmt("revision %s was rolled back after it may have written",
		session->plan.steps[work->running].file->id);
	writes_report_unknown(session->proof, reason);
}

static bool conclude(struct work *work, const struct alembic_child *child, bool ended_well,
	size_t *done, struct err *err)
{
	const struct migrate_plan *plan = &work->session->plan;
	AUTO_ERR(unsure);
	bool known = end_backends(work, &unsure) && read_result(work, done, &unsure);
	if (!known) {
		err_move(err, &unsure);
		err->code = ERR_DOUBT;
		return false;
	}
	if (ended_well && *done == plan->count) {
		tell_done(work);
		return true;
	}
	report_rollback(work, *done);
	if (work->stop.code != ERR_NONE)
		return err_move(err, &work->stop);
	if (!ended_well) {
		alembic_error_class(child, err);
		explain_step(work, child, *done, err);
		return false;
	}
	if (!work->backends.count) {
		AUTO_FREE char *output = strvec_join(&child->output, "\n");
		err_set(err, ERR_FAILED, "%s ended without a word from env.py",
			child->where->python);
		return *output ? err_detail(err, "%s", output) : false;
	}
	err_set(err, ERR_FAILED, "Alembic ended well, but %zu of %zu revision%s %s not committed",
		plan->count - *done, plan->count, str_plural((int64_t)plan->count),
		plan->count - *done == 1 ? "is" : "are");
	return err_hint(err, "env.py has a transaction of its own and does not commit it");
}

static bool note_history(struct work *work, struct err *err)
{
	return db_value(work->session->db, &work->last_history, err,
		"select coalesce(max(id), 0) from mig.history");
}

static bool run_child(struct work *work, size_t *done, struct err *err)
{
	struct migrate_session *session = work->session;
	int64_t nonce = 0;
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = session->tree->where,
		.args = session->how.args,
		.place = &work->place,
		.on_event = on_event,
		.cancelled = should_stop,
		.ctx = work};
	work->running = SIZE_MAX;
	work->written = work->split = false;
	if (!note_history(work, err) || !alembic_lock_nonce(session->db, &nonce, err) ||
		!make_request(work, nonce, &child.request, err))
		return false;
	alembic_child_target(&child, session->db);
	bool ended_well = alembic_child_run(&child, err);
	AUTO_ERR(ignored); /* it goes with our session */
	if (!unlock_nonce(session->db, nonce, &ignored))
		log_debug(session->how.log, "nonce_kept", NULL, "%s", ignored.msg);
	return conclude(work, &child, ended_well, done, err);
}

bool alembic_apply(struct migrate_session *session, size_t *done, struct err *err)
{
	CLEANUP(work_release) struct work work = {.session = session};
	if (!alembic_place_find(session->tree->where, &work.place, err) ||
		!steps_ensure(session, err))
		return false;
	for (int tries = 1;; tries++) {
		free(xtake(&work.last_history));
		work.first = *done;
		if (run_child(&work, done, err))
			return true;
		if (*done > work.first)
			tries = 1;
		/* what a revision has committed of itself must not run twice */
		bool again = err->code == ERR_LOCK && *err->sqlstate && !work.split;
		if (again && tries > session->how.lock_retries)
			apply_give_up(&session->how, err);
		else if (again && apply_pause(session, tries, err, work.blockers)) {
			err_release(err);
			continue;
		}
		apply_say_how_far(session, *done, err);
		return false;
	}
}
