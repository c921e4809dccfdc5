#include "backup/create_room.h"
#include "base/parallel.h"
#include "compare/measure.h"
#include "compare/room.h"
#include "db/copy_session.h"

/* --- both sides by name ----------------------------------------------------------------------- */

/* Tables of one side, sorted by schema and name. */
struct by_name {
	const struct pack_table **items;
	size_t count;
};

static int name_order(const void *left, const void *right)
{
	const struct pack_table *a = *(const struct pack_table *const *)left;
	const struct pack_table *b = *(const struct pack_table *const *)right;
	int schemas = strcmp(a->schema, b->schema);
	return schemas ? schemas : strcmp(a->name, b->name);
}

static struct by_name sort_tables(const struct pack_manifest *manifest)
{
	struct by_name sorted = {.count = manifest->tables.count};
	sorted.items = xcalloc(sorted.count + 1, sizeof(sorted.items[0]));
	for (size_t i = 0; i < sorted.count; i++)
		sorted.items[i] = &manifest->tables.items[i];
	qsort(sorted.items, sorted.count, sizeof(sorted.items[0]), name_order);
	return sorted;
}

static void by_name_release(struct by_name *sorted)
{
	free(sorted->items);
}

static struct pack_table *find_table(const struct by_name *sorted, const struct pack_table *like)
{
	const struct pack_table **found =
		bsearch(&like, sorted->items, sorted->count, sizeof(sorted->items[0]), name_order);
	return found ? (struct pack_table *)*found : NULL;
}

static struct pack_root *find_root(
	const struct pack_manifest *manifest, const struct pack_root *like)
{
	for (size_t i = 0; i < manifest->roots.count; i++) {
		struct pack_root *root = &manifest->roots.items[i];
		if (str_equal(root->schema, like->schema) && str_equal(root->name, like->name))
			return root;
	}
	return NULL;
}

/* --- what is asked for ------------------------------------------------------------------------ */

static bool names(const char *word, const char *schema, const char *name)
{
	AUTO_FREE char *full = xstrfmt("%s.%s", schema, name);
	return str_equal(word, full) || str_equal(word, name);
}

static bool names_table(
	const char *word, const struct pack_manifest *of, const struct pack_table *table)
{
	const struct pack_root *root = table->root ? pack_manifest_root(of, table->root) : NULL;
	return names(word, table->schema, table->name) ||
	       (root && names(word, root->schema, root->name));
}

static bool is_asked(const struct comparing *comparing, const struct pack_manifest *of,
	const struct pack_table *table)
{
	const struct strvec *words = comparing->settings->tables;
	if (!words->count)
		return true;
	STRVEC_EACH (words, word)
		if (names_table(word, of, table))
			return true;
	return false;
}

static bool root_is_asked(const struct comparing *comparing, const struct pack_root *root)
{
	const struct strvec *words = comparing->settings->tables;
	STRVEC_EACH (words, word)
		if (names(word, root->schema, root->name))
			return true;
	return !words->count;
}

static bool is_known(const struct pack_manifest *manifest, const char *word)
{
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (names_table(word, manifest, &manifest->tables.items[i]))
			return true;
	for (size_t i = 0; i < manifest->roots.count; i++)
		if (names(word, manifest->roots.items[i].schema, manifest->roots.items[i].name))
			return true;
	return false;
}

