#include "migrate/alembic.h"

#include "base/fs.h"
#include "migrate/formats.h"

#include <ctype.h>

/* --- alembic.ini: what Python's configparser makes of section [alembic] ------------------------
 */

struct ini {
	struct strvec keys, values;
};

static void ini_release(struct ini *ini)
{
	strvec_release(&ini->keys);
	strvec_release(&ini->values);
}

/* NULL: not there. Later ones win. */
static const char *ini_get(const struct ini *ini, const char *key)
{
	for (size_t i = ini->keys.count; i-- > 0;)
		if (!strcmp(ini->keys.items[i], key))
			return ini->values.items[i];
	return NULL;
}

/* "%(here)s" is the folder of the file, "%%" a percent sign. */
static char *interpolate(const char *value, const char *here)
{
	static const char variable[] = "%(here)s";
	AUTO_STRBUF(text);
	for (const char *at = value; *at; at++) {
		if (str_starts(at, variable)) {
			strbuf_adds(&text, here);
			at += strlen(variable) - 1;
		} else {
			at += at[0] == '%' && at[1] == '%';
			strbuf_addc(&text, *at);
		}
	}
	return strbuf_take(&text);
}

static char *stripped(const char *start, size_t length)
{
	AUTO_STRBUF(text);
	strbuf_add(&text, start, length);
	strbuf_trim(&text);
	return strbuf_take(&text);
}

static void ini_line(struct ini *ini, const char *line)
{
	size_t count = ini->values.count;
	if (isspace((unsigned char)*line) && count) { /* goes on with the value before */
		AUTO_FREE char *more = stripped(line, strlen(line));
		char *whole = xstrfmt("%s\n%s", ini->values.items[count - 1], more);
		free(ini->values.items[count - 1]);
		ini->values.items[count - 1] = whole;
		return;
	}
	size_t length = strcspn(line, "=:");
	if (!line[length])
		return;
	strvec_push_take(&ini->keys, stripped(line, length));
	strvec_push_take(&ini->values, stripped(line + length + 1, strlen(line + length + 1)));
}

static bool ini_read(const char *path, struct ini *ini, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	bool inside = false;
	if (!fs_read(path, 0, &text, err))
		return false;
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line) {
		const char *word = line + strspn(line, " \t\r");
		if (!*word || *word == '#' || *word == ';')
			continue;
		if (*line == '[')
			inside = str_starts(line, "[alembic]");
		else if (inside)
			ini_line(ini, line);
	}
	AUTO_FREE char *here = fs_dirname(path);
	for (size_t i = 0; i < ini->values.count; i++) {
		char *value = interpolate(ini->values.items[i], here);
		free(ini->values.items[i]);
		ini->values.items[i] = value;
	}
	return true;
}

/* --- names of folders --------------------------------------------------------------------------
 */

/* "package.part:folder" is looked for below the home folder. */
static char *resolve(const char *home, const char *name)
{
	const char *colon = *name == '/' ? NULL : strchr(name, ':');
	if (!colon)
		return fs_join(home, name);
	AUTO_FREE char *package = xstrndup(name, (size_t)(colon - name));
	for (char *c = package; *c; c++)
		if (*c == '.')
			*c = '/';
	AUTO_FREE char *below = fs_join(package, colon + 1);
	return fs_join(home, below);
}

static bool same_folder(const char *a, const char *b)
{
	AUTO_FREE char *one = realpath(a, NULL);
	AUTO_FREE char *other = realpath(b, NULL);
	return one && str_equal(one, other);
}

static void split_locations(const struct ini *ini, const char *text, struct strvec *names)
{
	const char *word = ini_get(ini, "path_separator");
	if (!word)
		word = ini_get(ini, "version_path_separator");
	const char *separators = !word                      ? ", \n"
				 : !strcmp(word, "space")   ? " "
				 : !strcmp(word, "newline") ? "\n"
				 : !strcmp(word, "os")      ? ":"
							    : word;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, separators);
		AUTO_FREE char *name = stripped(at, length);
		if (*name)
			strvec_push(names, name);
		at += length + (at[length] != '\0');
	}
}

