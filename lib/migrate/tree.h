/*
 * A tree of revision files and its graph. Formats are rows of one table: how a folder is recognised
 * and how it is read; a new format is one file and one row there (formats.c).
 */
#ifndef MIGRATE_TREE_H
#define MIGRATE_TREE_H

#include "base/arena.h"
#include "base/sha256.h"
#include "conf/config.h"
#include "graph/graph.h"
#include "sql/sql.h"

/* A part of the file's text, without its "-- migrate:" line. */
struct migrate_section {
	size_t start, end;
	int line; /* of its "-- migrate:" line */
	bool present;
	bool bare; /* "transaction: off": not in one transaction */
};

/* "-- migrate:backfill table=users key=id batch=5000 pause=50ms" */
struct migrate_backfill {
	char *options; /* as written */
	char *table, *key;
	int64_t batch, pause_ms;
};

/* One revision as its file gives it. */
struct migrate_file {
	struct arena *room; /* the tree's: who reads the file puts id to labels there */
	const char *path; /* absolute */
	const char *name; /* as shown: "migrations/x.sql" */
	const char *id;
	const char *message;
	const char *created;
	struct strvec down, depends, labels; /* as base/arena.h has them */
	char *phase;
	const char *source; /* the whole text, NUL-ended; lies in the tree's texts */
	size_t length;
	struct migrate_section up, verify, backfill, down_section;
	struct migrate_backfill batches;
	struct strvec up_losses, down_losses; /* of Python: "12: op.drop_table" */
	char checksum[SHA256_TEXT]; /* SHA-256 of the up section, line ends and white space at its
				     * ends aside
				     */
	bool studied; /* by the format's study() */
	bool recalled; /* out of mig.history: only the way back is known */
	struct err trouble; /* why it cannot be run; ERR_NONE: nothing */
};

/* What was typed for env.py of Alembic trees; borrowed. */
struct migrate_args {
	const char *tag; /* context.get_tag_argument(); NULL: none */
	const struct strvec *x; /* context.get_x_argument(); NULL: none */
};

struct migrate_format;
struct migrate_books;
struct migrate_plan;
struct migrate_session;
struct migrate_new;
struct db;
struct migrate_tree {
	const struct migrate_format *format;
	const struct conf_migrations *where; /* borrowed from who loaded it */
	const struct conf_env *env; /* whose other trees may share the version table; may be NULL */
	char *dir;
	struct strvec folders; /* of its files, where a format has others than dir */
	struct graph *graph;
	struct migrate_file *files; /* the same index as in the graph */
	struct arena room; /* what the files say of themselves */
	struct strvec texts; /* what the files' sources lie in */
	size_t count, alloc;
};

struct migrate_format {
	const char *name;
	const char *summary;
	const struct migrate_books *books; /* its version table (books.h) */
	bool placeholders; /* ${name} in its files is replaced */
	bool phases; /* its files may say "phase: contract" */
	/* Does the folder look like one of this format? */
	bool (*detect)(const char *dir);
	/* Adds the files, not yet the graph. */
	bool (*load)(struct migrate_tree *tree, struct err *err);
	/* Fills in a file's checksum and losses, if load() leaves that to it. */
	void (*study)(struct migrate_file *file);
	/* The text of a new, empty revision file. Caller owns. NULL: `revision` writes it. */
	char *(*template)(const struct migrate_file *header);
	/* The id of a new file. Caller owns. NULL: 12 random hex digits. */
	char *(*new_id)(void);
	/* Runs the session's plan by the tree's own tool, as migrate_apply(). NULL: SQL, by mig. */
	bool (*apply)(struct migrate_session *session, size_t *done, struct err *err);
	/* Lets the tree's own tool write the file, a merge with several parents, too; fills in the
	 * header's path. *wants_db as of migrate_new_revision(). */
	bool (*revision)(const struct migrate_tree *tree, struct migrate_file *header,
		const struct migrate_new *request, bool *wants_db, struct err *err);
	/*
	 * The plan as SQL, written by the tree's own tool without a database, each revision a
	 * transaction with its statements on the version table. `db` only says where env.py would
	 * connect; NULL: nowhere. Caller owns *sql. NULL: SQL, by mig.
	 */
	bool (*script)(const struct migrate_plan *plan, struct db *db, char **sql, struct err *err);
	/* The file's text with this one down_revision. NULL: files of this format have none. */
	bool (*reparent)(const struct migrate_file *file, const char *parent, struct strbuf *text,
		struct err *err);
	/* As migrate_check_models(); NULL: there are no models. */
	bool (*check)(const struct migrate_tree *tree, struct db *db,
		const struct migrate_args *args, struct err *err);
	/* Could the tree's own tool be run? ERR_CONFIG says what lacks. NULL: none is needed. */
	bool (*ready)(const struct migrate_tree *tree, struct err *err);
};

/* ERR_USAGE when there are some, and no env.py to hand them to. */
MUST_CHECK bool migrate_args_fit(
	const struct migrate_args *args, const struct migrate_tree *tree, struct err *err);

/* All rows, *count of them. */
const struct migrate_format *migrate_formats(size_t *count);

/* Reads the files, without the graph. */
MUST_CHECK bool migrate_tree_read(
	const struct conf_migrations *where, struct migrate_tree **tree, struct err *err);
/* Reads the files and links the graph. A folder that is absent is ERR_NOTFOUND. */
MUST_CHECK bool migrate_tree_load(
	const struct conf_migrations *where, struct migrate_tree **tree, struct err *err);
void migrate_tree_free(struct migrate_tree *tree);
DEFINE_AUTO(struct migrate_tree, migrate_tree_free)
/* Makes the graph of the files anew. */
MUST_CHECK bool migrate_tree_link(struct migrate_tree *tree, struct err *err);
/* Who looks at checksums or losses calls it before: to list revisions takes neither. */
void migrate_tree_study(const struct migrate_tree *tree);
/* An empty file record in the tree, for formats. */
struct migrate_file *migrate_tree_add(struct migrate_tree *tree, const char *file_name);
/* The same, for a file in another folder than the tree's; `shown` is that folder in messages. */
struct migrate_file *migrate_tree_add_in(
	struct migrate_tree *tree, const char *dir, const char *shown, const char *file_name);
/* The tree owns the text from then on: a file's source, or several. */
const char *migrate_tree_keep(struct migrate_tree *tree, char *text);
void migrate_file_release(struct migrate_file *file);
/* What the graph gets to know of it; borrowed from the tree's arena. */
struct graph_header migrate_file_header(const struct migrate_file *file);
/* What is no regular file is ERR_CONFIG: nobody waits for a pipe. What is absent is not judged. */
MUST_CHECK bool migrate_file_check_regular(const struct migrate_file *file, struct err *err);
/* The whole text of its path; of what fs_list_odd() calls odd, if it is a regular file. */
MUST_CHECK bool migrate_file_read(
	struct migrate_tree *tree, struct migrate_file *file, bool odd, struct err *err);
/* UTF-8 without NUL bytes, else ERR_CONFIG with the place. */
MUST_CHECK bool migrate_file_check_text(const struct migrate_file *file, struct err *err);
void migrate_file_take_checksum(struct migrate_file *file);

/* The native format's reader (native.c): header, then sections. ERR_CONFIG with place. */
MUST_CHECK bool migrate_native_parse(struct migrate_file *file, struct err *err);

#endif
