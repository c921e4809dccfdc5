#include "alert/dsn.h"

#include <ctype.h>

enum { PORT_MAX = 65535, KEY_MAX = 128 };

static bool refuse(struct err *err, const char *why)
{
	err_set(err, ERR_CONFIG, "not a Sentry DSN: %s", why);
	return err_hint(err, "it looks like https://<public key>@<host>/<project number>");
}

static bool key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool host_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(".-_", c));
}

/* Unreserved characters, "/" and escapes: nothing that could end the path or the line. */
static bool path_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("/.-_~%", c));
}

/* Length of the host, "[v6]" with its brackets; 0: none. */
static size_t host_length(const char *text)
{
	size_t length = 0;
	if (*text == '[') {
		length = strspn(text + 1, "0123456789abcdefABCDEF:.") + 1;
		return length > 2 && text[length] == ']' ? length + 1 : 0;
	}
	while (host_char(text[length]))
		length++;
	return length;
}

/* Behind ":port" at `at` (or `at` itself without one); NULL: not a port. */
static const char *skip_port(const char *at)
{
	long port = 0;
	if (*at != ':')
		return at;
	const char *digits = ++at;
	for (; isdigit((unsigned char)*at) && port <= PORT_MAX; at++)
		port = port * 10 + (*at - '0');
	return at > digits && port > 0 && port <= PORT_MAX ? at : NULL;
}

/* "/path/7///": *project_at and its length; the path before it stays in front. */
static bool split_path(const char *path, size_t *prefix, size_t *project_at, size_t *project_length,
	struct err *err)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < length; i++)
		if (!path_char(path[i]))
			return refuse(err, "its path holds a character that does not belong there");
	while (length && path[length - 1] == '/')
		length--;
	size_t start = length;
	while (start && path[start - 1] != '/')
		start--;
	if (start == length || start == 0)
		return refuse(err, "no project after the host");
	for (size_t i = start; i < length; i++)
		if (!isdigit((unsigned char)path[i]))
			return refuse(err, "the project at its end is not a number");
	*project_at = start;
	*project_length = length - start;
	*prefix = start - 1;
	return true;
}

/* The key, with the secret behind a colon skipped; NULL: wrong. */
static const char *read_key(const char *text, char **key, struct err *err)
{
	size_t length = 0;
	while (key_char(text[length]))
		length++;
	const char *at = text + length;
	if (*at == ':')
		at += 1 + strcspn(at + 1, "@/?#");
	if (length == 0 || length > KEY_MAX || *at != '@') {
		refuse(err, "no public key before the @");
		return NULL;
	}
	*key = xstrndup(text, length);
	return at + 1;
}

bool alert_dsn_parse(const char *text, struct alert_dsn *dsn, struct err *err)
{
	*dsn = (struct alert_dsn){0};
	const char *scheme = str_starts(text, "https://")  ? "https"
			     : str_starts(text, "http://") ? "http"
							   : NULL;
	if (!scheme)
		return refuse(err, "it begins with neither https:// nor http://");
	AUTO_FREE char *key = NULL;
	const char *host = read_key(text + strlen(scheme) + 3, &key, err);
	if (!host)
		return false;
	size_t length = host_length(host);
	const char *path = length ? skip_port(host + length) : NULL;
	if (!path)
		return refuse(err, "no host, or not a port, after the @");
	size_t prefix = 0, project_at = 0, project_length = 0;
	if (!split_path(path, &prefix, &project_at, &project_length, err))
		return false;
	while (prefix && path[prefix - 1] == '/')
		prefix--;
	dsn->key = xtake(&key);
	dsn->url = xstrfmt("%s://%.*s%.*s/api/%.*s/envelope/", scheme, (int)(path - host), host,
		(int)prefix, path, (int)project_length, path + project_at);
	return true;
}

void alert_dsn_release(struct alert_dsn *dsn)
{
	free(dsn->key);
	free(dsn->url);
	*dsn = (struct alert_dsn){0};
}
