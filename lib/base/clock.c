#include "base/clock.h"

#include "base/strbuf.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t ms)
{
	if (ms <= 0)
		return;
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	nanosleep(&pause, NULL);
}

static char *format_time(const struct tm *parts, const char *fmt)
{
	char text[64];
	size_t length = strftime(text, sizeof text, fmt, parts);
	return xstrndup(text, length);
}

static char *format_utc(int64_t ms, const char *fmt)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	return format_time(&parts, fmt);
}

char *clock_utc(int64_t ms)
{
	return format_utc(ms, "%Y-%m-%dT%H:%M:%SZ");
}

char *clock_utc_ms(int64_t ms)
{
	AUTO_FREE char *seconds = format_utc(ms, "%Y-%m-%dT%H:%M:%S");
	return xstrfmt("%s.%03dZ", seconds, (int)(ms % 1000));
}

char *clock_stamp(int64_t ms)
{
	return format_utc(ms, "%Y%m%dT%H%M%SZ");
}

char *clock_local(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	localtime_r(&seconds, &parts);
	return format_time(&parts, "%Y-%m-%d %H:%M:%S %Z");
}

struct unit {
	const char *name;
	int64_t factor;
};

/* A whole number below 2^53 and what follows it; false when there is no number. */
static bool read_number(const char *text, int64_t *number, const char **rest)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	char *end;
	long long value = strtoll(text, &end, 10);
	if (errno || value > (1LL << 53))
		return false;
	*number = value;
	*rest = end;
	return true;
}

static bool apply_unit(const struct unit *units, size_t count, const char *name, int64_t *number)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(units[i].name, name) == 0)
			return !__builtin_mul_overflow(*number, units[i].factor, number) &&
			       *number <= INT64_MAX / 4;
	return false;
}

static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

bool clock_parse_duration(const char *text, int64_t *ms, struct err *err)
{
	int64_t number;
	const char *unit;
	if (read_number(text, &number, &unit) && number == 0 && !*unit) {
		*ms = 0;
		return true;
	}
	if (read_number(text, &number, &unit) &&
		apply_unit(duration_units, ARRAY_SIZE(duration_units), unit, &number)) {
		*ms = number;
		return true;
	}
	return err_set(err, ERR_USAGE,
		"\"%s\" is not a duration: a whole number and ms, s, m, h or d, as in 500ms, 90s, "
		"26h",
		text);
}

static const struct unit size_units[] = {{"", 1}, {"B", 1}, {"kB", 1000}, {"KB", 1000},
	{"KiB", 1 << 10}, {"MB", 1000000}, {"MiB", 1 << 20}, {"GB", 1000000000}, {"GiB", 1 << 30},
	{"TB", 1000000000000}, {"TiB", 1LL << 40}};

bool clock_parse_size(const char *text, int64_t *bytes, struct err *err)
{
	int64_t number;
	const char *unit;
	if (read_number(text, &number, &unit) &&
		apply_unit(size_units, ARRAY_SIZE(size_units), unit, &number)) {
		*bytes = number;
		return true;
	}
	return err_set(err, ERR_USAGE,
		"\"%s\" is not a size: a whole number and B, kB, MB, GB, KiB, MiB or GiB, as in "
		"64MiB",
		text);
}

static bool parse_ago(const char *text, int64_t *ms)
{
	AUTO_STRBUF(word);
	strbuf_adds(&word, text);
	strbuf_trim(&word);
	if (strcmp(word.buf, "now") == 0) {
		*ms = clock_now_ms();
		return true;
	}
	if (strcmp(word.buf, "yesterday") == 0) {
		*ms = clock_now_ms() - 86400000;
		return true;
	}
	/* "2h" as "2h ago"; a bare number is neither */
	size_t ago = str_ends(word.buf, " ago") ? strlen(" ago") : 0;
	AUTO_FREE char *duration = xstrndup(word.buf, word.len - ago);
	AUTO_ERR(ignored);
	int64_t back;
	if (strspn(duration, "0123456789") == strlen(duration) ||
		!clock_parse_duration(duration, &back, &ignored))
		return false;
	*ms = clock_now_ms() - back;
	return true;
}

/* ".5", ".123456": milliseconds. */
static int64_t fraction_ms(const char *digits)
{
	int64_t ms = 0, weight = 100;
	for (digits++; *digits >= '0' && *digits <= '9'; digits++, weight /= 10)
		ms += (*digits - '0') * weight;
	return ms;
}

