/*
 * Inside room base: a shared library that is loaded when its first function is called, for what
 * costs a start much and few commands use (docs/decisions/028).
 */
#ifndef BASE_LATE_H
#define BASE_LATE_H

struct late_library {
	const char *file; /* "libpq.so.5" */
	const char *what; /* "PostgreSQL's client library" */
	const char *package; /* Debian's, for the hint */
};

/*
 * Never NULL: where the library or a function of it is not to be had, nothing was done yet and
 * nothing can be, and the program ends with 1, as it would have without starting.
 */
void *late_open(const struct late_library *library);
void *late_find(const struct late_library *library, void *opened, const char *function);

#endif
