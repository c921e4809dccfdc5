#include "restore/post.h"
#include "restore/room.h"
#include <inttypes.h>

/*
 * Below this a constraint is made by one statement as it stands: making its index first pays off
 * where several indexes of a table can be built at once.
 */
#define LARGE (32 << 20)

void restore_post_release(struct restore_post *post)
{
	toc_release(&post->toc);
	free(post->follows);
	strvec_release(&post->texts);
	free(post->analyzed);
	strvec_release(&post->constraints);
	for (size_t i = 0; i < post->check_count; i++)
		strvec_release(&post->checks[i]);
	free(post->checks);
	restore_late_release(&post->late);
	free(post->rest);
	free(post->last);
	*post = (struct restore_post){0};
}

struct planning {
	struct restore_post *post;
	const struct pack_manifest *manifest;
	struct strbuf text;
};

static void planning_release(struct planning *planning)
{
	strbuf_release(&planning->text);
}

/*
 * Reading the archive
 */

static void on_entry(void *ctx, const char *line)
{
	struct planning *planning = ctx;
	toc_add_line(&planning->post->toc, line);
}

static void on_post_entry(void *ctx, const char *line)
{
	struct planning *planning = ctx;
	toc_mark_post(&planning->post->toc, line);
}

static void on_sql(void *ctx, const char *line)
{
	struct planning *planning = ctx;
	strbuf_adds(&planning->text, line);
	strbuf_addc(&planning->text, '\n');
}

static bool is_candidate(const struct toc_entry *entry)
{
	return entry->post && (entry->kind == TOC_INDEX || entry->kind == TOC_CONSTRAINT ||
				      entry->kind == TOC_FOREIGN_KEY || entry->kind == TOC_REFRESH);
}

static char *list_of(const struct toc *toc, bool (*wanted)(const struct toc_entry *entry))
{
	AUTO_STRBUF(list);
	for (size_t i = 0; i < toc->count; i++)
		if (wanted(&toc->items[i]))
			strbuf_addf(&list, "%" PRId64 ";\n", toc->items[i].id);
	return list.len ? strbuf_take(&list) : NULL;
}

static bool read_archive(
	const struct restore_settings *settings, struct planning *planning, struct err *err)
{
	static const char *const all[] = {"--list", "--verbose", NULL};
	static const char *const post[] = {"--list", "--section=post-data", NULL};
	static const char *const sql[] = {"--verbose", "--file=-", "--section=post-data", NULL};
	struct toc *toc = &planning->post->toc;
	if (!restore_ddl_read(settings, all, NULL, on_entry, planning, err) ||
		!restore_ddl_read(settings, post, NULL, on_post_entry, planning, err))
		return false;
	AUTO_FREE char *list = list_of(toc, is_candidate);
	if (list && !restore_ddl_read(settings, sql, list, on_sql, planning, err))
		return false;
	toc_add_sql(toc, planning->text.buf);
	return true;
}

/*
 * Whose is it?
 */

/* What it needs is there before the rows, or made by mig before it. */
static bool needs_are_met(struct planning *planning, const struct toc_entry *entry)
{
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		if (!need || (need->post && !need->ours))
			return false;
		/* a foreign key from or to a partitioned table is several in truth */
		if (entry->kind == TOC_FOREIGN_KEY && need->kind == TOC_TABLE &&
			!pack_manifest_table_oid(planning->manifest, need->oid))
			return false;
	}
	return entry->sql && *entry->sql;
}

/* The only table that it needs, when it needs nothing else (but another index); else NULL. */
static const struct pack_table *only_table(struct planning *planning, const struct toc_entry *entry)
{
	const struct pack_table *table = NULL;
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		const struct pack_table *found =
			need->kind == TOC_TABLE
				? pack_manifest_table_oid(planning->manifest, need->oid)
				: NULL;
		if (need->kind == TOC_INDEX && need->ours)
			continue;
		if (!found || (table && table != found))
			return NULL;
		table = found;
	}
	return table;
}

static void follow(struct planning *planning, const struct pack_table *table, const char *sql)
{
	struct restore_post *post = planning->post;
	xgrow(post->follows, post->follow_count, post->follow_alloc);
	post->follows[post->follow_count++] = (struct load_follow){
		.table = table ? table->oid : 0,
		.weight = table ? table->content.bytes : 0,
		.sql = sql,
	};
}

/*
 * An index whose function may look into other tables waits for all of them: it must not be built
 * from rows that are not there yet.
 */
static bool plan_index(struct planning *planning, const struct toc_entry *entry)
{
	if (!toc_is_index(entry->sql))
		return false;
	follow(planning, only_table(planning, entry), entry->sql);
	return true;
}

static const struct pack_index *recorded_index(const struct pack_table *table, const char *name)
{
	for (size_t i = 0; i < table->indexes.count; i++) {
		const struct pack_index *index = &table->indexes.items[i];
		if (str_equal(index->constraint, name) && str_equal(index->index, name))
			return index;
	}
	return NULL;
}

static bool plan_constraint(struct planning *planning, const struct toc_entry *entry)
{
	CLEANUP(toc_constraint_release) struct toc_constraint constraint = {0};
	struct restore_post *post = planning->post;
	const struct pack_table *table = only_table(planning, entry);
	if (!table || table->extension || !toc_parse_constraint(entry->sql, &constraint))
		return false;
	const struct pack_index *index = recorded_index(table, constraint.name);
	if (!index || table->content.bytes < LARGE) {
		follow(planning, table, entry->sql);
		return true;
	}
	strvec_push(&post->texts, index->definition);
	follow(planning, table, post->texts.items[post->texts.count - 1]);
	strvec_pushf(&post->constraints, "%s ADD CONSTRAINT %s %s USING INDEX %s", constraint.alter,
		constraint.quoted, constraint.primary ? "PRIMARY KEY" : "UNIQUE",
		constraint.quoted);
	return true;
}

