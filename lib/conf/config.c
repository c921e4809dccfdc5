#include "conf/config.h"

#include "base/fs.h"
#include "base/suggest.h"
#include "conf/file.h"
#include <pwd.h>
#include <unistd.h>

static const char file_name[] = "mig.yaml";
static const char system_file[] = "/etc/mig/mig.yaml";

static char *working_directory(void)
{
	AUTO_FREE char *directory = getcwd(NULL, 0);
	return xstrdup(directory ? directory : "/");
}

static char *absolute(const char *path)
{
	AUTO_FREE char *directory = working_directory();
	return fs_join(directory, path);
}

static char *find_upward(void)
{
	AUTO_FREE char *directory = working_directory();
	for (;;) {
		AUTO_FREE char *path = fs_join(directory, file_name);
		if (fs_exists(path))
			return xtake(&path);
		if (!strcmp(directory, "/"))
			return NULL;
		char *parent = fs_dirname(directory);
		free(directory);
		directory = parent;
	}
}

char *conf_find(const struct conf_request *request)
{
	if (request->config_path)
		return absolute(request->config_path);
	char *path = find_upward();
	if (path)
		return path;
	return fs_exists(system_file) ? xstrdup(system_file) : NULL;
}

/* ---- parts of one environment ---- */

/* Where no HOME is set (a bare cron, a container): the same place as with it. NULL: unknown. */
static char *home_of_user(void)
{
	char room[4096];
	struct passwd user, *found = NULL;
	if (getpwuid_r(geteuid(), &user, room, sizeof(room), &found) || !found ||
		user.pw_dir[0] != '/')
		return NULL;
	return xstrdup(user.pw_dir);
}

static char *default_state(const struct conf_request *request)
{
	const char *xdg = request->getenv("XDG_STATE_HOME"), *home = request->getenv("HOME");
	if (xdg && xdg[0] == '/')
		return fs_join(xdg, "mig");
	if (!geteuid())
		return xstrdup("/var/lib/mig");
	AUTO_FREE char *own = home && home[0] == '/' ? xstrdup(home) : home_of_user();
	return own ? fs_join(own, ".local/state/mig") : xstrdup("/var/lib/mig");
}

static void set_state(
	const struct conf_request *request, const struct conf_file *file, struct conf_env *env)
{
	AUTO_FREE char *base = file && file->state_dir ? conf_path(file->doc->root, file->state_dir)
						       : default_state(request);
	env->state_dir = xstrfmt("%s/%s/%s", base, env->project, env->name);
}

/* The key of project and environment goes into the path, before a query (safety 22). */
static char *keyed_url(const struct conf_env *env, const struct conf_node *node, const char *url)
{
	AUTO_FREE char *full = strstr(url, "://") ? xstrdup(url) : conf_path(node, url);
	size_t path = strstr(full, "://") ? strcspn(full, "?") : strlen(full);
	bool slash = path && full[path - 1] == '/';
	return xstrfmt("%.*s%s%s/%s%s", (int)path, full, slash ? "" : "/", env->project, env->name,
		full + path);
}

static struct conf_store describe_store(
	const struct conf_env *env, const char *name, const struct conf_node *node)
{
	const struct conf_node *url = node->kind == CONF_MAP ? conf_get(node, "url") : node;
	return (struct conf_store){
		.name = xstrdup(name), .url = keyed_url(env, node, url->text), .node = node};
}

static void add_store(struct conf_env *env, const char *name, const struct conf_node *node)
{
	env->stores = xrealloc(env->stores, (env->store_count + 1) * sizeof(*env->stores));
	env->stores[env->store_count++] = describe_store(env, name, node);
}

