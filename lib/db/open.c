#include "db/internal.h"

#include <stdio.h>

#include "base/secret.h"

/*
 * Facts about the session and its settings in one round trip. Timeouts of the role or the database
 * are meant for the application: a session that idles on a key must not be ended by them.
 */
static const char session_sql[] =
	"select pg_backend_pid(), encode(convert_to(current_database()::text, 'SQL_ASCII'), 'hex'),"
	" datid, current_user,"
	" current_setting('is_superuser') = 'on', pg_is_in_recovery(),"
	" set_config('default_transaction_read_only', 'off', false),"
	" set_config('idle_in_transaction_session_timeout', '0', false),"
	" set_config('standard_conforming_strings', 'on', false),"
	" set_config('DateStyle', 'ISO', false), set_config('TimeZone', 'UTC', false)"
	" from pg_stat_get_activity(pg_backend_pid())";

/* Settings that not every version or platform has; refusals are of no consequence. */
static const struct {
	int since;
	const char *name, *value;
} optional_settings[] = {
	{140000, "client_connection_check_interval", "1s"},
	{140000, "idle_session_timeout", "0"},
	{120000, "tcp_user_timeout", "60s"},
	{0, "tcp_keepalives_idle", "30s"},
	{170000, "transaction_timeout", "0"},
};

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static char *text_of_hex(const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *text = xcalloc(length + 1, 1);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
	return text;
}

/* The server cuts at 63 bytes anyhow, and makes "?" of what is not ASCII, with a notice. */
static char *application_name(const char *name)
{
	char *ascii = xstrndup(name ? name : "mig", 63);
	for (char *c = ascii; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return ascii;
}

/* libpq's own message may quote a piece of a password from an unreadable string. */
static bool check_conninfo(const char *conninfo, struct err *err)
{
	char *said = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &said);
	PQfreemem(said);
	if (options) {
		PQconninfoFree(options);
		return true;
	}
	err_set(err, ERR_USAGE, "the connection string cannot be read");
	return err_hint(err, "\"host=... dbname=... user=...\", or postgresql://user@host/dbname");
}

static void note_notice(void *arg, const PGresult *result)
{
	struct db *db = arg;
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (text)
		log_debug(db->log, "notice", NULL, "%s", text);
}

static char *option_value(PQconninfoOption *options, const char *keyword)
{
	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, keyword) == 0 && o->val && *o->val)
			return xstrdup(o->val);
	return NULL;
}

/* Given first: what the connection string says wins. A given PGCONNECT_TIMEOUT wins, too. */
static const char *default_connect_timeout(void)
{
	PQconninfoOption *options = PQconndefaults();
	AUTO_FREE char *given = option_value(options, "connect_timeout");
	PQconninfoFree(options);
	return given ? NULL : "10";
}

/* As libpq: the database, else PGDATABASE, else what the user is called. */
char *db_conninfo_dbname(const char *conninfo)
{
	static const char *const keywords[] = {"dbname", "user"};
	if (conninfo && *conninfo && !strchr(conninfo, '=') && !strstr(conninfo, "://"))
		return xstrdup(conninfo);
	PQconninfoOption *given = PQconninfoParse(conninfo ? conninfo : "", NULL);
	if (!given)
		return NULL;
	PQconninfoOption *defaults = PQconndefaults();
	AUTO_FREE char *service = option_value(given, "service");
	char *name = option_value(given, "dbname");
	for (size_t i = 0; i < ARRAY_SIZE(keywords) && !name && !service; i++) {
		name = option_value(given, keywords[i]);
		if (!name)
			name = option_value(defaults, keywords[i]);
	}
	PQconninfoFree(given);
	PQconninfoFree(defaults);
	return name;
}

static PGconn *connect_with(const struct db_params *params)
{
	AUTO_FREE char *name = application_name(params->application_name);
	const char *keys[] = {"keepalives", "keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "connect_timeout", "dbname",
		"application_name", "client_encoding", params->dbname ? "dbname" : NULL, NULL};
	const char *values[] = {"1", "30", "10", "3", "60000", default_connect_timeout(),
		params->conninfo ? params->conninfo : "", name, "UTF8", params->dbname, NULL};
	return PQconnectdbParams(keys, values, 1);
}

static bool refuse_pooler(struct db *db, struct err *err)
{
	if (db->pid == PQbackendPID(db->pg))
		return true;
	err_set(err, ERR_REFUSED,
		"a connection pooler stands between us and the server: this session would change "
		"hands");
	err_detail(err, "the server says backend %d, the connection says %d", db->pid,
		PQbackendPID(db->pg));
	return err_hint(err,
		"give the server's own host and port under \"direct\" in mig.yaml, or say "
		"\"pooler: session\" if it keeps one backend per session");
}

