/*
 * mig.yaml, read and checked: which environment is meant, which database, which store, which
 * policy. Parts that belong to a room (maintenance providers, alerts, checks) stay as nodes that
 * the room's own rows read. Nothing here reads the process environment by itself: `getenv` is
 * handed down.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "conf/node.h"

enum conf_policy { POLICY_ALLOW, POLICY_CONFIRM, POLICY_NEVER, POLICY_BREAK_GLASS, POLICY_BACKUP };

struct conf_policies {
	enum conf_policy downgrade;
	enum conf_policy swap_back;
	enum conf_policy restore;
	enum conf_policy destructive;
	int64_t destructive_backup_ms; /* {require_backup: T}; 0: none */
	int64_t upgrade_backup_ms; /* 0: none */
	int64_t upgrade_rehearsed_ms; /* 0: none */
	char *upgrade_window; /* NULL: any time */
	enum { LINT_OFF, LINT_WARN, LINT_ERROR } lint;
};

struct conf_migrations {
	char *name; /* of the tree; "main" when there is but one */
	char *dir; /* absolute */
	char *shown; /* as it is named: "db/migrations"; NULL: by its last part */
	char *format; /* "auto", "sql", ... */
	char *version_table; /* NULL: the one of the format */
	bool others; /* env.py may work on other databases and version tables, too (Alembic) */
	bool strict; /* refuse migrations older than an applied one (dbmate) */
	struct strvec placeholders; /* "owner=shop": ${owner} in SQL files */
	struct strvec settings; /* "work_mem=256MB": session settings */
	char *python; /* of Alembic trees: a path or a name in PATH; default "python3" */
	char *command; /* of Alembic trees: "alembic", "flask"; NULL: as the tree looks */
	struct strvec environment; /* "FLASK_APP=main": for the tree's own tool */
	const struct conf_node *node; /* NULL without configuration */
};

struct conf_store {
	char *name;
	/* absolute path or URL, "<project>/<environment>" already in its path (safety 22) */
	char *url;
	const struct conf_node *node; /* its map or scalar; NULL: the default store */
};

/* Which database an environment's policy was written for; host and port are usually NULL. */
struct conf_pin {
	char *env;
	char *system, *dbname, *host, *port;
	char *where; /* file:line:column */
};
struct conf_pins {
	struct conf_pin *items;
	size_t count, alloc;
};

/* How many snapshots to keep; 0: this rule keeps none. All 0: nothing is ever pruned. */
struct conf_keep {
	int64_t last, hourly, daily, weekly, monthly, yearly;
};

/* One environment, complete: what every program works on. */
struct conf_env {
	struct conf_document *doc; /* NULL without mig.yaml */
	char *config_path; /* absolute; NULL without mig.yaml */
	char *project; /* without mig.yaml: "default" */
	char *name; /* without mig.yaml: "default" */
	char *state_dir; /* absolute: <state_dir>/<project>/<environment> */
	char *conninfo; /* what libpq gets: conninfo or URI, "" = PG* variables and defaults */
	char *conninfo_origin; /* "-d", "DATABASE_URL", "mig.yaml:12:3", "PG*" */
	/* false: a secret that `no_database` did not ask for; what it knows may be no connection */
	bool conninfo_known;
	const struct conf_pin *pin; /* NULL: not pinned */
	struct conf_pins pins; /* of all environments in the file */
	bool production;
	bool pooler_session; /* "pooler: session": a pooler that keeps one backend per client */
	struct conf_policies policy;
	struct conf_migrations migrations; /* the only tree, or "main", or the first */
	struct conf_migrations *others; /* further named trees */
	size_t other_count;
	struct conf_store *stores;
	size_t store_count; /* at least one; the default is <state_dir>/snapshots */
	const struct conf_node *maintenance; /* list of providers; NULL: none */
	const struct conf_node *smoke; /* {base, header, checks}; NULL: none */
	const struct conf_node *alerts; /* receivers by name; NULL: none */
	const struct conf_node *hosts; /* name -> list of user@host; NULL: none */
	const struct conf_node *release; /* {dir, keep, restart}; NULL: none */
	struct conf_keep keep;
	struct strvec encrypt_to; /* age recipients */
	struct conf_secret *identity; /* NULL: this host cannot decrypt */
	const struct conf_node *node; /* the environment's own map; NULL without mig.yaml */
	struct strvec warnings; /* literal secrets and the like; shown once */
};

