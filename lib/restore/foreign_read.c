#include "restore/foreign_read.h"
#include "sql/lex.h"
#include <ctype.h>
#include <inttypes.h>

#define NO_START SIZE_MAX

struct reading {
	struct foreign_text *text;
	const struct foreign_hands *hands;
	struct strbuf pending; /* lines of a statement that has not ended */
	struct sql_lexer lexer; /* up to the last token that is whole */
	size_t start; /* of the statement in pending */
	int64_t line; /* where pending begins */
	struct strbuf object; /* "TABLE public.orders": what the last comment announced */
	char open; /* first character of a token that has not ended; 0: none */
	struct strbuf closing; /* what ends it: a quote, a $tag$, the end of a comment */
	bool in_rows, complete;
	bool makes_database; /* CREATE DATABASE was there */
	struct strbuf connected; /* the line that connects to it; every other one is refused */
};

static void reading_release(struct reading *reading)
{
	strbuf_release(&reading->pending);
	strbuf_release(&reading->object);
	strbuf_release(&reading->connected);
	strbuf_release(&reading->closing);
}

static const char *name_of(const struct reading *reading)
{
	return foreign_text_input(reading->text)->name;
}

static bool at_line(const struct reading *reading, int64_t line, struct err *err)
{
	if (err->where)
		return false;
	if (!foreign_text_input(reading->text)->made)
		return err_where(err, "%s:%" PRId64, name_of(reading), line);
	return err_where(err, "%s%s%s", name_of(reading), reading->object.len ? ": " : "",
		reading->object.buf);
}

static bool refuse_command(const struct reading *reading, const char *command, struct err *err)
{
	int64_t line = foreign_text_number(reading->text);
	size_t length = strcspn(command, "\r\n");
	err_set(err, ERR_REFUSED, "line %" PRId64 " is a command of psql, not SQL: %.*s", line,
		(int)(length > 60 ? 60 : length), command);
	err_hint(err, "nothing was run; pg_dump writes no such command: if you trust the file, "
		      "take the line out");
	return at_line(reading, line, err);
}

static bool cut_short(const struct reading *reading, const char *why, struct err *err)
{
	err_set(err, ERR_CORRUPT, "%s is cut short: %s", name_of(reading), why);
	return err_hint(err, "dump again, and look at pg_dump's exit status");
}

/* "\restrict KEY": no more than letters and digits can stand there. */
static bool is_restriction(const char *line)
{
	static const char *const words[] = {"\\restrict ", "\\unrestrict "};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_starts(line, words[i]))
			continue;
		const char *c = line + strlen(words[i]);
		while (isalnum((unsigned char)*c))
			c++;
		return c[strspn(c, "\r\n")] == '\0';
	}
	return false;
}

/* pg_dump --create goes on in the database that it has made; here that is the copy. */
static bool is_connect(struct reading *reading, const char *line)
{
	if (!reading->makes_database || !str_starts(line, "\\connect "))
		return false;
	if (!reading->connected.len)
		strbuf_adds(&reading->connected, line);
	return !strcmp(reading->connected.buf, line);
}

static bool line_is(const struct strbuf *line, const char *wanted)
{
	size_t length = strlen(wanted);
	return !strncmp(line->buf, wanted, length) && line->len - length <= 2 &&
	       line->buf[length + strspn(line->buf + length, "\r\n")] == '\0';
}

/* False: such a token ends where its line does. */
static bool open_token(struct reading *reading, const char *token)
{
	strbuf_reset(&reading->closing);
	if (!strchr("'\"$/eE", *token))
		return false;
	reading->open = *token;
	if (*token == '$')
		strbuf_add(&reading->closing, token, strcspn(token + 1, "$") + 2);
	else
		strbuf_adds(&reading->closing, *token == '/' ? "*/" : *token == '"' ? "\"" : "'");
	return true;
}

/* Does the quoted thing end on this line? Doubled, a quote is part of it; it never straddles. */
static bool has_closing_quote(const struct reading *reading, const char *line)
{
	bool backslashes = reading->open == 'e' || reading->open == 'E';
	for (const char *c = line; *c; c++) {
		if (*c == '\\' && backslashes && c[1])
			c++;
		else if (*c == *reading->closing.buf && *++c != *reading->closing.buf)
			return true;
	}
	return false;
}

/*
 * Looking at the token anew with each of its lines would take for ever where it has many: it is
 * done when this line may end it.
 */
static bool may_close(const struct reading *reading, const char *line)
{
	if (!reading->open)
		return true;
	return reading->closing.len > 1 ? strstr(line, reading->closing.buf) != NULL
					: has_closing_quote(reading, line);
}

static void begin_anew(struct reading *reading)
{
	strbuf_reset(&reading->pending);
	reading->lexer = (struct sql_lexer){0};
	reading->start = NO_START;
	reading->open = '\0';
}

static bool statement(struct reading *reading, size_t end, struct err *err)
{
	const char *from = reading->pending.buf + reading->start;
	AUTO_FREE char *sql = xstrndup(from, end - reading->start);
	reading->start = NO_START;
	reading->in_rows = reading->lexer.data_next;
	reading->complete = false;
	reading->makes_database |= str_starts(sql, "CREATE DATABASE ");
	return reading->hands->statement(reading->hands->ctx, sql, reading->in_rows, err) ||
	       at_line(reading, reading->line, err);
}

