#include "backup/status.h"

#include "backup/report.h"
#include "base/clock.h"

bool backup_status_read(const struct conf_env *env, struct log_sink *log,
	struct backup_status *status, struct err *err)
{
	if (!progress_read(env, &status->running, err) ||
		!backup_list(env, log, &status->list, err))
		return false;
	int64_t now = clock_now_ms();
	status->newest = backup_newest(&status->list, now);
	status->age_ms = status->newest ? now - status->newest->started_ms : 0;
	return true;
}

void backup_status_release(struct backup_status *status)
{
	backup_list_release(&status->list);
	progress_list_release(&status->running);
	*status = (struct backup_status){0};
}

bool backup_status_young(const struct backup_status *status, int64_t max_age_ms, struct err *err)
{
	if (status->newest && status->age_ms <= max_age_ms)
		return true;
	AUTO_FREE char *limit = clock_duration_text(max_age_ms);
	if (!status->newest)
		err_set(err, ERR_NO, "there is no snapshot%s%s",
			status->list.database ? " of database " : "",
			status->list.database ? status->list.database : "");
	else {
		AUTO_FREE char *age = clock_duration_text(status->age_ms);
		err_set(err, ERR_NO, "the newest snapshot, %s, is %s old; %s were allowed",
			status->newest->id, age, limit);
	}
	return err_hint(err, "take one: mig-backup create");
}

void backup_status_lines(const struct backup_status *status, struct strvec *lines)
{
	for (size_t i = 0; i < status->running.count; i++) {
		AUTO_FREE char *line = progress_line(&status->running.items[i]);
		strvec_pushf(lines, "running   %s", line);
	}
	if (!status->newest) {
		strvec_push(lines, "newest    none");
		return;
	}
	AUTO_FREE char *age = clock_duration_text(status->age_ms);
	AUTO_FREE char *utc = clock_utc(status->newest->started_ms);
	AUTO_FREE char *local = clock_local(status->newest->started_ms);
	strvec_pushf(lines, "newest    %s, %s old", status->newest->id, age);
	strvec_pushf(lines, "of        %s (%s)", utc, local);
	strvec_pushf(lines, "in        %s", status->newest->path);
}

static json_t *running_json(const struct progress_list *running)
{
	json_t *array = json_array();
	for (size_t i = 0; i < running->count; i++) {
		json_t *one = json_deep_copy(running->items[i].fields);
		json_object_set_new(
			one, "life", json_string(progress_life_word(running->items[i].life)));
		json_array_append_new(array, one);
	}
	return array;
}

json_t *backup_status_json(const struct backup_status *status, int64_t max_age_ms)
{
	AUTO_ERR(ignored);
	json_t *fields =
		status->newest ? backup_entry_json(status->newest) : json_pack("{s:n}", "snapshot");
	if (status->newest)
		json_object_set_new(fields, "age_seconds", json_integer(status->age_ms / 1000));
	if (max_age_ms >= 0) {
		json_object_set_new(fields, "max_age_seconds", json_integer(max_age_ms / 1000));
		json_object_set_new(fields, "young",
			json_boolean(backup_status_young(status, max_age_ms, &ignored)));
	}
	json_object_set_new(fields, "running", running_json(&status->running));
	json_object_set_new(fields, "broken", backup_texts_json(&status->list.broken));
	return fields;
}
