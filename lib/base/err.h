/*
 * Errors are values: owned by the caller, filled by the callee, printed once by the main wrapper.
 *
 *	bool store_put(..., struct err *err);            returns false with *err filled
 *	return err_set(err, ERR_NOTFOUND, "no snapshot %s", id);
 *	return err_hint(err, "list them: mig-backup list");  (err_* return false, so they chain)
 *
 * A function that can fail takes `struct err *` last, and either returns an error or logs: never
 *both.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

/* name, exit status, class, retryable, meaning: the one table behind exit codes and man pages */
#define ERR_TABLE(X) \
	X(ERR_NONE, 0, "ok", false, "done, or nothing to do") \
	X(ERR_FAILED, 1, "failed", false, "failed") \
	X(ERR_USAGE, 2, "usage", false, "wrong command line") \
	X(ERR_CONFIG, 3, "config", false, "configuration or playbook invalid") \
	X(ERR_NO, 4, "no", false, "it worked and the answer is \"no\"") \
	X(ERR_DATABASE, 10, "database", true, "database unreachable") \
	X(ERR_SQL, 11, "sql", false, "SQL refused") \
	X(ERR_STORAGE, 12, "storage", true, "store or network unreachable, or disk full") \
	X(ERR_LOCK, 13, "lock", true, "held by another run, or lock timeout") \
	X(ERR_NOTFOUND, 14, "notfound", false, "snapshot, revision, table not found") \
	X(ERR_CORRUPT, 15, "corrupt", false, "checksum, manifest, truncated, wrong key") \
	X(ERR_REMOTE, 16, "remote", false, "remote command or hook failed") \
	X(ERR_REFUSED, 17, "refused", false, "policy, pin, not confirmed") \
	X(ERR_UNDONE, 20, "undone", false, "failed, undone, target as before") \
	X(ERR_PAGE, 21, "page", false, "failed, not undone: a person is needed") \
	X(ERR_DOUBT, 22, "doubt", false, "unknown whether an effect happened") \
	X(ERR_BUG, 70, "bug", false, "a bug in mig") \
	X(ERR_TIMEOUT, 124, "timeout", false, "timed out") \
	X(ERR_SIGNAL, 128, "signal", false, "ended by signal n (128+n)")

enum err_code {
#define X(name, status, class, retryable, meaning) name,
	ERR_TABLE(X)
#undef X
};

struct err {
	enum err_code code;
	char *msg; /* what happened, where; one line, no full stop */
	char *detail; /* why: the server's or the system's own words; may be NULL, many lines */
	char *hint; /* the next thing to do or type; may be NULL */
	char *where; /* file:line:column of the user's text; may be NULL */
	char sqlstate[6]; /* five characters, or empty */
	int signal; /* with ERR_SIGNAL: which one; err_set() says SIGINT */
};

#define ERR_INIT \
	{ \
		0 \
	}

void err_release(struct err *err);
/* `AUTO_ERR(why);` declares an empty error that is released at the end of the scope. */
#define AUTO_ERR(name) CLEANUP(err_release) struct err name = ERR_INIT

/* All of these return false. Setting replaces what was there. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set, with ": " and strerror(errno) after the text; ENOSPC and EDQUOT become ERR_STORAGE.
 */
bool err_sys(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_detail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool err_hint(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool err_where(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts "text: " before the message. */
bool err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Replaces *to; leaves *from empty. */
bool err_move(struct err *to, struct err *from);
void err_copy(struct err *to, const struct err *from);

int err_exit_status(const struct err *err);
const char *err_class(enum err_code code);
const char *err_meaning(enum err_code code);
bool err_retryable(enum err_code code);
/* The code of a program that ended with this exit status; unknown ones are ERR_FAILED. */
enum err_code err_from_status(int status);

struct err_row {
	enum err_code code;
	int status;
	const char *class;
	bool retryable;
	const char *meaning;
};
/* The whole table, for help and man pages; *count rows. */
const struct err_row *err_rows(size_t *count);

#endif
