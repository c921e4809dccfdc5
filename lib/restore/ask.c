#include "backup/catalog.h"
#include "foreign/probe.h"
#include "restore/verbs.h"
#include "schema/roles.h"

#include <sys/stat.h>

#define JOBS_MAX 64

struct rule {
	bool holds;
	const char *message;
};

static bool all_hold(const struct rule *rules, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!rules[i].holds)
			return err_set(err, ERR_USAGE, "%s", rules[i].message);
	return true;
}

static bool check_together(const struct restore_ask *ask, struct err *err)
{
	const struct rule rules[] = {
		{!(ask->to_db && ask->swap), "--to-db and --swap exclude each other"},
		{!ask->proof || ask->swap, "--proof goes with --swap"},
		{!(ask->no_proof && ask->swap), "--no-proof and --swap exclude each other"},
		{!ask->tables.count == !ask->into_schema, "--table and --into-schema go together"},
		{!ask->tables.count || !(ask->to_db || ask->swap || ask->no_proof),
			"--table goes with neither --to-db nor --swap nor --no-proof"},
		{!ask->in_place || !(ask->to_db || ask->swap || ask->tables.count || ask->proof),
			"--in-place goes with neither --to-db nor --swap, --proof nor --table"},
		{!ask->in_place || !ask->no_proof, "--in-place is always proved"},
		{!ask->in_place || ask->jobs <= 1,
			"--in-place is one session in one transaction: there is no --jobs"},
		{!(ask->schema_only && ask->data_only),
			"--schema-only and --data-only exclude each other"},
		{!ask->data_only || ask->to_db,
			"--data-only needs --to-db: a database that has the tables, empty"},
		{!ask->data_only || !(ask->no_proof || ask->keep_failed || ask->jobs > 1),
			"--data-only is one transaction, and always proved"},
		{!(ask->schema_only || ask->data_only) ||
				!(ask->swap || ask->in_place || ask->tables.count),
			"--schema-only and --data-only go with neither --swap, --in-place nor "
			"--table"},
		{!ask->resume || !(ask->schema_only || ask->data_only || ask->in_place ||
					 ask->tables.count),
			"--resume goes on with a whole copy alone"},
		{!ask->export_lost || ask->dry_run || ask->swap || ask->in_place,
			"--export-lost goes with what takes the live state away: -n, --swap or "
			"--in-place"},
		{!ask->allow_unpopulated || !(ask->in_place || ask->schema_only || ask->data_only ||
						    ask->tables.count),
			"--allow-unpopulated goes with a whole restore beside the live database"},
		{ask->jobs >= 0 && ask->jobs <= JOBS_MAX, "--jobs takes 1 to 64"},
	};
	return all_hold(rules, ARRAY_SIZE(rules), err) && schema_roles_check(&ask->role_map, err);
}

bool restore_ask_check_dump(const struct restore_ask *ask, struct err *err)
{
	const struct rule rules[] = {
		{!ask->proof,
			"--proof vouches for the restore point of a run: no run puts the copy of a "
			"dump in place"},
		{!ask->in_place, "--in-place needs a proof, and a dump has none"},
		{!ask->resume,
			"--resume needs hashes to know what a copy has, and a dump has none"},
		{!ask->tables.count,
			"--table needs a manifest, and a dump has none: load all of it, with "
			"--to-db"},
		{!ask->data_only && !ask->schema_only,
			"--schema-only and --data-only need a manifest, and a dump has none: take "
			"such a dump"},
		{!ask->export_lost || (ask->swap && !ask->dry_run),
			"--export-lost needs what is in the dump: load it, then mig-restore swap "
			"COPY -n --export-lost DIR"},
		{!ask->allow_unpopulated, "--allow-unpopulated is not for dumps: their views are "
					  "filled by pg_restore"},
	};
	return all_hold(rules, ARRAY_SIZE(rules), err);
}

/* What is no file or folder, as a pipe, can be read only once. */
static bool can_look(const char *path)
{
	struct stat status;
	return stat(path, &status) || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

static bool check_file(const struct restore_ask *ask, const char *path, struct err *err)
{
	CLEANUP(foreign_dump_release) struct foreign_dump dump = {0};
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	const struct backup_found found = {.path = (char *)path};
	if (!foreign_probe(path, &dump, err))
		return false;
	return dump.form ? restore_ask_check_dump(ask, err)
			 : backup_open_found(&found, NULL, &reader, NULL, err);
}

bool restore_ask_check(const struct restore_ask *ask, struct err *err)
{
	AUTO_FREE char *path = backup_find_path(ask->operands->items[0]);
	return check_together(ask, err) && (!path || !can_look(path) || check_file(ask, path, err));
}
