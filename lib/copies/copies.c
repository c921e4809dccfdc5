#include "copies/copies.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "copies/intent.h"

#define INTENT_CREATE "create"

void copies_item_release(struct copies_item *item)
{
	free(item->name);
	free(item->owner);
	copies_mark_release(&item->mark);
	*item = (struct copies_item){0};
}

void copies_list_release(struct copies_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		copies_item_release(&list->items[i]);
	free(list->items);
	*list = (struct copies_list){0};
}

bool copies_oid(struct db *server, const char *name, uint32_t *oid, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(server, &rows, err, "select oid from pg_database where datname = $1", name))
		return false;
	*oid = db_rows(&rows) ? (uint32_t)db_get_int(&rows, 0, 0) : 0;
	return true;
}

bool copies_rename(
	struct db *server, const struct copies_item *copy, const char *name, struct err *err)
{
	AUTO_FREE char *from = db_ident(server, copy->name);
	AUTO_FREE char *to = db_ident(server, name);
	uint32_t oid = 0;
	return db_execf(server, err, "alter database %s rename to %s", from, to) &&
	       copies_oid(server, name, &oid, err) &&
	       (oid == copy->oid ||
		       err_set(err, ERR_REFUSED, "database \"%s\" was exchanged by somebody else",
			       copy->name));
}

bool copies_now(struct db *server, char **now, struct err *err)
{
	return db_value(server, now, err,
		"select to_char(clock_timestamp() at time zone 'UTC',"
		" 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')");
}

bool copies_age(struct db *db, const char *at, int64_t *age_ms, struct err *err)
{
	AUTO_RESULT(age);
	if (!db_query(db, &age, err,
		    "select (1000 * extract(epoch from clock_timestamp() - $1::timestamptz))"
		    "::bigint",
		    at))
		return false;
	*age_ms = db_get_int(&age, 0, 0);
	return true;
}

/*
 * Listing
 */

/* Names that an intent of ours gave to a database that is not marked yet. */
struct intended {
	struct strvec names, paths;
};

static void intended_release(struct intended *intended)
{
	strvec_release(&intended->names);
	strvec_release(&intended->paths);
}

static void intended_add(void *ctx, const char *path, const json_t *fields)
{
	struct intended *intended = ctx;
	const char *name = json_string_value(json_object_get(fields, "database"));
	if (!name)
		return;
	strvec_push(&intended->names, name);
	strvec_push(&intended->paths, path);
}

static bool mark_says_so(const struct copies_item *item)
{
	return item->mark.oid == item->oid;
}

static enum db_purpose purpose_of_word(const char *word, enum db_purpose otherwise)
{
	const enum db_purpose all[] = {DB_RESTORED, DB_DISPLACED, DB_SCRATCH, DB_CLONE};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (str_equal(word, db_purpose_word(all[i])))
			return all[i];
	return otherwise;
}

/* False: not one of ours by name, mark or intent. */
static bool item_fill(
	struct copies_item *item, const struct db_result *rows, int i, const struct intended *known)
{
	item->name = xstrdup(db_get(rows, i, 0));
	item->oid = (uint32_t)db_get_int(rows, i, 1);
	bool named = db_name_parse(item->name, &item->purpose, NULL);
	if (!copies_mark_parse(db_get(rows, i, 2), &item->mark) || !mark_says_so(item))
		copies_mark_release(&item->mark);
	item->half_made = named && !item->mark.oid && strvec_has(&known->names, item->name);
	item->renamed = !named;
	item->marked = named && (item->mark.oid || item->half_made);
	item->purpose = purpose_of_word(item->mark.purpose, item->purpose);
	item->owner = xstrdup_null(db_get(rows, i, 3));
	item->bytes = db_get(rows, i, 4) ? db_get_int(rows, i, 4) : -1;
	item->sessions = db_get_int(rows, i, 5);
	return named || item->mark.oid;
}

