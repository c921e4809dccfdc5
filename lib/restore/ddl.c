#include "base/fs.h"
#include "base/proc.h"
#include "base/utf8.h"
#include "db/child.h"
#include "restore/room.h"
#include <sys/mman.h>
#include <unistd.h>

#define TAIL_LINES 40
#define COMMAND_SHOWN 80

/*
 * The archive is in memory under a path of this process: parallel pg_restore opens it several
 * times, and nothing is left of it when we die.
 */
static bool open_archive(struct pack_reader *reader, int *fd, char **path, struct err *err)
{
	*fd = memfd_create(PACK_DUMP, MFD_CLOEXEC);
	if (*fd < 0)
		return err_sys(err, ERR_FAILED, "memory for %s", PACK_DUMP);
	*path = xstrfmt("/proc/%d/fd/%d", (int)getpid(), *fd);
	return pack_reader_to_fd(reader, PACK_DUMP, *fd, err);
}

struct speech {
	const struct restore_settings *settings;
	void (*on_line)(void *ctx, const char *line); /* of stdout; NULL: as of stderr */
	void *ctx;
	struct strvec lines;
};

static void speech_release(struct speech *speech)
{
	strvec_release(&speech->lines);
}

static void keep_line(void *ctx, const char *line)
{
	struct speech *speech = ctx;
	log_debug(speech->settings->log, "pg_restore", NULL, "%s", line);
	if (speech->lines.count < TAIL_LINES)
		strvec_push(&speech->lines, line);
}

static void take_line(void *ctx, const char *line)
{
	struct speech *speech = ctx;
	if (speech->on_line)
		speech->on_line(speech->ctx, line);
	else
		keep_line(ctx, line);
}

static bool is_cancelled(void *ctx)
{
	const struct speech *speech = ctx;
	const struct restore_settings *settings = speech->settings;
	return settings->cancelled && settings->cancelled(settings->cancel_ctx);
}

bool restore_ddl_program(char **program, struct err *err)
{
	*program = db_child_program("pg_restore");
	if (*program)
		return true;
	err_set(err, ERR_FAILED, "pg_restore is not to be found");
	return err_hint(err, "install the client programs of PostgreSQL: apt-get install "
			     "postgresql-client");
}

