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

static bool open_scratch(
	const struct migrate_session *live, struct scratch *scratch, struct err *err)
{
	struct migrate_session *session = &scratch->session;
	session->how = live->how;
	session->how.target.dbname = scratch->item.name;
	session->how.log = NULL;
	struct keys_request request = {
		.target = session->how.target,
		.mode = KEYS_RUN,
		.program = "mig-apply doctor",
		.log = live->how.log,
	};
	return db_open(&session->how.target, &session->db, err) &&
	       add_extensions(live, scratch, err) &&
	       migrate_open(session, &request, MIGRATE_ROWS_KNOWN, err);
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
	return outline(live, &scratch.wanted, err) && make_database(live, &scratch, err) &&
	       open_scratch(live, &scratch, err) && apply_all(live, &scratch, replay, err);
}
