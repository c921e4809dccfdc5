#include "front/init.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/strvec.h"
#include "migrate/tree.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the formats keep their migrations; the first row that fits wins. */
static const struct layout {
	const char *format, *dir;
	const char *sign; /* a file or folder that only this format has; NULL: its files are read */
} layouts[] = {
	{"alembic", "migrations", "migrations/env.py"},
	{"alembic", "alembic", "alembic/env.py"},
	{"alembic", ".", "alembic.ini"},
	{"dbmate", "db/migrations", "db/migrations"},
	{"dbmate", "migrations", NULL}, /* they have no header; its folder is an option there */
	{"sql", "migrations", "migrations"},
};

static bool has_format(const char *dir, const char *name)
{
	size_t count;
	const struct migrate_format *formats = migrate_formats(&count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(formats[i].name, name))
			return formats[i].detect(dir);
	return false;
}

static bool fits(const struct layout *layout, const char *tree)
{
	AUTO_FREE char *path = fs_join(tree, layout->sign ? layout->sign : layout->dir);
	return layout->sign ? fs_exists(path) : has_format(path, layout->format);
}

/* Where projects keep the interpreter that has their Alembic. */
static const char *const pythons[] = {".venv/bin/python", "venv/bin/python", "env/bin/python"};

/* "#!/usr/bin/python3" of Alembic's own command: who may run its trees. Caller owns; NULL: none. */
static char *python_of_command(const char *command)
{
	AUTO_FREE char *path = proc_find(command);
	AUTO_STRBUF(text);
	AUTO_ERR(unreadable); /* a program of another kind */
	if (!path || !fs_read(path, 64 * 1024, &text, &unreadable) || !str_starts(text.buf, "#!/"))
		return NULL;
	AUTO_FREE char *python = xstrndup(text.buf + 2, strcspn(text.buf + 2, " \t\r\n"));
	return str_starts(fs_basename(python), "python") ? xtake(&python) : NULL;
}

static bool beside(const char *path, const char *other)
{
	AUTO_FREE char *dir = fs_dirname(path);
	AUTO_FREE char *place = fs_dirname(other);
	return !strcmp(dir, place);
}

/* The project's own, else that of Alembic's command. Caller owns; NULL: python3 of PATH. */
static char *find_python(const char *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(pythons); i++) {
		AUTO_FREE char *path = fs_join(tree, pythons[i]);
		if (fs_exists(path))
			return xstrdup(pythons[i]);
	}
	AUTO_FREE char *plain = proc_find("python3");
	AUTO_FREE char *alembic = python_of_command("alembic");
	AUTO_FREE char *flask = alembic ? NULL : python_of_command("flask");
	char **found = alembic ? &alembic : &flask;
	return *found && (!plain || !beside(*found, plain)) ? xtake(found) : NULL;
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

/* --- what dbmate is told in its environment or in .env beside it -------------------------------
 */

/* The value of NAME=value, quotes around it taken off; NULL: it is not there. Caller owns. */
static char *dotenv_value(const char *text, const char *name)
{
	AUTO_STRVEC(lines);
	strvec_split(&lines, text, '\n');
	STRVEC_EACH (&lines, line) {
		const char *at = str_starts(line, "export ") ? line + strlen("export ") : line;
		if (!str_starts(at, name) || at[strlen(name)] != '=')
			continue;
		at += strlen(name) + 1;
		bool quoted = *at == '"' || *at == '\'';
		size_t length = quoted ? strcspn(at + 1, "\"'\r") : strcspn(at, " \t\r#");
		return xstrndup(at + quoted, length);
	}
	return NULL;
}

/* dbmate's own order: its environment, then .env. Caller owns; NULL: not said. */
static char *dbmate_value(const struct init_request *request, const char *name)
{
	const char *value = request->getenv ? request->getenv(name) : NULL;
	if (value && *value)
		return xstrdup(value);
	AUTO_STRBUF(text);
	AUTO_ERR(unreadable); /* then dbmate could not read it either */
	AUTO_FREE char *path = fs_join(request->tree, ".env");
	if (!fs_exists(path) || !fs_read(path, 0, &text, &unreadable))
		return NULL;
	AUTO_FREE char *found = dotenv_value(text.buf, name);
	return found && *found ? xtake(&found) : NULL;
}

static void look_at_dbmate(const struct init_request *request, struct init_found *found)
{
	AUTO_FREE char *strict = dbmate_value(request, "DBMATE_STRICT");
	found->version_table = dbmate_value(request, "DBMATE_MIGRATIONS_TABLE");
	found->strict = str_equal(strict, "true") || str_equal(strict, "1");
}

