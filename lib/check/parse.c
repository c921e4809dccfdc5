/* One check from its node: the keys that every kind has, its kind, its assertions. */
#include "check/kind.h"

#include "base/suggest.h"

#include <stdio.h>

enum { NEEDS_WRITES };
static const char *const needs_words[] = {"writes", NULL};

/* What every check may hold. */
struct common {
	char *name;
	int64_t timeout_ms;
	const struct conf_node *needs;
	const struct conf_node *expect;
	const struct conf_node *kind;
};

enum { KIND_FIELD = 4 };
static const struct conf_field common_fields[] = {
	{"name", CONF_TEXT, offsetof(struct common, name)},
	{"timeout", CONF_DURATION, offsetof(struct common, timeout_ms)},
	{"needs", CONF_NODE, offsetof(struct common, needs)},
	{"expect", CONF_NODE, offsetof(struct common, expect)},
	{NULL, CONF_NODE, offsetof(struct common, kind)},
};

/* An error without a place gets this node's. */
static bool place(const struct conf_node *node, struct err *err)
{
	AUTO_FREE char *where = conf_where(node);
	return err_where(err, "%s", where);
}

struct check_expectation *check_expect_add(struct check *check, const struct check_subject *subject)
{
	xgrow(check->expectations, check->count, check->alloc);
	struct check_expectation *expectation = &check->expectations[check->count++];
	*expectation = (struct check_expectation){.subject = subject};
	return expectation;
}

static bool takes_rest(const struct check_subject *subject)
{
	return str_ends(subject->name, " ");
}

static const struct check_subject *find_subject(const struct check_kind *kind, const char *key)
{
	for (const struct check_subject *subject = kind->subjects; subject->name; subject++) {
		bool found = takes_rest(subject)
				     ? str_starts(key, subject->name) && key[strlen(subject->name)]
				     : str_equal(key, subject->name);
		if (found)
			return subject;
	}
	return NULL;
}

static bool unknown_subject(
	const struct check_kind *kind, const struct conf_node *node, struct err *err)
{
	if (str_equal(node->key, "cert_days"))
		return conf_error_key(node, err, "cert_days is not supported yet");
	AUTO_STRVEC(known);
	AUTO_STRVEC(shown);
	for (const struct check_subject *subject = kind->subjects; subject->name; subject++) {
		size_t bare = strlen(subject->name) - takes_rest(subject);
		strvec_push_take(&known, xstrndup(subject->name, bare));
		strvec_pushf(&shown, "%s%s", subject->name,
			!takes_rest(subject) ? ""
			: subject->validate  ? "$.path"
					     : "NAME");
	}
	AUTO_FREE char *word = xstrndup(node->key, strcspn(node->key, " "));
	const char *near = suggest_in(word, &known);
	AUTO_FREE char *all = strvec_join(&shown, ", ");
	conf_error_key(node, err, "a check of kind %s has no \"%s\"", kind->name, node->key);
	return near && !str_equal(near, word) ? err_hint(err, "did you mean %s?", near)
					      : err_hint(err, "expect takes: %s", all);
}

/* A scalar or one key of a mapping becomes one expectation. */
static bool add_test(struct check *check, const struct check_subject *subject,
	const struct conf_node *node, const struct conf_node *value, struct err *err)
{
	struct check_expectation *expectation = check_expect_add(check, subject);
	expectation->name = xstrdup(node->key);
	expectation->rest = expectation->name + (takes_rest(subject) ? strlen(subject->name) : 0);
	if (!conf_is(value, CONF_SCALAR))
		return conf_error(value, err, "%s: one value is expected here", node->key);
	if (value == node)
		return check_test_parse(value->text, value->quoted, subject->unit,
			       &expectation->test, err) ||
		       place(value, err);
	return check_test_parse_named(
		       value->key, value->text, subject->unit, &expectation->test, err) ||
	       place(value, err);
}

static bool parse_assertion(const struct conf_node *node, struct check *check, struct err *err)
{
	const struct check_subject *subject = find_subject(check->kind, node->key);
	if (!subject)
		return unknown_subject(check->kind, node, err);
	if (subject->validate && !subject->validate(node->key + strlen(subject->name), err)) {
		AUTO_ERR(why);
		err_move(&why, err);
		conf_error_key(node, err, "%s", why.msg);
		return why.hint ? err_hint(err, "%s", why.hint) : false;
	}
	if (conf_is(node, CONF_SCALAR))
		return add_test(check, subject, node, node, err);
	if (!conf_is(node, CONF_MAP) || node->count == 0)
		return conf_error(node, err, "%s: an assertion needs a value", node->key);
	CONF_EACH (node, value)
		if (!add_test(check, subject, node, value, err))
			return false;
	return true;
}

bool check_expect_parse(const struct conf_node *node, struct check *check, struct err *err)
{
	if (!conf_is(node, CONF_MAP) || node->count == 0) {
		conf_error(node, err, "an empty expect checks nothing");
		return err_hint(err, "write what must hold: expect: {%s: ...}",
			check->kind->subjects[0].name);
	}
	CONF_EACH (node, assertion)
		if (!parse_assertion(assertion, check, err))
			return false;
	return true;
}

