#include "conf/file.h"

#include "base/fs.h"
#include "base/suggest.h"
#include <ctype.h>

const char *const file_formats[] = {"auto", "sql", "alembic", "dbmate", NULL};
static const char *const commands[] = {"alembic", "flask", NULL};
static const char *const poolers[] = {"none", "session", NULL};

struct top {
	int64_t mig;
	char *project, *state_dir;
	const struct conf_node *migrations, *stores, *environments;
};

static const struct conf_field top_fields[] = {
	{"mig", CONF_INT, offsetof(struct top, mig), true},
	{"project", CONF_TEXT, offsetof(struct top, project), true},
	{"state_dir", CONF_TEXT, offsetof(struct top, state_dir)},
	{"migrations", CONF_NODE, offsetof(struct top, migrations)},
	{"stores", CONF_NODE, offsetof(struct top, stores)},
	{"environments", CONF_NODE, offsetof(struct top, environments), true},
};

static const struct conf_field tree_fields[] = {
	{"dir", CONF_TEXT, offsetof(struct file_migrations, dir)},
	{"format", CONF_CHOICE, offsetof(struct file_migrations, format), false, file_formats},
	{"version_table", CONF_TEXT, offsetof(struct file_migrations, version_table)},
	{"command", CONF_CHOICE, offsetof(struct file_migrations, command), false, commands},
	{"python", CONF_TEXT, offsetof(struct file_migrations, python)},
	{"environment", CONF_NODE, offsetof(struct file_migrations, environment)},
	{"settings", CONF_NODE, offsetof(struct file_migrations, settings)},
	{"placeholders", CONF_NODE, offsetof(struct file_migrations, placeholders)},
	{"strict", CONF_BOOL, offsetof(struct file_migrations, strict)},
	{"others", CONF_BOOL, offsetof(struct file_migrations, others)},
};

static const struct conf_field env_fields[] = {
	{"database", CONF_SECRET, offsetof(struct file_env, database)},
	{"direct", CONF_SECRET, offsetof(struct file_env, direct)},
	{"pooler", CONF_CHOICE, offsetof(struct file_env, pooler), false, poolers},
	{"pin", CONF_NODE, offsetof(struct file_env, pin)},
	{"store", CONF_TEXT, offsetof(struct file_env, store)},
	{"stores", CONF_NODE, offsetof(struct file_env, stores)},
	{"encrypt_to", CONF_STRINGS, offsetof(struct file_env, encrypt_to)},
	{"identity", CONF_SECRET, offsetof(struct file_env, identity)},
	{"keep", CONF_NODE, offsetof(struct file_env, keep)},
	{"production", CONF_BOOL, offsetof(struct file_env, production)},
	{"policy", CONF_NODE, offsetof(struct file_env, policy)},
	{"maintenance", CONF_NODE, offsetof(struct file_env, maintenance)},
	{"smoke", CONF_NODE, offsetof(struct file_env, smoke)},
	{"hosts", CONF_NODE, offsetof(struct file_env, hosts)},
	{"release", CONF_NODE, offsetof(struct file_env, release)},
	{"alerts", CONF_NODE, offsetof(struct file_env, alerts)},
};

static const struct conf_field keep_fields[] = {
	{"last", CONF_INT, offsetof(struct conf_keep, last)},
	{"hourly", CONF_INT, offsetof(struct conf_keep, hourly)},
	{"daily", CONF_INT, offsetof(struct conf_keep, daily)},
	{"weekly", CONF_INT, offsetof(struct conf_keep, weekly)},
	{"monthly", CONF_INT, offsetof(struct conf_keep, monthly)},
	{"yearly", CONF_INT, offsetof(struct conf_keep, yearly)},
};

struct store_map {
	char *url;
	const struct conf_node *credentials;
};
static const struct conf_field store_fields[] = {
	{"url", CONF_TEXT, offsetof(struct store_map, url), true},
	{"credentials", CONF_NODE, offsetof(struct store_map, credentials)},
};

struct release_map {
	char *dir;
	int64_t keep;
	struct strvec restart;
};
static const struct conf_field release_fields[] = {
	{"dir", CONF_TEXT, offsetof(struct release_map, dir), true},
	{"keep", CONF_INT, offsetof(struct release_map, keep)},
	{"restart", CONF_ARGV, offsetof(struct release_map, restart)},
};

#define PART(path, fields) \
	{ \
		path, fields, ARRAY_SIZE(fields) \
	}
const struct file_part file_parts[] = {
	PART("", top_fields),
	PART("migrations.", tree_fields),
	PART("stores.NAME.", store_fields),
	PART("environments.NAME.", env_fields),
	PART("environments.NAME.pin.", pin_fields),
	PART("environments.NAME.keep.", keep_fields),
	PART("environments.NAME.release.", release_fields),
	{NULL, NULL, 0},
};

