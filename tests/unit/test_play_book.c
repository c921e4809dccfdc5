/* Playbooks: what is read, and the load error for each thing that may be wrong. */
#include "base/fs.h"
#include "play/playbook.h"
#include "play/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *folder;
static char *path;

static int make_folder(void **state)
{
	AUTO_ERR(err);
	(void)state;
	if (!fs_temp_dir(NULL, &folder, &err))
		return -1;
	path = fs_join(folder, "book.yaml");
	AUTO_FREE char *checks = fs_join(folder, "smoke.yaml");
	return fs_write_atomic(checks, "checks: [{revision: head}]\n", 27, &err) ? 0 : -1;
}

static int drop_folder(void **state)
{
	AUTO_ERR(err);
	(void)state;
	bool gone = fs_remove_tree(folder, &err);
	free(folder);
	free(path);
	return gone ? 0 : -1;
}

static bool load(const char *text, struct play_book **book, struct err *err)
{
	AUTO_FREE char *whole = xstrfmt("mig: 1\nname: book\n%s", text);
	assert_true(fs_write_atomic(path, whole, strlen(whole), err));
	return play_book_load(path, book, err);
}

/* A message names file:line:column; `place` is the end of that. */
struct refusal {
	const char *name, *text, *place, *says;
};

static const struct refusal refusals[] = {
	{"no steps", "owner: x\n", "", "steps"},
	{"empty steps", "steps: []\n", ":3:8", "at least one step"},
	{"unknown key", "stepps: []\nsteps:\n  - {id: a, wait: 1s}\n", ":3:1", "stepps"},
	{"unknown step key", "steps:\n  - {id: a, wait: 1s, timout: 3s}\n", ":4:23", "timout"},
	{"doubled id", "steps:\n  - {id: a, wait: 1s}\n  - {id: a, wait: 2s}\n", ":5:10",
		"taken by line 4"},
	{"id shared with a gate",
		"gates:\n  - {id: a, run: [mig-verify, smoke]}\nsteps:\n  - {id: a, wait: 1s}\n",
		":6:10", "taken by line 4"},
	{"bad id", "steps:\n  - {id: A b, wait: 1s}\n", ":4:10", "an id has a-z"},
	{"no verb", "steps:\n  - {id: a}\n", ":4:5", "does nothing"},
	{"two verbs", "steps:\n  - {id: a, run: [x], wait: 1s}\n", ":4:29", "two verbs"},
	{"zero checks", "steps:\n  - {id: a, checks: []}\n", ":4:21", "zero checks"},
	{"zero recovered", "recovered: []\nsteps:\n  - {id: a, wait: 1s}\n", ":3:12",
		"zero checks"},
	{"misspelt check", "steps:\n  - {id: a, checks: [{revison: head}]}\n", ":4:23",
		"unknown key"},
	{"missing checks file", "steps:\n  - {id: a, checks: [gone.yaml]}\n", ":4:22", "no file"},
	{"unknown input", "steps:\n  - {id: a, run: [x, \"${inputs.ref}\"]}\n", ":4:22",
		"inputs.ref"},
	{"unknown step", "steps:\n  - {id: a, run: [x, \"${steps.b.out.c}\"]}\n", ":4:22",
		"no step \"b\""},
	{"misspelt program", "steps:\n  - {id: a, run: [mig-bakup, create]}\n", ":4:18",
		"no program \"mig-bakup\""},
	{"misspelt program in undo", "steps:\n  - {id: a, run: [x], undo: [mig-restor, latest]}\n",
		":4:29", "no program \"mig-restor\""},
	{"undeclared result",
		"steps:\n  - {id: a, run: [x]}\n  - {id: b, run: [x, \"${steps.a.out.c}\"]}\n",
		":5:22", "declares no result \"c\""},
	{"result of a later step",
		"steps:\n  - {id: a, run: [x, \"${steps.b.out.c}\"]}\n"
		"  - {id: b, run: [x], out: {c: '.*'}}\n",
		":4:22", "only after"},
	{"reference in shell",
		"inputs: {r: {match: x}}\nsteps:\n  - {id: a, shell: \"${inputs.r}\"}\n", ":5:20",
		"not pasted into shell"},
	{"bad pattern", "inputs: {r: {match: '('}}\nsteps:\n  - {id: a, wait: 1s}\n", ":3:21",
		"not a POSIX extended"},
	{"bad result pattern", "steps:\n  - {id: a, run: [x], out: {c: '['}}\n", ":4:32",
		"not a POSIX extended"},
	{"default does not match",
		"inputs: {r: {match: 'v.', default: w}}\nsteps:\n  - {id: a, wait: 1s}\n", ":3:36",
		"does not match"},
	{"input without match", "inputs: {r: {default: w}}\nsteps:\n  - {id: a, wait: 1s}\n", "",
		"match"},
	{"maintenance as a command", "steps:\n  - {id: a, run: [mig-maintenance, on]}\n", ":4:18",
		"write maintenance:"},
	{"maintenance as a boolean", "steps:\n  - {id: a, maintenance: true}\n", ":4:26", "true"},
	{"closed for good", "steps:\n  - {id: a, maintenance: \"on\"}\n", ":4:5",
		"no later step switches it off"},
	{"lifting is the pivot", "steps:\n  - {id: a, maintenance: \"off\"}\n", ":4:5", "pivot"},
	{"pivot before lifting",
		"steps:\n  - {id: a, maintenance: \"on\"}\n  - {id: b, run: [x], pivot: true}\n"
		"  - {id: c, maintenance: \"off\", pivot: true}\n",
		":5:5", "maintenance is on at the pivot"},
	{"two pivots",
		"steps:\n  - {id: a, run: [x], pivot: true}\n  - {id: b, run: [x], pivot: true}\n",
		":5:5", "second pivot"},
	{"restore without a point", "on_failure: [restore]\nsteps:\n  - {id: a, wait: 1s}\n",
		":3:13", "restore_point: true"},
	{"point before maintenance",
		"on_failure: [restore]\nsteps:\n"
		"  - {id: a, run: [mig-backup, create], restore_point: true}\n",
		":5:5", "after maintenance"},
	{"change before the point",
		"on_failure: [restore]\nsteps:\n  - {id: c, maintenance: \"on\"}\n"
		"  - {id: m, run: [mig-apply, upgrade, head]}\n"
		"  - {id: b, run: [mig-backup, create], restore_point: true}\n"
		"  - {id: o, maintenance: \"off\", pivot: true}\n",
		":6:5", "before the restore point"},
	{"point that is no backup", "steps:\n  - {id: a, run: [x], restore_point: true}\n", ":4:38",
		"mig-backup create"},
	{"undo of a check", "steps:\n  - {id: a, checks: [smoke.yaml], undo: [x]}\n", ":4:41",
		"nothing to undo"},
	{"maintenance always",
		"steps:\n  - {id: a, run: [x]}\nalways:\n  - {id: o, maintenance: \"off\"}\n",
		":6:5", "lifted last"},
	{"maintenance as an undo",
		"steps:\n  - {id: a, run: [x], undo: [mig-maintenance, \"off\"]}\n", ":4:29",
		"no undo of step a"},
	{"undo of maintenance",
		"steps:\n  - {id: a, maintenance: \"on\", undo: [x]}\n"
		"  - {id: b, maintenance: \"off\", pivot: true}\n",
		":4:38", "lifted last"},
	{"policy for a command", "steps:\n  - {id: a, run: [x], undo: policy}\n", ":4:29",
		"belongs to mig-apply"},
	{"undo in a gate",
		"gates:\n  - {id: g, run: [x], undo: [y]}\nsteps:\n  - {id: a, wait: 1s}\n",
		":4:29", "belongs to steps"},
	{"a gate that changes",
		"gates:\n  - {id: g, run: [mig-apply, upgrade]}\nsteps:\n  - {id: a, wait: 1s}\n",
		":4:5", "may only read"},
	{"retry of anything", "steps:\n  - {id: a, run: [x], retry: {attempts: 3}}\n", ":4:30",
		"on: [class ..]"},
	{"unknown class", "steps:\n  - {id: a, run: [x], retry: {attempts: 3, on: [locked]}}\n",
		":4:30", "not an exit class"},
	{"for belongs to checks", "steps:\n  - {id: a, run: [x], retry: {for: 3s}}\n", ":4:30",
		"belong to checks"},
	{"attempts of checks", "steps:\n  - {id: a, checks: [smoke.yaml], retry: {attempts: 3}}\n",
		":4:42", "checks take"},
	{"unknown rung", "on_failure: [undoo]\nsteps:\n  - {id: a, wait: 1s}\n", ":3:14",
		"a rung is"},
	{"doubled rung", "on_failure: [undo, undo]\nsteps:\n  - {id: a, wait: 1s}\n", ":3:20",
		"twice"},
	{"traffic is for later", "on_failure: [traffic]\nsteps:\n  - {id: a, wait: 1s}\n", ":3:14",
		"not available in this version yet"},
	{"watch is for later", "watch: {for: 3m}\nsteps:\n  - {id: a, wait: 1s}\n", ":3:8",
		"not available in this version yet"},
	{"hosts are for later", "steps:\n  - {id: a, run: [x], hosts: web}\n", ":4:30",
		"not available in this version yet"},
	{"MIG_ variables", "steps:\n  - {id: a, run: [x], env: {MIG_RUN: y}}\n", ":4:38",
		"belong to mig"},
	{"an unknown event", "notify: {sucess: [x]}\nsteps:\n  - {id: a, wait: 1s}\n", ":3:10",
		"sucess"},
};

