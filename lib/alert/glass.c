#include "alert/glass.h"
#include "alert/alert.h"

#define TRY_MS 500 /* nobody who breaks the glass shall wait long for it: the spool keeps it */

void alert_glass_broken(const struct alert_glass *glass)
{
	AUTO_STRVEC(receivers);
	AUTO_ALERT_RESULTS(results);
	AUTO_ERR(why);
	alert_receiver_names(glass->env, &receivers);
	if (!receivers.count)
		return;
	AUTO_FREE char *title = xstrfmt("Glass broken: an older state for %s", glass->database);
	AUTO_FREE char *body = xstrfmt("%s %s, environment %s. Reason given: %s", glass->program,
		glass->verb, glass->env->name, glass->reason);
	struct alert_settings how = {.env = glass->env,
		.version = glass->version,
		.timeout_ms = TRY_MS,
		.log = glass->log};
	struct alert_message message = {
		.level = ALERT_WARNING, .title = title, .body = body, .logger = glass->program};
	if (!alert_send(&how, &receivers, &message, &results, &why))
		log_warn(glass->log, "alert_failed", NULL, "%s", why.msg);
}