struct conf_store *conf_store_named(
	const struct conf_env *env, const char *name, struct strvec *known)
{
	const struct conf_node *stores = env->doc ? conf_get(env->doc->root, "stores") : NULL;
	struct conf_store *found = NULL;
	CONF_EACH (stores, node) {
		if (known)
			strvec_push(known, node->key);
		if (strcmp(node->key, name) != 0)
			continue;
		found = xcalloc(1, sizeof(*found));
		*found = describe_store(env, name, node);
	}
	return found;
}

void conf_store_free(struct conf_store *store)
{
	if (!store)
		return;
	free(store->name);
	free(store->url);
	free(store);
}

static void set_stores(
	const struct conf_file *file, const struct file_env *from, struct conf_env *env)
{
	if (from && from->store)
		add_store(env, "store", conf_get(from->node, "store"));
	CONF_EACH (from ? from->stores : NULL, name)
		add_store(env, name->text, conf_get(file->stores, name->text));
	if (env->store_count)
		return;
	env->stores = xcalloc(1, sizeof(*env->stores));
	env->stores[env->store_count++] = (struct conf_store){
		.name = xstrdup("local"), .url = fs_join(env->state_dir, "snapshots")};
}

/* What people find their files by, relative to mig.yaml. NULL for "/srv/x", "." and "..". */
static char *shown_dir(const char *dir)
{
	const char *plain = str_starts(dir, "./") ? dir + 2 : dir;
	size_t length = strlen(plain);
	while (length && plain[length - 1] == '/')
		length--;
	return length && *plain != '/' && *plain != '.' ? xstrndup(plain, length) : NULL;
}

/* One tree; `node` is NULL without mig.yaml or without its key "migrations". */
static bool set_tree(const struct conf_file *file, const struct conf_node *node, const char *name,
	struct conf_migrations *to, struct err *err)
{
	struct file_migrations tree = {0};
	to->name = xstrdup(name);
	to->node = node;
	bool good = !to->node || file_migrations_read(to->node, &tree, err);
	const char *dir = tree.dir ? tree.dir : "migrations";
	to->dir = file ? conf_path(file->doc->root, dir) : absolute(dir);
	to->shown = shown_dir(dir);
	to->format = xstrdup(file_formats[tree.format]);
	to->version_table = xstrdup_null(tree.version_table);
	to->strict = tree.strict;
	to->others = tree.others;
	CONF_EACH (tree.placeholders, placeholder)
		strvec_pushf(&to->placeholders, "%s=%s", placeholder->key, placeholder->text);
	CONF_EACH (tree.settings, setting)
		strvec_pushf(&to->settings, "%s=%s", setting->key, setting->text);
	CONF_EACH (tree.environment, variable)
		strvec_pushf(&to->environment, "%s=%s", variable->key, variable->text);
	bool is_path = file && tree.python && strchr(tree.python, '/');
	to->python = is_path ? conf_path(file->doc->root, tree.python)
			     : xstrdup(tree.python ? tree.python : "python3");
	const struct conf_node *command = conf_get(to->node, "command");
	to->command = command ? xstrdup(command->text) : NULL;
	file_migrations_release(&tree);
	return good;
}

static bool set_migrations(const struct conf_file *file, struct conf_env *env, struct err *err)
{
	const struct conf_node *named = file ? file_named_trees(file->migrations) : NULL;
	if (!named)
		return set_tree(
			file, file ? file->migrations : NULL, "main", &env->migrations, err);
	const struct conf_node *first = conf_get(named, "main");
	if (!first)
		first = named->items[0];
	env->others = xcalloc(named->count, sizeof(env->others[0]));
	bool good = set_tree(file, first, first->key, &env->migrations, err);
	CONF_EACH (named, tree)
		if (good && tree != first)
			good = set_tree(
				file, tree, tree->key, &env->others[env->other_count++], err);
	return good;
}

static void migrations_release(struct conf_migrations *migrations)
{
	free(migrations->name);
	free(migrations->dir);
	free(migrations->format);
	free(migrations->shown);
	free(migrations->version_table);
	strvec_release(&migrations->settings);
	strvec_release(&migrations->placeholders);
	free(migrations->python);
	free(migrations->command);
	strvec_release(&migrations->environment);
}

