/*
 * `mig doctor`: what is missing, one line per thing, each with the next thing to type. A new check
 * is one row in doctor_checks (doctor.c). It changes nothing anywhere.
 */
#ifndef FRONT_DOCTOR_H
#define FRONT_DOCTOR_H

#include "conf/config.h"
#include "db/db.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };
const char *doctor_word(enum doctor_level level); /* "ok", "warn", "bad" */

struct doctor_line {
	enum doctor_level level;
	const char *topic; /* of its row */
	char *text;
	char *next; /* what to type or do; NULL: nothing */
};

struct doctor {
	const struct conf_env *env; /* NULL: no usable configuration */
	const struct err *config_error; /* why env is NULL */
	struct db_params params; /* how to reach the target */
	struct db *db; /* the target; NULL: not reached */
	const char *topic; /* of the running check */
	struct doctor_line *lines;
	size_t count, alloc;
};

/* Runs every check. `doctor` zeroed but for env, config_error and params. */
void doctor_run(struct doctor *doctor);
void doctor_release(struct doctor *doctor);
size_t doctor_count(const struct doctor *doctor, enum doctor_level level);

/* For the checks: adds a line. `next` NULL: nothing to do. */
void doctor_say(struct doctor *doctor, enum doctor_level level, const char *next, const char *fmt,
	...) PRINTF_LIKE(4, 5);
/* A line out of an error: its message, its hint as next. */
void doctor_say_error(struct doctor *doctor, enum doctor_level level, const struct err *err);

/* What a check needs before it can be made. */
enum doctor_need { DOCTOR_NEEDS_NOTHING, DOCTOR_NEEDS_ENV, DOCTOR_NEEDS_DB };
struct doctor_check {
	const char *topic;
	enum doctor_need need;
	void (*run)(struct doctor *doctor);
};

void doctor_config(struct doctor *doctor);
void doctor_state(struct doctor *doctor);
void doctor_stores(struct doctor *doctor);
void doctor_migrations(struct doctor *doctor);
void doctor_maintenance(struct doctor *doctor);
void doctor_smoke(struct doctor *doctor);
void doctor_alerts(struct doctor *doctor);
void doctor_libraries(struct doctor *doctor);
void doctor_connection(struct doctor *doctor);
void doctor_pin(struct doctor *doctor);
void doctor_tools(struct doctor *doctor);
void doctor_rights(struct doctor *doctor);
void doctor_swap(struct doctor *doctor);

#endif
