/*
 * One HTTP request (libcurl): for checks, alerts and the maintenance provider `http`. TLS is always
 * verified, redirects are not followed, the body is cut at a limit, nothing comes from proxies of
 * the environment. May be called from several threads.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

struct http_request {
	const char *method; /* "GET"; NULL: GET */
	const char *url; /* http or https */
	const struct strvec *headers; /* "Name: value"; no CR or LF; may be NULL */
	const void *body;
	size_t body_length;
	int64_t timeout_ms; /* whole request; 0: 10 s */
	size_t body_limit; /* 0: 1 MiB */
	/* Asked at least every second; true ends the request with ERR_SIGNAL. May be NULL. */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

struct http_response {
	int status; /* set as soon as the status line came, also when the request then failed */
	struct strbuf body;
	struct strvec headers; /* "name: value", names in lower case, in order of arrival */
	int64_t took_ms;
	bool cut; /* the body was longer than the limit */
};
#define AUTO_HTTP_RESPONSE(name) \
	CLEANUP(http_response_release) struct http_response name = {.body = STRBUF_INIT}

/*
 * Any complete HTTP answer is success; no answer, or half of one, is ERR_STORAGE (unreachable) or
 * ERR_TIMEOUT; a URL or header that cannot be sent is ERR_CONFIG. *response is filled anew; release
 * it in both cases.
 */
MUST_CHECK bool http_send(
	const struct http_request *request, struct http_response *response, struct err *err);
void http_response_release(struct http_response *response);
/* The first of that name; NULL when absent. */
const char *http_header(const struct http_response *response, const char *lower_case_name);

/* A URL as messages may show it: without user, password and query; caller owns. */
char *http_url_shown(const char *url);

/* libcurl and libssh2 versions, for doctor. */
const char *net_versions(void);

#endif