static void set_pin(struct conf_file *file, struct conf_env *env)
{
	env->pins = file->pins;
	file->pins = (struct conf_pins){0};
	for (size_t i = 0; i < env->pins.count; i++)
		if (!strcmp(env->pins.items[i].env, env->name))
			env->pin = &env->pins.items[i];
}

static void take_parts(struct file_env *from, struct conf_env *env)
{
	env->node = from->node;
	env->production = from->production;
	env->pooler_session = from->pooler == 1;
	env->policy = from->policies;
	env->policy.upgrade_window = xstrdup_null(from->policies.upgrade_window);
	env->keep = from->kept;
	env->maintenance = from->maintenance;
	env->smoke = from->smoke;
	env->alerts = from->alerts;
	env->hosts = from->hosts;
	env->release = from->release;
	strvec_push_all(&env->encrypt_to, &from->encrypt_to);
	env->identity = xtake(&from->identity);
}

/* ---- choosing ---- */

static bool no_such_env(const struct conf_file *file, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	CONF_EACH (file->environments, env)
		strvec_push(&names, env->key);
	AUTO_FREE char *list = strvec_join(&names, ", ");
	if (!name) {
		err_set(err, ERR_USAGE, "%s has several environments and none is chosen: %s",
			file->doc->path, list);
		return err_hint(err, "say which one: -e %s", names.items[0]);
	}
	err_set(err, ERR_USAGE, "there is no environment \"%s\" in %s", name, file->doc->path);
	const char *near = suggest_in(name, &names);
	return near ? err_hint(err, "did you mean -e %s?", near)
		    : err_hint(err, "it has: %s", list);
}

static struct file_env *choose(
	const struct conf_request *request, struct conf_file *file, struct err *err)
{
	const char *name = request->env_name;
	struct file_env *from = name                   ? conf_file_env(file, name)
				: file->env_count == 1 ? &file->envs[0]
						       : NULL;
	if (!from)
		no_such_env(file, name, err);
	return from;
}

/* With several environments, a connection from variables would be a guess. */
static bool check_database(const struct conf_request *request, const struct conf_file *file,
	const struct file_env *from, struct err *err)
{
	if (from->database || from->direct || request->dbname || request->no_database ||
		file->env_count == 1)
		return true;
	conf_error(from->node, err, "environment %s has no key \"database\"", from->node->key);
	return err_hint(err, "for example: database: {env: DATABASE_URL}");
}

static bool load_from_file(
	const struct conf_request *request, struct conf_env *env, struct err *err)
{
	CLEANUP(conf_file_free_auto) struct conf_file *file = NULL;
	if (!conf_file_load(env->config_path, &file, err))
		return false;
	struct file_env *from = choose(request, file, err);
	if (!from)
		return false;
	env->project = xstrdup(file->project);
	env->name = xstrdup(from->node->key);
	take_parts(from, env);
	set_state(request, file, env);
	set_stores(file, from, env);
	set_pin(file, env);
	if (!set_migrations(file, env, err) || !check_database(request, file, from, err) ||
		!conf_database_resolve(request, from, env, err))
		return false;
	env->doc = xtake(&file->doc);
	return true;
}

/* Without mig.yaml a tree of dbmate is found where dbmate itself would look for it. */
static void find_dbmate(const struct conf_request *request, struct conf_migrations *to)
{
	const char *dir = request->getenv ? request->getenv("DBMATE_MIGRATIONS_DIR") : NULL;
	const char *table = request->getenv ? request->getenv("DBMATE_MIGRATIONS_TABLE") : NULL;
	if (!dir && (fs_is_dir(to->dir) || !fs_is_dir("db/migrations")))
		return;
	free(to->dir);
	free(to->shown);
	to->dir = absolute(dir ? dir : "db/migrations");
	to->shown = shown_dir(dir ? dir : "db/migrations");
	if (table && *table)
		to->version_table = xstrdup(table);
}

