#include "loss/loss.h"
#include "base/clock.h"
#include "copies/intent.h"
#include "db/copy_session.h"
#include "loss/export.h"
#include "loss/join.h"
#include "swap/traits.h"
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
	free(report->export);
	*report = (struct loss_report){0};
}

/*
 * Two ends of a comparison, each in one state of its database while it lasts
 */

struct end {
	struct db *db; /* NULL: a snapshot */
	char *snapshot; /* for other sessions */
	struct loss_side side;
};

struct comparing {
	const struct loss_settings *settings;
	struct loss_report *report;
	struct loss_export *export; /* NULL: only told */
	struct end live, other;
};

static void end_release(struct end *end)
{
	db_close(end->db);
	free(end->snapshot);
	loss_side_release(&end->side);
}

static void comparing_release(struct comparing *comparing)
{
	loss_export_free(comparing->export);
	end_release(&comparing->live);
	end_release(&comparing->other);
}

static bool open_end(const struct loss_settings *settings, const char *dbname, const char *encoding,
	struct end *end, struct err *err)
{
	struct db_params params = settings->target;
	if (dbname)
		params.dbname = dbname;
	return db_open(&params, &end->db, err) && db_copy_session_guest(end->db, encoding, err) &&
	       db_exec(end->db, err, "begin isolation level repeatable read read only") &&
	       db_value(end->db, &end->snapshot, err, "select pg_catalog.pg_export_snapshot()") &&
	       loss_side_of_database(end->db, &end->side, err);
}

static bool measure_end(const struct loss_settings *settings, const char *dbname,
	const char *encoding, struct end *end, const struct loss_side *by, struct err *err)
{
	struct compare_measure measure = {
		.params = settings->target,
		.encoding = encoding,
		.snapshot = end->snapshot,
		.workers = settings->workers,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "compare",
	};
	if (dbname)
		measure.params.dbname = dbname;
	return loss_side_measure(&measure, &end->side, by, err);
}

static bool open_export(struct comparing *comparing, struct err *err)
{
	const char *directory = comparing->settings->export;
	return !directory || loss_export_open(directory, &comparing->export, err);
}

static bool close_export(struct comparing *comparing, struct err *err)
{
	struct loss_report *report = comparing->report;
	if (!comparing->export)
		return true;
	loss_export_totals(comparing->export, &report->export_tables, &report->export_rows);
	report->export = xstrdup(comparing->settings->export);
	return loss_export_commit(
		comparing->export, comparing->live.db, report->live, report->other, err);
}

/*
 * Rows that differ
 */

static struct loss_source source_of(
	struct comparing *comparing, const struct end *end, const struct loss_unit *unit)
{
	return (struct loss_source){
		.db = end->db,
		.reader = end->db ? NULL : comparing->settings->reader,
		.unit = unit,
		.cancelled = comparing->settings->cancelled,
		.cancel_ctx = comparing->settings->cancel_ctx,
	};
}

static bool has_more_columns(const struct loss_unit *live, const struct loss_unit *other)
{
	STRVEC_EACH (&live->columns, name)
		if (!strvec_has(&other->columns, name))
			return true;
	return false;
}

static bool export_all(struct comparing *comparing, const struct loss_unit *live,
	pack_on_row on_row, struct err *err)
{
	struct loss_source source = source_of(comparing, &comparing->live, live);
	return loss_source_rows(&source, on_row, comparing->export, err) &&
	       loss_export_end(comparing->export, err);
}

static bool join_rows(struct comparing *comparing, const struct loss_unit *live,
	const struct loss_unit *other, struct loss_line *line, struct err *err)
{
	struct loss_counts counts;
	if (!comparing->other.db && !comparing->settings->reader) {
		line->added = line->removed = line->changed = -1;
		return true;
	}
	struct loss_join join = {
		.live = source_of(comparing, &comparing->live, live),
		.other = source_of(comparing, &comparing->other, other),
		.key = loss_unit_common_key(live, other),
		.lost = comparing->export ? loss_export_row : NULL,
		.ctx = comparing->export,
	};
	if (!loss_join(&join, &counts, err))
		return err_context(err, "table %s", line->table);
	line->added = counts.added;
	line->removed = counts.removed;
	line->changed = counts.changed;
	line->by_key = join.key->count > 0;
	return !comparing->export || loss_export_end(comparing->export, err);
}

