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
	restore_late_release(&post->late);
	free(post->rest);
	free(post->last);
	*post = (struct restore_post){0};
}

/* A foreign key that mig makes. */
struct link {
	const struct pack_table *from, *to; /* the same, for a table that refers to itself */
	bool acts; /* ON DELETE or ON UPDATE does something */
	size_t add; /* place of the follow that adds it, + 1 */
};

struct planning {
	struct restore_post *post;
	const struct pack_manifest *manifest;
	struct strbuf text;
	size_t *made; /* by entry: place of the follow that it is there after, + 1; 0: no follow */
	struct link *links;
	size_t link_count, link_alloc;
};

static void planning_release(struct planning *planning)
{
	strbuf_release(&planning->text);
	free(planning->made);
	free(planning->links);
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

static const struct pack_table *table_of(struct planning *planning, const struct toc_entry *entry)
{
	return entry->kind == TOC_TABLE ? pack_manifest_table_oid(planning->manifest, entry->oid)
					: NULL;
}

/* The only table that it needs, when it needs nothing else (but another index); else NULL. */
static const struct pack_table *only_table(struct planning *planning, const struct toc_entry *entry)
{
	const struct pack_table *table = NULL;
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		const struct pack_table *found = table_of(planning, need);
		if (need->kind == TOC_INDEX && need->ours)
			continue;
		if (!found || (table && table != found))
			return NULL;
		table = found;
	}
	return table;
}

/* The statement comes after these: what its entry needs and mig makes. false: too many. */
static bool find_needs(struct planning *planning, const struct toc_entry *entry, size_t *needs)
{
	struct toc *toc = &planning->post->toc;
	size_t count = 0;
	memset(needs, 0, LOAD_NEEDS * sizeof(needs[0]));
	for (size_t i = 0; i < entry->needs_count; i++) {
		size_t need = planning->made[toc_find(toc, entry->needs[i]) - toc->items];
		if (!need)
			continue;
		if (count == LOAD_NEEDS)
			return false;
		needs[count++] = need;
	}
	return true;
}

/* All tables that it could be about: it is not begun while one of them is taken. */
static void claim_all(
	struct planning *planning, const struct toc_entry *entry, struct load_follow *follow)
{
	size_t count = 0;
	for (size_t i = 0; i < entry->needs_count && count < LOAD_CLAIMS; i++) {
		const struct toc_entry *need = toc_find(&planning->post->toc, entry->needs[i]);
		if (table_of(planning, need))
			follow->claims[count++] = (struct load_claim){need->oid, LOAD_BUILD};
	}
}

/* Returns its place + 1. */
static size_t follow(struct planning *planning, const struct load_follow *next)
{
	struct restore_post *post = planning->post;
	xgrow(post->follows, post->follow_count, post->follow_alloc);
	post->follows[post->follow_count++] = *next;
	return post->follow_count;
}

static struct load_follow follow_of(
	const struct pack_table *table, const char *sql, enum load_lock lock)
{
	return (struct load_follow){
		.table = table->oid,
		.weight = table->content.bytes,
		.sql = sql,
		.claims = {{table->oid, lock}},
	};
}

static const char *keep_text(struct restore_post *post, char *text)
{
	strvec_push(&post->texts, text);
	free(text);
	return post->texts.items[post->texts.count - 1];
}

/* Behind the columns' own bracket there is another: one in a name costs only time. */
static bool may_have_expressions(const char *sql)
{
	const char *columns = strchr(sql, '(');
	return columns && strchr(columns + 1, '(');
}

/*
 * An index whose function may look into other tables waits for all of them: it must not be built
 * from rows that are not there yet.
 */
static size_t plan_index(struct planning *planning, const struct toc_entry *entry)
{
	const struct pack_table *table = only_table(planning, entry);
	struct load_follow index = {.sql = entry->sql};
	if (table)
		index = follow_of(table, entry->sql, LOAD_BUILD);
	else
		claim_all(planning, entry, &index);
	index.seen = may_have_expressions(entry->sql);
	return toc_is_index(entry->sql) && find_needs(planning, entry, index.needs)
		       ? follow(planning, &index)
		       : 0;
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

/*
 * The index first, beside others of the table; then its constraint, in a moment. Keys are numbers
 * as a rule: indexes of texts take longer, and come before them.
 */
static size_t plan_large_constraint(struct planning *planning, const struct pack_table *table,
	const struct toc_constraint *constraint, const struct pack_index *index)
{
	struct restore_post *post = planning->post;
	struct load_follow build =
		follow_of(table, keep_text(post, xstrdup(index->definition)), LOAD_BUILD);
	struct load_follow add = follow_of(table,
		keep_text(post,
			xstrfmt("%s ADD CONSTRAINT %s %s USING INDEX %s", constraint->alter,
				constraint->quoted, constraint->primary ? "PRIMARY KEY" : "UNIQUE",
				constraint->quoted)),
		LOAD_ALTER);
	build.weight -= build.weight / 8;
	add.weight = build.weight;
	add.needs[0] = follow(planning, &build);
	return follow(planning, &add);
}

static size_t plan_constraint(struct planning *planning, const struct toc_entry *entry)
{
	CLEANUP(toc_constraint_release) struct toc_constraint constraint = {0};
	const struct pack_table *table = only_table(planning, entry);
	if (!table || table->extension || !toc_parse_constraint(entry->sql, &constraint))
		return 0;
	const struct pack_index *index = recorded_index(table, constraint.name);
	if (index && table->content.bytes >= LARGE)
		return plan_large_constraint(planning, table, &constraint, index);
	struct load_follow add = follow_of(table, entry->sql, LOAD_ALTER);
	return find_needs(planning, entry, add.needs) ? follow(planning, &add) : 0;
}

/*
 * Foreign keys: added without looking at the rows, which takes a moment, then checked under a lock
 * that hinders nobody but ANALYZE.
 */

/* false: not understood. */
static bool find_link(struct planning *planning, const struct toc_entry *entry, struct link *link)
{
	struct toc *toc = &planning->post->toc;
	*link = (struct link){0};
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct toc_entry *need = toc_find(toc, entry->needs[i]);
		if (need->kind != TOC_CONSTRAINT && need->kind != TOC_INDEX)
			continue;
		if (link->to)
			return false;
		link->to = only_table(planning, need);
	}
	for (size_t i = 0; i < entry->needs_count; i++) {
		const struct pack_table *table = table_of(planning, toc_find(toc, entry->needs[i]));
		if (!table || table == link->to)
			continue;
		if (link->from)
			return false;
		link->from = table;
	}
	if (!link->from)
		link->from = link->to;
	return link->to != NULL;
}

