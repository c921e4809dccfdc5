/*
 * What a snapshot holds: manifest.json as structs (docs/snapshot-format.md says the same in prose).
 *
 * Text that comes from the database is raw bytes in the database's encoding (database.encoding):
 * use it in sessions with client_encoding set to that. In JSON, text that is not valid UTF-8 is
 * written as {"hex": "e9"}.
 */
#ifndef PACK_MANIFEST_H
#define PACK_MANIFEST_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "pack/hash.h"

#define PACK_FORMAT 1

/* A grown array: items[0..count). */
#define PACK_LIST(type) \
	struct { \
		type *items; \
		size_t count, alloc; \
	}
/* Room for one more element, zeroed: `struct pack_table *t = pack_list_add(&m->tables);` */
#define pack_list_add(list) \
	({ \
		xgrow((list)->items, (list)->count, (list)->alloc); \
		memset(&(list)->items[(list)->count], 0, sizeof((list)->items[0])); \
		&(list)->items[(list)->count++]; \
	})

struct pack_member {
	char *name;
	int64_t offset; /* of its first content byte; its header is the block before */
	int64_t stored; /* bytes in the file */
	int64_t plain; /* bytes after decompression; as stored unless the name ends in .zst */
	char *sha256; /* of the stored bytes, 64 hex digits */
	uint32_t table; /* OID of the table whose rows it holds, else 0 */
	int64_t rows; /* rows that end in it */
};

/* The index behind a primary key or unique constraint. */
struct pack_index {
	char *constraint;
	char *index;
	char *definition; /* pg_get_indexdef() */
};

struct pack_table {
	uint32_t oid; /* in the source database; names its members */
	char *schema;
	char *name;
	uint32_t root; /* OID of the topmost partitioned table it is a leaf of, else 0 */
	bool extension; /* configuration table of an extension: exists before its rows come */
	int64_t turn; /* of configuration tables: when their rows come in, from 1; those of one
			 turn refer to one another in a circle; 0: not known */
	char *condition; /* "WHERE ...": which of its rows are held; NULL: all */
	bool emptied; /* rows deliberately not held (mig's own, or asked for) */
	bool unlogged;
	struct strvec columns; /* in COPY order; may be empty; leaves in the order of their root */
	struct pack_content content;
	PACK_LIST(struct pack_index) indexes;
	PACK_LIST(uint32_t) members; /* indexes into the manifest's members, in COPY order */
};

/* A topmost partitioned table: the sum over its leaves, in its own column order. */
struct pack_root {
	uint32_t oid;
	char *schema;
	char *name;
	bool enum_hash; /* rows may be routed elsewhere after a reload: load through the root */
	struct strvec columns;
	struct pack_content content;
};

struct pack_sequence {
	uint32_t oid;
	char *schema;
	char *name;
	int64_t last_value;
	bool is_called;
};

struct pack_extension {
	char *name;
	char *version;
	char *schema;
};

struct pack_collation {
	char *schema;
	char *name;
	char *provider; /* "c", "i" */
	char *locale; /* as the provider calls it; NULL: not recorded */
	char *version; /* recorded when it was made; may be NULL */
	char *actual_version; /* of the library that the server uses; may be NULL */
};

struct pack_revisions {
	char *table; /* "public.alembic_version" */
	struct strvec revisions;
};

struct pack_setting {
	char *role; /* NULL: of the database itself */
	char *name;
	char *value; /* as in pg_db_role_setting, after the "=" */
};

struct pack_database {
	char *name;
	uint32_t oid;
	char *owner;
	char *server_version; /* "15.18 (Debian ...)" */
	int64_t server_version_num;
	char *system_identifier; /* NULL: not permitted to know */
	char *encoding;
	char *locale_provider; /* "c" libc, "i" ICU */
	char *collate;
	char *ctype;
	char *icu_locale; /* NULL: none */
	char *collation_version; /* recorded when it was made; NULL: none */
	char *collation_actual_version; /* of the library that the server used; NULL: none */
	char *tablespace;
	int64_t connection_limit; /* -1: none */
	char *acl; /* aclitem[] as text; NULL: the default */
	char *comment; /* NULL: none */
	int64_t size; /* pg_database_size() */
	PACK_LIST(struct pack_setting) settings;
};