static bool parse_need(const struct conf_node *node, struct check *check, struct err *err)
{
	if (!conf_is(node, CONF_SCALAR))
		return conf_error(node, err, "needs is a list of words: [writes]");
	if (str_equal(node->text, needs_words[NEEDS_WRITES])) {
		check->needs_writes = true;
		return true;
	}
	const char *near = suggest_nearest(node->text, needs_words, 1);
	conf_error(node, err, "unknown need \"%s\"", node->text);
	return err_hint(err, near ? "did you mean %s?" : "a check can need: %s", needs_words[0]);
}

static bool parse_needs(const struct conf_node *node, struct check *check, struct err *err)
{
	if (!conf_is(node, CONF_LIST))
		return parse_need(node, check, err);
	CONF_EACH (node, need)
		if (!parse_need(need, check, err))
			return false;
	return true;
}

/* The first scalar with a name in it; NULL: none. */
static const struct conf_node *find_name(const struct conf_node *node)
{
	if (node->kind == CONF_SCALAR)
		return strstr(node->text, "${") ? node : NULL;
	for (size_t i = 0; i < node->count; i++) {
		const struct conf_node *found = find_name(node->items[i]);
		if (found)
			return found;
	}
	return NULL;
}

/* Names in a file of checks are not replaced yet: taking them literally would be a trap. */
static bool refuse_names(const struct conf_node *node, struct err *err)
{
	const struct conf_node *name = find_name(node);
	if (!name)
		return true;
	conf_error(name, err, "\"${...}\" is not replaced in a file of checks");
	return err_hint(err, "write the value itself, or the check in place in the playbook");
}

static bool common_key(const char *key)
{
	for (size_t i = 0; i < KIND_FIELD; i++)
		if (str_equal(common_fields[i].key, key))
			return true;
	return false;
}

/* The one child that names the kind. */
static bool find_kind(const struct conf_node *node, const struct check_kind **kind, struct err *err)
{
	*kind = NULL;
	CONF_EACH (node, child) {
		if (common_key(child->key))
			continue;
		if (*kind && check_kind_named(child->key))
			return conf_error_key(child, err,
				"one check has one kind: %s stands here already", (*kind)->name);
		if (!*kind)
			*kind = check_kind_find(child, err);
		if (!*kind)
			return false;
	}
	if (*kind)
		return true;
	conf_error(node, err, "a check says what to check: http, sql, run or revision");
	return err_hint(err, "- http: {get: /health}");
}

static bool parse_expect_of(struct check *check, const struct common *common,
	const struct conf_node *node, struct err *err)
{
	if (!check->kind->subjects)
		return !common->expect ||
		       conf_error(common->expect, err,
			       "%s takes no expect: its value is what is expected",
			       check->kind->name);
	if (common->expect)
		return check_expect_parse(common->expect, check, err);
	conf_error(
		node, err, "a check of kind %s without expect checks nothing", check->kind->name);
	return err_hint(
		err, "write what must hold: expect: {%s: ...}", check->kind->subjects[0].name);
}

static bool parse_into(
	struct check *check, struct common *common, const struct conf_node *node, struct err *err)
{
	struct conf_field fields[ARRAY_SIZE(common_fields)];
	memcpy(fields, common_fields, sizeof(fields));
	fields[KIND_FIELD].key = check->kind->name;
	if (!conf_read(node, fields, ARRAY_SIZE(fields), common, err))
		return false;
	check->name = xstrdup_null(common->name);
	check->timeout_ms = common->timeout_ms ? common->timeout_ms : check->kind->timeout_ms;
	return check->kind->parse(common->kind, check, err) &&
	       (!common->needs || parse_needs(common->needs, check, err)) &&
	       parse_expect_of(check, common, node, err);
}

static bool want_map(const struct conf_node *node, struct err *err)
{
	return conf_is(node, CONF_MAP) ||
	       conf_error(node, err,
		       "a check is a mapping such as {http: {get: /health}, expect: ..}");
}

bool check_lint(const struct conf_node *node, struct err *err)
{
	const struct check_kind *kind = NULL;
	CLEANUP(check_free_auto) struct check *check = NULL;
	if (!want_map(node, err) || !find_kind(node, &kind, err))
		return false;
	return find_name(node) || check_parse(node, &check, err);
}

bool check_parse(const struct conf_node *node, struct check **result, struct err *err)
{
	const struct check_kind *kind = NULL;
	if (!want_map(node, err) || !refuse_names(node, err) || !find_kind(node, &kind, err))
		return false;
	CLEANUP(check_free_auto) struct check *check = xcalloc(1, sizeof(*check));
	struct common common = {0};
	check->kind = kind;
	check->data = xcalloc(1, kind->data_size);
	check->where = conf_where(node);
	bool ok = parse_into(check, &common, node, err);
	ok = ok && (!kind->complete || kind->complete(check, err));
	free(common.name);
	if (ok)
		*result = xtake(&check);
	return ok;
}

void check_free(struct check *check)
{
	if (!check)
		return;
	if (check->kind->release)
		check->kind->release(check->data);
	for (size_t i = 0; i < check->count; i++) {
		check_test_release(&check->expectations[i].test);
		free(check->expectations[i].name);
	}
	free(check->expectations);
	free(check->data);
	free(check->name);
	free(check->where);
	free(check);
}