static void set_versions(const struct ini *ini, struct alembic_place *place)
{
	const char *recursive = ini_get(ini, "recursive_version_locations");
	const char *locations = ini_get(ini, "version_locations");
	AUTO_STRVEC(names);
	place->recursive = str_equal(recursive, "true");
	if (locations)
		split_locations(ini, locations, &names);
	STRVEC_EACH (&names, name)
		strvec_push_take(&place->versions, resolve(place->home, name));
	if (!place->versions.count)
		strvec_push_take(&place->versions, fs_join(place->dir, "versions"));
}

static bool has_env(const char *dir)
{
	AUTO_FREE char *env = fs_join(dir, "env.py");
	return fs_exists(env);
}

/* Flask-Migrate's ini is inside the tree, and the command is given in the folder above. */
static bool use_ini(
	const char *path, const char *dir, struct alembic_place *place, bool *fits, struct err *err)
{
	CLEANUP(ini_release) struct ini ini = {0};
	if (!ini_read(path, &ini, err))
		return false;
	AUTO_FREE char *folder = fs_dirname(path);
	const char *location = ini_get(&ini, "script_location");
	AUTO_FREE char *script = location ? resolve(folder, location) : NULL;
	bool inside = same_folder(folder, dir);
	*fits = script ? same_folder(script, dir) || (inside && has_env(script))
		       : inside && has_env(dir);
	if (!*fits)
		return true;
	place->ini = xstrdup(path);
	place->dir = xstrdup(script ? script : dir);
	place->home = script ? xstrdup(folder) : fs_dirname(dir);
	set_versions(&ini, place);
	return true;
}

static bool look_for_ini(const char *dir, struct alembic_place *place, struct err *err)
{
	enum { LEVELS = 4 };
	AUTO_FREE char *folder = xstrdup(dir);
	bool found = false;
	for (int i = 0; i < LEVELS && !found; i++) {
		AUTO_FREE char *path = fs_join(folder, "alembic.ini");
		if (fs_exists(path) && !use_ini(path, dir, place, &found, err))
			return false;
		char *above = fs_dirname(folder);
		free(folder);
		folder = above;
	}
	return true;
}

static bool wants_flask(const char *dir)
{
	AUTO_FREE char *path = fs_join(dir, "env.py");
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	return fs_read(path, 0, &text, &ignored) && strstr(text.buf, "current_app");
}

bool alembic_place_find(
	const struct conf_migrations *where, struct alembic_place *place, struct err *err)
{
	if (!look_for_ini(where->dir, place, err))
		return false;
	if (!place->dir) {
		static const struct ini none;
		place->dir = xstrdup(where->dir);
		place->home = fs_dirname(where->dir);
		set_versions(&none, place);
	}
	if (!has_env(place->dir)) {
		err_set(err, ERR_CONFIG, "%s: no env.py, so this is no tree of Alembic",
			place->dir);
		return err_hint(err, "name its folder: migrations: {dir: ...} in mig.yaml");
	}
	place->flask = where->command ? !strcmp(where->command, "flask") : wants_flask(place->dir);
	return true;
}

void alembic_place_release(struct alembic_place *place)
{
	free(place->dir);
	free(place->ini);
	free(place->home);
	strvec_release(&place->versions);
	*place = (struct alembic_place){0};
}

bool alembic_detect(const char *dir)
{
	AUTO_ERR(ignored);
	CLEANUP(ini_release) struct ini ini = {0};
	AUTO_FREE char *path = fs_join(dir, "alembic.ini");
	if (has_env(dir))
		return true;
	return fs_exists(path) && ini_read(path, &ini, &ignored) &&
	       ini_get(&ini, "script_location");
}
