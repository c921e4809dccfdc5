/* Sending: spool first, try, then what else waits. */
#include "alert/kind.h"
#include "alert/spool.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/secret.h"
#include "base/suggest.h"
#include "base/utf8.h"

enum {
	DEFAULT_TIMEOUT_MS = 10000,
	PAUSE_MS = 100,
	DRAIN_MS = 5000, /* a new alert spends no longer on old ones */
	ANSWER_SHOWN_MAX = 300,
	EVENT_ID_BYTES = 16,
	ANSWERED = 200, /* interim statuses are below */
};

static const char *const level_words[] = {"fatal", "error", "warning", "info", "debug"};

const char *alert_level_word(enum alert_level level)
{
	return level_words[level];
}

bool alert_level_parse(const char *word, enum alert_level *level, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_words); i++) {
		if (str_equal(word, level_words[i])) {
			*level = (enum alert_level)i;
			return true;
		}
	}
	const char *near = suggest_nearest(word, level_words, ARRAY_SIZE(level_words));
	err_set(err, ERR_USAGE, "unknown level \"%s\"", word);
	return near ? err_hint(err, "did you mean %s?", near)
		    : err_hint(err, "levels: fatal, error, warning, info, debug");
}

const char *alert_outcome_word(enum alert_outcome outcome)
{
	static const char *const words[] = {"sent", "spooled", "rejected", "failed"};
	return words[outcome];
}

void alert_results_release(struct alert_results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		free(results->items[i].receiver);
		free(results->items[i].id);
		err_release(&results->items[i].why);
	}
	free(results->items);
	*results = (struct alert_results){0};
}