/* Another folder than ./db/migrations: dbmate's may be anywhere. */
static char *dbmate_dir(const struct init_request *request)
{
	AUTO_FREE char *dir = dbmate_value(request, "DBMATE_MIGRATIONS_DIR");
	if (!dir)
		return NULL;
	const char *plain = str_starts(dir, "./") ? dir + 2 : dir;
	AUTO_FREE char *full = *plain == '/' ? xstrdup(plain) : fs_join(request->tree, plain);
	return fs_is_dir(full) ? xstrdup(plain) : NULL;
}

/* --- where else trees of Alembic are ------------------------------------------------------------
 */

/* script_location of [tool.alembic] in pyproject.toml. Caller owns; NULL: it does not say. */
static char *pyproject_dir(const char *tree)
{
	static const char key[] = "script_location", here[] = "%(here)s/";
	AUTO_STRBUF(text);
	AUTO_ERR(unreadable);
	AUTO_FREE char *path = fs_join(tree, "pyproject.toml");
	if (!fs_exists(path) || !fs_read(path, 0, &text, &unreadable))
		return NULL;
	const char *at = strstr(text.buf, "[tool.alembic]");
	at = at ? strstr(at, key) : NULL;
	at = at ? at + strlen(key) + strspn(at + strlen(key), " =") : "";
	if (*at != '"' && *at != '\'')
		return NULL;
	AUTO_FREE char *value = xstrndup(at + 1, strcspn(at + 1, "\"'\n"));
	const char *dir = str_starts(value, here) ? value + strlen(here) : value;
	AUTO_FREE char *full = fs_join(tree, dir);
	return fs_is_dir(full) ? xstrdup(dir) : NULL;
}

/* In a folder of the project: "backend/alembic", as services have it. */
static void look_in(const char *tree, const char *folder, struct strvec *dirs)
{
	AUTO_FREE char *base = fs_join(tree, folder);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const char *dir = layouts[i].dir;
		if (strcmp(layouts[i].format, "alembic") != 0 || !fits(&layouts[i], base))
			continue;
		strvec_push_take(dirs, strcmp(dir, ".") ? fs_join(folder, dir) : xstrdup(folder));
		return;
	}
}

static bool which_of(const struct strvec *dirs, struct err *err)
{
	AUTO_FREE char *list = strvec_join(dirs, ", ");
	err_set(err, ERR_USAGE, "several trees of Alembic: %s", list);
	return err_hint(err,
		"run mig init in the folder of each, or name them in one mig.yaml: migrations: "
		"{main: {dir: %s}, NAME: {dir: %s}}",
		dirs->items[0], dirs->items[1]);
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool check_format(const char *from, struct err *err)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (!strvec_has(&names, layouts[i].format))
			strvec_push(&names, layouts[i].format);
		if (!from || !strcmp(from, layouts[i].format))
			return true;
	}
	AUTO_FREE char *known = strvec_join(&names, ", ");
	err_set(err, ERR_USAGE, "--from %s: no such format of migrations", from);
	return err_hint(err, "known: %s", known);
}

static bool absent(const char *from, const char *tree, struct err *err)
{
	AUTO_STRVEC(signs);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (!strcmp(from, layouts[i].format))
			strvec_push(&signs, layouts[i].sign ? layouts[i].sign : layouts[i].dir);
	AUTO_FREE char *places = strvec_join(&signs, ", ");
	err_set(err, ERR_NOTFOUND, "no tree of %s in %s", from, tree);
	err_detail(err, "looked for %s", places);
	return err_hint(err,
		"run it in the project's folder, or write migrations: {dir: .., "
		"format: %s} into mig.yaml by hand",
		from);
}

static void take(struct init_found *found, const char *format, const char *dir)
{
	free(found->dir);
	found->dir = xstrdup(dir);
	found->format = format;
	found->exists = true;
}

static bool look_below(const char *tree, struct init_found *found, struct err *err)
{
	AUTO_STRVEC(folders);
	AUTO_STRVEC(dirs);
	AUTO_FREE char *told = pyproject_dir(tree);
	if (told) {
		take(found, "alembic", told);
		return true;
	}
	if (!fs_list(tree, &folders, err))
		return false;
	STRVEC_EACH (&folders, folder)
		if (*folder != '.')
			look_in(tree, folder, &dirs);
	if (dirs.count > 1)
		return which_of(&dirs, err);
	if (dirs.count)
		take(found, "alembic", dirs.items[0]);
	return true;
}

static bool has_sql(const char *dir)
{
	AUTO_STRVEC(files);
	AUTO_ERR(unreadable);
	if (!fs_is_dir(dir) || !fs_list(dir, &files, &unreadable))
		return false;
	STRVEC_EACH (&files, file)
		if (str_ends(file, ".sql"))
			return true;
	return false;
}