static bool count_rows(struct comparing *comparing, const struct loss_unit *live,
	const struct loss_unit *other, struct loss_line *line, struct err *err)
{
	struct loss_export *export = comparing->export;
	if (line->kind == LOSS_EQUAL)
		return true;
	if (live && export)
		loss_export_table(export, live, other);
	if (live && other)
		return join_rows(comparing, live, other, line, err) &&
		       (!export || !has_more_columns(live, other) ||
			       export_all(comparing, live, loss_export_whole, err));
	line->added = live ? line->live_rows : 0;
	line->removed = other ? line->other_rows : 0;
	return !live || !export || export_all(comparing, live, loss_export_row, err);
}

/*
 * Comparing two measured sides
 */

static bool add_line(struct comparing *comparing, const struct loss_unit *live,
	const struct loss_unit *other, enum loss_kind kind, struct err *err)
{
	struct loss_report *report = comparing->report;
	const struct loss_unit *unit = live ? live : other;
	xgrow(report->lines, report->count, report->alloc);
	struct loss_line *line = &report->lines[report->count++];
	*line = (struct loss_line){
		.table = xstrfmt("%s.%s", unit->schema, unit->name),
		.kind = kind,
		.live_rows = live ? live->content.rows : -1,
		.other_rows = other ? other->content.rows : -1,
	};
	report->different += kind != LOSS_EQUAL;
	return count_rows(comparing, live, other, line, err);
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

static bool compare(struct comparing *comparing, struct err *err)
{
	const struct loss_side *live = &comparing->live.side, *other = &comparing->other.side;
	struct loss_report *report = comparing->report;
	for (size_t i = 0; i < live->units.count; i++) {
		const struct loss_unit *here = &live->units.items[i];
		const struct loss_unit *there = loss_side_find(other, here->schema, here->name);
		enum loss_kind kind = there ? judge(here, there) : LOSS_ADDED;
		if (!here->unknown && !add_line(comparing, here, there, kind, err))
			return false;
	}
	for (size_t i = 0; i < other->units.count; i++) {
		const struct loss_unit *there = &other->units.items[i];
		if (!there->unknown && !loss_side_find(live, there->schema, there->name) &&
			!add_line(comparing, NULL, there, LOSS_REMOVED, err))
			return false;
	}
	if (report->count)
		qsort(report->lines, report->count, sizeof(report->lines[0]), by_table);
	return close_export(comparing, err);
}

static bool compare_traits(
	struct db *db, const struct swap_traits *other, struct loss_report *report, struct err *err)
{
	CLEANUP(swap_traits_release) struct swap_traits live = {0};
	return swap_traits_read(db, db->db_oid, &live, err) &&
	       swap_traits_differences(db, &live, other, &report->kept, err);
}

/*
 * Against a snapshot
 */

bool loss_of_snapshot(const struct loss_settings *settings, const struct pack_manifest *manifest,
	struct loss_report *report, struct err *err)
{
	CLEANUP(comparing_release)
	struct comparing comparing = {.settings = settings, .report = report};
	CLEANUP(swap_traits_release) struct swap_traits traits = {0};
	struct end *live = &comparing.live, *other = &comparing.other;
	const char *encoding = manifest->database.encoding;
	loss_side_of_snapshot(manifest, &other->side);
	swap_traits_of_snapshot(&manifest->database, &traits);
	if (!open_export(&comparing, err) || !open_end(settings, NULL, encoding, live, err) ||
		!measure_end(settings, NULL, encoding, live, &other->side, err) ||
		!compare_traits(live->db, &traits, report, err))
		return false;
	report->live = xstrdup(live->db->dbname);
	/* another environment's */
	bool own = str_equal(manifest->database.name, report->live);
	report->other = xstrfmt("snapshot %s%s%s", manifest->id, own ? "" : " of ",
		own ? "" : manifest->database.name);
	report->age_ms = clock_now_ms() - manifest->started_ms;
	return compare(&comparing, err);
}

/*
 * Against a copy
 */

/* Both in one encoding: rows are compared as bytes. */
bool loss_of_copy(const struct loss_settings *settings, const char *copy, int64_t made_ms,
	struct loss_report *report, struct err *err)
{
	CLEANUP(comparing_release)
	struct comparing comparing = {.settings = settings, .report = report};
	struct end *live = &comparing.live, *other = &comparing.other;
	AUTO_FREE char *encoding = NULL;
	if (!open_export(&comparing, err) || !open_end(settings, NULL, NULL, live, err) ||
		!db_value(live->db, &encoding, err, "select pg_catalog.getdatabaseencoding()") ||
		!open_end(settings, copy, encoding, other, err) ||
		!measure_end(settings, NULL, encoding, live, &other->side, err) ||
		!measure_end(settings, copy, encoding, other, &other->side, err))
		return false;
	report->live = xstrdup(live->db->dbname);
	report->other = xstrfmt("copy %s", copy);
	report->age_ms = made_ms < 0 ? -1 : clock_now_ms() - made_ms;
	return compare(&comparing, err);
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

/* "3 rows lost, 5 back, 2 changed" */
static char *line_text(const struct loss_line *line)
{
	if (line->added < 0)
		return xstrdup(loss_kind_word(line->kind));
	bool same = !line->added && !line->removed && !line->changed;
	if (line->kind == LOSS_COLUMNS && same)
		return xstrfmt("%s; what both have is equal", loss_kind_word(line->kind));
	return xstrfmt("%s: %" PRId64 " lost, %" PRId64 " back, %" PRId64 " changed%s",
		loss_kind_word(line->kind), line->added, line->removed, line->changed,
		line->by_key || !line->added || !line->removed ? "" : " (no key to tell changed)");
}

static void export_lines(const struct loss_report *report, struct strvec *lines)
{
	if (report->export)
		strvec_pushf(lines,
			"  %" PRId64 " row%s of %" PRId64 " table%s that would be lost %s in %s",
			report->export_rows, str_plural(report->export_rows), report->export_tables,
			str_plural(report->export_tables), report->export_rows == 1 ? "is" : "are",
			report->export);
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
		strvec_pushf(lines,
			report->count == 1 ? "  the table is equal" : "  all %zu tables are equal",
			report->count);
	else
		strvec_pushf(lines, "  %-40s %12s %12s", "table", "rows here", "rows there");
	for (size_t i = 0; i < report->count; i++) {
		const struct loss_line *line = &report->lines[i];
		char live[24], other[24];
		if (line->kind == LOSS_EQUAL)
			continue;
		rows_text(live, sizeof(live), line->live_rows);
		rows_text(other, sizeof(other), line->other_rows);
		AUTO_FREE char *text = line_text(line);
		strvec_pushf(lines, "  %-40s %12s %12s  %s", line->table, live, other, text);
	}
	if (report->different)
		strvec_pushf(lines, "  %zu of %zu table%s differ%s", report->different,
			report->count, str_plural((int64_t)report->count),
			report->different == 1 ? "s" : "");
	export_lines(report, lines);
	STRVEC_EACH (&report->kept, kept)
		strvec_pushf(lines, "  a swap keeps what is here: %s", kept);
	strvec_push(lines, "  a swap does not touch: roles, tablespaces, ALTER SYSTEM, other "
			   "databases");
}

static json_t *line_json(const struct loss_line *line)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "table",
		copies_json_text(line->table), "state", loss_kind_word(line->kind), "live_rows",
		(json_int_t)line->live_rows, "other_rows", (json_int_t)line->other_rows, "added",
		(json_int_t)line->added, "removed", (json_int_t)line->removed, "changed",
		(json_int_t)line->changed, "by_key", line->by_key);
}

json_t *loss_report_json(const struct loss_report *report)
{
	json_t *tables = json_array();
	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(tables, line_json(&report->lines[i]));
	json_t *json = json_pack("{s:o, s:o, s:I, s:o}", "live", copies_json_text(report->live),
		"other", copies_json_text(report->other), "different",
		(json_int_t)report->different, "tables", tables);
	if (report->export)
		json_object_set_new(json, "export",
			json_pack("{s:o, s:I, s:I}", "directory", copies_json_text(report->export),
				"tables", (json_int_t)report->export_tables, "rows",
				(json_int_t)report->export_rows));
	return json;
}