static void every_mistake_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *row = &refusals[i];
		CLEANUP(play_book_free_auto) struct play_book *book = NULL;
		AUTO_ERR(err);
		if (load(row->text, &book, &err))
			fail_msg("%s: was read", row->name);
		bool good = err.code == ERR_CONFIG && err.where &&
			    strstr(err.where, "book.yaml:") && str_ends(err.where, row->place) &&
			    strstr(err.msg, row->says);
		if (!good)
			fail_msg("%s: at %s: %s", row->name, err.where ? err.where : "(nowhere)",
				err.msg);
	}
}

static void near_names_are_suggested(void **state)
{
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	AUTO_ERR(err);
	(void)state;
	assert_false(load("steps:\n  - {id: backup, run: [x]}\n"
			  "  - {id: b, run: [x, \"${steps.bakcup.out.c}\"]}\n",
		&book, &err));
	assert_string_equal(err.hint, "did you mean \"backup\"?");
}

static const char deploy[] =
	"owner: release team\n"
	"inputs:\n"
	"  ref: {match: 'v[0-9.]+|[0-9a-f]{7,40}'}\n"
	"  note: {match: '.*', default: none}\n"
	"gates:\n"
	"  - {id: plan, run: [mig-apply, plan]}\n"
	"steps:\n"
	"  - {id: close, maintenance: \"on\"}\n"
	"  - {id: backup, run: [mig-backup, create, --label, \"pre-${inputs.ref}\"],\n"
	"     restore_point: true, timeout: 40m, out: {snapshot: '[0-9TZa-f-]+'}}\n"
	"  - id: migrate\n"
	"    run: [mig-apply, upgrade, head]\n"
	"    retry: {attempts: 5, delay: 2s, backoff: 2, jitter: true, on: [lock]}\n"
	"    undo: policy\n"
	"  - {id: code, run: [./switch, \"${inputs.ref}\"], undo: [./switch, previous], traffic: "
	"true}\n"
	"  - {id: note, shell: 'echo \"$NOTE\"', env: {NOTE: \"${steps.backup.out.snapshot}\"}}\n"
	"  - {id: smoke, checks: [smoke.yaml, {http: {get: /health}, expect: {status: 200}}],\n"
	"     retry: {for: 90s, every: 3s, need: 2}}\n"
	"  - {id: open, maintenance: \"off\", pivot: true}\n"
	"on_failure: [undo, restore]\n"
	"recovered: [smoke.yaml]\n"
	"notify: {failure: [sentry, slack]}\n";

