/* Kind `sentry`: one event per envelope. Limits and answers as Sentry's relay has them. */
#include "alert/clean.h"
#include "alert/dsn.h"
#include "alert/kind.h"

#include "base/clock.h"
#include "base/secret.h"

enum {
	MESSAGE_MAX = 8192,
	LINE_MAX_BYTES = 200,
	CRUMB_MAX = 1024,
	CRUMBS_MAX = 100,
	TAGS_MAX = 50,
	BARE_429_MS = 60000,
};

#define CLIENT "mig.alert"

struct sentry_config {
	char *kind;
	struct conf_secret *secret;
	char *environment;
	struct alert_dsn dsn;
};

static const struct conf_field fields[] = {
	{"kind", CONF_STRING, offsetof(struct sentry_config, kind)},
	{"dsn", CONF_SECRET, offsetof(struct sentry_config, secret), .required = true},
	{"environment", CONF_STRING, offsetof(struct sentry_config, environment)},
};

static bool open_dsn(struct alert_receiver *receiver, struct err *err)
{
	struct sentry_config *config = receiver->config;
	AUTO_FREE char *text = NULL;
	if (!conf_secret_get(config->secret, &text, err))
		return false;
	if (!alert_dsn_parse(text, &config->dsn, err))
		return err_where(err, "%s", config->secret->where);
	secret_register(config->dsn.key);
	return true;
}

static void close_dsn(void *data)
{
	struct sentry_config *config = data;
	alert_dsn_release(&config->dsn);
}

/* --- what is kept: the event -------------------------------------------------------------------
 */

/* Steals text; NULL or empty leaves the key out. */
static void put(json_t *object, const char *key, char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
	free(text);
}

static void put_line(json_t *object, const char *key, const char *text)
{
	if (text)
		put(object, key, alert_clean_line(text, LINE_MAX_BYTES));
}

static char *event_message(const struct alert_message *message)
{
	AUTO_FREE char *whole = xstrfmt("%s%s%s", message->title, message->body ? "\n" : "",
		message->body ? message->body : "");
	return alert_clean_text(whole, MESSAGE_MAX);
}

static json_t *event_tags(const struct alert_receiver *receiver, const struct strvec *tags)
{
	json_t *object = json_object();
	put_line(object, "project", receiver->settings->env->project);
	for (size_t i = 0; tags && i < tags->count && i < TAGS_MAX; i++) {
		const char *equals = strchr(tags->items[i], '=');
		if (!equals)
			continue;
		AUTO_FREE char *name = xstrndup(tags->items[i], (size_t)(equals - tags->items[i]));
		AUTO_FREE char *key = alert_clean_tag_key(name);
		if (key)
			put_line(object, key, equals + 1);
	}
	return object;
}

static json_t *event_fingerprint(const struct strvec *words)
{
	json_t *list = json_array();
	for (size_t i = 0; i < words->count; i++) {
		AUTO_FREE char *word = alert_clean_line(words->items[i], LINE_MAX_BYTES);
		json_array_append_new(list, json_string(word));
	}
	return list;
}

static json_t *event_breadcrumbs(const struct alert_message *message)
{
	json_t *list = json_array();
	size_t skipped =
		message->breadcrumb_count > CRUMBS_MAX ? message->breadcrumb_count - CRUMBS_MAX : 0;
	for (size_t i = skipped; i < message->breadcrumb_count; i++) {
		const struct alert_breadcrumb *crumb = &message->breadcrumbs[i];
		AUTO_FREE char *at = clock_utc_ms(crumb->at_ms);
		json_t *object = json_pack(
			"{s:s, s:s}", "timestamp", at, "level", alert_level_word(crumb->level));
		put_line(object, "category", crumb->category);
		put(object, "message", alert_clean_text(crumb->message, CRUMB_MAX));
		json_array_append_new(list, object);
	}
	return json_pack("{s:o}", "values", list);
}

