/*
 * database: read-only. The default for new transactions; BEGIN READ WRITE or a setting of the role
 * pass it, so it is advice. Sessions that began before are ended.
 */
#include "maint/providers.h"
#include "maint/sessions.h"

struct read_only_config {
	char *word;
};

static const struct conf_field fields[] = {
	{"database", CONF_TEXT, offsetof(struct read_only_config, word), true},
};

static bool read_only_check(
	void *config, const struct conf_node *item, const char *directory, struct err *err)
{
	(void)config;
	(void)item;
	(void)directory;
	(void)err;
	return true;
}

static char *read_only_describe(const void *config)
{
	(void)config;
	return xstrdup("database read-only");
}

/* *value: what ALTER DATABASE set it to, NULL when it is not set. Caller owns. */
static bool setting(struct db *db, char **value, struct err *err)
{
	return db_value(db, value, err,
		"select split_part(entry, '=', 2) from pg_db_role_setting, unnest(setconfig) entry"
		" where setrole = 0 and setdatabase ="
		"  (select oid from pg_database where datname = current_database())"
		" and entry like 'default_transaction_read_only=%'");
}

static bool is_true(const char *value)
{
	static const char *const words[] = {"on", "true", "yes", "1"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (value && strcmp(value, words[i]) == 0)
			return true;
	return false;
}

static bool read_only_status(const struct maint_site *site, const void *config,
	enum maint_switch *is, char **why, struct err *err)
{
	AUTO_FREE char *value = NULL;
	(void)config;
	(void)why;
	if (!setting(site->db, &value, err))
		return false;
	*is = is_true(value) ? MAINT_IS_ON : MAINT_IS_OFF;
	return true;
}

static bool read_only_before(
	const struct maint_site *site, const void *config, json_t **before, struct err *err)
{
	AUTO_FREE char *value = NULL;
	(void)config;
	if (!setting(site->db, &value, err))
		return false;
	*before = json_pack("{s:s?}", "setting", value);
	return true;
}

/* ALTER DATABASE .. SET replaces an entry where it stands, RESET removes entry and empty row. */
static bool put(struct db *db, const char *value, struct err *err)
{
	AUTO_FREE char *database = db_ident(db, db->dbname);
	if (!value)
		return db_execf(
			db, err, "alter database %s reset default_transaction_read_only", database);
	AUTO_FREE char *literal = db_literal(db, value);
	return db_execf(db, err, "alter database %s set default_transaction_read_only = %s",
		database, literal);
}

static void warn_of_roles(const struct maint_site *site)
{
	AUTO_ERR(ignored);
	AUTO_FREE char *roles = NULL;
	if (db_value(site->db, &roles, &ignored,
		    "select string_agg(distinct setrole::regrole::text, ', ')"
		    " from pg_db_role_setting, unnest(setconfig) entry where setrole <> 0"
		    " and entry ~ '^default_transaction_read_only=(off|false|no|0)$'") &&
		roles)
		log_warn(site->log, "maintenance_advice", json_pack("{s:s}", "roles", roles),
			"read-only does not bind these roles, which set it off themselves: %s",
			roles);
}

static bool read_only_on(const struct maint_site *site, const void *config, struct err *err)
{
	AUTO_STRVEC(left);
	(void)config;
	if (!put(site->db, "on", err))
		return false;
	warn_of_roles(site);
	if (!sessions_end(site->db, &left, err))
		return false;
	STRVEC_EACH (&left, session)
		log_warn(site->log, "session_kept", json_pack("{s:s}", "session", session),
			"a session from before cannot be ended, and may still write: %s", session);
	return true;
}

/* Sessions take their default when they begin: those of the read-only time are ended, too. */
static bool read_only_off(
	const struct maint_site *site, const void *config, const json_t *before, struct err *err)
{
	AUTO_STRVEC(left);
	(void)config;
	return put(site->db, json_string_value(json_object_get(before, "setting")), err) &&
	       sessions_end(site->db, &left, err);
}

const struct maint_row maint_read_only = {
	.key = "database",
	.word = "read-only",
	.gives = MAINT_ADVICE,
	.in_database = true,
	.fields = fields,
	.field_count = ARRAY_SIZE(fields),
	.size = sizeof(struct read_only_config),
	.check = read_only_check,
	.describe = read_only_describe,
	.status = read_only_status,
	.before = read_only_before,
	.on = read_only_on,
	.off = read_only_off,
};
