/* The grammar of the command line: options anywhere, verbs, operands, near misses. */
#include "cli/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct settings {
	int64_t jobs, timeout_ms;
	const char *label;
	bool fast;
	struct strvec tags;
};

static bool never_run(struct cli *cli, void *settings, struct err *err)
{
	(void)cli;
	(void)settings;
	return err_set(err, ERR_BUG, "not called here");
}

static const struct cli_option create_options[] = {
	{"jobs", 'j', CLI_INT, offsetof(struct settings, jobs), "N", "how many"},
	{"timeout", 0, CLI_DURATION, offsetof(struct settings, timeout_ms), "T", "how long"},
	{"label", 'l', CLI_STRING, offsetof(struct settings, label), "TEXT", "a name"},
	{"fast", 'f', CLI_FLAG, offsetof(struct settings, fast), NULL, "hurry"},
	{"tag", 0, CLI_LIST, offsetof(struct settings, tags), "K=V", "a tag"},
	{0},
};
static const struct cli_verb verbs[] = {
	{"create", NULL, "make one", create_options, never_run, CLI_DRY_RUN},
	{"show", "THING [MORE..]", "show some", NULL, never_run, CLI_READ_ONLY},
	{"drop", "THING", "drop one", NULL, never_run, 0},
	{0},
};
static const struct cli_verb operand_verbs[] = {
	{"list", NULL, "list", NULL, never_run, CLI_READ_ONLY},
	{NULL, "PLAYBOOK [NAME=VALUE..]", "play", NULL, never_run, 0},
	{0},
};
static const struct cli_program program = {
	"mig-thing", "things", verbs, NULL, sizeof(struct settings), NULL, false};
static const struct cli_program operand_program = {
	"mig-play", "plays", operand_verbs, NULL, sizeof(struct settings), NULL, false};

struct parsed {
	struct cli cli;
	struct settings settings;
	struct err err;
	bool ok;
};

static void parse(struct parsed *parsed, const struct cli_program *which, const char *line)
{
	AUTO_STRVEC(argv);
	strvec_push(&argv, which->name);
	if (*line)
		strvec_split(&argv, line, ' ');
	*parsed = (struct parsed){.cli = {.program = which}};
	parsed->ok = cli_parse(
		&parsed->cli, &parsed->settings, (int)argv.count, argv.items, &parsed->err);
	/* string values point into argv, which ends here: only copies may be looked at */
	parsed->settings.label = parsed->settings.label ? "given" : NULL;
}

static void forget(struct parsed *parsed)
{
	cli_settings_release(&parsed->cli, &parsed->settings);
	strvec_release(&parsed->cli.operands);
	err_release(&parsed->err);
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	struct parsed p;
	parse(&p, &program, "-j 4 create --timeout=90s -fv --tag a=b --tag c=d -lx");
	assert_true(p.ok);
	assert_string_equal(p.cli.verb->name, "create");
	assert_int_equal(p.settings.jobs, 4);
	assert_int_equal(p.settings.timeout_ms, 90000);
	assert_true(p.settings.fast && p.cli.shared.verbose && p.settings.label);
	assert_int_equal(p.settings.tags.count, 2);
	forget(&p);
}

static void what_is_said_twice_alike_is_said_once(void **state)
{
	(void)state;
	struct parsed p;
	parse(&p, &program, "create -j 3 --jobs=3 --tag a --tag b --color never --color always");
	assert_true(p.ok);
	assert_int_equal(p.settings.jobs, 3);
	assert_int_equal(p.settings.tags.count, 2);
	forget(&p);
}

static void digits_behind_a_dash_are_operands(void **state)
{
	(void)state;
	struct parsed p;
	parse(&p, &program, "show -1 -- --odd");
	assert_true(p.ok);
	assert_int_equal(p.cli.operands.count, 2);
	assert_string_equal(p.cli.operands.items[0], "-1");
	assert_string_equal(p.cli.operands.items[1], "--odd");
	forget(&p);
}

static void an_operand_form_takes_what_is_no_verb(void **state)
{
	(void)state;
	struct parsed p;
	parse(&p, &operand_program, "deploy.yaml ref=v1 --json");
	assert_true(p.ok);
	assert_null(p.cli.verb->name);
	assert_int_equal(p.cli.operands.count, 2);
	forget(&p);
	parse(&p, &operand_program, "list");
	assert_string_equal(p.cli.verb->name, "list");
	forget(&p);
}

