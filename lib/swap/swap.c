#include "base/clock.h"
#include "copies/copies.h"
#include "copies/intent.h"
#include "maint/maint.h"
#include "maint/writes.h"
#include "swap/history.h"
#include "swap/room.h"
#include <inttypes.h>

#define PROOF_ATTEMPTS 3
#define SWAP_KEY_WAIT_MS 30000
#define DOUBT_WAIT_MS 60000
#define COUNTERS_TRAVEL_MS 1100
#define IN_USE "55006" /* object_in_use: sessions stayed for five seconds */
#define LOCK_TIMEOUT "55P03"

struct swap {
	const struct swap_settings *settings;
	struct db_params server; /* database `postgres` */
	struct db *a; /* session A */
	int a_pid;
	uint32_t live_oid;
	struct swap_traits traits; /* of the live database */
	char *displaced;
	char *intent;
	int64_t took_ms;
};

static void swap_release(struct swap *swap)
{
	db_close(swap->a);
	swap_traits_release(&swap->traits);
	free(swap->displaced);
	free(swap->intent);
}

void swap_outcome_release(struct swap_outcome *outcome)
{
	free(outcome->displaced);
	*outcome = (struct swap_outcome){0};
}

static bool open_database(
	const struct swap_settings *settings, const char *dbname, struct db **db, struct err *err)
{
	struct db_params params = settings->target;
	params.dbname = dbname;
	return db_open(&params, db, err);
}

static bool swap_begin(struct swap *swap, const struct swap_settings *settings, struct err *err)
{
	swap->settings = settings;
	swap->server = settings->target;
	swap->server.dbname = "postgres";
	if (settings->keys && settings->keys->in_target) {
		err_set(err, ERR_REFUSED, "a swap needs database \"postgres\" of the same server");
		return err_hint(err, "this role cannot connect to it; grant it, or restore with "
				     "--to-db and rename by hand");
	}
	uint32_t copy_oid = 0;
	if (!db_open(&swap->server, &swap->a, err))
		return false;
	swap->a_pid = swap->a->pid;
	if (!copies_oid(swap->a, settings->live, &swap->live_oid, err) ||
		(settings->copy && !copies_oid(swap->a, settings->copy, &copy_oid, err)))
		return false;
	if (!swap->live_oid)
		return err_set(err, ERR_NOTFOUND, "no database \"%s\"", settings->live);
	if (settings->copy && (!copy_oid || copy_oid != settings->copy_oid))
		return err_set(err, ERR_REFUSED, "database \"%s\" is not the one that was chosen",
			settings->copy);
	return swap_traits_read(swap->a, swap->live_oid, &swap->traits, err);
}

bool swap_check(const struct swap_settings *settings, struct err *err)
{
	CLEANUP(swap_release) struct swap swap = {0};
	return swap_begin(&swap, settings, err) &&
	       swap_check_all(settings, swap.a, swap.live_oid, &swap.traits, err);
}

/*
 * The intent
 */

static bool write_intent(struct swap *swap, const char *outcome, struct err *err)
{
	const struct swap_settings *settings = swap->settings;
	AUTO_FREE char *at = clock_utc_ms(clock_now_ms());
	return copies_intent_write(swap->intent,
		json_pack("{s:s, s:o, s:I, s:o, s:I, s:o, s:o, s:s, s:o}", "intent", "swap", "live",
			copies_json_text(settings->live), "live_oid", (json_int_t)swap->live_oid,
			"copy", copies_json_text(settings->copy), "copy_oid",
			(json_int_t)settings->copy_oid, "displaced",
			copies_json_text(swap->displaced), "run", copies_json_text(settings->run),
			"at", at, "outcome", copies_json_text(outcome)),
		err);
}

/*
 * The transaction
 */

