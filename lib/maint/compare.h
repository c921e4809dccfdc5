/*
 * R1 - R0 = what mig's own sessions report? Pure: JSON in, verdict out.
 */
#ifndef MAINT_COMPARE_H
#define MAINT_COMPARE_H

#include "maint/writes.h"
#include <jansson.h>

/*
 * own: sum of all "own" lines, by compare_add_own(). Fills answer and reason. A write that was seen
 * outranks what is unknown.
 */
void compare_readings(const json_t *r0, const json_t *r1, const json_t *own,
	const struct strvec *ignore, struct writes_verdict *verdict);

/* Adds one report to a sum, which began as json_object(). */
void compare_add_own(json_t *sum, const json_t *own);

#endif
