/*
 * What maintenance switches: one row per kind of provider (safety 10, 17).
 *
 * A new provider is one file with one `const struct maint_row`, one line in the table of
 * providers.c, and one in docs/maintenance.md; the conformance tests in tests/e2e/maintenance.bats
 * run over every configured row.
 *
 *	- {file: /run/shop/maintenance}            the item's first key chooses the row
 *	- {database: no-connections, roles: [a]}   ... and, where a row has one, its word
 */
#ifndef MAINT_PROVIDERS_H
#define MAINT_PROVIDERS_H

#include "conf/config.h"
#include "db/db.h"

enum maint_gives {
	MAINT_TELLS, /* the application is told; whether it listens is its own affair */
	MAINT_ADVICE, /* the server refuses what does not insist */
	MAINT_FENCE /* nobody but mig and superusers gets in */
};
const char *maint_gives_word(enum maint_gives gives);

enum maint_switch { MAINT_IS_OFF, MAINT_IS_ON, MAINT_IS_UNKNOWN };
const char *maint_switch_word(enum maint_switch is);

/* Where a provider acts. */
struct maint_site {
	struct db *db; /* the target; NULL: unreachable, then only status is asked */
	const char *owner; /* "run:<id>" or "hand" */
	struct log_sink *log;
};

struct maint_row {
	const char *key; /* first key of the list item */
	const char *word; /* the value that it must have for this row; NULL: any */
	enum maint_gives gives;
	bool in_database; /* acts on the target's server */
	/* How long after on and off the status may still be the old one; NULL: not at all. */
	int64_t (*settle_ms)(const void *config);
	/* The item's keys; `config` is a zeroed struct of this size. */
	const struct conf_field *fields;
	size_t field_count;
	size_t size;
	/* Completes and checks a config that was read; `directory`: of the file that names it. */
	bool (*check)(
		void *config, const struct conf_node *item, const char *directory, struct err *err);
	/* Frees what check() made beside the fields; may be NULL. */
	void (*release)(void *config);
	/* "file /run/shop/maintenance": unique in an environment; caller owns. */
	char *(*describe)(const void *config);
	/* ON and OFF only when that is certain; *why (may be left NULL, caller owns) says more. */
	bool (*status)(const struct maint_site *site, const void *config, enum maint_switch *is,
		char **why, struct err *err);
	/* What off() needs to know of the time before; new reference. "was" is added by the caller.
	 */
	bool (*before)(const struct maint_site *site, const void *config, json_t **before,
		struct err *err);
	/* May be called when it is on already. */
	bool (*on)(const struct maint_site *site, const void *config, struct err *err);
	/* Back to what was before. May be called when that is already so. */
	bool (*off)(const struct maint_site *site, const void *config, const json_t *before,
		struct err *err);
};

/* From `before`: it was on already when maintenance began, and stays on. */
bool maint_was_on(const json_t *before);

extern const struct maint_row maint_file;
extern const struct maint_row maint_command;
extern const struct maint_row maint_read_only;
extern const struct maint_row maint_no_connections;

/* A configured provider. */
struct maint_provider {
	const struct maint_row *row;
	void *config;
	char *name; /* row->describe() */
	json_t *item; /* as configured: to be recorded in the state file */
	char *directory;
	struct conf_document *doc; /* when it was read back from there */
};

struct maint_providers {
	struct maint_provider **items;
	size_t count, alloc;
};
void maint_providers_release(struct maint_providers *providers);

/* All of an environment, in order. None at all is fine. */
MUST_CHECK bool maint_providers_load(
	const struct conf_env *env, struct maint_providers *providers, struct err *err);
/* One that was recorded as {"item":..,"directory":..}: the configuration may have changed since. */
MUST_CHECK bool maint_provider_recall(
	const json_t *entry, struct maint_provider **provider, struct err *err);
void maint_provider_free(struct maint_provider *provider);
DEFINE_AUTO(struct maint_provider, maint_provider_free)
const struct maint_provider *maint_providers_find(
	const struct maint_providers *providers, const char *name);
/* Names that --only may give are keys of rows ("file", "database"). ERR_USAGE for others. */
MUST_CHECK bool maint_providers_check_only(const struct strvec *only, struct err *err);
bool maint_provider_chosen(const struct maint_provider *provider, const struct strvec *only);

/* Status, with a failure to find out as UNKNOWN and its reason in *why (caller owns). */
enum maint_switch maint_provider_status(
	const struct maint_provider *provider, const struct maint_site *site, char **why);

/*
 * Login roles that can still connect although the fence is meant to stand, and superusers, whom no
 * fence keeps out. mig's own roles are in neither list.
 */
MUST_CHECK bool maint_fence_holes(
	struct db *db, struct strvec *holes, struct strvec *superusers, struct err *err);

#endif
