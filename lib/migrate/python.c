#include "migrate/python.h"

#include <ctype.h>
#include <strings.h>

enum token_kind { END, NEWLINE, NAME, TEXT, SIGN };

/* Small, as there are many: places are below the limit of fs_read(). */
struct token {
	uint32_t start, end;
	uint32_t inner, inner_end; /* of TEXT */
	int line;
	uint8_t kind; /* enum token_kind */
	bool plain; /* TEXT: its value is what stands between its quotes */
};

struct lexer {
	const char *text;
	size_t length, at;
	int line;
	int depth; /* of open brackets: newlines inside do not count */
	bool fresh; /* at the beginning of a logical line */
	size_t indent; /* of that line */
};

/* Never true of the NUL behind a text. */
static bool is_word(char c)
{
	static const bool words[256] = {['a' ... 'z'] = true,
		['A' ... 'Z'] = true,
		['0' ... '9'] = true,
		['_'] = true,
		[0x80 ... 0xff] = true};
	return words[(unsigned char)c];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* As Python: LF, CR LF, and CR alone; the CR of a CR LF is white space. */
static bool ends_line(const char *at)
{
	return *at == '\n' || (*at == '\r' && at[1] != '\n');
}

/* White space, comments and continued lines; stops at a newline that counts. */
static void skip_blanks(struct lexer *lexer)
{
	for (; lexer->at < lexer->length; lexer->at++) {
		const char *at = lexer->text + lexer->at;
		if (*at == '#') {
			lexer->at += strcspn(at, "\r\n");
			at = lexer->text + lexer->at;
		}
		if (*at == '\\' && (at[1] == '\n' || at[1] == '\r')) {
			lexer->at += at[1] == '\r' && at[2] == '\n' ? 2 : 1;
			lexer->line++;
			continue;
		}
		if (ends_line(at) && lexer->depth > 0) {
			lexer->line++;
			continue;
		}
		if (ends_line(at) || !is_blank(*at))
			return;
	}
}

/* At a quote, `prefix` letters behind its beginning. */
static void lex_text(struct lexer *lexer, struct token *token, size_t prefix)
{
	const char *text = lexer->text;
	char quote = text[lexer->at];
	bool triple = text[lexer->at + 1] == quote && text[lexer->at + 2] == quote;
	size_t width = triple ? 3 : 1;
	bool raw = false;
	token->plain = true;
	for (size_t i = 0; i < prefix; i++) {
		char letter = (char)tolower((unsigned char)text[token->start + i]);
		raw |= letter == 'r';
		token->plain &= letter == 'r' || letter == 'u';
	}
	lexer->at += width;
	token->inner = lexer->at;
	const char *notable = quote == '"' ? "\"\\\r\n" : "'\\\r\n";
	while ((lexer->at += strcspn(text + lexer->at, notable)) < lexer->length) {
		const char *at = text + lexer->at;
		if (*at == quote && (!triple || (at[1] == quote && at[2] == quote)))
			break;
		if ((*at == '\n' || *at == '\r') && !triple)
			break;
		if (*at == '\\' && at[1]) {
			token->plain &= raw;
			lexer->at++;
		}
		lexer->line += ends_line(text + lexer->at);
		lexer->at++;
	}
	if (lexer->at > lexer->length)
		lexer->at = lexer->length;
	token->inner_end = lexer->at;
	token->plain &= text[lexer->at] == quote;
	if (text[lexer->at] == quote)
		lexer->at += width;
	token->kind = TEXT;
}

static bool is_text_prefix(const char *word, size_t length)
{
	if (length > 2)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!strchr("rRbBuUfF", word[i]))
			return false;
	return true;
}

static void lex_word(struct lexer *lexer, struct token *token)
{
	const char *text = lexer->text;
	while (is_word(text[lexer->at]))
		lexer->at++;
	size_t length = lexer->at - token->start;
	char next = text[lexer->at];
	if ((next == '"' || next == '\'') && is_text_prefix(text + token->start, length))
		lex_text(lexer, token, length);
	else
		token->kind = NAME;
}

