/* What can be seen without the database: configuration, folders, programs, libraries. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "front/doctor.h"
#include "net/http.h"
#include "schema/minors.h"
#include <archive.h>
#include <ctype.h>
#include <jansson.h>
#include <unistd.h>
#include <yaml.h>
#include <zstd.h>

void doctor_config(struct doctor *doctor)
{
	const struct conf_env *env = doctor->env;
	if (!env) {
		doctor_say_error(doctor, DOCTOR_BAD, doctor->config_error);
		return;
	}
	if (env->config_path)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s, project %s, environment %s%s",
			env->config_path, env->project, env->name,
			env->production ? " (production)" : "");
	else
		doctor_say(doctor, DOCTOR_WARN, "mig init",
			"no mig.yaml here or above: the connection comes from %s",
			env->conninfo_origin);
	STRVEC_EACH (&env->warnings, warning)
		doctor_say(doctor, DOCTOR_WARN, NULL, "%s", warning);
}

/* The nearest folder that exists: where mkdir would begin. */
static char *existing_folder(const char *path)
{
	char *folder = xstrdup(path);
	while (!fs_exists(folder) && strcmp(folder, "/") != 0 && strcmp(folder, ".") != 0) {
		char *parent = fs_dirname(folder);
		free(folder);
		folder = parent;
	}
	return folder;
}

static void say_folder(struct doctor *doctor, const char *what, const char *path)
{
	AUTO_FREE char *folder = existing_folder(path);
	if (fs_is_dir(folder) && !access(folder, W_OK | X_OK)) {
		AUTO_FREE char *room = clock_size_text(fs_free_bytes(folder));
		doctor_say(doctor, DOCTOR_OK, NULL, "%s%s%s (%s free)", what, path,
			strcmp(folder, path) ? " will be made" : "", room);
		return;
	}
	AUTO_FREE char *next = xstrfmt(
		"give user %d write access to %s, or name another folder", (int)geteuid(), folder);
	doctor_say(doctor, DOCTOR_BAD, next, "%s%s: %s cannot be written", what, path, folder);
}

static void warn_of_space(struct doctor *doctor, const char *path)
{
	AUTO_ERR(ignored);
	AUTO_RESULT(size);
	if (!doctor->db || !db_query(doctor->db, &size, &ignored,
				   "select pg_database_size(current_database())"))
		return;
	AUTO_FREE char *folder = existing_folder(path);
	int64_t need = db_get_int(&size, 0, 0), room = fs_free_bytes(folder);
	AUTO_FREE char *need_text = clock_size_text(need);
	if (room >= 0 && room < need)
		doctor_say(doctor, DOCTOR_WARN, "free some space, or name another store",
			"%s: less room than the database is large (%s)", path, need_text);
}

void doctor_stores(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->env->store_count; i++) {
		const struct conf_store *store = &doctor->env->stores[i];
		AUTO_FREE char *what = xstrfmt("%s: ", store->name);
		if (strstr(store->url, "://")) {
			doctor_say(doctor, DOCTOR_BAD,
				"name a local folder: this version has no other stores yet", "%s%s",
				what, store->url);
			continue;
		}
		say_folder(doctor, what, store->url);
		warn_of_space(doctor, store->url);
	}
}

void doctor_state(struct doctor *doctor)
{
	say_folder(doctor, "", doctor->env->state_dir);
}

/* ---- programs of PostgreSQL ---- */

static void keep_line(void *ctx, const char *line)
{
	struct strbuf *out = ctx;
	if (!out->len)
		strbuf_adds(out, line);
}

/* Behind "pg_dump (PostgreSQL) ". */
static const char *version_in(const char *text)
{
	const char *c = strstr(text, "PostgreSQL) ");
	return c ? c + strlen("PostgreSQL) ") : "";
}

/* "pg_dump (PostgreSQL) 15.14 (Debian ...)" -> 15; 0: unknown */
static int major_of(const char *text)
{
	const char *c = version_in(text);
	int major = 0;
	for (; isdigit((unsigned char)*c) && major < 1000; c++)
		major = major * 10 + (*c - '0');
	return major;
}

static void check_tool(struct doctor *doctor, const char *name, int server_major)
{
	AUTO_ERR(err);
	AUTO_STRVEC(argv);
	AUTO_STRBUF(version);
	AUTO_FREE char *path = proc_find(name);
	AUTO_FREE char *package = server_major
					  ? xstrfmt("install postgresql-client-%d", server_major)
					  : xstrdup("install postgresql-client");
	if (!path) {
		doctor_say(doctor, DOCTOR_BAD, package, "no %s in PATH", name);
		return;
	}
	strvec_push(&argv, path);
	strvec_push(&argv, "--version");
	struct proc_result result;
	struct proc_spec spec = {
		.argv = &argv, .timeout_ms = 10000, .on_stdout = keep_line, .ctx = &version};
	if (!proc_run(&spec, &result, &err)) {
		doctor_say_error(doctor, DOCTOR_BAD, &err);
		return;
	}
	int major = major_of(version.buf);
	const char *fixed = schema_minors_fixed(version_in(version.buf));
	if (result.status || !major)
		doctor_say(doctor, DOCTOR_BAD, package, "%s does not tell its version", path);
	else if (major < server_major)
		doctor_say(doctor, DOCTOR_BAD, package,
			"%s is version %d, older than the server (%d): it cannot read it", path,
			major, server_major);
	else if (fixed)
		doctor_say(doctor, DOCTOR_WARN, package,
			"%s, version %.*s, lacks the fix of CVE-2025-8714 (%s has it)", path,
			(int)strcspn(version_in(version.buf), " \n"), version_in(version.buf),
			fixed);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s, version %d", path, major);
}

void doctor_tools(struct doctor *doctor)
{
	static const char *const tools[] = {"pg_dump", "pg_restore"};
	int server_major = doctor->db ? doctor->db->version / 10000 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		check_tool(doctor, tools[i], server_major);
}

void doctor_libraries(struct doctor *doctor)
{
	int pq = PQlibVersion();
	doctor_say(doctor, DOCTOR_OK, NULL, "libpq %d.%d, zstd %s, %s, %s, jansson %s, libyaml %s",
		pq / 10000, pq % 10000, ZSTD_versionString(), archive_version_string(),
		net_versions(), jansson_version_str(), yaml_get_version_string());
}