static void a_deploy_is_read_whole(void **state)
{
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	AUTO_ERR(err);
	(void)state;
	if (!load(deploy, &book, &err))
		fail_msg("%s: %s", err.where, err.msg);
	static const enum play_kind kinds[] = {PLAY_KIND_MAINTENANCE, PLAY_KIND_BACKUP,
		PLAY_KIND_DATABASE, PLAY_KIND_TRAFFIC, PLAY_KIND_COMMAND, PLAY_KIND_CHECK,
		PLAY_KIND_MAINTENANCE};
	assert_int_equal(book->steps.count, ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_int_equal(book->steps.items[i].kind, kinds[i]);
	const struct play_step *migrate = play_book_step(book, "migrate");
	assert_int_equal(migrate->undo, PLAY_UNDO_POLICY);
	assert_int_equal(migrate->retry.attempts, 5);
	assert_int_equal(migrate->retry.delay_ms, 2000);
	assert_true(strvec_has(&migrate->retry.on, "lock"));
	assert_int_equal(play_book_step(book, "backup")->timeout_ms, 40 * 60 * 1000);
	const struct play_step *smoke = play_book_step(book, "smoke");
	assert_int_equal(smoke->retry.need, 2);
	assert_int_equal(smoke->checks.files.count, 1);
	assert_int_equal(json_array_size(smoke->checks.inline_list), 1);
	assert_int_equal(play_book_pivot(book), 6);
	assert_int_equal(book->ladder_count, 2);
	assert_int_equal(book->notify[PLAY_ON_FAILURE].count, 2);
	assert_int_equal(strlen(book->digest), 64);
}

static void inputs_are_matched_over_the_whole_value(void **state)
{
	static const struct {
		const char *words[3];
		bool good;
		const char *says;
	} rows[] = {
		{{"ref=v1.4", NULL}, true, NULL},
		{{"ref=0123abc", "note=two words", NULL}, true, NULL},
		{{NULL}, false, "needs the input ref"},
		{{"ref=xv1", NULL}, false, "does not match"},
		{{"ref=v1 ; rm", NULL}, false, "does not match"},
		{{"ref=v1", "reff=v2", NULL}, false, "has no input \"reff\""},
		{{"ref=v1", "ref=v2", NULL}, false, "given twice"},
		{{"ref", NULL}, false, "not NAME=VALUE"},
	};
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	AUTO_ERR(loading);
	(void)state;
	assert_true(load(deploy, &book, &loading));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRVEC(words);
		AUTO_ERR(err);
		json_t *values = NULL;
		for (const char *const *word = rows[i].words; *word; word++)
			strvec_push(&words, *word);
		assert_int_equal(play_book_inputs(book, &words, &values, &err), rows[i].good);
		if (rows[i].says) {
			assert_int_equal(err.code, ERR_USAGE);
			assert_non_null(strstr(err.msg, rows[i].says));
		} else {
			assert_non_null(json_object_get(values, "note"));
		}
		json_decref(values);
	}
}

