#include "backup/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

enum { TELL_MS = 1000 };

struct progress {
	struct log_sink sink;
	struct log_sink *log;
	pthread_mutex_t lock; /* workers tell figures */
	char *path;
	json_t *fields;
	int64_t done, total;
	int64_t began, told; /* monotonic */
	bool failed; /* it was told once that the file cannot be written */
};

static char *folder_of(const struct conf_env *env)
{
	return fs_join(env->state_dir, "backups");
}

static char *host_name(void)
{
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	return xstrdup(host);
}

/* When a process began, in ticks since the start of the machine; -1: there is none. */
static int64_t process_began(int64_t pid)
{
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	AUTO_FREE char *path = xstrfmt("/proc/%" PRId64 "/stat", pid);
	if (!fs_read(path, 0, &text, &ignored))
		return -1;
	/* the name, in brackets, may hold anything; what follows is field 3 */
	const char *field = strrchr(text.buf, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	return field ? strtoll(field, NULL, 10) : -1;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell_failure(struct progress *progress, const struct err *why)
{
	if (!progress->failed)
		log_warn(progress->log, "no_status", NULL,
			"others cannot be told how far it is: %s", why->msg);
	progress->failed = true;
}

static void write_file(struct progress *progress)
{
	AUTO_ERR(why);
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	pthread_mutex_lock(&progress->lock);
	json_object_set_new(progress->fields, "at", json_string(now));
	json_object_set_new(progress->fields, "done", json_integer(progress->done));
	json_object_set_new(progress->fields, "total", json_integer(progress->total));
	AUTO_FREE char *text = json_dumps(progress->fields, JSON_COMPACT);
	pthread_mutex_unlock(&progress->lock);
	progress->told = clock_monotonic_ms();
	if (text && !fs_write_swift(progress->path, text, strlen(text), &why))
		tell_failure(progress, &why);
}

static void pass_on(struct log_sink *sink, enum log_level level, const char *event, json_t *fields,
	const char *text)
{
	struct log_sink *log = ((struct progress *)sink)->log;
	if (log)
		log->emit(log, level, event, fields, text);
}

static void take_figures(
	struct log_sink *sink, const char *what, const char *unit, int64_t done, int64_t total)
{
	struct progress *progress = (struct progress *)sink;
	pthread_mutex_lock(&progress->lock);
	progress->done = done > progress->done || total != progress->total ? done : progress->done;
	progress->total = total;
	pthread_mutex_unlock(&progress->lock);
	log_progress(progress->log, what, unit, done, total);
}

static void sweep(const struct conf_env *env)
{
	AUTO_ERR(ignored);
	CLEANUP(progress_list_release) struct progress_list list = {0};
	AUTO_FREE char *folder = folder_of(env);
	if (!progress_read(env, &list, &ignored))
		return;
	for (size_t i = 0; i < list.count; i++) {
		const char *id =
			json_string_value(json_object_get(list.items[i].fields, "snapshot"));
		AUTO_FREE char *path = xstrfmt("%s/%s.json", folder, id ? id : "");
		if (list.items[i].life == PROGRESS_DEAD && id && !strchr(id, '/'))
			unlink(path);
	}
}

struct progress *progress_begin(
	const struct conf_env *env, const char *id, const char *mig_run, struct log_sink *log)
{
	AUTO_ERR(why);
	AUTO_FREE char *folder = folder_of(env);
	AUTO_FREE char *host = host_name();
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	struct progress *progress = xcalloc(1, sizeof(*progress));
	progress->sink = (struct log_sink){pass_on, take_figures};
	progress->log = log;
	pthread_mutex_init(&progress->lock, NULL);
	progress->path = xstrfmt("%s/%s.json", folder, id);
	progress->began = clock_monotonic_ms();
	progress->fields = json_pack("{s:s, s:I, s:I, s:s, s:s?, s:s, s:s, s:s}", "snapshot", id,
		"pid", (json_int_t)getpid(), "pid_began", (json_int_t)process_began(getpid()),
		"host", host, "run", mig_run, "started", now, "phase", "locking", "unit", "bytes");
	sweep(env);
	if (fs_mkdirs(folder, &why))
		write_file(progress);
	else
		tell_failure(progress, &why);
	return progress;
}

void progress_phase(struct progress *progress, const char *phase)
{
	pthread_mutex_lock(&progress->lock);
	json_object_set_new(progress->fields, "phase", json_string(phase));
	progress->done = progress->total = 0;
	pthread_mutex_unlock(&progress->lock);
	write_file(progress);
}

void progress_tick(struct progress *progress)
{
	if (clock_monotonic_ms() - progress->told >= TELL_MS)
		write_file(progress);
}

struct log_sink *progress_sink(struct progress *progress)
{
	return &progress->sink;
}

void progress_end(struct progress *progress)
{
	if (!progress)
		return;
	unlink(progress->path);
	pthread_mutex_destroy(&progress->lock);
	json_decref(progress->fields);
	free(progress->path);
	free(progress);
}

/* --- looking ---------------------------------------------------------------------------------- */

const char *progress_life_word(enum progress_life life)
{
	static const char *const words[] = {"running", "dead", "elsewhere"};
	return words[life];
}

/* A number that was given to another process since is not ours any more. */
static enum progress_life life_of(const json_t *fields)
{
	AUTO_FREE char *host = host_name();
	if (!str_equal(json_string_value(json_object_get(fields, "host")), host))
		return PROGRESS_ELSEWHERE;
	int64_t pid = json_integer_value(json_object_get(fields, "pid"));
	int64_t began = json_integer_value(json_object_get(fields, "pid_began"));
	bool lives = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM) &&
		     process_began(pid) == began;
	return lives ? PROGRESS_LIVES : PROGRESS_DEAD;
}

bool progress_read(const struct conf_env *env, struct progress_list *list, struct err *err)
{
	AUTO_FREE char *folder = folder_of(env);
	AUTO_STRVEC(names);
	if (!fs_list(folder, &names, err))
		return false;
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *path = fs_join(folder, name);
		json_t *fields = str_ends(name, ".json") ? json_load_file(path, 0, NULL) : NULL;
		if (!json_is_object(fields)) {
			json_decref(fields);
			continue;
		}
		xgrow(list->items, list->count, list->alloc);
		list->items[list->count++] =
			(struct progress_item){.life = life_of(fields), .fields = fields};
	}
	return true;
}

