#include "maint/compare.h"

enum { NAME, FILE_NODE, NOT_EMPTY, INSERTED, UPDATED, DELETED };
enum { OWN_INSERTED, OWN_UPDATED, OWN_DELETED, OWN_NODE };
enum { STEP_NODE, STEP_LOCKED, STEP_NOT_EMPTY, STEP_INSERTED };
enum { LOCKED_NODE, LOCKED_NOT_EMPTY };
enum { SEQUENCE_NAME, SEQUENCE_READABLE, SEQUENCE_VALUE };

static int64_t at(const json_t *array, size_t index)
{
	return json_integer_value(json_array_get(array, index));
}

static json_t *part(json_t *sum, const char *key)
{
	json_t *found = json_object_get(sum, key);
	if (!found)
		json_object_set_new(sum, key, found = json_object());
	return found;
}

static json_t *part_list(json_t *sum, const char *key)
{
	json_t *found = json_object_get(sum, key);
	if (!found)
		json_object_set_new(sum, key, found = json_array());
	return found;
}

static void add_step(json_t *steps, const char *oid, json_t *step)
{
	json_array_append_new(part_list(steps, oid), step);
}

/*
 * In the order of our transactions: the file of each table that one of them had for itself, or
 * inserted into, which nobody else could exchange from then on.
 */
static void add_steps(json_t *steps, const json_t *own)
{
	const json_t *locked = json_object_get(own, "locked");
	const json_t *tables = json_object_get(own, "tables");
	const char *oid;
	json_t *entry;
	json_object_foreach((json_t *)locked, oid, entry) add_step(steps, oid,
		json_pack("[I, b, b, I]", (json_int_t)at(entry, LOCKED_NODE), true,
			json_is_true(json_array_get(entry, LOCKED_NOT_EMPTY)),
			(json_int_t)at(json_object_get(tables, oid), OWN_INSERTED)));
	json_object_foreach((json_t *)tables, oid,
		entry) if (!json_object_get(locked, oid) && at(entry, OWN_INSERTED) > 0 &&
			   at(entry, OWN_NODE) > 0) add_step(steps, oid,
		json_pack("[I, b, b, I]", (json_int_t)at(entry, OWN_NODE), false, true,
			(json_int_t)at(entry, OWN_INSERTED)));
}

void compare_add_own(json_t *sum, const json_t *own)
{
	json_t *tables = part(sum, "tables");
	const char *oid;
	json_t *counts;
	json_object_foreach(json_object_get(own, "tables"), oid, counts)
	{
		const json_t *before = json_object_get(tables, oid);
		json_t *now = json_array();
		for (size_t i = OWN_INSERTED; i <= OWN_DELETED; i++)
			json_array_append_new(now, json_integer(at(before, i) + at(counts, i)));
		json_object_set_new(tables, oid, now);
	}
	add_steps(part(sum, "steps"), own);
	json_object_update(part(sum, "sequences"), json_object_get(own, "sequences"));
}

static void say(struct writes_verdict *verdict, enum writes_answer answer, char *reason)
{
	bool outranks = verdict->answer == WRITES_STOPPED ||
			(verdict->answer == WRITES_UNKNOWN && answer == WRITES_SEEN);
	if (!outranks) {
		free(reason);
		return;
	}
	verdict->answer = answer;
	free(verdict->reason);
	verdict->reason = reason;
}

/* The sum of what is too much, per kind; negative: counters were lost, or a commit did not happen.
 */
static void compare_counts(const json_t *t0, const json_t *t1, const json_t *own, bool ignored,
	struct writes_verdict *verdict)
{
	static const char *const words[] = {"inserted", "updated", "deleted"};
	const char *name = json_string_value(json_array_get(t1, NAME));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		int64_t more = at(t1, INSERTED + i) - at(t0, INSERTED + i) - at(own, i);
		if (more == 0 || (ignored && more > 0))
			continue;
		if (more > 0)
			say(verdict, WRITES_SEEN,
				xstrfmt("%lld row%s of %s %s %s by somebody else", (long long)more,
					str_plural(more), name, more == 1 ? "was" : "were",
					words[i]));
		else
			say(verdict, WRITES_UNKNOWN,
				xstrfmt("%lld row%s of %s %s missing in the counters",
					(long long)-more, str_plural(-more), name,
					more == -1 ? "is" : "are"));
	}
}

/* Why a file that is another one at this step of our own cannot be trusted; NULL: it is ours. */
static const char *suspicion(const json_t *step, bool had_rows)
{
	if (!json_is_true(json_array_get(step, STEP_LOCKED)))
		return "was truncated or rewritten by somebody else";
	if (had_rows && !json_is_true(json_array_get(step, STEP_NOT_EMPTY)))
		return "was truncated";
	/* rows of before show that nobody truncated it first: rows of our own would hide it */
	if (had_rows && at(step, STEP_INSERTED) > 0)
		return "has a new file and rows of mig's own: somebody else may have truncated it "
		       "before";
	return NULL;
}

