/*
 * `mig init`: a first mig.yaml for the tree that is found. It never overwrites.
 */
#ifndef FRONT_INIT_H
#define FRONT_INIT_H

#include "base/err.h"
#include "base/strbuf.h"

struct init_found {
	const char *format; /* "sql", "alembic", "dbmate" */
	char *dir; /* of migrations, relative to the tree */
	char *project; /* the folder's name, as a project may be called */
	char *python; /* the one that has the tree's Alembic; NULL: python3 */
	const char *other_dir, *other_format; /* a tree that is left out; NULL: none */
	char *version_table; /* where the tool was told another one; NULL: its own */
	bool strict; /* dbmate: --strict is its habit */
	bool exists; /* dir is there */
};

struct init_request {
	const char *tree;
	const char *from; /* format to look for; NULL: the first that fits */
	const char *(*getenv)(const char *name); /* settings of other tools; NULL: none */
};

/* Looks at a tree: which migrations it has. ERR_USAGE, ERR_NOTFOUND for what `from` names. */
MUST_CHECK bool init_look(
	const struct init_request *request, struct init_found *found, struct err *err);
void init_found_release(struct init_found *found);
/* The file's text. */
void init_text(const struct init_found *found, struct strbuf *text);
/* What mig will not do for such a tree, lines ended by NULL. */
const char *const *init_limits(const struct init_found *found);
/* Writes it; ERR_REFUSED when the file is there. */
MUST_CHECK bool init_write(const char *path, const struct strbuf *text, struct err *err);

#endif
