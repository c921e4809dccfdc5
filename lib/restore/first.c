#include "restore/first.h"
#include <inttypes.h>

enum {
	WORTH_BYTES = 4 << 20, /* of a table */
	WORTH_ENTRIES = 100, /* that are left for later: a second pg_restore takes its time, too */
	PER_WORKER = 2, /* tables */
};

void restore_first_release(struct restore_first *first)
{
	free(first->list);
	free(first->rest);
	free(first->early);
	*first = (struct restore_first){0};
}

struct choosing {
	struct toc *toc;
	const struct pack_manifest *manifest;
	size_t *heads, *nexts; /* by entry, by need: who needs it, + 1; 0: none */
	size_t *who;
	bool *first; /* by entry: is made first */
	bool *trial; /* by entry: is on the stack */
	size_t *stack, stack_count, stack_alloc;
};

static void choosing_release(struct choosing *choosing)
{
	free(choosing->heads);
	free(choosing->nexts);
	free(choosing->who);
	free(choosing->first);
	free(choosing->trial);
	free(choosing->stack);
}

/*
 * Who needs an entry
 */

static void turn_round(struct choosing *choosing)
{
	struct toc *toc = choosing->toc;
	size_t edges = 0, edge = 0;
	for (size_t i = 0; i < toc->count; i++)
		edges += toc->items[i].needs_count;
	choosing->heads = xcalloc(toc->count + 1, sizeof(choosing->heads[0]));
	choosing->nexts = xcalloc(edges + 1, sizeof(choosing->nexts[0]));
	choosing->who = xcalloc(edges + 1, sizeof(choosing->who[0]));
	for (size_t i = 0; i < toc->count; i++)
		for (size_t j = 0; j < toc->items[i].needs_count; j++) {
			const struct toc_entry *need = toc_find(toc, toc->items[i].needs[j]);
			if (!need)
				continue;
			size_t place = (size_t)(need - toc->items);
			choosing->who[edge] = i;
			choosing->nexts[edge] = choosing->heads[place];
			choosing->heads[place] = ++edge;
		}
}

/*
 * What one table takes with it
 */

static void push(struct choosing *choosing, size_t entry)
{
	if (choosing->trial[entry])
		return;
	choosing->trial[entry] = true;
	xgrow(choosing->stack, choosing->stack_count, choosing->stack_alloc);
	choosing->stack[choosing->stack_count++] = entry;
}

static bool is_table(const struct choosing *choosing, size_t entry)
{
	return choosing->toc->items[entry].kind == TOC_TABLE;
}

/* All before the rows that needs it, however far. false: another table is among them. */
static bool take_dependents(struct choosing *choosing, size_t table)
{
	size_t done = choosing->stack_count;
	push(choosing, table);
	for (; done < choosing->stack_count; done++) {
		size_t entry = choosing->stack[done];
		if (entry != table && is_table(choosing, entry))
			return false;
		for (size_t at = choosing->heads[entry]; at; at = choosing->nexts[at - 1])
			if (!choosing->toc->items[choosing->who[at - 1]].post)
				push(choosing, choosing->who[at - 1]);
	}
	return true;
}

/* All that those on the stack need, however far. false: something is not to be found. */
static bool take_needs(struct choosing *choosing)
{
	for (size_t done = 0; done < choosing->stack_count; done++) {
		const struct toc_entry *entry = &choosing->toc->items[choosing->stack[done]];
		for (size_t i = 0; i < entry->needs_count; i++) {
			const struct toc_entry *need = toc_find(choosing->toc, entry->needs[i]);
			if (!need || need->post)
				return false;
			push(choosing, (size_t)(need - choosing->toc->items));
		}
	}
	return true;
}

static void begin(struct choosing *choosing)
{
	memset(choosing->trial, 0, choosing->toc->count * sizeof(choosing->trial[0]));
	choosing->stack_count = 0;
}

static void keep(struct choosing *choosing)
{
	for (size_t i = 0; i < choosing->stack_count; i++)
		choosing->first[choosing->stack[i]] = true;
}

/* What the table's own rows could look at while they come in: no table, no function. */
static bool stands_alone(struct choosing *choosing, size_t table)
{
	begin(choosing);
	push(choosing, table);
	bool alone = take_needs(choosing);
	for (size_t i = 1; alone && i < choosing->stack_count; i++) {
		enum toc_kind kind = choosing->toc->items[choosing->stack[i]].kind;
		alone = kind != TOC_TABLE && kind != TOC_FUNCTION && kind != TOC_EXTENSION;
	}
	return alone;
}

static bool try_table(struct choosing *choosing, size_t table)
{
	if (!stands_alone(choosing, table))
		return false;
	begin(choosing);
	if (!take_dependents(choosing, table) || !take_needs(choosing))
		return false;
	keep(choosing);
	return true;
}

/*
 * Which tables
 */

static int larger_first(const void *left, const void *right)
{
	int64_t a = (*(const struct pack_table *const *)left)->content.bytes;
	int64_t b = (*(const struct pack_table *const *)right)->content.bytes;
	return (a < b) - (a > b);
}