/* A file node changes with TRUNCATE and with every rewrite; counters with neither. */
static void compare_file(
	const json_t *t0, const json_t *t1, const json_t *steps, struct writes_verdict *verdict)
{
	const char *name = json_string_value(json_array_get(t1, NAME));
	bool had_rows = json_is_true(json_array_get(t0, NOT_EMPTY));
	int64_t node = at(t0, FILE_NODE);
	const char *why = NULL;
	for (size_t i = 0; i < json_array_size(steps) && !why; i++) {
		const json_t *step = json_array_get(steps, i);
		if (at(step, STEP_NODE) != node)
			why = suspicion(step, had_rows);
		node = at(step, STEP_NODE);
		had_rows = had_rows || json_is_true(json_array_get(step, STEP_NOT_EMPTY));
	}
	if (!why && node != at(t1, FILE_NODE))
		why = "was truncated or rewritten by somebody else";
	if (why)
		say(verdict, WRITES_UNKNOWN, xstrfmt("%s %s", name, why));
}

static void compare_tables(const json_t *r0, const json_t *r1, const json_t *own,
	const struct strvec *ignore, struct writes_verdict *verdict)
{
	json_t *before = json_object_get(r0, "tables");
	json_t *after = json_object_get(r1, "tables");
	const json_t *reported = json_object_get(own, "tables");
	const json_t *steps = json_object_get(own, "steps");
	const char *oid;
	json_t *table;
	json_object_foreach(before, oid, table) if (!json_object_get(after, oid))
		say(verdict, WRITES_UNKNOWN,
			xstrfmt("%s was dropped, and its counters with it",
				json_string_value(json_array_get(table, NAME))));
	json_object_foreach(after, oid, table)
	{
		const json_t *then = json_object_get(before, oid);
		const char *name = json_string_value(json_array_get(table, NAME));
		compare_counts(then, table, json_object_get(reported, oid),
			strvec_has(ignore, name), verdict);
		if (then)
			compare_file(then, table, json_object_get(steps, oid), verdict);
	}
}

/* A sequence that mig's own sessions used is compared from their last use on. */
static void compare_sequences(
	const json_t *r0, const json_t *r1, const json_t *own, struct writes_verdict *verdict)
{
	const json_t *used = json_object_get(own, "sequences");
	const char *oid;
	json_t *then;
	json_object_foreach(json_object_get(r0, "sequences"), oid, then)
	{
		const json_t *now = json_object_get(json_object_get(r1, "sequences"), oid);
		const json_t *own_value = json_object_get(used, oid);
		const char *name = json_string_value(json_array_get(then, SEQUENCE_NAME));
		if (!now)
			say(verdict, WRITES_UNKNOWN, xstrfmt("sequence %s was dropped", name));
		else if (!json_equal(own_value ? own_value : json_array_get(then, SEQUENCE_VALUE),
				 json_array_get(now, SEQUENCE_VALUE)))
			say(verdict, WRITES_SEEN, xstrfmt("sequence %s has moved", name));
	}
}

static bool same_text(const json_t *r0, const json_t *r1, const char *key)
{
	return json_equal(json_object_get(r0, key), json_object_get(r1, key));
}

static void compare_circumstances(
	const json_t *r0, const json_t *r1, struct writes_verdict *verdict)
{
	if (!same_text(r0, r1, "database"))
		say(verdict, WRITES_UNKNOWN, xstrdup("the first reading is of another database"));
	if (json_is_null(json_object_get(r0, "life")) || !same_text(r0, r1, "life"))
		say(verdict, WRITES_UNKNOWN,
			xstrdup("the server was restarted or crashed between the readings"));
	if (!same_text(r0, r1, "stats_reset"))
		say(verdict, WRITES_UNKNOWN, xstrdup("the counters were reset"));
	if (!same_text(r0, r1, "key"))
		say(verdict, WRITES_UNKNOWN,
			xstrdup("the session that lived since the first reading is gone"));
}

void compare_readings(const json_t *r0, const json_t *r1, const json_t *own,
	const struct strvec *ignore, struct writes_verdict *verdict)
{
	verdict->answer = WRITES_STOPPED;
	compare_circumstances(r0, r1, verdict);
	if (verdict->answer == WRITES_STOPPED) {
		compare_tables(r0, r1, own, ignore, verdict);
		compare_sequences(r0, r1, own, verdict);
	}
	if (verdict->answer != WRITES_STOPPED)
		return;
	free(verdict->reason);
	size_t tables = json_object_size(json_object_get(r1, "tables"));
	size_t sequences = json_object_size(json_object_get(r1, "sequences"));
	verdict->reason = xstrfmt("%zu table%s and %zu sequence%s are as mig left them", tables,
		str_plural((int64_t)tables), sequences, str_plural((int64_t)sequences));
}
