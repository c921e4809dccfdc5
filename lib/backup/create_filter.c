#include "backup/create_filter.h"

#include <ctype.h>
#include <inttypes.h>

#include "backup/create_room.h"
#include "schema/toc.h"

/* One option that takes patterns. */
struct option {
	const char *name;
	const struct strvec *patterns;
	bool of_schemas;
};
enum { OPTIONS = 5 };

static void options_of(const struct backup_filter *asked, struct option options[OPTIONS])
{
	options[0] = (struct option){"--schema", &asked->schemas, true};
	options[1] = (struct option){"--exclude-schema", &asked->exclude_schemas, true};
	options[2] = (struct option){"--table", &asked->tables, false};
	options[3] = (struct option){"--exclude-table", &asked->exclude_tables, false};
	options[4] = (struct option){"--exclude-table-data", &asked->exclude_data, false};
}

void create_filter_release(struct create_filter *filter)
{
	free(filter->path);
	free(filter->tables);
	free(filter->sequences);
	free(filter->emptied);
	*filter = (struct create_filter){0};
}

void create_filter_options(const struct backup_filter *asked, struct strvec *argv)
{
	struct option options[OPTIONS];
	options_of(asked, options);
	for (size_t i = 0; i < OPTIONS; i++)
		STRVEC_EACH (options[i].patterns, pattern)
			strvec_pushf(argv, "%s=%s", options[i].name, pattern);
}

void create_filter_read(const struct strvec *argv, struct backup_filter *asked)
{
	struct option options[OPTIONS];
	options_of(asked, options);
	STRVEC_EACH (argv, word)
		for (size_t i = 0; i < OPTIONS; i++) {
			size_t length = strlen(options[i].name);
			if (str_starts(word, options[i].name) && word[length] == '=')
				strvec_push(
					(struct strvec *)options[i].patterns, word + length + 1);
		}
}

void backup_filter_release(struct backup_filter *asked)
{
	struct option options[OPTIONS];
	options_of(asked, options);
	for (size_t i = 0; i < OPTIONS; i++)
		strvec_release((struct strvec *)options[i].patterns);
}

/* --- patterns --------------------------------------------------------------------------------- */

static void begin_part(struct strbuf *part)
{
	strbuf_reset(part);
	strbuf_adds(part, "^(");
}

/* As psql and pg_dump read them: * and ? outside of quotes, letters folded, the rest as it is. */
static void add_character(struct strbuf *part, const char *c, bool quoted)
{
	if (!quoted && *c == '*')
		strbuf_adds(part, ".*");
	else if (!quoted && *c == '?')
		strbuf_addc(part, '.');
	else if (*c == '$' || (quoted && strchr("|*+?()[]{}.^\\", *c)) ||
		 (*c == '[' && c[1] == ']'))
		strbuf_addf(part, "\\%c", *c);
	else
		strbuf_addc(part, !quoted && isupper((unsigned char)*c) ? (char)tolower(*c) : *c);
}

bool create_filter_regex(const char *pattern, char **schema, char **name, struct err *err)
{
	AUTO_STRBUF(part);
	bool quoted = false;
	begin_part(&part);
	*schema = NULL;
	for (const char *c = pattern; *c; c++) {
		if (*c == '"' && quoted && c[1] == '"') {
			strbuf_addc(&part, *c++);
		} else if (*c == '"') {
			quoted = !quoted;
		} else if (*c != '.' || quoted) {
			add_character(&part, c, quoted);
		} else if (*schema) {
			free(xtake(schema));
			return err_set(
				err, ERR_USAGE, "%s: a pattern is TABLE or SCHEMA.TABLE", pattern);
		} else {
			strbuf_adds(&part, ")$");
			*schema = strbuf_take(&part);
			begin_part(&part);
		}
	}
	strbuf_adds(&part, ")$");
	*name = strbuf_take(&part);
	return true;
}

static bool check_pattern(const struct option *option, const char *pattern, struct err *err)
{
	AUTO_FREE char *schema = NULL;
	AUTO_FREE char *name = NULL;
	if (!*pattern)
		return err_set(err, ERR_USAGE, "%s takes a pattern", option->name);
	if (!create_filter_regex(pattern, &schema, &name, err))
		return err_context(err, "%s", option->name);
	return !option->of_schemas || !schema ||
	       err_set(err, ERR_USAGE, "%s %s: a schema has no \".\"", option->name, pattern);
}

bool create_filter_check(const struct backup_filter *asked, struct err *err)
{
	struct option options[OPTIONS];
	options_of(asked, options);
	for (size_t i = 0; i < OPTIONS; i++)
		STRVEC_EACH (options[i].patterns, pattern)
			if (!check_pattern(&options[i], pattern, err))
				return false;
	if (!asked->tables.count || (!asked->schemas.count && !asked->exclude_schemas.count))
		return true;
	err_set(err, ERR_USAGE, "--table and --schema exclude each other");
	return err_hint(err, "give tables with their schema: --table 'app.*'");
}

