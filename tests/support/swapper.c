/*
 * swapper COPY PROOF SQL: swaps COPY in by proof, as mig-restore does inside a run, and runs SQL in
 * the live database at the worst moment: after the second reading, before the lock. Once.
 */
#include "copies/copies.h"
#include "swap/swap.h"

#include <stdio.h>

static const char *sql;

static void write_late(struct log_sink *sink, enum log_level level, const char *event,
	json_t *fields, const char *text)
{
	(void)sink, (void)level, (void)fields, (void)text;
	if (!sql || !str_equal(event, "writes_stopped"))
		return;
	PGconn *pg = PQconnectdb("application_name=late");
	PQclear(PQexec(pg, sql));
	PQfinish(pg);
	sql = NULL;
}

static bool swap(const char *copy, const char *proof, struct err *err)
{
	struct log_sink sink = {.emit = write_late};
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	CLEANUP(db_close_auto) struct db *server = NULL;
	CLEANUP(swap_outcome_release) struct swap_outcome outcome = {0};
	struct db_params params = {.dbname = "postgres"};
	struct keys_request request = {
		.mode = KEYS_RUN, .mig_run = getenv("MIG_RUN"), .program = "mig-restore"};
	struct swap_settings settings = {.state_dir = getenv("STATE"),
		.live = getenv("PGDATABASE"),
		.copy = copy,
		.proof = proof,
		.target = {.application_name = "mig-restore"},
		.log = &sink};
	if (!keys_take(&request, &keys, err) || !db_open(&params, &server, err) ||
		!copies_oid(server, copy, &settings.copy_oid, err))
		return false;
	settings.keys = keys;
	settings.run = keys->run_id;
	return swap_databases(&settings, &outcome, err);
}

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	if (argc != 4)
		return 2;
	sql = argv[3];
	if (swap(argv[1], argv[2], &err)) {
		puts("swapped");
		return 0;
	}
	printf("%s: %s\n", err.msg, err.detail ? err.detail : "");
	return err_exit_status(&err);
}
