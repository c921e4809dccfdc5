#include "db/internal.h"

#include <signal.h>

#include "base/secret.h"

/* First match wins; `state` is a prefix of the SQLSTATE. */
static const struct {
	const char *state;
	enum err_code code;
	const char *hint; /* when the server gives none */
} classes[] = {
	{"08", ERR_DATABASE, "check that the server is up, then run the command again"},
	{"57P01", ERR_DATABASE, "an administrator ended the session: run the command again"},
	{"57P", ERR_DATABASE, "the server is starting, stopping or recovering: run it again later"},
	{"53300", ERR_DATABASE, "too many connections: raise max_connections or close some"},
	{"53100", ERR_STORAGE, "the server's disk is full: free space there"},
	{"28", ERR_DATABASE, "check user and password: ~/.pgpass, PGPASSWORD or a service file"},
	{"3D000", ERR_DATABASE, "list the databases: psql -l"},
	{"55P03", ERR_LOCK,
		"see who is at work: psql -c \"select pid, usename, state, query from "
		"pg_stat_activity where state <> 'idle'\""},
	{"40P01", ERR_LOCK, NULL},
	{"57014", ERR_TIMEOUT, NULL},
	{"42501", ERR_SQL,
		"mig doctor prints the grant that is missing; docs/privileges.md lists them all"},
	{"25006", ERR_SQL, "a standby, or a session that was set read only"},
};

void db_error_class(const char *state, struct err *err)
{
	err->code = ERR_SQL;
	snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!str_starts(state, classes[i].state))
			continue;
		err->code = classes[i].code;
		if (!err->hint && classes[i].hint)
			err_hint(err, "%s", classes[i].hint);
		return;
	}
}

/* The first line of what libpq or the server said, without its "ERROR:" and the newline. */
static char *first_line(const char *text)
{
	size_t length = strcspn(text, "\n");
	return xstrndup(text, length);
}

static bool connection_error(struct db *db, struct err *err, const char *what)
{
	AUTO_FREE char *said = secret_redact(PQerrorMessage(db->pg));
	AUTO_FREE char *line = first_line(said);
	err_set(err, ERR_DATABASE, "%s: lost the connection to the server: %s", what, line);
	return err_hint(err, "check that the server is up, then run the command again");
}

/* A cancelled statement: by us, by a timeout, or by somebody else. */
static void class_of_cancel(struct db *db, struct err *err)
{
	if (db->stopping) {
		err->code = ERR_SIGNAL;
		err->signal = SIGINT;
	} else if (err->msg && !strstr(err->msg, "timeout")) {
		err->code = ERR_SQL;
	}
}

bool db_error(struct db *db, const PGresult *result, struct err *err, const char *what)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	if (!state)
		return PQstatus(db->pg) == CONNECTION_BAD
			       ? connection_error(db, err, what)
			       : err_set(err, ERR_BUG, "%s: %s", what, PQerrorMessage(db->pg));
	AUTO_FREE char *primary =
		secret_redact(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	err_set(err, ERR_SQL, "%s: %s", what, primary);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	if (detail || context)
		err_detail(err, "%s%s%s", detail ? detail : "", detail && context ? "\n" : "",
			context ? context : "");
	if (hint)
		err_hint(err, "%s", hint);
	db->error_position = position ? (int)strtol(position, NULL, 10) : 0;
	db_error_class(state, err);
	if (strcmp(state, "57014") == 0)
		class_of_cancel(db, err);
	return false;
}

int db_error_position(const struct db *db)
{
	return db->error_position;
}

/*
 * libpq does not hand out the SQLSTATE of a refused connection, so the server's English words have
 * to do; other languages lose only the hint.
 */
static const struct {
	const char *words;
	const char *state;
	const char *hint;
} refusals[] = {
	{"password authentication failed", "28P01",
		"put the right password into ~/.pgpass, PGPASSWORD or a service file"},
	{"no password supplied", "28P01",
		"give a password: ~/.pgpass, PGPASSWORD or a service file"},
	{"no pg_hba.conf entry", "28000", "let this user and address in: pg_hba.conf"},
	{"authentication failed", "28000", "check the user name and pg_hba.conf"},
	{"\" is not permitted to log in", "28000", "ALTER ROLE ... LOGIN, or another user"},
	{"permission denied for database", "42501", "GRANT CONNECT ON DATABASE ... TO this role"},
	{"is not currently accepting connections", "55000",
		"the database was closed to everybody: ALTER DATABASE ... ALLOW_CONNECTIONS true"},
	{"database \"", "3D000", "list the databases: psql -l"},
	{"role \"", "28000", "choose another user, or create the role: createuser"},
	{"too many clients", "53300", "raise max_connections, or wait until clients have left"},
	{"remaining connection slots", "53300", "raise max_connections, or wait"},
	{"too many connections", "53300", "raise the connection limit, or wait"},
	{"starting up", "57P03", "the server is starting: run the command again"},
	{"shutting down", "57P03", "the server is stopping"},
	{"could not translate host name", "08001", "check the host name in the connection string"},
	{"Connection refused", "08001", "check host and port, and that the server is up"},
	{"No such file or directory", "08001",
		"no server on that socket: give host and port, or start the server"},
	{"timeout expired", "08001", "check host, port and the firewall"},
};

bool db_connect_error(PGconn *pg, struct err *err)
{
	AUTO_FREE char *said = secret_redact(PQerrorMessage(pg));
	AUTO_FREE char *line = first_line(said);
	err_set(err, ERR_DATABASE, "%s", *line ? line : "no connection to the server");
	const char *rest = said + strcspn(said, "\n");
	rest += strspn(rest, " \t\n");
	AUTO_STRBUF(detail);
	strbuf_adds(&detail, rest);
	strbuf_trim(&detail);
	if (detail.len)
		err_detail(err, "%s", detail.buf);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!strstr(said, refusals[i].words))
			continue;
		memcpy(err->sqlstate, refusals[i].state, sizeof(err->sqlstate));
		return err_hint(err, "%s", refusals[i].hint);
	}
	return err_hint(err, "check the connection: psql, or mig doctor");
}
