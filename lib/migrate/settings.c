#include "migrate/internal.h"

static bool set_wanted(struct migrate_session *session, struct err *err)
{
	STRVEC_EACH (&session->how.where->settings, setting) {
		const char *equals = strchr(setting, '=');
		AUTO_FREE char *name = xstrndup(setting, (size_t)(equals - setting));
		AUTO_RESULT(result);
		if (!db_query(session->db, &result, err, "select set_config($1, $2, false)", name,
			    equals + 1))
			return err_context(err, "migrations: settings: %s", name);
	}
	return true;
}

/*
 * A revision must do the same whether it runs alone or behind others, under mig or psql: it gets
 * the role's and the database's own time zone and date style, and nothing that another one SET.
 */
bool settings_begin(struct migrate_session *session, struct err *err)
{
	if (!db_exec(session->db, err, "reset timezone; reset datestyle") ||
		!set_wanted(session, err))
		return false;
	AUTO_RESULT(rows);
	if (!db_query(session->db, &rows, err,
		    "select name, setting from pg_settings where source = 'session'"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		strvec_push(&session->own_settings, db_get(&rows, i, 0));
		strvec_push(&session->own_settings, db_get(&rows, i, 1));
	}
	return true;
}

bool settings_restore(struct migrate_session *session, struct err *err)
{
	const struct strvec *own = &session->own_settings;
	if (!db_exec(session->db, err, "reset role") || !db_exec(session->db, err, "reset all"))
		return false;
	for (size_t i = 0; i + 1 < own->count; i += 2) {
		AUTO_RESULT(result);
		if (!db_query(session->db, &result, err, "select set_config($1, $2, false)",
			    own->items[i], own->items[i + 1]))
			return false;
	}
	return set_wanted(session, err); /* names with a dot are in no pg_settings */
}
