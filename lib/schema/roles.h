/*
 * --role-map OLD=NEW: another server's roles under other names. Definitions name roles after OWNER
 * TO, in GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, policies, user mappings and AUTHORIZATION; the
 * same name in any other place (a table, a function's body) is left alone. Pure.
 */
#ifndef SCHEMA_ROLES_H
#define SCHEMA_ROLES_H

#include "base/err.h"
#include "base/strvec.h"
#include "pack/manifest.h"

/* OLD of an entry OLD=NEW; caller owns. */
char *schema_roles_old(const char *entry);
/* ERR_USAGE for an entry that is not OLD=NEW, or an OLD that comes twice. */
MUST_CHECK bool schema_roles_check(const struct strvec *map, struct err *err);
/* NEW for OLD; any other name as it is. Borrowed. */
const char *schema_roles_name(const struct strvec *map, const char *role);
/* *mapped: the statement with roles exchanged, caller owns; NULL: it stays as it is. */
MUST_CHECK bool schema_roles_map(
	const struct strvec *map, const char *sql, char **mapped, struct err *err);
/* Adds the roles that a statement names, each once. */
MUST_CHECK bool schema_roles_names(const char *sql, struct strvec *names, struct err *err);
/*
 * Adds the roles that whoever runs the statement has to be able to become, each once: the new owner
 * of something, whose default privileges change, SET ROLE.
 */
MUST_CHECK bool schema_roles_become(const char *sql, struct strvec *names, struct err *err);
/* An aclitem[] as text, with roles exchanged; NULL stays NULL. Caller owns. */
char *schema_roles_acl(const struct strvec *map, const char *acl);

#endif