static bool check_words(const struct comparing *comparing, struct err *err)
{
	STRVEC_EACH (comparing->settings->tables, word) {
		if (is_known(comparing->snapshot, word) || is_known(comparing->live, word))
			continue;
		err_set(err, ERR_NOTFOUND, "no table %s, neither in the snapshot nor in \"%s\"",
			word, comparing->leader->dbname);
		return err_hint(err, "list what a snapshot holds: mig-backup show %s --tables",
			comparing->snapshot->id);
	}
	return true;
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct compare_line *add_line(struct comparing *comparing, enum compare_kind kind,
	const char *schema, const char *name, enum compare_state state)
{
	struct compare_line *line = pack_list_add(&comparing->report->lines);
	line->kind = kind;
	line->name = schema ? xstrfmt("%s.%s", schema, name) : xstrdup(name);
	line->state = state;
	line->snapshot_rows = line->live_rows = -1;
	return line;
}

static enum compare_state judge(const struct comparing *comparing,
	const struct pack_content *snapshot, const struct pack_content *live)
{
	const struct compare_report *report = comparing->report;
	if (pack_content_equal(snapshot, live))
		return COMPARE_EQUAL;
	if (snapshot->rows == live->rows && report->snapshot_major != report->live_major)
		return COMPARE_NOT_PROVABLE;
	return COMPARE_ROWS;
}

/* Rows may be routed to other leaves than before: only their root says anything. */
static bool free_routing(const struct comparing *comparing, const struct pack_table *table)
{
	const struct pack_root *root =
		table->root ? pack_manifest_root(comparing->snapshot, table->root) : NULL;
	return root && root->enum_hash;
}

static void add_both(
	struct comparing *comparing, const struct pack_table *table, const struct pack_table *live)
{
	struct compare_line *line =
		add_line(comparing, COMPARE_TABLE, table->schema, table->name, COMPARE_NOT_HELD);
	if (table->emptied)
		return;
	line->table = table;
	line->snapshot_rows = table->content.rows;
	line->state = COMPARE_COLUMNS;
	if (!strvec_same(&table->columns, &live->columns))
		return;
	line->live_rows = live->content.rows;
	line->state = judge(comparing, &table->content, &live->content);
	if (line->state != COMPARE_EQUAL && free_routing(comparing, table))
		line->state = COMPARE_EQUAL;
}

static void add_tables(
	struct comparing *comparing, const struct by_name *snapshot, const struct by_name *live)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pack_table *table = snapshot->items[i];
		const struct pack_table *here = find_table(live, table);
		if (!is_asked(comparing, comparing->snapshot, table))
			continue;
		if (here)
			add_both(comparing, table, here);
		else if (!table->emptied)
			add_line(comparing, COMPARE_TABLE, table->schema, table->name,
				COMPARE_MISSING)
				->snapshot_rows = table->content.rows;
	}
	for (size_t i = 0; i < live->count; i++) {
		const struct pack_table *table = live->items[i];
		if (!table->emptied && !find_table(snapshot, table) &&
			is_asked(comparing, comparing->live, table))
			add_line(comparing, COMPARE_TABLE, table->schema, table->name,
				COMPARE_EXTRA);
	}
}

static void add_root(
	struct comparing *comparing, const struct pack_root *root, const struct pack_root *here)
{
	struct compare_line *line =
		add_line(comparing, COMPARE_ROOT, root->schema, root->name, COMPARE_MISSING);
	line->snapshot_rows = root->content.rows;
	if (!here)
		return;
	line->state = COMPARE_COLUMNS;
	if (!strvec_same(&root->columns, &here->columns))
		return;
	line->live_rows = here->content.rows;
	line->state = judge(comparing, &root->content, &here->content);
}

static void add_roots(struct comparing *comparing)
{
	const struct pack_manifest *snapshot = comparing->snapshot, *live = comparing->live;
	for (size_t i = 0; i < snapshot->roots.count; i++)
		if (root_is_asked(comparing, &snapshot->roots.items[i]))
			add_root(comparing, &snapshot->roots.items[i],
				find_root(live, &snapshot->roots.items[i]));
	for (size_t i = 0; i < live->roots.count; i++)
		if (!find_root(snapshot, &live->roots.items[i]) &&
			root_is_asked(comparing, &live->roots.items[i]))
			add_line(comparing, COMPARE_ROOT, live->roots.items[i].schema,
				live->roots.items[i].name, COMPARE_EXTRA);
}

/* --- measuring -------------------------------------------------------------------------------- */

/*
 * The columns in whose order the snapshot hashed these rows; NULL: nothing to compare them with.
 * `table`: the snapshot's, may be NULL.
 */
static const struct strvec *hashed_columns(const struct comparing *comparing,
	const struct pack_table *table, const struct pack_table *live)
{
	if (table)
		return !table->emptied && strvec_same(&table->columns, &live->columns)
			       ? &table->columns
			       : NULL;
	/* a new partition belongs to the sum of its root */
	const struct pack_root *root =
		live->root ? pack_manifest_root(comparing->live, live->root) : NULL;
	const struct pack_root *there = root ? find_root(comparing->snapshot, root) : NULL;
	return there && strvec_same(&there->columns, &live->columns) ? &there->columns : NULL;
}

