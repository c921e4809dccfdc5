/* Room alert, the pure parts: DSN, rate limits, cleaning; the spool on a temporary folder. */
#include "alert/alert.h"
#include "alert/clean.h"
#include "alert/dsn.h"
#include "alert/kind.h"
#include "alert/limits.h"
#include "alert/spool.h"
#include "base/fs.h"
#include "base/secret.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef"

/* --- DSN ---------------------------------------------------------------------------------------
 */

static void a_dsn_becomes_an_address(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"https://" KEY "@o1.ingest.sentry.io/42",
			"https://o1.ingest.sentry.io/api/42/envelope/"},
		{"http://" KEY "@127.0.0.1:9000/7", "http://127.0.0.1:9000/api/7/envelope/"},
		{"https://" KEY ":oldsecret@host/7", "https://host/api/7/envelope/"},
		{"https://" KEY ":@host/7", "https://host/api/7/envelope/"},
		{"https://" KEY "@host/a/b/7", "https://host/a/b/api/7/envelope/"},
		{"https://" KEY "@host/a/b/7///", "https://host/a/b/api/7/envelope/"},
		{"https://" KEY "@host//7", "https://host/api/7/envelope/"},
		{"https://" KEY "@[::1]:8443/7", "https://[::1]:8443/api/7/envelope/"},
		{"https://" KEY "@[fe80::1]/p/7", "https://[fe80::1]/p/api/7/envelope/"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		struct alert_dsn dsn;
		if (!alert_dsn_parse(rows[i][0], &dsn, &err))
			fail_msg("%s: %s", rows[i][0], err.msg);
		assert_string_equal(dsn.url, rows[i][1]);
		assert_string_equal(dsn.key, KEY);
		alert_dsn_release(&dsn);
	}
}

static void a_wrong_dsn_is_refused_without_showing_it(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"x",
		"ftp://" KEY "@host/7",
		"https://host/7",
		"https://@host/7",
		"https://:secret@host/7",
		"https://" KEY "@/7",
		"https://" KEY "@host",
		"https://" KEY "@host/",
		"https://" KEY "@host/project",
		"https://" KEY "@host/7?x=1",
		"https://" KEY "@host/7#x",
		"https://" KEY "@host:port/7",
		"https://" KEY "@host:0/7",
		"https://" KEY "@host:65536/7",
		"https://" KEY "@host:99999999999999999999/7",
		"https://" KEY "@[::1/7",
		"https://" KEY "@[]/7",
		"https://" KEY "@ho st/7",
		"https://" KEY "@host/7\r\nX-Evil: 1",
		"https://" KEY "@host/a b/7",
		"https://key with space@host/7",
		"https://" KEY "@host@evil/7",
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		struct alert_dsn dsn;
		if (alert_dsn_parse(rows[i], &dsn, &err))
			fail_msg("accepted: %s -> %s", rows[i], dsn.url);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(strstr(err.msg, KEY));
		alert_dsn_release(&dsn);
	}
}

/* --- limits ------------------------------------------------------------------------------------
 */

static int64_t end_of(const char *header, const char *category)
{
	AUTO_ALERT_LIMITS(limits);
	alert_limits_parse(&limits, header, 1000);
	return alert_limits_end(&limits, category, 1000);
}

static void limits_are_read_as_the_specification_has_them(void **state)
{
	(void)state;
	assert_int_equal(end_of("60:error:organization", "error"), 61000);
	assert_int_equal(end_of("60:transaction:organization", "error"), 0);
	assert_int_equal(end_of("60::organization", "error"), 61000);
	assert_int_equal(end_of("60", "error"), 61000);
	assert_int_equal(end_of("2.5:error", "error"), 3500);
	assert_int_equal(end_of("0.001:error", "error"), 1001);
	assert_int_equal(end_of("60:default;error;monitor:key:reason:x", "error"), 61000);
	assert_int_equal(end_of("60:transaction, 120:error, 30:error", "error"), 121000);
	assert_int_equal(end_of("120:error:o, 2700:monitor:o", "monitor"), 2701000);
	assert_int_equal(end_of("5::o, 60:error:o", "monitor"), 6000);
	assert_int_equal(end_of(" 60 : error", "error"), 0);
	assert_int_equal(end_of("soon:error, 10:error", "error"), 11000);
	assert_int_equal(end_of("-5:error", "error"), 0);
	assert_int_equal(end_of("", "error"), 0);
	assert_int_equal(end_of(":::,,:;", "error"), 0);
	/* more than a week is a mistake of the sender */
	assert_int_equal(
		end_of("99999999999999999999999:error", "error"), 1000 + 7 * 86400 * 1000LL);
}