static bool in_the_way(struct swap *swap, const char *name, uint32_t oid, struct err *err)
{
	AUTO_FREE char *oid_text = xstrfmt("%u", oid);
	AUTO_FREE char *who = NULL;
	AUTO_ERR(ignored);
	struct db *other = NULL;
	if (db_open(&swap->server, &other, &ignored) &&
		!db_value(other, &who, &ignored,
			"select string_agg(pid || ' ' || coalesce(usename, backend_type) || ' '"
			" || application_name, ', ' order by pid) from pg_stat_activity"
			" where datid = $1::oid",
			oid_text))
		who = NULL;
	db_close(other);
	AUTO_FREE char *detail = xstrdup_null(err->detail);
	err_set(err, ERR_REFUSED, "sessions stay in database \"%s\"", name);
	err_detail(err, "%s%s%s", who ? who : "", who && detail ? "\n" : "", detail ? detail : "");
	return err_hint(err, "end them, then try again");
}

static bool rename_database(
	struct swap *swap, const char *from, const char *to, uint32_t oid, struct err *err)
{
	AUTO_FREE char *from_ident = db_ident(swap->a, from);
	AUTO_FREE char *to_ident = db_ident(swap->a, to);
	uint32_t renamed;
	if (!db_execf(swap->a, err, "alter database %s rename to %s", from_ident, to_ident)) {
		if (!strcmp(err->sqlstate, IN_USE))
			return in_the_way(swap, from, oid, err);
		if (!strcmp(err->sqlstate, LOCK_TIMEOUT))
			err->code = ERR_LOCK;
		return false;
	}
	if (!copies_oid(swap->a, to, &renamed, err))
		return false;
	if (renamed != oid)
		return err_set(err, ERR_REFUSED,
			"database \"%s\" was exchanged by somebody else (OID %u, not %u)", from,
			renamed, oid);
	return true;
}

/* Under the lock on the live database: did anybody write after R1? */
static bool totals_moved(
	struct swap *swap, const struct writes_verdict *verdict, bool *moved, struct err *err)
{
	AUTO_STRBUF(totals);
	*moved = false;
	if (!verdict)
		return true;
	/* before 15 counters of sessions that just ended travel for a moment */
	if (swap->a->version < 150000)
		clock_sleep_ms(COUNTERS_TRAVEL_MS);
	if (!writes_totals(swap->a, swap->live_oid, &totals, err))
		return false;
	*moved = !str_equal(totals.buf, verdict->totals.buf);
	return true;
}

static bool move_comments(struct swap *swap, struct err *err)
{
	const struct swap_settings *settings = swap->settings;
	AUTO_FREE char *now = NULL;
	if (!copies_now(swap->a, &now, err))
		return false;
	struct copies_mark mark = {
		.purpose = (char *)db_purpose_word(DB_DISPLACED),
		.oid = swap->live_oid,
		.of = (char *)settings->live,
		.run = (char *)settings->run,
		.made = now,
	};
	AUTO_FREE char *text = copies_mark_text(&mark);
	return swap_traits_comment(swap->a, swap->displaced, text, err) &&
	       swap_traits_comment(swap->a, settings->live, swap->traits.comment, err);
}

/* Both renames, with session B clearing the way; it is gone before anybody may come in again. */
static bool exchange_names(
	struct swap *swap, const struct writes_verdict *verdict, bool *moved, struct err *err)
{
	const struct swap_settings *settings = swap->settings;
	CLEANUP(swap_evict_stop_auto) struct swap_evict *evict = NULL;
	if (!swap_evict_start(&swap->server, swap->live_oid, settings->copy_oid, &evict, err) ||
		!rename_database(swap, settings->live, swap->displaced, swap->live_oid, err) ||
		!totals_moved(swap, verdict, moved, err))
		return false;
	return *moved ||
	       rename_database(swap, settings->copy, settings->live, settings->copy_oid, err);
}

