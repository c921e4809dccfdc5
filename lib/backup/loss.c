#include "backup/loss.h"
#include "backup/copies_intent.h"
#include "backup/load_session.h"
#include "backup/loss_side.h"
#include "backup/swap_traits.h"
#include "base/clock.h"
#include <inttypes.h>

const char *loss_kind_word(enum loss_kind kind)
{
	static const char *const words[] = {
		[LOSS_EQUAL] = "equal",
		[LOSS_ROWS] = "other rows",
		[LOSS_COLUMNS] = "other columns",
		[LOSS_ADDED] = "would be gone",
		[LOSS_REMOVED] = "would be back",
	};
	return words[kind];
}

void loss_report_release(struct loss_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->lines[i].table);
	free(report->lines);
	free(report->live);
	free(report->other);
	strvec_release(&report->kept);
	*report = (struct loss_report){0};
}

/*
 * Comparing two measured sides
 */

static void add_line(struct loss_report *report, const struct loss_unit *live,
	const struct loss_unit *other, enum loss_kind kind)
{
	const struct loss_unit *unit = live ? live : other;
	xgrow(report->lines, report->count, report->alloc);
	report->lines[report->count++] = (struct loss_line){
		.table = xstrfmt("%s.%s", unit->schema, unit->name),
		.kind = kind,
		.live_rows = live ? live->content.rows : -1,
		.other_rows = other ? other->content.rows : -1,
	};
	report->different += kind != LOSS_EQUAL;
}

static enum loss_kind judge(const struct loss_unit *live, const struct loss_unit *other)
{
	if (live->counted)
		return LOSS_COLUMNS;
	return pack_content_equal(&live->content, &other->content) ? LOSS_EQUAL : LOSS_ROWS;
}

static int by_table(const void *left, const void *right)
{
	const struct loss_line *a = left, *b = right;
	return strcmp(a->table, b->table);
}

static void compare(
	const struct loss_side *live, const struct loss_side *other, struct loss_report *report)
{
	for (size_t i = 0; i < live->units.count; i++) {
		const struct loss_unit *here = &live->units.items[i];
		const struct loss_unit *there = loss_side_find(other, here->schema, here->name);
		if (!here->unknown)
			add_line(report, here, there, there ? judge(here, there) : LOSS_ADDED);
	}
	for (size_t i = 0; i < other->units.count; i++) {
		const struct loss_unit *there = &other->units.items[i];
		if (!there->unknown && !loss_side_find(live, there->schema, there->name))
			add_line(report, NULL, there, LOSS_REMOVED);
	}
	if (report->count)
		qsort(report->lines, report->count, sizeof(report->lines[0]), by_table);
}

static bool compare_traits(
	struct db *db, const struct swap_traits *other, struct loss_report *report, struct err *err)
{
	CLEANUP(swap_traits_release) struct swap_traits live = {0};
	return swap_traits_read(db, db->db_oid, &live, err) &&
	       swap_traits_differences(db, &live, other, &report->kept, err);
}

static struct loss_measure measure_of(
	const struct loss_settings *settings, const char *encoding, const char *dbname)
{
	struct loss_measure measure = {
		.params = settings->target,
		.encoding = encoding,
		.workers = settings->workers,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "compare",
	};
	if (dbname)
		measure.params.dbname = dbname;
	return measure;
}

/*
 * Against a snapshot
 */

bool loss_of_snapshot(const struct loss_settings *settings, const struct pack_manifest *manifest,
	struct loss_report *report, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	CLEANUP(loss_side_release) struct loss_side live = {0};
	CLEANUP(loss_side_release) struct loss_side other = {0};
	CLEANUP(swap_traits_release) struct swap_traits traits = {0};
	struct loss_measure measure = measure_of(settings, manifest->database.encoding, NULL);
	loss_side_of_snapshot(manifest, &other);
	swap_traits_of_snapshot(&manifest->database, &traits);
	if (!db_open(&settings->target, &db, err) ||
		!load_session_set(db, manifest->database.encoding, err) ||
		!loss_side_of_database(db, &live, err) ||
		!loss_side_measure(&measure, &live, &other, err) ||
		!compare_traits(db, &traits, report, err))
		return false;
	report->live = xstrdup(db->dbname);
	/* another environment's */
	bool own = str_equal(manifest->database.name, report->live);
	report->other = xstrfmt("snapshot %s%s%s", manifest->id, own ? "" : " of ",
		own ? "" : manifest->database.name);
	report->age_ms = clock_now_ms() - manifest->started_ms;
	compare(&live, &other, report);
	return true;
}

