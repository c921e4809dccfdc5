/* conf: mig.yaml, its environments, policies, pins, stores and connections. */
#include "base/fs.h"
#include "base/secret.h"
#include "conf/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *folder;

static const char *variable(const char *name)
{
	if (!strcmp(name, "HOME"))
		return "/home/u";
	if (!strcmp(name, "XDG_STATE_HOME"))
		return "/state";
	return !strcmp(name, "DATABASE_URL") ? "postgresql+psycopg2://u:geheim99@h/shop" : NULL;
}

static const char *nothing(const char *name)
{
	(void)name;
	return NULL;
}

static char *written(const char *text)
{
	AUTO_ERR(err);
	char *path = fs_join(folder, "mig.yaml");
	if (!fs_write_atomic(path, text, strlen(text), &err))
		fail_msg("%s", err.msg);
	return path;
}

static bool load(const char *text, const char *env_name, const char *dbname, struct conf_env **env,
	struct err *err)
{
	AUTO_FREE char *path = written(text);
	struct conf_request request = {
		.config_path = path, .env_name = env_name, .dbname = dbname, .getenv = variable};
	return conf_env_load(&request, env, err);
}

#define AUTO_ENV(name) CLEANUP(conf_env_free_auto) struct conf_env *name

static struct conf_env *loaded(const char *text, const char *env_name)
{
	AUTO_ERR(err);
	struct conf_env *env = NULL;
	if (!load(text, env_name, NULL, &env, &err))
		fail_msg("%s: %s", err.where, err.msg);
	return env;
}

#define HEAD "mig: 1\nproject: shop\n"
#define ONE HEAD "environments:\n  production:\n    database: {env: DATABASE_URL}\n"

/* Every key that the configuration page names. */
static const char complete[] =
	HEAD "state_dir: .mig\n"
	     "migrations:\n"
	     "  dir: migs\n"
	     "  format: sql\n"
	     "  version_table: versions\n"
	     "  command: flask\n"
	     "  python: .venv/bin/python\n"
	     "  environment: {FLASK_APP: main}\n"
	     "  settings: {work_mem: 256MB}\n"
	     "stores:\n"
	     "  local:   {url: /var/backups/shop}\n"
	     "  offsite: {url: \"s3://backups/shop?region=eu-west-1\", credentials: {file: /x}}\n"
	     "environments:\n"
	     "  production:\n"
	     "    database: \"host=h dbname=shop\"\n"
	     "    pooler: session\n"
	     "    pin: {system: \"7710406435931177393\", dbname: shop}\n"
	     "    stores: [local, offsite]\n"
	     "    encrypt_to: [age1x]\n"
	     "    identity: {file: key}\n"
	     "    keep: {last: 7, daily: 7, weekly: 4, monthly: 12, yearly: 3}\n"
	     "    production: true\n"
	     "    policy:\n"
	     "      downgrade: confirm\n"
	     "      swap_back: never\n"
	     "      restore: never\n"
	     "      destructive: {require_backup: 10m}\n"
	     "      upgrade: {require_backup: 1h, rehearsed: 7d, window: \"Tue-Thu 02:00-05:00 "
	     "Europe/Berlin\"}\n"
	     "      lint: warn\n"
	     "    maintenance:\n"
	     "      - {file: /run/shop/maintenance}\n"
	     "    smoke: {base: \"http://127.0.0.1:8080\", checks: [smoke.yaml]}\n"
	     "    hosts: {web: [deploy@web1, deploy@web2]}\n"
	     "    release: {dir: /srv/shop, keep: 5, restart: [systemctl, restart, shop]}\n"
	     "    alerts:\n"
	     "      slack: {url: {file: /etc/mig/slack-url}}\n"
	     "  staging:\n"
	     "    database: shop_staging\n"
	     "    store: backups\n";

