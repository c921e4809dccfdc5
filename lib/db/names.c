#include "db/names.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/utf8.h"

static const struct {
	enum db_purpose purpose;
	const char *mark;
	const char *word;
} purposes[] = {
	{DB_RESTORED, "__r_", "restored"},
	{DB_DISPLACED, "__b_", "displaced"},
	{DB_SCRATCH, "__s_", "scratch"},
	{DB_CLONE, "__c_", "clone"},
};

enum { MARK_BYTES = 4, HEX_BYTES = 10, SUFFIX_BYTES = MARK_BYTES + HEX_BYTES };

const char *db_purpose_word(enum db_purpose purpose)
{
	for (size_t i = 0; i < ARRAY_SIZE(purposes); i++)
		if (purposes[i].purpose == purpose)
			return purposes[i].word;
	return "unknown";
}

static const char *purpose_mark(enum db_purpose purpose)
{
	for (size_t i = 0; i < ARRAY_SIZE(purposes); i++)
		if (purposes[i].purpose == purpose)
			return purposes[i].mark;
	return "__x_";
}

static bool is_utf8(const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		size_t step = utf8_char_length(text, left);
		if (step == 0)
			return false;
		text += step;
		left -= step;
	}
	return true;
}

static bool is_ascii(char c)
{
	return (unsigned char)c < 0x80;
}

/*
 * In the server's multibyte encodings no byte of a character is below 0x80, so a place with such a
 * byte on either side is between characters.
 */
static size_t boundary_of_unknown_encoding(const char *name, size_t bytes)
{
	for (size_t at = bytes; at > 0; at--)
		if (is_ascii(name[at]) || is_ascii(name[at - 1]))
			return at;
	return 0;
}

char *db_name_cut(const char *name, size_t bytes)
{
	if (strlen(name) <= bytes)
		return xstrdup(name);
	if (is_utf8(name))
		return utf8_cut(name, bytes);
	return xstrndup(name, boundary_of_unknown_encoding(name, bytes));
}

char *db_name_derive(const char *live, enum db_purpose purpose)
{
	AUTO_FREE char *stem = db_name_cut(live, DB_NAME_MAX - SUFFIX_BYTES);
	AUTO_FREE char *hex = clock_random_hex(HEX_BYTES / 2);
	return xstrfmt("%s%s%s", stem, purpose_mark(purpose), hex);
}

bool db_name_parse(const char *name, enum db_purpose *purpose, char **stem)
{
	size_t length = strlen(name);
	if (length < SUFFIX_BYTES || length > DB_NAME_MAX)
		return false;
	const char *mark = name + length - SUFFIX_BYTES;
	for (const char *c = mark + MARK_BYTES; *c; c++)
		if (!isdigit((unsigned char)*c) && !(*c >= 'a' && *c <= 'f'))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(purposes); i++) {
		if (!str_starts(mark, purposes[i].mark))
			continue;
		if (purpose)
			*purpose = purposes[i].purpose;
		if (stem)
			*stem = xstrndup(name, (size_t)(mark - name));
		return true;
	}
	return false;
}
