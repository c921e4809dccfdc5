/*
 * Databases that mig makes (safety 6): restored copies, displaced originals, scratch, clones.
 *
 * A name is recorded in an fsynced intent file before CREATE DATABASE, and COMMENT ON DATABASE then
 * holds the mark: JSON with purpose, OID, the database it belongs to, and the run. A database
 * counts as mig's only when the mark bears its own OID, or when an intent names it (killed between
 * the two). Everything that removes or renames compares name and OID.
 */
#ifndef COPIES_COPIES_H
#define COPIES_COPIES_H

#include "db/db.h"
#include "db/names.h"

/* Where the copies of one database are: borrowed. */
struct copies_place {
	struct db *server; /* a session in database `postgres`, outside of a transaction */
	const char *state_dir; /* intents are in <state_dir>/intents */
	const char *live; /* raw name of the database that they belong to */
	const char *run; /* run id for marks; may be NULL where nothing is made */
	struct log_sink *log;
};

/* What the comment of a database says about it. */
struct copies_mark {
	char *purpose; /* db_purpose_word() */
	uint32_t oid; /* of the database that was marked */
	char *of; /* the live database's name */
	char *run;
	char *made; /* UTC, the server's clock */
	char *snapshot; /* NULL: not out of one */
	char *target; /* the name it gets when complete (--to-db); NULL: none */
	char *dump; /* it is complete, out of this dump, which nothing proves; NULL: of none */
	bool defined; /* its definitions are complete, as far as they come before rows */
	bool proved; /* complete, and its rows were compared */
	bool partial; /* out of a snapshot of a part of the database */
};

/* The comment's text; caller owns. */
char *copies_mark_text(const struct copies_mark *mark);
/* False when the comment (may be NULL) is not a mark; release it in both cases. */
bool copies_mark_parse(const char *comment, struct copies_mark *mark);
/* Owned texts of its own. */
void copies_mark_copy(struct copies_mark *to, const struct copies_mark *from);
void copies_mark_release(struct copies_mark *mark);

struct copies_item {
	char *name;
	uint32_t oid;
	enum db_purpose purpose;
	bool marked; /* by its comment or by an intent, and still named so: mig may remove it */
	bool renamed; /* bears a mark, but a name that mig never gives */
	bool half_made; /* an intent names it and it has no mark yet */
	struct copies_mark mark; /* zeroed when there is none */
	char *owner;
	int64_t bytes; /* -1: not permitted to know */
	int64_t sessions;
};
struct copies_list {
	struct copies_item *items;
	size_t count, alloc;
};
void copies_list_release(struct copies_list *list);

/* Every database of the server that has such a name, such a mark or an intent; oldest first. */
MUST_CHECK bool copies_read(
	const struct copies_place *place, struct copies_list *list, struct err *err);
/* Points into list; ERR_NOTFOUND with the nearest name. */
MUST_CHECK bool copies_find(const struct copies_list *list, const char *name,
	const struct copies_item **item, struct err *err);
/* The newest displaced database of place->live; ERR_NOTFOUND when there is none. */
MUST_CHECK bool copies_newest_displaced(const struct copies_place *place,
	const struct copies_list *list, const struct copies_item **item, struct err *err);
/* ERR_REFUSED when it is not mig's, or belongs to another database than place->live. */
MUST_CHECK bool copies_own(
	const struct copies_place *place, const struct copies_item *item, struct err *err);

/* "shop__b_.. displaced, of shop, 2h old, 1.8 GiB, run .."; caller owns. */
char *copies_item_line(const struct copies_item *item);
/* A table for people, appended. */
void copies_list_lines(const struct copies_list *list, struct strvec *lines);
/* New reference. */
json_t *copies_list_json(const struct copies_list *list);

/* How a new database is made: strings of CREATE DATABASE; NULL: the server's default. */
struct copies_spec {
	enum db_purpose purpose;
	const char *stem; /* what the name is derived from; NULL: place->live */
	const char *encoding, *collate, *ctype;
	const char *locale_provider, *icu_locale; /* "icu" or "libc"; before 15 not said */
	const char *tablespace;
	const char *snapshot, *target;
	const char *source; /* a database that is copied whole (DB_CLONE); NULL: template0 */
	const char *made; /* for the mark; NULL: when it was made */
};
/*
 * Intent, CREATE DATABASE, mark; nobody but owner and superusers may connect.
 * *item: release with copies_item_release().
 */
MUST_CHECK bool copies_create(const struct copies_place *place, const struct copies_spec *spec,
	struct copies_item *item, struct err *err);
void copies_item_release(struct copies_item *item);
/* Writes item->mark into the comment. */
MUST_CHECK bool copies_remark(
	const struct copies_place *place, const struct copies_item *item, struct err *err);
/* Ends its sessions and removes it and its intent; a changed OID is ERR_REFUSED; gone is fine. */
MUST_CHECK bool copies_drop(
	const struct copies_place *place, const struct copies_item *item, struct err *err);

/* OID of the database of that name, 0 when there is none. */
MUST_CHECK bool copies_oid(struct db *server, const char *name, uint32_t *oid, struct err *err);
/* In a transaction. ERR_REFUSED: another database bears the copy's name by now. */
MUST_CHECK bool copies_rename(
	struct db *server, const struct copies_item *copy, const char *name, struct err *err);
/* The server's clock, "2026-11-20T01:02:03.456Z"; caller owns. */
MUST_CHECK bool copies_now(struct db *server, char **now, struct err *err);
/*
 * How long ago that was (a time of the server), by the server's clock. Two ages, each by its own
 * clock, can be compared where the clocks do not agree.
 */
MUST_CHECK bool copies_age(struct db *db, const char *at, int64_t *age_ms, struct err *err);

#endif
