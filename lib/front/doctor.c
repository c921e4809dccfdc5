#include "front/doctor.h"

static const struct doctor_check doctor_checks[] = {
	{"config", DOCTOR_NEEDS_NOTHING, doctor_config},
	{"database", DOCTOR_NEEDS_ENV, doctor_connection},
	{"pin", DOCTOR_NEEDS_DB, doctor_pin},
	{"tools", DOCTOR_NEEDS_NOTHING, doctor_tools},
	{"store", DOCTOR_NEEDS_ENV, doctor_stores},
	{"state", DOCTOR_NEEDS_ENV, doctor_state},
	{"rights", DOCTOR_NEEDS_DB, doctor_rights},
	{"swap", DOCTOR_NEEDS_DB, doctor_swap},
	{"migrations", DOCTOR_NEEDS_ENV, doctor_migrations},
	{"maintenance", DOCTOR_NEEDS_ENV, doctor_maintenance},
	{"smoke", DOCTOR_NEEDS_ENV, doctor_smoke},
	{"alerts", DOCTOR_NEEDS_ENV, doctor_alerts},
	{"libraries", DOCTOR_NEEDS_NOTHING, doctor_libraries},
};

const char *doctor_word(enum doctor_level level)
{
	static const char *const words[] = {"ok", "warn", "bad"};
	return words[level];
}

void doctor_say(
	struct doctor *doctor, enum doctor_level level, const char *next, const char *fmt, ...)
{
	xgrow(doctor->lines, doctor->count, doctor->alloc);
	va_list args;
	va_start(args, fmt);
	doctor->lines[doctor->count++] = (struct doctor_line){.level = level,
		.topic = doctor->topic,
		.text = xvstrfmt(fmt, args),
		.next = xstrdup_null(next)};
	va_end(args);
}

void doctor_say_error(struct doctor *doctor, enum doctor_level level, const struct err *err)
{
	doctor_say(doctor, level, err->hint, "%s%s%s%s%s", err->where ? err->where : "",
		err->where ? ": " : "", err->msg, err->detail ? "\n" : "",
		err->detail ? err->detail : "");
}

static bool can_run(const struct doctor *doctor, const struct doctor_check *check)
{
	if (check->need == DOCTOR_NEEDS_ENV)
		return doctor->env;
	return check->need == DOCTOR_NEEDS_NOTHING || doctor->db;
}

void doctor_run(struct doctor *doctor)
{
	for (size_t i = 0; i < ARRAY_SIZE(doctor_checks); i++) {
		if (!can_run(doctor, &doctor_checks[i]))
			continue;
		doctor->topic = doctor_checks[i].topic;
		doctor_checks[i].run(doctor);
	}
}

size_t doctor_count(const struct doctor *doctor, enum doctor_level level)
{
	size_t count = 0;
	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->lines[i].level == level;
	return count;
}

void doctor_release(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->lines[i].text);
		free(doctor->lines[i].next);
	}
	free(doctor->lines);
	db_close(doctor->db);
	*doctor = (struct doctor){0};
}
