/*
 * Several statements in one round trip, the first of which fails only when all is committed:
 *
 *	pipeline CONNINFO SQL..		"sent N: worked|failed ..", then "after: worked|failed"
 */
#include "db/db.h"

static const char *word(bool good)
{
	return good ? "worked" : "failed";
}

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct db_call calls[8] = {{0}};
	struct db_params params = {.conninfo = argc > 2 ? argv[1] : ""};
	size_t count = 0, done = 0;
	for (int i = 2; i < argc && count < ARRAY_SIZE(calls); i++)
		calls[count++].sql = argv[i];
	if (!db_open(&params, &db, &err))
		return 1;
	bool good = db_pipeline(db, calls, count, &done, &err);
	printf("together: %s, %zu done\n", word(good), done);
	db_calls_release(calls, count);
	printf("after: %s\n", word(db_exec(db, &err, "select 1")));
	good = db_pipeline_each(db, calls, count, &err);
	printf("each: %s:", word(good));
	for (size_t i = 0; good && i < count; i++)
		printf(" %s", word(db_call_worked(&calls[i])));
	db_calls_release(calls, count);
	printf("\nafter: %s\n", word(db_exec(db, &err, "select 1")));
	return 0;
}