static bool measure(struct comparing *comparing, const struct by_name *snapshot, struct err *err)
{
	struct pack_manifest *live = comparing->live;
	const struct compare_settings *settings = comparing->settings;
	AUTO_FREE struct compare_table *tables = xcalloc(live->tables.count + 1, sizeof(*tables));
	size_t count = 0;
	for (size_t i = 0; i < live->tables.count; i++) {
		struct pack_table *table = &live->tables.items[i];
		const struct pack_table *there = find_table(snapshot, table);
		const struct strvec *columns = hashed_columns(comparing, there, table);
		if (columns && is_asked(comparing, live, table))
			tables[count++] = (struct compare_table){.schema = table->schema,
				.name = table->name,
				.columns = columns,
				.condition = there ? there->condition : NULL,
				.weight = there ? there->content.bytes : 0,
				.owner = table};
	}
	struct compare_measure how = {.params = settings->target,
		.encoding = comparing->snapshot->database.encoding,
		.snapshot = comparing->shared,
		.workers = parallel_workers(settings->workers),
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "compare"};
	if (!compare_measure_tables(&how, tables, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct pack_table *table = tables[i].owner;
		table->content = tables[i].content;
		if (table->root)
			pack_content_add(
				&((struct pack_root *)pack_manifest_root(live, table->root))
					 ->content,
				&table->content);
	}
	return true;
}

/* --- sequences, large objects ----------------------------------------------------------------- */

static int sequence_order(const void *left, const void *right)
{
	const struct pack_sequence *a = left, *b = right;
	int schemas = strcmp(a->schema, b->schema);
	return schemas ? schemas : strcmp(a->name, b->name);
}

/* `one` is that of the two which there is; NULL: not on that side. */
static void add_sequence(struct comparing *comparing, const struct pack_sequence *one,
	const struct pack_sequence *there, const struct pack_sequence *here)
{
	/* it numbers closings, whose rows are no part of a snapshot: a swap hands one over */
	if (strcmp(one->schema, "mig") == 0 && strcmp(one->name, "maintenance_id_seq") == 0)
		return;
	bool equal = there && here && there->last_value == here->last_value &&
		     there->is_called == here->is_called;
	struct compare_line *line = add_line(comparing, COMPARE_SEQUENCE, one->schema, one->name,
		!here    ? COMPARE_MISSING
		: !there ? COMPARE_EXTRA
		: equal  ? COMPARE_EQUAL
			 : COMPARE_VALUE);
	line->snapshot_rows = there ? there->last_value : -1;
	line->live_rows = here ? here->last_value : -1;
}

/* Both lists sorted: one walk through both. */
static void add_sequences(struct comparing *comparing)
{
	size_t count = comparing->snapshot->sequences.count, i = 0, j = 0;
	struct pack_sequence *here = comparing->live->sequences.items;
	size_t live = comparing->live->sequences.count;
	AUTO_FREE struct pack_sequence *there = xcalloc(count + 1, sizeof(*there));
	if (count)
		memcpy(there, comparing->snapshot->sequences.items, count * sizeof(*there));
	qsort(there, count, sizeof(*there), sequence_order);
	if (live)
		qsort(here, live, sizeof(*here), sequence_order);
	while (i < count || j < live) {
		int order = i == count ? 1 : j == live ? -1 : sequence_order(&there[i], &here[j]);
		if (order < 0)
			add_sequence(comparing, &there[i], &there[i], NULL);
		else
			add_sequence(comparing, &here[j], order ? NULL : &there[i], &here[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

static bool add_large_objects(struct comparing *comparing, struct err *err)
{
	struct pack_content content = {0};
	const struct pack_content *there = &comparing->snapshot->large_object_data;
	AUTO_FREE char *sql = create_large_query();
	AUTO_RESULT(objects);
	if (!db_query(comparing->leader, &objects, err,
		    "select count(*) from pg_catalog.pg_largeobject_metadata") ||
		!compare_measure_query(comparing->leader, sql, &content, err))
		return err_context(err, "large objects");
	int64_t here = db_get_int(&objects, 0, 0), held = comparing->snapshot->large_objects;
	if (!here && !held)
		return true;
	struct compare_line *line = add_line(comparing, COMPARE_LARGE_OBJECTS, NULL,
		"large objects",
		here == held && pack_content_equal(there, &content) ? COMPARE_EQUAL : COMPARE_ROWS);
	line->snapshot_rows = held;
	line->live_rows = here;
	return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What the snapshot left out is not looked at here either. */
static bool make_filter(struct comparing *comparing, struct err *err)
{
	CLEANUP(backup_filter_release) struct backup_filter asked = {0};
	create_filter_read(&comparing->snapshot->partial, &asked);
	return create_filter_make(&asked, comparing->leader, &comparing->filter, err);
}

static bool begin(struct comparing *comparing, struct err *err)
{
	const char *encoding = comparing->snapshot->database.encoding;
	if (!db_open(&comparing->settings->target, &comparing->leader, err) ||
		!db_copy_session_guest(comparing->leader, encoding, err) ||
		!db_exec(comparing->leader, err,
			"begin isolation level repeatable read read only") ||
		!db_value(comparing->leader, &comparing->shared, err,
			"select pg_catalog.pg_export_snapshot()"))
		return false;
	comparing->live = pack_manifest_new();
	return make_filter(comparing, err) &&
	       create_tables_describe(
		       comparing->leader, &comparing->filter, comparing->live, err) &&
	       check_words(comparing, err);
}

static bool add_rest(struct comparing *comparing, struct err *err)
{
	if (comparing->settings->tables->count)
		return true;
	if (!create_sequences_describe(comparing->leader, &comparing->filter, comparing->live, err))
		return false;
	add_sequences(comparing);
	return comparing->filter.only || add_large_objects(comparing, err);
}

static bool find_rows(struct comparing *comparing, struct err *err)
{
	struct compare_report *report = comparing->report;
	int64_t limit = comparing->settings->rows;
	if (limit < 0)
		limit = report->snapshot_major != report->live_major ? COMPARE_ROWS_ACROSS_MAJORS
								     : 0;
	for (size_t i = 0; limit && i < report->lines.count; i++) {
		struct compare_line *line = &report->lines.items[i];
		bool wanted = line->table &&
			      (line->state == COMPARE_ROWS || line->state == COMPARE_NOT_PROVABLE);
		if (wanted &&
			!compare_rows_find(comparing->leader, comparing->reader, line, limit, err))
			return err_context(err, "table %s", line->name);
	}
	return true;
}

static void count(struct compare_report *report)
{
	for (size_t i = 0; i < report->lines.count; i++) {
		report->different += compare_state_differs(report->lines.items[i].state);
		report->not_provable += report->lines.items[i].state == COMPARE_NOT_PROVABLE;
	}
}

static bool compare(struct comparing *comparing, struct err *err)
{
	struct compare_report *report = comparing->report;
	if (!begin(comparing, err))
		return false;
	report->snapshot = xstrdup(comparing->snapshot->id);
	strvec_push_all(&report->partial, &comparing->snapshot->partial);
	report->database = xstrdup(comparing->leader->dbname);
	report->snapshot_major = (int)(comparing->snapshot->database.server_version_num / 10000);
	report->live_major = comparing->leader->version / 10000;
	CLEANUP(by_name_release) struct by_name there = sort_tables(comparing->snapshot);
	CLEANUP(by_name_release) struct by_name here = sort_tables(comparing->live);
	if (!measure(comparing, &there, err))
		return false;
	add_tables(comparing, &there, &here);
	add_roots(comparing);
	if (!add_rest(comparing, err) || !find_rows(comparing, err))
		return false;
	count(report);
	return true;
}

static void comparing_release(struct comparing *comparing)
{
	db_close(comparing->leader);
	pack_manifest_free(comparing->live);
	create_filter_release(&comparing->filter);
	free(comparing->shared);
}

bool compare_run(const struct compare_settings *settings, struct pack_reader *reader,
	struct compare_report *report, struct err *err)
{
	CLEANUP(comparing_release)
	struct comparing comparing = {.settings = settings,
		.reader = reader,
		.snapshot = pack_reader_manifest(reader),
		.report = report};
	return compare(&comparing, err);
}
