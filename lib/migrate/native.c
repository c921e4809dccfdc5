#include "base/fs.h"
#include "base/suggest.h"
#include "migrate/backfill.h"
#include "migrate/formats.h"

#include <ctype.h>

static bool bad(const struct migrate_file *file, size_t offset, struct err *err, const char *fmt,
	...) PRINTF_LIKE(4, 5);
static bool bad(
	const struct migrate_file *file, size_t offset, struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *what = xvstrfmt(fmt, args);
	va_end(args);
	struct sql_place place = sql_place_of(file->source, offset);
	err_set(err, ERR_CONFIG, "%s:%d: %s", file->name, place.line, what);
	return err_where(err, "%s:%d:%d", file->name, place.line, place.column);
}

/* --- the header: "-- key: value" lines ------------------------------------------------------- */

static const char *keep(struct migrate_file *file, const char *value)
{
	return arena_text(file->room, value, strlen(value));
}

static void read_names(struct migrate_file *file, const char *value, struct strvec *names)
{
	AUTO_STRVEC(parts);
	strvec_split(&parts, value, ',');
	STRVEC_EACH (&parts, part) {
		size_t length = strlen(part);
		const char *name = str_trimmed(part, &length);
		if (length && (length != strlen("None") || strncmp(name, "None", length) != 0))
			arena_push(file->room, names, name, length);
	}
}

static bool set_id(struct migrate_file *file, const char *value)
{
	file->id = keep(file, value);
	return *value && !strpbrk(value, " \t,");
}

static bool set_message(struct migrate_file *file, const char *value)
{
	file->message = keep(file, value);
	return true;
}

static bool set_created(struct migrate_file *file, const char *value)
{
	file->created = keep(file, value);
	return true;
}

static bool set_down(struct migrate_file *file, const char *value)
{
	read_names(file, value, &file->down);
	return true;
}

static bool set_labels(struct migrate_file *file, const char *value)
{
	read_names(file, value, &file->labels);
	return true;
}

static bool set_depends(struct migrate_file *file, const char *value)
{
	read_names(file, value, &file->depends);
	return true;
}

static bool set_transaction(struct migrate_file *file, const char *value)
{
	file->up.bare = file->down_section.bare = !strcmp(value, "off");
	return !strcmp(value, "on") || !strcmp(value, "off");
}

static bool set_phase(struct migrate_file *file, const char *value)
{
	file->phase = xstrdup(value);
	return !strcmp(value, "expand") || !strcmp(value, "contract");
}

static const struct key_row {
	const char *key;
	bool (*set)(struct migrate_file *file, const char *value);
	const char *expected;
} key_rows[] = {
	{"revision", set_id, "an id without spaces or commas"},
	{"down_revision", set_down, "ids"},
	{"message", set_message, "text"},
	{"created", set_created, "a time"},
	{"branch_labels", set_labels, "names"},
	{"depends_on", set_depends, "ids or branch labels"},
	{"transaction", set_transaction, "on or off"},
	{"phase", set_phase, "expand or contract"},
};

static bool unknown_key(
	const struct migrate_file *file, const char *key, size_t offset, struct err *err)
{
	const char *names[ARRAY_SIZE(key_rows)];
	for (size_t i = 0; i < ARRAY_SIZE(key_rows); i++)
		names[i] = key_rows[i].key;
	const char *near = suggest_nearest(key, names, ARRAY_SIZE(names));
	if (!near)
		return true; /* a remark that happens to have a colon */
	bad(file, offset, err, "unknown header \"%s\"", key);
	return err_hint(err, "did you mean \"%s\"?", near);
}

struct header {
	struct migrate_file *file;
	unsigned seen; /* bit per row of key_rows */
};

static bool header_value(
	struct header *header, const char *key, const char *value, size_t offset, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_rows); i++) {
		if (strcmp(key, key_rows[i].key))
			continue;
		if (header->seen & 1u << i)
			return bad(header->file, offset, err, "a second \"%s\"", key);
		header->seen |= 1u << i;
		if (key_rows[i].set(header->file, value))
			return true;
		return bad(header->file, offset, err, "%s: \"%s\" is not %s", key, value,
			key_rows[i].expected);
	}
	return unknown_key(header->file, key, offset, err);
}

