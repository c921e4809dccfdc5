/*
 * Inside the taking of a snapshot: its parts, shared between create*.c only.
 */
#ifndef BACKUP_CREATE_ROOM_H
#define BACKUP_CREATE_ROOM_H

#include "backup/create.h"
#include "backup/create_filter.h"
#include "backup/create_parts.h"
#include "pack/writer.h"

/* --- locks and the shared snapshot (create_locks.c) ------------------------------------------- */

struct create_locks {
	struct db *keeper; /* holds ACCESS SHARE on every table over all rounds */
	struct db_tx keeper_tx;
	struct db *leader; /* the snapshot's own session: locks, then the snapshot */
	struct db_tx leader_tx;
	char *snapshot; /* pg_export_snapshot() of the leader */
	char *lsn; /* NULL: unknown */
	struct create_filter filter; /* which tables */
	struct strvec warned; /* "pid table" of those that were told of */
};

/* until: of the monotonic clock; ERR_LOCK when the tables are not to be had by then. */
MUST_CHECK bool create_locks_take(const struct backup_settings *settings, int64_t until,
	struct create_locks *locks, struct err *err);
/* How many objects the server's lock table holds: per_slot * slots. */
MUST_CHECK bool create_locks_capacity(
	struct db *db, int64_t *per_slot, int64_t *slots, struct err *err);
void create_locks_release(struct create_locks *locks);
/* Does the session with this application_name have all of the leader's locks, too? */
MUST_CHECK bool create_locks_shared(
	struct create_locks *locks, const char *application_name, bool *shared, struct err *err);
/*
 * Warns, once each, of sessions that wait to change a table, and of whom others wait behind; with
 * yield_to_ddl the first one is ERR_LOCK.
 */
MUST_CHECK bool create_locks_watch(
	struct create_locks *locks, const struct backup_settings *settings, struct err *err);
/* After a failure: who stands in the way, which grants are missing, what to do. */
void create_locks_explain(struct create_locks *locks, struct err *err);

/* Condition over pg_class c: a table of the user's, or a configuration table of an extension. */
#define CREATE_TABLES_WHERE \
	" c.relpersistence <> 't' and c.relnamespace not in" \
	" (select oid from pg_catalog.pg_namespace where nspname in" \
	"  ('pg_catalog', 'information_schema', 'pg_toast'))" \
	" and (not exists (select 1 from pg_catalog.pg_depend d" \
	"   where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid" \
	"   and d.deptype = 'e')" \
	"  or exists (select 1 from pg_catalog.pg_extension e where c.oid = any (e.extconfig)))"

/* --- what the catalogs say, in the leader's transaction --------------------------------------- */

/* create_tables.c: tables, columns, roots, indexes behind constraints. */
MUST_CHECK bool create_tables_describe(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err);
/* Of each table, in the manifest's order; caller owns. */
MUST_CHECK bool create_tables_sizes(struct db *leader, const struct create_filter *filter,
	const struct pack_manifest *manifest, struct create_size **sizes, struct err *err);
/* create_turns.c: in which order rows of extensions' tables come in; the same as a member. */
MUST_CHECK bool create_turns_describe(
	struct db *leader, struct pack_manifest *manifest, struct err *err);
MUST_CHECK bool create_turns_add(
	const struct pack_manifest *manifest, struct pack_writer *writer, struct err *err);
/* create_database.c: the database, its settings, extensions, collations, roles, tablespaces. */
MUST_CHECK bool create_database_describe(
	struct db *leader, struct pack_manifest *manifest, struct err *err);
/* create_maintenance.c: settings and ACL of the database as before maintenance, if it is on. */
MUST_CHECK bool create_maintenance_undo(const struct conf_env *env, struct db *leader,
	struct pack_manifest *manifest, struct err *err);
/* create_sequences.c: values of all sequences. */
MUST_CHECK bool create_sequences_describe(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err);
/* create_revisions.c: what the version tables say that are in it, of all trees of migrations. */
MUST_CHECK bool create_revisions_describe(struct db *leader, const struct conf_env *env,
	struct pack_manifest *manifest, struct err *err);

