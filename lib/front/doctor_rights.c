/* Rights of the role, tested one by one (docs/privileges.md has the same rows in words). */
#include "front/doctor.h"

/* Says what is missing in one text, or NULL when all is there. */
struct right {
	const char *name, *commands;
	enum doctor_level level; /* when missing */
	const char *sql;
	const char *next; /* SQL whose value is the command to type */
};

#define USER_SCHEMA "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
#define FIRST_FIVE(list) \
	"select case when count(*) > 0 then count(*) || ': ' || " \
	"array_to_string((array_agg(name order by name))[1:5], ', ') end from (" list ") missing"

#define FOR_ROLE(command) "select format('" command "', current_user)"

static const struct right rights[] = {
	{"read every table", "mig-backup create", DOCTOR_BAD,
		FIRST_FIVE(
			"select format('%I.%I', n.nspname, c.relname) as name from pg_class c "
			"join pg_namespace n on n.oid = c.relnamespace where " USER_SCHEMA
			" and c.relkind in ('r', 'p', 'S') and not (has_schema_privilege(n.oid, "
			"'USAGE') and case when c.relkind = 'S' then "
			"has_sequence_privilege(c.oid, 'SELECT') else has_table_privilege(c.oid, "
			"'SELECT') end)"),
		FOR_ROLE("grant pg_read_all_data to %I")},
	{"read rows behind row-level security", "mig-backup create", DOCTOR_BAD,
		FIRST_FIVE("select c.oid::regclass::text as name from pg_class c where "
			   "c.relrowsecurity and row_security_active(c.oid)"),
		FOR_ROLE("alter role %I bypassrls")},
	{"read every large object", "mig-backup create", DOCTOR_BAD,
		FIRST_FIVE("select m.oid::text as name from pg_largeobject_metadata m where not "
			   "pg_has_role(m.lomowner, 'USAGE') and not exists (select from "
			   "aclexplode(m.lomacl) a where a.privilege_type = 'SELECT' and "
			   "(a.grantee = 0 "
			   "or pg_has_role(a.grantee, 'USAGE')))"),
		FOR_ROLE("grant select on large object OID to %I")},
	{"create in the database", "mig-apply, mig-maintenance: schema mig", DOCTOR_BAD,
		"select case when not has_database_privilege(current_database(), 'CREATE') and not "
		"exists (select from pg_namespace where nspname = 'mig' and pg_has_role(nspowner, "
		"'USAGE')) then 'CREATE' end",
		"select format('grant create on database %I to %I', current_database(), "
		"current_user)"},
	{"create in the first schema of the search path", "mig-apply upgrade", DOCTOR_WARN,
		"select case when current_schema() is null then 'no schema' when not "
		"has_schema_privilege(current_schema(), 'CREATE') then current_schema()::text end",
		"select format('grant create on schema %I to %I', coalesce(current_schema(), "
		"'public'), current_user)"},
	{"own the tables that migrations change", "mig-apply upgrade", DOCTOR_WARN,
		FIRST_FIVE("select format('%I.%I', n.nspname, c.relname) as name from pg_class c "
			   "join pg_namespace n on n.oid = c.relnamespace where " USER_SCHEMA
			   " and c.relkind in ('r', 'p') and not pg_has_role(c.relowner, 'USAGE')"),
		"select string_agg(distinct format('grant %I to %I', pg_get_userbyid(c.relowner), "
		"current_user), "
		"'; ') from pg_class c join pg_namespace n on n.oid = c.relnamespace "
		"where " USER_SCHEMA
		" and c.relkind in ('r', 'p') and not pg_has_role(c.relowner, 'USAGE')"},
	{"make databases (CREATEDB)", "mig-restore, mig-verify backup --restore", DOCTOR_WARN,
		"select case when not (rolcreatedb or rolsuper) then 'CREATEDB' end from pg_roles "
		"where rolname = current_user",
		FOR_ROLE("alter role %I createdb")},
	{"own the database", "mig-restore --swap, mig-maintenance with a database provider",
		DOCTOR_WARN,
		"select case when not pg_has_role(datdba, 'USAGE') then 'it belongs to ' || "
		"pg_get_userbyid(datdba) end from pg_database where datname = current_database()",
		"select format('alter database %I owner to %I', current_database(), current_user)"},
	{"end other roles' sessions", "mig-maintenance, mig-restore --swap", DOCTOR_WARN,
		"select case when not pg_has_role('pg_signal_backend', 'USAGE') then "
		"'pg_signal_backend' end",
		FOR_ROLE("grant pg_signal_backend to %I")},
	{"see what other roles' sessions do",
		"mig-maintenance on, which else waits its whole --drain", DOCTOR_WARN,
		"select case when not pg_has_role('pg_read_all_stats', 'USAGE') then "
		"'pg_read_all_stats' end",
		FOR_ROLE("grant pg_read_all_stats to %I")},
	{"end the sessions that are here now", "mig-maintenance, mig-restore --swap", DOCTOR_WARN,
		"select case when count(*) > 0 then 'superuser ' || string_agg(distinct a.usename, "
		"', ') end from pg_stat_activity a join pg_roles r on r.oid = a.usesysid where "
		"a.datname = current_database() and r.rolsuper and not (select rolsuper from "
		"pg_roles where rolname = current_user)",
		"select 'only a superuser can end them: close them, or let mig connect as one'"},
	{"read the system identifier", "pins", DOCTOR_WARN,
		"select case when not has_function_privilege('pg_control_system()', 'EXECUTE') "
		"then "
		"'pg_control_system()' end",
		FOR_ROLE("grant execute on function pg_control_system() to %I")},
};

static void say_missing(struct doctor *doctor, const struct right *right, const char *missing)
{
	AUTO_ERR(ignored);
	AUTO_FREE char *next = NULL;
	if (!db_value(doctor->db, &next, &ignored, right->next))
		next = NULL;
	doctor_say(doctor, right->level, next, "%s may not %s (for %s): %s", doctor->db->user,
		right->name, right->commands, missing);
}

static size_t check_right(struct doctor *doctor, const struct right *right)
{
	AUTO_ERR(err);
	AUTO_FREE char *missing = NULL;
	if (!db_value(doctor->db, &missing, &err, right->sql)) {
		err_context(&err, "%s", right->name);
		doctor_say_error(doctor, DOCTOR_WARN, &err);
		return 1;
	}
	if (missing)
		say_missing(doctor, right, missing);
	return missing != NULL;
}

/* Run, swap and backup keys live in `postgres` (safety 1). */
static size_t check_postgres(struct doctor *doctor)
{
	AUTO_ERR(err);
	CLEANUP(db_close_auto) struct db *postgres = NULL;
	struct db_params params = doctor->params;
	params.dbname = "postgres";
	if (!strcmp(doctor->db->dbname, "postgres")) {
		doctor_say(doctor, DOCTOR_WARN, NULL,
			"the target is the database postgres itself: no swap is possible");
		return 1;
	}
	if (db_open(&params, &postgres, &err))
		return 0;
	doctor_say(doctor, DOCTOR_WARN, "grant connect on database postgres to the role",
		"the database postgres cannot be reached, where the keys live: they are taken in "
		"the target, and swap is not offered (%s)",
		err.msg);
	return 1;
}

void doctor_rights(struct doctor *doctor)
{
	size_t missing = check_postgres(doctor);
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		missing += check_right(doctor, &rights[i]);
	if (!missing)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s may do all that mig's commands need",
			doctor->db->user);
}
