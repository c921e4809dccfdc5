#include "base/clock.h"
#include "copies/intent.h"
#include "db/copy_session.h"
#include "db/pool.h"
#include "restore/first.h"
#include "restore/load.h"
#include "restore/post.h"
#include "restore/resume.h"
#include "restore/room.h"
#include "restore/text.h"
#include "restore/wal.h"
#include "schema/roles.h"
#include "swap/traits.h"
#include <inttypes.h>

#define IN_USE "2BP01" /* dependent_objects_still_exist */

struct restoring {
	const struct restore_settings *settings;
	const struct pack_manifest *manifest;
	struct db *server; /* in `postgres` */
	struct copies_place place;
	struct copies_item copy;
	struct restore_resume resume; /* empty for a new copy */
	struct restore_early *early;
	int64_t rows;
	struct restore_post post;
	struct restore_first first;
	struct load_definitions rest; /* of first */
	struct strvec unpopulated; /* "schema.view: why" */
	struct restore_settings watched; /* with the callbacks of the watch */
	struct restore_wal *wal;
};

static void restoring_release(struct restoring *restoring)
{
	db_close(restoring->server);
	restore_early_free(restoring->early);
	copies_item_release(&restoring->copy);
	restore_resume_release(&restoring->resume);
	restore_post_release(&restoring->post);
	restore_first_release(&restoring->first);
	strvec_release(&restoring->unpopulated);
	restore_wal_free(restoring->wal);
}

void restore_outcome_release(struct restore_outcome *outcome)
{
	free(outcome->database);
	strvec_release(&outcome->unpopulated);
	*outcome = (struct restore_outcome){0};
}

static bool begin(
	struct restoring *restoring, const struct restore_settings *settings, struct err *err)
{
	struct db_params params = settings->target;
	params.dbname = "postgres";
	restoring->watched = *settings;
	restoring->settings = &restoring->watched;
	restoring->manifest = pack_reader_manifest(settings->reader);
	if (!db_open(&params, &restoring->server, err))
		return false;
	restoring->place = (struct copies_place){
		.server = restoring->server,
		.state_dir = settings->state_dir,
		.live = settings->live,
		.run = settings->run,
		.log = settings->log,
	};
	return restore_check(settings, restoring->server, err) &&
	       restore_check_rights(settings, restoring->server, true, err) &&
	       (settings->schema_only ||
		       restore_wal_begin(&restoring->watched, &restoring->wal, err));
}

/*
 * Making the database
 */

/*
 * A copy goes where the live one is, so that a swap moves no file. NULL: where template0 is; naming
 * that tablespace would need CREATE on it, which only a superuser has.
 */
static bool choose_tablespace(struct restoring *restoring, char **tablespace, struct err *err)
{
	const struct restore_settings *settings = restoring->settings;
	return settings->no_tablespaces ||
	       db_value(restoring->server, tablespace, err,
		       "select spcname from pg_tablespace t where t.oid ="
		       " coalesce((select dattablespace from pg_database where datname = $1 and $2 "
		       "= ''),"
		       " (select oid from pg_tablespace where spcname = $3))"
		       " and t.oid <> (select dattablespace from pg_database where datname = "
		       "'template0')",
		       settings->live, settings->to_db ? "to" : "",
		       restoring->manifest->database.tablespace);
}

static bool make_database(struct restoring *restoring, struct err *err)
{
	const struct pack_database *database = &restoring->manifest->database;
	AUTO_FREE char *tablespace = NULL;
	if (!choose_tablespace(restoring, &tablespace, err))
		return false;
	struct copies_spec spec = {
		.purpose = restoring->settings->scratch ? DB_SCRATCH : DB_RESTORED,
		.stem = restoring->settings->to_db,
		.encoding = database->encoding,
		.collate = database->collate,
		.ctype = database->ctype,
		.locale_provider = str_equal(database->locale_provider, "i") ? "icu" : "libc",
		.icu_locale = database->icu_locale,
		.tablespace = tablespace,
		.snapshot = restoring->manifest->id,
		.target = restoring->settings->to_db,
	};
	return copies_create(&restoring->place, &spec, &restoring->copy, err);
}

static void map_role(const struct strvec *map, char **role)
{
	AUTO_FREE char *old = *role;
	*role = old ? xstrdup(schema_roles_name(map, old)) : NULL;
}

static void map_traits(const struct strvec *map, struct swap_traits *traits)
{
	AUTO_FREE char *acl = traits->acl;
	traits->acl = schema_roles_acl(map, acl);
	map_role(map, &traits->owner);
	for (size_t i = 0; i < traits->settings.count; i++)
		map_role(map, &traits->settings.items[i].role);
}