/*
 * Against a copy
 */

struct pair {
	struct db *live, *copy;
	struct loss_side live_side, copy_side;
};

static void pair_release(struct pair *pair)
{
	db_close(pair->live);
	db_close(pair->copy);
	loss_side_release(&pair->live_side);
	loss_side_release(&pair->copy_side);
}

static bool open_pair(
	const struct loss_settings *settings, const char *copy, struct pair *pair, struct err *err)
{
	struct db_params params = settings->target;
	params.dbname = copy;
	return db_open(&settings->target, &pair->live, err) && db_open(&params, &pair->copy, err) &&
	       load_session_set(pair->live, NULL, err) && load_session_set(pair->copy, NULL, err) &&
	       loss_side_of_database(pair->live, &pair->live_side, err) &&
	       loss_side_of_database(pair->copy, &pair->copy_side, err);
}

bool loss_of_copy(const struct loss_settings *settings, const char *copy, int64_t made_ms,
	struct loss_report *report, struct err *err)
{
	CLEANUP(pair_release) struct pair pair = {0};
	struct loss_measure of_live = measure_of(settings, NULL, NULL);
	struct loss_measure of_copy = measure_of(settings, NULL, copy);
	if (!open_pair(settings, copy, &pair, err) ||
		!loss_side_measure(&of_live, &pair.live_side, &pair.copy_side, err) ||
		!loss_side_measure(&of_copy, &pair.copy_side, &pair.copy_side, err))
		return false;
	report->live = xstrdup(pair.live->dbname);
	report->other = xstrfmt("copy %s", copy);
	report->age_ms = made_ms < 0 ? -1 : clock_now_ms() - made_ms;
	compare(&pair.live_side, &pair.copy_side, report);
	return true;
}

/*
 * Telling
 */

static void rows_text(char *text, size_t size, int64_t rows)
{
	if (rows < 0)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%" PRId64, rows);
}

void loss_report_lines(const struct loss_report *report, struct strvec *lines)
{
	if (report->age_ms >= 0) {
		AUTO_FREE char *age = clock_duration_text(report->age_ms);
		strvec_pushf(
			lines, "%s against %s, made %s ago:", report->live, report->other, age);
	} else {
		strvec_pushf(lines, "%s against %s:", report->live, report->other);
	}
	if (!report->different)
		strvec_pushf(lines, "  all %zu tables are equal", report->count);
	else
		strvec_pushf(lines, "  %-40s %12s %12s", "table", "rows here", "rows there");
	for (size_t i = 0; i < report->count; i++) {
		const struct loss_line *line = &report->lines[i];
		char live[24], other[24];
		if (line->kind == LOSS_EQUAL)
			continue;
		rows_text(live, sizeof(live), line->live_rows);
		rows_text(other, sizeof(other), line->other_rows);
		strvec_pushf(lines, "  %-40s %12s %12s  %s", line->table, live, other,
			loss_kind_word(line->kind));
	}
	if (report->different)
		strvec_pushf(lines, "  %zu of %zu tables differ", report->different, report->count);
	STRVEC_EACH (&report->kept, kept)
		strvec_pushf(lines, "  a swap keeps what is here: %s", kept);
	strvec_push(lines, "  a swap does not touch: roles, tablespaces, ALTER SYSTEM, other "
			   "databases");
}

json_t *loss_report_json(const struct loss_report *report)
{
	json_t *tables = json_array();
	for (size_t i = 0; i < report->count; i++) {
		const struct loss_line *line = &report->lines[i];
		json_array_append_new(tables,
			json_pack("{s:o, s:s, s:I, s:I}", "table", copies_json_text(line->table),
				"state", loss_kind_word(line->kind), "live_rows",
				(json_int_t)line->live_rows, "other_rows",
				(json_int_t)line->other_rows));
	}
	return json_pack("{s:o, s:o, s:I, s:o}", "live", copies_json_text(report->live), "other",
		copies_json_text(report->other), "different", (json_int_t)report->different,
		"tables", tables);
}
