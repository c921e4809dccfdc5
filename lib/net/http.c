#include "net/http.h"

#include "base/clock.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>

enum {
	DEFAULT_TIMEOUT_MS = 10000,
	DEFAULT_BODY_LIMIT = 1 << 20,
	HEADERS_MAX = 256,
};

DEFINE_AUTO(CURL, curl_easy_cleanup)
DEFINE_AUTO(struct curl_slist, curl_slist_free_all)
DEFINE_AUTO(CURLU, curl_url_cleanup)

/* What the callbacks of one transfer need. */
struct transfer {
	const struct http_request *request;
	struct http_response *response;
	size_t body_limit;
	bool cancelled;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_response_release(struct http_response *response)
{
	strbuf_release(&response->body);
	strvec_release(&response->headers);
	*response = (struct http_response){.body = STRBUF_INIT};
}

const char *http_header(const struct http_response *response, const char *lower_case_name)
{
	size_t length = strlen(lower_case_name);
	STRVEC_EACH (&response->headers, line)
		if (str_starts(line, lower_case_name) && line[length] == ':')
			return line + length + 1 + (line[length + 1] == ' ');
	return NULL;
}

char *http_url_shown(const char *url)
{
	CLEANUP(curl_url_cleanup_auto) CURLU *parts = curl_url();
	static const CURLUPart hidden[] = {
		CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT};
	if (!parts || curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME))
		return xstrdup("(not a URL)");
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		curl_url_set(parts, hidden[i], NULL, 0);
	char *text = NULL;
	if (curl_url_get(parts, CURLUPART_URL, &text, 0))
		return xstrdup("(not a URL)");
	char *shown = xstrdup(text);
	curl_free(text);
	return shown;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct transfer *transfer = ctx;
	struct strbuf *body = &transfer->response->body;
	size_t length = size * count;
	size_t room = transfer->body_limit - body->len;
	if (length > room) {
		strbuf_add(body, bytes, room);
		transfer->response->cut = true;
		return 0; /* ends the transfer with CURLE_WRITE_ERROR */
	}
	strbuf_add(body, bytes, length);
	return length;
}

static void add_header(struct strvec *headers, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	if (!colon || headers->count >= HEADERS_MAX)
		return;
	char *copy = xstrndup(line, length);
	for (char *c = copy; *c && *c != ':'; c++)
		*c = (char)tolower((unsigned char)*c);
	strvec_push_take(headers, copy);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct transfer *transfer = ctx;
	struct http_response *response = transfer->response;
	size_t length = size * count;
	size_t shown = length;
	while (shown > 0 && isspace((unsigned char)bytes[shown - 1]))
		shown--;
	/* An interim answer (100, 103) is followed by a new status line. */
	if (shown > 5 && strncmp(bytes, "HTTP/", 5) == 0)
		strvec_release(&response->headers);
	else
		add_header(&response->headers, bytes, shown);
	return length;
}

static int ask_cancelled(
	void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void)down_total, (void)down, (void)up_total, (void)up;
	struct transfer *transfer = ctx;
	const struct http_request *request = transfer->request;
	transfer->cancelled = request->cancelled && request->cancelled(request->ctx);
	return transfer->cancelled;
}

static bool make_headers(
	const struct http_request *request, struct curl_slist **headers, struct err *err)
{
	/* A blank Expect saves up to a second that servers may take to answer 100. */
	*headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; request->headers && i < request->headers->count; i++) {
		const char *line = request->headers->items[i];
		if (strpbrk(line, "\r\n")) {
			return err_set(err, ERR_CONFIG, "a header holds a line break: %.*s",
				(int)strcspn(line, ":\r\n"), line);
		}
		*headers = curl_slist_append(*headers, line);
	}
	return true;
}

static void set_body(CURL *curl, const struct http_request *request, const char *method)
{
	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
		return;
	}
	if (request->body || strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		curl_easy_setopt(
			curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_options(CURL *curl, const struct http_request *request, struct transfer *transfer,
	struct curl_slist *headers, char *problem)
{
	int64_t timeout = request->timeout_ms ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "mig");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_cancelled);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
}

static bool report(const struct http_request *request, const struct transfer *transfer,
	CURLcode result, const char *problem, struct err *err)
{
	AUTO_FREE char *shown = http_url_shown(request->url);
	const char *method = request->method ? request->method : "GET";
	if (transfer->cancelled)
		return err_set(err, ERR_SIGNAL, "interrupted: %s %s", method, shown);
	enum err_code code = ERR_STORAGE;
	if (result == CURLE_OPERATION_TIMEDOUT)
		code = ERR_TIMEOUT;
	else if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
		code = ERR_CONFIG;
	err_set(err, code, "%s %s: %s", method, shown, curl_easy_strerror(result));
	return problem[0] ? err_detail(err, "%s", problem) : false;
}

bool http_send(const struct http_request *request, struct http_response *response, struct err *err)
{
	*response = (struct http_response){.body = STRBUF_INIT};
	pthread_once(&curl_once, start_curl);
	struct transfer transfer = {request, response,
		request->body_limit ? request->body_limit : DEFAULT_BODY_LIMIT, false};
	CLEANUP(curl_slist_free_all_auto) struct curl_slist *headers = NULL;
	CLEANUP(curl_easy_cleanup_auto) CURL *curl = curl_easy_init();
	char problem[CURL_ERROR_SIZE] = "";
	if (!curl)
		return err_set(err, ERR_FAILED, "libcurl could not be started");
	if (!make_headers(request, &headers, err))
		return false;
	set_options(curl, request, &transfer, headers, problem);
	set_body(curl, request, request->method ? request->method : "GET");
	int64_t start = clock_monotonic_ms();
	CURLcode result = curl_easy_perform(curl);
	response->took_ms = clock_monotonic_ms() - start;
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	if (result == CURLE_OK || (result == CURLE_WRITE_ERROR && response->cut))
		return true;
	return report(request, &transfer, result, problem, err);
}