/* line, what the message or the hint must contain */
static const struct {
	const char *line, *message, *hint;
} wrong[] = {
	{"", "which verb?", "mig-thing VERB"},
	{"craete", "no verb \"craete\"", "mig-thing create"},
	{"upgrade", "no verb \"upgrade\"", "mig-apply upgrade"},
	{"create --jbos 4", "unknown option --jbos", "--jobs"},
	{"create -x", "unknown option -x", "usage"},
	{"create --jobs", "--jobs needs a value", "mig-thing create --help"},
	{"create --jobs four", "\"four\" is not a whole number", NULL},
	{"create --jobs -1", "--jobs: \"-1\" is not 0 or more", NULL},
	{"create --timeout 90", "--timeout: \"90\" is not a duration", NULL},
	{"create --fast=yes", "--fast takes no value", NULL},
	{"create extra", "unexpected operand \"extra\"", "usage: mig-thing create"},
	{"show", "THING is missing", "THING [MORE..]"},
	{"drop a -n", "has no dry run", NULL},
	{"show a --jobs 3", "unknown option --jobs", "it is an option of: mig-thing create"},
	{"show a -j3", "unknown option -j", "mig-thing create"},
	{"create -j 3 --jobs 4", "--jobs is given twice: \"3\" and \"4\"", "leave out the other"},
	{"create --label=a -lb", "--label is given twice: \"a\" and \"b\"", NULL},
	{"create -e test --env live", "--env is given twice: \"test\" and \"live\"", NULL},
	{"create -d a -d password=b", "--dbname is given twice, with different values", NULL},
};

static void wrong_lines_are_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct parsed p;
		parse(&p, &program, wrong[i].line);
		assert_false(p.ok);
		assert_int_equal(p.err.code, ERR_USAGE);
		if (!strstr(p.err.msg, wrong[i].message))
			fail_msg("\"%s\": got \"%s\"", wrong[i].line, p.err.msg);
		if (wrong[i].hint && !(p.err.hint && strstr(p.err.hint, wrong[i].hint)))
			fail_msg("\"%s\": hint \"%s\"", wrong[i].line, p.err.hint);
		forget(&p);
	}
}

static void advice_gets_what_was_typed(void **state)
{
	(void)state;
	static const struct {
		const char *advice, *told;
	} rows[] = {
		{"list them: mig-restore copies", "list them: mig-restore -e 'a b' copies"},
		{"mig-backup create; then mig-maintenance on",
			"mig-backup -e 'a b' create; then mig-maintenance -e 'a b' on"},
		{"see mig status", "see mig status -e 'a b'"},
		{"then: mig-alert test pager", "then: mig-alert -e 'a b' test pager"},
		{"mig init writes one; mig-thing x", "mig init writes one; mig-thing x"},
		{"mig-restore SNAPSHOT", "mig-restore -e 'a b' SNAPSHOT"},
		{"mig-restore", "mig-restore"},
		{"see mig-backup --help", "see mig-backup --help"},
		{"usage: mig-backup create", "usage: mig-backup create"},
		{"say which one: mig-backup list -e x", "say which one: mig-backup list -e x"},
		{"psql -d shop; then: mig-backup list",
			"psql -d shop; then: mig-backup -e 'a b' list"},
		{"mig-backup list (psql -d shop)", "mig-backup -e 'a b' list (psql -d shop)"},
		{"/opt/mig-backup create", "/opt/mig-backup create"},
	};
	struct cli cli = {.program = &program, .shared.env = "a b"};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *told = cli_own_words(&cli, rows[i].advice);
		assert_string_equal(told, rows[i].told);
	}
	cli.shared.env = NULL;
	AUTO_FREE char *as_it_was = cli_own_words(&cli, rows[0].advice);
	assert_string_equal(as_it_was, rows[0].advice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(what_is_said_twice_alike_is_said_once),
		cmocka_unit_test(digits_behind_a_dash_are_operands),
		cmocka_unit_test(an_operand_form_takes_what_is_no_verb),
		cmocka_unit_test(wrong_lines_are_answered),
		cmocka_unit_test(advice_gets_what_was_typed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
