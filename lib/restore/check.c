#include "base/clock.h"
#include "base/suggest.h"
#include "copies/space.h"
#include "restore/foreign.h"
#include "restore/rights.h"
#include "restore/room.h"
#include "restore/versions.h"
#include "schema/roles.h"
#include <inttypes.h>

/* Room for rows, indexes and the WAL of loading them. */
#define SPACE_FACTOR 2.2

#define ROLE_SQL "select from pg_roles where rolname = $1"
#define TABLESPACE_SQL "select from pg_tablespace where spcname = $1"

/* Pushes those of `names` that the query (one name parameter) does not know. */
static bool add_missing(struct db *server, const char *sql, const struct strvec *names,
	const char *what, struct strvec *missing, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		AUTO_RESULT(rows);
		if (!db_query(server, &rows, err, sql, names->items[i]))
			return false;
		if (!db_rows(&rows))
			strvec_pushf(missing, "%s \"%s\"", what, names->items[i]);
	}
	return true;
}

/* No catalog lists them: the statement looks for the provider first, and finds no such object. */
static void add_missing_providers(
	struct db *server, const struct strvec *providers, struct strvec *missing)
{
	static const char not_loaded[] = "22023";
	STRVEC_EACH (providers, provider) {
		AUTO_ERR(why);
		AUTO_FREE char *name = db_ident(server, provider);
		if (!db_execf(server, &why, "security label for %s on large object 0 is null",
			    name) &&
			!strcmp(why.sqlstate, not_loaded))
			strvec_pushf(missing, "label provider \"%s\"", provider);
	}
}

/* As they are called here. */
static void role_names(const struct restore_settings *settings, struct strvec *names)
{
	STRVEC_EACH (&pack_reader_manifest(settings->reader)->roles, role)
		strvec_push(names, schema_roles_name(settings->role_map, role));
}

static bool check_missing(
	const struct restore_settings *settings, struct db *server, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRVEC(missing);
	AUTO_STRVEC(roles);
	role_names(settings, &roles);
	if (!add_missing(server, ROLE_SQL, &roles, "role", &missing, err) ||
		(!settings->no_tablespaces &&
			!add_missing(server, TABLESPACE_SQL, &manifest->tablespaces, "tablespace",
				&missing, err)) ||
		!restore_versions_check(settings, server, &missing, err))
		return false;
	if (!settings->no_security_labels)
		add_missing_providers(server, &manifest->label_providers, &missing);
	if (!missing.count)
		return true;
	AUTO_FREE char *list = strvec_join(&missing, ", ");
	AUTO_FREE char *lines = strvec_join(&missing, "\n");
	err_set(err, ERR_REFUSED, "this server lacks what the snapshot needs: %s", list);
	err_detail(err, "%s", lines);
	return err_hint(err,
		"make them first (CREATE ROLE ..; CREATE TABLESPACE ..; install the "
		"extension's package, as new as the snapshot's; a label provider's module in "
		"session_preload_libraries; the snapshot's member %s has the roles), or do "
		"without: --role-map OLD=NEW, --no-tablespaces, --no-security-labels",
		PACK_GLOBALS);
}

/* A name that is mapped and not there is a slip, which would leave things to the wrong role. */
/* roles: those that the snapshot or the dump names. */
static bool check_role_map(
	const struct restore_settings *settings, const struct strvec *roles, struct err *err)
{
	const struct strvec *map = settings->role_map;
	for (size_t i = 0; map && i < map->count; i++) {
		AUTO_FREE char *old = schema_roles_old(map->items[i]);
		if (strvec_has(roles, old))
			continue;
		const char *near = suggest_in(old, roles);
		AUTO_FREE char *all = strvec_join(roles, ", ");
		err_set(err, ERR_NOTFOUND, "--role-map: the %s names no role \"%s\"",
			settings->reader ? "snapshot" : "dump", old);
		return near ? err_hint(err, "did you mean %s?", near)
			    : err_hint(err, "it names: %s", all);
	}
	return true;
}

static bool check_name_free(
	const struct restore_settings *settings, struct db *server, struct err *err)
{
	uint32_t oid;
	if (!settings->to_db)
		return true;
	if (strlen(settings->to_db) > DB_NAME_MAX || !*settings->to_db)
		return err_set(err, ERR_USAGE, "a database name has 1 to %d bytes", DB_NAME_MAX);
	if (!copies_oid(server, settings->to_db, &oid, err))
		return false;
	if (!oid)
		return true;
	err_set(err, ERR_REFUSED, "database \"%s\" exists already", settings->to_db);
	return err_hint(err, "choose another name; to replace the live database: --swap");
}

static int64_t plain_bytes(const struct pack_manifest *manifest)
{
	struct pack_content total = {0};
	pack_manifest_total(manifest, &total);
	/* large objects are held in hexadecimal */
	return total.bytes + manifest->large_object_data.bytes / 2;
}

