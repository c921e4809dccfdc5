#include "restore/foreign_fate.h"
#include "restore/foreign_source.h"
#include "restore/room.h"
#include "schema/roles.h"
#include <ctype.h>
#include <inttypes.h>

void foreign_facts_release(struct foreign_facts *facts)
{
	free(facts->server);
	free(facts->pg_dump);
	strvec_release(&facts->roles);
	strvec_release(&facts->tablespaces);
	strvec_release(&facts->extensions);
	restore_rights_release(&facts->rights);
	strvec_release(&facts->left_out);
	*facts = (struct foreign_facts){0};
}

char *foreign_facts_rows(const struct foreign_facts *facts)
{
	AUTO_STRBUF(text);
	strbuf_addf(&text, "%" PRId64 " rows", facts->rows);
	if (facts->inserts)
		strbuf_addf(&text, " and %" PRId64 " INSERTs", facts->inserts);
	return strbuf_take(&text);
}

static void add_once(struct strvec *list, char *name)
{
	if (name && *name && !strvec_has(list, name))
		strvec_push_take(list, name);
	else
		free(name);
}

/*
 * Statements
 */

/* The name that stands behind these words of pg_dump's; NULL: the statement is another. */
static char *name_behind(const char *sql, const char *words)
{
	AUTO_STRBUF(name);
	if (!str_starts(sql, words))
		return NULL;
	const char *c = sql + strlen(words);
	bool quoted = *c == '"';
	for (c += quoted; *c && (quoted || !isspace((unsigned char)*c)); c++) {
		if (quoted && *c == '"' && *++c != '"')
			break;
		strbuf_addc(&name, *c);
	}
	return strbuf_take(&name);
}

/* Text in which a byte of a letter may look like a quote cannot be cut into statements. */
static bool check_encoding(const char *sql, struct err *err)
{
	static const char *const unsafe[] = {
		"SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"};
	AUTO_FREE char *name = name_behind(sql, "SET client_encoding = ");
	for (size_t i = 0; name && i < ARRAY_SIZE(unsafe); i++) {
		AUTO_FREE char *literal = xstrfmt("'%s'", unsafe[i]);
		if (!str_equal(name, literal))
			continue;
		err_set(err, ERR_REFUSED, "the dump's text is in %s", unsafe[i]);
		return err_hint(err, "dump again with --encoding=UTF8");
	}
	return true;
}

static bool check_fate(struct foreign_facts *facts, const char *sql, bool rows, struct err *err)
{
	char *what;
	enum foreign_fate fate = foreign_fate(sql, rows, &what);
	if (fate == FOREIGN_LEAVE_OUT)
		add_once(&facts->left_out, xtake(&what));
	AUTO_FREE char *refused = what;
	facts->event_triggers |= fate == FOREIGN_RUN_LAST;
	if (fate != FOREIGN_REFUSE)
		return true;
	err_set(err, ERR_REFUSED, "the dump reaches outside of its database: %s", refused);
	err_detail(err, "%.200s", sql);
	return err_hint(err, "nothing was run; if you trust the file, take the statement out and "
			     "run it by hand");
}

struct checking {
	const struct restore_settings *settings;
	struct foreign_facts *facts;
};

static bool check_statement(void *ctx, const char *sql, bool rows, struct err *err)
{
	struct checking *checking = ctx;
	struct foreign_facts *facts = checking->facts;
	if (str_starts(sql, "SET standard_conforming_strings = off"))
		return err_set(err, ERR_REFUSED,
			"the dump has strings of the old kind (standard_conforming_strings = off)");
	facts->inserts += str_starts(sql, "INSERT INTO ");
	if (!str_starts(sql, "SET default_tablespace = ''"))
		add_once(&facts->tablespaces, name_behind(sql, "SET default_tablespace = "));
	add_once(&facts->extensions, name_behind(sql, "CREATE EXTENSION IF NOT EXISTS "));
	return check_encoding(sql, err) && check_fate(facts, sql, rows, err) &&
	       restore_rights_add(&facts->rights, sql, err) &&
	       schema_roles_names(sql, &facts->roles, err);
}

static bool count_row(void *ctx, const char *line, size_t length, struct err *err)
{
	struct checking *checking = ctx;
	(void)line;
	(void)err;
	checking->facts->rows++;
	checking->facts->bytes += (int64_t)length;
	return true;
}

static bool skip_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return true;
}

/* "-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)" */
static void note_version(const char *line, const char *words, char **version)
{
	const char *from = line + strlen(words);
	if (!*version && str_starts(line, words))
		*version = xstrndup(from, strcspn(from, " \r\n"));
}

static void note_versions(void *ctx, const char *line)
{
	struct checking *checking = ctx;
	note_version(line, "-- Dumped from database version ", &checking->facts->server);
	note_version(line, "-- Dumped by pg_dump version ", &checking->facts->pg_dump);
}

bool foreign_look(const struct restore_settings *settings, const struct foreign_dump *dump,
	struct foreign_facts *facts, struct err *err)
{
	struct checking checking = {settings, facts};
	struct foreign_hands hands = {
		check_statement, count_row, skip_end, note_versions, &checking};
	return foreign_source_read(settings, dump, &hands, err);
}
