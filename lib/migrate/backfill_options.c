/* The words of "-- migrate:backfill" and the statement below it. */
#include "base/clock.h"
#include "base/suggest.h"
#include "migrate/backfill.h"

#include <strings.h>

enum { BATCH = 5000, LARGEST_BATCH = 1000000, LONGEST_PAUSE_MS = 3600 * 1000 };

static bool set_table(struct migrate_backfill *to, const char *value)
{
	free(to->table);
	to->table = xstrdup(value);
	return *value;
}

static bool set_key(struct migrate_backfill *to, const char *value)
{
	free(to->key);
	to->key = xstrdup(value);
	return *value;
}

static bool set_batch(struct migrate_backfill *to, const char *value)
{
	char *end = NULL;
	to->batch = strtoll(value, &end, 10);
	return *value && !*end && to->batch > 0 && to->batch <= LARGEST_BATCH;
}

static bool set_pause(struct migrate_backfill *to, const char *value)
{
	AUTO_ERR(ignored);
	return clock_parse_duration(value, &to->pause_ms, &ignored) && to->pause_ms >= 0 &&
	       to->pause_ms <= LONGEST_PAUSE_MS;
}

static const struct {
	const char *name;
	bool (*set)(struct migrate_backfill *to, const char *value);
	const char *expected;
} rows[] = {
	{"table", set_table, "the table that is updated"},
	{"key", set_key, "a unique column without NULL"},
	{"batch", set_batch, "a number of rows, at most 1000000"},
	{"pause", set_pause, "a duration like 50ms, at most an hour"},
};

static bool bad(const struct migrate_file *file, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static bool bad(const struct migrate_file *file, struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *what = xvstrfmt(fmt, args);
	va_end(args);
	err_set(err, ERR_CONFIG, "%s:%d: %s", file->name, file->backfill.line, what);
	err_where(err, "%s:%d:1", file->name, file->backfill.line);
	return err_hint(err, "-- migrate:backfill table=users key=id batch=5000 pause=50ms");
}

static bool set_option(struct migrate_file *file, const char *word, struct err *err)
{
	const char *names[ARRAY_SIZE(rows)];
	const char *equals = strchr(word, '=');
	AUTO_FREE char *name = xstrndup(word, equals ? (size_t)(equals - word) : strlen(word));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		names[i] = rows[i].name;
		if (strcmp(name, rows[i].name) != 0)
			continue;
		if (equals && rows[i].set(&file->batches, equals + 1))
			return true;
		return bad(
			file, err, "backfill: \"%s\" is not %s=%s", word, name, rows[i].expected);
	}
	const char *near = suggest_nearest(name, names, ARRAY_SIZE(names));
	return bad(file, err, "backfill: unknown word \"%s\"%s%s", word,
		near ? ", did you mean " : "", near ? near : "");
}

bool backfill_read_options(struct migrate_file *file, struct err *err)
{
	AUTO_STRVEC(words);
	file->batches.batch = BATCH;
	strvec_split(&words, file->batches.options, ' ');
	STRVEC_EACH (&words, word)
		if (*word && !set_option(file, word, err))
			return false;
	if (!file->batches.table)
		return bad(file, err, "backfill: which table? table=NAME is missing");
	if (!file->batches.key)
		return bad(file, err, "backfill: along which key? key=COLUMN is missing");
	return true;
}

static bool wrong(const struct migrate_step *step, const struct sql_statement *statement,
	const char *what, const char *hint, struct err *err)
{
	const struct migrate_file *file = step->file;
	int line = statement ? statement->place.line : file->backfill.line;
	err_set(err, ERR_REFUSED, "%s:%d: backfill: %s", file->name, line, what);
	err_where(err, "%s:%d:%d", file->name, line, statement ? statement->place.column : 1);
	return err_hint(err, "%s", hint);
}

static bool word_is(
	const struct sql_statement *statement, const struct sql_token *token, const char *word)
{
	return token->kind == SQL_WORD && token->end - token->start == strlen(word) &&
	       !strncasecmp(statement->text + token->start, word, strlen(word));
}

/* Where a word stands outside of all parentheses; false: nowhere. */
static bool find_word(
	const struct sql_statement *statement, const char *word, struct sql_token *found)
{
	struct sql_lexer lexer = {.file = "", .text = statement->text, .length = statement->length};
	AUTO_ERR(ignored);
	while (sql_lex(&lexer, found, &ignored) && found->kind != SQL_END)
		if (!lexer.parens && word_is(statement, found, word))
			return true;
	return false;
}

static bool has_parameter(const struct sql_statement *statement)
{
	struct sql_lexer lexer = {.file = "", .text = statement->text, .length = statement->length};
	struct sql_token token;
	AUTO_ERR(ignored);
	while (sql_lex(&lexer, &token, &ignored) && token.kind != SQL_END)
		if (statement->text[token.start] == '$' && token.end == token.start + 1)
			return true;
	return false;
}

bool backfill_check(const struct migrate_step *step, struct err *err)
{
	const struct sql_script *script = &step->backfill;
	const struct sql_statement *update = script->count ? &script->items[0] : NULL;
	struct sql_token token;
	if (script->count != 1 || !update->alias)
		return wrong(step, update, "one UPDATE is needed, and nothing else",
			"other statements belong into \"migrate:up\"", err);
	if (find_word(update, "returning", &token))
		return wrong(step, update, "RETURNING has nobody to return to", "take it out", err);
	if (has_parameter(update))
		return wrong(step, update, "parameters are mig's own", "write the value", err);
	return true;
}

/*
 * The key range behind the statement's own condition, in parentheses. The blank behind WHERE makes
 * room for the first: positions in the server's errors stay those of the file.
 */
char *backfill_batch_sql(const struct sql_statement *update, const char *key, const char *type)
{
	AUTO_STRBUF(text);
	struct sql_token where;
	bool has_where = find_word(update, "where", &where);
	if (has_where) {
		bool blank = strchr(" \t\r\n", update->text[where.end]);
		strbuf_add(&text, update->text, where.end);
		strbuf_addc(&text, '(');
		strbuf_add(&text, update->text + where.end + blank,
			update->length - where.end - blank);
	} else {
		strbuf_add(&text, update->text, update->length);
	}
	strbuf_addf(&text, "\n%s ($1::%s is null or %s.%s > $1::%s) and %s.%s <= $2::%s",
		has_where ? ") and" : "where", type, update->alias, key, type, update->alias, key,
		type);
	return strbuf_take(&text);
}
