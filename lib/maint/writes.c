#include "maint/writes.h"

#include "base/fs.h"
#include "maint/compare.h"
#include "maint/providers.h"
#include "maint/reading.h"
#include "maint/sessions.h"

const char *writes_answer_word(enum writes_answer answer)
{
	static const char *const words[] = {"stopped", "seen", "unknown"};
	return words[answer];
}

bool writes_end_sessions(struct db *db, struct err *err)
{
	AUTO_STRVEC(left);
	if (!sessions_end(db, &left, err))
		return false;
	if (left.count == 0)
		return true;
	err_set(err, ERR_REFUSED, "a session in %s cannot be ended: %s", db->dbname, left.items[0]);
	return err_hint(err, "end it yourself, or GRANT pg_signal_backend TO %s", db->user);
}

/*
 * The file
 */

/* Steals fields. */
static bool append(const char *path, const char *record, json_t *fields, struct err *err)
{
	json_t *whole = json_pack("{s:s}", "record", record);
	json_object_update(whole, fields);
	AUTO_FREE char *text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	json_decref(fields);
	AUTO_FREE char *line = xstrfmt("%s\n", text);
	return fs_append(path, line, strlen(line), true, err);
}

void writes_report_unknown(const char *path, const char *reason)
{
	AUTO_ERR(ignored); /* what is not reported shows in the counters, or the run says 21 */
	if (path && fs_exists(path) &&
		!append(path, "unknown", json_pack("{s:s}", "reason", reason), &ignored))
		return;
}

bool writes_note_fence(const char *path, bool stands, struct err *err)
{
	return !fs_exists(path) || append(path, "fence", json_pack("{s:b}", "stands", stands), err);
}

bool writes_report_own(struct db *db, const char *path, struct err *err)
{
	json_t *own = NULL;
	if (!path || !fs_exists(path))
		return true;
	return reading_own(db, &own, err) && append(path, "own", own, err);
}

json_t *writes_own_sql(void)
{
	return reading_own_sql();
}

bool writes_report_child(const char *path, const json_t *own, struct err *err)
{
	return !path || !fs_exists(path) || append(path, "own", json_deep_copy(own), err);
}

/* All lines of a proof: R0, the sum of what is our own, and what speaks against it. */
struct proof {
	json_t *r0;
	json_t *own;
	char *unknown; /* first reason */
	bool fenced; /* since R0, and never opened */
	bool opened;
};

static void proof_release(struct proof *proof)
{
	json_decref(proof->r0);
	json_decref(proof->own);
	free(proof->unknown);
}

static void take_line(struct proof *proof, const json_t *line)
{
	const char *record = json_string_value(json_object_get(line, "record"));
	if (str_equal(record, "reading") && !proof->r0) {
		proof->r0 = json_deep_copy(line);
	} else if (str_equal(record, "own")) {
		compare_add_own(proof->own, line);
	} else if (str_equal(record, "fence")) {
		bool stands = json_is_true(json_object_get(line, "stands"));
		proof->opened = proof->opened || !stands;
		proof->fenced = proof->fenced || stands;
	} else if (!proof->unknown) {
		const char *reason = json_string_value(json_object_get(line, "reason"));
		proof->unknown = xstrdup(reason ? reason : "the proof has a line of unknown kind");
	}
}

static bool read_proof(const char *path, struct proof *proof, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	proof->own = json_object();
	if (!fs_read(path, (size_t)1 << 30, &text, err))
		return false;
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line) {
		if (!*line)
			continue;
		json_t *object = json_loads(line, 0, NULL);
		if (object)
			take_line(proof, object);
		else if (!proof->unknown)
			proof->unknown = xstrdup("the proof has a line that cannot be read");
		json_decref(object);
	}
	if (!proof->r0 && !proof->unknown)
		proof->unknown = xstrdup("the proof has no first reading");
	return true;
}

char *writes_known(const char *path)
{
	CLEANUP(proof_release) struct proof proof = {0};
	AUTO_ERR(why);
	if (!path || !fs_exists(path))
		return NULL;
	if (!read_proof(path, &proof, &why))
		return xstrfmt("unknown: %s", why.msg);
	const char *at = json_string_value(json_object_get(proof.r0, "at"));
	/* the fence alone is enough, whatever the readings cannot tell */
	if (proof.r0 && proof.fenced && !proof.opened)
		return xstrfmt("fenced since %s", at ? at : "an unknown time");
	if (proof.unknown)
		return xstrfmt("unknown: %s", proof.unknown);
	return xstrfmt("first reading at %s", at ? at : "an unknown time");
}

/*
 * The readings
 */

static bool end_foreign(struct db *db, char **unsure, struct err *err)
{
	AUTO_STRVEC(left);
	if (!sessions_end(db, &left, err))
		return false;
	if (left.count > 0 && !*unsure)
		*unsure = xstrfmt("a session cannot be ended: %s", left.items[0]);
	return true;
}

