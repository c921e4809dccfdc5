/* The top of Python files, read without Python. */
#include "migrate/python.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What `revision` is said to be: "text:a", "list:a,b", "none", "absent", "other". */
static char *value_of(const char *text, bool code)
{
	static const char *const kinds[] = {"absent", "none", "text", "list", "other"};
	struct python_name names[] = {{"revision", {0}}};
	AUTO_ARENA(room);
	CLEANUP(python_header_release)
	struct python_header header = {.names = names, .count = 1, .room = &room, .code = code};
	python_header_read(&header, text, strlen(text));
	AUTO_FREE char *items = strvec_join(&names[0].value.items, ",");
	return xstrfmt(
		"%s%s%s", kinds[names[0].value.kind], names[0].value.items.count ? ":" : "", items);
}

static void values(void **state)
{
	(void)state;
	static const struct {
		const char *text, *is;
	} rows[] = {
		{"", "absent"},
		{"revision = 'a'", "text:a"},
		{"revision = \"a\"  # why", "text:a"},
		{"revision='''a'''\n", "text:a"},
		{"revision: str = 'a'", "text:a"},
		{"revision: Union[str, Sequence[str], None] = 'a'", "text:a"},
		{"revision: 'str | None' = None", "none"},
		{"revision = None;", "none"},
		{"revision = ('a')", "text:a"},
		{"revision = ('a',)", "list:a"},
		{"revision = ()", "list"},
		{"revision = []", "list"},
		{"revision = ['a', \"b\",]", "list:a,b"},
		{"revision = (\n  'a',  # one\n\n  'b'\n)\n", "list:a,b"},
		{"revision = (\r\n 'a',\r\n)\r\n", "list:a"},
		{"revision = 'a', 'b'", "list:a,b"},
		{"revision = 'a',", "list:a"},
		{"revision = 'a' \\\n  'b'", "text:ab"},
		{"revision = r'a\\b'", "text:a\\b"},
		{"revision = u'a'", "text:a"},
		{"revision = 'a'\nrevision = 'b'\n", "text:b"},
		{"\xef\xbb\xbfrevision = 'a'", "text:a"},
		{"x = (\nrevision = 'b')\n", "other"},
		{"revision = f'a'", "other"},
		{"revision = b'a'", "other"},
		{"revision = 'a\\x62'", "other"},
		{"revision = 'a' + 'b'", "other"},
		{"revision = name", "other"},
		{"revision = make()", "other"},
		{"revision = ['a', name]", "other"},
		{"revision = 'a'.lower()", "other"},
		{"revision = 'a' if x else 'b'", "other"},
		{"revision = identifier = 'a'", "other"},
		{"identifier = revision = 'a'", "other"},
		{"revision = 'a'\nrevision += 'b'\n", "other"},
		{"revision = 'a'; down = 'b'", "other"},
		{"revision = ('a'", "other"},
		{"revision = 'a", "other"},
		{"revision =", "other"},
		{"revision == 'a'", "other"},
		{"if x:\n    revision = 'a'\n", "other"},
		{"try:\n    from a import b\nexcept E:\n    revision = 'a'\n", "other"},
		{"from a import revision", "other"},
		{"from a import x as revision", "other"},
		{"from a import *\n", "other"},
		{"from a import *\nrevision = 'a'", "text:a"},
		{"revision = 'a'\nfrom a import *\n", "other"},
		{"for revision in 'a': pass\n", "other"},
		{"revision = 'a'\ndel revision\n", "other"},
		{"def f():\n    global revision\n    revision = 'b'\nf()\n", "other"},
		{"if (revision := 'a'): pass\n", "other"},
		{"revision: str", "other"},
		{"revision: str ;one = 'b'", "other"},
		{"revision = 'a'\nx.revision = 'b'\n", "text:a"},
		{"@wrap\ndef f(x):\n    revision = 'b'\n", "absent"},
		{"class A:\n    revision = 'b'\n", "absent"},
		{"text = '''\nrevision = 'a'\n'''\n", "absent"},
		{"# revision = 'a'\n", "absent"},
		{"revisions = 'a'", "absent"},
		{"def f():\n    revision = 'a'\n", "absent"},
		{"def f():\n    pass\nrevision = 'a'\n", "text:a"},
		{"revision = 'a'\ndef f():\n    pass\ndel revision\n", "other"},
		{"revision = 'a'\ndef f():\n    pass\nfrom a import *\n", "other"},
		{"revision = 'a'\ndef f():\n    pass\nrevision = 'b'\n", "text:b"},
		{"revision = 'a'\ndef f():\n    '''\nrevision = 'b'\n'''\n", "text:a"},
		{"revision = 'a'\nclass A:\n    pass\ndef f():\n    global revision\n", "other"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *is = value_of(rows[i].text, false);
		AUTO_FREE char *whole = value_of(rows[i].text, true);
		if (strcmp(is, rows[i].is))
			print_message("%s\n", rows[i].text);
		assert_string_equal(is, rows[i].is);
		assert_string_equal(is, whole);
	}
}

static char *rest_of(const char *text, char **docstring)
{
	CLEANUP(python_header_release) struct python_header header = {.code = true};
	python_header_read(&header, text, strlen(text));
	const char *start = header.docstring, *end = header.docstring_end;
	free(*docstring);
	*docstring = start ? xstrndup(start, (size_t)(end - start)) : NULL;
	return strbuf_take(&header.rest);
}

static void the_way_back_does_not_count(void **state)
{
	(void)state;
	static const char one[] = "def upgrade():\n    up()\n"
				  "def downgrade() -> None:\n    wrong()\nx = 1\n";
	static const char two[] = "def upgrade():\n    up()\n"
				  "def downgrade():\n    if a:\n        right()\nx = 1\n";
	static const char other[] = "def upgrade():\n    up()\n"
				    "def downgrade():\n    wrong()\nx = 2\n";
	AUTO_FREE char *none = NULL;
	AUTO_FREE char *first = rest_of(one, &none);
	AUTO_FREE char *second = rest_of(two, &none);
	AUTO_FREE char *third = rest_of(other, &none);
	assert_string_equal(first, second);
	assert_string_not_equal(first, third);
}

static void docstring_and_layout_do_not_count(void **state)
{
	(void)state;
	static const char one[] = "\"\"\"One\n\nmore\n\"\"\"\nimport os\n\n\ndef upgrade():\n"
				  "    os.x('a  b')  # why\n";
	static const char two[] = "'''Two'''\r\nimport os\r\n# a comment\r\ndef upgrade():\r\n"
				  "    os.x('a  b')\r\n";
	static const char other[] = "'''Two'''\nimport os\ndef upgrade():\n    os.x('a b')\n";
	AUTO_FREE char *title = NULL;
	AUTO_FREE char *ignored = NULL;
	AUTO_FREE char *again = NULL;
	AUTO_FREE char *first = rest_of(one, &title);
	AUTO_FREE char *second = rest_of(two, &ignored);
	AUTO_FREE char *third = rest_of(other, &again);
	assert_string_equal(title, "One\n\nmore\n");
	assert_string_equal(first, second);
	assert_string_not_equal(first, third);
}

static void losses_by_function(void **state)
{
	(void)state;
	static const char text[] = "def upgrade():\n    op.drop_column('a', 'b')\n"
				   "    op.execute('''\n  Truncate t''')\n"
				   "def helper():\n    op.drop_table('x')\n"
				   "def downgrade() -> None:\n    op.drop_table('a')\n"
				   "def upgrade_engine1():\n    op.drop_table('e')\n";
	CLEANUP(python_header_release) struct python_header header = {.code = true};
	python_header_read(&header, text, strlen(text));
	AUTO_FREE char *up = strvec_join(&header.up_losses, ", ");
	AUTO_FREE char *down = strvec_join(&header.down_losses, ", ");
	assert_string_equal(up, "2: drop_column, 3: truncate , 10: drop_table");
	assert_string_equal(down, "8: drop_table");
}

/* Whatever stands there: it ends, within the text. */
static void any_bytes(void **state)
{
	(void)state;
	static const char alphabet[] = "revision= '\"\\\n#([{)]},:;fr\x80\r";
	unsigned seed = 20260120;
	for (int i = 0; i < 20000; i++) {
		AUTO_STRBUF(text);
		strbuf_adds(&text, i % 2 ? "revision = " : "");
		for (int j = 0; j < i % 40; j++) {
			seed = seed * 1103515245u + 12345u;
			strbuf_addc(&text, alphabet[(seed >> 16) % (sizeof(alphabet) - 1)]);
		}
		/* an exact allocation, so that the sanitizer sees a step beyond it */
		AUTO_FREE char *exact = xstrndup(text.buf, text.len);
		AUTO_FREE char *is = value_of(exact, i % 3 == 0);
		assert_non_null(is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(docstring_and_layout_do_not_count),
		cmocka_unit_test(the_way_back_does_not_count),
		cmocka_unit_test(losses_by_function),
		cmocka_unit_test(any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