/* --- conditions ------------------------------------------------------------------------------- */

static void add_match(struct strbuf *sql, struct db *db, const char *column, const char *regex)
{
	AUTO_FREE char *literal = db_literal(db, regex);
	strbuf_addf(
		sql, "%s operator(pg_catalog.~) %s collate pg_catalog.default", column, literal);
}

/* A name without schema means the first table of that name along the path. */
static void add_visible(struct strbuf *sql, const char *path)
{
	strbuf_addf(sql,
		" and n.nspname = any (%s) and not exists (select 1 from pg_catalog.pg_class v"
		" join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace"
		" where v.relname = c.relname and pg_catalog.array_position(%s, vn.nspname)"
		" < pg_catalog.array_position(%s, n.nspname))",
		path, path, path);
}

static bool add_pattern(struct strbuf *sql, struct db *db, const char *path, bool of_schema,
	const char *pattern, struct err *err)
{
	AUTO_FREE char *schema = NULL;
	AUTO_FREE char *name = NULL;
	if (!create_filter_regex(pattern, &schema, &name, err))
		return false;
	strbuf_adds(sql, "(");
	add_match(sql, db, of_schema ? "n.nspname" : "c.relname", name);
	if (schema) {
		strbuf_adds(sql, " and ");
		add_match(sql, db, "n.nspname", schema);
	} else if (!of_schema) {
		add_visible(sql, path);
	}
	strbuf_adds(sql, ")");
	return true;
}

/* One of the patterns; `none` when there is no pattern. */
static bool any_of(struct db *db, const char *path, bool of_schemas, const struct strvec *patterns,
	const char *none, char **sql, struct err *err)
{
	AUTO_STRBUF(text);
	for (size_t i = 0; i < patterns->count; i++) {
		strbuf_adds(&text, i ? " or " : "(");
		if (!add_pattern(&text, db, path, of_schemas, patterns->items[i], err))
			return false;
	}
	strbuf_adds(&text, patterns->count ? ")" : none);
	*sql = strbuf_take(&text);
	return true;
}

/* The role's own search path, as an SQL literal; the session has an empty one. */
static bool look_up_path(struct db *db, char **path, struct err *err)
{
	AUTO_FREE char *text = NULL;
	if (!db_exec(db, err, "reset search_path") ||
		!db_value(db, &text, err, "select pg_catalog.current_schemas(true)") ||
		!db_exec(db, err, "set search_path = ''"))
		return false;
	AUTO_FREE char *literal = db_literal(db, text ? text : "{}");
	*path = xstrfmt("%s::pg_catalog.name[]", literal);
	return true;
}

#define IS_PG_CLASS(alias, column) alias "." column " = 'pg_catalog.pg_class'::pg_catalog.regclass"

/*
 * As pg_dump does it: a sequence is chosen by its own name or with the table that it belongs to;
 * one of an identity column has no life of its own.
 */
static char *sequences_text(const char *tables)
{
	return xstrfmt(" and ((true %s and not exists (select 1 from pg_catalog.pg_depend i"
		       "  where i.objid = c.oid and i.deptype = 'i' and " IS_PG_CLASS(
			       "i", "classid") " and " IS_PG_CLASS("i",
			       "refclassid") "))"
					     " or c.oid in (select d.objid from "
					     "pg_catalog.pg_depend d"
					     "  join pg_catalog.pg_class c on c.oid = d.refobjid"
					     "  join pg_catalog.pg_namespace n on n.oid = "
					     "c.relnamespace"
					     "  where d.deptype in ('a', 'i') and " IS_PG_CLASS(
						     "d", "classid") " and " IS_PG_CLASS("d",
						     "refclassid") " and c.relkind in ('r', 'p')"
								   " %s))",
		tables, tables);
}

#define NO_EXTENSION \
	" and not exists (select 1 from pg_catalog.pg_depend e where e.objid = c.oid" \
	" and e.deptype = 'e' and " IS_PG_CLASS("e", "classid") ")"

static bool make_conditions(const struct backup_filter *asked, struct db *db,
	struct create_filter *filter, struct err *err)
{
	const char *path = filter->path;
	AUTO_FREE char *schemas = NULL;
	AUTO_FREE char *no_schemas = NULL;
	AUTO_FREE char *tables = NULL;
	AUTO_FREE char *no_tables = NULL;
	if (!any_of(db, path, true, &asked->schemas, "true", &schemas, err) ||
		!any_of(db, path, true, &asked->exclude_schemas, "false", &no_schemas, err) ||
		!any_of(db, path, false, &asked->tables, "true", &tables, err) ||
		!any_of(db, path, false, &asked->exclude_tables, "false", &no_tables, err) ||
		!any_of(db, path, false, &asked->exclude_data, "false", &filter->emptied, err))
		return false;
	filter->tables = xstrfmt(" and %s and %s and not %s and not %s%s", schemas, tables,
		no_schemas, no_tables, filter->only ? NO_EXTENSION : "");
	filter->sequences = sequences_text(filter->tables);
	return true;
}