/* "-- key: value", possibly followed by "  -- key: value" on the same line. */
static bool header_line(
	struct header *header, const char *line, const char *end, size_t offset, struct err *err)
{
	const char *key = line + 2;
	while (key < end && (*key == ' ' || *key == '\t'))
		key++;
	const char *colon = key;
	while (colon < end && (islower((unsigned char)*colon) || *colon == '_'))
		colon++;
	if (colon == key || colon == end || *colon != ':')
		return true;
	const char *next = memmem(colon, (size_t)(end - colon), "  -- ", 5);
	AUTO_FREE char *name = xstrndup(key, (size_t)(colon - key));
	AUTO_FREE char *value =
		xstrndup_trimmed(colon + 1, (size_t)((next ? next : end) - colon - 1));
	if (!header_value(header, name, value, offset, err))
		return false;
	return !next || header_line(header, next + 2, end, offset + (size_t)(next - line), err);
}

/* --- sections --------------------------------------------------------------------------------- */

static const struct section_row {
	const char *name;
	size_t offset;
} section_rows[] = {
	{"up", offsetof(struct migrate_file, up)},
	{"verify", offsetof(struct migrate_file, verify)},
	{"backfill", offsetof(struct migrate_file, backfill)},
	{"down", offsetof(struct migrate_file, down_section)},
};

static struct migrate_section *section_named(
	struct migrate_file *file, const char *name, const char **near)
{
	const char *names[ARRAY_SIZE(section_rows)];
	for (size_t i = 0; i < ARRAY_SIZE(section_rows); i++) {
		if (!strcmp(name, section_rows[i].name))
			return (struct migrate_section *)((char *)file + section_rows[i].offset);
		names[i] = section_rows[i].name;
	}
	*near = suggest_nearest(name, names, ARRAY_SIZE(names));
	return NULL;
}

/* "-- migrate:up" alone at the beginning of a line; anything else in a comment is a comment. */
static char *marker_name(const char *source, const struct sql_token *token)
{
	static const char prefix[] = "migrate:";
	const char *at = source + token->start, *end = source + token->end;
	if (token->kind != SQL_COMMENT || (token->start && at[-1] != '\n') || !str_starts(at, "--"))
		return NULL;
	for (at += 2; at < end && (*at == ' ' || *at == '\t'); at++)
		;
	if ((size_t)(end - at) < strlen(prefix) || !str_starts(at, prefix))
		return NULL;
	at += strlen(prefix);
	const char *word = at;
	while (at < end && !isspace((unsigned char)*at))
		at++;
	return xstrndup(word, (size_t)(at - word));
}

/* What stands behind the marker's own word. */
static bool read_backfill(struct migrate_file *file, const struct sql_token *token, struct err *err)
{
	AUTO_FREE char *line = xstrndup(file->source + token->start, token->end - token->start);
	const char *name = strstr(line, "migrate:");
	const char *rest = name + strcspn(name, " \t\r");
	file->batches.options = xstrndup_trimmed(rest, strlen(rest));
	return backfill_read_options(file, err);
}

static bool open_section(struct migrate_file *file, const char *name, const struct sql_token *token,
	struct migrate_section **open, struct err *err)
{
	const char *near = NULL;
	struct migrate_section *section = section_named(file, name, &near);
	if (!section) {
		bad(file, token->start, err, "unknown section \"migrate:%s\"", name);
		return err_hint(err,
			near ? "did you mean \"migrate:%s\"?" : "sections are up, verify, down",
			near);
	}
	if (section->present)
		return bad(file, token->start, err, "a second section \"migrate:%s\"", name);
	if (*open)
		(*open)->end = token->start;
	*section = (struct migrate_section){.present = true,
		.start = token->end,
		.end = file->length,
		.line = sql_place_of(file->source, token->start).line,
		.bare = section->bare};
	*open = section;
	return section != &file->backfill || read_backfill(file, token, err);
}