/* Names become folders and words of database comments: nothing that a shell or path would mind. */
static bool check_name(
	const struct conf_node *at, const char *name, const char *what, struct err *err)
{
	bool good = isalnum((unsigned char)name[0]) && strlen(name) <= 40;
	for (const char *c = name; *c; c++)
		good = good && (isalnum((unsigned char)*c) || strchr("._-", *c));
	return good || conf_error(at, err,
			       "%s \"%s\": expected at most 40 letters, digits, \".\", \"_\", "
			       "\"-\", a letter "
			       "or digit first",
			       what, name);
}

static bool check_text_map(const struct conf_node *map, struct err *err)
{
	if (map && map->kind != CONF_MAP)
		return conf_error(map, err, "%s: expected a map of names and values", map->key);
	CONF_EACH (map, item) {
		if (item->kind != CONF_SCALAR)
			return conf_error(item, err, "%s: expected one text", item->key);
	}
	return true;
}

bool file_migrations_read(
	const struct conf_node *node, struct file_migrations *tree, struct err *err)
{
	return conf_read(node, tree_fields, ARRAY_SIZE(tree_fields), tree, err) &&
	       check_text_map(tree->environment, err) && check_text_map(tree->settings, err) &&
	       check_text_map(tree->placeholders, err);
}

void file_migrations_release(struct file_migrations *tree)
{
	conf_release(tree_fields, ARRAY_SIZE(tree_fields), tree);
}

/* Named trees: every value is a map, and no key is one of a tree's own with such a value. */
static bool are_named_trees(const struct conf_node *migrations)
{
	if (!conf_is(migrations, CONF_MAP) || !migrations->count)
		return false;
	CONF_EACH (migrations, item) {
		if (item->kind != CONF_MAP || !strcmp(item->key, "environment") ||
			!strcmp(item->key, "settings") || !strcmp(item->key, "placeholders"))
			return false;
	}
	return true;
}

const struct conf_node *file_named_trees(const struct conf_node *migrations)
{
	return are_named_trees(migrations) ? migrations : NULL;
}

static bool check_tree(const struct conf_node *node, struct err *err)
{
	struct file_migrations tree = {0};
	bool good = file_migrations_read(node, &tree, err);
	file_migrations_release(&tree);
	return good;
}

static bool check_migrations(const struct conf_node *migrations, struct err *err)
{
	if (!migrations)
		return true;
	if (!are_named_trees(migrations))
		return check_tree(migrations, err);
	CONF_EACH (migrations, tree) {
		if (!check_name(tree, tree->key, "tree of migrations", err) ||
			!check_tree(tree, err))
			return false;
	}
	return true;
}

static bool check_store(const struct conf_node *node, struct err *err)
{
	struct store_map store = {0};
	if (node->kind == CONF_SCALAR)
		return node->text[0] || conf_error(node, err, "%s: a store needs a URL", node->key);
	bool good = conf_read(node, store_fields, ARRAY_SIZE(store_fields), &store, err);
	conf_release(store_fields, ARRAY_SIZE(store_fields), &store);
	return good;
}

static bool check_stores(const struct conf_node *stores, struct err *err)
{
	if (stores && stores->kind != CONF_MAP)
		return conf_error(stores, err, "stores: expected a map of names and {url: ..}");
	CONF_EACH (stores, store) {
		if (!check_name(store, store->key, "store", err) || !check_store(store, err))
			return false;
	}
	return true;
}

static bool unknown_store(
	const struct conf_file *file, const struct conf_node *name, struct err *err)
{
	AUTO_STRVEC(known);
	CONF_EACH (file->stores, store)
		strvec_push(&known, store->key);
	conf_error(name, err, "there is no store \"%s\"", name->text);
	const char *near = suggest_in(name->text, &known);
	if (near)
		return err_hint(err, "did you mean \"%s\"?", near);
	return err_hint(err, "add it under the key stores: of this file");
}

static bool check_store_names(
	const struct conf_file *file, const struct file_env *env, struct err *err)
{
	if (env->store && env->stores)
		return conf_error_key(conf_get(env->node, "store"), err,
			"give either store: URL or stores: [NAME..], not both");
	if (env->stores && (!conf_is(env->stores, CONF_LIST) || !env->stores->count))
		return conf_error(env->stores, err, "stores: expected a list of names");
	CONF_EACH (env->stores, name) {
		if (name->kind != CONF_SCALAR)
			return conf_error(name, err, "stores: expected the name of a store");
		if (!conf_get(file->stores, name->text))
			return unknown_store(file, name, err);
	}
	return true;
}

