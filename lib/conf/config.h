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
	char *dir; /* absolute */
	char *format; /* "auto", "sql", ... */
	char *version_table; /* default alembic_version */
	struct strvec settings; /* "work_mem=256MB": session settings */
	const struct conf_node *node; /* NULL without configuration */
};

struct conf_store {
	char *name;
	char *url; /* absolute path or URL */
	const struct conf_node *node;
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
	char *pin_system; /* NULL: not pinned */
	char *pin_dbname;
	bool production;
	struct conf_policies policy;
	struct conf_migrations migrations;
	struct conf_store *stores;
	size_t store_count; /* at least one; the default is <state_dir>/snapshots */
	const struct conf_node *maintenance; /* list of providers; NULL: none */
	const struct conf_node *smoke; /* {base, header, checks}; NULL: none */
	const struct conf_node *alerts; /* receivers by name; NULL: none */
	const struct conf_node *node; /* the environment's own map; NULL without mig.yaml */
	struct strvec warnings; /* literal secrets and the like; shown once */
};

struct conf_request {
	const char
		*config_path; /* --config / MIG_CONFIG; NULL: search upward from cwd, then /etc */
	const char *env_name; /* -e / MIG_ENV; NULL: the only one */
	const char *dbname; /* -d; NULL: none. A password in it is ERR_USAGE. */
	const char *(*getenv)(const char *name);
	bool no_database; /* do not resolve the connection (secrets may be absent) */
};

/* Several environments and none named: ERR_USAGE that lists them. */
MUST_CHECK bool conf_env_load(
	const struct conf_request *request, struct conf_env **env, struct err *err);
void conf_env_free(struct conf_env *env);
DEFINE_AUTO(struct conf_env, conf_env_free)

/* Names of all environments in a configuration file, for doctor and messages. */
MUST_CHECK bool conf_env_names(const char *config_path, struct strvec *names, struct err *err);
/* The configuration that would be used (caller owns), or NULL for none. */
char *conf_find(const struct conf_request *request);
/* {"name": value or "***", ...} with where each came from: --show-settings. New reference. */
json_t *conf_env_settings(const struct conf_env *env);

/* <state_dir>/runs/<run id>; caller owns. The folder is made by the runner. */
char *conf_run_dir(const struct conf_env *env, const char *run_id);
/* SQLAlchemy's postgresql+driver:// and postgres:// become what libpq reads; caller owns. */
char *conf_libpq_url(const char *url);

#endif
