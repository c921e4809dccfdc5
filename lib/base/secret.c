#include "base/secret.h"

#include "base/strvec.h"
#include <ctype.h>
#include <jansson.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct strvec values; /* longest first, so that no part of one is left standing */
static struct strbuf firsts = STRBUF_INIT; /* the characters that begin one */

#define SHORTEST 4

static int longest_first(const void *a, const void *b)
{
	size_t left = strlen(*(char *const *)a), right = strlen(*(char *const *)b);
	return left < right ? 1 : left > right ? -1 : 0;
}

static void add(const char *value)
{
	if (strvec_has(&values, value))
		return;
	strvec_push(&values, value);
	strbuf_addc(&firsts, *value);
	qsort(values.items, values.count, sizeof(char *), longest_first);
}

/* As JSON writes it, between its quotes: journals and events are redacted as whole lines. */
static void add_in_json(const char *value, size_t flags)
{
	json_t *string = json_string(value);
	AUTO_FREE char *text = string ? json_dumps(string, JSON_ENCODE_ANY | flags) : NULL;
	json_decref(string);
	if (!text)
		return;
	AUTO_FREE char *inner = xstrndup(text + 1, strlen(text) - 2);
	add(inner);
}

void secret_register(const char *value)
{
	if (!value || strlen(value) < SHORTEST)
		return;
	pthread_mutex_lock(&lock);
	add(value);
	add_in_json(value, 0);
	add_in_json(value, JSON_ENSURE_ASCII);
	pthread_mutex_unlock(&lock);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decoded(const char *text)
{
	AUTO_STRBUF(out);
	for (const char *c = text; *c; c++) {
		if (*c == '%' && hex_digit(c[1]) >= 0 && hex_digit(c[2]) >= 0) {
			strbuf_addc(&out, (char)(hex_digit(c[1]) * 16 + hex_digit(c[2])));
			c += 2;
		} else {
			strbuf_addc(&out, *c);
		}
	}
	return strbuf_take(&out);
}

static void register_both(char *encoded)
{
	AUTO_FREE char *decoded = percent_decoded(encoded);
	secret_register(encoded);
	secret_register(decoded);
	free(encoded);
}

/* user:password@ between "://" and the last "@" before the path */
static void register_uri(const char *uri)
{
	const char *start = strstr(uri, "://") + 3;
	size_t authority = strcspn(start, "/?#");
	const char *at = memrchr(start, '@', authority);
	if (!at)
		return;
	const char *colon = memchr(start, ':', (size_t)(at - start));
	if (colon)
		register_both(xstrndup(colon + 1, (size_t)(at - colon - 1)));
}

/* password=word or password='quoted \' text', also as ?password= of a URI */
static void register_keyword(const char *conninfo)
{
	const char *value = strstr(conninfo, "password");
	if (!value)
		return;
	value += strlen("password");
	value += strspn(value, " \t");
	if (*value != '=')
		return;
	value++;
	value += strspn(value, " \t");
	AUTO_STRBUF(out);
	bool quoted = *value == '\'';
	for (const char *c = value + quoted; *c; c++) {
		if (quoted ? *c == '\'' : (isspace((unsigned char)*c) || *c == '&'))
			break;
		if (*c == '\\' && c[1])
			c++;
		strbuf_addc(&out, *c);
	}
	register_both(strbuf_take(&out));
}

void secret_register_conninfo(const char *conninfo)
{
	if (!conninfo)
		return;
	if (strstr(conninfo, "://"))
		register_uri(conninfo);
	register_keyword(conninfo);
}

static const char *secret_at(const char *text)
{
	STRVEC_EACH (&values, value)
		if (str_starts(text, value))
			return value;
	return NULL;
}

char *secret_redact(const char *text)
{
	AUTO_STRBUF(out);
	pthread_mutex_lock(&lock);
	while (*text) {
		const char *secret = secret_at(text);
		size_t length = secret ? strlen(secret) : 1 + strcspn(text + 1, firsts.buf);
		if (secret)
			strbuf_adds(&out, "***");
		else
			strbuf_add(&out, text, length);
		text += length;
	}
	pthread_mutex_unlock(&lock);
	return strbuf_take(&out);
}
