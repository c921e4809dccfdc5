/* --show-settings: every effective value with its origin. */
#include "base/clock.h"
#include "base/secret.h"
#include "conf/config.h"

static const char *const policy_words[] = {
	"allow", "confirm", "never", "break-glass", "require_backup"};

static void add(json_t *all, const char *name, const char *value, const char *origin)
{
	AUTO_FREE char *shown = secret_redact(value ? value : "");
	json_object_set_new(all, name, json_pack("{s:s, s:s}", "value", shown, "origin", origin));
}

/* A value stands where it is written; a map begins at its key. */
static char *place(const struct conf_node *node)
{
	if (!node)
		return xstrdup("default");
	if (node->kind != CONF_SCALAR && node->key)
		return xstrfmt("%s:%d:%d", node->file, node->key_line, node->key_column);
	return conf_where(node);
}

static void add_key(json_t *all, const struct conf_node *map, const char *key, const char *name,
	const char *value)
{
	AUTO_FREE char *origin = place(conf_get(map, key));
	add(all, name, value, origin);
}

static char *policy_text(enum conf_policy policy, int64_t backup_ms)
{
	AUTO_FREE char *age = clock_duration_text(backup_ms);
	return policy == POLICY_BACKUP ? xstrfmt("{require_backup: %s}", age)
				       : xstrdup(policy_words[policy]);
}

static char *upgrade_text(const struct conf_policies *policy)
{
	AUTO_STRVEC(parts);
	AUTO_FREE char *backup = clock_duration_text(policy->upgrade_backup_ms);
	AUTO_FREE char *rehearsed = clock_duration_text(policy->upgrade_rehearsed_ms);
	if (policy->upgrade_backup_ms)
		strvec_pushf(&parts, "require_backup: %s", backup);
	if (policy->upgrade_rehearsed_ms)
		strvec_pushf(&parts, "rehearsed: %s", rehearsed);
	if (policy->upgrade_window)
		strvec_pushf(&parts, "window: \"%s\"", policy->upgrade_window);
	AUTO_FREE char *joined = strvec_join(&parts, ", ");
	return xstrfmt("{%s}", joined);
}

static void add_policies(json_t *all, const struct conf_env *env)
{
	static const char *const lints[] = {"off", "warn", "error"};
	const struct conf_policies *policy = &env->policy;
	const struct conf_node *map = conf_get(env->node, "policy");
	const struct {
		const char *key;
		enum conf_policy policy;
	} rows[] = {
		{"downgrade", policy->downgrade},
		{"swap_back", policy->swap_back},
		{"restore", policy->restore},
		{"destructive", policy->destructive},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *name = xstrfmt("policy.%s", rows[i].key);
		AUTO_FREE char *text = policy_text(rows[i].policy, policy->destructive_backup_ms);
		add_key(all, map, rows[i].key, name, text);
	}
	AUTO_FREE char *upgrade = upgrade_text(policy);
	add_key(all, map, "upgrade", "policy.upgrade", upgrade);
	add_key(all, map, "lint", "policy.lint", lints[policy->lint]);
}

static void add_stores(json_t *all, const struct conf_env *env)
{
	for (size_t i = 0; i < env->store_count; i++) {
		AUTO_FREE char *name = xstrfmt("store.%s", env->stores[i].name);
		AUTO_FREE char *origin =
			env->stores[i].node ? conf_where(env->stores[i].node) : xstrdup("default");
		add(all, name, env->stores[i].url, origin);
	}
}

static void add_pin(json_t *all, const struct conf_env *env)
{
	AUTO_FREE char *text =
		env->pin ? xstrfmt("system %s, database %s", env->pin->system, env->pin->dbname)
			 : xstrdup("none");
	add(all, "pin", text, env->pin ? env->pin->where : "default");
}

json_t *conf_env_settings(const struct conf_env *env)
{
	json_t *all = json_object();
	const struct conf_node *root = env->doc ? env->doc->root : NULL;
	const struct conf_node *tree = env->migrations.node;
	AUTO_FREE char *name_origin = place(env->node);
	add(all, "config", env->config_path ? env->config_path : "none",
		env->config_path ? "found" : "default");
	add_key(all, root, "project", "project", env->project);
	add(all, "environment", env->name, name_origin);
	add_key(all, root, "state_dir", "state_dir", env->state_dir);
	add(all, "database", env->conninfo[0] ? env->conninfo : "PG* variables and libpq defaults",
		env->conninfo_origin);
	add_pin(all, env);
	add_key(all, env->node, "production", "production", env->production ? "true" : "false");
	add_key(all, env->node, "pooler", "pooler", env->pooler_session ? "session" : "none");
	add_key(all, tree, "dir", "migrations.dir", env->migrations.dir);
	add_key(all, tree, "format", "migrations.format", env->migrations.format);
	add_key(all, tree, "version_table", "migrations.version_table",
		env->migrations.version_table ? env->migrations.version_table : "the format's own");
	add_stores(all, env);
	add_policies(all, env);
	return all;
}