/* An end that is still to come is no error; *whole false then. */
static bool next_token(
	struct reading *reading, struct sql_token *token, bool *whole, struct err *err)
{
	AUTO_ERR(why);
	struct sql_lexer before = reading->lexer;
	*token = (struct sql_token){0};
	*whole = sql_lex(&reading->lexer, token, &why);
	if (*whole)
		return true;
	char first = reading->pending.buf[token->start];
	if (first == '\\')
		return refuse_command(reading, reading->pending.buf + token->start, err);
	reading->lexer = before;
	if (open_token(reading, reading->pending.buf + token->start))
		return true;
	err_move(err, &why);
	return at_line(reading, reading->line, err);
}

/* All statements that end in what is pending. */
static bool cut(struct reading *reading, struct err *err)
{
	struct sql_token token;
	bool whole;
	reading->lexer.file = name_of(reading);
	reading->lexer.text = reading->pending.buf;
	reading->lexer.length = reading->pending.len;
	reading->open = '\0';
	while (!reading->in_rows) {
		if (!next_token(reading, &token, &whole, err))
			return false;
		if (!whole)
			return true;
		if (token.kind == SQL_END)
			break;
		if (token.kind != SQL_COMMENT && token.kind != SQL_SEMICOLON &&
			reading->start == NO_START)
			reading->start = token.start;
		if (token.kind == SQL_SEMICOLON && reading->start != NO_START &&
			!statement(reading, token.start, err))
			return false;
	}
	const char *rest = reading->pending.buf + reading->lexer.at;
	if (reading->in_rows && rest[strspn(rest, " \t\r\n")]) {
		err_set(err, ERR_REFUSED, "something stands behind COPY .. FROM stdin");
		return at_line(reading, reading->line, err);
	}
	if (reading->start == NO_START)
		begin_anew(reading);
	return true;
}

static bool take_row(struct reading *reading, const struct strbuf *line, struct err *err)
{
	const struct foreign_hands *hands = reading->hands;
	reading->in_rows = !line_is(line, "\\.");
	return (reading->in_rows ? hands->row(hands->ctx, line->buf, line->len, err)
				 : hands->rows_end(hands->ctx, err)) ||
	       at_line(reading, foreign_text_number(reading->text), err);
}

/* "-- Name: orders; Type: TABLE; Schema: public; Owner: .." */
static void note_object(struct reading *reading, const char *line)
{
	const char *name = strstr(line, "Name: ");
	const char *type = name ? strstr(name, "; Type: ") : NULL;
	const char *schema = type ? strstr(type, "; Schema: ") : NULL;
	const char *owner = schema ? strstr(schema, "; Owner:") : NULL;
	if (!owner)
		return;
	name += strlen("Name: ");
	strbuf_reset(&reading->object);
	strbuf_addf(&reading->object, "%.*s ", (int)(schema - type) - 8, type + 8);
	schema += strlen("; Schema: ");
	if (*schema != '-')
		strbuf_addf(&reading->object, "%.*s.", (int)(owner - schema), schema);
	strbuf_addf(&reading->object, "%.*s", (int)(type - name), name);
}

static void take_comment(struct reading *reading, const char *line)
{
	note_object(reading, line);
	if (reading->hands->comment)
		reading->hands->comment(reading->hands->ctx, line);
}

static bool take_line(struct reading *reading, const struct strbuf *line, struct err *err)
{
	if (reading->in_rows)
		return take_row(reading, line, err);
	if (!reading->pending.len) {
		reading->line = foreign_text_number(reading->text);
		reading->complete |= line_is(line, "-- PostgreSQL database dump complete");
		if (str_starts(line->buf, "--"))
			return take_comment(reading, line->buf), true;
		if (*line->buf == '\\')
			return is_restriction(line->buf) || is_connect(reading, line->buf) ||
			       refuse_command(reading, line->buf, err);
	}
	if (memchr(line->buf, '\0', line->len)) {
		err_set(err, ERR_CORRUPT, "a NUL byte in the text of a dump");
		return at_line(reading, foreign_text_number(reading->text), err);
	}
	strbuf_add(&reading->pending, line->buf, line->len);
	return !may_close(reading, line->buf) || cut(reading, err);
}

bool foreign_read(struct foreign_text *text, const struct foreign_hands *hands, struct err *err)
{
	CLEANUP(reading_release)
	struct reading reading = {.text = text,
		.hands = hands,
		.pending = STRBUF_INIT,
		.object = STRBUF_INIT,
		.connected = STRBUF_INIT,
		.closing = STRBUF_INIT,
		.start = NO_START};
	AUTO_STRBUF(line);
	bool got;
	for (;;) {
		if (!foreign_text_line(text, &line, &got, err))
			return false;
		if (!got)
			break;
		if (!take_line(&reading, &line, err))
			return false;
	}
	if (reading.in_rows)
		return cut_short(&reading, "rows of a table do not end", err);
	if (reading.pending.len)
		return cut_short(&reading, "a statement does not end", err);
	return reading.complete ||
	       cut_short(&reading, "pg_dump's closing line \"database dump complete\" is missing",
		       err);
}