static bool load_without_file(
	const struct conf_request *request, struct conf_env *env, struct err *err)
{
	if (request->env_name && strcmp(request->env_name, "default") != 0) {
		err_set(err, ERR_USAGE, "-e %s: there is no %s here or in a folder above",
			request->env_name, file_name);
		return err_hint(err, "write one: mig init");
	}
	env->project = xstrdup("default");
	env->name = xstrdup("default");
	set_state(request, NULL, env);
	set_stores(NULL, NULL, env);
	if (!conf_policy_read(NULL, false, &env->policy, err) || !set_migrations(NULL, env, err))
		return false;
	find_dbmate(request, &env->migrations);
	return conf_database_resolve(request, NULL, env, err);
}

bool conf_env_load(const struct conf_request *request, struct conf_env **env, struct err *err)
{
	CLEANUP(conf_env_free_auto) struct conf_env *made = xcalloc(1, sizeof(*made));
	made->config_path = conf_find(request);
	bool good = made->config_path ? load_from_file(request, made, err)
				      : load_without_file(request, made, err);
	if (good)
		*env = xtake(&made);
	return good;
}

const struct conf_migrations *conf_tree(const struct conf_env *env, const char *name)
{
	if (!name || !strcmp(env->migrations.name, name))
		return &env->migrations;
	for (size_t i = 0; i < env->other_count; i++)
		if (!strcmp(env->others[i].name, name))
			return &env->others[i];
	return NULL;
}

/* Only the names: what is wrong with the file is said where it is read as a whole. */
bool conf_tree_names(const char *config_path, struct strvec *names, struct err *err)
{
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	if (config_path && !conf_document_load(config_path, &doc, err))
		return false;
	const struct conf_node *migrations = doc ? conf_get(doc->root, "migrations") : NULL;
	const struct conf_node *trees = file_named_trees(migrations);
	if (trees && conf_get(trees, "main"))
		strvec_push(names, "main");
	CONF_EACH (trees, tree)
		if (!strvec_has(names, tree->key))
			strvec_push(names, tree->key);
	if (!names->count)
		strvec_push(names, "main");
	return true;
}

bool conf_env_names(const char *config_path, struct strvec *names, struct err *err)
{
	CLEANUP(conf_file_free_auto) struct conf_file *file = NULL;
	if (!conf_file_load(config_path, &file, err))
		return false;
	CONF_EACH (file->environments, env)
		strvec_push(names, env->key);
	return true;
}

bool conf_pins_load(const char *config_path, struct conf_pins *pins, struct err *err)
{
	CLEANUP(conf_file_free_auto) struct conf_file *file = NULL;
	if (!conf_file_load(config_path, &file, err))
		return false;
	*pins = file->pins;
	file->pins = (struct conf_pins){0};
	return true;
}

char *conf_run_dir(const struct conf_env *env, const char *run_id)
{
	return xstrfmt("%s/runs/%s", env->state_dir, run_id);
}

void conf_env_free(struct conf_env *env)
{
	if (!env)
		return;
	for (size_t i = 0; i < env->store_count; i++) {
		free(env->stores[i].name);
		free(env->stores[i].url);
	}
	free(env->stores);
	free(env->config_path);
	free(env->project);
	free(env->name);
	free(env->state_dir);
	free(env->conninfo);
	free(env->conninfo_origin);
	free(env->policy.upgrade_window);
	migrations_release(&env->migrations);
	for (size_t i = 0; i < env->other_count; i++)
		migrations_release(&env->others[i]);
	free(env->others);
	strvec_release(&env->encrypt_to);
	strvec_release(&env->warnings);
	conf_secret_free(env->identity);
	conf_pins_release(&env->pins);
	conf_document_free(env->doc);
	free(env);
}
