#include "base/err.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const struct err_row rows[] = {
#define X(name, status, class, retryable, meaning) {name, status, class, retryable, meaning},
	ERR_TABLE(X)
#undef X
};

static const struct err_row *row_of(enum err_code code)
{
	return &rows[code];
}

const struct err_row *err_rows(size_t *count)
{
	*count = ARRAY_SIZE(rows);
	return rows;
}

void err_release(struct err *err)
{
	free(err->msg);
	free(err->detail);
	free(err->hint);
	free(err->where);
	*err = (struct err)ERR_INIT;
}

static void replace(char **slot, char *text)
{
	free(*slot);
	*slot = text;
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *msg = xvstrfmt(fmt, args);
	va_end(args);
	err_release(err);
	err->code = code;
	err->signal = code == ERR_SIGNAL ? SIGINT : 0;
	err->msg = msg;
	return false;
}

bool err_sys(struct err *err, enum err_code code, const char *fmt, ...)
{
	int number = errno;
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *what = xvstrfmt(fmt, args);
	va_end(args);
	bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
	err_set(err, full ? ERR_STORAGE : code, "%s: %s", what, strerror(number));
	if (full)
		err_hint(err, "make room on that file system, then run it again");
	if (number == EACCES || number == EPERM)
		err_hint(err,
			"the user who runs this (uid %u) may not: give it the right, or run as "
			"who owns it",
			(unsigned)geteuid());
	return false;
}

#define SET_FROM_ARGS(slot) \
	do { \
		va_list args; \
		va_start(args, fmt); \
		replace((slot), xvstrfmt(fmt, args)); \
		va_end(args); \
	} while (0)

bool err_detail(struct err *err, const char *fmt, ...)
{
	SET_FROM_ARGS(&err->detail);
	return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
	SET_FROM_ARGS(&err->hint);
	return false;
}

bool err_where(struct err *err, const char *fmt, ...)
{
	SET_FROM_ARGS(&err->where);
	return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *context = xvstrfmt(fmt, args);
	va_end(args);
	replace(&err->msg, xstrfmt("%s: %s", context, err->msg ? err->msg : "failed"));
	return false;
}

bool err_move(struct err *to, struct err *from)
{
	if (to == from)
		return false;
	err_release(to);
	*to = *from;
	*from = (struct err)ERR_INIT;
	return false;
}

void err_copy(struct err *to, const struct err *from)
{
	struct err copy = *from;
	copy.msg = xstrdup_null(from->msg);
	copy.detail = xstrdup_null(from->detail);
	copy.hint = xstrdup_null(from->hint);
	copy.where = xstrdup_null(from->where);
	err_move(to, &copy);
}

int err_exit_status(const struct err *err)
{
	return row_of(err->code)->status + (err->code == ERR_SIGNAL ? err->signal : 0);
}

const char *err_class(enum err_code code)
{
	return row_of(code)->class;
}

const char *err_meaning(enum err_code code)
{
	return row_of(code)->meaning;
}

bool err_retryable(enum err_code code)
{
	return row_of(code)->retryable;
}

enum err_code err_from_status(int status)
{
	if (status > 128)
		return ERR_SIGNAL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return rows[i].code;
	return ERR_FAILED;
}
