/*
 * Traits: what belongs to a database as an object of its cluster and so does not travel with its
 * contents: owner, ACL, CONNECTION LIMIT, settings (of the database, and of roles in it), security
 * labels and the comment. A swap moves them from the live database to the copy.
 */
#ifndef SWAP_TRAITS_H
#define SWAP_TRAITS_H

#include "db/db.h"
#include "pack/manifest.h"

struct swap_setting {
	char *role; /* NULL: of the database itself */
	char *name;
	char *value; /* as in pg_db_role_setting */
};
struct swap_label {
	char *provider;
	char *label;
};
struct swap_traits {
	char *owner;
	char *acl; /* aclitem[] as text; NULL: the default of its owner */
	int64_t connection_limit;
	char *comment; /* NULL: none */
	PACK_LIST(struct swap_setting) settings; /* by role, name */
	PACK_LIST(struct swap_label) labels; /* by provider */
};

void swap_traits_release(struct swap_traits *traits);
/* Of the database with that OID, read from any database of the server. */
MUST_CHECK bool swap_traits_read(
	struct db *db, uint32_t oid, struct swap_traits *traits, struct err *err);
/* As a snapshot recorded them. */
void swap_traits_of_snapshot(const struct pack_database *database, struct swap_traits *traits);

/*
 * Inside a transaction: makes all but the comment of the named database equal to `wanted`, reads
 * it back and compares. What this role may not set is ERR_REFUSED that names it.
 */
MUST_CHECK bool swap_traits_apply(struct db *db, const char *name, uint32_t oid,
	const struct swap_traits *wanted, struct err *err);
/* NULL removes it. */
MUST_CHECK bool swap_traits_comment(
	struct db *db, const char *name, const char *comment, struct err *err);

/* Whether the two ACL texts (of databases owned by owner_oid) grant the same. */
MUST_CHECK bool swap_traits_same_acl(struct db *db, const char *owner, const char *a, const char *b,
	bool *same, struct err *err);

/*
 * Lines for people, one per difference: "setting work_mem: 64MB here, 8MB in the snapshot".
 * `db` compares the ACLs; the comment is not looked at when it is a mark of mig.
 */
MUST_CHECK bool swap_traits_differences(struct db *db, const struct swap_traits *live,
	const struct swap_traits *recorded, struct strvec *lines, struct err *err);

/* Elements of a list setting as the server flattened it: `"$user", public`. Pure. */
void swap_setting_elements(const char *flattened, struct strvec *elements);
/* search_path and the few like it: their values are lists of quoted names. Pure. */
bool swap_setting_is_list(const char *name);

#endif
