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
 * Never NULL: where the library or a function of it is not to be had, nothing can be done, and the
 * program says so and ends with 1 at once; what it had begun is left as by a kill.
 */
void *late_open(const struct late_library *library);
void *late_find(const struct late_library *library, void *opened, const char *function);

#endif