static struct strvec *checks_of(struct restore_post *post, const char *alter)
{
	for (size_t i = 0; i < post->check_count; i++)
		if (str_starts(post->checks[i].items[0], alter) &&
			str_starts(post->checks[i].items[0] + strlen(alter), " VALIDATE "))
			return &post->checks[i];
	post->checks = xrealloc(post->checks, (post->check_count + 1) * sizeof(post->checks[0]));
	post->checks[post->check_count] = (struct strvec)STRVEC_INIT;
	return &post->checks[post->check_count++];
}

static bool plan_foreign_key(struct planning *planning, const struct toc_entry *entry)
{
	CLEANUP(toc_constraint_release) struct toc_constraint constraint = {0};
	struct restore_post *post = planning->post;
	if (!toc_parse_foreign_key(entry->sql, &constraint))
		return false;
	strvec_pushf(&post->constraints, "%s NOT VALID", entry->sql);
	strvec_pushf(checks_of(post, constraint.alter), "%s VALIDATE CONSTRAINT %s",
		constraint.alter, constraint.quoted);
	return true;
}

static bool plan_entry(struct planning *planning, const struct toc_entry *entry)
{
	if (!is_candidate(entry) || !needs_are_met(planning, entry))
		return false;
	switch (entry->kind) {
	case TOC_INDEX:
		return plan_index(planning, entry);
	case TOC_CONSTRAINT:
		return plan_constraint(planning, entry);
	case TOC_FOREIGN_KEY:
		return plan_foreign_key(planning, entry);
	default:
		return false;
	}
}

/*
 * Statistics. Those of a table's index expressions, and extended ones, want ANALYZE behind them:
 * it follows the rows only where nothing of the kind is left for later.
 */

#define ANALYZE_BYTES (32 << 20) /* it reads a sample */

/* What ANALYZE would have to see and does not follow a table. */
static bool is_seen_late(struct planning *planning, const struct toc_entry *entry)
{
	if (!entry->post)
		return false;
	if (entry->kind == TOC_INDEX || entry->kind == TOC_CONSTRAINT)
		return !entry->ours || !only_table(planning, entry);
	return entry->kind == TOC_STATISTICS;
}

static void keep_for_later(struct planning *planning, const struct toc_entry *entry)
{
	const struct pack_manifest *manifest = planning->manifest;
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		const struct pack_table *table =
			need && need->kind == TOC_TABLE
				? pack_manifest_table_oid(manifest, need->oid)
				: NULL;
		if (table)
			planning->post->analyzed[table - manifest->tables.items] = false;
	}
}

static void plan_statistics(struct planning *planning)
{
	const struct pack_manifest *manifest = planning->manifest;
	struct restore_post *post = planning->post;
	for (size_t i = 0; i < manifest->tables.count; i++)
		post->analyzed[i] = !manifest->tables.items[i].extension;
	for (size_t i = 0; i < post->toc.count; i++)
		if (is_seen_late(planning, &post->toc.items[i]))
			keep_for_later(planning, &post->toc.items[i]);
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (!post->analyzed[i])
			continue;
		follow(planning, table, NULL);
		if (table->content.bytes > ANALYZE_BYTES)
			post->follows[post->follow_count - 1].weight = ANALYZE_BYTES;
	}
}

/* pg_restore makes event triggers before it refreshes materialized views, and they would fire. */
static bool comes_last(struct planning *planning, const struct toc_entry *entry)
{
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		if (need && need->kind == TOC_EVENT_TRIGGER)
			return true;
	}
	return entry->kind == TOC_EVENT_TRIGGER;
}

static bool is_rest(const struct toc_entry *entry)
{
	return entry->post && !entry->ours && !entry->last;
}

static bool is_last(const struct toc_entry *entry)
{
	return entry->post && entry->last;
}

bool restore_post_plan(
	const struct restore_settings *settings, struct restore_post *post, struct err *err)
{
	CLEANUP(planning_release)
	struct planning planning = {
		.post = post,
		.manifest = pack_reader_manifest(settings->reader),
		.text = STRBUF_INIT,
	};
	struct toc *toc = &post->toc;
	if (!read_archive(settings, &planning, err))
		return false;
	/* names of the archive and of the manifest are compared as bytes */
	bool same_text = str_equal(toc->encoding, planning.manifest->database.encoding);
	bool divide = same_text && !settings->schema_only;
	for (size_t i = 0; divide && i < toc->count; i++)
		toc->items[i].ours = plan_entry(&planning, &toc->items[i]);
	post->analyzed = xcalloc(planning.manifest->tables.count + 1, sizeof(post->analyzed[0]));
	if (divide)
		plan_statistics(&planning);
	for (size_t i = 0; i < toc->count; i++)
		toc->items[i].last = comes_last(&planning, &toc->items[i]);
	restore_late_plan(toc, divide, &post->late);
	post->rest = list_of(toc, is_rest);
	post->last = list_of(toc, is_last);
	return true;
}

bool restore_post_constraints(
	const struct restore_post *post, const struct load_settings *load, struct err *err)
{
	/* they want the tables for themselves: a reader would hold them up */
	struct load_settings alone = *load;
	alone.leisure = NULL;
	return load_statements(&alone, &post->constraints, 1, err) &&
	       load_statements(load, post->checks, post->check_count, err);
}