static bool begin_anew(struct restoring *restoring, const char *why, struct err *err)
{
	const struct copies_item *old = restoring->settings->resume;
	log_info(restoring->settings->log, "begun_anew", NULL,
		"%s %s: it is removed, and begun anew", old->name, why);
	copies_item_release(&restoring->copy);
	restore_resume_release(&restoring->resume);
	return copies_drop(&restoring->place, old, err) && make_database(restoring, err);
}

/* What never had all its definitions is not worth going on with. */
static bool adopt(struct restoring *restoring, struct err *err)
{
	const struct copies_item *old = restoring->settings->resume;
	if (!old->mark.defined)
		return begin_anew(restoring, "does not have all definitions yet", err);
	restoring->copy = (struct copies_item){.name = xstrdup(old->name),
		.oid = old->oid,
		.purpose = old->purpose,
		.marked = true};
	copies_mark_copy(&restoring->copy.mark, &old->mark);
	return restore_resume_prepare(restoring->settings, restoring->server, &restoring->copy,
		       &restoring->resume, err) ||
	       (!strcmp(err->sqlstate, IN_USE) &&
		       begin_anew(restoring, "has definitions that stand upon others", err));
}

static bool give_traits(struct restoring *restoring, const char *name, struct err *err)
{
	CLEANUP(swap_traits_release) struct swap_traits traits = {0};
	swap_traits_of_snapshot(&restoring->manifest->database, &traits);
	map_traits(restoring->settings->role_map, &traits);
	return swap_traits_apply(restoring->server, name, restoring->copy.oid, &traits, err) &&
	       swap_traits_comment(restoring->server, name, traits.comment, err);
}

/* Better now than after hours of loading. */
static bool try_traits(struct restoring *restoring, struct err *err)
{
	AUTO_TX(tx);
	return !restoring->settings->to_db ||
	       (db_begin(restoring->server, &tx, NULL, err) &&
		       give_traits(restoring, restoring->copy.name, err));
}

/*
 * Filling it
 */

void restore_stage(const struct restore_settings *settings, const char *database, const char *name)
{
	log_info(settings->log, "stage",
		json_pack("{s:s, s:o}", "stage", name, "database", copies_json_text(database)),
		"%s: %s", database, name);
}

static bool stage(struct restoring *restoring, const char *name, struct err *err)
{
	const struct restore_settings *settings = restoring->settings;
	restore_stage(settings, restoring->copy.name, name);
	if (settings->cancelled && settings->cancelled(settings->cancel_ctx))
		return err_set(err, ERR_SIGNAL, "interrupted");
	return !settings->keys || keys_check(settings->keys, err);
}

/* pg_restore knows no other names for roles. */
static bool ddl_as_text(struct restoring *restoring, const struct restore_settings *settings,
	const char *section, const char *list, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_STRBUF(text);
	struct db_params params = settings->target;
	params.dbname = restoring->copy.name;
	return restore_text_section(settings, section, list, &text, err) &&
	       db_open(&params, &db, err) &&
	       db_copy_session_fast(db, restoring->manifest->database.encoding, err) &&
	       (restore_text_run(settings, db, text.buf, err) ||
		       err_context(err, "the %s of the snapshot", section));
}

static bool ddl_with(struct restoring *restoring, const struct restore_settings *settings,
	const char *section, const char *list, struct err *err)
{
	const struct strvec *map = settings->role_map;
	if (map && map->count)
		return ddl_as_text(restoring, settings, section, list, err);
	return restore_ddl(settings, restoring->server, restoring->copy.name, section, list, err);
}

static bool ddl(struct restoring *restoring, const char *section, const char *list, struct err *err)
{
	return ddl_with(restoring, restoring->settings, section, list, err);
}

/* Rows, with what follows each table; then what needs pg_restore. */
static bool fill_tables(
	struct restoring *restoring, const struct load_settings *load, struct err *err)
{
	struct restore_post *post = &restoring->post;
	return stage(restoring, "rows and indexes", err) &&
	       load_rows(load, post->follows, post->follow_count, &restoring->rows, err) &&
	       load_sequences(load, err) &&
	       (restoring->resume.large_objects || load_large_objects(load, err)) &&
	       stage(restoring, "constraints", err) &&
	       (!post->rest || ddl(restoring, "post-data", post->rest, err));
}

