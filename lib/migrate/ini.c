#include "migrate/ini.h"

#include "base/fs.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <strings.h>

void ini_release(struct ini *ini)
{
	strvec_release(&ini->sections);
	strvec_release(&ini->keys);
	strvec_release(&ini->values);
	free(ini->here);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void read_line(struct ini *ini, const char *section, const char *line)
{
	size_t count = ini->values.count;
	if (isspace((unsigned char)*line) && count) { /* goes on with the value before */
		AUTO_FREE char *more = xstrndup_trimmed(line, strlen(line));
		char *whole = xstrfmt("%s\n%s", ini->values.items[count - 1], more);
		free(ini->values.items[count - 1]);
		ini->values.items[count - 1] = whole;
		return;
	}
	size_t length = strcspn(line, "=:");
	if (!line[length])
		return;
	strvec_push(&ini->sections, section);
	strvec_push_take(&ini->keys, xstrndup_trimmed(line, length));
	const char *value = line + length + 1;
	strvec_push_take(&ini->values, xstrndup_trimmed(value, strlen(value)));
}

bool ini_read(const char *path, struct ini *ini, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	AUTO_FREE char *section = NULL;
	if (!fs_read(path, 0, &text, err))
		return false;
	ini->here = fs_dirname(path);
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line) {
		const char *word = line + strspn(line, " \t\r");
		const char *end = *line == '[' ? strrchr(line, ']') : NULL;
		if (!*word || *word == '#' || *word == ';')
			continue;
		if (end) {
			free(section);
			section = xstrndup(line + 1, (size_t)(end - line - 1));
		} else if (section) {
			read_line(ini, section, line);
		}
	}
	return true;
}

/* --- asking -------------------------------------------------------------------------------------
 */

/* NULL: not there. Later ones win; keys in capitals are the same keys. */
static const char *find(const struct ini *ini, const char *section, const char *key)
{
	for (size_t i = ini->keys.count; i-- > 0;)
		if (!strcmp(ini->sections.items[i], section) &&
			!strcasecmp(ini->keys.items[i], key))
			return ini->values.items[i];
	return NULL;
}

static char *get(const struct ini *ini, const char *section, const char *key, int depth);

/* At "%(name)s": adds its value, and steps over it; what has none is left as it stands. */
static const char *fill_in(
	const struct ini *ini, const char *section, const char *at, int depth, struct strbuf *text)
{
	size_t length = strcspn(at + 2, ")");
	if (at[2 + length] != ')' || at[3 + length] != 's') {
		strbuf_addc(text, *at);
		return at + 1;
	}
	AUTO_FREE char *name = xstrndup(at + 2, length);
	AUTO_FREE char *value = get(ini, section, name, depth + 1);
	if (!value && !strcmp(name, "here"))
		value = xstrdup(ini->here);
	if (value)
		strbuf_adds(text, value);
	else
		strbuf_addf(text, "%%(%s)s", name);
	return at + length + 4;
}

static char *get(const struct ini *ini, const char *section, const char *key, int depth)
{
	enum { DEPTH = 10 }; /* as configparser */
	const char *raw = find(ini, section, key);
	if (!raw)
		raw = find(ini, "DEFAULT", key);
	if (!raw || depth > DEPTH)
		return NULL;
	AUTO_STRBUF(text);
	for (const char *at = raw; *at;) {
		if (at[0] == '%' && at[1] == '(') {
			at = fill_in(ini, section, at, depth, &text);
			continue;
		}
		at += at[0] == '%' && at[1] == '%';
		strbuf_addc(&text, *at++);
	}
	return strbuf_take(&text);
}

char *ini_get(const struct ini *ini, const char *section, const char *key)
{
	return get(ini, section, key, 0);
}

bool ini_says(const struct ini *ini, const char *section, const char *key)
{
	return find(ini, section, key);
}
