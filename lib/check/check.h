/*
 * Smoke checks: read from files, made in rounds, reported. See docs/checks.md for the file form.
 *
 *	AUTO_CHECK_LIST(list);
 *	check_list_load("smoke.yaml", &list, err)        strict: every mistake has its place
 *	check_list_run(&list, &settings, &report, err)   false: could not even begin
 *	report.verdict, report.why                       what came out
 *
 * A check's verdict is pass, fail (it was made, and the answer is not what is expected), or error
 * (it could not be made: its own code, 10, 12, 124.., never ERR_NO).
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/log.h"
#include "conf/config.h"

enum check_verdict { CHECK_PASS, CHECK_FAIL, CHECK_ERROR, CHECK_SKIPPED };
const char *check_verdict_word(enum check_verdict verdict);

struct check; /* kind.h */
struct check_list {
	struct check **items;
	size_t count, alloc;
	struct conf_document **documents; /* what the checks point into */
	size_t document_count, document_alloc;
};
#define AUTO_CHECK_LIST(name) CLEANUP(check_list_release) struct check_list name = {0}

/* A file with `checks:`; its checks are added to the list. ERR_CONFIG, ERR_NOTFOUND. */
MUST_CHECK bool check_list_load(const char *path, struct check_list *list, struct err *err);
/*
 * A list as it stands under `checks:` in a playbook or in `smoke:` of an environment: names of
 * files (relative to the file that names them) and checks written in place. The node must outlive
 * the list.
 */
MUST_CHECK bool check_list_parse(
	const struct conf_node *node, struct check_list *list, struct err *err);
/*
 * One check in place, only to find mistakes before anything is done: for a playbook, whose runner
 * replaces ${..} later. One that holds such a name is looked at no further than its kind.
 */
MUST_CHECK bool check_lint(const struct conf_node *node, struct err *err);
void check_list_release(struct check_list *list);
bool check_list_needs_database(const struct check_list *list);
const char *check_list_name(const struct check_list *list, size_t index);
const char *check_list_kind(const struct check_list *list, size_t index);

/* Rounds over the whole list until `need` of them in a row passed, or the time is over. */
struct check_retry {
	int64_t for_ms; /* 0: one round (or the `need` that pass) */
	int64_t every_ms; /* between rounds; 0: 1 s */
	int64_t need; /* 0: 1 */
};

struct check_settings {
	const struct conf_env *env; /* database, smoke base and headers */
	const char *base; /* instead of the environment's smoke base; may be NULL */
	const struct strvec *apply; /* "mig-apply" with its -c, -e, -d: for `revision` */
	struct check_retry retry;
	bool before_pivot; /* skip what needs writes */
	struct log_sink *log;
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* What one check came to. Texts are redacted, valid UTF-8. */
struct check_outcome {
	enum check_verdict verdict;
	char *expected; /* "status 200; duration < 2s": what failed, or all when it passed */
	char *got; /* "status 503; duration 0.1 s" */
	char *excerpt; /* first lines of the body or output, for a failure; may be NULL */
	struct err why; /* for error */
	int64_t ms;
};

struct check_report {
	enum check_verdict verdict;
	struct check_outcome *outcomes; /* one per check, of the last round, in order */
	size_t count;
	int64_t rounds;
	int64_t took_ms;
	/* The exit of a program: nothing, ERR_NO (fail), or the first error's own. */
	struct err why;
};
#define AUTO_CHECK_REPORT(name) CLEANUP(check_report_release) struct check_report name = {0}

/* False when nothing could be checked at all (ERR_CONFIG: no base, secret unset; interrupted). */
MUST_CHECK bool check_list_run(const struct check_list *list, const struct check_settings *settings,
	struct check_report *report, struct err *err);
void check_report_release(struct check_report *report);
/* {"verdict", "rounds", "checks": [{"name", "kind", "verdict", "expected", "got", "ms"}..]} */
json_t *check_report_json(const struct check_list *list, const struct check_report *report);
/* Lines for a person: one per check, a failure with expected, got and the excerpt. */
void check_report_lines(
	const struct check_list *list, const struct check_report *report, struct strvec *lines);

/* The kinds of checks, for help: name and meaning, NULL-ended pairs. */
const char *const *check_kind_words(void);

#endif
