/* Trees of dbmate: NNN_name.sql, sections "-- migrate:up" and "-- migrate:down". */
#include "base/clock.h"
#include "base/fs.h"
#include "migrate/formats.h"

#include <ctype.h>

/* "20261120100000_add_users.sql": the number in front is the version, as it is written. */
static size_t digits_of(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	return digits && str_ends(name, ".sql") ? digits : 0;
}

static size_t count_files(const char *dir, bool (*is_one)(const char *path))
{
	AUTO_STRVEC(names);
	AUTO_ERR(ignored);
	size_t count = 0;
	if (!fs_list(dir, &names, &ignored))
		return 0;
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *path = fs_join(dir, name);
		count += digits_of(name) && is_one(path);
	}
	return count;
}

/* mig's own files have "-- revision:" above their sections; dbmate's have nothing to say there. */
static bool has_sections_only(const char *path)
{
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	if (!fs_read(path, 0, &text, &ignored))
		return false;
	const char *section = strstr(text.buf, "migrate:");
	const char *revision = strstr(text.buf, "-- revision:");
	return section && (!revision || revision > section);
}

bool dbmate_detect(const char *dir)
{
	return count_files(dir, has_sections_only) > 0;
}

/* --- one file --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A line "-- migrate:WORD" alone or followed by options; *options is behind the word. */
static bool is_directive(const char *line, const char *end, const char *word, const char **options)
{
	if (end - line < 2 || line[0] != '-' || line[1] != '-')
		return false;
	for (line += 2; line < end && is_blank(*line); line++)
		;
	size_t length = strlen(word);
	if ((size_t)(end - line) < length || memcmp(line, word, length) != 0)
		return false;
	*options = line + length;
	return *options == end || is_blank(**options);
}

/* "transaction:false" among the words; others mean nothing to dbmate either. */
static bool is_bare(const char *options, const char *end)
{
	static const char option[] = "transaction:false";
	while (options < end) {
		while (options < end && is_blank(*options))
			options++;
		const char *word = options;
		while (options < end && !is_blank(*options))
			options++;
		if ((size_t)(options - word) == strlen(option) &&
			!memcmp(word, option, strlen(option)))
			return true;
	}
	return false;
}

static bool trouble(struct migrate_file *file, size_t at, const char *what, const char *hint)
{
	struct sql_place place = sql_place_of(file->source, at);
	struct err *err = &file->trouble;
	err_set(err, ERR_CONFIG, "%s:%d: %s", file->name, place.line, what);
	err_where(err, "%s:%d:1", file->name, place.line);
	return err_hint(err, "%s", hint);
}

static bool begin_section(struct migrate_file *file, struct migrate_section *section,
	const char *line, const char *end, const char *options)
{
	size_t at = (size_t)(line - file->source);
	if (section == &file->up && file->up.present)
		return trouble(file, at, "a second \"-- migrate:up\"",
			"make a file of its own of it: the version table has one row per file");
	if (section == &file->down_section && !file->up.present)
		return trouble(file, at, "\"-- migrate:down\" before \"-- migrate:up\"",
			"put the line \"-- migrate:up\" above it");
	if (section->present)
		return trouble(file, at, "a second \"-- migrate:down\"", "take one of them out");
	if (section == &file->down_section)
		file->up.end = at;
	*section = (struct migrate_section){.present = true,
		.start = (size_t)(end - file->source),
		.end = file->length,
		.line = sql_place_of(file->source, at).line,
		.bare = is_bare(options, end)};
	return true;
}

static bool read_line(struct migrate_file *file, const char *line, const char *end)
{
	const char *options;
	if (is_directive(line, end, "migrate:up", &options))
		return begin_section(file, &file->up, line, end, options);
	if (is_directive(line, end, "migrate:down", &options))
		return begin_section(file, &file->down_section, line, end, options);
	if (file->up.present)
		return true;
	while (line < end && isspace((unsigned char)*line))
		line++;
	if (line == end || (end - line >= 2 && line[0] == '-' && line[1] == '-'))
		return true;
	return trouble(file, (size_t)(line - file->source), "SQL before \"-- migrate:up\"",
		"put the line \"-- migrate:up\" above it");
}

/* What is wrong is kept for when the file is to be run: dbmate reads no other files either. */
static void parse(struct migrate_file *file)
{
	const char *stop = file->source + file->length;
	const char *line = file->source;
	if (!migrate_file_check_text(file, &file->trouble))
		return;
	if (str_starts(line, "\xef\xbb\xbf"))
		line += 3;
	while (line < stop) {
		const char *end = memchr(line, '\n', (size_t)(stop - line));
		if (!read_line(file, line, end ? end : stop))
			return;
		line = end ? end + 1 : stop;
	}
	if (!file->up.present)
		trouble(file, 0, "no line \"-- migrate:up\"", "put it above the SQL");
	else if (!file->down_section.present)
		trouble(file, 0, "no line \"-- migrate:down\"",
			"dbmate wants one in every file, even with nothing below it");
	migrate_file_take_checksum(file);
}

/* "_add_users.sql" becomes "add users". */
static const char *message_of(struct arena *room, const char *rest)
{
	while (*rest == '_')
		rest++;
	char *message = arena_text(room, rest, strlen(rest) - strlen(".sql"));
	for (char *c = message; *c; c++)
		if (*c == '_')
			*c = ' ';
	return message;
}

/* fs_list() sorts by name in byte order, as dbmate does; each stands on the one before. */
bool dbmate_load(struct migrate_tree *tree, struct err *err)
{
	AUTO_STRVEC(names);
	AUTO_STRVEC(odd);
	const char *before = NULL;
	if (!fs_list_odd(tree->dir, &names, &odd, err))
		return false;
	STRVEC_EACH (&names, name) {
		size_t digits = digits_of(name);
		bool is_odd = strvec_has(&odd, name);
		AUTO_FREE char *path = is_odd ? fs_join(tree->dir, name) : NULL;
		if (!digits || (is_odd && fs_is_dir(path)))
			continue;
		struct migrate_file *file = migrate_tree_add(tree, name);
		file->id = arena_text(&tree->room, name, digits);
		file->message = message_of(&tree->room, name + digits);
		if (before)
			arena_push(&tree->room, &file->down, before, strlen(before));
		before = file->id;
		if (!migrate_file_read(tree, file, is_odd, err))
			return false;
		parse(file);
	}
	return true;
}

char *dbmate_template(const struct migrate_file *header)
{
	(void)header;
	return xstrdup("-- migrate:up\n\n\n-- migrate:down\n\n");
}

/* The time in UTC, as dbmate's "new" has it. */
char *dbmate_new_id(void)
{
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	AUTO_STRBUF(id);
	for (const char *c = now; *c && id.len < 14; c++)
		if (isdigit((unsigned char)*c))
			strbuf_addc(&id, *c);
	return strbuf_take(&id);
}
