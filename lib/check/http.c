/* Kind `http`: one request, under the environment's smoke base when its URL begins with "/". */
#include "check/kind.h"
#include "check/path.h"

#include "base/utf8.h"
#include "net/http.h"

#include <ctype.h>

static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete"};

struct http_check {
	const char *method; /* upper case */
	char *url; /* absolute, or a path under the base */
	char *body;
	const struct conf_node *header;
	struct strvec headers; /* read by ready() */
	const struct conf_node *node;
};

static const struct conf_field common_fields[] = {
	{"header", CONF_NODE, offsetof(struct http_check, header)},
	{"body", CONF_STRING, offsetof(struct http_check, body)},
};

static const struct check_subject subjects[] = {
	{"status", CHECK_NUMBER, "status of the answer; without it, any 2xx"},
	{"duration", CHECK_DURATION, "from the first byte sent to the last received"},
	{"body", CHECK_TEXT, "the body as text"},
	{"header ", CHECK_TEXT, "a header of the answer, in any case"},
	{"json ", CHECK_TEXT, "a value of a JSON body", check_path_valid},
	{0},
};

enum { STATUS, DURATION, BODY, HEADER, JSON };

static bool relative(const struct http_check *http)
{
	return http->url[0] == '/';
}

static bool absolute_url(const char *url)
{
	return (str_starts(url, "http://") && url[7]) || (str_starts(url, "https://") && url[8]);
}

static bool parse_url(const struct conf_node *node, struct http_check *http, struct err *err)
{
	if (!relative(http) && !absolute_url(http->url)) {
		conf_error(
			node, err, "\"%s\" is neither a path nor an http or https URL", http->url);
		return err_hint(err, "a path begins with \"/\": it stands under the smoke base");
	}
	if (strpbrk(http->url, " \t\r\n"))
		return conf_error(node, err, "a URL holds no white space: write %%20");
	return true;
}

/* `get: /health` and the like: exactly one key is the method, its value the URL. */
static bool parse_method(
	const struct conf_node *node, struct http_check *http, const char **key, struct err *err)
{
	static const char *const upper[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!conf_get(node, methods[i]))
			continue;
		if (http->method)
			return conf_error(node, err, "one request has one method");
		http->method = upper[i];
		*key = methods[i];
	}
	if (http->method)
		return true;
	conf_error(node, err, "http needs a method and a URL");
	return err_hint(err, "http: {get: /health}");
}

static bool check_headers(const struct conf_node *map, struct err *err)
{
	if (!conf_is(map, CONF_MAP))
		return conf_error(map, err, "header is a mapping NAME: text or secret");
	CONF_EACH (map, value) {
		struct conf_secret *secret = NULL;
		if (strpbrk(value->key, ": \t\r\n"))
			return conf_error_key(
				value, err, "\"%s\" is not the name of a header", value->key);
		bool ok = conf_secret_parse(value, &secret, err);
		conf_secret_free(secret);
		if (!ok)
			return false;
	}
	return true;
}

static bool add_header(const struct conf_node *value, struct strvec *headers, struct err *err)
{
	struct conf_secret *secret = NULL;
	AUTO_FREE char *text = NULL;
	if (conf_is(value, CONF_SCALAR)) {
		strvec_pushf(headers, "%s: %s", value->key, value->text);
		return true;
	}
	bool ok = conf_secret_parse(value, &secret, err) && conf_secret_get(secret, &text, err);
	conf_secret_free(secret);
	if (ok && strpbrk(text, "\r\n"))
		ok = conf_error(
			value, err, "the value of header %s holds a line break", value->key);
	if (ok)
		strvec_pushf(headers, "%s: %s", value->key, text);
	return ok;
}

bool check_headers_read(const struct conf_node *map, struct strvec *headers, struct err *err)
{
	if (!check_headers(map, err))
		return false;
	CONF_EACH (map, value)
		if (!add_header(value, headers, err))
			return false;
	return true;
}

static bool parse(const struct conf_node *node, struct check *check, struct err *err)
{
	struct http_check *http = check->data;
	const char *key = NULL;
	if (!conf_is(node, CONF_MAP))
		return conf_error(node, err, "http is a mapping such as {get: /health}");
	if (!parse_method(node, http, &key, err))
		return false;
	struct conf_field fields[ARRAY_SIZE(common_fields) + 1] = {
		{key, CONF_TEXT, offsetof(struct http_check, url), .required = true}};
	memcpy(fields + 1, common_fields, sizeof(common_fields));
	if (!conf_read(node, fields, ARRAY_SIZE(fields), http, err) ||
		!parse_url(conf_get(node, key), http, err))
		return false;
	http->node = node;
	if (!check->name) {
		AUTO_FREE char *shown =
			relative(http) ? xstrdup(http->url) : http_url_shown(http->url);
		check->name = xstrfmt("%s %s", http->method, shown);
	}
	return !http->header || check_headers(http->header, err);
}