bool copies_read(const struct copies_place *place, struct copies_list *list, struct err *err)
{
	CLEANUP(intended_release) struct intended known = {0};
	AUTO_RESULT(rows);
	if (!copies_intent_each(place->state_dir, INTENT_CREATE, intended_add, &known, err))
		return false;
	if (!db_query(place->server, &rows, err,
		    "select d.datname, d.oid, shobj_description(d.oid, 'pg_database'),"
		    " pg_get_userbyid(d.datdba),"
		    " case when has_database_privilege(d.oid, 'CONNECT')"
		    " or pg_has_role('pg_read_all_stats', 'USAGE')"
		    " then pg_database_size(d.oid) end,"
		    " (select count(*) from pg_stat_activity a where a.datid = d.oid)"
		    " from pg_database d order by d.oid"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		struct copies_item item = {0};
		if (!item_fill(&item, &rows, i, &known)) {
			copies_item_release(&item);
			continue;
		}
		xgrow(list->items, list->count, list->alloc);
		list->items[list->count++] = item;
	}
	return true;
}

/* At most two characters differ: names of copies are alike but for their random end. */
static bool is_slip(const char *typed, const char *name)
{
	size_t a = strlen(typed), b = strlen(name), less = a < b ? a : b, more = a < b ? b : a;
	size_t head = 0, tail = 0;
	while (head < less && typed[head] == name[head])
		head++;
	while (tail < less - head && typed[a - tail - 1] == name[b - tail - 1])
		tail++;
	return more - head - tail <= 2;
}

bool copies_find(const struct copies_list *list, const char *name, const struct copies_item **item,
	struct err *err)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < list->count; i++) {
		strvec_push(&names, list->items[i].name);
		*item = &list->items[i];
		if (str_equal((*item)->name, name))
			return true;
	}
	const char *near = suggest_in(name, &names);
	err_set(err, ERR_NOTFOUND, "no copy named \"%s\" on this server", name);
	if (near && is_slip(name, near))
		return err_hint(err, "did you mean %s? list them: mig-restore copies", near);
	return err_hint(err, "list them: mig-restore copies");
}

bool copies_newest_displaced(const struct copies_place *place, const struct copies_list *list,
	const struct copies_item **item, struct err *err)
{
	*item = NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct copies_item *one = &list->items[i];
		if (!one->marked || one->purpose != DB_DISPLACED ||
			!str_equal(one->mark.of, place->live))
			continue;
		if (!*item || strcmp(one->mark.made, (*item)->mark.made) > 0)
			*item = one;
	}
	if (*item)
		return true;
	err_set(err, ERR_NOTFOUND, "no database was displaced by a swap of \"%s\"", place->live);
	return err_hint(err, "list what there is: mig-restore copies");
}

bool copies_own(const struct copies_place *place, const struct copies_item *item, struct err *err)
{
	if (str_equal(item->name, place->live))
		return err_set(err, ERR_REFUSED, "database \"%s\" is the live one", item->name);
	if (item->renamed) {
		err_set(err, ERR_REFUSED, "database \"%s\" was given its name by somebody else",
			item->name);
		return err_hint(
			err, "it bears mig's mark, but not mig's name: somebody may use it");
	}
	if (!item->marked) {
		err_set(err, ERR_REFUSED, "database \"%s\" does not bear mig's mark", item->name);
		return err_hint(err,
			"its name looks like mig's, but nothing proves that mig made it; "
			"look at it, then use dropdb or createdb yourself");
	}
	if (item->half_made || str_equal(item->mark.of, place->live))
		return true;
	err_set(err, ERR_REFUSED, "database \"%s\" belongs to \"%s\", not to \"%s\"", item->name,
		item->mark.of ? item->mark.of : "?", place->live);
	return err_hint(err, "choose that environment with -e");
}

/*
 * Making
 */

static void add_option(struct db *db, struct strbuf *sql, const char *key, const char *value)
{
	if (!value)
		return;
	AUTO_FREE char *literal = db_literal(db, value);
	strbuf_addf(sql, " %s %s", key, literal);
}

static char *create_statement(struct db *db, const char *name, const struct copies_spec *spec)
{
	AUTO_FREE char *ident = db_ident(db, name);
	AUTO_STRBUF(sql);
	AUTO_FREE char *template = db_ident(db, spec->source ? spec->source : "template0");
	strbuf_addf(&sql, "create database %s template %s", ident, template);
	/* from 15 on the default writes every page into the WAL */
	if (spec->source && db->version >= 150000)
		strbuf_adds(&sql, " strategy file_copy");
	add_option(db, &sql, "encoding", spec->encoding);
	add_option(db, &sql, "lc_collate", spec->collate);
	add_option(db, &sql, "lc_ctype", spec->ctype);
	if (db->version >= 150000) {
		add_option(db, &sql, "locale_provider", spec->locale_provider);
		add_option(db, &sql, "icu_locale", spec->icu_locale);
	}
	if (spec->tablespace) {
		AUTO_FREE char *tablespace = db_ident(db, spec->tablespace);
		strbuf_addf(&sql, " tablespace %s", tablespace);
	}
	return strbuf_take(&sql);
}

