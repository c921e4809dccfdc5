#include "restore/in_place.h"
#include "backup/create_room.h"
#include "base/clock.h"
#include "maint/keep.h"
#include "restore/alone.h"
#include "restore/clear.h"
#include "restore/room.h"
#include "restore/text.h"
#include "swap/history.h"
#include <inttypes.h>

/*
 * What stands in the way
 */

static bool check_locks(const struct restore_settings *settings, struct db *live, int64_t objects,
	struct strvec *lines, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	int64_t each, slots;
	if (!create_locks_capacity(live, &each, &slots, err))
		return false;
	/* each object that is dropped or made takes one */
	/* a table is itself, its TOAST table with index, and an index or two */
	int64_t needed = objects + 5 * (int64_t)manifest->tables.count +
			 (int64_t)manifest->sequences.count + manifest->large_objects;
	if (needed > each * slots)
		strvec_pushf(lines,
			"about %" PRId64 " objects in one transaction: the server's lock table "
			"holds %" PRId64 " (max_locks_per_transaction = %" PRId64 " would do)",
			needed, each * slots, needed / slots + 1);
	return true;
}

bool restore_in_place_check(
	const struct restore_settings *settings, struct db *live, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRVEC(lines);
	int64_t objects;
	if (!restore_check(settings, live, err) || !clear_obstacles(live, &lines, &objects, err) ||
		!check_locks(settings, live, objects, &lines, err))
		return false;
	if (manifest->partial.count)
		strvec_push(&lines, "the snapshot holds a part of the database only");
	if (!lines.count)
		return restore_check_rights(settings, live, false, err);
	AUTO_FREE char *detail = strvec_join(&lines, "\n");
	err_set(err, ERR_REFUSED, "not possible in place, in one transaction: %s%s", lines.items[0],
		lines.count > 1 ? ", and more" : "");
	err_detail(err, "%s", detail);
	return err_hint(err, "a role with CREATEDB restores side by side: mig-restore SNAPSHOT");
}

/*
 * The transaction
 */

struct in_place {
	struct strbuf before, after; /* definitions, read before anything is begun */
	struct strvec last; /* event triggers: they would see all the rest, mig's own tables too */
	int64_t rows;
};

static void in_place_release(struct in_place *in_place)
{
	strbuf_release(&in_place->before);
	strbuf_release(&in_place->after);
	strvec_release(&in_place->last);
}

struct definitions {
	const struct restore_settings *settings;
	struct db *db;
	struct strvec extensions; /* quoted; they stayed, and so do their comments */
	struct strvec *last;
};

static void definitions_release(struct definitions *definitions)
{
	strvec_release(&definitions->extensions);
}

static bool is_of_event_trigger(const char *sql)
{
	static const char *const heads[] = {
		"CREATE EVENT TRIGGER ", "ALTER EVENT TRIGGER ", "COMMENT ON EVENT TRIGGER "};
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (str_starts(sql, heads[i]))
			return true;
	return false;
}

/* Schemas that stayed are there already; comments of extensions belong to the extensions' owner. */
static bool define(void *ctx, const char *sql, struct err *err)
{
	static const char schema[] = "CREATE SCHEMA ", comment[] = "COMMENT ON EXTENSION ";
	struct definitions *definitions = ctx;
	AUTO_FREE char *softer = NULL;
	if (is_of_event_trigger(sql)) {
		strvec_push(definitions->last, sql);
		return true;
	}
	if (str_starts(sql, schema))
		softer = xstrfmt("CREATE SCHEMA IF NOT EXISTS %s", sql + strlen(schema));
	if (str_starts(sql, comment))
		STRVEC_EACH (&definitions->extensions, name)
			if (str_starts(sql + strlen(comment), name) &&
				sql[strlen(comment) + strlen(name)] == ' ')
				return true;
	return restore_text_statement(
		definitions->settings, definitions->db, softer ? softer : sql, err);
}

static bool define_all(const struct restore_settings *settings, struct db *db, const char *text,
	struct strvec *last, struct err *err)
{
	CLEANUP(definitions_release)
	struct definitions definitions = {.settings = settings, .db = db, .last = last};
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select pg_catalog.quote_ident(extname) from pg_catalog.pg_extension"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(&definitions.extensions, db_get(&rows, i, 0));
	return restore_text_each(text, define, &definitions, err) ||
	       err_context(err, "the definitions of the snapshot");
}

static bool analyze(const struct restore_settings *settings, struct db *db, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	for (size_t i = 0; i < manifest->tables.count; i++) {
		AUTO_FREE char *name = db_qualified(
			db, manifest->tables.items[i].schema, manifest->tables.items[i].name);
		if (!db_go_on(db, err) || !db_execf(db, err, "analyze %s", name))
			return false;
	}
	return true;
}

static bool write_history(const struct restore_settings *settings, struct db *db, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	/* the version table is where the role's own search_path leads */
	return db_exec(db, err, "set local search_path to default") &&
	       swap_history_write(db, settings->run,
		       json_pack("{s:b, s:s}", "in_place", true, "snapshot", manifest->id), err);
}

static bool work(struct restore_alone *alone, struct db_worker *worker, struct err *err)
{
	const struct restore_settings *settings = alone->settings;
	struct in_place *in_place = alone->ctx;
	struct db *db = worker->db;
	bool kept = false;
	if (!maint_keep_aside(db, &kept, err))
		return false;
	restore_stage(settings, settings->live, "clearing");
	if (!clear_database(db, pack_reader_manifest(settings->reader), settings->log, err))
		return false;
	restore_stage(settings, settings->live, "definitions");
	if (!db_exec(db, err, "create schema if not exists public") ||
		!define_all(settings, db, in_place->before.buf, &in_place->last, err))
		return false;
	restore_stage(settings, settings->live, "rows");
	if (!restore_alone_all_rows(alone, worker, true, &in_place->rows, err) ||
		!restore_alone_sequences(alone, worker, err) ||
		!restore_alone_large_objects(alone, worker, err))
		return false;
	restore_stage(settings, settings->live, "indexes and constraints");
	if (!define_all(settings, db, in_place->after.buf, &in_place->last, err))
		return false;
	restore_stage(settings, settings->live, "proof");
	return restore_prove_session(settings, db, err) && analyze(settings, db, err) &&
	       (!kept || maint_keep_back(db, err)) && write_history(settings, db, err) &&
	       (restore_text_statements(settings, db, &in_place->last, err) ||
		       err_context(err, "the definitions of the snapshot"));
}

bool restore_in_place(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err)
{
	CLEANUP(in_place_release)
	struct in_place in_place = {.before = STRBUF_INIT, .after = STRBUF_INIT};
	struct restore_alone alone = {
		.settings = settings,
		.database = settings->live,
		.keyed = true,
		.work = work,
		.ctx = &in_place,
	};
	int64_t began = clock_monotonic_ms();
	if (!restore_text_section(settings, "pre-data", NULL, &in_place.before, err) ||
		!restore_text_section(settings, "post-data", NULL, &in_place.after, err))
		return false;
	if (!restore_alone_run(&alone, err))
		return err->code == ERR_DOUBT ? false : err_context(err, "nothing was changed");
	*outcome = (struct restore_outcome){
		.database = xstrdup(settings->live),
		.tables = (int64_t)pack_reader_manifest(settings->reader)->tables.count,
		.rows = in_place.rows,
		.proved = true,
		.took_ms = clock_monotonic_ms() - began,
	};
	return true;
}