static bool fill_views(
	struct restoring *restoring, const struct load_settings *load, struct err *err)
{
	const struct restore_late *late = &restoring->post.late;
	return !late->refresh_count ||
	       (stage(restoring, "materialized views", err) &&
		       restore_late_refresh(late, load, &restoring->unpopulated, err));
}

static bool define_last(struct restoring *restoring, struct err *err)
{
	const char *last = restoring->post.last;
	return !last || ddl(restoring, "post-data", last, err);
}

/* From here on it can be gone on with. */
static bool mark_defined(struct restoring *restoring, struct err *err)
{
	restoring->copy.mark.defined = true;
	return copies_remark(&restoring->place, &restoring->copy, err);
}

static bool is_over(void *ctx)
{
	AUTO_ERR(ignored);
	return !db_worker_go_on(ctx, &ignored);
}

/* While others load already. The leader's session is free: the leader waits for all of them. */
static bool define_rest(void *ctx, struct db_worker *worker, struct err *err)
{
	struct restoring *restoring = ctx;
	struct restore_settings settings = *restoring->settings;
	settings.workers = 1;
	settings.cancelled = is_over;
	settings.cancel_ctx = worker;
	return ddl_with(restoring, &settings, "pre-data", restoring->first.rest, err) &&
	       mark_defined(restoring, err);
}

/* Those tables that may, are loaded while the rest is made. */
static bool define_first(struct restoring *restoring, struct load_settings *load, struct err *err)
{
	struct restore_first *first = &restoring->first;
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct restore_settings settings = *restoring->settings;
	settings.workers = 1;
	if (!ddl_with(restoring, &settings, "pre-data", first->list, err) ||
		!db_open(&load->params, &db, err) ||
		!db_copy_session(db, restoring->manifest->database.encoding, err) ||
		!restore_first_check(first, restoring->manifest, db, err))
		return false;
	restoring->rest = (struct load_definitions){
		.run = define_rest, .ctx = restoring, .early = first->early};
	load->definitions = &restoring->rest;
	return true;
}

static bool define(struct restoring *restoring, struct load_settings *load, struct err *err)
{
	if (restoring->copy.mark.defined)
		return true;
	restore_first_plan(
		&restoring->post.toc, restoring->manifest, load->workers, &restoring->first);
	if (!stage(restoring, "definitions", err))
		return false;
	if (restoring->first.list)
		return define_first(restoring, load, err);
	return ddl(restoring, "pre-data", NULL, err) && mark_defined(restoring, err);
}

static bool define_alone(struct restoring *restoring, struct err *err)
{
	struct restore_post *post = &restoring->post;
	return stage(restoring, "definitions", err) && ddl(restoring, "pre-data", NULL, err) &&
	       restore_post_plan(restoring->settings, post, err) &&
	       (!post->rest || ddl(restoring, "post-data", post->rest, err)) &&
	       define_last(restoring, err);
}

static bool is_proved(const struct restore_settings *settings)
{
	return !settings->no_proof && !settings->schema_only;
}

static bool fill(struct restoring *restoring, struct err *err)
{
	const struct restore_settings *settings = restoring->settings;
	struct load_settings load = {
		.reader = settings->reader,
		.params = settings->target,
		.keys = settings->keys,
		.workers = settings->workers,
		.loaded = restoring->resume.loaded,
		.role_map = settings->role_map,
		.no_security_labels = settings->no_security_labels,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.log = settings->log,
	};
	load.params.dbname = restoring->copy.name;
	restoring->early = restore_early_new(restoring->manifest, restoring->server->version);
	if (is_proved(settings))
		load.leisure = restore_early_leisure(restoring->early);
	if (settings->schema_only)
		return define_alone(restoring, err);
	return restore_post_plan(settings, &restoring->post, err) &&
	       define(restoring, &load, err) && fill_tables(restoring, &load, err) &&
	       fill_views(restoring, &load, err) && define_last(restoring, err) &&
	       stage(restoring, "statistics", err) &&
	       load_analyze(&load, restoring->post.analyzed, err);
}

static bool prove(struct restoring *restoring, struct err *err)
{
	const struct restore_settings *settings = restoring->settings;
	return !is_proved(settings) ||
	       (stage(restoring, "proof", err) &&
		       restore_prove(settings, restoring->copy.name, restoring->early, err));
}