static bool in_range(const struct tm *t)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return t->tm_mon >= 0 && t->tm_mon < 12 && t->tm_mday >= 1 &&
	       t->tm_mday <= days[t->tm_mon] && t->tm_hour < 24 && t->tm_min < 60 && t->tm_sec < 61;
}

/* "2026-11-20T01:00": scanf alone takes signs and blanks for digits. */
static bool has_shape(const char *text)
{
	static const char shape[] = "dddd-dd-dd?dd:dd";
	for (size_t i = 0; shape[i]; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		bool good = shape[i] == 'd' ? digit
					    : text[i] && (shape[i] == '?' || text[i] == shape[i]);
		if (!good)
			return false;
	}
	return true;
}

/* "Z", "+01:00", "-0130" or nothing (local); false when it is something else. */
static bool parse_zone(const char *text, bool *local, int *offset_minutes)
{
	*local = !*text;
	*offset_minutes = 0;
	if (!*text || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	int hours, minutes, used = 0;
	char sign;
	if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 &&
		sscanf(text, "%c%2d%2d%n", &sign, &hours, &minutes, &used) != 3)
		return false;
	if (text[used] || (sign != '+' && sign != '-') || hours > 15 || minutes > 59)
		return false;
	*offset_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
	return true;
}

bool clock_parse_time(const char *text, int64_t *ms, struct err *err)
{
	if (parse_ago(text, ms))
		return true;
	struct tm t = {0};
	int used = 0, date_used = 0, seconds_used = 0, fraction_used = 0;
	char separator;
	bool ok = has_shape(text) &&
		  sscanf(text, "%4d-%2d-%2d%n%c%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday,
			  &date_used, &separator, &t.tm_hour, &t.tm_min, &used) == 6 &&
		  used && (separator == 'T' || separator == ' ');
	if (ok && sscanf(text + used, ":%2d%n", &t.tm_sec, &seconds_used) == 1)
		used += seconds_used;
	int64_t fraction = 0;
	if (ok && sscanf(text + used, ".%*[0-9]%n", &fraction_used) == 0 && fraction_used) {
		fraction = fraction_ms(text + used);
		used += fraction_used;
	}
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	t.tm_isdst = -1;
	bool local;
	int offset;
	if (!ok || !in_range(&t) || !parse_zone(text + used, &local, &offset)) {
		err_set(err, ERR_USAGE, "\"%s\" is not a time", text);
		return err_hint(
			err, "write 2026-11-20T01:00:00Z, \"2026-11-20 01:00\", 2h or yesterday");
	}
	int day = t.tm_mday;
	time_t seconds = local ? mktime(&t) : timegm(&t) - offset * 60;
	if (t.tm_mday != day)
		return err_set(err, ERR_USAGE, "\"%s\" is not a time: that month is shorter", text);
	*ms = (int64_t)seconds * 1000 + fraction;
	return true;
}

char *clock_duration_text(int64_t ms)
{
	int64_t seconds = ms / 1000;
	if (ms < 60000)
		return xstrfmt("%.1f s", (double)ms / 1000);
	if (seconds < 3600)
		return xstrfmt("%" PRId64 "m %02ds", seconds / 60, (int)(seconds % 60));
	if (seconds < 86400)
		return xstrfmt("%" PRId64 "h %02dm", seconds / 3600, (int)(seconds / 60 % 60));
	return xstrfmt("%" PRId64 "d %02dh", seconds / 86400, (int)(seconds / 3600 % 24));
}

char *clock_size_text(int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	return unit ? xstrfmt("%.1f %s", value, units[unit]) : xstrfmt("%" PRId64 " B", bytes);
}

void clock_random(void *bytes, size_t length)
{
	unsigned char *next = bytes;
	while (length) {
		ssize_t got = getrandom(next, length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort(); /* a kernel without randomness can make no unique name */
		next += got;
		length -= (size_t)got;
	}
}

char *clock_random_hex(size_t bytes)
{
	AUTO_FREE unsigned char *raw = xcalloc(bytes, 1);
	clock_random(raw, bytes);
	char *text = xcalloc(bytes * 2 + 1, 1);
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + i * 2, 3, "%02x", raw[i]);
	return text;
}

char *clock_new_id(void)
{
	AUTO_FREE char *stamp = clock_stamp(clock_now_ms());
	AUTO_FREE char *tail = clock_random_hex(3);
	return xstrfmt("%s-%s", stamp, tail);
}

int64_t clock_jitter(int64_t ms)
{
	uint32_t draw;
	clock_random(&draw, sizeof draw);
	return ms / 2 + (int64_t)((double)ms * ((double)draw / UINT32_MAX));
}
