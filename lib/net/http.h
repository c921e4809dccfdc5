/*
 * One HTTP request (libcurl): for checks, alerts and the maintenance provider `http`. TLS is always
 * verified, redirects are not followed, the body is cut at a limit, nothing comes from proxies of
 * the environment.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

struct http_request {
	const char *method; /* "GET" */
	const char *url; /* http or https */
	const struct strvec *headers; /* "Name: value"; no CR or LF */
	const void *body;
	size_t body_length;
	int64_t timeout_ms; /* whole request; 0: 10 s */
	size_t body_limit; /* 0: 1 MiB */
};

struct http_response {
	int status;
	struct strbuf body;
	struct strvec headers; /* "name: value", names in lower case */
	int64_t took_ms;
	bool cut; /* the body was longer than the limit */
};

/* Any HTTP answer is success; no answer is ERR_STORAGE (unreachable) or ERR_TIMEOUT. */
MUST_CHECK bool http_send(
	const struct http_request *request, struct http_response *response, struct err *err);
void http_response_release(struct http_response *response);
/* NULL when absent. */
const char *http_header(const struct http_response *response, const char *lower_case_name);
/* libcurl and libssh2 versions, for doctor. */
const char *net_versions(void);

#endif