struct conf_request {
	const char
		*config_path; /* --config / MIG_CONFIG; NULL: search upward from cwd, then /etc */
	const char *env_name; /* -e / MIG_ENV; NULL: the only one */
	const char *dbname; /* -d; NULL: none. A password in it is ERR_USAGE. */
	const char *(*getenv)(const char *name);
	/* resolve the connection only where that asks nobody: secrets may be absent, no command
	 * runs */
	bool no_database;
};

/*
 * Several environments and none named: ERR_USAGE that lists them. Without mig.yaml: -d, then
 * DATABASE_URL, then PG*; migrations are looked for in ./migrations of the working directory (with
 * mig.yaml: beside it), then where dbmate has them: DBMATE_MIGRATIONS_DIR, ./db/migrations.
 */
MUST_CHECK bool conf_env_load(
	const struct conf_request *request, struct conf_env **env, struct err *err);
void conf_env_free(struct conf_env *env);
DEFINE_AUTO(struct conf_env, conf_env_free)

/*
 * A store of the key `stores`, whether the environment uses it or not; NULL: none of that name.
 * Caller owns. *known, when not NULL, gets the names that there are.
 */
struct conf_store *conf_store_named(
	const struct conf_env *env, const char *name, struct strvec *known);
void conf_store_free(struct conf_store *store);
DEFINE_AUTO(struct conf_store, conf_store_free)

/* The tree of this name, or NULL; without a name the first. */
const struct conf_migrations *conf_tree(const struct conf_env *env, const char *name);
/* Names of the trees of migrations in a configuration file (NULL: no file), one at least. */
MUST_CHECK bool conf_tree_names(const char *config_path, struct strvec *names, struct err *err);
/* Names of all environments in a configuration file, for doctor and messages. */
MUST_CHECK bool conf_env_names(const char *config_path, struct strvec *names, struct err *err);
/* The pins of all environments in a configuration file. */
MUST_CHECK bool conf_pins_load(const char *config_path, struct conf_pins *pins, struct err *err);
void conf_pins_release(struct conf_pins *pins);
/*
 * The text of a configuration file with the pin of pin->env put in or replaced, comments and all
 * else kept. Nothing is written. Host and port may be NULL.
 */
MUST_CHECK bool conf_pin_edit(
	const char *path, const struct conf_pin *pin, struct strbuf *text, struct err *err);
/* The configuration that would be used (caller owns), or NULL for none. */
char *conf_find(const struct conf_request *request);
/* {"name": {"value": text or "***", "origin": text}, ...}: --show-settings. New reference. */
json_t *conf_env_settings(const struct conf_env *env);

/* Every key of mig.yaml with what it takes, one per line, out of the tables that read it. */
void conf_describe(struct strbuf *out);

/* <state_dir>/runs/<run id>; caller owns. The folder is made by the runner. */
char *conf_run_dir(const struct conf_env *env, const char *run_id);
/* "postgres://..", "postgresql://..", SQLAlchemy's "postgresql+driver://..". */
bool conf_is_url(const char *text);
/*
 * What libpq reads: the scheme without its driver, and parameters that are not libpq's own, but
 * mean the same: search_path and socket of dbmate, ssl of asyncpg, unix_sock of pg8000. Caller
 * owns.
 */
char *conf_libpq_url(const char *url);
/* The first parameter of such a URL that libpq does not know; caller owns; NULL: none. */
char *conf_strange_parameter(const char *url);
/* A connection as -d and mig.yaml give it: a URL, a conninfo, or a bare database name. */
MUST_CHECK bool conf_conninfo_parse(
	const char *text, char **conninfo, bool *has_password, struct err *err);

#endif
