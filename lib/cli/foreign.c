#include "cli/internal.h"

/* Words of other tools of migrations, and what says the same here. */
static const struct {
	const char *words; /* separated and surrounded by spaces */
	const char *hint;
} rows[] = {
	{" migrate ", "to apply what is pending: mig-apply upgrade; to write a revision from the "
		      "models: mig-apply revision --autogenerate -m \"...\""},
	{" makemigrations makemigration automigrate generate ",
		"mig-apply revision --autogenerate -m \"...\""},
	{" new add ", "mig-apply revision -m \"...\""},
	{" up deploy update ", "mig-apply upgrade"},
	{" down rollback revert ", "the last revision: mig-apply downgrade -1"},
	{" redo ", "mig-apply downgrade -1, then mig-apply upgrade"},
	{" reset zero ", "all of them back: mig-apply downgrade base"},
	{" showmigrations log ", "mig-apply history -i"},
	{" version info ", "mig-apply current; all on one page: mig-apply status"},
	{" validate ", "mig-apply status; what is wrong and how to mend it: mig-apply doctor"},
	{" baseline force fake ", "mig-apply stamp TARGET"},
	{" repair ", "what is wrong and how to mend it: mig-apply doctor"},
	{" ensure_version ", "mig-apply upgrade makes the version table"},
	{" edit ", "mig-apply show REV tells the path of its file"},
	{" sqlmigrate ", "mig-apply script A:B"},
	{" squashmigrations squash ", "there is no such verb: revisions that are applied stay"},
};

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
	if (!speaks_of_migrations(program))
		return NULL;
	if (is_wrapper(word) && next) {
		char *further = cli_foreign_hint(program, next, NULL);
		return further ? further : xstrfmt("without \"%s\": mig-apply %s", word, next);
	}
	if (is_wrapper(word))
		return xstrfmt("without \"%s\": mig-apply upgrade, mig-apply current, ...", word);
	AUTO_FREE char *key = xstrfmt(" %s ", word);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strstr(rows[i].words, key))
			return xstrdup(rows[i].hint);
	return NULL;
}
