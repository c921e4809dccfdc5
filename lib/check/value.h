/*
 * What a seen value must be: one test of an assertion. Pure.
 *
 *	200                 equal: as numbers when both are, else as text; quoted: as text
 *	"> 0" "<= 3"        < <= > >= with a number
 *	"< 2s"              the same with a duration, where the subject is one
 *	{equals: TEXT}      {contains: TEXT}
 *	{match: ERE}        a POSIX extended expression over the whole value
 *	{not_match: ERE}    found nowhere in the value
 */
#ifndef CHECK_VALUE_H
#define CHECK_VALUE_H

#include "conf/node.h"

#include <regex.h>

/* What kind of value a subject has: decides how the operand is read. */
enum check_unit { CHECK_TEXT, CHECK_NUMBER, CHECK_DURATION };

enum check_op {
	CHECK_SAME, /* bare: numeric or text */
	CHECK_LESS,
	CHECK_AT_MOST,
	CHECK_MORE,
	CHECK_AT_LEAST,
	CHECK_EQUALS,
	CHECK_CONTAINS,
	CHECK_MATCH,
	CHECK_NOT_MATCH
};

struct check_test {
	enum check_op op;
	char *text; /* the operand as written */
	bool is_number; /* `number` holds the operand (ms for durations) */
	long double number; /* 64 bits of mantissa: every bigint is exact */
	bool compiled; /* `regex` is to be freed */
	regex_t regex;
};

/* A scalar as written; ERR_CONFIG without a place. *test is zeroed first. */
MUST_CHECK bool check_test_parse(const char *text, bool quoted, enum check_unit unit,
	struct check_test *test, struct err *err);
/* One key of a mapping: {KEY: TEXT}. */
MUST_CHECK bool check_test_parse_named(const char *key, const char *text, enum check_unit unit,
	struct check_test *test, struct err *err);
void check_test_release(struct check_test *test);

/* NULL is an absent value: nothing holds of it. Durations are seen in milliseconds. */
bool check_test_holds(const struct check_test *test, const char *value);
/* "> 0", "200", "contains \"json\""; caller owns. */
char *check_test_show(const struct check_test *test);

/* A decimal number and nothing else ("-1.5e3"; no hex, no inf, no white space). */
bool check_number_parse(const char *text, long double *number);

#endif