static void the_longest_silence_wins(void **state)
{
	(void)state;
	AUTO_ALERT_LIMITS(limits);
	alert_limits_add(&limits, "error", 5000);
	alert_limits_add(&limits, "error", 3000);
	assert_int_equal(alert_limits_end(&limits, "error", 1000), 5000);
	alert_limits_add(&limits, "", 9000);
	assert_int_equal(alert_limits_end(&limits, "error", 1000), 9000);
	assert_int_equal(alert_limits_end(&limits, "error", 9000), 0);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	(void)state;
	int64_t until = 0;
	assert_true(alert_limits_retry_after("30", 1000, &until));
	assert_int_equal(until, 31000);
	assert_true(alert_limits_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 1000, &until));
	assert_int_equal(until, 60000);
	assert_false(alert_limits_retry_after("later", 1000, &until));
}

static void limits_last_from_program_to_program(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *folder = NULL;
	assert_true(fs_temp_dir(NULL, &folder, &err));
	AUTO_FREE char *path = fs_join(folder, "limits.json");
	AUTO_ALERT_LIMITS(first);
	AUTO_ALERT_LIMITS(again);
	AUTO_ALERT_LIMITS(other);
	alert_limits_add(&first, "error", 5000);
	assert_true(alert_limits_save(path, "sentry", &first, &err));
	alert_limits_load(path, "sentry", &again);
	assert_int_equal(alert_limits_end(&again, "error", 0), 5000);
	alert_limits_load(path, "other", &other);
	assert_int_equal(alert_limits_end(&other, "error", 0), 0);
	/* a damaged file means no limits, not no alerts */
	AUTO_ALERT_LIMITS(none);
	assert_true(fs_write_atomic(path, "{\"sen", 5, &err));
	alert_limits_load(path, "sentry", &none);
	assert_int_equal(alert_limits_end(&none, "error", 0), 0);
	assert_true(alert_limits_save(path, "sentry", &first, &err));
	assert_true(fs_remove_tree(folder, &err));
}

/* --- cleaning ----------------------------------------------------------------------------------
 */

static void cleaned(char *(*clean)(const char *), const char *text, const char *wanted)
{
	AUTO_FREE char *got = clean(text);
	if (!str_equal(got, wanted))
		fail_msg("\"%s\" became %s, not %s", text, got ? got : "NULL",
			wanted ? wanted : "NULL");
}

static void names_are_cleaned(void **state)
{
	(void)state;
	cleaned(alert_clean_release, "shop@1.2", "shop@1.2");
	cleaned(alert_clean_release, "a/b\\c\td\ne", "a-b-c-d-e");
	cleaned(alert_clean_release, "latest", NULL);
	cleaned(alert_clean_release, "..", NULL);
	cleaned(alert_clean_release, "", NULL);
	cleaned(alert_clean_environment, "my prod/eu", "my-prod-eu");
	cleaned(alert_clean_environment, "None", NULL);
	cleaned(alert_clean_tag_key, "mig.run:x-1_2", "mig.run:x-1_2");
	cleaned(alert_clean_tag_key, "a b\xc3\xa9", "a_b__");
	cleaned(alert_clean_tag_key, "0123456789012345678901234567890123456789",
		"01234567890123456789012345678901");
	cleaned(alert_clean_tag_key, "", NULL);
}

static void texts_are_cut_between_characters(void **state)
{
	(void)state;
	AUTO_FREE char *cut = alert_clean_text("a\xc3\xa9\xe2\x82\xac", 5);
	assert_string_equal(cut, "a\xc3\xa9");
	AUTO_FREE char *whole = alert_clean_text("a\xc3\xa9\xe2\x82\xac", 6);
	assert_string_equal(whole, "a\xc3\xa9\xe2\x82\xac");
	AUTO_FREE char *broken = alert_clean_text("a\xff\xc3(\xed\xa0\x80", 100);
	assert_string_equal(broken, "a?"
				    "?("
				    "???");
	AUTO_FREE char *line = alert_clean_line("one\ntwo\r\x1b[31m", 100);
	assert_string_equal(line, "one two  [31m");
}

static void secrets_are_hidden_before_the_cut(void **state)
{
	(void)state;
	secret_register("hunter2hunter2");
	AUTO_FREE char *cut = alert_clean_text("pw=hunter2hunter2 end", 9);
	assert_string_equal(cut, "pw=*** en");
}

