/*
 * What kind of dump of pg_dump a file or folder is.
 */
#ifndef FOREIGN_PROBE_H
#define FOREIGN_PROBE_H

#include "base/err.h"

enum foreign_form {
	FOREIGN_NONE, /* a snapshot, or no file at all: not looked at further */
	FOREIGN_CUSTOM,
	FOREIGN_DIRECTORY,
	FOREIGN_TAR,
	FOREIGN_PLAIN, /* SQL, also in gzip or zstd */
};
struct foreign_dump {
	enum foreign_form form;
	char *path; /* absolute */
};
void foreign_dump_release(struct foreign_dump *dump);
const char *foreign_form_text(enum foreign_form form); /* "pg_dump's tar format" */
const char *foreign_form_word(enum foreign_form form); /* "tar" */

/* By what is in it, never by its name. ERR_CORRUPT: neither a snapshot nor a dump of pg_dump. */
MUST_CHECK bool foreign_probe(const char *path, struct foreign_dump *dump, struct err *err);

#endif
