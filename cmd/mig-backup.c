/* mig-backup: takes snapshots of a database, and says which there are. */
#include <inttypes.h>

#include "backup/catalog.h"
#include "backup/clone.h"
#include "backup/create.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/target.h"
#include "pack/frame.h"

struct settings {
	const char *label, *to, *pg_bin;
	const char *method;
	int64_t level, jobs, lock_timeout_ms, max_offline_ms;
	bool tables;
};

/* --- create ----------------------------------------------------------------------------------- */

enum { LABEL_MAX = 200 };

static bool check_label(const char *label, struct err *err)
{
	if (!label)
		return true;
	bool plain = label[0] && strlen(label) <= LABEL_MAX;
	for (const char *c = label; *c; c++)
		plain = plain && (unsigned char)*c >= ' ';
	return plain ||
	       err_set(err, ERR_USAGE, "--label takes one line of 1 to %d bytes", LABEL_MAX);
}

static bool check_numbers(const struct settings *settings, struct err *err)
{
	if (settings->level &&
		(settings->level < PACK_LEVEL_MIN || settings->level > PACK_LEVEL_MAX))
		return err_set(
			err, ERR_USAGE, "--level takes %d to %d", PACK_LEVEL_MIN, PACK_LEVEL_MAX);
	if (settings->jobs < 0 || settings->jobs > 256)
		return err_set(err, ERR_USAGE, "--jobs takes 1 to 256");
	return true;
}

static json_t *texts(const struct strvec *list)
{
	json_t *array = json_array();
	STRVEC_EACH (list, text)
		json_array_append_new(array, json_string(text));
	return array;
}

static void print_created(struct cli *cli, const struct backup_result *result)
{
	AUTO_FREE char *size = clock_size_text(result->bytes);
	AUTO_FREE char *took = clock_duration_text(result->ms);
	if (!cli->shared.quiet)
		cli_print(cli, "snapshot %s  %s, %" PRId64 " tables, %" PRId64 " rows, %s\n%s",
			result->id, size, result->tables, result->rows, took, result->path);
	cli_result(cli,
		json_pack("{s:s, s:s?, s:s, s:I, s:I, s:I, s:f, s:o, s:o}", "snapshot", result->id,
			"store", result->store, "path", result->path, "bytes",
			(json_int_t)result->bytes, "tables", (json_int_t)result->tables, "rows",
			(json_int_t)result->rows, "seconds", (double)result->ms / 1000, "revisions",
			texts(&result->revisions), "notes", texts(&result->notes)));
}

/* The pin is looked at before anything else: is this the database that was meant? */
static bool reach_target(struct cli *cli, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	return cli_target(cli, &db, err);
}

static bool check_method(const struct settings *settings, struct err *err)
{
	bool clone = str_equal(settings->method, "clone");
	if (settings->method && !clone && !str_equal(settings->method, "dump"))
		return err_set(err, ERR_USAGE, "--method takes dump or clone");
	if (clone && (settings->label || settings->to || settings->level || settings->jobs ||
			     settings->lock_timeout_ms))
		return err_set(err, ERR_USAGE,
			"a clone is a database: it takes --max-offline, and no option of a file");
	if (!clone && settings->max_offline_ms)
		return err_set(err, ERR_USAGE, "--max-offline goes with --method clone");
	return settings->max_offline_ms >= 0 ||
	       err_set(err, ERR_USAGE, "--max-offline is not negative");
}

static bool create_clone(struct cli *cli, const struct settings *settings, struct err *err)
{
	CLEANUP(clone_result_release) struct clone_result result = {0};
	AUTO_STRVEC(lines);
	struct clone_settings how = {
		.env = cli->env,
		.target = cli_target_params(cli),
		.mig_run = cli_getenv("MIG_RUN"),
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.max_offline_ms = settings->max_offline_ms,
		.log = cli->log,
	};
	how.target.stop = cli_interrupted;
	if (!clone_create(&how, &result, err))
		return false;
	clone_result_lines(&result, &lines);
	for (size_t i = 0; i < lines.count && !cli->shared.quiet; i++)
		cli_print(cli, "%s", lines.items[i]);
	cli_result(cli, clone_result_json(&result));
	return true;
}

