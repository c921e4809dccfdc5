#include "alert/limits.h"

#include "base/fs.h"
#include "base/strvec.h"

#include <ctype.h>
#include <curl/curl.h>

enum {
	FILE_MAX = 1 << 16,
	SECONDS_MAX = 7 * 24 * 3600, /* a longer silence is a mistake of the sender */
};

void alert_limits_release(struct alert_limits *limits)
{
	json_decref(limits->until);
	limits->until = NULL;
}

void alert_limits_add(struct alert_limits *limits, const char *category, int64_t until_ms)
{
	if (!limits->until)
		limits->until = json_object();
	if (json_integer_value(json_object_get(limits->until, category)) < until_ms)
		json_object_set_new(limits->until, category, json_integer(until_ms));
}

int64_t alert_limits_end(const struct alert_limits *limits, const char *category, int64_t now_ms)
{
	int64_t own = json_integer_value(json_object_get(limits->until, category));
	int64_t all = json_integer_value(json_object_get(limits->until, ""));
	int64_t end = own > all ? own : all;
	return end > now_ms ? end : 0;
}

/* "60", "2.5": milliseconds, rounded up; -1: not a number. */
static int64_t parse_seconds(const char *text)
{
	int64_t ms = 0, scale = 1000;
	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text) && ms <= SECONDS_MAX * INT64_C(1000); text++)
		ms = ms * 10 + (*text - '0') * INT64_C(1000);
	while (isdigit((unsigned char)*text))
		text++;
	if (*text == '.')
		for (text++; isdigit((unsigned char)*text); text++) {
			scale /= 10;
			ms += (*text - '0') * scale;
		}
	if (*text)
		return -1;
	return ms < SECONDS_MAX * INT64_C(1000) ? ms : SECONDS_MAX * INT64_C(1000);
}

static void parse_entry(struct alert_limits *limits, const char *entry, int64_t now_ms)
{
	AUTO_STRVEC(parts);
	AUTO_STRVEC(categories);
	AUTO_STRBUF(trimmed);
	strbuf_adds(&trimmed, entry);
	strbuf_trim(&trimmed);
	strvec_split(&parts, trimmed.buf, ':');
	int64_t ms = parts.count ? parse_seconds(parts.items[0]) : -1;
	if (ms < 0)
		return;
	strvec_split(&categories, parts.count > 1 ? parts.items[1] : "", ';');
	for (size_t i = 0; i < categories.count; i++)
		alert_limits_add(limits, categories.items[i], now_ms + ms);
}

void alert_limits_parse(struct alert_limits *limits, const char *header, int64_t now_ms)
{
	AUTO_STRVEC(entries);
	strvec_split(&entries, header, ',');
	for (size_t i = 0; i < entries.count; i++)
		parse_entry(limits, entries.items[i], now_ms);
}

bool alert_limits_retry_after(const char *header, int64_t now_ms, int64_t *until_ms)
{
	int64_t ms = parse_seconds(header);
	time_t date = ms < 0 ? curl_getdate(header, NULL) : -1;
	if (ms < 0 && date < 0)
		return false;
	int64_t end = ms < 0 ? (int64_t)date * 1000 : now_ms + ms;
	int64_t latest = now_ms + SECONDS_MAX * INT64_C(1000);
	*until_ms = end < latest ? end : latest;
	return true;
}

static json_t *load_file(const char *path)
{
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	if (!fs_read(path, FILE_MAX, &text, &ignored))
		return NULL;
	json_t *all = json_loadb(text.buf, text.len, 0, NULL);
	if (json_is_object(all))
		return all;
	json_decref(all);
	return NULL;
}

void alert_limits_load(const char *path, const char *receiver, struct alert_limits *limits)
{
	json_t *all = load_file(path);
	json_t *own = json_object_get(all, receiver);
	limits->until = json_is_object(own) ? json_incref(own) : NULL;
	json_decref(all);
}

bool alert_limits_save(
	const char *path, const char *receiver, const struct alert_limits *limits, struct err *err)
{
	json_t *all = load_file(path);
	if (!all)
		all = json_object();
	json_object_set(all, receiver, limits->until ? limits->until : json_null());
	AUTO_FREE char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return fs_write_atomic(path, text, strlen(text), err);
}