static bool check_space(
	const struct restore_settings *settings, struct db *server, int64_t plain, struct err *err)
{
	AUTO_FREE char *path = NULL;
	int64_t needed = (int64_t)((double)plain * SPACE_FACTOR);
	int64_t free_bytes;
	if (!space_free(server, settings->live, &path, &free_bytes, err))
		return false;
	AUTO_FREE char *needed_text = clock_size_text(needed);
	if (free_bytes < 0)
		log_info(settings->log, "space_unknown",
			json_pack("{s:I}", "needed", (json_int_t)needed),
			"the server's disk cannot be seen from here: about %s will be needed",
			needed_text);
	if (free_bytes < 0 || free_bytes >= needed)
		return true;
	AUTO_FREE char *free_text = clock_size_text(free_bytes);
	err_set(err, ERR_STORAGE, "%s has %s free, the restored database needs about %s", path,
		free_text, needed_text);
	return err_hint(err, "remove old copies: mig-restore copies, then mig-restore drop COPY "
			     "--yes");
}

static void warn_of_age(const struct restore_settings *settings, const char *what, int from,
	const struct db *server)
{
	if (from > server->version / 10000)
		log_warn(settings->log, "older_server", NULL,
			"the %s is of PostgreSQL %d, this server is %d: its definitions may not be "
			"understood",
			what, from, server->version / 10000);
}

static void warn_of_snapshot(const struct restore_settings *settings, const struct db *server)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	warn_of_age(
		settings, "snapshot", (int)(manifest->database.server_version_num / 10000), server);
	for (size_t i = 0; i < manifest->notes.count; i++)
		log_warn(settings->log, "not_covered", NULL, "not covered: %s",
			manifest->notes.items[i]);
}

static bool refuse_standby(const struct db *server, struct err *err)
{
	if (!server->standby)
		return true;
	err_set(err, ERR_REFUSED, "this server is a standby: nothing can be restored into it");
	return err_hint(err, "restore on its primary: -d host=PRIMARY");
}

static bool add_missing_of_dump(const struct restore_settings *settings,
	const struct foreign_facts *facts, struct db *server, struct strvec *missing,
	struct err *err)
{
	AUTO_STRVEC(roles);
	STRVEC_EACH (&facts->roles, role)
		strvec_push(&roles, schema_roles_name(settings->role_map, role));
	return add_missing(server, ROLE_SQL, &roles, "role", missing, err) &&
	       (settings->no_tablespaces || add_missing(server, TABLESPACE_SQL, &facts->tablespaces,
						    "tablespace", missing, err)) &&
	       add_missing(server, "select from pg_catalog.pg_available_extensions where name = $1",
		       &facts->extensions, "extension", missing, err);
}

bool restore_check_dump(const struct restore_settings *settings, const struct foreign_facts *facts,
	struct db *server, struct err *err)
{
	AUTO_STRVEC(missing);
	if (!refuse_standby(server, err) || !check_name_free(settings, server, err) ||
		!check_role_map(settings, &facts->roles, err) ||
		!add_missing_of_dump(settings, facts, server, &missing, err))
		return false;
	if (missing.count) {
		AUTO_FREE char *list = strvec_join(&missing, ", ");
		AUTO_FREE char *lines = strvec_join(&missing, "\n");
		err_set(err, ERR_REFUSED, "this server lacks what the dump needs: %s", list);
		err_detail(err, "%s", lines);
		return err_hint(err, "make them first (CREATE ROLE ..; CREATE TABLESPACE ..; "
				     "install the extension's package), or do without: --role-map "
				     "OLD=NEW, --no-tablespaces");
	}
	const struct restore_needed needed = {
		&facts->rights, &facts->extensions, &facts->tablespaces, true};
	if (!restore_rights_check(settings, &needed, server, err))
		return false;
	if (facts->server)
		warn_of_age(settings, "dump", (int)strtol(facts->server, NULL, 10), server);
	return check_space(settings, server, facts->bytes, err);
}

/* Definitions are read only where it may matter. */
bool restore_check_rights(const struct restore_settings *settings, struct db *server,
	bool makes_database, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	CLEANUP(restore_rights_release) struct restore_rights rights = {0};
	AUTO_STRVEC(extensions);
	if (server->superuser)
		return true;
	for (size_t i = 0; i < manifest->extensions.count; i++)
		strvec_push(&extensions, manifest->extensions.items[i].name);
	const struct restore_needed needed = {
		&rights, &extensions, &manifest->tablespaces, makes_database};
	unsigned int of = RESTORE_RIGHTS_DEFINITIONS;
	if (!settings->schema_only)
		of |= RESTORE_RIGHTS_LARGE_OBJECTS;
	return restore_rights_read(settings->reader, of, &rights, err) &&
	       restore_rights_check(settings, &needed, server, err);
}

bool restore_check_rights_of_rows(
	const struct restore_settings *settings, struct db *db, struct err *err)
{
	CLEANUP(restore_rights_release) struct restore_rights rights = {0};
	const struct restore_needed needed = {.rights = &rights};
	return db->superuser ||
	       (restore_rights_read(settings->reader, RESTORE_RIGHTS_LARGE_OBJECTS, &rights, err) &&
		       restore_rights_check(settings, &needed, db, err));
}

bool restore_check(const struct restore_settings *settings, struct db *server, struct err *err)
{
	if (!refuse_standby(server, err))
		return false;
	if (!check_name_free(settings, server, err) ||
		!check_role_map(settings, &pack_reader_manifest(settings->reader)->roles, err) ||
		!check_missing(settings, server, err) ||
		(!settings->schema_only && !settings->resume &&
			!check_space(settings, server,
				plain_bytes(pack_reader_manifest(settings->reader)), err)))
		return false;
	warn_of_snapshot(settings, server);
	return true;
}