static bool create(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(backup_result_release) struct backup_result result = {0};
	if (!check_label(settings->label, err) || !check_numbers(settings, err) ||
		!check_method(settings, err) || !reach_target(cli, err))
		return false;
	if (str_equal(settings->method, "clone"))
		return create_clone(cli, settings, err);
	AUTO_FREE char *tool = xstrfmt("mig %s", cli_version);
	struct backup_settings how = {
		.env = cli->env,
		.target = cli_target_params(cli),
		.mig_run = cli_getenv("MIG_RUN"),
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.lock_timeout_ms = settings->lock_timeout_ms,
		.label = settings->label,
		.to = settings->to,
		.pg_bin = settings->pg_bin ? settings->pg_bin : cli_getenv("MIG_PG_BIN"),
		.level = (int)settings->level,
		.jobs = (int)settings->jobs,
		.tool = tool,
		.cancelled = cli_interrupted,
		.log = cli->log,
	};
	if (!backup_create(&how, &result, err))
		return false;
	print_created(cli, &result);
	return true;
}

static const struct cli_option create_options[] = {
	{"label", 0, CLI_STRING, offsetof(struct settings, label), "TEXT",
		"a name to find it by: label:TEXT"},
	{"to", 0, CLI_STRING, offsetof(struct settings, to), "FILE",
		"write this file instead of one in the environment's stores"},
	{"jobs", 'j', CLI_INT, offsetof(struct settings, jobs), "N",
		"so many tables at once (as many as there are processors)"},
	{"level", 0, CLI_INT, offsetof(struct settings, level), "N",
		"zstd level, 1 (fast, the default) to 19 (small)"},
	{"lock-timeout", 0, CLI_DURATION, offsetof(struct settings, lock_timeout_ms), "T",
		"give up when the tables cannot be locked for so long (30s)"},
	{"method", 0, CLI_STRING, offsetof(struct settings, method), "WORD",
		"dump (the default); or clone: a restore point in the same server, no snapshot"},
	{"max-offline", 0, CLI_DURATION, offsetof(struct settings, max_offline_ms), "T",
		"with --method clone: nobody may be kept out for longer (60s)"},
	{"pg-bin", 0, CLI_STRING, offsetof(struct settings, pg_bin), "DIR",
		"folder of pg_dump and pg_restore (the server's version, else PATH)"},
	{0},
};

/* --- list ------------------------------------------------------------------------------------- */

static json_t *entry_json(const struct backup_entry *entry)
{
	AUTO_FREE char *started = clock_utc(entry->started_ms);
	json_t *fields = json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:I, s:I, s:I, s:s}", "snapshot",
		entry->id, "label", entry->label, "store", entry->store, "path", entry->path,
		"started", started, "bytes", (json_int_t)entry->bytes, "tables",
		(json_int_t)entry->tables, "rows", (json_int_t)entry->rows, "revisions",
		entry->revisions);
	grade_record_json(&entry->grade, fields);
	return fields;
}

static void print_entry(struct cli *cli, const struct backup_entry *entry)
{
	AUTO_FREE char *when = clock_local(entry->started_ms);
	AUTO_FREE char *size = clock_size_text(entry->bytes);
	AUTO_FREE char *grade = grade_record_text(&entry->grade);
	cli_print(cli, "%-24s  %-23s  %9s  %6" PRId64 " tables  %10" PRId64 " rows  %s  %s%s%s",
		entry->id, when, size, entry->tables, entry->rows, entry->store, grade,
		entry->revisions[0] ? "  at " : "", entry->revisions);
	if (entry->label)
		cli_print(cli, "    label: %s", entry->label);
	cli_event(cli, "snapshot", entry_json(entry));
}

static bool list(struct cli *cli, void *options, struct err *err)
{
	(void)options;
	CLEANUP(backup_list_release) struct backup_list snapshots = {0};
	if (!cli_env_offline(cli, err) || !backup_list(cli->env, cli->log, &snapshots, err))
		return false;
	for (size_t i = 0; i < snapshots.count; i++)
		print_entry(cli, &snapshots.items[i]);
	STRVEC_EACH (&snapshots.broken, file)
		log_warn(cli->log, "no_snapshot", NULL, "not a snapshot: %s", file);
	if (!snapshots.count)
		log_info(cli->log, "no_snapshots", NULL,
			"environment %s has no snapshots: make one with mig-backup create",
			cli->env->name);
	cli_result(cli, json_pack("{s:I, s:o}", "count", (json_int_t)snapshots.count, "broken",
				texts(&snapshots.broken)));
	return true;
}

/* --- show ------------------------------------------------------------------------------------- */