static bool mark_new(const struct copies_place *place, const struct copies_spec *spec,
	struct copies_item *item, struct err *err)
{
	if (!copies_oid(place->server, item->name, &item->oid, err))
		return false;
	item->mark = (struct copies_mark){
		.purpose = xstrdup(db_purpose_word(spec->purpose)),
		.oid = item->oid,
		.of = xstrdup(place->live),
		.run = xstrdup_null(place->run),
		.snapshot = xstrdup_null(spec->snapshot),
		.target = xstrdup_null(spec->target),
	};
	AUTO_FREE char *ident = db_ident(place->server, item->name);
	item->mark.made = xstrdup_null(spec->made);
	return (spec->made || copies_now(place->server, &item->mark.made, err)) &&
	       copies_remark(place, item, err) &&
	       db_execf(place->server, err, "revoke all on database %s from public", ident);
}

bool copies_create(const struct copies_place *place, const struct copies_spec *spec,
	struct copies_item *item, struct err *err)
{
	*item = (struct copies_item){
		.purpose = spec->purpose, .marked = true, .half_made = true, .bytes = -1};
	item->name = db_name_derive(spec->stem ? spec->stem : place->live, spec->purpose);
	AUTO_FREE char *path = copies_intent_path(place->state_dir, INTENT_CREATE);
	AUTO_FREE char *sql = create_statement(place->server, item->name, spec);
	AUTO_FREE char *at = clock_utc(clock_now_ms());
	if (!copies_intent_write(path,
		    json_pack("{s:s, s:o, s:s, s:o, s:o, s:s}", "intent", INTENT_CREATE, "database",
			    copies_json_text(item->name), "purpose", db_purpose_word(spec->purpose),
			    "of", copies_json_text(place->live), "run",
			    copies_json_text(place->run), "at", at),
		    err))
		return false;
	if (!db_exec(place->server, err, sql)) {
		AUTO_ERR(ignored);
		/* a lost connection leaves it open whether the database was made: the intent stays
		 */
		if (err->code != ERR_DATABASE && !copies_intent_remove(path, &ignored))
			log_debug(place->log, "intent_left", NULL, "%s", ignored.msg);
		return err_context(err, "database \"%s\" could not be made", item->name);
	}
	log_debug(place->log, "database_made",
		json_pack("{s:o}", "database", copies_json_text(item->name)), "made database %s",
		item->name);
	if (!mark_new(place, spec, item, err))
		return false;
	item->half_made = false;
	return copies_intent_remove(path, err);
}

bool copies_remark(
	const struct copies_place *place, const struct copies_item *item, struct err *err)
{
	AUTO_FREE char *text = copies_mark_text(&item->mark);
	AUTO_FREE char *literal = db_literal(place->server, text);
	AUTO_FREE char *ident = db_ident(place->server, item->name);
	return db_execf(place->server, err, "comment on database %s is %s", ident, literal);
}

/*
 * Removing
 */

static bool forget_intents(const struct copies_place *place, const char *name, struct err *err)
{
	CLEANUP(intended_release) struct intended known = {0};
	if (!copies_intent_each(place->state_dir, INTENT_CREATE, intended_add, &known, err))
		return false;
	for (size_t i = 0; i < known.names.count; i++)
		if (str_equal(known.names.items[i], name) &&
			!copies_intent_remove(known.paths.items[i], err))
			return false;
	return true;
}

bool copies_drop(const struct copies_place *place, const struct copies_item *item, struct err *err)
{
	/* the server cuts longer names silently, and then drops another database */
	if (strlen(item->name) > DB_NAME_MAX)
		return err_set(err, ERR_BUG, "database name over %d bytes", DB_NAME_MAX);
	if (!copies_own(place, item, err))
		return false;
	uint32_t oid;
	if (!copies_oid(place->server, item->name, &oid, err))
		return false;
	if (oid && oid != item->oid)
		return err_set(err, ERR_REFUSED,
			"database \"%s\" is another one now (OID %u, not %u)", item->name, oid,
			item->oid);
	AUTO_FREE char *ident = db_ident(place->server, item->name);
	if (oid && !db_execf(place->server, err, "drop database %s%s", ident,
			   place->server->version >= 130000 ? " with (force)" : ""))
		return err_context(err, "database \"%s\" stays", item->name);
	return forget_intents(place, item->name, err);
}