static void every_key_is_known(void **state)
{
	(void)state;
	AUTO_ENV(env) = loaded(complete, "production");
	AUTO_FREE char *state_dir = xstrfmt("%s/.mig/shop/production", folder);
	AUTO_FREE char *migs = xstrfmt("%s/migs", folder);
	AUTO_FREE char *key = xstrfmt("%s/key", folder);
	assert_string_equal(env->state_dir, state_dir);
	assert_string_equal(env->migrations.dir, migs);
	assert_string_equal(env->migrations.format, "sql");
	assert_string_equal(env->migrations.version_table, "versions");
	assert_string_equal(env->migrations.settings.items[0], "work_mem=256MB");
	assert_string_equal(env->conninfo, "host=h dbname=shop");
	assert_string_equal(env->pin->system, "7710406435931177393");
	assert_int_equal(env->store_count, 2);
	assert_string_equal(env->stores[0].url, "/var/backups/shop/shop/production");
	assert_string_equal(
		env->stores[1].url, "s3://backups/shop/shop/production?region=eu-west-1");
	assert_string_equal(env->encrypt_to.items[0], "age1x");
	assert_string_equal(env->identity->text, key);
	assert_int_equal(env->keep.monthly, 12);
	assert_int_equal(env->keep.hourly, 0);
	assert_true(env->production);
	assert_true(env->pooler_session);
	assert_int_equal(env->policy.downgrade, POLICY_CONFIRM);
	assert_int_equal(env->policy.swap_back, POLICY_NEVER);
	assert_int_equal(env->policy.restore, POLICY_NEVER);
	assert_int_equal(env->policy.destructive, POLICY_BACKUP);
	assert_int_equal(env->policy.destructive_backup_ms, 600000);
	assert_int_equal(env->policy.upgrade_backup_ms, 3600000);
	assert_int_equal(env->policy.upgrade_rehearsed_ms, 7 * 86400000LL);
	assert_string_equal(env->policy.upgrade_window, "Tue-Thu 02:00-05:00 Europe/Berlin");
	assert_int_equal(env->policy.lint, LINT_WARN);
	assert_int_equal(env->maintenance->count, 1);
	assert_non_null(env->smoke);
	assert_non_null(env->alerts);
	assert_non_null(env->release);
	assert_non_null(env->hosts);
	assert_int_equal(env->warnings.count, 0);
}

static void safety_22_state_and_stores_are_keyed_by_environment(void **state)
{
	(void)state;
	AUTO_ENV(env) = loaded(complete, "staging");
	AUTO_FREE char *state_dir = xstrfmt("%s/.mig/shop/staging", folder);
	AUTO_FREE char *store = xstrfmt("%s/backups/shop/staging", folder);
	assert_string_equal(env->state_dir, state_dir);
	assert_string_equal(env->stores[0].url, store);
	AUTO_ENV(other) = loaded(ONE, NULL);
	assert_string_equal(other->state_dir, "/state/mig/shop/production");
	assert_string_equal(other->stores[0].url, "/state/mig/shop/production/snapshots");
	AUTO_FREE char *run = conf_run_dir(other, "20261120T010203Z-1a2b3c");
	assert_string_equal(run, "/state/mig/shop/production/runs/20261120T010203Z-1a2b3c");
}

static void production_is_stricter(void **state)
{
	(void)state;
	AUTO_ENV(usual) = loaded(ONE, NULL);
	assert_int_equal(usual->policy.downgrade, POLICY_CONFIRM);
	assert_int_equal(usual->policy.swap_back, POLICY_ALLOW);
	assert_int_equal(usual->policy.restore, POLICY_CONFIRM);
	assert_int_equal(usual->policy.destructive, POLICY_CONFIRM);
	assert_int_equal(usual->policy.upgrade_backup_ms, 0);
	assert_int_equal(usual->policy.lint, LINT_WARN);
	AUTO_ENV(strict) = loaded(ONE "    production: true\n", NULL);
	assert_int_equal(strict->policy.downgrade, POLICY_NEVER);
	assert_int_equal(strict->policy.swap_back, POLICY_ALLOW);
	assert_int_equal(strict->policy.restore, POLICY_BREAK_GLASS);
	assert_int_equal(strict->policy.destructive, POLICY_BACKUP);
	assert_int_equal(strict->policy.destructive_backup_ms, 30 * 60000);
	assert_int_equal(strict->policy.upgrade_backup_ms, 24 * 3600000);
	assert_int_equal(strict->policy.lint, LINT_ERROR);
	AUTO_ENV(eased) = loaded(ONE "    production: true\n    policy: {destructive: allow, "
				     "upgrade: {}, downgrade: allow}\n",
		NULL);
	assert_int_equal(eased->policy.destructive, POLICY_ALLOW);
	assert_int_equal(eased->policy.destructive_backup_ms, 0);
	assert_int_equal(eased->policy.upgrade_backup_ms, 0);
	assert_int_equal(eased->policy.downgrade, POLICY_ALLOW);
}

