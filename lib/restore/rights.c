#include "restore/rights.h"
#include "restore/foreign_fate.h"
#include "restore/text.h"
#include "schema/roles.h"

#define SHOWN 60

void restore_rights_release(struct restore_rights *rights)
{
	strvec_release(&rights->become);
	strvec_release(&rights->superuser);
	strvec_release(&rights->public);
}

/*
 * What is asked for
 */

/* pg_dump becomes another role with it, where privileges were given by others than the owner. */
static bool is_for_superusers(const char *sql)
{
	static const struct {
		const char *begin, *within;
	} rows[] = {
		{"CREATE EVENT TRIGGER ", ""},
		{"CREATE PUBLICATION ", " FOR ALL TABLES"},
		{"SET SESSION AUTHORIZATION ", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_starts(sql, rows[i].begin) && strstr(sql, rows[i].within))
			return !strstr(sql, "AUTHORIZATION DEFAULT");
	return false;
}

bool restore_rights_add(struct restore_rights *rights, const char *sql, struct err *err)
{
	char *what;
	enum foreign_fate fate = foreign_fate(sql, true, &what);
	free(what);
	if (fate == FOREIGN_LEAVE_OUT)
		return true;
	if (is_for_superusers(sql) && !strvec_has(&rights->superuser, sql))
		strvec_push(&rights->superuser, sql);
	return schema_roles_become(
		sql, restore_text_gives_public(sql) ? &rights->public : &rights->become, err);
}

static bool add_statement(void *ctx, const char *sql, struct err *err)
{
	return restore_rights_add(ctx, sql, err);
}

bool restore_rights_read(
	struct pack_reader *reader, unsigned int of, struct restore_rights *rights, struct err *err)
{
	static const struct {
		enum restore_rights_of of;
		const char *member;
	} rows[] = {
		{RESTORE_RIGHTS_DEFINITIONS, PACK_PRE_DATA},
		{RESTORE_RIGHTS_DEFINITIONS, PACK_POST_DATA},
		{RESTORE_RIGHTS_LARGE_OBJECTS, PACK_LARGE_OBJECTS},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRBUF(text);
		if (rows[i].of & of &&
			(!pack_reader_text(reader, rows[i].member, &text, err) ||
				!restore_text_each(text.buf, add_statement, rights, err)))
			return false;
	}
	return true;
}

/*
 * What is there
 */

struct missing {
	struct db *server;
	bool scratch; /* no other way leads to it */
	struct strvec lines; /* what may not be done */
	struct strvec grants; /* "GRANT a TO me" */
	struct strvec maps; /* "--role-map a=me" */
};

static void missing_release(struct missing *missing)
{
	strvec_release(&missing->lines);
	strvec_release(&missing->grants);
	strvec_release(&missing->maps);
}

/* The query has one parameter, and finds something where a right is missing. */
static bool is_missing(
	struct db *server, const char *sql, const char *name, bool *is, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(server, &rows, err, sql, name))
		return false;
	*is = db_rows(&rows) > 0;
	return true;
}

/* Whoever makes a database is a member of the other one in it. */
#define BECOME(right) \
	"select from pg_catalog.pg_roles where rolname = $1 and rolname <> 'pg_database_owner'" \
	" and not pg_catalog.pg_has_role(oid, '" right "')"

static bool add_owner(struct missing *missing, const char *old, const char *role, struct err *err)
{
	struct db *server = missing->server;
	const char *sql = server->version >= 160000 ? BECOME("SET") : BECOME("MEMBER");
	bool is;
	if (!is_missing(server, sql, role, &is, err))
		return false;
	if (!is)
		return true;
	AUTO_FREE char *quoted = db_ident(server, role);
	AUTO_FREE char *me = db_ident(server, server->user);
	strvec_pushf(&missing->lines, "role \"%s\" owns some of it, and \"%s\" is no member of it",
		role, server->user);
	strvec_pushf(&missing->grants, "GRANT %s TO %s;", quoted, me);
	if (missing->scratch)
		return true;
	strvec_pushf(&missing->maps, "--role-map '%s=%s'", old, server->user);
	return true;
}

