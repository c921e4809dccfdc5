/*
 * What a Python file says at its top, read without Python: its docstring and the literals that are
 * assigned to names of the module. Enough of the language to be sure; what it is not sure of is
 * said to be no literal.
 */
#ifndef MIGRATE_PYTHON_H
#define MIGRATE_PYTHON_H

#include "base/arena.h"
#include "base/strbuf.h"

enum python_kind {
	PYTHON_ABSENT, /* never assigned */
	PYTHON_NONE, /* None */
	PYTHON_TEXT, /* one string */
	PYTHON_LIST, /* a tuple or list of strings */
	PYTHON_OTHER, /* something that has to be computed */
};
struct python_value {
	enum python_kind kind;
	struct strvec items; /* one for PYTHON_TEXT; in the arena (base/arena.h) */
	size_t start, end; /* where it stands in the text; PYTHON_OTHER: nowhere */
};
/* A name to look for; `value` must be zeroed. */
struct python_name {
	const char *name;
	struct python_value value;
};

struct python_header {
	struct python_name *names;
	size_t count;
	struct arena *room; /* gets the values; borrowed */
	const char *docstring, *docstring_end; /* in the text; NULL: there is none */
	bool code; /* asked for: what follows, too */
	/* the code but for docstring, names, comments, empty lines and the functions `downgrade..`
	 */
	struct strbuf rest;
	/* Lines that take data away, of the function `upgrade` or `downgrade` alone. */
	struct strvec up_losses, down_losses; /* "12: op.drop_table" */
};
/* The text must end with NUL. Later assignments win, as in Python. */
void python_header_read(struct python_header *header, const char *text, size_t length);
/* Releases what it read, not the array of names. */
void python_header_release(struct python_header *header);

#endif
