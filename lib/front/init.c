#include "front/init.h"

#include "base/fs.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the formats keep their migrations; the first row that fits wins. */
static const struct {
	const char *format, *dir, *sign; /* a file or folder that only this format has */
} layouts[] = {
	{"alembic", "migrations", "migrations/env.py"},
	{"alembic", "alembic", "alembic/env.py"},
	{"alembic", ".", "alembic.ini"},
	{"dbmate", "db/migrations", "db/migrations"},
	{"sql", "migrations", "migrations"},
};

/* Where projects keep the interpreter that has their Alembic. */
static const char *const pythons[] = {".venv/bin/python", "venv/bin/python", "env/bin/python"};

static const char *find_python(const char *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(pythons); i++) {
		AUTO_FREE char *path = fs_join(tree, pythons[i]);
		if (fs_exists(path))
			return pythons[i];
	}
	return NULL;
}

/* As conf wants a project's name: letters, digits and "._-", a letter or digit first. */
static char *project_name(const char *tree)
{
	AUTO_FREE char *resolved = realpath(tree, NULL);
	AUTO_STRBUF(name);
	for (const char *c = fs_basename(resolved ? resolved : tree); *c && name.len < 40; c++) {
		bool plain = isalnum((unsigned char)*c);
		if (plain || (name.len && strchr("._-", *c)))
			strbuf_addc(&name, *c);
	}
	return name.len ? strbuf_take(&name) : xstrdup("project");
}

bool init_look(const char *tree, struct init_found *found, struct err *err)
{
	if (!fs_is_dir(tree))
		return err_set(err, ERR_NOTFOUND, "no folder %s", tree);
	*found = (struct init_found){
		.format = "sql", .dir = xstrdup("migrations"), .project = project_name(tree)};
	for (size_t i = 0; i < ARRAY_SIZE(layouts) && !found->exists; i++) {
		AUTO_FREE char *sign = fs_join(tree, layouts[i].sign);
		if (!fs_exists(sign))
			continue;
		free(found->dir);
		found->dir = xstrdup(layouts[i].dir);
		found->format = layouts[i].format;
		found->exists = true;
	}
	if (!strcmp(found->format, "alembic"))
		found->python = find_python(tree);
	return true;
}

void init_found_release(struct init_found *found)
{
	free(found->dir);
	free(found->project);
	*found = (struct init_found){0};
}

static const char head[] = "# How mig reaches this project's databases and what it may do there.\n"
			   "# Every key: mig help configuration. What is missing: mig doctor.\n"
			   "mig: 1\n";

static const char alembic_notes[] =
	"  # env.py must take its URL from DATABASE_URL, which mig sets; else mig refuses.\n"
	"  # Several databases in one env.py, and pyproject.toml, are not supported.\n"
	"  # environment: {FLASK_APP: main}      # for the tree's own tool\n";

static const char environments[] =
	"environments:\n"
	"  development:\n"
	"    database: {env: DATABASE_URL}       # or \"host=.. dbname=..\"; passwords by "
	"reference only\n"
	"\n"
	"  # production:\n"
	"  #   database: {env: PRODUCTION_URL}\n"
	"  #   store: /var/backups/NAME          # default: snapshots in the state directory\n"
	"  #   production: true                  # stricter: typed confirmations, backup before "
	"upgrade\n"
	"  #   maintenance:                      # switched by mig maintenance on, and by "
	"playbooks\n"
	"  #     - {file: /run/NAME/maintenance} # the application answers 503 while it stands\n"
	"  #     - {database: read-only}\n"
	"  #   smoke: {base: \"http://127.0.0.1:8080\", checks: [smoke.yaml]}\n"
	"  #   alerts:\n"
	"  #     sentry: {dsn: {env: SENTRY_DSN}}\n"
	"  # then: mig doctor --pin -e production   ties the environment to its database\n";

void init_text(const struct init_found *found, struct strbuf *text)
{
	strbuf_adds(text, head);
	strbuf_addf(text, "project: %s\n", found->project);
	strbuf_addf(text, "migrations:\n  dir: %s\n  format: %s\n", found->dir, found->format);
	if (found->python)
		strbuf_addf(text, "  python: %s\n", found->python);
	if (!strcmp(found->format, "alembic"))
		strbuf_adds(text, alembic_notes);
	strbuf_adds(text, environments);
}

/* Read by everybody, as any file of a project: no secret stands in it. */
bool init_write(const char *path, const struct strbuf *text, struct err *err)
{
	CLEANUP(fs_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST) {
		err_set(err, ERR_REFUSED, "%s is there already; nothing was changed", path);
		return err_hint(err, "what does it lack? mig doctor");
	}
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "cannot make %s", path);
	bool good = fs_write_all(fd, text->buf, text->len, err) || err_context(err, "%s", path);
	if (good && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		good = err_sys(err, ERR_STORAGE, "cannot write %s", path);
	if (!good)
		unlink(path);
	return good;
}
