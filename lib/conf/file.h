/*
 * mig.yaml as it is written: every key of every part, read and checked, nothing resolved. Private
 * to the room; config.h is what others see.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "conf/config.h"

struct file_migrations {
	char *dir, *version_table, *python;
	int format, command;
	bool strict, others;
	const struct conf_node *environment, *settings, *placeholders;
};

struct file_env {
	const struct conf_node *node;
	struct conf_secret *database, *direct;
	int pooler; /* 1: session */
	char *store; /* a path or URL */
	const struct conf_node *pin, *stores, *keep, *policy;
	const struct conf_node *maintenance, *smoke, *hosts, *release, *alerts;
	struct strvec encrypt_to;
	struct conf_secret *identity;
	bool production;
	struct conf_keep kept;
	struct conf_policies policies;
};

struct conf_file {
	struct conf_document *doc;
	char *project, *state_dir;
	const struct conf_node *migrations, *stores, *environments;
	struct file_env *envs;
	size_t env_count;
	struct conf_pins pins;
};

/* The tables of keys, each with the path before its keys; a NULL path ends them. */
struct file_part {
	const char *path;
	const struct conf_field *fields;
	size_t count;
};
extern const struct file_part file_parts[];
extern const struct file_part policy_part;
extern const struct conf_field pin_fields[4];

extern const char *const file_formats[]; /* of migrations, NULL-ended; the first is the default */

/* The whole file, every environment of it; conf_file_free also after failure. */
MUST_CHECK bool conf_file_load(const char *path, struct conf_file **file, struct err *err);
void conf_file_free(struct conf_file *file);
DEFINE_AUTO(struct conf_file, conf_file_free)
/* NULL when there is no such environment. */
struct file_env *conf_file_env(struct conf_file *file, const char *name);
/* Reads one tree of migrations; release with file_migrations_release. */
MUST_CHECK bool file_migrations_read(
	const struct conf_node *node, struct file_migrations *tree, struct err *err);
void file_migrations_release(struct file_migrations *tree);
/* `migrations` when it is a map of named trees; NULL: it is one tree, or none. */
const struct conf_node *file_named_trees(const struct conf_node *migrations);

/* Defaults (the stricter ones in production), then what `policy` says (NULL: nothing). */
MUST_CHECK bool conf_policy_read(const struct conf_node *policy, bool production,
	struct conf_policies *policies, struct err *err);

/* "allow | confirm | never": the words a policy may be; NULL: it takes no words. Caller owns. */
char *conf_policy_words(const char *key);

/* The pins of all environments; two that cannot be told apart are refused (safety 22). */
MUST_CHECK bool conf_pins_read(
	const struct conf_node *environments, struct conf_pins *pins, struct err *err);

/* Fills conninfo and conninfo_origin. `from` NULL: no mig.yaml or no key `database`. */
MUST_CHECK bool conf_database_resolve(const struct conf_request *request,
	const struct file_env *from, struct conf_env *env, struct err *err);

#endif
