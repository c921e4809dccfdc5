/*
 * Alerts: a message to the receivers of an environment (`alerts:` in mig.yaml). See docs/alerts.md.
 *
 * Every message is written into <state_dir>/spool first (0600), then tried for at most 10 s. Any
 * HTTP answer removes it; without an answer it stays and goes with the next alert, or with
 * alert_flush(). A receiver that asked for silence is left alone until then. At most 50 messages
 * wait, none longer than 7 days.
 */
#ifndef ALERT_ALERT_H
#define ALERT_ALERT_H

#include "base/log.h"
#include "conf/config.h"

enum alert_level { ALERT_FATAL, ALERT_ERROR, ALERT_WARNING, ALERT_INFO, ALERT_DEBUG };
const char *alert_level_word(enum alert_level level);
MUST_CHECK bool alert_level_parse(const char *word, enum alert_level *level, struct err *err);

/* Something that happened before; borrowed strings. */
struct alert_breadcrumb {
	int64_t at_ms;
	enum alert_level level;
	const char *category; /* "mig.step" */
	const char *message;
};

/* Borrowed strings. Whatever does not fit a receiver's limits is cleaned and cut, never refused. */
struct alert_message {
	enum alert_level level;
	const char *title; /* one line */
	const char *body; /* may be NULL */
	const struct strvec *tags; /* "key=value"; may be NULL */
	const char *release; /* may be NULL */
	const char *transaction; /* "deploy/smoke"; may be NULL */
	const struct strvec *fingerprint; /* what makes two alerts the same issue; may be NULL */
	const struct alert_breadcrumb *breadcrumbs;
	size_t breadcrumb_count;
	const char *logger; /* the program: "mig-alert" */
	const char *server; /* host name; may be NULL */
};

struct alert_settings {
	const struct conf_env *env;
	const char *version; /* of mig, for the client name */
	int64_t timeout_ms; /* per try; 0: 10 s */
	struct log_sink *log;
};

enum alert_outcome {
	ALERT_SENT, /* taken by the receiver */
	ALERT_SPOOLED, /* waits: no answer, or silence asked for */
	ALERT_REJECTED, /* the receiver answered no: gone */
	ALERT_FAILED /* neither sent nor kept, or not configured */
};
const char *alert_outcome_word(enum alert_outcome outcome);

struct alert_result {
	char *receiver;
	enum alert_outcome outcome;
	char *id; /* of the message; may be NULL */
	int status; /* HTTP, 0: none */
	struct err why; /* for everything but sent */
};
struct alert_results {
	struct alert_result *items;
	size_t count, alloc;
};
void alert_results_release(struct alert_results *results);
/* {"receivers": [{"receiver", "outcome", "id", "status", "error"}..]} */
json_t *alert_results_json(const struct alert_results *results);
#define AUTO_ALERT_RESULTS(name) CLEANUP(alert_results_release) struct alert_results name = {0}

/*
 * One message to each of the receivers (names under `alerts:`), then what else waits in the spool.
 * One receiver's failure keeps no other from its message: look at the results. False only when
 * there is nothing to send to (ERR_CONFIG) or the level or title is missing.
 */
MUST_CHECK bool alert_send(const struct alert_settings *settings, const struct strvec *receivers,
	const struct alert_message *message, struct alert_results *results, struct err *err);

/* Would they take a message? Looks at names, kinds and addresses, and asks nobody. ERR_CONFIG. */
MUST_CHECK bool alert_receivers_check(
	const struct alert_settings *settings, const struct strvec *receivers, struct err *err);

struct alert_flushed {
	int sent, rejected, kept;
};
/* Tries whatever waits. ERR_STORAGE or ERR_TIMEOUT when a receiver cannot be reached. */
MUST_CHECK bool alert_flush(
	const struct alert_settings *settings, struct alert_flushed *flushed, struct err *err);

/* Names under `alerts:`, in file order. */
void alert_receiver_names(const struct conf_env *env, struct strvec *names);
/* Kinds of receivers, for help: name and meaning, NULL-ended pairs. */
const char *const *alert_kind_words(void);

#endif