/* An error page that is fast is no answer: who names no status means success. */
static bool complete(struct check *check, struct err *err)
{
	for (size_t i = 0; i < check->count; i++)
		if (check->expectations[i].subject == &subjects[STATUS])
			return true;
	struct check_expectation *implied = check_expect_add(check, &subjects[STATUS]);
	implied->name = xstrdup(subjects[STATUS].name);
	return check_test_parse_named("match", "2..", CHECK_TEXT, &implied->test, err);
}

static bool ready(const struct check *check, const struct check_round *round, struct err *err)
{
	struct http_check *http = check->data;
	if (relative(http) && (!round->base || !absolute_url(round->base))) {
		conf_error(http->node, err, "%s stands under the smoke base, and there is none",
			http->url);
		return err_hint(err,
			"give the environment smoke: {base: \"http://host:port\"}, or --base URL");
	}
	strvec_release(&http->headers);
	return !http->header || check_headers_read(http->header, &http->headers, err);
}

/* The environment's headers carry secrets: they go nowhere but under its base. */
static char *aim(
	const struct http_check *http, const struct check_round *round, struct strvec *headers)
{
	strvec_push_all(headers, &http->headers);
	if (!relative(http))
		return xstrdup(http->url);
	strvec_push_all(headers, round->headers);
	size_t length = strlen(round->base);
	while (length && round->base[length - 1] == '/')
		length--;
	return xstrfmt("%.*s%s", (int)length, round->base, http->url);
}

static const char *find_header(const struct http_response *response, const char *name)
{
	AUTO_FREE char *lower = xstrdup(name);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return http_header(response, lower);
}

static char *see_json(const char *body, const char *path, char **absent)
{
	json_error_t problem;
	json_t *root = json_loads(body, JSON_DECODE_ANY, &problem);
	if (!root) {
		*absent = xstrfmt(
			"a body that is not JSON (line %d: %s)", problem.line, problem.text);
		return NULL;
	}
	json_t *found = check_path_find(root, path);
	char *text = found ? check_path_text(found) : NULL;
	json_decref(root);
	return text;
}

static char *see(const struct check_expectation *expectation, const struct http_response *response,
	const char *body, char **absent)
{
	switch (expectation->subject - subjects) {
	case STATUS:
		return xstrfmt("%d", response->status);
	case DURATION:
		return xstrfmt("%lld", (long long)response->took_ms);
	case BODY:
		return xstrdup(body);
	case HEADER:
		return xstrdup_null(find_header(response, expectation->rest));
	default:
		return see_json(body, expectation->rest, absent);
	}
}

static bool make(const struct check *check, struct check_round *round, struct check_seen *seen,
	struct err *err)
{
	const struct http_check *http = check->data;
	AUTO_STRVEC(headers);
	AUTO_HTTP_RESPONSE(response);
	AUTO_FREE char *url = aim(http, round, &headers);
	struct http_request request = {
		.method = http->method,
		.url = url,
		.headers = &headers,
		.body = http->body,
		.body_length = http->body ? strlen(http->body) : 0,
		.timeout_ms = check->timeout_ms,
		.cancelled = round->settings->cancelled,
		.ctx = round->settings->ctx,
	};
	if (!http_send(&request, &response, err))
		return false;
	seen->excerpt = utf8_clean(response.body.buf, response.body.len);
	for (size_t i = 0; i < check->count; i++) {
		const struct check_expectation *expectation = &check->expectations[i];
		if (response.cut && expectation->subject - subjects != STATUS &&
			expectation->subject - subjects != HEADER)
			return err_set(err, ERR_FAILED,
				"%s: the body is longer than a check reads (%zu bytes)",
				check->name, response.body.len);
		seen->values[i] = see(expectation, &response, seen->excerpt, &seen->absent[i]);
	}
	return true;
}

static void release(void *data)
{
	struct http_check *http = data;
	free(http->url);
	free(http->body);
	strvec_release(&http->headers);
}

const struct check_kind check_kind_http = {
	.name = "http",
	.meaning = "one request and its answer: status, duration, headers, JSON values, body",
	.subjects = subjects,
	.data_size = sizeof(struct http_check),
	.timeout_ms = 10000,
	.concurrent = true,
	.parse = parse,
	.complete = complete,
	.ready = ready,
	.make = make,
	.release = release,
};
