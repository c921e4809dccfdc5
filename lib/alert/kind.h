/*
 * A kind of receiver is one file and one row in the table of receiver.c. It says what it is
 * configured with, what is kept of a message, and how the kept text is sent.
 */
#ifndef ALERT_KIND_H
#define ALERT_KIND_H

#include "alert/alert.h"
#include "alert/limits.h"
#include "net/http.h"

struct alert_receiver;

/* A request in the making; owns its parts. */
struct alert_request {
	char *url;
	struct strvec headers;
	struct strbuf body;
};

struct alert_kind {
	const char *name; /* the key under `alerts:`, or the value of `kind:` */
	const char *meaning;
	const struct conf_field *fields;
	size_t field_count;
	size_t config_size;
	const char *limit_category; /* of the rate limits that concern it */
	/* Resolves secrets and looks at them. */
	bool (*open)(struct alert_receiver *receiver, struct err *err);
	/* What is kept of a message: no secret, no time of sending. New reference. */
	json_t *(*encode)(const struct alert_receiver *receiver,
		const struct alert_message *message, const char *id);
	/* The request for what was kept. */
	bool (*request)(const struct alert_receiver *receiver, const json_t *kept,
		struct alert_request *request, struct err *err);
	/* May be NULL: silence that an answer asks for. */
	void (*read_limits)(
		const struct http_response *response, int64_t now_ms, struct alert_limits *limits);
	/* Frees what open() made. */
	void (*close)(void *config);
};

extern const struct alert_kind alert_kind_sentry;

struct alert_receiver {
	const struct alert_kind *kind;
	char *name;
	const struct alert_settings *settings;
	void *config; /* read by the kind's fields */
};

/* ERR_CONFIG: no such receiver, an unknown kind, a wrong address. */
MUST_CHECK bool alert_receiver_open(const struct alert_settings *settings, const char *name,
	struct alert_receiver **receiver, struct err *err);
void alert_receiver_close(struct alert_receiver *receiver);
DEFINE_AUTO(struct alert_receiver, alert_receiver_close)

#endif