/* --- members of SQL text ---------------------------------------------------------------------- */

/* create_text.c: restore.sh, RESTORE.md, copy.sql of every table, sequences. */
MUST_CHECK bool create_text_add(struct db *leader, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err);
/* How every such member begins. */
void create_text_begin(const struct pack_manifest *manifest, struct strbuf *out);
/* One line for each item of an aclitem[], granted by its grantor; object: "LARGE OBJECT 123". */
MUST_CHECK bool create_text_grants(struct db *db, const char *object, const char *acl,
	const char *owner, struct strbuf *out, struct err *err);
/* Columns, quoted and separated by commas; caller owns. */
char *create_columns(struct db *db, const struct strvec *columns);
/* create_globals.c */
MUST_CHECK bool create_globals_add(struct db *leader, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err);
/* create_large.c: creation, owner, ACL and comment as SQL; also for proving them. */
MUST_CHECK bool create_large_text(struct db *db, const struct pack_manifest *manifest,
	struct strbuf *sql, int64_t *count, struct err *err);
/* The same as a member; counts them in the manifest. */
MUST_CHECK bool create_large_add(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct pack_writer *writer, struct err *err);
/* COPY query for their content, also for proving it (restore/prove.c); caller owns. */
char *create_large_query(void);

/* --- pg_dump (create_dump.c) ------------------------------------------------------------------ */

struct create_dump;

/* Finds pg_dump and pg_restore, as new as the server or newer. */
MUST_CHECK bool create_dump_find(const struct backup_settings *settings, struct db *db,
	struct create_dump **dump, struct err *err);
const char *create_dump_version(const struct create_dump *dump);
const char *create_dump_session(const struct create_dump *dump);
/* Starts it (anew); it runs beside the workers. Its session is named create_dump_session(). */
MUST_CHECK bool create_dump_start(struct create_dump *dump, const struct create_locks *locks,
	const struct backup_settings *settings, struct err *err);
/* Reads what it has said; *ended when that was all. Waits at most wait_ms. */
MUST_CHECK bool create_dump_read(
	struct create_dump *dump, int wait_ms, bool *ended, struct err *err);
/* After its end: what `pg_restore --list` says about it. */
MUST_CHECK bool create_dump_list(struct create_dump *dump, struct strbuf *text, struct err *err);
/* After its end: the three members. */
MUST_CHECK bool create_dump_add(
	struct create_dump *dump, struct pack_writer *writer, struct err *err);
/* Takes the first \restrict and the last \unrestrict line out of pg_restore's SQL. */
void create_dump_strip_restrict(struct strbuf *text);
/* Kills it if it still runs. */
void create_dump_free(struct create_dump *dump);
DEFINE_AUTO(struct create_dump, create_dump_free)

/* --- definitions that cannot be locked (create_fingerprint.c) --------------------------------- */

/* As the leader's snapshot sees them; caller owns. */
MUST_CHECK bool create_fingerprint_take(struct db *leader, char **fingerprint, struct err *err);
/* ERR_LOCK when one of them is another now, as a session outside of the snapshot sees it. */
MUST_CHECK bool create_fingerprint_check(
	struct db *keeper, const char *fingerprint, struct err *err);

/* --- rows (create_copy.c) --------------------------------------------------------------------- */

struct create_copy;

/* Starts the workers on all tables and large objects, the largest first. Free *copy in any case. */
MUST_CHECK bool create_copy_start(const struct backup_settings *settings,
	const struct create_locks *locks, struct pack_manifest *manifest,
	struct pack_writer *writer, struct create_copy **copy, struct err *err);
/* Has a worker failed? Then there is no use in waiting for anything else. */
bool create_copy_failed(struct create_copy *copy);
/* Waits for the workers, at most wait_ms: true when none works any more. */
bool create_copy_ended(struct create_copy *copy, int wait_ms);
/* After their end: copies what they could not lock in the leader; all contents are filled. */
MUST_CHECK bool create_copy_finish(struct create_copy *copy, struct err *err);
/* Stops the workers and waits for them. */
void create_copy_free(struct create_copy *copy);
DEFINE_AUTO(struct create_copy, create_copy_free)

#endif
