/*
 * A client that never stops ordering: POSTs orders to the shop until it is told to stop (TERM), and
 * writes down what it was answered, one line per request:
 *
 *	<sent, ms since 1970> <answered, ms> <HTTP status, 0: no answer> <order id or -> <reference>
 *
 * An order is acknowledged when its line says 201. References never repeat, so that an id given
 * twice (a sequence set back by a restore) cannot pass for the same order.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CUSTOMERS 1000 /* the loader makes at least so many, ids from 1 */
#define PRODUCTS 100

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct reply {
	char text[4096];
	size_t length;
};

static size_t on_body(char *bytes, size_t one, size_t count, void *ctx)
{
	struct reply *reply = ctx;
	size_t room = sizeof(reply->text) - reply->length, length = one * count;

	memcpy(reply->text + reply->length, bytes, length < room ? length : room);
	reply->length += length < room ? length : room;
	return length;
}

static char *make_order(const char *reference, unsigned *seed)
{
	json_t *items = json_array(), *order;
	int lines = 1 + rand_r(seed) % 3;
	char *text;

	for (int i = 0; i < lines; i++)
		json_array_append_new(
			items, json_pack("{s:i, s:i}", "product", 1 + rand_r(seed) % PRODUCTS,
				       "quantity", 1 + rand_r(seed) % 4));
	order = json_pack("{s:s, s:i, s:o}", "reference", reference, "customer",
		1 + rand_r(seed) % CUSTOMERS, "items", items);
	text = json_dumps(order, JSON_COMPACT);
	json_decref(order);
	return text;
}

/* The id of an acknowledged order; the shop sends it as text. */
static void read_id(const struct reply *reply, char *id, size_t size)
{
	json_t *answer = json_loadb(reply->text, reply->length, 0, NULL);
	const char *text = json_string_value(json_object_get(answer, "id"));

	snprintf(id, size, "%s", text ? text : "-");
	json_decref(answer);
}

static long post(CURL *curl, const char *body, struct reply *reply)
{
	long status = 0;

	reply->length = 0;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	/* A torn answer is no acknowledgement. */
	if (curl_easy_perform(curl) != CURLE_OK)
		return 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static CURL *prepare(const char *url, struct curl_slist *headers)
{
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 15000L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	return curl;
}

static void write_orders(CURL *curl, FILE *log, useconds_t pause)
{
	unsigned seed = (unsigned)getpid();

	for (uint64_t number = 1; !stopping; number++) {
		char reference[64], id[32] = "-";
		struct reply reply;
		char *body;
		int64_t sent;
		long status;

		sent = now_ms();
		snprintf(reference, sizeof(reference), "w%ld-%" PRId64 "-%" PRIu64, (long)getpid(),
			sent, number);
		body = make_order(reference, &seed);
		status = post(curl, body, &reply);
		if (status == 201)
			read_id(&reply, id, sizeof(id));
		fprintf(log, "%" PRId64 " %" PRId64 " %ld %s %s\n", sent, now_ms(), status, id,
			reference);
		fflush(log);
		free(body);
		usleep(pause);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct curl_slist *headers;
	char *end = NULL;
	long pause_ms = argc == 4 ? strtol(argv[3], &end, 10) : 0;
	CURL *curl;
	FILE *log;

	if (argc != 4 || *end || pause_ms < 0 || pause_ms > 10000) {
		fprintf(stderr, "usage: writer URL LOGFILE PAUSE_MS\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	log = fopen(argv[2], "ae");
	if (!log) {
		perror(argv[2]);
		return 1;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl = prepare(argv[1], headers);
	write_orders(curl, log, (useconds_t)pause_ms * 1000);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	return fclose(log) == 0 ? 0 : 1;
}
