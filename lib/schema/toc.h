/*
 * What pg_restore says about an archive: its table of contents, and the SQL text of some of its
 * entries. Pure.
 *
 * Only indexes, primary keys, unique constraints, foreign keys and refreshes of materialized views,
 * of the plainest form, are understood. Everything else is left to pg_restore: being in doubt costs
 * time, never a definition.
 */
#ifndef SCHEMA_TOC_H
#define SCHEMA_TOC_H

#include "base/strbuf.h"
#include "base/strvec.h"

enum toc_kind {
	TOC_OTHER,
	TOC_EXTENSION,
	TOC_FUNCTION, /* or procedure, aggregate */
	TOC_TABLE,
	TOC_TABLE_DATA,
	TOC_INDEX,
	TOC_CONSTRAINT, /* primary key, unique, exclusion */
	TOC_FOREIGN_KEY,
	TOC_REFRESH, /* of a materialized view */
	TOC_STATISTICS, /* extended ones */
	TOC_EVENT_TRIGGER,
	TOC_SUBSCRIPTION,
};

struct toc_entry {
	int64_t id; /* its number in the archive */
	uint32_t oid; /* of the object in the source database */
	enum toc_kind kind;
	bool post; /* of the section post-data */
	bool ours; /* mig makes it; free for the caller */
	bool last; /* an event trigger, or what belongs to one; free for the caller */
	int64_t *needs; /* ids of other entries */
	size_t needs_count, needs_alloc;
	char *sql; /* its only statement without ";"; "": not so simple; NULL: not read */
};

struct toc {
	struct toc_entry *items; /* in the order of the archive */
	size_t count, alloc;
	size_t *places; /* by id: index into items + 1; 0: none */
	size_t places_count;
	char *encoding; /* that the SQL is in, as SET client_encoding says; NULL: not said */
};
void toc_release(struct toc *toc);

/* One line of `pg_restore --list --verbose`. */
void toc_add_line(struct toc *toc, const char *line);
/* One line of `pg_restore --list --section=post-data`. */
void toc_mark_post(struct toc *toc, const char *line);
struct toc_entry *toc_find(struct toc *toc, int64_t id); /* NULL: none */

/*
 * Fills sql from `pg_restore --verbose --file=-` of some entries. An entry that wants
 * another tablespace than the default, or has several statements, gets none.
 */
void toc_add_sql(struct toc *toc, const char *text);

/* Behind one identifier, or one schema.name, quoted or not; NULL: there is none. */
const char *toc_skip_ident(const char *c);
const char *toc_skip_qualified(const char *c);
/* Behind a quoted string or identifier that begins here. */
const char *toc_skip_quoted(const char *c);

/* "CREATE [UNIQUE] INDEX .." and nothing behind it. */
bool toc_is_index(const char *sql);
/*
 * "ALTER TABLE ONLY s.t ADD CONSTRAINT c PRIMARY KEY|UNIQUE (columns)" and not a word more.
 * *alter: "ALTER TABLE ONLY s.t" as it stands there; *name: "c" with its quotes taken off, for
 * comparing; *quoted: as it stands. Caller owns all three.
 */
struct toc_constraint {
	char *alter, *name, *quoted;
	bool primary;
};
void toc_constraint_release(struct toc_constraint *constraint);
bool toc_parse_constraint(const char *sql, struct toc_constraint *constraint);
/* "ALTER TABLE ONLY s.t ADD CONSTRAINT c FOREIGN KEY (..) REFERENCES ..", valid in the source. */
bool toc_parse_foreign_key(const char *sql, struct toc_constraint *constraint);

#endif