bool writes_begin(struct db *db, int key_pid, const char *path, struct err *err)
{
	AUTO_FREE char *folder = fs_dirname(path);
	AUTO_FREE char *unsure = NULL;
	AUTO_FREE char *unread = NULL;
	json_t *reading = NULL;
	if (!fs_mkdirs(folder, err) || !fs_remove_tree(path, err) ||
		!end_foreign(db, &unsure, err) ||
		!reading_take(db, key_pid, &reading, &unread, err) ||
		!append(path, "reading", reading, err))
		return false;
	if (unsure)
		writes_report_unknown(path, unsure);
	if (unread)
		writes_report_unknown(path, unread);
	return true;
}

bool writes_totals(struct db *db, uint32_t db_oid, struct strbuf *out, struct err *err)
{
	AUTO_FREE char *oid = xstrfmt("%u", db_oid);
	AUTO_FREE char *totals = NULL;
	if (db->version >= 150000 && !db_exec(db, err, "set stats_fetch_consistency = none"))
		return false;
	if (!db_exec(db, err, "select pg_stat_clear_snapshot()") ||
		!db_value(db, &totals, err,
			"select format('%s inserted, %s updated, %s deleted, reset %s',"
			" tup_inserted, tup_updated, tup_deleted, coalesce(stats_reset::text, "
			"'never'))"
			" from pg_stat_database where datid = $1::oid",
			oid))
		return false;
	strbuf_adds(out, totals ? totals : "none");
	return true;
}

static void verdict_unknown(struct writes_verdict *verdict, const char *reason)
{
	if (verdict->answer == WRITES_SEEN)
		return;
	verdict->answer = WRITES_UNKNOWN;
	free(verdict->reason);
	verdict->reason = xstrdup(reason);
}

/*
 * R1: sessions first, then the totals, so that what is flushed during the reading shows later. The
 * fence is no answer when somebody was inside it (who shares mig's role is not kept out), nor for
 * another database.
 */
static bool second_reading(struct db *db, const struct proof *proof, const struct strvec *ignore,
	struct writes_verdict *verdict, bool *may_ask_fence, struct err *err)
{
	AUTO_FREE char *unsure = NULL;
	AUTO_FREE char *unread = NULL;
	json_t *r1 = NULL;
	bool inside = false;
	int key_pid =
		(int)json_integer_value(json_object_get(json_object_get(proof->r0, "key"), "pid"));
	if (!sessions_inside(db, &inside, err) || !end_foreign(db, &unsure, err) ||
		!writes_totals(db, db->db_oid, &verdict->totals, err) ||
		!reading_take(db, key_pid, &r1, &unread, err))
		return false;
	compare_readings(proof->r0, r1, proof->own, ignore, verdict);
	bool same_database =
		json_equal(json_object_get(proof->r0, "database"), json_object_get(r1, "database"));
	json_decref(r1);
	const char *against = unread ? unread : proof->unknown;
	if (against)
		verdict_unknown(verdict, against);
	*may_ask_fence = !unsure && !inside && same_database;
	if (unsure)
		verdict_unknown(verdict, unsure);
	return true;
}

/* The other way to know (safety 12): since R0 nobody but mig and superusers could come in. */
static bool ask_fence(
	struct db *db, const struct proof *proof, struct writes_verdict *verdict, struct err *err)
{
	AUTO_STRVEC(holes);
	AUTO_STRVEC(superusers);
	if (verdict->answer != WRITES_UNKNOWN || !proof->fenced || proof->opened)
		return true;
	if (!maint_fence_holes(db, &holes, &superusers, err))
		return false;
	if (holes.count > 0)
		return true;
	AUTO_FREE char *readings = verdict->reason;
	verdict->answer = WRITES_STOPPED;
	verdict->reason = xstrfmt("the fence stood all the time (the readings: %s)", readings);
	return true;
}

bool writes_end(struct db *db, const char *path, const struct strvec *ignore,
	struct writes_verdict *verdict, struct err *err)
{
	static const struct strvec none;
	CLEANUP(proof_release) struct proof proof = {0};
	*verdict = (struct writes_verdict){.totals = STRBUF_INIT};
	if (!read_proof(path, &proof, err))
		return false;
	if (!proof.r0) {
		verdict_unknown(verdict, proof.unknown);
		return true;
	}
	bool may_ask_fence = false;
	return second_reading(db, &proof, ignore ? ignore : &none, verdict, &may_ask_fence, err) &&
	       (!may_ask_fence || ask_fence(db, &proof, verdict, err));
}

void writes_verdict_release(struct writes_verdict *verdict)
{
	free(verdict->reason);
	if (verdict->totals.buf)
		strbuf_release(&verdict->totals);
	*verdict = (struct writes_verdict){0};
}
