/*
 * Every small parser under mutation, a row each: whatever a text holds, reading it does not crash,
 * leaves nothing half-made behind, and a refusal says why. Configuration, playbooks and migration
 * files have tests of their own.
 */
#include "../support/fuzz.h"
#include "alert/dsn.h"
#include "alert/limits.h"
#include "base/fs.h"
#include "conf/config.h"
#include "copies/copies.h"
#include "db/names.h"
#include "graph/internal.h"
#include "migrate/python.h"
#include "pack/manifest.h"
#include "pack/trailer.h"
#include "restore/foreign_read.h"
#include "restore/retarget.h"
#include "schema/toc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Each reads one text and lets go of what came out of it; false with an error when refused. */

static bool read_time(const struct strbuf *text, struct err *err)
{
	int64_t ms;
	return clock_parse_time(text->buf, &ms, err);
}

static bool read_duration(const struct strbuf *text, struct err *err)
{
	int64_t ms;
	return clock_parse_duration(text->buf, &ms, err);
}

static bool read_size(const struct strbuf *text, struct err *err)
{
	int64_t bytes;
	return clock_parse_size(text->buf, &bytes, err);
}

static bool read_conninfo(const struct strbuf *text, struct err *err)
{
	AUTO_FREE char *conninfo = NULL;
	bool has_password;
	return conf_conninfo_parse(text->buf, &conninfo, &has_password, err);
}

static bool read_dsn(const struct strbuf *text, struct err *err)
{
	CLEANUP(alert_dsn_release) struct alert_dsn dsn = {0};
	return alert_dsn_parse(text->buf, &dsn, err);
}

static bool read_limits(const struct strbuf *text, struct err *err)
{
	AUTO_ALERT_LIMITS(limits);
	int64_t until;
	(void)err;
	alert_limits_parse(&limits, text->buf, 1000);
	alert_limits_retry_after(text->buf, 1000, &until);
	return true;
}

static bool read_mark(const struct strbuf *text, struct err *err)
{
	CLEANUP(copies_mark_release) struct copies_mark mark;
	(void)err;
	if (copies_mark_parse(text->buf, &mark))
		assert_true(mark.purpose && mark.oid);
	return true;
}

static bool read_name(const struct strbuf *text, struct err *err)
{
	AUTO_FREE char *stem = NULL;
	enum db_purpose purpose;
	(void)err;
	if (db_name_parse(text->buf, &purpose, &stem))
		assert_non_null(db_purpose_word(purpose));
	return true;
}

static bool read_relative(const struct strbuf *text, struct err *err)
{
	CLEANUP(graph_relative_release) struct graph_relative relative = {0};
	(void)err;
	graph_parse_relative(text->buf, &relative);
	return true;
}

static bool read_header(const struct strbuf *text, struct err *err)
{
	CLEANUP(python_header_release) struct python_header header = {0};
	(void)err;
	python_header_read(&header, text->buf, text->len);
	return true;
}

static bool read_manifest(const struct strbuf *text, struct err *err)
{
	CLEANUP(pack_manifest_free_auto) struct pack_manifest *manifest = NULL;
	return pack_manifest_parse(text->buf, text->len, &manifest, err);
}

static bool read_trailer(const struct strbuf *text, struct err *err)
{
	unsigned char tail[PACK_TAIL_SIZE] = {0};
	struct pack_trailer trailer;
	if (!pack_tar_header(PACK_TRAILER, PACK_TRAILER_SIZE, tail, err))
		return false;
	memcpy(tail + PACK_BLOCK, text->buf,
		text->len < PACK_TRAILER_SIZE ? text->len : PACK_TRAILER_SIZE);
	return pack_trailer_parse(tail, &trailer, err);
}

static bool read_toc(const struct strbuf *text, struct err *err)
{
	CLEANUP(toc_release) struct toc toc = {0};
	AUTO_FREE char *copy = xstrdup(text->buf);
	char *rest = copy;
	(void)err;
	for (char *line; (line = strsep(&rest, "\n"));) {
		toc_add_line(&toc, line);
		toc_mark_post(&toc, line);
	}
	toc_add_sql(&toc, text->buf);
	return true;
}

static bool read_definition(const struct strbuf *text, struct err *err)
{
	CLEANUP(toc_constraint_release) struct toc_constraint unique = {0};
	CLEANUP(toc_constraint_release) struct toc_constraint foreign = {0};
	AUTO_FREE char *table = NULL;
	free(restore_retarget_index(text->buf, "\"x\".\"y\""));
	toc_is_index(text->buf);
	toc_parse_constraint(text->buf, &unique);
	toc_parse_foreign_key(text->buf, &foreign);
	return restore_retarget_table(text->buf, "\"x\".\"y\"", "s.t", &table, err);
}

static bool take_statement(void *ctx, const char *sql, bool rows, struct err *err)
{
	(void)ctx;
	(void)rows;
	(void)err;
	assert_non_null(sql);
	return true;
}

static bool take_row(void *ctx, const char *line, size_t length, struct err *err)
{
	(void)ctx;
	(void)err;
	assert_true(line && length > 0);
	return true;
}

static bool take_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return true;
}

