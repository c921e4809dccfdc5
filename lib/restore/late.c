#include "restore/late.h"

#include "copies/intent.h"
#include "restore/text.h"
#include <inttypes.h>

#define REFRESH "REFRESH MATERIALIZED VIEW "

void restore_late_release(struct restore_late *late)
{
	for (size_t i = 0; i < late->refresh_count; i++)
		strvec_release(&late->refreshes[i]);
	free(late->refreshes);
	strvec_release(&late->refresh_sql);
	free(late->groups);
	free(late->ids);
	free(late->subscriptions);
	*late = (struct restore_late){0};
}

/*
 * Materialized views
 */

static bool is_refresh(const struct toc_entry *entry)
{
	return entry->post && entry->kind == TOC_REFRESH && entry->sql &&
	       str_starts(entry->sql, REFRESH);
}

static void rename_group(struct restore_late *late, size_t count, size_t from, size_t to)
{
	for (size_t i = 0; i < count; i++)
		if (late->groups[i] == from)
			late->groups[i] = to;
}

/* Views that read one another are one group; an entry comes behind all that it needs. */
static void join_group(struct restore_late *late, const struct toc_entry *entry, size_t index)
{
	late->groups[index] = index;
	late->ids[index] = entry->id;
	for (size_t i = 0; i < entry->needs_count; i++)
		for (size_t j = 0; j < index; j++)
			if (late->ids[j] == entry->needs[i])
				rename_group(late, index + 1, late->groups[j], late->groups[index]);
}

static void plan_refreshes(struct toc *toc, struct restore_late *late)
{
	size_t count = 0;
	late->groups = xcalloc(toc->count + 1, sizeof(late->groups[0]));
	late->ids = xcalloc(toc->count + 1, sizeof(late->ids[0]));
	for (size_t i = 0; i < toc->count; i++) {
		struct toc_entry *entry = &toc->items[i];
		if (!is_refresh(entry))
			continue;
		entry->ours = true;
		strvec_push(&late->refresh_sql, entry->sql);
		join_group(late, entry, count++);
	}
	/* a list for every group's name; those of joined groups stay empty */
	late->refreshes = xcalloc(count + 1, sizeof(late->refreshes[0]));
	late->refresh_count = count;
	for (size_t i = 0; i < count; i++)
		strvec_push(&late->refreshes[late->groups[i]], late->refresh_sql.items[i]);
}

bool restore_late_refresh(const struct restore_late *late, const struct load_settings *load,
	struct strvec *unfilled, struct err *err)
{
	AUTO_STRVEC(refused);
	if (!load_statements_each(load, late->refreshes, late->refresh_count, &refused, err))
		return false;
	STRVEC_EACH (&refused, line)
		strvec_push(unfilled, str_starts(line, REFRESH) ? line + strlen(REFRESH) : line);
	return true;
}

/*
 * Subscriptions
 */

/* It is of that kind, or belongs to one that is: a comment, an owner. */
static bool belongs(struct toc *toc, const struct toc_entry *entry, enum toc_kind kind)
{
	if (entry->kind == kind)
		return true;
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(toc, entry->needs[i]);
		if (need && need->kind == kind)
			return true;
	}
	return false;
}

static char *take_entries(struct toc *toc, enum toc_kind kind)
{
	AUTO_STRBUF(list);
	for (size_t i = 0; i < toc->count; i++) {
		struct toc_entry *entry = &toc->items[i];
		if (!entry->post || !belongs(toc, entry, kind))
			continue;
		entry->ours = true;
		strbuf_addf(&list, "%" PRId64 ";\n", entry->id);
	}
	return list.len ? strbuf_take(&list) : NULL;
}

void restore_late_plan(struct toc *toc, bool refresh, struct restore_late *late)
{
	if (refresh)
		plan_refreshes(toc, late);
	late->subscriptions = take_entries(toc, TOC_SUBSCRIPTION);
}

/* pg_dump makes them disabled and unconnected, but with the name of the original's slot. */
static bool without_slots(struct db *db, struct err *err)
{
	AUTO_RESULT(names);
	if (!db_query(db, &names, err,
		    "select subname from pg_catalog.pg_subscription where subslotname is not null"
		    " and subdbid = (select oid from pg_catalog.pg_database"
		    " where datname = pg_catalog.current_database())"))
		return false;
	for (int i = 0; i < db_rows(&names); i++) {
		AUTO_FREE char *name = db_ident(db, db_get(&names, i, 0));
		if (!db_execf(db, err, "alter subscription %s set (slot_name = none)", name))
			return false;
	}
	return true;
}

static bool subscribe(const struct restore_late *late, const struct restore_settings *settings,
	const char *database, struct err *err)
{
	const char *words[] = {"--file=-", "--section=post-data", NULL};
	struct db_params params = settings->target;
	params.dbname = database;
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_STRBUF(text);
	AUTO_TX(tx);
	return restore_text_read(settings, words, late->subscriptions, &text, err) &&
	       db_open(&params, &db, err) && db_begin(db, &tx, NULL, err) &&
	       restore_text_run(settings, db, text.buf, err) && without_slots(db, err) &&
	       db_commit(&tx, err);
}

void restore_late_subscribe(const struct restore_late *late,
	const struct restore_settings *settings, const char *database)
{
	AUTO_ERR(why);
	if (!late->subscriptions)
		return;
	if (!settings->to_db)
		log_warn(settings->log, "subscriptions_not_made", NULL,
			"the snapshot's subscriptions are not made in a copy: it could never take "
			"the live database's place");
	else if (subscribe(late, settings, database, &why))
		log_warn(settings->log, "subscriptions_made",
			json_pack("{s:o}", "database", copies_json_text(database)),
			"the subscriptions in %s are disabled and have no slot", database);
	else
		log_warn(settings->log, "subscriptions_not_made",
			json_pack("{s:s}", "error", why.msg),
			"the subscriptions could not be made in %s: %s", database, why.msg);
}