static json_t *encode(
	const struct alert_receiver *receiver, const struct alert_message *message, const char *id)
{
	const struct sentry_config *config = receiver->config;
	const struct conf_env *env = receiver->settings->env;
	AUTO_FREE char *now = clock_utc_ms(clock_now_ms());
	json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "event_id", id, "timestamp", now,
		"platform", "c", "level", alert_level_word(message->level));
	put_line(event, "logger", message->logger);
	put_line(event, "server_name", message->server);
	put_line(event, "transaction", message->transaction);
	put(event, "message", event_message(message));
	put(event, "environment",
		alert_clean_environment(config->environment ? config->environment : env->name));
	put(event, "release", message->release ? alert_clean_release(message->release) : NULL);
	json_object_set_new(event, "tags", event_tags(receiver, message->tags));
	if (message->fingerprint && message->fingerprint->count)
		json_object_set_new(event, "fingerprint", event_fingerprint(message->fingerprint));
	if (message->breadcrumb_count)
		json_object_set_new(event, "breadcrumbs", event_breadcrumbs(message));
	json_object_set_new(event, "sdk",
		json_pack("{s:s, s:s}", "name", CLIENT, "version", receiver->settings->version));
	return event;
}

/* --- how it is sent: the envelope --------------------------------------------------------------
 */

/* Adds one line and its newline. */
static void add_json_line(struct strbuf *body, json_t *object)
{
	AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
	strbuf_adds(body, text ? text : "{}");
	strbuf_addc(body, '\n');
	json_decref(object);
}

static bool make_request(const struct alert_receiver *receiver, const json_t *event,
	struct alert_request *request, struct err *err)
{
	const struct sentry_config *config = receiver->config;
	const char *version = receiver->settings->version;
	const char *id = json_string_value(json_object_get(event, "event_id"));
	AUTO_FREE char *payload = json_dumps(event, JSON_COMPACT);
	AUTO_FREE char *now = clock_utc_ms(clock_now_ms());
	if (!id || !payload)
		return err_set(
			err, ERR_CORRUPT, "what was kept of the alert is not a Sentry event");
	add_json_line(
		&request->body, json_pack("{s:s, s:s, s:{s:s, s:s}}", "event_id", id, "sent_at",
					now, "sdk", "name", CLIENT, "version", version));
	add_json_line(&request->body,
		json_pack("{s:s, s:I, s:s}", "type", "event", "length", (json_int_t)strlen(payload),
			"content_type", "application/json"));
	strbuf_addf(&request->body, "%s\n", payload);
	request->url = xstrdup(config->dsn.url);
	strvec_pushf(&request->headers,
		"X-Sentry-Auth: Sentry sentry_key=%s, sentry_version=7, sentry_client=%s/%s",
		config->dsn.key, CLIENT, version);
	strvec_push(&request->headers, "Content-Type: application/x-sentry-envelope");
	strvec_pushf(&request->headers, "User-Agent: %s/%s", CLIENT, version);
	return true;
}

/* Honoured on any status; a bare 429 means a minute. */
static void read_limits(
	const struct http_response *response, int64_t now_ms, struct alert_limits *limits)
{
	const char *header = http_header(response, "x-sentry-rate-limits");
	const char *retry = http_header(response, "retry-after");
	int64_t until = now_ms + BARE_429_MS;
	if (header) {
		alert_limits_parse(limits, header, now_ms);
	} else if (response->status == 429) {
		if (retry && !alert_limits_retry_after(retry, now_ms, &until))
			until = now_ms + BARE_429_MS;
		alert_limits_add(limits, "", until);
	}
}

const struct alert_kind alert_kind_sentry = {
	.name = "sentry",
	.meaning = "an event for Sentry, or whatever reads its envelopes: {dsn, environment}",
	.fields = fields,
	.field_count = ARRAY_SIZE(fields),
	.config_size = sizeof(struct sentry_config),
	.limit_category = "error",
	.open = open_dsn,
	.encode = encode,
	.request = make_request,
	.read_limits = read_limits,
	.close = close_dsn,
};