static bool read_token(struct header *header, const struct sql_token *token,
	struct migrate_section **open, struct err *err)
{
	struct migrate_file *file = header->file;
	AUTO_FREE char *name = marker_name(file->source, token);
	if (name)
		return open_section(file, name, token, open, err);
	const char *text = file->source + token->start;
	if (*open || token->kind == SQL_END)
		return true;
	if (token->kind == SQL_COMMENT)
		return !str_starts(text, "--") ||
		       header_line(header, text, file->source + token->end, token->start, err);
	bad(file, token->start, err, "SQL before \"-- migrate:up\"");
	return err_hint(err, "put the line \"-- migrate:up\" above it");
}

static bool check_whole(const struct migrate_file *file, struct err *err)
{
	if (!file->id) {
		err_set(err, ERR_CONFIG, "%s: no line \"-- revision: ID\"", file->name);
		return err_hint(err,
			"every .sql file in the folder is a revision: give it a header "
			"(mig-apply revision writes one), or move it elsewhere");
	}
	if (!file->up.present && file->down.count < 2) {
		err_set(err, ERR_CONFIG, "%s: no line \"-- migrate:up\"", file->name);
		return err_hint(err, "put it above the SQL of the revision");
	}
	return true;
}

bool migrate_native_parse(struct migrate_file *file, struct err *err)
{
	size_t start = str_starts(file->source, "\xef\xbb\xbf") ? 3 : 0;
	if (!migrate_file_check_text(file, err))
		return false;
	struct sql_lexer lexer = {
		.file = file->name, .text = file->source, .length = file->length, .at = start};
	struct sql_token token;
	struct header header = {.file = file};
	struct migrate_section *open = NULL;
	do {
		if (!sql_lex(&lexer, &token, err) || !read_token(&header, &token, &open, err))
			return false;
	} while (token.kind != SQL_END);
	migrate_file_take_checksum(file);
	return check_whole(file, err);
}

/* --- the folder ------------------------------------------------------------------------------- */

static bool is_revision_file(const char *name)
{
	return *name != '.' && str_ends(name, ".sql");
}

bool native_detect(const char *dir)
{
	AUTO_STRVEC(names);
	AUTO_ERR(ignored);
	if (!fs_list(dir, &names, &ignored))
		return false;
	bool others = false;
	STRVEC_EACH (&names, name) {
		if (is_revision_file(name))
			return true;
		others |= *name != '.';
	}
	return !others;
}

bool native_load(struct migrate_tree *tree, struct err *err)
{
	AUTO_STRVEC(names);
	AUTO_STRVEC(odd);
	if (!fs_list_odd(tree->dir, &names, &odd, err))
		return false;
	STRVEC_EACH (&names, name) {
		if (!is_revision_file(name))
			continue;
		struct migrate_file *file = migrate_tree_add(tree, name);
		if (!migrate_file_read(tree, file, strvec_has(&odd, name), err) ||
			!migrate_native_parse(file, err))
			return false;
	}
	return true;
}

static void add_names(struct strbuf *text, const char *key, const struct strvec *names)
{
	AUTO_FREE char *list = strvec_join(names, ", ");
	strbuf_addf(text, "-- %s:%s%s\n", key, *list ? " " : "", list);
}

char *native_template(const struct migrate_file *header)
{
	AUTO_STRBUF(text);
	strbuf_addf(&text, "-- revision: %s\n", header->id);
	add_names(&text, "down_revision", &header->down);
	strbuf_addf(&text, "-- message: %s\n-- created: %s\n", header->message, header->created);
	if (header->labels.count)
		add_names(&text, "branch_labels", &header->labels);
	if (header->depends.count)
		add_names(&text, "depends_on", &header->depends);
	strbuf_adds(&text, "\n-- migrate:up\n\n\n-- migrate:down\n\n");
	return strbuf_take(&text);
}