static size_t candidates(const struct pack_manifest *manifest, const struct pack_table **tables)
{
	size_t count = 0;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		/* what an extension's tables hold may decide what rows of others mean */
		if (table->extension && !table->emptied)
			return 0;
		if (!table->emptied && !table->root && table->content.bytes >= WORTH_BYTES)
			tables[count++] = table;
	}
	qsort(tables, count, sizeof(tables[0]), larger_first);
	return count;
}

static size_t entry_of(const struct toc *toc, const struct pack_table *table)
{
	for (size_t i = 0; i < toc->count; i++)
		if (toc->items[i].kind == TOC_TABLE && toc->items[i].oid == table->oid)
			return i;
	return SIZE_MAX;
}

static size_t choose_tables(struct choosing *choosing, int workers, bool *early)
{
	const struct pack_manifest *manifest = choosing->manifest;
	AUTO_FREE const struct pack_table **tables =
		xcalloc(manifest->tables.count + 1, sizeof(tables[0]));
	size_t count = candidates(manifest, tables), most = (size_t)workers * PER_WORKER;
	size_t chosen = 0;
	for (size_t i = 0; i < count && i < most; i++) {
		size_t entry = entry_of(choosing->toc, tables[i]);
		bool may = entry != SIZE_MAX && try_table(choosing, entry);
		early[tables[i] - manifest->tables.items] = may;
		chosen += may;
	}
	return chosen;
}

/* Their scripts may look at whatever is there: none of them runs beside a load. */
static bool take_extensions(struct choosing *choosing)
{
	const struct toc *toc = choosing->toc;
	begin(choosing);
	for (size_t i = 0; i < toc->count; i++)
		if (toc->items[i].kind == TOC_EXTENSION)
			push(choosing, i);
	if (!take_needs(choosing))
		return false;
	keep(choosing);
	return true;
}

static char *list_of(const struct choosing *choosing, bool first, size_t *count)
{
	AUTO_STRBUF(list);
	*count = 0;
	for (size_t i = 0; i < choosing->toc->count; i++) {
		if (choosing->toc->items[i].post || choosing->first[i] != first)
			continue;
		strbuf_addf(&list, "%" PRId64 ";\n", choosing->toc->items[i].id);
		++*count;
	}
	return list.len ? strbuf_take(&list) : NULL;
}

static void choose(struct choosing *choosing, int workers, struct restore_first *first)
{
	size_t before, after;
	if (!choose_tables(choosing, workers, first->early) || !take_extensions(choosing))
		return;
	AUTO_FREE char *list = list_of(choosing, true, &before);
	AUTO_FREE char *rest = list_of(choosing, false, &after);
	if (after < WORTH_ENTRIES || after < before)
		return;
	first->list = xtake(&list);
	first->rest = xtake(&rest);
}

void restore_first_plan(struct toc *toc, const struct pack_manifest *manifest, int workers,
	struct restore_first *first)
{
	CLEANUP(choosing_release) struct choosing choosing = {.toc = toc, .manifest = manifest};
	*first = (struct restore_first){0};
	first->early = xcalloc(manifest->tables.count + 1, sizeof(first->early[0]));
	if (workers < 2 || toc->count < WORTH_ENTRIES)
		return;
	choosing.first = xcalloc(toc->count + 1, sizeof(choosing.first[0]));
	choosing.trial = xcalloc(toc->count + 1, sizeof(choosing.trial[0]));
	turn_round(&choosing);
	choose(&choosing, workers, first);
}

/*
 * What the database says
 */

/*
 * Rows go in without a look at anything else: no constraint, no trigger, no parent; columns of the
 * server's own types or enums, but not of those whose values are names of objects.
 */
static const char plain_sql[] =
	"select c.relkind = 'r' and not c.relispartition and not c.relhasrules"
	" and not c.relhastriggers and not c.relhassubclass"
	" and c.relam = (select oid from pg_catalog.pg_am where amname = 'heap')"
	" and not exists (select from pg_catalog.pg_inherits i where c.oid in (inhrelid, "
	"inhparent))"
	" and not exists (select from pg_catalog.pg_constraint k where k.conrelid = c.oid"
	"  and k.contype <> 'n')"
	" and not exists (select from pg_catalog.pg_attribute a"
	"  join pg_catalog.pg_type t on t.oid = a.atttypid"
	"  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
	"  and (a.attgenerated <> '' or (t.typtype <> 'e'"
	"   and (t.oid >= 16384 or t.typtype not in ('b', 'r', 'm') or t.typname ~ '^_?reg'))))"
	" from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass($1)"
	" and not exists (select from pg_catalog.pg_event_trigger)";

bool restore_first_check(struct restore_first *first, const struct pack_manifest *manifest,
	struct db *db, struct err *err)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		if (!first->early[i])
			continue;
		const struct pack_table *table = &manifest->tables.items[i];
		AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
		AUTO_FREE char *plain = NULL;
		if (!db_value(db, &plain, err, plain_sql, name))
			return err_context(err, "table %s.%s", table->schema, table->name);
		first->early[i] = str_equal(plain, "t");
	}
	return true;
}
