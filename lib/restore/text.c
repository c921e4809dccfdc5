#include "restore/text.h"
#include "backup/create_room.h"
#include "restore/room.h"
#include "schema/roles.h"
#include "sql/lex.h"

#define LABEL "SECURITY LABEL "

static void add_line(void *ctx, const char *line)
{
	struct strbuf *text = ctx;
	strbuf_adds(text, line);
	strbuf_addc(text, '\n');
}

bool restore_text_read(const struct restore_settings *settings, const char *const *words,
	const char *list, struct strbuf *text, struct err *err)
{
	AUTO_STRBUF(said);
	if (!restore_ddl_read(settings, words, list, add_line, &said, err))
		return false;
	create_dump_strip_restrict(&said);
	strbuf_add(text, said.buf, said.len);
	return true;
}

bool restore_text_section(const struct restore_settings *settings, const char *section,
	const char *list, struct strbuf *text, struct err *err)
{
	AUTO_FREE char *word = xstrfmt("--section=%s", section);
	/* a subscription in a copy could take over the live one's slot */
	const char *words[] = {"--file=-", word, "--no-subscriptions", NULL, NULL, NULL};
	const char **more = words + 3;
	if (settings->no_tablespaces)
		*more++ = "--no-tablespaces";
	if (settings->no_security_labels)
		*more++ = "--no-security-labels";
	return restore_text_read(settings, words, list, text, err);
}

bool restore_text_each(const char *text, bool (*each)(void *ctx, const char *sql, struct err *err),
	void *ctx, struct err *err)
{
	struct sql_lexer lexer = {.file = PACK_DUMP, .text = text, .length = strlen(text)};
	struct sql_token token;
	size_t start = SIZE_MAX;
	do {
		if (!sql_lex(&lexer, &token, err))
			return false;
		if (token.kind != SQL_SEMICOLON && token.kind != SQL_END &&
			token.kind != SQL_COMMENT && start == SIZE_MAX)
			start = token.start;
		if ((token.kind != SQL_SEMICOLON && token.kind != SQL_END) || start == SIZE_MAX)
			continue;
		AUTO_FREE char *sql = xstrndup(text + start, token.start - start);
		if (!each(ctx, sql, err))
			return false;
		start = SIZE_MAX;
	} while (token.kind != SQL_END);
	return true;
}

bool restore_text_blame(struct err *err, const char *sql)
{
	AUTO_FREE char *detail = xstrdup(err->detail ? err->detail : "");
	return err_detail(err, "%s%sCommand was: %s", detail, *detail ? "\n" : "", sql);
}

bool restore_text_gives_public(const char *sql)
{
	return str_starts(sql, "ALTER SCHEMA public OWNER TO ");
}

/* True: it was left out. */
static bool stays_public(
	const struct restore_settings *settings, const struct db *db, const char *sql)
{
	enum { OWNED_BY_ALL = 150000 }; /* from then on by pg_database_owner */
	if (db->superuser || db->version >= OWNED_BY_ALL || !restore_text_gives_public(sql))
		return false;
	log_info(settings->log, "public_stays", NULL,
		"schema public of %s stays as the server made it: before PostgreSQL 15 only a "
		"superuser can give it an owner",
		db->dbname);
	return true;
}

bool restore_text_statement(
	const struct restore_settings *settings, struct db *db, const char *sql, struct err *err)
{
	AUTO_FREE char *mapped = NULL;
	/* of newer programs of PostgreSQL, unknown to older servers */
	if (str_starts(sql, "SET transaction_timeout ") ||
		(settings->no_security_labels && str_starts(sql, LABEL)))
		return true;
	if (stays_public(settings, db, sql))
		return true;
	if (settings->cancelled && settings->cancelled(settings->cancel_ctx))
		return err_set(err, ERR_SIGNAL, "interrupted");
	if (!schema_roles_map(settings->role_map, sql, &mapped, err))
		return false;
	if (db_exec(db, err, mapped ? mapped : sql))
		return true;
	return restore_text_blame(err, mapped ? mapped : sql);
}

bool restore_text_statements(const struct restore_settings *settings, struct db *db,
	const struct strvec *statements, struct err *err)
{
	STRVEC_EACH (statements, sql)
		if (!restore_text_statement(settings, db, sql, err))
			return false;
	return true;
}

struct running {
	const struct restore_settings *settings;
	struct db *db;
};

static bool run_statement(void *ctx, const char *sql, struct err *err)
{
	const struct running *running = ctx;
	return restore_text_statement(running->settings, running->db, sql, err);
}

bool restore_text_run(
	const struct restore_settings *settings, struct db *db, const char *text, struct err *err)
{
	struct running running = {settings, db};
	return restore_text_each(text, run_statement, &running, err);
}

struct mapping {
	const struct strvec *map;
	bool no_labels;
	struct strbuf text;
};

static bool map_statement(void *ctx, const char *sql, struct err *err)
{
	struct mapping *mapping = ctx;
	AUTO_FREE char *mapped = NULL;
	if (mapping->no_labels && str_starts(sql, LABEL))
		return true;
	if (!schema_roles_map(mapping->map, sql, &mapped, err))
		return false;
	strbuf_addf(&mapping->text, "%s;\n", mapped ? mapped : sql);
	return true;
}

bool restore_text_map(
	const struct strvec *map, bool no_labels, struct strbuf *text, struct err *err)
{
	struct mapping mapping = {map, no_labels, STRBUF_INIT};
	if ((!map || !map->count) && !no_labels)
		return true;
	bool ok = restore_text_each(text->buf, map_statement, &mapping, err);
	strbuf_reset(text);
	strbuf_add(text, mapping.text.buf, mapping.text.len);
	strbuf_release(&mapping.text);
	return ok;
}