static bool add_superuser(
	struct missing *missing, const struct strvec *map, const char *sql, struct err *err)
{
	static const char session[] = "SET SESSION AUTHORIZATION ";
	AUTO_STRVEC(names);
	if (str_starts(sql, session)) {
		if (!schema_roles_names(sql, &names, err))
			return false;
		/* nobody needs a right to be who he is */
		if (names.count &&
			str_equal(schema_roles_name(map, names.items[0]), missing->server->user))
			return true;
		strvec_pushf(&missing->lines,
			"privileges that role \"%s\" gave can be given again by a superuser alone",
			names.count ? names.items[0] : "");
		return true;
	}
	size_t length = strcspn(sql, "\r\n");
	strvec_pushf(&missing->lines, "for superusers alone: %.*s",
		(int)(length < SHOWN ? length : SHOWN), sql);
	return true;
}

static bool add_all(const struct strvec *names, const char *sql, const char *why,
	struct missing *missing, struct err *err)
{
	if (!names)
		return true;
	STRVEC_EACH (names, name) {
		bool is;
		if (!is_missing(missing->server, sql, name, &is, err))
			return false;
		if (is)
			strvec_pushf(&missing->lines, why, name);
	}
	return true;
}

static bool add_createdb(struct missing *missing, struct err *err)
{
	struct db *server = missing->server;
	bool is;
	if (!is_missing(server,
		    "select from pg_catalog.pg_roles where rolname = $1 and not rolcreatedb",
		    server->user, &is, err))
		return false;
	if (!is)
		return true;
	AUTO_FREE char *me = db_ident(server, server->user);
	strvec_pushf(&missing->lines, "\"%s\" may not make databases%s", server->user,
		missing->scratch ? "" : " (over the live one: --in-place)");
	strvec_pushf(&missing->grants, "ALTER ROLE %s CREATEDB;", me);
	return true;
}

static bool find_missing(const struct restore_settings *settings,
	const struct restore_needed *needed, struct missing *missing, struct err *err)
{
	const struct strvec *map = settings->role_map;
	if (needed->makes_database && !add_createdb(missing, err))
		return false;
	STRVEC_EACH (&needed->rights->become, old)
		if (!add_owner(missing, old, schema_roles_name(map, old), err))
			return false;
	STRVEC_EACH (&needed->rights->public, old)
		if (missing->server->version >= 150000 &&
			!strvec_has(&needed->rights->become, old) &&
			!add_owner(missing, old, schema_roles_name(map, old), err))
			return false;
	STRVEC_EACH (&needed->rights->superuser, sql)
		if (!add_superuser(missing, map, sql, err))
			return false;
	return add_all(needed->extensions,
		       "select from pg_catalog.pg_available_extensions a"
		       " join pg_catalog.pg_available_extension_versions v on v.name = a.name"
		       " and v.version = a.default_version where a.name = $1 and v.superuser"
		       " and not v.trusted and not v.installed",
		       "extension \"%s\" can be made by a superuser alone", missing, err) &&
	       (settings->no_tablespaces ||
		       add_all(needed->tablespaces,
			       "select from pg_catalog.pg_tablespace where spcname = $1"
			       " and not pg_catalog.has_tablespace_privilege(oid, 'CREATE')",
			       "tablespace \"%s\": no CREATE on it (GRANT CREATE ON TABLESPACE ..,"
			       " or --no-tablespaces)",
			       missing, err));
}

static bool refuse(const struct missing *missing, struct err *err)
{
	AUTO_FREE char *detail = strvec_join(&missing->lines, "\n");
	AUTO_FREE char *grants = strvec_join(&missing->grants, " ");
	AUTO_FREE char *maps = strvec_join(&missing->maps, " ");
	err_set(err, ERR_REFUSED, "role \"%s\" may not restore this: %s%s", missing->server->user,
		missing->lines.items[0], missing->lines.count > 1 ? ", and more" : "");
	err_detail(err, "%s", detail);
	if (!missing->grants.count)
		return err_hint(err, "restore as a superuser");
	return err_hint(err, "%s%s%s%s", grants,
		*maps ? " Or give what is theirs to the one that restores: " : "", maps,
		missing->lines.count > missing->grants.count ? " Or restore as a superuser" : "");
}

bool restore_rights_check(const struct restore_settings *settings,
	const struct restore_needed *needed, struct db *server, struct err *err)
{
	CLEANUP(missing_release)
	struct missing missing = {.server = server, .scratch = settings->scratch};
	if (server->superuser)
		return true;
	return find_missing(settings, needed, &missing, err) &&
	       (!missing.lines.count || refuse(&missing, err));
}
