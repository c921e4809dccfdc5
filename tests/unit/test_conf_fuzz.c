/*
 * conf under mutation: whatever bytes a file holds, loading it neither crashes nor fails without a
 * place.
 */
#include "../support/fuzz.h"
#include "base/fs.h"
#include "conf/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char seed_text[] =
	"mig: 1\nproject: shop\nstate_dir: .mig\n"
	"migrations:\n  dir: migrations\n  format: auto\n  settings: {work_mem: 256MB}\n"
	"stores:\n  local: {url: /var/backups/shop}\n"
	"environments:\n  production:\n    database: \"dbname=x\"\n"
	"    pin: {system: \"77\", dbname: shop}\n    stores: [local]\n"
	"    keep: {last: 7, daily: 7}\n    production: true\n"
	"    policy:\n      downgrade: never\n      destructive: {require_backup: 30m}\n"
	"      upgrade: {require_backup: 24h, window: \"Tue-Thu 02:00-05:00 Europe/Berlin\"}\n"
	"    maintenance:\n      - {file: /run/x}\n"
	"      - {command: {enable: [a, b], status: {run: [c], \"on\": [3]}}}\n"
	"    smoke: {base: \"http://127.0.0.1\", header: {X: {env: Y}}}\n"
	"    alerts:\n      sentry: {dsn: {env: SENTRY_DSN}}\n  staging: {database: y}\n";

static const char *const pieces[] = {"{", "}", "[", "]", ":", "- ", "\n", "  ", "\"", "&a ", "*a",
	"!t ", "---\n", "|", "\t", "\xff", "#", "env", "mig", "file: ", "? ", "<<"};

static const char *nothing(const char *name)
{
	(void)name;
	return NULL;
}

static void check_load(const char *path, const struct strbuf *text, int round)
{
	AUTO_ERR(err);
	CLEANUP(conf_env_free_auto) struct conf_env *env = NULL;
	struct conf_request request = {.config_path = path,
		.env_name = "production",
		.getenv = nothing,
		.no_database = round % 2};
	assert_true(fs_write_atomic(path, text->buf, text->len, &err));
	if (conf_env_load(&request, &env, &err)) {
		assert_non_null(env->state_dir);
		json_decref(conf_env_settings(env));
		return;
	}
	if (err.code != ERR_CONFIG && err.code != ERR_USAGE)
		fail_msg("round %d ended with %s: %s", round, err_class(err.code), err.msg);
	if (err.code == ERR_CONFIG && !err.where)
		fail_msg("round %d failed without a place: %s", round, err.msg);
}

static void mutated_files_never_crash(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *folder = NULL;
	uint64_t count = fuzz_begin(2000);
	assert_true(fs_temp_dir(NULL, &folder, &err));
	AUTO_FREE char *path = fs_join(folder, "mig.yaml");
	for (uint64_t i = 0; i < count; i++) {
		AUTO_STRBUF(text);
		strbuf_adds(&text, seed_text);
		fuzz_mutate(&text, pieces, ARRAY_SIZE(pieces));
		check_load(path, &text, (int)i);
	}
	assert_true(fs_remove_tree(folder, &err));
}

static void the_unchanged_file_is_good(void **state)
{
	(void)state;
	AUTO_ERR(err);
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	assert_true(conf_document_parse("x", seed_text, strlen(seed_text), &doc, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_unchanged_file_is_good),
		cmocka_unit_test(mutated_files_never_crash),
	};
	return cmocka_run_group_tests_name("conf_fuzz", tests, NULL, NULL);
}
