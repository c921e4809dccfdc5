#include "base/clock.h"
#include "copies/copies.h"
#include "migrate/doctor.h"
#include "schema/outline.h"

void doctor_replay_release(struct doctor_replay *replay)
{
	for (size_t i = 0; i < replay->count; i++)
		graph_list_release(&replay->matches[i].rows);
	free(replay->matches);
	graph_list_release(&replay->nearest);
	strvec_release(&replay->differences);
	*replay = (struct doctor_replay){0};
}

/* The scratch database, for as long as this lives. */
struct scratch {
	struct db *server;
	struct copies_place place;
	struct copies_item item; /* name NULL: not made */
	char *run;
	struct migrate_session session;
	struct strvec wanted; /* outline of the live database */
	size_t least; /* differences so far */
};

static void scratch_release(struct scratch *scratch)
{
	AUTO_ERR(why);
	migrate_close(&scratch->session);
	if (scratch->item.name && !copies_drop(&scratch->place, &scratch->item, &why))
		log_warn(scratch->place.log, "scratch_left", NULL, "%s is left over: %s; next: %s",
			scratch->item.name, why.msg, "mig-restore copies");
	copies_item_release(&scratch->item);
	db_close(scratch->server);
	free(scratch->run);
	strvec_release(&scratch->wanted);
}

static bool make_database(
	const struct migrate_session *live, struct scratch *scratch, struct err *err)
{
	struct db_params params = live->how.target;
	AUTO_RESULT(row);
	params.dbname = "postgres";
	if (!db_open(&params, &scratch->server, err) ||
		!db_query(live->db, &row, err,
			"select pg_encoding_to_char(encoding), datcollate, datctype from "
			"pg_database"
			" where datname = current_database()"))
		return false;
	scratch->run = clock_new_id();
	scratch->place = (struct copies_place){
		.server = scratch->server,
		.state_dir = live->how.env->state_dir,
		.live = live->db->dbname,
		.run = scratch->run,
		.log = live->how.log,
	};
	struct copies_spec spec = {.purpose = DB_SCRATCH,
		.encoding = db_get(&row, 0, 0),
		.collate = db_get(&row, 0, 1),
		.ctype = db_get(&row, 0, 2)};
	return copies_create(&scratch->place, &spec, &scratch->item, err);
}

static bool makes_extension(const struct migrate_file *file, const char *name)
{
	return file->source && strcasestr(file->source, "extension") &&
	       strcasestr(file->source, "create") && strstr(file->source, name);
}