static void print_table(struct cli *cli, const struct pack_table *table)
{
	char hash[PACK_HASH_TEXT];
	AUTO_FREE char *full = xstrfmt("%s.%s", table->schema, table->name);
	AUTO_FREE char *line = utf8_one_line(full);
	AUTO_FREE char *schema = utf8_clean(table->schema, strlen(table->schema));
	AUTO_FREE char *name = utf8_clean(table->name, strlen(table->name));
	pack_hash_text(&table->content.hash, hash);
	cli_print(cli, "%s  %12" PRId64 " rows  %10" PRId64 " bytes  %s%s", hash,
		table->content.rows, table->content.bytes, line,
		table->emptied ? "  (rows not held)" : "");
	cli_event(cli, "table",
		json_pack("{s:s, s:s, s:I, s:I, s:s}", "schema", schema, "name", name, "rows",
			(json_int_t)table->content.rows, "bytes", (json_int_t)table->content.bytes,
			"hash", hash));
}

static void print_snapshot(
	struct cli *cli, const struct backup_entry *entry, const struct pack_manifest *manifest)
{
	const struct pack_database *database = &manifest->database;
	AUTO_FREE char *when = clock_utc(manifest->started_ms);
	AUTO_FREE char *local = clock_local(manifest->started_ms);
	AUTO_FREE char *size = clock_size_text(entry->bytes);
	AUTO_FREE char *plain = clock_size_text(entry->plain_bytes);
	cli_print(cli, "snapshot   %s", entry->id);
	if (entry->label)
		cli_print(cli, "label      %s", entry->label);
	cli_print(cli, "file       %s", entry->path);
	AUTO_FREE char *grade = grade_record_text(&entry->grade);
	cli_print(cli, "grade      %s", grade);
	cli_print(cli, "taken      %s (%s), in %" PRId64 " s", when, local, entry->seconds);
	AUTO_FREE char *name = utf8_one_line(database->name);
	cli_print(cli, "database   %s, server %s, %s, system %s", name, database->server_version,
		database->encoding,
		database->system_identifier ? database->system_identifier : "unknown");
	cli_print(cli, "size       %s, %s of rows", size, plain);
	cli_print(cli,
		"holds      %" PRId64 " tables, %" PRId64 " rows, %zu sequences, %" PRId64
		" large objects",
		entry->tables, entry->rows, manifest->sequences.count, manifest->large_objects);
	for (size_t i = 0; i < manifest->revisions.count; i++) {
		AUTO_FREE char *at = strvec_join(&manifest->revisions.items[i].revisions, ", ");
		cli_print(cli, "revision   %s: %s", manifest->revisions.items[i].table,
			at[0] ? at : "none");
	}
	STRVEC_EACH (&manifest->notes, note)
		cli_print(cli, "note       %s", note);
	cli_print(cli, "written by %s, pg_dump %s", manifest->tool, manifest->pg_dump);
}

static bool show(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	CLEANUP(backup_entry_release) struct backup_entry entry = {0};
	if (!cli_env_offline(cli, err))
		return false;
	struct backup_find find = {cli->env, cli_getenv, cli->log};
	if (!backup_open(&find, cli->operands.items[0], &reader, &entry, err))
		return false;
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	if (!settings->tables)
		print_snapshot(cli, &entry, manifest);
	for (size_t i = 0; settings->tables && i < manifest->tables.count; i++)
		print_table(cli, &manifest->tables.items[i]);
	cli_result(cli, entry_json(&entry));
	return true;
}

static const struct cli_option show_options[] = {
	{"tables", 0, CLI_FLAG, offsetof(struct settings, tables), NULL,
		"every table with its rows, bytes and content hash"},
	{0},
};

/* --- the program ------------------------------------------------------------------------------ */

static const struct cli_verb verbs[] = {
	{"create", NULL, "take a snapshot of the database", create_options, create},
	{"list", NULL, "the environment's snapshots, oldest first", NULL, list, CLI_READ_ONLY},
	{"show", "SNAPSHOT", "what a snapshot holds", show_options, show, CLI_READ_ONLY},
	{0},
};

static const char *const examples[] = {
	"mig-backup create --label before-import",
	"a snapshot that is found again as label:before-import",
	"mig-backup create -q",
	"for cron: says nothing unless something is wrong",
	"mig-backup show latest --tables",
	"rows and content hash of every table",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-backup",
	.summary = "take snapshots of a PostgreSQL database",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
