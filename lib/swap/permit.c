#include "swap/permit.h"
#include "base/clock.h"
#include "base/fs.h"
#include "copies/copies.h"
#include "maint/maint.h"
#include <jansson.h>

static bool by_proof(const struct swap_request *request, enum swap_ask *ask, struct err *err)
{
	const struct conf_env *env = request->env;
	if (!request->run) {
		err_set(err, ERR_REFUSED, "--proof counts only inside the run that made it");
		return err_hint(err, "by hand: mig-restore SNAPSHOT --swap --accept-loss");
	}
	if (env->policy.swap_back == POLICY_NEVER) {
		err_set(err, ERR_REFUSED, "environment %s never swaps back by itself", env->name);
		return err_hint(err, "policy: {swap_back: allow} would; or by hand: mig-restore "
				     "SNAPSHOT --swap --accept-loss");
	}
	if (env->policy.swap_back == POLICY_CONFIRM)
		*ask = SWAP_ASK_TYPED;
	return true;
}

bool swap_permit_policy(const struct swap_request *request, enum swap_ask *ask, struct err *err)
{
	const struct conf_env *env = request->env;
	*ask = SWAP_ASK_NOTHING;
	if (request->proof)
		return by_proof(request, ask, err);
	switch (env->policy.restore) {
	case POLICY_NEVER:
		err_set(err, ERR_REFUSED, "environment %s never puts an older state in place",
			env->name);
		return err_hint(err, "policy: {restore: ..} forbids it; look at the state beside "
				     "the live one: mig-restore SNAPSHOT");
	case POLICY_BREAK_GLASS:
		*ask = SWAP_ASK_TYPED;
		if (request->reason && *request->reason)
			return true;
		err_set(err, ERR_REFUSED,
			"environment %s puts an older state in place only by breaking the glass",
			env->name);
		return err_hint(err, "say why: --reason \"...\"; then its name is to be typed");
	default:
		*ask = env->policy.restore == POLICY_ALLOW ? SWAP_ASK_NOTHING : SWAP_ASK_PLAIN;
		if (env->production)
			*ask = SWAP_ASK_TYPED;
		return true;
	}
}

char *swap_permit_command(const struct conf_env *env, const char *verb, const char *copy)
{
	if (env->policy.restore == POLICY_NEVER)
		return NULL;
	return xstrfmt("mig-restore %s%s%s --accept-loss%s", verb, copy ? " " : "",
		copy ? copy : "",
		env->policy.restore == POLICY_BREAK_GLASS ? " --reason \"why\"" : "");
}

static bool lease_holds(struct db *live, const char *ends, bool *holds, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(live, &rows, err, "select $1::timestamptz > clock_timestamp()", ends))
		return false;
	*holds = ends && db_get_bool(&rows, 0, 0);
	return true;
}

bool swap_permit_maintenance(const struct swap_request *request, struct db *live, struct err *err)
{
	CLEANUP(maint_status_release) struct maint_status status = {0};
	AUTO_FREE char *owner = request->run ? xstrfmt("run:%s", request->run) : xstrdup("hand");
	bool leased = false;
	if (!maint_status(request->env, live, &status, err) ||
		!lease_holds(live, status.lease_ends, &leased, err))
		return false;
	if (status.state != MAINT_CLOSED || status.foreign) {
		err_set(err, ERR_REFUSED, "a swap needs maintenance, and it is %s",
			status.foreign ? "another database's" : maint_state_word(status.state));
		return err_hint(err, "close first: mig-maintenance on");
	}
	if (!str_equal(status.owner, owner)) {
		err_set(err, ERR_REFUSED, "maintenance is held by %s, not by %s",
			status.owner ? status.owner : "nobody", owner);
		return err_hint(err, "take it over: mig-maintenance on --adopt");
	}
	if (leased)
		return true;
	err_set(err, ERR_REFUSED, "the lease of maintenance ended at %s",
		status.lease_ends ? status.lease_ends : "an unknown time");
	return err_hint(err, "mig-maintenance renew");
}

/* When the proof's first reading was taken, the server's words; NULL: there is none. */
static char *first_reading_at(const char *path)
{
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	AUTO_ERR(ignored);
	char *at = NULL;
	if (!fs_read(path, 0, &text, &ignored))
		return NULL;
	strvec_split(&lines, text.buf, '\n');
	for (size_t i = 0; i < lines.count && !at; i++) {
		json_t *line = json_loads(lines.items[i], 0, NULL);
		if (str_equal(json_string_value(json_object_get(line, "record")), "reading"))
			at = xstrdup_null(json_string_value(json_object_get(line, "at")));
		json_decref(line);
	}
	return at;
}

bool swap_permit_age(const struct swap_request *request, struct db *live, struct err *err)
{
	AUTO_FREE char *at = first_reading_at(request->proof);
	int64_t age_ms;
	if (!at)
		return true; /* no proof at all: the second reading will say so */
	if (!copies_age(live, at, &age_ms, err))
		return false;
	if (clock_now_ms() - request->made_ms <= age_ms)
		return true;
	err_set(err, ERR_REFUSED, "the snapshot is older than the proof that writes stopped");
	err_detail(err, "what was written between the snapshot and %s would be lost", at);
	return err_hint(err, "an older state is a person's decision: mig-restore SNAPSHOT --swap "
			     "--accept-loss");
}

bool swap_permit_loss(const struct swap_request *request, struct err *err)
{
	if (request->proof || request->accept_loss)
		return true;
	err_set(err, ERR_REFUSED, "not accepted: what the report says would be lost");
	return err_hint(err, "the same command with --accept-loss goes on");
}
