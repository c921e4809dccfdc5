#include "migrate/git.h"

#include "base/fs.h"
#include "base/proc.h"

#include <ctype.h>

enum { PATIENCE_MS = 20000 };

/* Only what cannot be a pattern is looked for as a part of a file's name. */
static bool is_plain(const char *revision)
{
	for (const char *c = revision; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return *revision != '\0';
}

/* First line of what git prints; NULL when it fails or prints nothing. Caller owns. */
static char *ask_git(const struct strvec *argv)
{
	AUTO_ERR(ignored);
	AUTO_STRBUF(out);
	struct proc_spec spec = {.argv = argv, .timeout_ms = PATIENCE_MS};
	struct proc_result result;
	if (!proc_capture(&spec, &result, &out, NULL, &ignored) || result.status || !out.len)
		return NULL;
	return xstrndup(out.buf, strcspn(out.buf, "\n"));
}

/* The newest commit of any branch that added or changed such a file; `how` may be NULL. */
static char *log_commit(const char *git, const char *dir, const char *how, const char *where)
{
	AUTO_STRVEC(argv);
	const char *const words[] = {git, "-C", dir, "log", "--all", "-1", "--format=%h",
		"--diff-filter=AM", how, "--", where};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	return ask_git(&argv);
}

static bool in_repository(const char *git, const char *dir)
{
	AUTO_STRVEC(argv);
	const char *const words[] = {git, "-C", dir, "rev-parse", "--git-dir"};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	AUTO_FREE char *answer = ask_git(&argv);
	return answer != NULL;
}

/* Of a file in `folder` that bears the revision's id in its name, else in its text. */
static char *find_commit(const char *git, const char *dir, const char *folder, const char *revision)
{
	AUTO_FREE char *name = xstrfmt("*%s*", revision);
	AUTO_FREE char *named = strcmp(folder, ".") ? fs_join(folder, name) : xstrdup(name);
	AUTO_FREE char *text = xstrfmt("-S%s", revision);
	char *commit = is_plain(revision) ? log_commit(git, dir, NULL, named) : NULL;
	return commit ? commit : log_commit(git, dir, text, folder);
}

char *git_way_back(const struct migrate_tree *tree, const char *revision)
{
	const char *dir = tree->dir, *folder = ".";
	AUTO_FREE char *git = proc_find("git");
	if (!git)
		return xstrdup("bring the files of a newer checkout (git is not installed here)");
	AUTO_FREE char *commit = find_commit(git, dir, folder, revision);
	for (size_t i = 0; i < tree->folders.count && !commit; i++) {
		folder = tree->folders.items[i];
		commit = find_commit(git, dir, folder, revision);
	}
	if (!commit && !in_repository(git, dir))
		return xstrfmt(
			"bring the files of a newer checkout (%s is in no git repository)", dir);
	if (!commit)
		return xstrfmt("bring the files of a newer checkout: no commit of %s has them "
			       "(git fetch --all?)",
			dir);
	AUTO_STRVEC(argv);
	const char *const words[] = {"git", "-C", dir, "checkout", commit, "--", folder};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	return strvec_shell(&argv);
}