static void put(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

json_t *alert_results_json(const struct alert_results *results)
{
	json_t *list = json_array();
	for (size_t i = 0; i < results->count; i++) {
		const struct alert_result *result = &results->items[i];
		json_t *item = json_pack("{s:s, s:s}", "receiver", result->receiver, "outcome",
			alert_outcome_word(result->outcome));
		put(item, "id", result->id);
		put(item, "error", result->why.msg);
		if (result->status)
			json_object_set_new(item, "status", json_integer(result->status));
		json_array_append_new(list, item);
	}
	return json_pack("{s:o}", "receivers", list);
}

static struct alert_result *add_result(struct alert_results *results, const char *receiver)
{
	xgrow(results->items, results->count, results->alloc);
	struct alert_result *result = &results->items[results->count++];
	*result = (struct alert_result){
		.receiver = xstrdup(receiver), .outcome = ALERT_FAILED, .why = ERR_INIT};
	return result;
}

static char *spool_directory(const struct alert_settings *settings)
{
	return fs_join(settings->env->state_dir, "spool");
}

static char *limits_path(const struct alert_settings *settings)
{
	return fs_join(settings->env->state_dir, "alert-limits.json");
}

/* --- one message -------------------------------------------------------------------------------
 */

/* Silence that holds now; then the message waits, without a request. */
static bool limited(const struct alert_receiver *receiver, struct err *err)
{
	AUTO_ALERT_LIMITS(limits);
	AUTO_FREE char *path = limits_path(receiver->settings);
	alert_limits_load(path, receiver->name, &limits);
	int64_t end = alert_limits_end(&limits, receiver->kind->limit_category, clock_now_ms());
	if (!end)
		return false;
	AUTO_FREE char *until = clock_utc(end);
	err_set(err, ERR_STORAGE, "%s asked for silence until %s", receiver->name, until);
	return true;
}

static void keep_limits(const struct alert_receiver *receiver, const struct http_response *response)
{
	AUTO_ALERT_LIMITS(limits);
	AUTO_ERR(why);
	if (!receiver->kind->read_limits)
		return;
	AUTO_FREE char *path = limits_path(receiver->settings);
	alert_limits_load(path, receiver->name, &limits);
	AUTO_FREE char *before = limits.until ? json_dumps(limits.until, JSON_SORT_KEYS) : NULL;
	receiver->kind->read_limits(response, clock_now_ms(), &limits);
	AUTO_FREE char *after = limits.until ? json_dumps(limits.until, JSON_SORT_KEYS) : NULL;
	if (!str_equal(before, after) && !alert_limits_save(path, receiver->name, &limits, &why))
		log_warn(receiver->settings->log, "alert_limits", NULL, "%s", why.msg);
}

static void request_release(struct alert_request *request)
{
	free(request->url);
	strvec_release(&request->headers);
	strbuf_release(&request->body);
}

static bool judge_answer(const struct alert_receiver *receiver,
	const struct http_response *response, struct err *err)
{
	if (response->status < 300)
		return true;
	AUTO_FREE char *clean = utf8_clean(response->body.buf, response->body.len);
	AUTO_FREE char *line = utf8_one_line(clean);
	AUTO_FREE char *shown = utf8_cut(line, ANSWER_SHOWN_MAX);
	err_set(err, ERR_REMOTE, "%s answered %d: the alert is not sent again", receiver->name,
		response->status);
	if (*shown)
		err_detail(err, "%s", shown);
	if (response->status == 401 || response->status == 403)
		return err_hint(err,
			"look at the address of %s in mig.yaml, then: mig-alert test %s",
			receiver->name, receiver->name);
	if (response->status == 429)
		return err_hint(err, "it may have kept the alert; it asked for silence");
	return false;
}

/* One request. Without any answer the message stays where it is. */
static enum alert_outcome try_once(
	const struct alert_receiver *receiver, const json_t *kept, int *status, struct err *err)
{
	CLEANUP(request_release) struct alert_request made = {.body = STRBUF_INIT};
	AUTO_HTTP_RESPONSE(response);
	const struct alert_settings *settings = receiver->settings;
	if (limited(receiver, err))
		return ALERT_SPOOLED;
	if (!receiver->kind->request(receiver, kept, &made, err))
		return ALERT_REJECTED;
	struct http_request request = {
		.method = "POST",
		.url = made.url,
		.headers = &made.headers,
		.body = made.body.buf,
		.body_length = made.body.len,
		.timeout_ms = settings->timeout_ms ? settings->timeout_ms : DEFAULT_TIMEOUT_MS,
	};
	bool whole = http_send(&request, &response, err);
	*status = response.status;
	if (!whole && response.status < ANSWERED)
		return ALERT_SPOOLED;
	/* Half an answer is an answer: the message may be stored, a second one would double it. */
	err_release(err);
	keep_limits(receiver, &response);
	return judge_answer(receiver, &response, err) ? ALERT_SENT : ALERT_REJECTED;
}

/* Tries a message in hand, and removes it unless it has to wait. */
static enum alert_outcome deliver(const struct alert_receiver *receiver,
	struct alert_spool_entry *entry, int *status, struct err *err)
{
	AUTO_ERR(why);
	enum alert_outcome outcome = try_once(receiver, entry->kept, status, err);
	bool waits = outcome == ALERT_SPOOLED;
	if (!waits && entry->path && !alert_spool_remove(entry, &why))
		log_warn(receiver->settings->log, "alert_spool", NULL, "%s", why.msg);
	if (waits && !entry->path)
		return ALERT_FAILED;
	return outcome;
}

/* A spool that cannot be written keeps no alert from being tried. */
static void put_first(const struct alert_settings *settings, struct alert_spool_entry *entry)
{
	AUTO_ERR(why);
	AUTO_FREE char *directory = spool_directory(settings);
	if (!alert_spool_put(directory, entry, &why))
		log_warn(settings->log, "alert_spool", NULL,
			"the alert cannot wait in the spool: %s", why.msg);
	alert_spool_trim(directory, settings->log);
}

static void send_to(const struct alert_settings *settings, const char *name,
	const struct alert_message *message, struct alert_result *result)
{
	CLEANUP(alert_receiver_close_auto) struct alert_receiver *receiver = NULL;
	AUTO_ALERT_SPOOL_ENTRY(entry);
	if (!alert_receiver_open(settings, name, &receiver, &result->why))
		return;
	entry.receiver = xstrdup(name);
	entry.id = clock_random_hex(EVENT_ID_BYTES);
	entry.kept = receiver->kind->encode(receiver, message, entry.id);
	result->id = xstrdup(entry.id);
	put_first(settings, &entry);
	result->outcome = deliver(receiver, &entry, &result->status, &result->why);
}

/* --- what waits --------------------------------------------------------------------------------
 */

/* A walk through the spool: one receiver is open at a time. */
struct drain {
	const struct alert_settings *settings;
	struct alert_receiver *receiver;
	struct strvec silent; /* receivers that are not tried again in this walk */
	struct alert_flushed *flushed;
	struct err *first; /* why something stays; may be NULL */
	int64_t end_ms; /* monotonic; 0: no hurry */
};

static void give_up(struct drain *drain, const char *receiver, struct err *why)
{
	strvec_push(&drain->silent, receiver);
	drain->flushed->kept++;
	if (drain->first && drain->first->code == ERR_NONE)
		err_move(drain->first, why);
}

static bool open_for(struct drain *drain, const char *name, struct err *err)
{
	if (drain->receiver && str_equal(drain->receiver->name, name))
		return true;
	alert_receiver_close(xtake(&drain->receiver));
	return alert_receiver_open(drain->settings, name, &drain->receiver, err);
}

static void count(struct drain *drain, const struct alert_spool_entry *entry,
	enum alert_outcome outcome, struct err *why)
{
	if (outcome == ALERT_SENT) {
		drain->flushed->sent++;
		log_info(drain->settings->log, "alert_sent",
			json_pack("{s:s, s:s}", "receiver", entry->receiver, "id", entry->id),
			"sent an alert that waited for %s", entry->receiver);
	} else if (outcome == ALERT_REJECTED) {
		drain->flushed->rejected++;
		log_warn(drain->settings->log, "alert_rejected", NULL, "%s", why->msg);
	} else {
		give_up(drain, entry->receiver, why);
	}
}

/* A damaged file would stand in the way for ever; one that cannot be read stays. */
static void not_taken(struct drain *drain, struct alert_spool_entry *entry, const struct err *why)
{
	AUTO_ERR(problem);
	log_warn(drain->settings->log, "alert_spool", NULL, "%s", why->msg);
	if (why->code == ERR_CORRUPT && alert_spool_remove(entry, &problem)) {
		drain->flushed->rejected++;
		return;
	}
	drain->flushed->kept++;
}

/* True when a request was made. */
static bool drain_one(struct drain *drain, const char *directory, const char *name)
{
	AUTO_ALERT_SPOOL_ENTRY(entry);
	AUTO_ERR(why);
	int status = 0;
	if (!alert_spool_take(directory, name, &entry, &why)) {
		not_taken(drain, &entry, &why);
		return false;
	}
	if (!entry.kept)
		return false;
	if (strvec_has(&drain->silent, entry.receiver)) {
		drain->flushed->kept++;
		return false;
	}
	if (!open_for(drain, entry.receiver, &why)) {
		give_up(drain, entry.receiver, &why);
		return false;
	}
	count(drain, &entry, deliver(drain->receiver, &entry, &status, &why), &why);
	return true;
}

static void drain_all(struct drain *drain)
{
	AUTO_STRVEC(names);
	AUTO_ERR(why);
	AUTO_FREE char *directory = spool_directory(drain->settings);
	alert_spool_trim(directory, drain->settings->log);
	if (!alert_spool_list(directory, &names, &why))
		log_warn(drain->settings->log, "alert_spool", NULL, "%s", why.msg);
	bool asked = false;
	STRVEC_EACH (&names, name) {
		if (drain->end_ms && clock_monotonic_ms() > drain->end_ms)
			break;
		if (asked)
			clock_sleep_ms(PAUSE_MS);
		asked = drain_one(drain, directory, name);
	}
	alert_receiver_close(drain->receiver);
	strvec_release(&drain->silent);
}

/* --- the room's door ---------------------------------------------------------------------------
 */

bool alert_send(const struct alert_settings *settings, const struct strvec *receivers,
	const struct alert_message *message, struct alert_results *results, struct err *err)
{
	struct alert_flushed flushed = {0};
	struct drain drain = {.settings = settings, .flushed = &flushed};
	if (!message->title || !message->title[0])
		return err_set(err, ERR_USAGE, "an alert needs a title");
	if (!receivers->count)
		return err_set(err, ERR_CONFIG, "no receiver to alert");
	STRVEC_EACH (receivers, name) {
		struct alert_result *result = add_result(results, name);
		send_to(settings, name, message, result);
		if (result->outcome != ALERT_SENT && result->outcome != ALERT_REJECTED)
			strvec_push(&drain.silent, name);
	}
	drain.end_ms = clock_monotonic_ms() + DRAIN_MS;
	drain_all(&drain);
	return true;
}

bool alert_flush(
	const struct alert_settings *settings, struct alert_flushed *flushed, struct err *err)
{
	struct drain drain = {.settings = settings, .flushed = flushed, .first = err};
	drain_all(&drain);
	return err->code == ERR_NONE;
}