struct pack_manifest {
	char *mig; /* "snapshot" */
	int64_t format;
	char *id;
	char *label; /* NULL: none */
	char *tool; /* "mig 0.1.0" */
	char *pg_dump; /* its version */
	int64_t started_ms; /* UTC; the moment of the snapshot lies between */
	int64_t finished_ms;
	char *lsn; /* WAL position at the snapshot; NULL on a standby that cannot say */
	char *writes; /* what was known about writes in a run (safety 12); NULL: nothing */
	struct pack_database database;
	struct strvec roles; /* every role that objects, ACLs and settings name */
	struct strvec tablespaces; /* other than the database's own */
	struct strvec label_providers; /* of security labels */
	struct strvec notes; /* what is not covered, in plain words */
	struct strvec partial; /* options that chose a part of the database; empty: all of it */
	struct strvec left_out; /* because of them: "table public.a", "rows of public.b" */
	PACK_LIST(struct pack_revisions) revisions;
	PACK_LIST(struct pack_extension) extensions;
	PACK_LIST(struct pack_collation) collations;
	PACK_LIST(struct pack_root) roots;
	PACK_LIST(struct pack_sequence) sequences;
	int64_t large_objects; /* how many */
	struct pack_content large_object_data; /* over the rows of large-objects/ members */
	PACK_LIST(struct pack_table) tables; /* by OID */
	PACK_LIST(struct pack_member)
	members; /* by offset; all but manifest.json and the trailer */
};

struct pack_manifest *pack_manifest_new(void);
void pack_manifest_free(struct pack_manifest *manifest);
DEFINE_AUTO(struct pack_manifest, pack_manifest_free)

/* JSON text: one line per table, member and so on; UTF-8. */
void pack_manifest_write(const struct pack_manifest *manifest, struct strbuf *out);
/* ERR_CORRUPT names the key; a newer format is ERR_CONFIG. Fills tables[].members. */
MUST_CHECK bool pack_manifest_parse(
	const char *text, size_t length, struct pack_manifest **manifest, struct err *err);

/* NULL when absent. */
const struct pack_table *pack_manifest_table(
	const struct pack_manifest *manifest, const char *schema, const char *name);
const struct pack_table *pack_manifest_table_oid(
	const struct pack_manifest *manifest, uint32_t oid);
/* The same for who fills the manifest. */
struct pack_table *pack_manifest_table_fill(struct pack_manifest *manifest, uint32_t oid);
const struct pack_root *pack_manifest_root(const struct pack_manifest *manifest, uint32_t oid);
/* The root that a leaf's rows have to be loaded through and proved at; NULL: it stands alone. */
const struct pack_root *pack_manifest_router(
	const struct pack_manifest *manifest, const struct pack_table *table);
const struct pack_member *pack_manifest_member(
	const struct pack_manifest *manifest, const char *name);
/* Does it hold contents of large objects? */
bool pack_member_is_large_object(const struct pack_member *member);
/* Sums over all tables. */
void pack_manifest_total(const struct pack_manifest *manifest, struct pack_content *total);

/* Names of the fixed members. */
#define PACK_README "RESTORE.md"
#define PACK_SCRIPT "restore.sh"
#define PACK_DUMP "schema.pgdump" /* pg_dump -Fc, pre-data and post-data */
#define PACK_FIRST "extension-tables.txt" /* OIDs, in the order of their turns; if any */
#define PACK_PRE_DATA "pre-data.sql.zst"
#define PACK_POST_DATA "post-data.sql.zst"
#define PACK_GLOBALS "globals.sql.zst"
#define PACK_SEQUENCES "sequences.sql.zst"
#define PACK_LARGE_OBJECTS "large-objects/objects.sql.zst"
#define PACK_LARGE_OBJECT_DATA "large-objects/" /* + "0000.000001.copy.zst" */
#define PACK_MANIFEST "manifest.json"
#define PACK_TRAILER "trailer"

#endif
