#include "base/fs.h"
#include "cli/internal.h"

struct saying {
	const char *words; /* separated and surrounded by spaces */
	const char *hint;
};

/* Words of other tools of migrations, and what says the same here. */
static const struct saying rows[] = {
	{" migrate ", "to apply what is pending: mig-apply upgrade; to write a revision from the "
		      "models: mig-apply revision --autogenerate -m \"...\""},
	{" makemigrations makemigration automigrate generate ",
		"mig-apply revision --autogenerate -m \"...\""},
	{" new add ", "mig-apply revision -m \"...\""},
	{" up deploy update apply ", "mig-apply upgrade"},
	{" down rollback revert ", "the last revision: mig-apply downgrade -1"},
	{" redo ", "mig-apply downgrade -1, then mig-apply upgrade"},
	{" reset zero ", "all of them back: mig-apply downgrade base"},
	{" showmigrations show_migrations log ", "mig-apply history -i"},
	{" version info ", "mig-apply current; all on one page: mig-apply status"},
	{" validate ", "mig-apply status; what is wrong and how to mend it: mig-apply doctor"},
	{" baseline force fake ", "mig-apply stamp TARGET"},
	{" repair ", "what is wrong and how to mend it: mig-apply doctor"},
	{" ensure_version ", "mig-apply upgrade makes the version table"},
	{" edit ", "mig-apply show REV tells the path of its file"},
	{" list_templates ",
		"mig init writes a mig.yaml; a new env.py: the tree's own alembic init"},
	{" lint ", "mig-apply plan tells what is destructive; a playbook: mig-run lint"},
	{" rehearse ", "mig-apply doctor --replay applies all in a scratch database"},
	{" wait ", "until mig-apply current; do sleep 1; done"},
	{" dump ", "pg_dump --schema-only; a snapshot with all rows: mig-backup create"},
	{" load ", "psql -f schema.sql, then: mig-apply stamp head"},
	{" create ", "createdb NAME makes a database; a snapshot: mig-backup create"},
	{" drop ", "dropdb NAME drops a database; a copy of mig's: mig-restore drop"},
	{" help ", "mig-apply --help; one verb: mig-apply VERB --help"},
	{" sqlmigrate ", "mig-apply script A:B"},
	{" squashmigrations squash ", "there is no such verb: revisions that are applied stay"},
};

/* Options of theirs, without dashes. */
static const struct saying option_rows[] = {
	{" n name ",
		"-n is --dry-run here; another section of alembic.ini is a named tree: -t NAME"},
	{" x x-arg ",
		"it is for env.py, which is run by upgrade, downgrade, script, revision, merge, "
		"check and doctor alone; for all of them: migrations: "
		"{environment: {NAME: value}} in mig.yaml, os.environ in env.py"},
	{" raiseerr ", "leave it out: what Python says is always shown"},
	{" check-heads exit-code ", "mig-apply current --check"},
	{" rev-range ", "-r A:B"},
	{" directory migrations-dir ", "the folder stands in mig.yaml: migrations: {dir: ..}"},
	{" migrations-table ", "the table stands in mig.yaml: migrations: {version_table: ..}"},
	{" strict ", "it stands in mig.yaml: migrations: {strict: true}"},
	{" url u ", "-d CONNINFO, or export DATABASE_URL"},
	{" env-file ", "set -a; . ./.env; set +a"},
	{" no-dump-schema schema-file s ", "leave it out: mig writes no schema.sql"},
	{" process sourceless ", "leave it out: the tree's own Alembic writes the file"},
	{" sql ", "only what writes to the database has it: upgrade --sql, downgrade --sql A:B, "
		  "script A:B, "
		  "stamp --sql"},
	{" tag ", "only what env.py runs has it: upgrade --tag, downgrade --tag, script --tag"},
	{" fake ", "mig-apply stamp TARGET"},
};

/* Words that other tools have for what is done with backups. */
static const struct saying backup_rows[] = {
	{" restore load ", "mig-restore SNAPSHOT"},
	{" verify ", "mig-verify backup SNAPSHOT"},
	{" backup dump save run take new snapshot ", "mig-backup create"},
	{" ls catalog snapshots backups ", "mig-backup list"},
	{" info describe inspect ", "mig-backup show SNAPSHOT"},
	{" delete remove rm prune expire forget purge ",
		"nothing removes snapshots yet; mig-backup show SNAPSHOT tells the path of its "
		"file"},
};

static const char *find_hint(const struct saying *sayings, size_t count, const char *word)
{
	AUTO_FREE char *key = xstrfmt(" %s ", word);
	for (size_t i = 0; i < count; i++)
		if (strstr(sayings[i].words, key))
			return sayings[i].hint;
	return NULL;
}

/* Flask's and other wrappers' word before the verb. */
static bool is_wrapper(const char *word)
{
	static const char *const words[] = {"db", "database", "alembic", "flask", "migrations"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

static bool speaks_of_migrations(const char *program)
{
	return !strcmp(program, "mig-apply") || !strcmp(program, "mig");
}

char *cli_foreign_hint(const char *program, const char *word, const char *next)
{
	if (!strcmp(program, "mig-backup"))
		return xstrdup_null(find_hint(backup_rows, ARRAY_SIZE(backup_rows), word));
	if (!speaks_of_migrations(program))
		return NULL;
	if (is_wrapper(word) && next) {
		char *further = cli_foreign_hint(program, next, NULL);
		return further ? further : xstrfmt("without \"%s\": mig-apply %s", word, next);
	}
	if (is_wrapper(word))
		return xstrfmt("without \"%s\": mig-apply upgrade, mig-apply current, ...", word);
	return xstrdup_null(find_hint(rows, ARRAY_SIZE(rows), word));
}

const char *cli_foreign_option_hint(const char *program, const char *name)
{
	return speaks_of_migrations(program) ? find_hint(option_rows, ARRAY_SIZE(option_rows), name)
					     : NULL;
}

void cli_foreign_meaning(const struct cli *cli, struct err *err)
{
	const char *config = cli->shared.config, *dbname = cli->shared.dbname;
	if (!speaks_of_migrations(cli->program->name))
		return;
	if (err->code == ERR_CONFIG && config && str_ends(config, ".ini"))
		err_hint(err,
			"-c takes a mig.yaml; mig init writes one for the tree of an alembic.ini");
	if (!strcmp(err->sqlstate, "3D000") && dbname && fs_is_dir(dbname))
		err_hint(err,
			"-d names the database; the folder stands in mig.yaml: migrations: {dir: "
			"%s}",
			dbname);
}
