/*
 * The transport limit of a logical backup: N connections that COPY tables TO STDOUT, read by libpq
 * and thrown away. Tables on stdin, one a line, largest first; prints the bytes received.
 *
 *	copy_discard CONNINFO N < tables
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *conninfo;
static int64_t total;
static bool failed;

/* The next table, or NULL; caller owns. */
static char *next_table(void)
{
	char line[1024];
	pthread_mutex_lock(&lock);
	char *table = fgets(line, sizeof line, stdin) ? xstrdup(line) : NULL;
	pthread_mutex_unlock(&lock);
	if (table)
		table[strcspn(table, "\n")] = '\0';
	return table;
}

static int64_t copy_table(PGconn *pg, const char *table)
{
	AUTO_FREE char *sql = xstrfmt("copy %s to stdout", table);
	int64_t bytes = 0;
	char *row;
	PQclear(PQexec(pg, sql));
	for (int length; (length = PQgetCopyData(pg, &row, 0)) > 0; PQfreemem(row))
		bytes += length;
	for (PGresult *result; (result = PQgetResult(pg)); PQclear(result))
		failed |= PQresultStatus(result) != PGRES_COMMAND_OK;
	return bytes;
}

static void *work(void *unused)
{
	(void)unused;
	PGconn *pg = PQconnectdb(conninfo);
	if (PQstatus(pg) != CONNECTION_OK) {
		fprintf(stderr, "%s", PQerrorMessage(pg));
		failed = true;
	}
	for (char *table; !failed && (table = next_table()); free(table)) {
		int64_t bytes = copy_table(pg, table);
		pthread_mutex_lock(&lock);
		total += bytes;
		pthread_mutex_unlock(&lock);
	}
	PQfinish(pg);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[16];
	int count = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (count < 1 || count > 16) {
		fprintf(stderr, "usage: copy_discard CONNINFO N < tables\n");
		return 2;
	}
	conninfo = argv[1];
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%" PRId64 "\n", total);
	return failed;
}