static bool check_hosts(const struct conf_node *hosts, struct err *err)
{
	if (hosts && hosts->kind != CONF_MAP)
		return conf_error(
			hosts, err, "hosts: expected a map of names and lists of user@host");
	CONF_EACH (hosts, group) {
		const struct conf_field list = {"hosts", CONF_STRINGS, 0};
		AUTO_STRVEC(names);
		if (!check_name(group, group->key, "group of hosts", err) ||
			!conf_read_value(group, &list, &names, err))
			return false;
	}
	return true;
}

static bool check_release(const struct conf_node *release, struct err *err)
{
	struct release_map map = {0};
	bool good = !release ||
		    conf_read(release, release_fields, ARRAY_SIZE(release_fields), &map, err);
	conf_release(release_fields, ARRAY_SIZE(release_fields), &map);
	return good;
}

static bool read_keep(const struct conf_node *node, struct conf_keep *keep, struct err *err)
{
	if (!node)
		return true;
	if (!conf_read(node, keep_fields, ARRAY_SIZE(keep_fields), keep, err))
		return false;
	CONF_EACH (node, rule) {
		if (rule->text[0] == '-')
			return conf_error(rule, err, "%s: expected 0 or more", rule->key);
	}
	return true;
}

static bool check_kind(
	const struct conf_node *node, enum conf_kind kind, const char *expected, struct err *err)
{
	return !node || node->kind == kind ||
	       conf_error(node, err, "%s: expected %s", node->key, expected);
}

static bool read_env(const struct conf_file *file, const struct conf_node *node,
	struct file_env *env, struct err *err)
{
	env->node = node;
	return check_name(node, node->key, "environment", err) &&
	       conf_read(node, env_fields, ARRAY_SIZE(env_fields), env, err) &&
	       check_store_names(file, env, err) && read_keep(env->keep, &env->kept, err) &&
	       check_hosts(env->hosts, err) && check_release(env->release, err) &&
	       check_kind(env->maintenance, CONF_LIST, "a list of providers", err) &&
	       check_kind(env->smoke, CONF_MAP, "a map of base, header and checks", err) &&
	       check_kind(env->alerts, CONF_MAP, "a map of receivers", err) &&
	       conf_policy_read(env->policy, env->production, &env->policies, err);
}

static bool read_envs(struct conf_file *file, struct err *err)
{
	const struct conf_node *all = file->environments;
	if (all->kind != CONF_MAP || !all->count)
		return conf_error(
			all, err, "environments: expected a map with one environment at least");
	file->envs = xcalloc(all->count, sizeof(*file->envs));
	for (size_t i = 0; i < all->count; i++)
		if (!read_env(file, all->items[i], &file->envs[file->env_count++], err))
			return false;
	return conf_pins_read(all, &file->pins, err);
}

static bool read_top(struct conf_file *file, struct top *top, struct err *err)
{
	const struct conf_node *root = file->doc->root;
	if (!conf_read(root, top_fields, ARRAY_SIZE(top_fields), top, err))
		return false;
	if (top->mig != 1)
		return conf_error(conf_get(root, "mig"), err,
			"this program reads version 1 of the configuration, not %lld",
			(long long)top->mig);
	file->project = xtake(&top->project);
	file->state_dir = xtake(&top->state_dir);
	file->migrations = top->migrations;
	file->stores = top->stores;
	file->environments = top->environments;
	return check_name(conf_get(root, "project"), file->project, "project", err) &&
	       check_migrations(file->migrations, err) && check_stores(file->stores, err) &&
	       read_envs(file, err);
}

bool conf_file_load(const char *path, struct conf_file **file, struct err *err)
{
	*file = xcalloc(1, sizeof(**file));
	if (!conf_document_load(path, &(*file)->doc, err))
		return fs_exists(path) ? false : err_hint(err, "write one: mig init");
	struct top top = {0};
	bool good = read_top(*file, &top, err);
	conf_release(top_fields, ARRAY_SIZE(top_fields), &top);
	return good;
}

struct file_env *conf_file_env(struct conf_file *file, const char *name)
{
	for (size_t i = 0; i < file->env_count; i++)
		if (!strcmp(file->envs[i].node->key, name))
			return &file->envs[i];
	return NULL;
}

void conf_file_free(struct conf_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->env_count; i++) {
		conf_release(env_fields, ARRAY_SIZE(env_fields), &file->envs[i]);
		free(file->envs[i].policies.upgrade_window);
	}
	free(file->envs);
	free(file->project);
	free(file->state_dir);
	conf_pins_release(&file->pins);
	conf_document_free(file->doc);
	free(file);
}
