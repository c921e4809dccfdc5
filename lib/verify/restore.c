#include "verify/restore.h"

#include "base/clock.h"
#include "base/parallel.h"
#include "copies/intent.h"
#include "restore/restore.h"

/* Sessions are named "mig-verify <run>": so a living verification is told from a dead one. */
#define PROGRAM "mig-verify"

struct proving {
	const struct verify_restore *settings;
	struct db *server; /* in `postgres`, as long as this lives */
	char *run, *name; /* id; name of the session */
	struct copies_place place;
};

static void proving_release(struct proving *proving)
{
	db_close(proving->server);
	free(proving->run);
	free(proving->name);
}

void verify_restored_release(struct verify_restored *restored)
{
	free(restored->server);
	*restored = (struct verify_restored){0};
}

static bool begin(struct proving *proving, const struct verify_restore *settings, struct err *err)
{
	proving->settings = settings;
	proving->run = clock_new_id();
	proving->name = xstrfmt(PROGRAM " %s", proving->run);
	struct db_params params = settings->target;
	params.dbname = "postgres";
	params.application_name = proving->name;
	/* it also removes the scratch database when everything else was asked to stop */
	params.stop = NULL;
	if (!db_open(&params, &proving->server, err))
		return err_context(err, "scratch databases are made from database \"postgres\"");
	proving->place = (struct copies_place){
		.server = proving->server,
		.state_dir = settings->state_dir,
		.live = settings->live,
		.run = proving->run,
		.log = settings->log,
	};
	return true;
}

/* --- what dead ones left ---------------------------------------------------------------------- */

/* Before its mark is set, a scratch database may be that of any verification. */
static bool is_left(
	struct proving *proving, const struct copies_item *item, bool *left, struct err *err)
{
	AUTO_FREE char *living = NULL;
	*left = item->purpose == DB_SCRATCH && item->marked &&
		(item->half_made || str_equal(item->mark.of, proving->settings->live));
	if (!*left)
		return true;
	if (!db_value(proving->server, &living, err,
		    "select pid from pg_stat_activity where pid <> pg_backend_pid()"
		    " and application_name like '" PROGRAM " ' || coalesce($1, '%') limit 1",
		    item->mark.run))
		return false;
	*left = !living;
	return true;
}

static bool drop_left(struct proving *proving, struct err *err)
{
	CLEANUP(copies_list_release) struct copies_list list = {0};
	if (!copies_read(&proving->place, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		bool left;
		if (!is_left(proving, &list.items[i], &left, err) ||
			(left && !copies_drop(&proving->place, &list.items[i], err)))
			return false;
		if (left)
			log_info(proving->settings->log, "scratch_removed",
				json_pack(
					"{s:o}", "database", copies_json_text(list.items[i].name)),
				"removed %s, left by a verification that died", list.items[i].name);
	}
	return true;
}

/* --- restoring -------------------------------------------------------------------------------- */

static bool drop(struct proving *proving, const char *name, struct err *err)
{
	CLEANUP(copies_list_release) struct copies_list list = {0};
	const struct copies_item *item;
	if (copies_read(&proving->place, &list, err) && copies_find(&list, name, &item, err) &&
		copies_drop(&proving->place, item, err))
		return true;
	err_context(err, "scratch database %s", name);
	return err_hint(err, "remove it: mig-restore drop %s --yes", name);
}

bool verify_restore_run(const struct verify_restore *settings, struct pack_reader *reader,
	struct verify_restored *restored, struct err *err)
{
	CLEANUP(proving_release) struct proving proving = {0};
	CLEANUP(restore_outcome_release) struct restore_outcome outcome = {0};
	if (!begin(&proving, settings, err) || !drop_left(&proving, err))
		return false;
	struct restore_settings restore = {
		.reader = reader,
		.target = settings->target,
		.state_dir = settings->state_dir,
		.live = settings->live,
		.scratch = true,
		.run = proving.run,
		.workers = parallel_workers(settings->workers),
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.log = settings->log,
	};
	restore.target.application_name = proving.name;
	if (!restore_run(&restore, &outcome, err))
		return false;
	*restored = (struct verify_restored){
		.ms = outcome.took_ms,
		.server = xstrfmt(
			"%d.%d", proving.server->version / 10000, proving.server->version % 10000),
	};
	return drop(&proving, outcome.database, err);
}
