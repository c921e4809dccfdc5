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
	const char *python; /* the project's own interpreter; NULL: python3 */
	bool exists; /* dir is there */
};

/* Looks at a tree: which migrations it has. */
MUST_CHECK bool init_look(const char *tree, struct init_found *found, struct err *err);
void init_found_release(struct init_found *found);
/* The file's text. */
void init_text(const struct init_found *found, struct strbuf *text);
/* Writes it; ERR_REFUSED when the file is there. */
MUST_CHECK bool init_write(const char *path, const struct strbuf *text, struct err *err);

#endif