void progress_list_release(struct progress_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		json_decref(list->items[i].fields);
	free(list->items);
	*list = (struct progress_list){0};
}

static const char *text_of(const struct progress_item *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item->fields, key));
	return text ? text : "?";
}

char *progress_line(const struct progress_item *item)
{
	int64_t done = json_integer_value(json_object_get(item->fields, "done"));
	int64_t total = json_integer_value(json_object_get(item->fields, "total"));
	AUTO_FREE char *done_text = clock_size_text(done);
	AUTO_FREE char *total_text = clock_size_text(total);
	AUTO_FREE char *figures = total > 0 ? xstrfmt(", %s of %s (%d %%)", done_text, total_text,
						      (int)(100.0 * (double)done / (double)total))
					    : xstrdup("");
	AUTO_FREE char *where = xstrfmt("pid %" JSON_INTEGER_FORMAT "%s%s",
		json_integer_value(json_object_get(item->fields, "pid")),
		item->life == PROGRESS_ELSEWHERE ? " on " : "",
		item->life == PROGRESS_ELSEWHERE ? text_of(item, "host") : "");
	if (item->life == PROGRESS_DEAD)
		return xstrfmt("%s (%s) died in phase %s; the next create removes what it left",
			text_of(item, "snapshot"), where, text_of(item, "phase"));
	return xstrfmt("%s (%s): %s%s, since %s", text_of(item, "snapshot"), where,
		text_of(item, "phase"), figures, text_of(item, "started"));
}