/* *moved: rolled back because somebody wrote after R1. */
static bool attempt(
	struct swap *swap, const struct writes_verdict *verdict, bool *moved, struct err *err)
{
	const struct swap_settings *settings = swap->settings;
	int64_t began = clock_monotonic_ms();
	AUTO_TX(tx);
	if (!db_begin(swap->a, &tx, NULL, err) ||
		!db_exec(swap->a, err, "set local lock_timeout = '10s'") ||
		!db_exec(swap->a, err, "set local idle_in_transaction_session_timeout = '30s'") ||
		!exchange_names(swap, verdict, moved, err))
		return false;
	if (*moved)
		return true;
	/* as they are now, under the lock */
	if (!swap_traits_read(swap->a, swap->live_oid, &swap->traits, err) ||
		!swap_traits_apply(
			swap->a, settings->live, settings->copy_oid, &swap->traits, err) ||
		!move_comments(swap, err) || (settings->keys && !keys_check(settings->keys, err)))
		return false;
	/* too late to be interrupted: what follows is done to its end */
	swap->a->uninterrupted = true;
	if (!db_commit(&tx, err))
		return false;
	swap->took_ms = clock_monotonic_ms() - began;
	return true;
}

/*
 * After a failure: the OID that bears the live name says whether it was committed.
 */

static bool ask_committed(struct swap *swap, bool *settled, bool *committed, struct err *err)
{
	struct db *server = NULL;
	uint32_t oid = 0;
	AUTO_FREE char *pid = xstrfmt("%d", swap->a_pid);
	AUTO_FREE char *alive = NULL;
	/* a lost session A may still be committing */
	bool ok = db_open(&swap->server, &server, err) &&
		  db_value(server, &alive, err,
			  "select count(*) from pg_stat_activity where pid = $1::int and datname ="
			  " 'postgres'",
			  pid) &&
		  copies_oid(server, swap->settings->live, &oid, err);
	db_close(server);
	*settled = ok && str_equal(alive, "0");
	*committed = oid == swap->settings->copy_oid;
	return ok;
}

static bool find_out(struct swap *swap, bool *committed, struct err *err)
{
	int64_t until = clock_monotonic_ms() + DOUBT_WAIT_MS;
	AUTO_ERR(why);
	bool settled = false;
	db_close(xtake(&swap->a));
	swap->server.stop = NULL; /* the answer is needed all the more after a signal */
	do {
		if (ask_committed(swap, &settled, committed, &why) && settled)
			return true;
		clock_sleep_ms(200);
	} while (clock_monotonic_ms() < until);
	err_set(err, ERR_DOUBT, "it is not known whether the swap of \"%s\" was committed",
		swap->settings->live);
	err_detail(err, "%s", why.msg ? why.msg : "its session does not end");
	return err_hint(err,
		"ask the server: select oid from pg_database where datname = '%s' "
		"(%u: not swapped, %u: swapped)",
		swap->settings->live, swap->live_oid, swap->settings->copy_oid);
}

/*
 * Before and after
 */

/* R1, in the live database; its session is gone when this returns. */
static bool prove(
	const struct swap_settings *settings, struct writes_verdict *verdict, struct err *err)
{
	CLEANUP(db_close_auto) struct db *live = NULL;
	if (!open_database(settings, settings->live, &live, err) ||
		!writes_end(live, settings->proof, settings->ignore, verdict, err))
		return false;
	if (verdict->answer == WRITES_STOPPED)
		return true;
	err_set(err, ERR_REFUSED, "no proof that writes to \"%s\" stopped", settings->live);
	err_detail(err, "%s: %s", writes_answer_word(verdict->answer),
		verdict->reason ? verdict->reason : "no reason was given");
	return err_hint(err, "maintenance stays on; whoever accepts the loss does it by hand: "
			     "mig-restore SNAPSHOT --swap --accept-loss");
}

bool swap_prove(const struct swap_settings *settings, struct err *err)
{
	CLEANUP(writes_verdict_release) struct writes_verdict verdict = {0};
	return prove(settings, &verdict, err);
}

static bool hand_over(struct swap *swap, struct err *err)
{
	CLEANUP(db_close_auto) struct db *live = NULL;
	CLEANUP(db_close_auto) struct db *copy = NULL;
	const struct swap_settings *settings = swap->settings;
	return open_database(settings, settings->live, &live, err) &&
	       open_database(settings, settings->copy, &copy, err) &&
	       maint_hand_over(live, copy, err);
}

