/* The connection itself, the pin, and what would be in the way of a swap. */
#include "cli/target.h"
#include "front/doctor.h"

enum { OLDEST_TESTED = 130000, NEWEST_TESTED = 150000 };

static void say_version(struct doctor *doctor)
{
	const struct db *db = doctor->db;
	if (db->version < OLDEST_TESTED)
		doctor_say(doctor, DOCTOR_BAD, "upgrade the server",
			"server version %d is older than any that mig is made for (13)",
			db->version / 10000);
	else if (db->version / 10000 != NEWEST_TESTED / 10000)
		doctor_say(doctor, DOCTOR_WARN, NULL,
			"server version %d: this version of mig is tested with 15 only",
			db->version / 10000);
	if (db->standby)
		doctor_say(doctor, DOCTOR_WARN, "connect to the primary",
			"this server is a standby: backups only, and runs on the primary are not "
			"excluded");
}

void doctor_connection(struct doctor *doctor)
{
	AUTO_ERR(err);
	if (!db_open(&doctor->params, &doctor->db, &err)) {
		doctor_say_error(doctor, DOCTOR_BAD, &err);
		return;
	}
	const struct db *db = doctor->db;
	doctor_say(doctor, DOCTOR_OK, NULL,
		"%s at %s:%s as %s%s, PostgreSQL %d.%d (from %s), no pooler that hides the backend",
		db->dbname, PQhost(db->pg), PQport(db->pg), db->user,
		db->superuser ? " (superuser)" : "", db->version / 10000, db->version % 10000,
		doctor->env->conninfo_origin);
	say_version(doctor);
}

void doctor_pin(struct doctor *doctor)
{
	AUTO_ERR(err);
	const struct conf_env *env = doctor->env;
	if (!cli_target_check(env, doctor->db, &err))
		doctor_say_error(doctor, DOCTOR_BAD, &err);
	else if (env->pin)
		doctor_say(doctor, DOCTOR_OK, NULL, "this is the database of environment %s",
			env->name);
	else if (env->config_path)
		doctor_say(doctor, env->production ? DOCTOR_WARN : DOCTOR_OK, "mig doctor --pin",
			"environment %s is not pinned to its database: a wrong connection would "
			"not be noticed",
			env->name);
}

/* ---- what a swap would refuse (safety 8) ---- */

struct obstacle {
	const char *sql; /* names, one per row; $1 is the database */
	const char *text, *next;
};

static const struct obstacle obstacles[] = {
	{"select gid from pg_prepared_xacts where database = $1", "prepared transaction",
		"commit prepared 'NAME', or rollback prepared 'NAME'"},
	{"select slot_name from pg_replication_slots where database = $1",
		"logical replication slot", "select pg_drop_replication_slot('NAME')"},
	{"select s.subname from pg_subscription s join pg_database d on d.oid = s.subdbid "
	 "where d.datname = $1",
		"subscription", "drop subscription NAME"},
};

static size_t say_obstacle(struct doctor *doctor, const struct obstacle *obstacle)
{
	AUTO_ERR(err);
	AUTO_RESULT(rows);
	if (!db_query(doctor->db, &rows, &err, obstacle->sql, doctor->db->dbname)) {
		doctor_say_error(doctor, DOCTOR_WARN, &err);
		return 1;
	}
	for (int i = 0; i < db_rows(&rows); i++)
		doctor_say(doctor, DOCTOR_WARN, obstacle->next, "%s in the way of a swap: %s",
			obstacle->text, db_get(&rows, i, 0));
	return (size_t)db_rows(&rows);
}

void doctor_swap(struct doctor *doctor)
{
	size_t found = 0;
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++)
		found += say_obstacle(doctor, &obstacles[i]);
	if (!found)
		doctor_say(doctor, DOCTOR_OK, NULL,
			"no prepared transaction, logical slot or subscription is in the way");
}