static void mistakes_name_their_place_and_the_nearest_word(void **state)
{
	(void)state;
	static const struct {
		const char *text, *env;
		enum err_code code;
		const char *where, *says, *hint;
	} rows[] = {
		{"mig: 2\nproject: a\nenvironments: {a: {}}\n", NULL, ERR_CONFIG, ":1:6",
			"version 1", NULL},
		{"project: a\nenvironments: {a: {}}\n", NULL, ERR_CONFIG, ":1:1",
			"\"mig\" is missing", NULL},
		{HEAD, NULL, ERR_CONFIG, ":1:1", "\"environments\" is missing", NULL},
		{HEAD "environments: {}\n", NULL, ERR_CONFIG, ":3:15", "one environment", NULL},
		{HEAD "enviroments: {}\n", NULL, ERR_CONFIG, ":3:1", "unknown key", "environments"},
		{ONE "    polcy: {}\n", NULL, ERR_CONFIG, ":6:5", "\"polcy\"", "policy"},
		{ONE "    policy: {downgrade: nevr}\n", NULL, ERR_CONFIG, ":6:25",
			"allow, confirm, never", "never"},
		{ONE "    policy: {swap_back: break-glass}\n", NULL, ERR_CONFIG, ":6:25",
			"swap_back", NULL},
		{ONE "    policy: {destructive: {require_backup: 30}}\n", NULL, ERR_CONFIG, ":6:44",
			"duration", NULL},
		{ONE "    policy: {upgrade: {window: \"always\"}}\n", NULL, ERR_CONFIG, ":6:32",
			"Tue-Thu", NULL},
		{ONE "    policy: {lint: strict}\n", NULL, ERR_CONFIG, ":6:20", "off, warn, error",
			NULL},
		{ONE "    stores: [local]\n", NULL, ERR_CONFIG, ":6:14", "no store \"local\"",
			NULL},
		{HEAD "stores: {offsite: /x}\nenvironments: {a: {stores: [ofsite]}}\n", NULL,
			ERR_CONFIG, ":4:29", "no store", "offsite"},
		{ONE "    store: /x\n    stores: [a]\n", NULL, ERR_CONFIG, ":6:5", "not both",
			NULL},
		{ONE "    production: yes\n", NULL, ERR_CONFIG, ":6:17", "true or false", NULL},
		{ONE "    keep: {last: -1}\n", NULL, ERR_CONFIG, ":6:18", "0 or more", NULL},
		{ONE "    keep: {lats: 1}\n", NULL, ERR_CONFIG, ":6:12", "lats", "last"},
		{ONE "    maintenance: {file: x}\n", NULL, ERR_CONFIG, ":6:18", "a list", NULL},
		{ONE "    release: {keep: 5}\n", NULL, ERR_CONFIG, ":6:14", "\"dir\" is missing",
			NULL},
		{ONE "    pin: {system: \"1\"}\n", NULL, ERR_CONFIG, ":6:10",
			"\"dbname\" is missing", NULL},
		{HEAD "environments: {a/b: {}}\n", NULL, ERR_CONFIG, ":3:21", "a/b", NULL},
		{"mig: 1\nproject: ../x\nenvironments: {a: {}}\n", NULL, ERR_CONFIG, ":2:10",
			"project", NULL},
		{HEAD "migrations: {format: sqll}\nenvironments: {a: {}}\n", NULL, ERR_CONFIG,
			":3:22", "auto, sql", "sql"},
		{HEAD "migrations: {main: {drr: x}}\nenvironments: {a: {}}\n", NULL, ERR_CONFIG,
			":3:21", "drr", "dir"},
		{ONE, "prodution", ERR_USAGE, NULL, "no environment \"prodution\"",
			"-e production"},
		{HEAD "environments: {a: {database: x}, b: {database: y}}\n", NULL, ERR_USAGE, NULL,
			"none is chosen: a, b", "-e a"},
		{HEAD "environments: {a: {}, b: {}}\n", "a", ERR_CONFIG, ":3:19",
			"no key \"database\"", "DATABASE_URL"},
		{HEAD "environments: {a: {database: {env: MIG_NOT_SET_XX}}}\n", NULL, ERR_CONFIG,
			":3:30", "MIG_NOT_SET_XX is not set", NULL},
		{HEAD "environments: {a: {database: \"dbname=x bogus=geheim\"}}\n", NULL,
			ERR_CONFIG, ":3:30", "not a connection", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		AUTO_ENV(env) = NULL;
		if (load(rows[i].text, rows[i].env, NULL, &env, &err))
			fail_msg("read without an error: %s", rows[i].text);
		if (err.code != rows[i].code || !strstr(err.msg, rows[i].says))
			fail_msg("%d \"%s\" is not %d \"%s\"", err.code, err.msg, rows[i].code,
				rows[i].says);
		if (rows[i].where && (!err.where || !str_ends(err.where, rows[i].where)))
			fail_msg("%s: at %s, not %s", err.msg, err.where, rows[i].where);
		if (rows[i].hint && (!err.hint || !strstr(err.hint, rows[i].hint)))
			fail_msg("hint \"%s\" does not say \"%s\"", err.hint, rows[i].hint);
		assert_null(strstr(err.msg, "geheim"));
	}
}

static void connections_come_in_order(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_ENV(by_option) = NULL;
	assert_true(load(ONE, NULL, "shop's", &by_option, &err));
	assert_string_equal(by_option->conninfo, "dbname='shop\\'s'");
	assert_string_equal(by_option->conninfo_origin, "-d");
	AUTO_ENV(direct) = loaded(ONE "    direct: \"host=h2 dbname=shop\"\n", NULL);
	assert_string_equal(direct->conninfo, "host=h2 dbname=shop");
	assert_true(str_ends(direct->conninfo_origin, "mig.yaml:6:13"));
	AUTO_ENV(refused) = NULL;
	assert_false(load(ONE, NULL, "postgres://u:hunter22@h/db", &refused, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_null(strstr(err.msg, "hunter22"));
	assert_non_null(strstr(err.hint, "pgpass"));
	assert_false(load(ONE, NULL, "host=h password=hunter33", &refused, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(load(ONE, NULL, "hots=h", &refused, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

static void passwords_are_never_shown(void **state)
{
	(void)state;
	AUTO_ENV(env) = loaded(ONE, NULL);
	assert_string_equal(env->conninfo, "postgresql://u:geheim99@h/shop");
	assert_string_equal(env->conninfo_origin, "env DATABASE_URL");
	json_t *settings = conf_env_settings(env);
	AUTO_FREE char *text = json_dumps(settings, 0);
	json_decref(settings);
	assert_null(strstr(text, "geheim99"));
	assert_non_null(strstr(text, "u:***@h/shop"));
	assert_non_null(strstr(text, "\"policy.swap_back\": {\"value\": \"allow\", \"origin\": "
				     "\"default\"}"));
	AUTO_ENV(literal) =
		loaded(HEAD "environments: {a: {database: \"dbname=x password=offen77\"}}\n", NULL);
	assert_int_equal(literal->warnings.count, 1);
	assert_non_null(strstr(literal->warnings.items[0], "mig.yaml:3:30"));
	assert_null(strstr(literal->warnings.items[0], "offen77"));
}

static void without_a_file_variables_decide(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *path = fs_join(folder, "mig.yaml");
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	AUTO_FREE char *migs = xstrfmt("%s/migrations", folder);
	AUTO_ENV(env) = NULL;
	AUTO_ENV(plain) = NULL;
	AUTO_ENV(named) = NULL;
	unlink(path);
	assert_int_equal(chdir(folder), 0);
	struct conf_request request = {.getenv = variable};
	assert_true(conf_env_load(&request, &env, &err));
	assert_string_equal(env->conninfo, "postgresql://u:geheim99@h/shop");
	assert_string_equal(env->conninfo_origin, "DATABASE_URL");
	assert_string_equal(env->state_dir, "/state/mig/default/default");
	assert_string_equal(env->stores[0].url, "/state/mig/default/default/snapshots");
	assert_string_equal(env->migrations.dir, migs);
	request.getenv = nothing;
	assert_true(conf_env_load(&request, &plain, &err));
	assert_string_equal(plain->conninfo, "");
	assert_string_equal(plain->conninfo_origin, "PG*");
	request.env_name = "production";
	assert_false(conf_env_load(&request, &named, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(chdir(cwd), 0);
}

static void the_file_is_found_upward(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *path = written(ONE);
	AUTO_FREE char *deep = fs_join(folder, "a/b");
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	struct conf_request request = {.getenv = nothing};
	assert_true(fs_mkdirs(deep, &err));
	assert_int_equal(chdir(deep), 0);
	AUTO_FREE char *found = conf_find(&request);
	assert_int_equal(chdir(cwd), 0);
	assert_string_equal(found, path);
	AUTO_ENV(env) = NULL;
	request.config_path = "/no/such/mig.yaml";
	assert_false(conf_env_load(&request, &env, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "/no/such/mig.yaml"));
}

static void urls_of_other_tools_are_read(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"postgres://h/d", "postgresql://h/d"},
		{"postgresql+psycopg2://u@h/d?x=1", "postgresql://u@h/d?x=1"},
		{"postgresql+asyncpg://h/d", "postgresql://h/d"},
		{"postgres://u:p?w@h/d?search_path=a,b&sslmode=disable",
			"postgresql://u:p?w@h/d?sslmode=disable&options=-csearch_path%3Da,b"},
		{"postgres://h/d?options=-cjit%3Doff&search_path=a",
			"postgresql://h/d?options=-cjit%3Doff%20-csearch_path%3Da"},
		{"postgres://h/d?search_path=a,%20b,+c",
			"postgresql://h/d?options=-csearch_path%3Da,%5C%20b,%5C%20c"},
		{"postgres://u@/d?socket=/run/pg", "postgresql://u@/d?host=/run/pg"},
		{"postgresql+asyncpg://h/d?ssl=require", "postgresql://h/d?sslmode=require"},
		{"postgresql://h/d?ssl=true", "postgresql://h/d?ssl=true"},
		{"postgresql+asyncpg://h/d?ssl=false", "postgresql://h/d?sslmode=disable"},
		{"postgresql+pg8000://u@/d?unix_sock=/run/pg/.s.PGSQL.5433",
			"postgresql://u@/d?host=/run/pg&port=5433"},
		{"postgresql+pg8000://u@/d?unix_sock=%2Frun%2F.s.PGSQL.5432",
			"postgresql://u@/d?host=%2Frun&port=5432"},
		{"host=h dbname=d", "host=h dbname=d"},
		{"mysql://h/d", "mysql://h/d"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *url = conf_libpq_url(rows[i][0]);
		assert_string_equal(url, rows[i][1]);
	}
}

#define PIN "{database: x, pin: {system: \"1\", dbname: shop"
static void safety_22_two_environments_never_share_a_pin(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_ENV(env) = NULL;
	AUTO_ENV(other) = NULL;
	assert_false(load(
		HEAD "environments:\n  a: " PIN "}}\n  b: " PIN "}}\n", "a", NULL, &env, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "same pin as a"));
	assert_true(str_ends(err.where, ":5:25"));
	assert_false(
		load(HEAD "environments:\n  a: " PIN ", host: h, port: \"1\"}}\n  b: " PIN "}}\n",
			"a", NULL, &env, &err));
	assert_true(load(HEAD "environments:\n  a: " PIN ", host: h, port: \"1\"}}\n  b: " PIN
			      ", host: h, port: \"2\"}}\n",
		"a", NULL, &env, &err));
	assert_int_equal(env->pins.count, 2);
	assert_string_equal(env->pin->port, "1");
	assert_true(load(HEAD "environments:\n  a: " PIN "}}\n  b: {database: x, pin: {system: "
			      "\"2\", dbname: shop}}\n",
		"b", NULL, &other, &err));
	assert_string_equal(other->pin->system, "2");
}

static void a_pin_is_written_beside_comments(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
	} rows[] = {
		{"environments:\n  a:   # the first\n    # where it is\n    database: x  # y\n  b: "
		 "{database: z}\n",
			"environments:\n  a:   # the first\n    # where it is\n    pin: {system: "
			"\"7\", dbname: \"sh\\\"op\"}\n    database: x  # y\n  b: {database: "
			"z}\n"},
		{"environments: {é: 1, a: {database: x}}\n",
			"environments: {é: 1, a: {pin: {system: \"7\", dbname: \"sh\\\"op\"}, "
			"database: x}}\n"},
		{"environments:\n  a:\n    pin: {system: \"1\", dbname: 'o''ld'} # c\n",
			"environments:\n  a:\n    pin: {system: \"7\", dbname: \"sh\\\"op\"} # "
			"c\n"},
		{"environments:\n  a:\n    pin:\n      dbname: old # c\n      system: \"1\"\n      "
		 "port: \"1\"\n",
			"environments:\n  a:\n    pin:\n      dbname: \"sh\\\"op\" # c\n      "
			"system: \"7\"\n      port: \"5432\"\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		AUTO_STRBUF(text);
		AUTO_FREE char *path = written(rows[i].before);
		const struct conf_pin pin = {.env = (char *)"a",
			.system = (char *)"7",
			.dbname = (char *)"sh\"op",
			.port = (char *)(strstr(rows[i].before, "port") ? "5432" : NULL)};
		if (!conf_pin_edit(path, &pin, &text, &err))
			fail_msg("%zu: %s", i, err.msg);
		assert_string_equal(text.buf, rows[i].after);
	}
}

static void named_trees_have_a_main_one(void **state)
{
	(void)state;
	AUTO_FREE char *dir = fs_join(folder, "m");
	AUTO_ENV(env) = loaded(HEAD "migrations: {ai: {dir: x}, main: {dir: m}}\n"
				    "environments: {a: {database: x}}\n",
		NULL);
	assert_string_equal(env->migrations.dir, dir);
	AUTO_ENV(single) = loaded(HEAD "migrations: {settings: {work_mem: 1MB}}\n"
				       "environments: {a: {database: x}}\n",
		NULL);
	assert_int_equal(single->migrations.settings.count, 1);
}

static int make_folder(void **state)
{
	(void)state;
	AUTO_ERR(err);
	setenv("DATABASE_URL", variable("DATABASE_URL"), 1);
	return fs_temp_dir(NULL, &folder, &err) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	AUTO_ERR(err);
	bool good = fs_remove_tree(folder, &err);
	free(folder);
	return good ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_known),
		cmocka_unit_test(safety_22_state_and_stores_are_keyed_by_environment),
		cmocka_unit_test(production_is_stricter),
		cmocka_unit_test(mistakes_name_their_place_and_the_nearest_word),
		cmocka_unit_test(connections_come_in_order),
		cmocka_unit_test(passwords_are_never_shown),
		cmocka_unit_test(without_a_file_variables_decide),
		cmocka_unit_test(the_file_is_found_upward),
		cmocka_unit_test(urls_of_other_tools_are_read),
		cmocka_unit_test(safety_22_two_environments_never_share_a_pin),
		cmocka_unit_test(a_pin_is_written_beside_comments),
		cmocka_unit_test(named_trees_have_a_main_one),
	};
	return cmocka_run_group_tests_name("conf_env", tests, make_folder, remove_folder);
}