static void next_token(struct lexer *lexer, struct token *token)
{
	size_t line_start = lexer->at;
	skip_blanks(lexer);
	if (lexer->fresh)
		lexer->indent = lexer->at - line_start;
	lexer->fresh = false;
	*token = (struct token){.start = lexer->at, .line = lexer->line};
	char c = lexer->at < lexer->length ? lexer->text[lexer->at] : '\0';
	if (lexer->at >= lexer->length) {
		token->kind = END;
	} else if (ends_line(lexer->text + lexer->at)) {
		token->kind = NEWLINE;
		lexer->at++;
		lexer->line++;
		lexer->fresh = true;
	} else if (c == '"' || c == '\'') {
		lex_text(lexer, token, 0);
	} else if (is_word(c)) {
		lex_word(lexer, token);
	} else {
		token->kind = SIGN;
		lexer->depth += c == '(' || c == '[' || c == '{';
		lexer->depth -= (c == ')' || c == ']' || c == '}') && lexer->depth > 0;
		lexer->at++;
	}
	token->end = lexer->at;
}

/* --- one logical line --------------------------------------------------------------------------
 */

struct line {
	struct token *tokens; /* without the newline */
	size_t count, alloc;
	size_t indent;
};

static void line_release(struct line *line)
{
	free(line->tokens);
}

/* False at the end of the text. */
static bool read_line(struct lexer *lexer, struct line *line)
{
	line->count = 0;
	for (;;) {
		xgrow(line->tokens, line->count, line->alloc);
		struct token *token = &line->tokens[line->count];
		next_token(lexer, token);
		if (token->kind == END || (token->kind == NEWLINE && line->count))
			return line->count > 0;
		if (token->kind == NEWLINE)
			continue;
		if (!line->count)
			line->indent = lexer->indent;
		line->count++;
	}
}

static bool is_sign(const char *text, const struct token *token, char sign)
{
	return token->kind == SIGN && text[token->start] == sign;
}

static bool is_name(const char *text, const struct token *token, const char *name)
{
	if (token->kind != NAME || text[token->start] != *name) /* most differ in it */
		return false;
	size_t length = token->end - token->start;
	return !strncmp(text + token->start, name, length) && !name[length];
}

/* The one of the header's names that the token is; NULL: none. */
static struct python_name *name_of(
	const struct python_header *header, const char *text, const struct token *token)
{
	for (size_t i = 0; token->kind == NAME && i < header->count; i++)
		if (is_name(text, token, header->names[i].name))
			return &header->names[i];
	return NULL;
}

/* What a string says: its line ends are LF, whatever they are in the file. */
static void add_value(struct strbuf *value, const char *text, const struct token *token)
{
	const char *at = text + token->inner, *end = text + token->inner_end;
	for (const char *cr; (cr = memchr(at, '\r', (size_t)(end - at))); at = cr + 1) {
		strbuf_add(value, at, (size_t)(cr - at));
		if (cr[1] != '\n')
			strbuf_addc(value, '\n');
	}
	strbuf_add(value, at, (size_t)(end - at));
}

/* Where the values go to. */
struct values {
	const char *text;
	struct arena *room;
	struct strvec items;
};

static void push_value(struct values *values, const struct token *tokens, size_t count)
{
	const char *inner = values->text + tokens[0].inner;
	size_t length = tokens[0].inner_end - tokens[0].inner;
	if (count == 1 && !memchr(inner, '\r', length)) { /* as nearly all are */
		arena_push(values->room, &values->items, inner, length);
		return;
	}
	AUTO_STRBUF(value);
	for (size_t i = 0; i < count; i++)
		add_value(&value, values->text, &tokens[i]);
	arena_push(values->room, &values->items, value.buf, value.len);
}

/* Strings side by side are one, as in Python; so they are in brackets. */
static bool take_text(struct values *values, const struct line *line, size_t *at)
{
	const char *text = values->text;
	bool brackets = *at < line->count && is_sign(text, &line->tokens[*at], '(');
	size_t first = *at += brackets;
	for (; *at < line->count && line->tokens[*at].kind == TEXT; ++*at)
		if (!line->tokens[*at].plain)
			return false;
	if (*at == first)
		return false;
	push_value(values, &line->tokens[first], *at - first);
	return !brackets || (*at < line->count && is_sign(text, &line->tokens[(*at)++], ')'));
}