static void any_bytes_become_valid_text(void **state)
{
	(void)state;
	uint32_t noise = 20261120;
	for (int round = 0; round < 5000; round++) {
		char bytes[24];
		for (size_t i = 0; i < sizeof(bytes); i++) {
			noise ^= noise << 13;
			noise ^= noise >> 17;
			noise ^= noise << 5;
			bytes[i] = (char)(noise >> 8);
		}
		AUTO_FREE char *clean = utf8_clean(bytes, sizeof(bytes));
		assert_int_equal(strlen(clean), sizeof(bytes));
		AUTO_FREE char *cut = utf8_cut(clean, noise % sizeof(bytes));
		json_t *json = json_string(cut);
		if (!json)
			fail_msg("round %d: not UTF-8", round);
		json_decref(json);
	}
}

static void levels_are_words(void **state)
{
	(void)state;
	AUTO_ERR(err);
	enum alert_level level;
	assert_true(alert_level_parse("warning", &level, &err));
	assert_int_equal(level, ALERT_WARNING);
	assert_false(alert_level_parse("warnin", &level, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(err.hint, "did you mean warning?");
}

/* --- spool -------------------------------------------------------------------------------------
 */

static void put_message(const char *folder, const char *id)
{
	AUTO_ERR(err);
	AUTO_ALERT_SPOOL_ENTRY(entry);
	entry.receiver = xstrdup("sentry");
	entry.id = xstrdup(id);
	entry.kept = json_pack("{s:s}", "message", "x");
	assert_true(alert_spool_put(folder, &entry, &err));
}

static void a_message_in_hand_is_nobody_elses(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *folder = NULL;
	AUTO_STRVEC(names);
	assert_true(fs_temp_dir(NULL, &folder, &err));
	put_message(folder, "a");
	assert_true(alert_spool_list(folder, &names, &err));
	assert_int_equal(names.count, 1);
	AUTO_FREE char *path = fs_join(folder, names.items[0]);
	struct stat file;
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	AUTO_ALERT_SPOOL_ENTRY(mine);
	AUTO_ALERT_SPOOL_ENTRY(theirs);
	assert_true(alert_spool_take(folder, names.items[0], &mine, &err));
	assert_string_equal(mine.id, "a");
	assert_true(alert_spool_take(folder, names.items[0], &theirs, &err));
	assert_null(theirs.kept);
	assert_true(alert_spool_remove(&mine, &err));
	AUTO_ALERT_SPOOL_ENTRY(gone);
	assert_true(alert_spool_take(folder, names.items[0], &gone, &err));
	assert_null(gone.kept);
	assert_true(fs_remove_tree(folder, &err));
}

static void the_spool_has_an_end(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *folder = NULL;
	AUTO_STRVEC(names);
	assert_true(fs_temp_dir(NULL, &folder, &err));
	AUTO_FREE char *old = fs_join(folder, "1000000000000-old.json");
	assert_true(fs_write_atomic(old, "{}", 2, &err));
	for (int i = 0; i < 55; i++) {
		AUTO_FREE char *id = xstrfmt("%02d", i);
		put_message(folder, id);
	}
	alert_spool_trim(folder, NULL);
	assert_true(alert_spool_list(folder, &names, &err));
	assert_int_equal(names.count, 50);
	assert_false(fs_exists(old));
	assert_non_null(strstr(names.items[49], "-54.json"));
	assert_true(fs_remove_tree(folder, &err));
}

static void a_damaged_message_is_told_apart(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *folder = NULL;
	assert_true(fs_temp_dir(NULL, &folder, &err));
	AUTO_FREE char *path = fs_join(folder, "1795223894680-x.json");
	assert_true(fs_write_atomic(path, "{\"receiver\"", 11, &err));
	AUTO_ALERT_SPOOL_ENTRY(entry);
	assert_false(alert_spool_take(folder, "1795223894680-x.json", &entry, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(fs_remove_tree(folder, &err));
}

/* --- Sentry ------------------------------------------------------------------------------------
 */

static void fill_noise(char *text, size_t size)
{
	static uint32_t noise = 20261121;
	size_t length;
	noise ^= noise << 13;
	length = noise % size;
	for (size_t i = 0; i < length; i++) {
		noise ^= noise << 13;
		noise ^= noise >> 17;
		noise ^= noise << 5;
		text[i] = (char)(noise >> 8);
		if (!text[i])
			text[i] = '\n';
	}
	text[length] = '\0';
}

/* Three lines; the length is that of the third, which is JSON and within the limits. */
static void envelope_is_exact(const struct strbuf *body)
{
	AUTO_STRVEC(lines);
	strvec_split(&lines, body->buf, '\n');
	assert_int_equal(lines.count, 4);
	assert_string_equal(lines.items[3], "");
	assert_null(memchr(body->buf, '\r', body->len));
	json_t *header = json_loads(lines.items[0], JSON_REJECT_DUPLICATES, NULL);
	json_t *item = json_loads(lines.items[1], JSON_REJECT_DUPLICATES, NULL);
	json_t *event = json_loads(lines.items[2], JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json_object_get(header, "sent_at"));
	assert_non_null(event);
	assert_int_equal(
		json_integer_value(json_object_get(item, "length")), strlen(lines.items[2]));
	assert_true(strlen(lines.items[2]) <= 1 << 20);
	assert_true(json_string_length(json_object_get(event, "message")) <= 8192);
	json_decref(header);
	json_decref(item);
	json_decref(event);
}

static void whatever_is_said_becomes_an_exact_envelope(void **state)
{
	(void)state;
	static const char text[] = "sentry: {dsn: \"https://" KEY "@host/7\"}\n";
	AUTO_ERR(err);
	struct conf_document *doc = NULL;
	assert_true(conf_document_parse("mig.yaml", text, strlen(text), &doc, &err));
	struct conf_env env = {.project = (char *)"shop", .name = (char *)"x", .alerts = doc->root};
	struct alert_settings settings = {.env = &env, .version = "0.1.0"};
	struct alert_receiver *receiver = NULL;
	assert_true(alert_receiver_open(&settings, "sentry", &receiver, &err));
	for (int round = 0; round < 30; round++) {
		char title[64], long_text[20000], tag[400];
		AUTO_STRVEC(tags);
		fill_noise(title, sizeof(title));
		fill_noise(long_text, sizeof(long_text));
		fill_noise(tag, sizeof(tag));
		strvec_pushf(&tags, "%s=%s", title, tag);
		struct alert_breadcrumb crumbs[200];
		for (size_t i = 0; i < ARRAY_SIZE(crumbs); i++)
			crumbs[i] = (struct alert_breadcrumb){
				.at_ms = 1, .category = tag, .message = long_text};
		struct alert_message message = {.title = title,
			.body = long_text,
			.tags = &tags,
			.release = tag,
			.transaction = tag,
			.fingerprint = &tags,
			.logger = "t",
			.breadcrumbs = crumbs,
			.breadcrumb_count = (size_t)round % 200};
		struct alert_request request = {.body = STRBUF_INIT};
		json_t *kept = receiver->kind->encode(receiver, &message, KEY);
		assert_non_null(kept);
		assert_true(receiver->kind->request(receiver, kept, &request, &err));
		envelope_is_exact(&request.body);
		json_decref(kept);
		free(request.url);
		strvec_release(&request.headers);
		strbuf_release(&request.body);
	}
	alert_receiver_close(receiver);
	conf_document_free(doc);
}

static void the_page_names_every_kind(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_STRBUF(page);
	if (!fs_read("docs/alerts.md", 0, &page, &err))
		fail_msg("%s", err.msg);
	for (const char *const *word = alert_kind_words(); *word; word += 2) {
		AUTO_FREE char *entry = xstrfmt("  %s: {", word[0]);
		if (!strstr(page.buf, entry))
			fail_msg("docs/alerts.md does not show kind %s", word[0]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dsn_becomes_an_address),
		cmocka_unit_test(a_wrong_dsn_is_refused_without_showing_it),
		cmocka_unit_test(limits_are_read_as_the_specification_has_them),
		cmocka_unit_test(the_longest_silence_wins),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(limits_last_from_program_to_program),
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(texts_are_cut_between_characters),
		cmocka_unit_test(secrets_are_hidden_before_the_cut),
		cmocka_unit_test(any_bytes_become_valid_text),
		cmocka_unit_test(levels_are_words),
		cmocka_unit_test(a_message_in_hand_is_nobody_elses),
		cmocka_unit_test(the_spool_has_an_end),
		cmocka_unit_test(a_damaged_message_is_told_apart),
		cmocka_unit_test(whatever_is_said_becomes_an_exact_envelope),
		cmocka_unit_test(the_page_names_every_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
