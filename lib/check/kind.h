/*
 * A kind of check is one file and one row in the table of kinds.c:
 *
 *	static bool parse(node, check, err)            reads what stands under its key
 *	static bool make(check, round, seen, err)      does it, and tells what was seen
 *	const struct check_kind check_kind_x = {...};
 *
 * What must hold (`expect:`) is read and judged outside of the kind, by its table of subjects.
 */
#ifndef CHECK_KIND_H
#define CHECK_KIND_H

#include "check/check.h"
#include "check/value.h"
#include "db/db.h"

/* What an assertion can be about. A name that ends with a space takes a rest: "header NAME". */
struct check_subject {
	const char *name;
	enum check_unit unit;
	const char *meaning;
	/* May be NULL: looks at the rest of the name (a JSON path) when the file is read. */
	bool (*validate)(const char *rest, struct err *err);
};

/* One assertion: a subject and a test. */
struct check_expectation {
	const struct check_subject *subject;
	char *name; /* as written: "header content-type" */
	const char *rest; /* "content-type"; points into name */
	struct check_test test;
};

struct check {
	const struct check_kind *kind;
	char *name;
	char *where; /* file:line:column */
	bool needs_writes;
	int64_t timeout_ms; /* 0: the kind's own */
	struct check_expectation *expectations;
	size_t count, alloc;
	void *data; /* the kind's own, zeroed before parse */
};

/* What a round gives to the checks in it. */
struct check_round {
	const struct check_settings *settings;
	const char *base; /* NULL: none */
	const struct strvec *headers; /* of the environment: only for requests under the base */
	struct db *db; /* opened by the first check that asks */
};
/* The round's session (not for concurrent kinds). */
MUST_CHECK bool check_round_db(struct check_round *round, struct db **db, struct err *err);

/* What was seen: one value per expectation of the check, NULL for absent. */
struct check_seen {
	char **values;
	char **absent; /* why a value is absent ("not JSON"); NULL: no reason */
	char *excerpt; /* body or output */
};

struct check_kind {
	const char *name; /* the key */
	const char *meaning;
	const struct check_subject *subjects; /* ends with {0}; NULL: takes no `expect` */
	size_t data_size;
	int64_t timeout_ms; /* when the check gives none */
	bool database; /* needs the environment's database */
	bool concurrent; /* make() may run in a thread of its own */
	/* Fills check->data and, when absent, check->name. ERR_CONFIG with its place. */
	bool (*parse)(const struct conf_node *node, struct check *check, struct err *err);
	/* May be NULL: adds the assertions that go without saying, after `expect:` is read. */
	bool (*complete)(struct check *check, struct err *err);
	/* May be NULL: what the environment must give, looked at before the first round. */
	bool (*ready)(const struct check *check, const struct check_round *round, struct err *err);
	/* False: the check could not be made. */
	bool (*make)(const struct check *check, struct check_round *round, struct check_seen *seen,
		struct err *err);
	/* May be NULL. Frees what data holds, not data. */
	void (*release)(void *data);
};

extern const struct check_kind check_kind_http;
extern const struct check_kind check_kind_sql;
extern const struct check_kind check_kind_run;
extern const struct check_kind check_kind_revision;

/* ERR_CONFIG at the node when the key names no kind. */
const struct check_kind *check_kind_find(const struct conf_node *node, struct err *err);
/* Is this key of a check the name of a kind, supported or not yet? */
bool check_kind_named(const char *key);

/* One check of a list; the caller owns it. */
MUST_CHECK bool check_parse(const struct conf_node *node, struct check **check, struct err *err);
void check_free(struct check *check);
DEFINE_AUTO(struct check, check_free)
/* Reads `expect:`; an empty one is an error. */
MUST_CHECK bool check_expect_parse(
	const struct conf_node *node, struct check *check, struct err *err);
struct check_expectation *check_expect_add(
	struct check *check, const struct check_subject *subject);

/* Judges what was seen; fills expected, got, verdict and excerpt. */
void check_judge(const struct check *check, struct check_seen *seen, struct check_outcome *outcome);
void check_seen_release(const struct check *check, struct check_seen *seen);

/* Headers as a map NAME: text or secret; each becomes "NAME: value" in *headers. */
MUST_CHECK bool check_headers_read(
	const struct conf_node *map, struct strvec *headers, struct err *err);

#endif