/* "(...)" and "[...]"; brackets around one string without a comma are only brackets. */
static enum python_kind take_list(struct values *values, const struct line *line, size_t *at)
{
	const char *text = values->text;
	bool round = is_sign(text, &line->tokens[*at], '('), comma = false;
	char end = round ? ')' : ']';
	for (++*at; *at < line->count && !is_sign(text, &line->tokens[*at], end);) {
		if (!take_text(values, line, at) || *at >= line->count)
			return PYTHON_OTHER;
		if (!is_sign(text, &line->tokens[*at], ','))
			continue;
		comma = true;
		++*at;
	}
	if (*at >= line->count)
		return PYTHON_OTHER;
	++*at;
	return round && !comma && values->items.count ? PYTHON_TEXT : PYTHON_LIST;
}

/* "'a', 'b'" without brackets is a tuple, too. */
static enum python_kind take_bare(struct values *values, const struct line *line, size_t *at)
{
	enum python_kind kind = PYTHON_TEXT;
	while (take_text(values, line, at)) {
		if (*at >= line->count || !is_sign(values->text, &line->tokens[*at], ','))
			return kind;
		kind = PYTHON_LIST;
		++*at;
	}
	return *at >= line->count ? kind : PYTHON_OTHER;
}

static void take_value(struct python_header *header, const char *text, const struct line *whole,
	size_t at, struct python_value *value)
{
	struct values values = {.text = text, .room = header->room};
	struct line line = *whole; /* borrowed; without a ";" at its end */
	line.count -= is_sign(text, &line.tokens[line.count - 1], ';');
	*value = (struct python_value){.kind = PYTHON_OTHER};
	if (at >= line.count)
		return;
	const struct token *first = &line.tokens[at];
	enum python_kind kind = PYTHON_OTHER;
	if (is_name(text, first, "None")) {
		kind = PYTHON_NONE;
		at++;
	} else if (first->kind == TEXT) {
		kind = take_bare(&values, &line, &at);
	} else if (is_sign(text, first, '(') || is_sign(text, first, '[')) {
		kind = take_list(&values, &line, &at);
	}
	value->kind = at >= line.count ? kind : PYTHON_OTHER;
	value->start = first->start;
	value->end = line.tokens[at - 1].end;
	if (value->kind != PYTHON_OTHER)
		value->items = values.items;
}

/* The "=" of "NAME = value" or "NAME: type = value"; 0: the line is no such thing. */
static size_t find_equals(const char *text, const struct line *line)
{
	if (line->count < 2 || line->tokens[0].kind != NAME)
		return 0;
	if (is_sign(text, &line->tokens[1], '='))
		return line->count > 2 && is_sign(text, &line->tokens[2], '=') ? 0 : 1;
	if (!is_sign(text, &line->tokens[1], ':'))
		return 0;
	int depth = 0;
	for (size_t i = 2; i < line->count; i++) {
		const struct token *token = &line->tokens[i];
		depth += is_sign(text, token, '(') || is_sign(text, token, '[');
		depth -= is_sign(text, token, ')') || is_sign(text, token, ']');
		if (!depth && (is_sign(text, token, '=') || is_sign(text, token, ';')))
			return is_sign(text, token, '=') ? i : 0;
	}
	return 0;
}

static bool imports_all(const char *text, const struct line *line)
{
	return line->count > 2 && is_name(text, &line->tokens[0], "from") &&
	       is_sign(text, &line->tokens[line->count - 1], '*');
}

static void forget(struct python_name *name)
{
	name->value = (struct python_value){.kind = PYTHON_OTHER};
}

/* Whoever says a name otherwise than by assigning a literal may bind it: Python has to be asked. */
static void make_unsure(struct python_header *header, const char *text, const struct line *line)
{
	bool all = imports_all(text, line);
	for (size_t i = 0; all && i < header->count; i++)
		forget(&header->names[i]);
	for (size_t at = 0; at < line->count; at++) {
		const struct token *token = &line->tokens[at];
		struct python_name *name = name_of(header, text, token);
		if (name && !(at && is_sign(text, token - 1, '.')))
			forget(name);
	}
}

static bool take_assignment(struct python_header *header, const char *text, const struct line *line)
{
	size_t equals = find_equals(text, line);
	struct python_name *name = equals ? name_of(header, text, &line->tokens[0]) : NULL;
	if (!name)
		return false;
	make_unsure(header, text, line); /* what else the line says */
	take_value(header, text, line, equals + 1, &name->value);
	return true;
}

/* The names inside are a function's or a class's own. */
static bool has_own_names(const char *text, const struct line *line)
{
	const struct token *first = &line->tokens[0];
	return is_name(text, first, "def") || is_name(text, first, "class") ||
	       is_name(text, first, "async") || is_sign(text, first, '@');
}

