/* How to reach the database: what the command line, the file and the environment say about it. */
#include "base/secret.h"
#include "conf/file.h"
#include <libpq-fe.h>

/* A bare word is a database name, as in psql -d shop. */
static char *quoted_dbname(const char *name)
{
	AUTO_STRBUF(out);
	strbuf_adds(&out, "dbname='");
	for (const char *c = name; *c; c++) {
		if (*c == '\'' || *c == '\\')
			strbuf_addc(&out, '\\');
		strbuf_addc(&out, *c);
	}
	strbuf_addc(&out, '\'');
	return strbuf_take(&out);
}

static void drop_options(PQconninfoOption **options)
{
	PQconninfoFree(*options);
}

/* As libpq reads it, if it is right. Caller owns. */
static char *conninfo_of(const char *text)
{
	char *made = conf_is_url(text)   ? conf_libpq_url(text)
		     : strchr(text, '=') ? xstrdup(text)
		     : text[0]           ? quoted_dbname(text)
					 : xstrdup("");
	secret_register_conninfo(made);
	return made;
}

bool conf_conninfo_parse(const char *text, char **conninfo, bool *has_password, struct err *err)
{
	AUTO_FREE char *made = conninfo_of(text);
	char *why = NULL;
	*has_password = false;
	if (!*made) { /* libpq's own variables: it need not be asked */
		*conninfo = xtake(&made);
		return true;
	}
	CLEANUP(drop_options) PQconninfoOption *options = PQconninfoParse(made, &why);
	if (!options) {
		/* libpq's text quotes what it could not read, which may be the password */
		PQfreemem(why);
		err_set(err, ERR_CONFIG,
			"not a connection: expected postgresql://user@host/dbname, or "
			"\"host=.. dbname=..\"");
		AUTO_FREE char *strange = conf_strange_parameter(made);
		return strange &&
		       err_hint(err, "libpq knows no parameter \"%s\": leave it out", strange);
	}
	for (PQconninfoOption *option = options; option->keyword; option++)
		if (option->val && (!strcmp(option->keyword, "password") ||
					   !strcmp(option->keyword, "sslpassword")))
			*has_password = true;
	*conninfo = xtake(&made);
	return true;
}

static bool from_option(const char *dbname, struct conf_env *env, struct err *err)
{
	bool has_password = false;
	if (!conf_conninfo_parse(dbname, &env->conninfo, &has_password, err)) {
		err->code = ERR_USAGE;
		return err_context(err, "-d");
	}
	if (has_password) {
		err_set(err, ERR_USAGE,
			"-d: a password on the command line is seen by every user "
			"of this machine");
		return err_hint(err, "leave it out of -d; use ~/.pgpass, PGPASSWORD, a service "
				     "file, or {env: NAME} in mig.yaml");
	}
	env->conninfo_origin = xstrdup("-d");
	return true;
}

static const char *variable_of(const struct conf_request *request)
{
	const char *url = request->getenv("DATABASE_URL");
	return url ? url : "";
}

static char *origin_of(const struct conf_request *request, const struct conf_secret *secret)
{
	if (!secret)
		return xstrdup(*variable_of(request) ? "DATABASE_URL" : "PG*");
	return secret->kind == CONF_SECRET_LITERAL ? xstrdup(secret->where)
						   : conf_secret_origin(secret);
}

static bool from_variables(
	const struct conf_request *request, struct conf_env *env, struct err *err)
{
	bool has_password = false;
	return conf_conninfo_parse(variable_of(request), &env->conninfo, &has_password, err) ||
	       err_context(err, "DATABASE_URL");
}

static void warn_literal(const struct conf_secret *secret, struct conf_env *env)
{
	strvec_pushf(&env->warnings,
		"%s: a password stands in this file; put it behind {env: NAME} or {file: PATH}",
		secret->where);
}

static bool from_file(const struct conf_secret *secret, struct conf_env *env, struct err *err)
{
	bool has_password = false;
	AUTO_FREE char *text = NULL;
	if (!conf_secret_read(secret, &text, err))
		return err_context(err, "environment %s, database", env->name);
	if (!conf_conninfo_parse(text, &env->conninfo, &has_password, err)) {
		AUTO_FREE char *origin = conf_secret_origin(secret);
		err_context(err, "environment %s, database (%s)", env->name, origin);
		return err_where(err, "%s", secret->where);
	}
	if (secret->kind == CONF_SECRET_LITERAL && has_password)
		warn_literal(secret, env);
	return true;
}

/*
 * For programs that need no server, but would like to know which database is meant. Whether libpq
 * would read it is not looked at: that would load it.
 */
static void from_what_is_there(
	const struct conf_request *request, const struct conf_secret *secret, struct conf_env *env)
{
	AUTO_ERR(ignored);
	AUTO_FREE char *text = NULL;
	bool asks_nobody =
		!secret || secret->kind == CONF_SECRET_LITERAL || secret->kind == CONF_SECRET_ENV;
	env->conninfo_known = asks_nobody && (!secret || conf_secret_read(secret, &text, &ignored));
	const char *known = !env->conninfo_known ? "" : text ? text : variable_of(request);
	env->conninfo = conninfo_of(known);
	env->conninfo_origin = origin_of(request, secret);
}

bool conf_database_resolve(const struct conf_request *request, const struct file_env *from,
	struct conf_env *env, struct err *err)
{
	const struct conf_secret *secret = !from          ? NULL
					   : from->direct ? from->direct
							  : from->database;
	env->conninfo_known = true;
	if (request->dbname)
		return from_option(request->dbname, env, err);
	if (request->no_database) {
		from_what_is_there(request, secret, env);
		return true;
	}
	env->conninfo_origin = origin_of(request, secret);
	return secret ? from_file(secret, env, err) : from_variables(request, env, err);
}