bool create_filter_make(const struct backup_filter *asked, struct db *db,
	struct create_filter *filter, struct err *err)
{
	create_filter_release(filter);
	filter->only = asked->schemas.count || asked->tables.count;
	filter->partial = filter->only || asked->exclude_schemas.count ||
			  asked->exclude_tables.count || asked->exclude_data.count;
	if (filter->partial)
		return look_up_path(db, &filter->path, err) &&
		       make_conditions(asked, db, filter, err);
	filter->tables = xstrdup("");
	filter->sequences = xstrdup("");
	filter->emptied = xstrdup("false");
	return true;
}

/* --- what it comes to ------------------------------------------------------------------------- */

static bool matches(const struct create_filter *filter, const struct option *option,
	const char *pattern, struct db *leader, struct err *err)
{
	AUTO_RESULT(row);
	AUTO_STRBUF(sql);
	strbuf_adds(&sql, option->of_schemas
				  ? "select exists (select 1 from pg_catalog.pg_namespace n where "
				  : "select exists (select 1 from pg_catalog.pg_class c"
				    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
				    " where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ");
	if (!add_pattern(&sql, leader, filter->path, option->of_schemas, pattern, err))
		return false;
	strbuf_adds(&sql, ")");
	if (!db_query(leader, &row, err, sql.buf))
		return err_context(err, "%s %s", option->name, pattern);
	if (db_get_bool(&row, 0, 0))
		return true;
	err_set(err, ERR_NOTFOUND, "%s %s: nothing in this database matches", option->name,
		pattern);
	return err_hint(err, "patterns are those of psql's \\dt: * and ?, \"..\" for capitals, and "
			     "SCHEMA.TABLE for what "
			     "is not in the search path");
}

bool create_filter_matches(const struct create_filter *filter, const struct backup_filter *asked,
	struct db *leader, struct err *err)
{
	struct option options[OPTIONS];
	options_of(asked, options);
	for (size_t i = 0; i < OPTIONS; i++)
		STRVEC_EACH (options[i].patterns, pattern)
			if (!matches(filter, &options[i], pattern, leader, err))
				return false;
	return true;
}

static const char left_out_sql[] =
	"select case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view'"
	" when 'm' then 'materialized view' when 'f' then 'foreign table' else 'sequence' end"
	" || ' ' || n.nspname || '.' || c.relname, 1"
	" from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and" CREATE_TABLES_WHERE
	" and case when c.relkind = 'S' then not (true %s) else not (true %s) end"
	" union all select 'rows of ' || n.nspname || '.' || c.relname, 2"
	" from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind = 'r' and" CREATE_TABLES_WHERE " and (%s) %s"
	" order by 2, 1";

bool create_filter_left_out(
	const struct create_filter *filter, struct db *leader, struct strvec *out, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *sql = xstrfmt(
		left_out_sql, filter->sequences, filter->tables, filter->emptied, filter->tables);
	if (!filter->partial)
		return true;
	if (!db_query(leader, &rows, err, sql))
		return err_context(err, "what is left out");
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(out, db_get(&rows, i, 0));
	if (filter->only)
		strvec_push(out, "large objects, and what belongs to no chosen schema or table");
	return true;
}

static const char chosen_sql[] =
	"select c.oid, n.nspname || '.' || c.relname from pg_catalog.pg_class c"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind in ('r', 'p') and" CREATE_TABLES_WHERE NO_EXTENSION " %s order by c.oid";

static bool defines(const struct toc *toc, uint32_t oid)
{
	for (size_t i = 0; i < toc->count; i++)
		if (toc->items[i].kind == TOC_TABLE && toc->items[i].oid == oid)
			return true;
	return false;
}

static bool differs(const char *table, struct err *err)
{
	err_set(err, ERR_LOCK, "pg_dump and mig do not mean the same tables by these patterns: %s",
		table);
	return err_hint(err, "was a table made or renamed meanwhile? Try again, or name the tables "
			     "with their schemas");
}

bool create_filter_agrees(
	const struct create_filter *filter, struct db *leader, const char *list, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_STRVEC(lines);
	CLEANUP(toc_release) struct toc toc = {0};
	AUTO_FREE char *sql = xstrfmt(chosen_sql, filter->tables);
	int defined = 0;
	if (!db_query(leader, &rows, err, sql))
		return false;
	strvec_split(&lines, list, '\n');
	STRVEC_EACH (&lines, line)
		toc_add_line(&toc, line);
	for (int i = 0; i < db_rows(&rows); i++)
		if (!defines(&toc, (uint32_t)db_get_int(&rows, i, 0)))
			return differs(db_get(&rows, i, 1), err);
	for (size_t i = 0; i < toc.count; i++)
		defined += toc.items[i].kind == TOC_TABLE;
	return defined == db_rows(&rows) || differs("pg_dump has more of them", err);
}
