#include "migrate/alembic.h"

#include "base/fs.h"
#include "migrate/formats.h"
#include "migrate/ini.h"

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

static void split_locations(
	const struct ini *ini, const char *section, const char *text, struct strvec *names)
{
	AUTO_FREE char *word = ini_get(ini, section, "path_separator");
	if (!word)
		word = ini_get(ini, section, "version_path_separator");
	const char *separators = !word                      ? ", \n"
				 : !strcmp(word, "space")   ? " "
				 : !strcmp(word, "newline") ? "\n"
				 : !strcmp(word, "os")      ? ":"
							    : word;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, separators);
		AUTO_FREE char *name = xstrndup_trimmed(at, length);
		if (*name)
			strvec_push(names, name);
		at += length + (at[length] != '\0');
	}
}

static void set_versions(const struct ini *ini, const char *section, struct alembic_place *place)
{
	AUTO_FREE char *recursive = ini_get(ini, section, "recursive_version_locations");
	AUTO_FREE char *locations = ini_get(ini, section, "version_locations");
	AUTO_STRVEC(names);
	place->recursive = str_equal(recursive, "true");
	if (locations)
		split_locations(ini, section, locations, &names);
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

/* [alembic], and those that one names to it: alembic -n NAME. */
static void list_sections(const struct ini *ini, struct strvec *names)
{
	strvec_push(names, "alembic");
	STRVEC_EACH (&ini->sections, name)
		if (ini_says(ini, name, "script_location") && !strvec_has(names, name) &&
			strcmp(name, "DEFAULT") != 0)
			strvec_push(names, name);
}

/* script_location of a section; NULL: it has none. Caller owns. */
static char *script_of(const struct ini *ini, const char *section)
{
	AUTO_FREE char *location = ini_get(ini, section, "script_location");
	return location ? resolve(ini->here, location) : NULL;
}

/* The section whose tree is in `dir`; for the ini's own folder the only one that there is. */
static bool choose_section(const struct ini *ini, const char *dir, char **section, struct err *err)
{
	AUTO_STRVEC(names);
	AUTO_STRVEC(trees);
	list_sections(ini, &names);
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *script = script_of(ini, name);
		if (!script || !has_env(script))
			continue;
		if (same_folder(script, dir)) {
			free(*section);
			*section = xstrdup(name);
			return true;
		}
		AUTO_FREE char *location = ini_get(ini, name, "script_location");
		if (!strvec_has(&trees, location))
			strvec_push(&trees, location);
		if (!*section)
			*section = xstrdup(name);
	}
	if (*section && same_folder(ini->here, dir) && trees.count == 1)
		return true;
	free(xtake(section));
	if (trees.count < 2 || !same_folder(ini->here, dir))
		return true;
	AUTO_FREE char *list = strvec_join(&trees, ", ");
	err_set(err, ERR_CONFIG, "%s/alembic.ini has several trees: %s", ini->here, list);
	return err_hint(err,
		"name them in mig.yaml: migrations: {main: {dir: %s}, NAME: {dir: %s}}",
		trees.items[0], trees.items[1]);
}

/* Flask-Migrate's ini is inside the tree, and the command is given in the folder above. */
static bool use_ini(
	const char *path, const char *dir, struct alembic_place *place, bool *fits, struct err *err)
{
	CLEANUP(ini_release) struct ini ini = {0};
	AUTO_FREE char *section = NULL;
	if (!ini_read(path, &ini, err) || !choose_section(&ini, dir, &section, err))
		return false;
	AUTO_FREE char *script = section ? script_of(&ini, section) : NULL;
	AUTO_FREE char *plain = script_of(&ini, "alembic");
	*fits = script || (!plain && same_folder(ini.here, dir) && has_env(dir));
	if (!*fits)
		return true;
	place->ini = xstrdup(path);
	place->section = xstrdup(section ? section : "alembic");
	place->dir = xstrdup(script ? script : dir);
	place->home = script ? xstrdup(ini.here) : fs_dirname(dir);
	set_versions(&ini, place->section, place);
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

/* A line of [tool.alembic] that says where the files are. */
static bool has_locations(const char *text)
{
	AUTO_STRVEC(lines);
	bool inside = false;
	strvec_split(&lines, text, '\n');
	STRVEC_EACH (&lines, line) {
		if (*line == '[')
			inside = str_starts(line, "[tool.alembic]");
		else if (inside && (str_starts(line, "version_locations") ||
					   str_starts(line, "recursive_version_locations")))
			return true;
	}
	return false;
}

/* Without alembic.ini: what nobody here reads may not be passed over, half of the files are there.
 */
static bool check_pyproject(const char *home, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_FREE char *path = fs_join(home, "pyproject.toml");
	if (!fs_exists(path))
		return true;
	if (!fs_read(path, 0, &text, err))
		return false;
	if (!has_locations(text.buf))
		return true;
	err_set(err, ERR_CONFIG, "%s: version_locations of [tool.alembic] are not read", path);
	return err_hint(err, "say it in alembic.ini beside it, which Alembic reads, too: [alembic] "
			     "script_location, version_locations");
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
		if (!check_pyproject(place->home, err))
			return false;
		set_versions(&none, "alembic", place);
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
	free(place->section);
	free(place->home);
	strvec_release(&place->versions);
	*place = (struct alembic_place){0};
}

bool alembic_detect(const char *dir)
{
	AUTO_ERR(ignored);
	AUTO_STRVEC(names);
	CLEANUP(ini_release) struct ini ini = {0};
	AUTO_FREE char *path = fs_join(dir, "alembic.ini");
	if (has_env(dir))
		return true;
	if (!fs_exists(path) || !ini_read(path, &ini, &ignored))
		return false;
	list_sections(&ini, &names);
	AUTO_FREE char *plain = script_of(&ini, "alembic");
	return plain || names.count > 1;
}