/* What is left of a swap in the history of the database that is live now. */
static bool write_history(struct swap *swap, struct err *err)
{
	const struct swap_settings *settings = swap->settings;
	CLEANUP(db_close_auto) struct db *live = NULL;
	if (!open_database(settings, settings->live, &live, err))
		return false;
	live->uninterrupted = true;
	json_t *detail = json_pack("{s:o, s:I, s:o}", "displaced",
		copies_json_text(swap->displaced), "displaced_oid", (json_int_t)swap->live_oid,
		"copy", copies_json_text(settings->copy));
	if (settings->keys && !keys_work(settings->keys, live, err)) {
		json_decref(detail);
		return false;
	}
	return swap_history_write(live, settings->run, detail, err);
}

static void after_commit(struct swap *swap)
{
	AUTO_ERR(why);
	if (!write_history(swap, &why))
		log_warn(swap->settings->log, "history_not_written",
			json_pack("{s:s}", "error", why.msg),
			"swapped, but no row was written into mig.history: %s", why.msg);
	if (!write_intent(swap, "committed", &why))
		log_warn(swap->settings->log, "intent_not_closed", NULL,
			"swapped, but its intent could not be closed: %s", why.msg);
}

/* Swaps once; with a proof, again while somebody writes between R1 and the lock. */
static bool swap_with_proof(struct swap *swap, struct err *err)
{
	for (int i = 0; i < PROOF_ATTEMPTS; i++) {
		CLEANUP(writes_verdict_release) struct writes_verdict verdict = {0};
		bool moved = false;
		if (swap->settings->proof && !prove(swap->settings, &verdict, err))
			return false;
		if (swap->settings->proof)
			log_debug(swap->settings->log, "writes_stopped", NULL,
				"writes to %s stopped: %s", swap->settings->live,
				verdict.reason ? verdict.reason : "the readings are equal");
		if (!attempt(swap, swap->settings->proof ? &verdict : NULL, &moved, err))
			return false;
		if (!moved)
			return true;
		log_warn(swap->settings->log, "writes_seen", NULL,
			"somebody wrote to %s just before the swap: it was rolled back",
			swap->settings->live);
	}
	err_set(err, ERR_REFUSED, "no proof that writes to \"%s\" stopped", swap->settings->live);
	return err_detail(err, "somebody wrote between the last reading and the swap, %d times",
		PROOF_ATTEMPTS);
}

/* A failure whose outcome only the server knows becomes what the server says. */
static bool settle(struct swap *swap, bool swapped, struct err *err)
{
	bool committed = false;
	AUTO_ERR(why);
	if (swapped || PQstatus(swap->a->pg) == CONNECTION_OK)
		return swapped;
	if (!find_out(swap, &committed, &why))
		return err_move(err, &why);
	if (!committed)
		return err_context(err, "not swapped");
	err_release(err);
	return true;
}

bool swap_databases(
	const struct swap_settings *settings, struct swap_outcome *outcome, struct err *err)
{
	CLEANUP(swap_release) struct swap swap = {0};
	if (!swap_begin(&swap, settings, err) ||
		!swap_check_all(settings, swap.a, swap.live_oid, &swap.traits, err) ||
		(settings->keys && !keys_swap_exclusive(settings->keys, SWAP_KEY_WAIT_MS, err)))
		return false;
	swap.displaced = db_name_derive(settings->live, DB_DISPLACED);
	swap.intent = copies_intent_path(settings->state_dir, "swap");
	if (!hand_over(&swap, err) || !write_intent(&swap, NULL, err))
		return false;
	if (!settle(&swap, swap_with_proof(&swap, err), err)) {
		AUTO_ERR(ignored);
		if (err->code != ERR_DOUBT && !write_intent(&swap, "rolled back", &ignored))
			log_debug(settings->log, "intent_not_closed", NULL, "%s", ignored.msg);
		return false;
	}
	after_commit(&swap);
	outcome->displaced = xtake(&swap.displaced);
	outcome->took_ms = swap.took_ms;
	log_debug(settings->log, "swapped",
		json_pack("{s:o, s:o, s:I}", "database", copies_json_text(settings->live),
			"displaced", copies_json_text(outcome->displaced), "ms",
			(json_int_t)outcome->took_ms),
		"%s is live now; what was live is %s", settings->copy, outcome->displaced);
	return true;
}
