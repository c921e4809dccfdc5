/*
 * globals.sql: what restoring needs outside of the database. It names the new database by the psql
 * variable "target", so that it can be restored beside the old one.
 */
#include "backup/create_room.h"

#include <inttypes.h>

/* --- roles ------------------------------------------------------------------------------------ */

static const char roles_sql[] =
	"select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,"
	" rolreplication, rolbypassrls, rolconnlimit from pg_catalog.pg_roles"
	" where rolname = $1";

static const struct {
	const char *yes, *no;
} role_words[] = {
	{"SUPERUSER", "NOSUPERUSER"},
	{"INHERIT", "NOINHERIT"},
	{"CREATEROLE", "NOCREATEROLE"},
	{"CREATEDB", "NOCREATEDB"},
	{"LOGIN", "NOLOGIN"},
	{"REPLICATION", "NOREPLICATION"},
	{"BYPASSRLS", "NOBYPASSRLS"},
};

/* An existing role stays as it is. */
static bool add_role(struct db *db, const char *role, struct strbuf *sql, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(db, &row, err, roles_sql, role))
		return false;
	if (!db_rows(&row))
		return true;
	AUTO_FREE char *name = db_ident(db, role);
	AUTO_FREE char *literal = db_literal(db, role);
	AUTO_STRBUF(create);
	strbuf_addf(&create, "CREATE ROLE %s", name);
	for (size_t i = 0; i < ARRAY_SIZE(role_words); i++)
		strbuf_addf(&create, " %s",
			db_get_bool(&row, 0, (int)i + 1) ? role_words[i].yes : role_words[i].no);
	if (db_get_int(&row, 0, 8) != -1)
		strbuf_addf(&create, " CONNECTION LIMIT %s", db_get(&row, 0, 8));
	AUTO_FREE char *block = xstrfmt("BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles"
					" WHERE rolname = %s) THEN %s; END IF; END",
		literal, create.buf);
	AUTO_FREE char *quoted = db_literal(db, block);
	strbuf_addf(sql, "DO %s;\n", quoted);
	return true;
}

static bool add_roles(
	struct db *db, const struct pack_manifest *manifest, struct strbuf *sql, struct err *err)
{
	STRVEC_EACH (&manifest->roles, role)
		if (!add_role(db, role, sql, err))
			return false;
	return true;
}

/* --- the database ----------------------------------------------------------------------------- */

static void add_create(struct db *db, const struct pack_database *database, struct strbuf *sql)
{
	AUTO_FREE char *collate = db_literal(db, database->collate);
	AUTO_FREE char *ctype = db_literal(db, database->ctype);
	strbuf_addf(sql,
		"CREATE DATABASE :\"target\" TEMPLATE template0 ENCODING '%s'"
		" LC_COLLATE %s LC_CTYPE %s",
		database->encoding, collate, ctype);
	if (strcmp(database->locale_provider, "i") == 0 && database->icu_locale) {
		AUTO_FREE char *icu = db_literal(db, database->icu_locale);
		strbuf_addf(sql, " LOCALE_PROVIDER icu ICU_LOCALE %s", icu);
	}
	if (database->connection_limit != -1)
		strbuf_addf(sql, " CONNECTION LIMIT %" PRId64, database->connection_limit);
	strbuf_adds(sql, ";\n");
}

/* Settings that hold a list of names keep their own quotes in the catalog. */
static bool is_list_setting(const char *name)
{
	static const char *const lists[] = {"search_path", "temp_tablespaces",
		"session_preload_libraries", "local_preload_libraries", "shared_preload_libraries",
		"unix_socket_directories"};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(name, lists[i]) == 0)
			return true;
	return false;
}

static void add_setting(struct db *db, const struct pack_setting *setting, struct strbuf *sql)
{
	AUTO_FREE char *name = db_ident(db, setting->name);
	AUTO_FREE char *value = is_list_setting(setting->name) && setting->value[0]
					? xstrdup(setting->value)
					: db_literal(db, setting->value);
	if (setting->role) {
		AUTO_FREE char *role = db_ident(db, setting->role);
		strbuf_addf(sql, "ALTER ROLE %s IN DATABASE :\"target\"", role);
	} else {
		strbuf_adds(sql, "ALTER DATABASE :\"target\"");
	}
	strbuf_addf(sql, " SET %s TO %s;\n", name, value);
}

static bool add_database(
	struct db *db, const struct pack_database *database, struct strbuf *sql, struct err *err)
{
	AUTO_FREE char *owner = db_ident(db, database->owner);
	add_create(db, database, sql);
	strbuf_addf(sql, "ALTER DATABASE :\"target\" OWNER TO %s;\n", owner);
	if (database->comment) {
		AUTO_FREE char *comment = db_literal(db, database->comment);
		strbuf_addf(sql, "COMMENT ON DATABASE :\"target\" IS %s;\n", comment);
	}
	for (size_t i = 0; i < database->settings.count; i++)
		add_setting(db, &database->settings.items[i], sql);
	if (!database->acl)
		return true;
	strbuf_adds(sql, "REVOKE ALL ON DATABASE :\"target\" FROM PUBLIC;\n");
	return create_text_grants(
		db, "DATABASE :\"target\"", database->acl, database->owner, sql, err);
}

bool create_globals_add(struct db *leader, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err)
{
	AUTO_STRBUF(sql);
	create_text_begin(manifest, &sql);
	return add_roles(leader, manifest, &sql, err) &&
	       add_database(leader, &manifest->database, &sql, err) &&
	       pack_writer_add_text(writer, PACK_GLOBALS, sql.buf, sql.len, err);
}
