#include "restore/load_steps.h"

void load_steps_release(struct load_steps *steps)
{
	for (size_t i = 0; steps->pieces && i < steps->table_count; i++)
		load_pieces_release(&steps->pieces[i]);
	free(steps->pieces);
	free(steps->tables);
	free(steps->jobs);
	load_order_release(&steps->order);
	*steps = (struct load_steps){0};
}

/*
 * Tables
 */

static size_t place_of(const struct load_steps *steps, const struct pack_table *table)
{
	return (size_t)(table - steps->manifest->tables.items);
}

static int larger_first(const void *left, const void *right)
{
	int64_t a = (*(const struct pack_table *const *)left)->content.bytes;
	int64_t b = (*(const struct pack_table *const *)right)->content.bytes;
	return (a < b) - (a > b);
}

static void choose_tables(struct load_steps *steps)
{
	const struct pack_manifest *manifest = steps->manifest;
	const bool *loaded = steps->settings->loaded;
	size_t count = 0;
	steps->tables = xcalloc(manifest->tables.count + 1, sizeof(steps->tables[0]));
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (!table->extension && !table->emptied && table->members.count &&
			!(loaded && loaded[i]))
			steps->tables[count++] = table;
	}
	qsort(steps->tables, count, sizeof(steps->tables[0]), larger_first);
	steps->table_count = count;
}

static void plan_pieces(struct load_steps *steps)
{
	int64_t total = 0;
	steps->pieces = xcalloc(steps->table_count + 1, sizeof(steps->pieces[0]));
	for (size_t i = 0; i < steps->table_count; i++)
		total += steps->tables[i]->content.bytes;
	for (size_t i = 0; i < steps->table_count; i++)
		if (!pack_manifest_router(steps->manifest, steps->tables[i]))
			load_pieces_plan(steps->manifest, steps->tables[i], total,
				steps->settings->workers, &steps->pieces[i]);
}

static void add_tables(struct load_steps *steps)
{
	steps->jobs = xcalloc(steps->manifest->tables.count + 1, sizeof(steps->jobs[0]));
	for (size_t i = 0; i < steps->table_count; i++) {
		size_t job = load_order_add(&steps->order);
		steps->order.steps[job].weight = steps->tables[i]->content.bytes;
		steps->order.steps[job].pieces = steps->pieces[i].count;
		steps->jobs[place_of(steps, steps->tables[i])] = job + 1;
	}
}

static void add_definitions(struct load_steps *steps)
{
	const struct load_definitions *definitions = steps->settings->definitions;
	if (!definitions)
		return;
	size_t job = load_order_add(&steps->order);
	steps->order.steps[job].weight = INT64_MAX;
	steps->definitions = job + 1;
	for (size_t i = 0; i < steps->table_count; i++)
		if (!definitions->early[place_of(steps, steps->tables[i])])
			load_order_need(&steps->order, steps->follow_count + i, job);
}

/*
 * What follows
 */

/* Between steps of equal weight those of a table that is in come before another table. */
static void add_follows(struct load_steps *steps)
{
	for (size_t i = 0; i < steps->follow_count; i++) {
		const struct load_follow *follow = &steps->follows[i];
		size_t job = load_order_add(&steps->order);
		struct load_step *step = &steps->order.steps[job];
		step->weight = follow->weight;
		memcpy(step->claims, follow->claims, sizeof(step->claims));
	}
}

/*
 * Rows that find their partition by themselves may come into any of them: an index that is built
 * between two such loads could wait for one and hold up the other.
 */
static const struct pack_table *table_before(
	const struct load_steps *steps, const struct load_follow *follow)
{
	const struct pack_table *table =
		follow->table ? pack_manifest_table_oid(steps->manifest, follow->table) : NULL;
	return table && !pack_manifest_router(steps->manifest, table) ? table : NULL;
}

static void need_rows(struct load_steps *steps, size_t job, size_t all)
{
	const struct pack_table *table = table_before(steps, &steps->follows[job]);
	size_t before = table ? steps->jobs[place_of(steps, table)] : all + 1;
	if (!before)
		before = steps->definitions;
	if (before)
		load_order_need(&steps->order, job, before - 1);
}

static void need_others(struct load_steps *steps, size_t job)
{
	const struct load_follow *follow = &steps->follows[job];
	for (size_t i = 0; i < LOAD_NEEDS; i++)
		if (follow->needs[i])
			load_order_need(&steps->order, job, follow->needs[i] - 1);
}

/* ANALYZE, behind all that it should see. */
static void need_seen(struct load_steps *steps)
{
	const struct pack_manifest *manifest = steps->manifest;
	AUTO_FREE size_t *analyze = xcalloc(manifest->tables.count + 1, sizeof(analyze[0]));
	for (size_t i = 0; i < steps->follow_count; i++) {
		const struct load_follow *follow = &steps->follows[i];
		if (!follow->sql)
			analyze[place_of(steps, pack_manifest_table_oid(manifest, follow->table))] =
				i + 1;
	}
	for (size_t i = 0; i < steps->follow_count; i++) {
		const struct load_follow *follow = &steps->follows[i];
		const struct pack_table *table =
			follow->seen ? pack_manifest_table_oid(manifest, follow->table) : NULL;
		size_t behind = table ? analyze[place_of(steps, table)] : 0;
		if (behind)
			load_order_need(&steps->order, behind - 1, i);
	}
}

static void link_steps(struct load_steps *steps)
{
	size_t all = load_order_add_gate(&steps->order);
	for (size_t i = 0; i < steps->table_count; i++)
		load_order_need(&steps->order, all, steps->follow_count + i);
	if (steps->definitions)
		load_order_need(&steps->order, all, steps->definitions - 1);
	for (size_t i = 0; i < steps->follow_count; i++) {
		need_rows(steps, i, all);
		need_others(steps, i);
	}
	need_seen(steps);
}

void load_steps_plan(struct load_steps *steps, const struct load_settings *settings,
	const struct load_follow *follows, size_t follow_count)
{
	*steps = (struct load_steps){
		.settings = settings,
		.manifest = pack_reader_manifest(settings->reader),
		.follows = follows,
		.follow_count = follow_count,
	};
	choose_tables(steps);
	plan_pieces(steps);
	add_follows(steps);
	add_tables(steps);
	add_definitions(steps);
	link_steps(steps);
	load_order_start(&steps->order);
}

/*
 * Asking
 */

const struct pack_table *load_steps_table(const struct load_steps *steps, size_t job)
{
	size_t index = job - steps->follow_count;
	return job >= steps->follow_count && index < steps->table_count ? steps->tables[index]
									: NULL;
}

struct load_pieces *load_steps_pieces(struct load_steps *steps, size_t job)
{
	return &steps->pieces[job - steps->follow_count];
}

bool load_steps_loaded(const struct load_steps *steps, const struct pack_table *table)
{
	size_t job = steps->jobs ? steps->jobs[place_of(steps, table)] : 0;
	return !job || steps->order.steps[job - 1].ended;
}

size_t load_steps_begun(const struct load_steps *steps)
{
	size_t count = steps->order.count;
	for (size_t i = 0; i < steps->table_count; i++)
		count += steps->pieces[i].count;
	return count;
}
