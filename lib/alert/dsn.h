/*
 * A Sentry DSN: {scheme}://{public}[:{secret}]@{host}[:{port}]{/path}/{project}. Pure.
 * The secret part is old and ignored. Errors never show the DSN.
 */
#ifndef ALERT_DSN_H
#define ALERT_DSN_H

#include "base/err.h"

struct alert_dsn {
	char *key; /* the public key */
	char *url; /* where envelopes go: "https://host[:port][/path]/api/{project}/envelope/" */
};

MUST_CHECK bool alert_dsn_parse(const char *text, struct alert_dsn *dsn, struct err *err);
void alert_dsn_release(struct alert_dsn *dsn);

#endif
