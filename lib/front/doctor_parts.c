/* Parts of the configuration that other rooms read: each room reads its own, so that mistakes show
 * now. */
#include "alert/kind.h"
#include "base/fs.h"
#include "check/check.h"
#include "front/doctor.h"
#include "maint/providers.h"
#include "migrate/tree.h"

void doctor_migrations(struct doctor *doctor)
{
	AUTO_ERR(err);
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	const struct conf_migrations *migrations = &doctor->env->migrations;
	if (!fs_is_dir(migrations->dir))
		doctor_say(doctor, DOCTOR_WARN, "mig apply revision -m \"first change\"",
			"no folder of migrations yet: %s", migrations->dir);
	else if (!migrate_tree_load(migrations, &tree, &err))
		doctor_say_error(doctor, DOCTOR_BAD, &err);
	else if (tree->format->ready && !tree->format->ready(tree, &err))
		doctor_say_error(doctor, DOCTOR_BAD, &err);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%zu revision%s (%s) in %s", tree->count,
			str_plural((int64_t)tree->count), tree->format->name, migrations->dir);
}

void doctor_maintenance(struct doctor *doctor)
{
	AUTO_ERR(err);
	AUTO_STRVEC(names);
	CLEANUP(maint_providers_release) struct maint_providers providers = {0};
	if (!doctor->env->maintenance) {
		if (doctor->env->production)
			doctor_say(doctor, DOCTOR_WARN, "maintenance: [{file: PATH}] in mig.yaml",
				"nothing switches the application off: a deploy cannot prove that "
				"nobody writes");
		return;
	}
	if (!maint_providers_load(doctor->env, &providers, &err)) {
		doctor_say_error(doctor, DOCTOR_BAD, &err);
		return;
	}
	for (size_t i = 0; i < providers.count; i++)
		strvec_push(&names, providers.items[i]->name);
	AUTO_FREE char *list = strvec_join(&names, ", ");
	doctor_say(doctor, DOCTOR_OK, NULL, "%s", list);
}

void doctor_smoke(struct doctor *doctor)
{
	AUTO_ERR(err);
	AUTO_CHECK_LIST(list);
	const struct conf_node *checks = conf_get(doctor->env->smoke, "checks");
	if (!checks)
		return;
	if (!check_list_parse(checks, &list, &err))
		doctor_say_error(doctor, DOCTOR_BAD, &err);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%zu check%s", list.count,
			str_plural((int64_t)list.count));
}

/* Keys that hold a secret and hold it as plain text. */
static void check_literals(
	struct doctor *doctor, const struct alert_kind *kind, const struct conf_node *node)
{
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct conf_node *value = conf_get(node, kind->fields[i].key);
		if (kind->fields[i].type != CONF_SECRET || !conf_is(value, CONF_SCALAR))
			continue;
		AUTO_FREE char *where = conf_where(value);
		doctor_say(doctor, DOCTOR_WARN, "put it behind {env: NAME} or {file: PATH}",
			"%s: a secret stands in this file", where);
	}
}

/* A receiver is opened, not called: `mig alert test` does that. */
static void check_receiver(struct doctor *doctor, const struct conf_node *node)
{
	const char *name = node->key;
	AUTO_ERR(err);
	struct alert_receiver *receiver = NULL;
	const struct alert_settings settings = {.env = doctor->env, .version = "doctor"};
	if (alert_receiver_open(&settings, name, &receiver, &err))
		doctor_say(doctor, DOCTOR_OK, NULL, "receiver %s; try it: mig alert test %s", name,
			name);
	else
		doctor_say_error(doctor, DOCTOR_BAD, &err);
	if (receiver)
		check_literals(doctor, receiver->kind, node);
	alert_receiver_close(receiver);
}

void doctor_alerts(struct doctor *doctor)
{
	const struct conf_env *env = doctor->env;
	CONF_EACH (env->alerts, receiver)
		check_receiver(doctor, receiver);
	if (!env->maintenance && !env->production)
		return;
	if (!env->alerts)
		doctor_say(doctor, DOCTOR_WARN, "alerts: {sentry: {dsn: {env: SENTRY_DSN}}}",
			"nobody receives alerts");
	doctor_say(doctor, DOCTOR_WARN,
		"let another machine ask every minute: mig-maintenance assert live-or-owned",
		"no dead-man switch outside: if this host dies during maintenance, nobody is told");
}
