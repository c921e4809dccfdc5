/* handover LIVE COPY: what the swap does with the maintenance row before it renames. */
#include "maint/maint.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	CLEANUP(db_close_auto) struct db *live = NULL;
	CLEANUP(db_close_auto) struct db *copy = NULL;
	if (argc != 3)
		return 2;
	struct db_params from = {.dbname = argv[1]};
	struct db_params to = {.dbname = argv[2]};
	if (db_open(&from, &live, &err) && db_open(&to, &copy, &err) &&
		maint_hand_over(live, copy, &err))
		return 0;
	fprintf(stderr, "%s\n", err.msg);
	return err_exit_status(&err);
}
