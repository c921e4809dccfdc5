/* conf: the strict loader, key tables, secrets, expansion. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/secret.h"
#include "conf/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct conf_document *parsed(const char *text)
{
	AUTO_ERR(err);
	struct conf_document *doc = NULL;
	if (!conf_document_parse("x.yaml", text, strlen(text), &doc, &err))
		fail_msg("%s: %s", err.where, err.msg);
	return doc;
}

#define AUTO_DOC(name, text) \
	CLEANUP(conf_document_free_auto) struct conf_document *name = parsed(text)

static void nodes_know_their_place(void **state)
{
	(void)state;
	AUTO_DOC(doc, "a: 1\nb:\n  - x\n  - {c: \"on\", d: off, e: ~}\n");
	const struct conf_node *b = conf_get(doc->root, "b");
	assert_int_equal(b->kind, CONF_LIST);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->key_line, 2);
	const struct conf_node *c = conf_get(b->items[1], "c");
	assert_string_equal(c->text, "on");
	assert_true(c->quoted);
	AUTO_FREE char *where = conf_where(c);
	assert_string_equal(where, "x.yaml:4:9");
	assert_string_equal(conf_get(b->items[1], "d")->text, "off");
	assert_false(conf_get(b->items[1], "d")->quoted);
	assert_string_equal(conf_get(b->items[1], "e")->text, "");
	assert_null(conf_get(doc->root, "none"));
	assert_null(conf_get(NULL, "none"));
	json_t *json = conf_to_json(doc->root);
	AUTO_FREE char *dump = json_dumps(json, JSON_COMPACT);
	assert_string_equal(
		dump, "{\"a\":\"1\",\"b\":[\"x\",{\"c\":\"on\",\"d\":\"off\",\"e\":\"\"}]}");
	json_decref(json);
}

static void strict_files_refuse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *where, *says;
	} rows[] = {
		{"", "x.yaml:1:1", "empty"},
		{"a: 1\na: 2\n", "x.yaml:2:1", "second time (first on line 1)"},
		{"a: &x 1\nb: 2\n", "x.yaml:1:4", "anchors"},
		{"a: &x 1\nb: *x\n", "x.yaml:1:4", "anchors"},
		{"a: *x\n", "x.yaml:1:4", "aliases"},
		{"a: !!str 1\n", "x.yaml:1:4", "tags"},
		{"a: !x [1]\n", "x.yaml:1:4", "tags"},
		{"*x : 1\n", "x.yaml:1:1", "aliases"},
		{"[a]: 1\n", "x.yaml:1:1", "a key must be plain text"},
		{"a: 1\n---\nb: 2\n", "x.yaml:2:1", "second document"},
		{"a: [1, 2\n", "x.yaml:2:1", "not valid YAML"},
		{"a: \"x\\0y\"\n", "x.yaml:1:4", "NUL"},
		{"ab: \xff\n", "x.yaml:1:5", "not valid YAML"},
		{"a: b: c\n", "x.yaml:1:5", "not valid YAML"},
		{"\ta: 1\n", "x.yaml:1:1", "not valid YAML"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
		if (conf_document_parse("x.yaml", rows[i].text, strlen(rows[i].text), &doc, &err))
			fail_msg("read without an error: %s", rows[i].text);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_string_equal(err.where, rows[i].where);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.msg, rows[i].says);
	}
}

static void deep_nesting_is_refused(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_STRBUF(text);
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	for (int i = 0; i < 5000; i++)
		strbuf_addc(&text, '[');
	assert_false(conf_document_parse("x.yaml", text.buf, text.len, &doc, &err));
	assert_non_null(strstr(err.msg, "nested too deeply"));
}

struct sample {
	char *text;
	bool flag;
	int64_t number, wait, size;
	struct strvec words, argv;
	struct conf_secret *secret;
	const struct conf_node *node;
	int choice;
};
static const char *const colours[] = {"red", "green", NULL};
static const struct conf_field fields[] = {
	{"text", CONF_TEXT, offsetof(struct sample, text), true},
	{"flag", CONF_BOOL, offsetof(struct sample, flag)},
	{"number", CONF_INT, offsetof(struct sample, number)},
	{"wait", CONF_DURATION, offsetof(struct sample, wait)},
	{"size", CONF_SIZE, offsetof(struct sample, size)},
	{"words", CONF_STRINGS, offsetof(struct sample, words)},
	{"argv", CONF_ARGV, offsetof(struct sample, argv)},
	{"secret", CONF_SECRET, offsetof(struct sample, secret)},
	{"node", CONF_NODE, offsetof(struct sample, node)},
	{"choice", CONF_CHOICE, offsetof(struct sample, choice), false, colours},
};

static void tables_fill_structs(void **state)
{
	(void)state;
	AUTO_ERR(err);
	struct sample s = {0};
	AUTO_DOC(doc, "text: hello\nflag: true\nnumber: -7\nwait: 90s\nsize: 64MiB\nwords: one\n"
		      "argv: [systemctl, stop]\nsecret: {env: HOME}\nnode: [1]\nchoice: green\n");
	assert_true(conf_read(doc->root, fields, ARRAY_SIZE(fields), &s, &err));
	assert_string_equal(s.text, "hello");
	assert_true(s.flag);
	assert_int_equal(s.number, -7);
	assert_int_equal(s.wait, 90000);
	assert_int_equal(s.size, 64 << 20);
	assert_string_equal(s.words.items[0], "one");
	assert_int_equal(s.argv.count, 2);
	assert_int_equal(s.secret->kind, CONF_SECRET_ENV);
	assert_int_equal(s.node->count, 1);
	assert_int_equal(s.choice, 1);
	conf_release(fields, ARRAY_SIZE(fields), &s);
	assert_null(s.text);
	assert_null(s.secret);
	assert_int_equal(s.words.count, 0);
}

static void wrong_values_are_told_with_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *where, *says, *hint;
	} rows[] = {
		{"text: a\ntxet: b\n", "x.yaml:2:1", "unknown key \"txet\"",
			"did you mean \"text\"?"},
		{"text: a\nzzzzzzzzz: b\n", "x.yaml:2:1", "unknown key", "known here: text, flag"},
		{"flag: true\n", "x.yaml:1:1", "\"text\" is missing", NULL},
		{"text: ''\n", "x.yaml:1:7", "text may not be empty", NULL},
		{"text: [a]\n", "x.yaml:1:7", "text: expected text, not a list", NULL},
		{"flag: yes\n", "x.yaml:1:7", "expected true or false, not \"yes\"", NULL},
		{"number: 1x\n", "x.yaml:1:9", "expected a whole number, not \"1x\"", NULL},
		{"number: ' 1'\n", "x.yaml:1:9", "whole number", NULL},
		{"number: 99999999999999999999\n", "x.yaml:1:9", "whole number", NULL},
		{"wait: 90\n", "x.yaml:1:7", "duration with its unit", NULL},
		{"size: many\n", "x.yaml:1:7", "expected a size", NULL},
		{"argv: systemctl stop\n", "x.yaml:1:7", "list of words", NULL},
		{"argv: []\n", "x.yaml:1:7", "list of words", NULL},
		{"words: [a, [b]]\n", "x.yaml:1:12", "text in this list", NULL},
		{"choice: grene\n", "x.yaml:1:9", "one of red, green", "did you mean \"green\"?"},
		{"secret: {evn: X}\n", "x.yaml:1:10", "unknown key \"evn\"", "\"env\""},
		{"secret: {env: X, file: Y}\n", "x.yaml:1:9", "expected one of {env: NAME}", NULL},
		{"- a\n", "x.yaml:1:1", "expected a map of keys, not a list", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		AUTO_DOC(doc, rows[i].text);
		struct sample s = {0};
		if (conf_read(doc->root, fields, ARRAY_SIZE(fields), &s, &err))
			fail_msg("read without an error: %s", rows[i].text);
		assert_string_equal(err.where, rows[i].where);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.msg, rows[i].says);
		if (rows[i].hint && (!err.hint || !strstr(err.hint, rows[i].hint)))
			fail_msg("hint \"%s\" does not say \"%s\"", err.hint, rows[i].hint);
		conf_release(fields, ARRAY_SIZE(fields), &s);
	}
}

static bool secret_of(const char *text, char **value, struct err *err)
{
	AUTO_DOC(doc, text);
	CLEANUP(conf_secret_free_auto) struct conf_secret *secret = NULL;
	assert_true(conf_secret_parse(doc->root, &secret, err));
	return conf_secret_get(secret, value, err);
}

static void secrets_come_by_reference(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *path = fs_join(dir, "secret");
	AUTO_FREE char *text = xstrfmt("{file: %s}", path);
	assert_true(fs_write_atomic(path, "topsecret\n", 10, &err));
	AUTO_FREE char *from_file = NULL;
	assert_true(secret_of(text, &from_file, &err));
	assert_string_equal(from_file, "topsecret");
	AUTO_FREE char *shown = secret_redact("it is topsecret");
	assert_string_equal(shown, "it is ***");

	AUTO_FREE char *none = NULL;
	chmod(path, 0644);
	assert_false(secret_of(text, &none, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "mode 644"));
	assert_non_null(strstr(err.hint, "chmod 600"));

	setenv("MIG_TEST_SECRET", "hush-hush", 1);
	AUTO_FREE char *from_env = NULL;
	assert_true(secret_of("{env: MIG_TEST_SECRET}", &from_env, &err));
	assert_string_equal(from_env, "hush-hush");
	unsetenv("MIG_TEST_SECRET");
	assert_false(secret_of("{env: MIG_TEST_SECRET}", &none, &err));
	assert_string_equal(err.where, "x.yaml:1:1");

	AUTO_FREE char *from_command = NULL;
	assert_true(secret_of("{command: [echo, whisper]}", &from_command, &err));
	assert_string_equal(from_command, "whisper");
	assert_false(secret_of("{command: [\"false\"]}", &none, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_false(secret_of("{command: [/no/such/program]}", &none, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_true(fs_remove_tree(dir, &err));
}

static char *lookup(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "env.dbname") ? xstrdup("shop") : NULL;
}

static void names_are_expanded_inside_scalars(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_DOC(doc, "a: x\n");
	AUTO_STRVEC(known);
	strvec_push(&known, "env.dbname");
	const struct conf_node *at = doc->root->items[0];
	AUTO_FREE char *out = NULL, *none = NULL;
	assert_true(conf_expand(
		"go ${env.dbname}, $${env.dbname} $5", at, lookup, NULL, &known, &out, &err));
	assert_string_equal(out, "go shop, ${env.dbname} $5");
	assert_false(conf_expand("${env.dbnam}", at, lookup, NULL, &known, &none, &err));
	assert_string_equal(err.where, "x.yaml:1:4");
	assert_string_equal(err.hint, "did you mean ${env.dbname}?");
	assert_false(conf_expand("${env.dbname", at, lookup, NULL, &known, &none, &err));
	assert_false(conf_expand("${}", at, lookup, NULL, NULL, &none, &err));
	assert_false(conf_expand("${a b}", at, lookup, NULL, NULL, &none, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_know_their_place),
		cmocka_unit_test(strict_files_refuse),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(tables_fill_structs),
		cmocka_unit_test(wrong_values_are_told_with_their_place),
		cmocka_unit_test(secrets_come_by_reference),
		cmocka_unit_test(names_are_expanded_inside_scalars),
	};
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