static bool read_dump(const struct strbuf *text, struct err *err)
{
	CLEANUP(fs_close) int fd = memfd_create("dump", MFD_CLOEXEC);
	CLEANUP(foreign_text_close_auto) struct foreign_text *lines = NULL;
	const struct foreign_input input = {.fd = fd, .name = "dump"};
	const struct foreign_hands hands = {take_statement, take_row, take_end, NULL, NULL};
	return fs_write_all(fd, text->buf, text->len, err) && lseek(fd, 0, SEEK_SET) == 0 &&
	       foreign_text_open(&input, &lines, err) && foreign_read(lines, &hands, err);
}

/* --- the rows --------------------------------------------------------------------------------- */

#define TOC \
	";\n; Archive created at 2026-01-01\n" \
	"215; 1259 16389 TABLE public t owner\n3; 1259 16400 INDEX public i owner\n" \
	";\tdepends on: 215 3\n4; 2606 16401 FK CONSTRAINT public t t_fk owner\n" \
	";\tdepends on: 215\n--\n-- TOC entry 3 (class 1259 OID 16400)\n-- Name: i\n--\n\n" \
	"SET client_encoding = 'UTF8';\nCREATE INDEX i ON s.t USING btree (a, ('x;' || $$y$$));\n"

#define DUMP \
	"--\n-- PostgreSQL database dump\n--\n\\restrict abc\nSET client_encoding = 'UTF8';\n" \
	"CREATE TABLE s.t (a text DEFAULT ';', b int);\nCREATE FUNCTION f() RETURNS int LANGUAGE " \
	"sql BEGIN ATOMIC\n SELECT 1;\nEND;\nCREATE FUNCTION g() RETURNS text AS $x$ '$$;$$' " \
	"$x$;\n" \
	"COPY s.t (a, b) FROM stdin;\nx\t1\n\\N\t2\n\\.\nSELECT pg_catalog.setval('s', 1, " \
	"true);\n" \
	"\\unrestrict abc\n--\n-- PostgreSQL database dump complete\n--\n"

#define DEFINITION \
	"CREATE TABLE s.t (\n    a integer DEFAULT nextval('s'::regclass) NOT NULL,\n    b text " \
	"COLLATE \"C\",\n    CONSTRAINT c CHECK ((a > 0))\n)\nWITH (fillfactor='70');\n\n" \
	"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT \"k\"\"1\" PRIMARY KEY (a, b);\n"

#define MANIFEST \
	"{\"mig_snapshot\": 1, \"id\": \"20261120T010203Z-1a2b3c\", \"database\": {\"name\": " \
	"\"shop\", \"oid\": 5}, \"tables\": [{\"oid\": 7, \"schema\": \"s\", \"name\": \"t\", " \
	"\"columns\": [\"a\"], \"rows\": 3}], \"members\": [{\"name\": \"x\", \"offset\": 512}]}"

static const struct {
	const char *name, *text;
	bool (*read)(const struct strbuf *text, struct err *err);
} rows[] = {
	{"time", "2026-11-20 10:11:12.5+01:30", read_time},
	{"duration", "1h30m5s", read_duration},
	{"size", "1.5 GiB", read_size},
	{"conninfo", "host=h port=5 dbname='a b' password=x\\'y", read_conninfo},
	{"URL", "postgresql+psycopg2://u:p%40@[::1]:5432/db?sslmode=require", read_conninfo},
	{"DSN", "https://key@sentry.example:8443/path/42", read_dsn},
	{"limits", "60:error;monitor:organization, 2.5::key", read_limits},
	{"mark",
		"{\"mig\": 1, \"purpose\": \"restored\", \"oid\": 7, \"of\": \"shop\", "
		"\"proved\": true}",
		read_mark},
	{"name", "shop__r_0123456789", read_name},
	{"relative target", "feature@3f9c1a7be2d4+2", read_relative},
	{"header of a revision",
		"\"\"\"Message\n\nRevises: b\n\"\"\"\nrevision: str = 'a1'\ndown_revision = "
		"(\n\t'b', "
		"r\"c\",\n)\nbranch_labels = ['x']\ndepends_on = None\n\ndef upgrade():\n    "
		"pass\n",
		read_header},
	{"manifest", MANIFEST, read_manifest},
	{"trailer",
		"mig snapshot 1 offset                87552 length                 1234 sha256 "
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		read_trailer},
	{"table of contents", TOC, read_toc},
	{"definition", DEFINITION, read_definition},
	{"dump", DUMP, read_dump},
};

static const char *const pieces[] = {"'", "\"", "$$", "$x$", ";", "--", "\\", "\\.\n", "/*", "\n",
	"\r\n", ":", "@", "(", ")", "{", "}", "[", "]", ",", "\t", "\xff", "\xc3", "%", "=", "-",
	"+", "e308", "99999999999999999999", "-9223372036854775808", "null", "\"\"\"", "\\\n"};

static void no_text_breaks_its_parser(void **state)
{
	(void)state;
	uint64_t rounds = fuzz_begin(1500);
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
		for (uint64_t i = 0; i < rounds; i++) {
			AUTO_STRBUF(text);
			AUTO_ERR(err);
			strbuf_adds(&text, rows[row].text);
			fuzz_mutate(&text, pieces, ARRAY_SIZE(pieces));
			if (!rows[row].read(&text, &err) && (!err.msg || !err.code))
				fail_msg("%s: refused without a reason: %s", rows[row].name,
					text.buf);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_breaks_its_parser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