/* What pg_restore's last words mean; it has no exit codes of its own. */
static enum err_code code_of(const char *said)
{
	static const struct {
		const char *words;
		enum err_code code;
	} rows[] = {
		{"No space left on device", ERR_STORAGE},
		{"connection to server", ERR_DATABASE},
		{"server closed the connection", ERR_DATABASE},
		{"terminating connection", ERR_DATABASE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strstr(said, rows[i].words))
			return rows[i].code;
	return ERR_SQL;
}

/* What stands behind `words` in the first line that has them; NULL: none has. */
static const char *behind(const struct strvec *lines, const char *words)
{
	STRVEC_EACH (lines, line) {
		const char *found = strstr(line, words);
		if (found)
			return found + strlen(words);
	}
	return NULL;
}

/* What the server said, and to which command, whose first line names the object. */
static bool say_refused(
	const struct strvec *lines, const char *what, enum err_code code, struct err *err)
{
	const char *error = behind(lines, "could not execute query: ");
	const char *command = behind(lines, "Command was: ");
	/* "ERROR:  ", in the language of the server */
	const char *why = error ? strstr(error, ":  ") : NULL;
	if (!why || !command)
		return false;
	AUTO_FREE char *cut = utf8_cut(command, COMMAND_SHOWN);
	err_set(err, code, "the %s: %s: %s%s", what, why + 3, cut,
		strlen(cut) < strlen(command) ? ".." : "");
	return true;
}

static bool judge(const struct speech *speech, const struct proc_result *result, const char *what,
	struct err *err)
{
	if (result->status == 0)
		return true;
	if (result->cancelled)
		return err_set(err, ERR_SIGNAL, "interrupted");
	AUTO_FREE char *said = strvec_join(&speech->lines, "\n");
	if (!say_refused(&speech->lines, what, code_of(said), err))
		err_set(err, code_of(said), "pg_restore could not make the %s", what);
	err_detail(err, "%s", said);
	/* the second form is that of 16 */
	if (!strstr(said, "must be member of role") && !strstr(said, "must be able to SET ROLE"))
		return false;
	return err_hint(err, "grant that role to the one that restores (GRANT role TO me), or give "
			     "its things to another: --role-map OLD=NEW");
}

/* The list of entries, in memory like the archive. */
static bool open_list(const char *list, int *fd, char **path, struct err *err)
{
	*fd = memfd_create("entries", MFD_CLOEXEC);
	if (*fd < 0)
		return err_sys(err, ERR_FAILED, "memory for a list of entries");
	*path = xstrfmt("/proc/%d/fd/%d", (int)getpid(), *fd);
	return fs_write_all(*fd, list, strlen(list), err);
}

static bool run_child(struct speech *speech, const struct strvec *argv, const struct strvec *env,
	const char *what, struct err *err)
{
	struct proc_result result;
	struct proc_spec spec = {
		.argv = argv,
		.env = env,
		.on_stdout = take_line,
		.on_stderr = keep_line,
		.cancelled = is_cancelled,
		.ctx = speech,
	};
	return proc_run(&spec, &result, err) && judge(speech, &result, what, err);
}

/* list: NULL: all entries. */
static bool run_listed(struct speech *speech, struct strvec *argv, const struct strvec *env,
	const char *list, const char *archive, const char *what, struct err *err)
{
	CLEANUP(fs_close) int entries = -1;
	AUTO_FREE char *path = NULL;
	if (list && !open_list(list, &entries, &path, err))
		return false;
	if (list)
		strvec_pushf(argv, "--use-list=%s", path);
	strvec_push(argv, archive);
	return run_child(speech, argv, env, what, err);
}

static bool run(struct speech *speech, struct strvec *argv, const struct strvec *env,
	const char *list, const char *what, struct err *err)
{
	CLEANUP(fs_close) int archive = -1;
	AUTO_FREE char *path = NULL;
	return open_archive(speech->settings->reader, &archive, &path, err) &&
	       run_listed(speech, argv, env, list, path, what, err);
}

/* "pg_restore" and the words, NULL at the end. */
static bool say_words(struct strvec *argv, const char *const *words, struct err *err)
{
	AUTO_FREE char *program = NULL;
	if (!restore_ddl_program(&program, err))
		return false;
	strvec_push(argv, program);
	for (; *words; words++)
		strvec_push(argv, *words);
	return true;
}

bool restore_ddl_read(const struct restore_settings *settings, const char *const *words,
	const char *list, void (*on_line)(void *ctx, const char *line), void *ctx, struct err *err)
{
	CLEANUP(speech_release)
	struct speech speech = {.settings = settings, .on_line = on_line, .ctx = ctx};
	AUTO_STRVEC(argv);
	return say_words(&argv, words, err) &&
	       run(&speech, &argv, NULL, list, "list of the snapshot", err);
}

/* pg_restore into that database. */
static bool say_where(const struct restore_settings *settings, struct db *server,
	const char *database, struct strvec *argv, struct strvec *env, struct err *err)
{
	AUTO_FREE char *program = NULL;
	if (!restore_ddl_program(&program, err))
		return false;
	strvec_push(argv, program);
	/* the database is named in the environment: a name in -d may be taken for a conninfo */
	strvec_push(argv, "--dbname=");
	strvec_push(argv, "--exit-on-error");
	strvec_push(argv, "--no-password");
	/* a subscription in a copy could take over the live one's slot */
	strvec_push(argv, "--no-subscriptions");
	if (settings->no_tablespaces)
		strvec_push(argv, "--no-tablespaces");
	if (settings->no_security_labels)
		strvec_push(argv, "--no-security-labels");
	strvec_pushf(argv, "--jobs=%d", settings->workers > 1 ? settings->workers : 1);
	db_child_env(server, database, env);
	strvec_push(env, "LC_ALL=C"); /* its words are read */
	strvec_push(env, "PGAPPNAME=mig-restore");
	strvec_push(env, "PGOPTIONS=-c array_nulls=on -c synchronous_commit=off -c "
			 "maintenance_work_mem=256MB"
			 " -c default_transaction_read_only=off");
	return true;
}

bool restore_ddl(const struct restore_settings *settings, struct db *server, const char *database,
	const char *section, const char *list, struct err *err)
{
	CLEANUP(speech_release) struct speech speech = {.settings = settings};
	AUTO_FREE char *what = xstrfmt("%s of the snapshot", section);
	AUTO_STRVEC(argv);
	AUTO_STRVEC(env);
	if (!say_where(settings, server, database, &argv, &env, err))
		return false;
	strvec_pushf(&argv, "--section=%s", section);
	return run(&speech, &argv, &env, list, what, err);
}

bool restore_ddl_archive(const struct restore_settings *settings, struct db *server,
	const char *database, const char *archive, const char *const *words, const char *list,
	struct err *err)
{
	CLEANUP(speech_release) struct speech speech = {.settings = settings};
	AUTO_STRVEC(argv);
	AUTO_STRVEC(env);
	if (!say_where(settings, server, database, &argv, &env, err))
		return false;
	for (; *words; words++)
		strvec_push(&argv, *words);
	return run_listed(&speech, &argv, &env, list, archive, "database of the dump", err);
}

bool restore_ddl_archive_list(const struct restore_settings *settings, const char *archive,
	void (*on_line)(void *ctx, const char *line), void *ctx, struct err *err)
{
	static const char *const words[] = {"--list", NULL};
	CLEANUP(speech_release)
	struct speech speech = {.settings = settings, .on_line = on_line, .ctx = ctx};
	AUTO_STRVEC(argv);
	return say_words(&argv, words, err) &&
	       run_listed(&speech, &argv, NULL, NULL, archive, "list of the dump", err);
}
