#include "migrate/internal.h"

#include "base/clock.h"
#include "migrate/window.h"

/* What the plan needs of the environment's policy. */
struct needs {
	int64_t backup_ms; /* newest snapshot not older; 0: none needed */
	const char *why; /* of the backup */
	bool confirm;
	bool never;
	const char *window; /* NULL: any time */
	bool rehearsed;
};

static void need_backup(struct needs *needs, int64_t limit_ms, const char *why)
{
	if (!limit_ms || (needs->backup_ms && needs->backup_ms <= limit_ms))
		return;
	needs->backup_ms = limit_ms;
	needs->why = why;
}

static struct needs find_needs(const struct migrate_plan *plan, const struct conf_policies *policy)
{
	struct needs needs = {0};
	if (!plan->count)
		return needs;
	if (plan->direction == MIGRATE_DOWN) {
		needs.never = policy->downgrade == POLICY_NEVER;
		needs.confirm = policy->downgrade == POLICY_CONFIRM;
	} else {
		need_backup(&needs, policy->upgrade_backup_ms, "upgrade: require_backup");
		needs.window = policy->upgrade_window;
		needs.rehearsed = policy->upgrade_rehearsed_ms > 0;
		needs.confirm = plan->destructive && policy->destructive == POLICY_CONFIRM;
	}
	if (plan->destructive && policy->destructive == POLICY_BACKUP)
		need_backup(&needs, policy->destructive_backup_ms, "destructive: require_backup");
	return needs;
}

void migrate_policy_needs(
	const struct migrate_plan *plan, const struct conf_env *env, struct strvec *lines)
{
	struct needs needs = find_needs(plan, &env->policy);
	if (needs.never)
		strvec_pushf(lines, "refused: downgrade is \"never\" in %s", env->name);
	if (needs.rehearsed)
		strvec_push(lines, "refused: a rehearsal cannot be made yet (upgrade: rehearsed)");
	if (needs.window)
		strvec_pushf(lines, "only %s (upgrade: window)", needs.window);
	if (needs.backup_ms) {
		AUTO_FREE char *limit = clock_duration_text(needs.backup_ms);
		strvec_pushf(lines, "needs a snapshot not older than %s (%s)", limit, needs.why);
	}
	if (needs.confirm)
		strvec_pushf(lines, "needs a yes (%s)",
			plan->direction == MIGRATE_DOWN ? "downgrade: confirm"
							: "destructive: confirm");
}

static bool refuse_downgrade(const struct conf_env *env, struct err *err)
{
	err_set(err, ERR_REFUSED, "environment %s does not allow downgrades", env->name);
	err_detail(err,
		"policy downgrade: never. The ways that are open:\n"
		"  forward fix:  mig-apply revision -m \"Undo ...\"; mig-apply upgrade\n"
		"  old code:     mig-deploy switch previous   (when it can live with this schema)\n"
		"  restore:      mig-restore latest -n        (shows what would be lost; then "
		"--swap)");
	return err_hint(err, "a forward fix is usual: mig-apply revision -m \"Undo ...\"");
}

/* A policy that cannot be checked is not met. */
static bool refuse_rehearsed(const struct conf_env *env, struct err *err)
{
	err_set(err, ERR_REFUSED, "environment %s wants a rehearsal, which mig cannot make yet",
		env->name);
	err_detail(err, "policy upgrade: rehearsed");
	return err_hint(err, "take \"rehearsed\" out of the policy in mig.yaml");
}

static bool check_backup(
	const struct needs *needs, const struct migrate_settings *settings, struct err *err)
{
	int64_t age_ms = -1;
	if (!settings->backup_age(settings->ctx, &age_ms, err))
		return false;
	if (age_ms >= 0 && age_ms <= needs->backup_ms)
		return true;
	AUTO_FREE char *limit = clock_duration_text(needs->backup_ms);
	AUTO_FREE char *age = age_ms < 0 ? NULL : clock_duration_text(age_ms);
	AUTO_FREE char *newest =
		age ? xstrfmt("the newest is %s old", age) : xstrdup("there is none");
	err_set(err, ERR_REFUSED, "environment %s wants a snapshot not older than %s: %s",
		settings->env->name, limit, newest);
	err_detail(err, "policy %s", needs->why);
	return err_hint(err, "take one: mig-backup create");
}

static char *question_for(const struct migrate_plan *plan, const struct conf_env *env)
{
	AUTO_STRBUF(text);
	bool down = plan->direction == MIGRATE_DOWN;
	strbuf_addf(&text, "%s %zu revision%s %s %s%s?", down ? "Take back" : "Apply", plan->count,
		str_plural((int64_t)plan->count), down ? "from" : "to", env->name,
		plan->destructive ? ", dropping data" : "");
	return strbuf_take(&text);
}

bool migrate_policy_check(const struct migrate_session *session, struct err *err)
{
	const struct migrate_settings *settings = &session->how;
	struct needs needs = find_needs(&session->plan, &settings->env->policy);
	if (needs.never)
		return refuse_downgrade(settings->env, err);
	if (needs.rehearsed)
		return refuse_rehearsed(settings->env, err);
	if (needs.window && !migrate_window_check(session->db, needs.window, err))
		return false;
	if (needs.backup_ms && !check_backup(&needs, settings, err))
		return false;
	if (!needs.confirm)
		return true;
	AUTO_FREE char *question = question_for(&session->plan, settings->env);
	return settings->confirm(settings->ctx, question, err);
}