/* An extension that no file makes was made by somebody with more rights: its types are needed. */
static bool add_extensions(
	const struct migrate_session *live, struct scratch *scratch, struct err *err)
{
	AUTO_RESULT(rows);
	struct db *db = scratch->session.db;
	if (!db_query(live->db, &rows, err,
		    "select extname from pg_extension where extname <> 'plpgsql' order by oid"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		const char *name = db_get(&rows, i, 0);
		bool made = false;
		for (size_t n = 0; n < live->tree->count; n++)
			made |= makes_extension(&live->tree->files[n], name);
		AUTO_FREE char *ident = db_ident(db, name);
		if (!made && !db_execf(db, err, "create extension if not exists %s cascade", ident))
			return false;
	}
	return true;
}

/* A session with the scratch database for a tree; migrate_open() is left to do. */
static bool reach(const struct migrate_session *live, const struct scratch *scratch,
	const struct conf_migrations *where, struct migrate_session *session, struct err *err)
{
	session->how = live->how;
	session->how.where = where;
	session->how.target.dbname = scratch->item.name;
	session->how.log = NULL;
	return db_open(&session->how.target, &session->db, err);
}

static bool open_to_apply(
	const struct migrate_session *live, struct migrate_session *session, struct err *err)
{
	struct keys_request request = {
		.target = session->how.target,
		.mode = KEYS_RUN,
		.program = "mig-apply doctor",
		.log = live->how.log,
	};
	return migrate_open(session, &request, MIGRATE_ROWS_KNOWN, err);
}

static bool apply_to(struct migrate_session *session, const char *target, struct err *err)
{
	size_t done;
	migrate_plan_release(&session->plan);
	return migrate_plan(session, MIGRATE_UP, target, err) &&
	       (!session->plan.count || migrate_apply(session, &done, err));
}

/* --- the other trees of the environment --------------------------------------------------------
 */

/* It stands where it stands in the live database; nowhere: only its version table is there. */
static bool apply_other(const struct migrate_session *live, const struct scratch *scratch,
	const struct conf_migrations *where, struct err *err)
{
	AUTO_SESSION(there);
	AUTO_SESSION(here);
	there.how = live->how;
	there.how.where = where;
	if (!db_open(&live->how.target, &there.db, err) ||
		!migrate_open(&there, NULL, MIGRATE_ROWS_KNOWN, err))
		return false;
	if (!there.state.versions.exists)
		return true;
	const struct graph_list *rows = &there.state.current;
	if (!reach(live, scratch, where, &here, err) || !open_to_apply(live, &here, err))
		return false;
	for (size_t i = 0; i < rows->count; i++)
		if (!apply_to(&here, there.tree->files[rows->items[i]].id, err))
			return false;
	AUTO_STRVEC(base);
	size_t changes;
	strvec_push(&base, "base");
	return rows->count || migrate_stamp(&here, &base, false, &changes, err);
}

/* Those that come before the tree in mig.yaml, or those behind it. */
static bool apply_others(const struct migrate_session *live, const struct scratch *scratch,
	bool behind, size_t *count, struct err *err)
{
	const struct conf_env *env = live->how.env;
	bool seen = false;
	for (size_t i = 0; i <= env->other_count; i++) {
		const struct conf_migrations *other = i ? &env->others[i - 1] : &env->migrations;
		if (other == live->how.where) {
			seen = true;
			continue;
		}
		if (seen != behind)
			continue;
		++*count;
		if (scratch && !apply_other(live, scratch, other, err))
			return err_context(err, "tree %s, in a scratch database", other->name);
	}
	return true;
}

static bool open_scratch(
	const struct migrate_session *live, struct scratch *scratch, struct err *err)
{
	size_t before = 0;
	return reach(live, scratch, live->how.where, &scratch->session, err) &&
	       add_extensions(live, scratch, err) &&
	       apply_others(live, scratch, false, &before, err) &&
	       open_to_apply(live, &scratch->session, err);
}

static void add_match(struct doctor_replay *replay, const struct graph_list *rows)
{
	xgrow(replay->matches, replay->count, replay->alloc);
	replay->matches[replay->count] = (struct doctor_match){0};
	graph_list_copy(&replay->matches[replay->count++].rows, rows);
}

static bool outline(const struct migrate_session *session, struct strvec *lines, struct err *err)
{
	const struct schema_versions *versions = &session->state.versions;
	return schema_outline(session->db, versions->schema, versions->table, lines, err);
}

/* Lines of the live database that the trees behind this one make. */
static bool leave_out_later(
	const struct migrate_session *live, struct strvec *wanted, struct err *err)
{
	CLEANUP(scratch_release) struct scratch scratch = {0};
	AUTO_STRVEC(without);
	AUTO_STRVEC(with);
	AUTO_STRVEC(differences);
	struct strvec kept = {0};
	size_t later = 0;
	if (!apply_others(live, NULL, true, &later, err) || !later)
		return !later;
	if (!make_database(live, &scratch, err) || !open_scratch(live, &scratch, err) ||
		!apply_to(&scratch.session, "heads", err) ||
		!outline(&scratch.session, &without, err))
		return false;
	migrate_close(&scratch.session); /* its keys, too */
	if (!apply_others(live, &scratch, true, &later, err) ||
		!reach(live, &scratch, live->how.where, &scratch.session, err) ||
		!migrate_open(&scratch.session, NULL, MIGRATE_ROWS_ANY, err) ||
		!outline(&scratch.session, &with, err))
		return false;
	schema_outline_compare(&without, &with, &differences);
	STRVEC_EACH (wanted, line) {
		AUTO_FREE char *added = xstrfmt("+%s", line);
		if (!strvec_has(&differences, added))
			strvec_push(&kept, line);
	}
	strvec_release(wanted);
	*wanted = kept;
	return true;
}

static bool compare(struct scratch *scratch, struct doctor_replay *replay, struct err *err)
{
	struct migrate_session *session = &scratch->session;
	AUTO_STRVEC(lines);
	AUTO_STRVEC(differences);
	AUTO_LIST(tips);
	if (!outline(session, &lines, err))
		return false;
	schema_outline_compare(&scratch->wanted, &lines, &differences);
	migrate_tips(session->tree, &session->state.current, &tips);
	if (!differences.count)
		add_match(replay, &tips);
	if (differences.count >= scratch->least)
		return true;
	scratch->least = differences.count;
	graph_list_copy(&replay->nearest, &tips);
	strvec_release(&replay->differences);
	strvec_push_all(&replay->differences, &differences);
	return true;
}

/* On several heads, the state that the live rows tell of is none of the plain order's. */
static void put_applied_first(const struct migrate_session *live, struct graph_list *order)
{
	AUTO_SET(applied, live->tree->graph->count);
	AUTO_LIST(sorted);
	migrate_applied(live->tree, &live->state.current, &applied);
	for (int is_first = 1; is_first >= 0; is_first--)
		for (size_t i = 0; i < order->count; i++)
			if (graph_set_has(&applied, order->items[i]) == is_first)
				graph_list_push(&sorted, order->items[i]);
	graph_list_copy(order, &sorted);
}

/* One revision after the other, in the order of an upgrade: first those of the live database. */
static bool apply_all(const struct migrate_session *live, struct scratch *scratch,
	struct doctor_replay *replay, struct err *err)
{
	struct migrate_session *session = &scratch->session;
	const struct graph_list nothing = {0};
	AUTO_LIST(order);
	size_t done;
	if (!order_steps(session->tree, MIGRATE_UP, &nothing, "heads", &order, err) ||
		!compare(scratch, replay, err))
		return false;
	put_applied_first(live, &order);
	for (size_t i = 0; i < order.count; i++) {
		const char *id = session->tree->files[order.items[i]].id;
		migrate_plan_release(&session->plan);
		if (!migrate_plan(session, MIGRATE_UP, id, err) ||
			!migrate_apply(session, &done, err) || !compare(scratch, replay, err))
			return err_context(err, "replaying in a scratch database");
	}
	return true;
}

bool doctor_replay_run(
	const struct migrate_session *live, struct doctor_replay *replay, struct err *err)
{
	CLEANUP(scratch_release) struct scratch scratch = {.least = SIZE_MAX};
	return outline(live, &scratch.wanted, err) && leave_out_later(live, &scratch.wanted, err) &&
	       make_database(live, &scratch, err) && open_scratch(live, &scratch, err) &&
	       apply_all(live, &scratch, replay, err);
}
