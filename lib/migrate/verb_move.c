#include "migrate/internal.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

/* Of the tree's own tool, whose SQL may depend on what only a run would tell. */
static char *offline_sql(struct migrate_session *session, struct err *err)
{
	AUTO_ERR(why);
	char *sql = NULL;
	if (session->tree->format->script(&session->plan, session->db, &sql, &why))
		return sql;
	AUTO_FREE char *steps = migrate_report_plan_sql(session, err);
	AUTO_STRVEC(reason);
	strvec_split(&reason, why.msg, '\n');
	return steps ? xstrfmt("%s-- their SQL could not be written: %s%s%s\n", steps,
			       reason.items[0], why.hint ? "; " : "", why.hint ? why.hint : "")
		     : NULL;
}

static char *planned_sql(struct migrate_session *session, bool wanted, struct err *err)
{
	bool offline = wanted && session->tree->format->script && session->plan.count;
	return offline ? offline_sql(session, err) : migrate_report_plan_sql(session, err);
}

static bool answer_plan(const struct migrate_ask *ask, struct migrate_session *session,
	bool with_sql, struct migrate_answer *answer, struct err *err)
{
	AUTO_STRVEC(lines);
	AUTO_FREE char *sql =
		with_sql || ask->json ? planned_sql(session, with_sql, err) : xstrdup("");
	if (!sql)
		return false;
	if (ask->json)
		return migrate_report_plan_json(session, sql, &answer->json, err);
	if (!migrate_report_plan(session, &lines, err))
		return false;
	answer->sql = with_sql;
	STRVEC_EACH (&lines, line)
		strvec_pushf(&answer->lines, "%s%s", with_sql ? "-- " : "", line);
	if (with_sql && *sql)
		strvec_pushf(&answer->lines, "\n%s", sql);
	return true;
}

/* Most upgrades find nothing to do, which is seen without keys and a second
 * session; but not while another run may be on its way. */
static bool open_to_move(const struct migrate_ask *ask, enum migrate_direction direction,
	const char *target, struct migrate_session *session, struct err *err)
{
	AUTO_LIST(steps);
	if (!ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_KNOWN, session, err) ||
		!(ask->one_of_many || migrate_args_fit(&session->how.args, session->tree, err)))
		return false;
	if (ask->dry_run)
		return true;
	if (!order_steps(session->tree, direction, &session->state.current, target, &steps, err))
		return false;
	bool idle = !steps.count && !session->state.half_count && !session->state.open_count &&
		    !session->state.run_key_held;
	return idle || ask->open(ask, MIGRATE_CHANGE, MIGRATE_ROWS_KNOWN, session, err);
}

static bool move(const struct migrate_ask *ask, enum migrate_direction direction,
	const char *target, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	size_t done = 0;
	if (!open_to_move(ask, direction, target, &session, err) ||
		!migrate_plan(&session, direction, target, err) ||
		!migrate_keep_phase(ask, &session, answer, err))
		return false;
	if (ask->dry_run)
		return answer_plan(ask, &session, true, answer, err);
	if (!recall_show(&session, err) || !migrate_policy_check(&session, err) ||
		!migrate_apply(&session, &done, err))
		return false;
	AUTO_FREE char *now = migrate_report_where(&session);
	strvec_pushf(&answer->lines, "%s %s at %s", session.how.env->name,
		done ? "is now" : "was already", now);
	if (ask->json)
		answer->json = migrate_report_result(&session, done);
	return true;
}

/* Alembic, too, takes a range for SQL alone. */
static bool is_no_range(const char *verb, const char *target, struct err *err)
{
	const char *colon = strchr(target, ':');
	if (!colon)
		return true;
	err_set(err, ERR_USAGE, "%s starts where the database stands: \"%s\" is a range", verb,
		target);
	return err_hint(err, "its SQL: mig-apply %s --sql %s; to go there: mig-apply %s %s", verb,
		target, verb,
		colon[1]                   ? colon + 1
		: !strcmp(verb, "upgrade") ? "head"
					   : "base");
}

static bool upgrade(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	const char *target = migrate_ask_target(ask, "head");
	if (ask->sql)
		return migrate_script_one_way(ask, target, MIGRATE_UP, answer, err);
	return is_no_range("upgrade", target, err) && move(ask, MIGRATE_UP, target, answer, err);
}

static bool downgrade_sql(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	const char *target = migrate_ask_target(ask, "-1");
	if (strchr(target, ':'))
		return migrate_script_one_way(ask, target, MIGRATE_DOWN, answer, err);
	err_set(err, ERR_USAGE, "downgrade --sql needs both ends: FROM:TO");
	return err_hint(err, "mig-apply downgrade --sql current:%s", target);
}

static bool downgrade(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	if (ask->sql)
		return downgrade_sql(ask, answer, err);
	if (ask->operands->count)
		return is_no_range("downgrade", ask->operands->items[0], err) &&
		       move(ask, MIGRATE_DOWN, ask->operands->items[0], answer, err);
	err_set(err, ERR_USAGE, "downgrade needs a target");
	return err_hint(err, "the last revision: mig-apply downgrade -1; "
			     "all of them: mig-apply downgrade base");
}

static bool plan(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	return ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_KNOWN, &session, err) &&
	       (ask->one_of_many || migrate_args_fit(&session.how.args, session.tree, err)) &&
	       migrate_plan(&session, MIGRATE_UP, migrate_ask_target(ask, "head"), err) &&
	       answer_plan(ask, &session, ask->verbose, answer, err);
}

const struct migrate_verb migrate_verb_upgrade = {.goes_up = true, .run = upgrade};
const struct migrate_verb migrate_verb_downgrade = {.goes_down = true, .run = downgrade};
const struct migrate_verb migrate_verb_plan = {.goes_up = true, .run = plan};