/* Rows are one thing; a view that shows none of them is not what was there. */
static bool judge_views(struct restoring *restoring, struct err *err)
{
	const struct strvec *unpopulated = &restoring->unpopulated;
	STRVEC_EACH (unpopulated, view)
		log_warn(restoring->settings->log, "unpopulated", json_pack("{s:s}", "view", view),
			"materialized view not filled: %s", view);
	if (!unpopulated->count || restoring->settings->allow_unpopulated)
		return true;
	AUTO_FREE char *detail = strvec_join(unpopulated, "\n");
	err_set(err, ERR_SQL, "%s, except %zu materialized view%s that could not be filled: %s%s",
		is_proved(restoring->settings) ? "proved" : "restored", unpopulated->count,
		unpopulated->count > 1 ? "s" : "", unpopulated->items[0],
		unpopulated->count > 1 ? ", and more" : "");
	err_detail(err, "%s", detail);
	return err_hint(err, "what it reads must be named with its schema, or the source's view "
			     "made anew; to go on without: --allow-unpopulated");
}

/*
 * Ending
 */

/* The name it was made for, and everything that belongs to it, in one transaction. */
static bool publish(struct restoring *restoring, struct err *err)
{
	struct db *server = restoring->server;
	const char *to_db = restoring->settings->to_db;
	AUTO_TX(tx);
	return db_begin(server, &tx, NULL, err) &&
	       copies_rename(server, &restoring->copy, to_db, err) &&
	       give_traits(restoring, to_db, err) && db_commit(&tx, err);
}

static bool finish(struct restoring *restoring, struct err *err)
{
	if (restoring->settings->to_db)
		return publish(restoring, err);
	restoring->copy.mark.proved = is_proved(restoring->settings);
	restoring->copy.mark.partial = restoring->manifest->partial.count > 0;
	return copies_remark(&restoring->place, &restoring->copy, err);
}

static bool drop_copy(const struct restore_settings *settings, const struct copies_place *place,
	struct copies_item *copy, struct err *err)
{
	CLEANUP(db_close_auto) struct db *server = NULL;
	struct copies_place there = *place;
	struct db_params params = settings->target;
	params.dbname = "postgres";
	params.stop = NULL;
	if (!db_open(&params, &server, err) ||
		(!copy->oid && !copies_oid(server, copy->name, &copy->oid, err)))
		return false;
	there.server = server;
	return !copy->oid || copies_drop(&there, copy, err);
}

void restore_drop_copy(const struct restore_settings *settings, const struct copies_place *place,
	struct copies_item *copy)
{
	AUTO_ERR(why);
	if (!drop_copy(settings, place, copy, &why))
		log_warn(settings->log, "copy_left",
			json_pack("{s:s, s:s}", "database", copy->name, "error", why.msg),
			"database %s could not be removed (%s); later: mig-restore drop %s --yes",
			copy->name, why.msg, copy->name);
}

/* The half-made copy goes, or stays with a word about it. */
static void clean_up(struct restoring *restoring, struct err *err)
{
	const char *name = restoring->copy.name;
	const char *to_db = restoring->settings->to_db;
	if (!name)
		return;
	if ((restoring->settings->keep_failed || restoring->settings->resume) &&
		restoring->copy.oid)
		err_hint(err,
			"what there is stays in %s; go on: mig-restore %s%s%s --resume %s; remove "
			"it: mig-restore drop %s --yes",
			name, restoring->manifest->id, to_db ? " --to-db " : "", to_db ? to_db : "",
			name, name);
	else
		restore_drop_copy(restoring->settings, &restoring->place, &restoring->copy);
}

static bool make(struct restoring *restoring, struct err *err)
{
	bool resumes = restoring->settings->resume != NULL;
	return (resumes ? adopt(restoring, err) : make_database(restoring, err)) &&
	       try_traits(restoring, err) && fill(restoring, err) && prove(restoring, err) &&
	       judge_views(restoring, err) && finish(restoring, err);
}

bool restore_run(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err)
{
	CLEANUP(restoring_release) struct restoring restoring = {0};
	int64_t began = clock_monotonic_ms();
	if (!begin(&restoring, settings, err))
		return false;
	if (!restore_wal_end(restoring.wal, make(&restoring, err), err)) {
		clean_up(&restoring, err);
		return false;
	}
	restore_late_subscribe(&restoring.post.late, settings, settings->to_db);
	*outcome = (struct restore_outcome){
		.database = xstrdup(settings->to_db ? settings->to_db : restoring.copy.name),
		.oid = restoring.copy.oid,
		.tables = (int64_t)restoring.manifest->tables.count,
		.rows = restoring.rows + restoring.resume.rows,
		.proved = is_proved(settings),
		.took_ms = clock_monotonic_ms() - began,
	};
	strvec_push_all(&outcome->unpopulated, &restoring.unpopulated);
	return true;
}
