#include "alert/clean.h"

#include "base/secret.h"
#include "base/utf8.h"

#include <ctype.h>

enum { RELEASE_MAX = 200, ENVIRONMENT_MAX = 64, TAG_KEY_MAX = 32 };

char *alert_clean_text(const char *text, size_t bytes)
{
	/* Redacted before it is cut: half a secret would not be recognised. */
	AUTO_FREE char *safe = secret_redact(text);
	AUTO_FREE char *clean = utf8_clean(safe, strlen(safe));
	return utf8_cut(clean, bytes);
}

char *alert_clean_line(const char *text, size_t bytes)
{
	AUTO_FREE char *safe = secret_redact(text);
	AUTO_FREE char *line = utf8_one_line(safe);
	return utf8_cut(line, bytes);
}

/* `text` with every byte of `unwanted` and all white space as `with`, cut. */
static char *replace(const char *text, const char *unwanted, char with, size_t bytes)
{
	AUTO_FREE char *line = alert_clean_line(text, strlen(text));
	for (char *c = line; *c; c++)
		if (strchr(unwanted, *c) || isspace((unsigned char)*c))
			*c = with;
	return utf8_cut(line, bytes);
}

static char *unless(char *text, const char *const *forbidden)
{
	bool bad = !*text;
	for (; *forbidden; forbidden++)
		bad = bad || str_equal(text, *forbidden);
	if (!bad)
		return text;
	free(text);
	return NULL;
}

char *alert_clean_release(const char *text)
{
	static const char *const forbidden[] = {".", "..", "latest", NULL};
	return unless(replace(text, "/\\", '-', RELEASE_MAX), forbidden);
}

char *alert_clean_environment(const char *text)
{
	static const char *const forbidden[] = {"None", NULL};
	return unless(replace(text, "/", '-', ENVIRONMENT_MAX), forbidden);
}

char *alert_clean_tag_key(const char *text)
{
	static const char *const forbidden[] = {NULL};
	AUTO_FREE char *key = xstrdup(text);
	for (char *c = key; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.:-", *c))
			*c = '_';
	return unless(utf8_cut(key, TAG_KEY_MAX), forbidden);
}