static void late_values_must_match_what_the_step_declares(void **state)
{
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	CLEANUP(play_scope_release) struct play_scope scope = {0};
	AUTO_ERR(err);
	AUTO_STRVEC(env);
	AUTO_STRVEC(hostile);
	AUTO_STRVEC(plan);
	(void)state;
	assert_true(load(deploy, &book, &err));
	const struct play_step *note = play_book_step(book, "note");
	scope.book = book;
	scope.out = json_object();
	scope.plan = true;
	assert_true(play_variables(&scope, note, &plan, &err));
	assert_string_equal(plan.items[0], "NOTE=<after backup>");
	scope.plan = false;
	json_object_set_new(scope.out, "backup", json_pack("{s:s}", "snapshot", "2026T-1a"));
	assert_true(play_variables(&scope, note, &env, &err));
	assert_string_equal(env.items[0], "NOTE=2026T-1a");
	json_object_set_new(scope.out, "backup", json_pack("{s:s}", "snapshot", "$(rm -rf)"));
	assert_false(play_variables(&scope, note, &hostile, &err));
	assert_int_equal(err.code, ERR_CONFIG);
}

static void commands_are_what_a_person_types(void **state)
{
	static const struct {
		const char *id, *typed;
	} rows[] = {
		{"close", "mig-maintenance on"},
		{"backup", "mig-backup create --label pre-v1"},
		{"code", "./switch v1"},
		{"open", "mig-maintenance off"},
	};
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	AUTO_ERR(err);
	(void)state;
	assert_true(load(deploy, &book, &err));
	json_t *inputs = json_pack("{s:s}", "ref", "v1");
	struct play_scope scope = {.book = book, .inputs = inputs};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRVEC(argv);
		assert_true(
			play_command(&scope, play_book_step(book, rows[i].id), NULL, &argv, &err));
		AUTO_FREE char *typed = strvec_shell(&argv);
		assert_string_equal(typed, rows[i].typed);
	}
	json_decref(inputs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_told_with_its_place),
		cmocka_unit_test(near_names_are_suggested),
		cmocka_unit_test(a_deploy_is_read_whole),
		cmocka_unit_test(inputs_are_matched_over_the_whole_value),
		cmocka_unit_test(late_values_must_match_what_the_step_declares),
		cmocka_unit_test(commands_are_what_a_person_types),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