static bool learn_session(
	struct db *db, const struct db_call *call, bool pooler_session, struct err *err)
{
	const struct db_result *row = &call->result;
	if (!db_call_worked(call))
		return db_error(db, row->pg, err, "connect");
	if (!db_rows(row)) {
		err_set(err, ERR_DATABASE, "the server does not know this session");
		return err_hint(err, "give its own host and port under \"direct\" in mig.yaml");
	}
	db->pid = (int)db_get_int(row, 0, 0);
	db->dbname = text_of_hex(db_get(row, 0, 1));
	db->db_oid = (uint32_t)db_get_int(row, 0, 2);
	db->user = xstrdup(db_get(row, 0, 3));
	db->superuser = db_get_bool(row, 0, 4);
	db->standby = db_get_bool(row, 0, 5);
	return pooler_session || refuse_pooler(db, err);
}

/* "select set_config(..), set_config(..)" of all that this version has. */
static char *settings_sql(const struct db *db)
{
	AUTO_STRBUF(sql);
	for (size_t i = 0; i < ARRAY_SIZE(optional_settings); i++)
		if (db->version >= optional_settings[i].since)
			strbuf_addf(&sql, "%s set_config('%s', '%s', false)",
				sql.len ? "," : "select", optional_settings[i].name,
				optional_settings[i].value);
	return strbuf_take(&sql);
}

/* One of them was refused, and so all were. */
static void set_each(struct db *db)
{
	for (size_t i = 0; i < ARRAY_SIZE(optional_settings); i++) {
		AUTO_ERR(why);
		if (db->version >= optional_settings[i].since &&
			!db_execf(db, &why, "set %s = '%s'", optional_settings[i].name,
				optional_settings[i].value))
			log_debug(db->log, "setting", NULL, "%s", why.msg);
	}
}

/* Facts, settings and the system identifier, which not every role may read: one round trip. */
static bool learn(struct db *db, const struct db_params *params, struct err *err)
{
	enum { FIRST, SESSION, SYSTEM, SETTINGS, COUNT };
	AUTO_FREE char *settings = settings_sql(db);
	/* a timeout of the role or the database may be shorter than what follows */
	struct db_call calls[COUNT] = {[FIRST] = {.sql = "set statement_timeout = 0"},
		[SESSION] = {.sql = session_sql},
		[SYSTEM] = {.sql = "select system_identifier from pg_control_system()"},
		[SETTINGS] = {.sql = settings}};
	bool good = db_pipeline_first(db, params, calls, COUNT, err) &&
		    learn_session(db, &calls[SESSION], params->pooler_session, err);
	if (good && db_call_worked(&calls[SYSTEM]))
		db->system_id = xstrdup_null(db_get(&calls[SYSTEM].result, 0, 0));
	if (good && !db_call_worked(&calls[SETTINGS]))
		set_each(db);
	db_calls_release(calls, COUNT);
	if (good && str_equal(PQparameterStatus(db->pg, "server_encoding"), "SQL_ASCII"))
		PQsetClientEncoding(db->pg, "SQL_ASCII");
	return good;
}

bool db_open(const struct db_params *params, struct db **db, struct err *err)
{
	const char *conninfo = params->conninfo ? params->conninfo : "";
	bool is_conninfo = strchr(conninfo, '=') || strstr(conninfo, "://");
	if (is_conninfo && !check_conninfo(conninfo, err))
		return false;
	secret_register_conninfo(conninfo);
	CLEANUP(db_close_auto) struct db *opened = xcalloc(1, sizeof(*opened));
	opened->log = params->log;
	opened->stop = params->stop;
	opened->stop_ctx = params->stop_ctx;
	opened->pg = connect_with(params);
	if (PQstatus(opened->pg) != CONNECTION_OK)
		return db_connect_error(opened->pg, err);
	PQsetNoticeReceiver(opened->pg, note_notice, opened);
	opened->cancel = PQgetCancel(opened->pg);
	opened->version = PQserverVersion(opened->pg);
	if (!learn(opened, params, err))
		return false;
	*db = xtake(&opened);
	return true;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	PQfreeCancel(db->cancel);
	PQfinish(db->pg);
	free(db->dbname);
	free(db->user);
	free(db->system_id);
	free(db);
}