/* --- what takes data away ----------------------------------------------------------------------
 */

static const char *lost_by_call(const char *text, const struct token *token)
{
	static const char *const calls[] = {"drop_table", "drop_column"};
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (is_name(text, token, calls[i]))
			return calls[i];
	return NULL;
}

static bool text_has(const char *text, size_t length, const char *words)
{
	size_t size = strlen(words);
	for (size_t i = 0; i + size <= length; i++)
		if (!strncasecmp(text + i, words, size))
			return true;
	return false;
}

static const char *lost_by_text(const char *text, const struct token *token)
{
	static const char *const words[] = {
		"drop table", "drop column", "drop schema", "truncate ", "delete from"};
	if (token->kind != TEXT)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_has(text + token->inner, token->inner_end - token->inner, words[i]))
			return words[i];
	return NULL;
}

static void find_losses(const char *text, const struct line *line, struct strvec *losses)
{
	for (size_t i = 0; i < line->count; i++) {
		const struct token *token = &line->tokens[i];
		const char *what = lost_by_call(text, token);
		if (!what)
			what = lost_by_text(text, token);
		if (what)
			strvec_pushf(losses, "%d: %s", token->line, what);
	}
}

/* --- the whole file ----------------------------------------------------------------------------
 */

static void keep_line(struct python_header *header, const char *text, const struct line *line)
{
	const char *at = text + line->tokens[0].start;
	const char *end = text + line->tokens[line->count - 1].end;
	strbuf_addf(&header->rest, "%zu:", line->indent);
	while (at < end) {
		const char *cr = memchr(at, '\r', (size_t)(end - at));
		strbuf_add(&header->rest, at, (size_t)((cr ? cr : end) - at));
		at = cr ? cr + 1 : end;
	}
	strbuf_addc(&header->rest, '\n');
}

static struct strvec *losses_of(
	struct python_header *header, const char *text, const struct line *line)
{
	if (line->count < 2 || !is_name(text, &line->tokens[0], "def"))
		return NULL;
	const char *name = text + line->tokens[1].start; /* upgrade_engine1 of multidb, too */
	return str_starts(name, "upgrade")     ? &header->up_losses
	       : str_starts(name, "downgrade") ? &header->down_losses
					       : NULL;
}

/* No line from here on can bind one of the names, whatever it is: none says it. */
static bool is_settled(const struct python_header *header, const char *text)
{
	for (size_t i = 0; i < header->count; i++)
		if (strstr(text, header->names[i].name))
			return false;
	const char *from = strstr(text, "from"); /* .. import * */
	return !from || !strchr(from, '*');
}

static void take_code(struct python_header *header, const char *text, const struct line *line,
	struct strvec *losses)
{
	if (losses != &header->down_losses)
		keep_line(header, text, line);
	if (losses)
		find_losses(text, line, losses);
}

void python_header_read(struct python_header *header, const char *text, size_t length)
{
	struct lexer lexer = {.text = text, .length = length, .line = 1, .fresh = true};
	CLEANUP(line_release) struct line line = {0};
	struct strvec *losses = NULL;
	bool own_names = false; /* of the block that indented lines are in */
	bool may_end = !header->code; /* most functions say nothing of their file's header */
	if (str_starts(text, "\xef\xbb\xbf"))
		lexer.at = 3;
	header->rest = (struct strbuf)STRBUF_INIT;
	strbuf_reserve(&header->rest, header->code ? length : 0);
	for (bool first = true; read_line(&lexer, &line); first = false) {
		const struct token *token = &line.tokens[0];
		if (first && token->kind == TEXT && line.count == 1) {
			header->docstring = text + token->inner;
			header->docstring_end = text + token->inner_end;
			continue;
		}
		if (!line.indent) {
			losses = losses_of(header, text, &line);
			own_names = has_own_names(text, &line);
			if (take_assignment(header, text, &line))
				continue;
			if (own_names && may_end && is_settled(header, text + token->start))
				return;
			may_end &= !own_names;
		}
		if (!own_names || is_name(text, token, "global"))
			make_unsure(header, text, &line);
		if (header->code)
			take_code(header, text, &line, losses);
	}
}

void python_header_release(struct python_header *header)
{
	if (header->rest.buf)
		strbuf_release(&header->rest);
	strvec_release(&header->up_losses);
	strvec_release(&header->down_losses);
}