/* A tree of another format: one who has both may not expect that it is left out. */
static void look_beside(const char *tree, struct init_found *found)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts) && !found->other_dir; i++) {
		const struct layout *other = &layouts[i];
		AUTO_FREE char *dir = fs_join(tree, other->dir);
		bool same =
			!strcmp(other->format, found->format) || !strcmp(other->dir, found->dir);
		if (same || !has_format(dir, other->format) ||
			(strcmp(other->format, "alembic") != 0 && !has_sql(dir)))
			continue;
		found->other_dir = other->dir;
		found->other_format = other->format;
	}
}

/* An empty folder of that name says nothing: a tree elsewhere is more likely meant. */
static bool is_empty(const char *tree, const struct init_found *found)
{
	AUTO_FREE char *dir = fs_join(tree, found->dir);
	return !strcmp(found->format, "sql") && !has_sql(dir);
}

bool init_look(const struct init_request *request, struct init_found *found, struct err *err)
{
	const char *from = request->from;
	if (!fs_is_dir(request->tree))
		return err_set(err, ERR_NOTFOUND, "no folder %s", request->tree);
	if (!check_format(from, err))
		return false;
	*found = (struct init_found){.format = "sql",
		.dir = xstrdup("migrations"),
		.project = project_name(request->tree)};
	AUTO_FREE char *told = !from || !strcmp(from, "dbmate") ? dbmate_dir(request) : NULL;
	if (told)
		take(found, "dbmate", told);
	for (size_t i = 0; i < ARRAY_SIZE(layouts) && !found->exists; i++) {
		bool wanted = !from || !strcmp(from, layouts[i].format);
		if (wanted && fits(&layouts[i], request->tree))
			take(found, layouts[i].format, layouts[i].dir);
	}
	if ((!found->exists || is_empty(request->tree, found)) &&
		(!from || !strcmp(from, "alembic")) && !look_below(request->tree, found, err))
		return false;
	if (from && strcmp(from, "sql") != 0 && !found->exists)
		return absent(from, request->tree, err);
	if (!strcmp(found->format, "alembic"))
		found->python = find_python(request->tree);
	if (!strcmp(found->format, "dbmate"))
		look_at_dbmate(request, found);
	if (!from)
		look_beside(request->tree, found);
	return true;
}

void init_found_release(struct init_found *found)
{
	free(found->dir);
	free(found->project);
	free(found->python);
	free(found->version_table);
	*found = (struct init_found){0};
}

static const struct {
	const char *format;
	const char *lines[6];
} limits[] = {
	{"alembic", {("env.py must take its URL from DATABASE_URL, which mig sets for it; else mig "
		      "refuses"),
			    ("an env.py with several databases, or a schema per tenant, wants "
			     "others: true here; what is said in pyproject.toml and .pyc "
			     "revisions are not read"),
			    "alembic's own command goes on working: mig keeps to its version table",
			    NULL}},
	{"dbmate", {"db/schema.sql is not written: dbmate dump does that",
			   ("the database is not created or dropped, and .env is not read: export "
			    "DATABASE_URL"),
			   "one folder of migrations only, and one pair of sections per file",
			   "dbmate's own command goes on working: mig keeps to its version table",
			   NULL}},
	{NULL, {NULL}},
};

const char *const *init_limits(const struct init_found *found)
{
	size_t i = 0;
	while (limits[i].format && strcmp(limits[i].format, found->format) != 0)
		i++;
	return limits[i].lines;
}

static const char head[] = "# How mig reaches this project's databases and what it may do there.\n"
			   "# Every key: mig help configuration. What is missing: mig doctor.\n"
			   "mig: 1\n";

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
	if (found->version_table)
		strbuf_addf(text, "  version_table: %s\n", found->version_table);
	if (found->strict)
		strbuf_adds(text, "  strict: true\n");
	for (const char *const *line = init_limits(found); *line; line++)
		strbuf_addf(text, "  # %s\n", *line);
	if (found->other_dir)
		strbuf_addf(text, "  # left out: %s (%s)\n", found->other_dir, found->other_format);
	if (!strcmp(found->format, "alembic"))
		strbuf_adds(text,
			"  # environment: {FLASK_APP: main}      # for the tree's own tool\n");
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
	if (fd < 0) {
		err_sys(err, ERR_FAILED, "cannot make %s", path);
		return err_hint(err, "write it where you may: mig init -n > mig.yaml");
	}
	bool good = fs_write_all(fd, text->buf, text->len, err) || err_context(err, "%s", path);
	if (good && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		good = err_sys(err, ERR_STORAGE, "cannot write %s", path);
	if (!good)
		unlink(path);
	return good;
}