static size_t plan_foreign_key(struct planning *planning, const struct toc_entry *entry)
{
	CLEANUP(toc_constraint_release) struct toc_constraint constraint = {0};
	struct restore_post *post = planning->post;
	struct link link;
	if (!toc_parse_foreign_key(entry->sql, &constraint) || !find_link(planning, entry, &link))
		return 0;
	struct load_follow add = follow_of(
		link.from, keep_text(post, xstrfmt("%s NOT VALID", entry->sql)), LOAD_LINK);
	struct load_follow check = follow_of(link.from,
		keep_text(post,
			xstrfmt("%s VALIDATE CONSTRAINT %s", constraint.alter, constraint.quoted)),
		LOAD_CHECK);
	if (!find_needs(planning, entry, add.needs) || add.needs[LOAD_NEEDS - 1])
		return 0;
	add.claims[1] = (struct load_claim){link.to->oid, LOAD_LINK};
	check.claims[1] = (struct load_claim){link.to->oid, LOAD_READ};
	link.add = check.needs[0] = follow(planning, &add);
	link.acts = strstr(entry->sql, " ON DELETE ") || strstr(entry->sql, " ON UPDATE ");
	xgrow(planning->links, planning->link_count, planning->link_alloc);
	planning->links[planning->link_count++] = link;
	return follow(planning, &check);
}

/*
 * When a row goes, those who refer to it are asked in the order in which their keys were made; what
 * one of them deletes, another need not complain of. So the order stays pg_dump's where any acts.
 */
static void keep_order(struct planning *planning)
{
	const struct pack_table *tables = planning->manifest->tables.items;
	size_t count = planning->manifest->tables.count;
	AUTO_FREE bool *acts = xcalloc(count + 1, sizeof(acts[0]));
	AUTO_FREE size_t *latest = xcalloc(count + 1, sizeof(latest[0]));
	for (size_t i = 0; i < planning->link_count; i++)
		acts[planning->links[i].to - tables] |= planning->links[i].acts;
	for (size_t i = 0; i < planning->link_count; i++) {
		const struct link *link = &planning->links[i];
		if (!acts[link->to - tables])
			continue;
		planning->post->follows[link->add - 1].needs[LOAD_NEEDS - 1] =
			latest[link->to - tables];
		latest[link->to - tables] = link->add;
	}
}

/* Place + 1 of the follow that the entry is there after; 0: it is pg_restore's. */
static size_t plan_entry(struct planning *planning, const struct toc_entry *entry)
{
	if (!is_candidate(entry) || !needs_are_met(planning, entry))
		return 0;
	switch (entry->kind) {
	case TOC_INDEX:
		return plan_index(planning, entry);
	case TOC_CONSTRAINT:
		return plan_constraint(planning, entry);
	case TOC_FOREIGN_KEY:
		return plan_foreign_key(planning, entry);
	default:
		return 0;
	}
}

static void plan_entries(struct planning *planning)
{
	struct toc *toc = &planning->post->toc;
	planning->made = xcalloc(toc->count + 1, sizeof(planning->made[0]));
	for (size_t i = 0; i < toc->count; i++) {
		planning->made[i] = plan_entry(planning, &toc->items[i]);
		toc->items[i].ours = planning->made[i] != 0;
	}
	keep_order(planning);
}

/*
 * Statistics. Those of a table's index expressions, and extended ones, want ANALYZE behind them:
 * it follows the rows only where nothing of the kind is left for later. A large table's comes
 * before its plain indexes, which can be built at once: behind them, it would be alone.
 */

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
		const struct pack_table *table = need ? table_of(planning, need) : NULL;
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
		struct load_follow analyze = follow_of(table, NULL, LOAD_CHECK);
		analyze.weight += analyze.weight >= LARGE;
		follow(planning, &analyze);
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
	if (divide)
		plan_entries(&planning);
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
