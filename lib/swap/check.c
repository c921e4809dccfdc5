#include "copies/copies.h"
#include "swap/room.h"

/* Each row answers with lines that say what is in the way; $1 and $2 are the two OIDs. */
static const struct {
	const char *sql;
	const char *remedy;
} obstacles[] = {
	{"select 'prepared transaction ' || quote_literal(gid) || ' of ' || owner || ' in '"
	 " || quote_ident(database) from pg_prepared_xacts x join pg_database d"
	 " on d.datname = x.database where d.oid in ($1::oid, $2::oid) order by 1",
		"commit or roll it back: COMMIT PREPARED '..' or ROLLBACK PREPARED '..'"},
	{"select 'logical replication slot ' || quote_literal(slot_name)"
	 " || case when active then ' (in use)' else '' end from pg_replication_slots"
	 " where datoid in ($1::oid, $2::oid) order by 1",
		"it would stay with the displaced database: move its consumer, then"
		" SELECT pg_drop_replication_slot('..')"},
	{"select 'subscription ' || quote_ident(subname) from pg_subscription"
	 " where subdbid in ($1::oid, $2::oid) order by 1",
		"it would stay with the displaced database: DROP SUBSCRIPTION .. and make it anew"
		" afterwards"},
	{"select 'session ' || pid || ' of role ' || quote_ident(usename) ||"
	 " ' may not be ended by ' || quote_ident(current_user) from pg_stat_activity"
	 " where datid in ($1::oid, $2::oid) and usesysid is not null"
	 " and not " SWAP_MAY_TERMINATE("usesysid") " order by pid",
		"GRANT pg_signal_backend to this role, or end them as a superuser"},
	{"select 'role ' || quote_ident(current_user) || ' has neither CREATEDB nor superuser'"
	 " from pg_roles where rolname = current_user and not rolcreatedb and not rolsuper"
	 " and $1::oid is not null and $2::oid is not null",
		"ALTER ROLE .. CREATEDB"},
	{"select 'database ' || quote_ident(datname) || ' is owned by '"
	 " || quote_ident(pg_get_userbyid(datdba)) || ', and ' || quote_ident(current_user)"
	 " || ' is not a member of it' from pg_database"
	 " where oid in ($1::oid, $2::oid) and not pg_has_role(datdba, 'USAGE')",
		"GRANT that role to this one"},
};

static bool find_obstacles(struct db *server, uint32_t live_oid, uint32_t copy_oid,
	struct strvec *found, const char **remedy, struct err *err)
{
	AUTO_FREE char *live = xstrfmt("%u", live_oid);
	AUTO_FREE char *copy = xstrfmt("%u", copy_oid);
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++) {
		AUTO_RESULT(rows);
		if (!db_query(server, &rows, err, obstacles[i].sql, live, copy))
			return false;
		for (int row = 0; row < db_rows(&rows); row++)
			strvec_push(found, db_get(&rows, row, 0));
		if (db_rows(&rows) && !*remedy)
			*remedy = obstacles[i].remedy;
	}
	return true;
}

/* What this role may not set shows only by trying. */
static bool try_traits(const struct swap_settings *settings, struct db *server,
	const struct swap_traits *traits, struct err *err)
{
	AUTO_TX(tx);
	return db_begin(server, &tx, NULL, err) &&
	       swap_traits_apply(server, settings->copy, settings->copy_oid, traits, err);
}

bool swap_check_all(const struct swap_settings *settings, struct db *server, uint32_t live_oid,
	const struct swap_traits *traits, struct err *err)
{
	AUTO_STRVEC(found);
	AUTO_ERR(trial);
	const char *remedy = NULL;
	if (!find_obstacles(server, live_oid, settings->copy ? settings->copy_oid : live_oid,
		    &found, &remedy, err))
		return false;
	if (!found.count && settings->copy && !try_traits(settings, server, traits, &trial)) {
		if (trial.code != ERR_REFUSED)
			return err_move(err, &trial);
		strvec_pushf(&found, "%s%s%s", trial.msg, trial.detail ? ": " : "",
			trial.detail ? trial.detail : "");
		remedy = "what the live database has must be given to the copy: do it as a "
			 "superuser, or remove it from the live database";
	}
	if (!found.count)
		return true;
	AUTO_FREE char *detail = strvec_join(&found, "\n");
	err_set(err, ERR_REFUSED, "\"%s\" cannot be swapped: %s%s", settings->live, found.items[0],
		found.count > 1 ? ", and more" : "");
	err_detail(err, "%s", detail);
	return err_hint(err, "%s", remedy);
}
