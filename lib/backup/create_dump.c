/*
 * Definitions come from pg_dump, run once on our snapshot; its archive and the SQL text of both
 * sections become members. The archive is kept in memory: a tar member's size must be known first.
 */
#include "backup/create_room.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "db/child.h"
#include "schema/minors.h"

/* Short: who is queued before it waits for us, and others behind it. */
enum { LOCK_WAIT_MS = 1000 };

struct create_dump {
	char *pg_dump, *pg_restore; /* paths */
	char *version; /* "15.18" */
	char *session; /* application_name */
	struct strvec env;
	struct proc_stream child;
	struct strbuf archive;
};

/* --- finding ---------------------------------------------------------------------------------- */

/* In the folder that was asked for; else the server's own major version; else PATH. */
static char *find_program(const char *name, const char *folder, int major)
{
	if (folder)
		return fs_join(folder, name);
	AUTO_FREE char *own = xstrfmt("/usr/lib/postgresql/%d/bin/%s", major, name);
	if (access(own, X_OK) == 0)
		return xtake(&own);
	return db_child_program(name);
}

/* "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" */
static bool parse_version(const char *text, char **version, int *major)
{
	const char *mark = strstr(text, ") ");
	if (!mark)
		return false;
	mark += 2;
	*version = xstrndup(mark, strcspn(mark, " \n"));
	char *end;
	*major = (int)strtol(*version, &end, 10);
	return end != *version && *major > 0;
}

static bool no_pg_dump(int major, struct err *err)
{
	err_hint(err, "install postgresql-client-%d, or name the folder that has it: --pg-bin DIR",
		major);
	return false;
}

static bool ask_version(struct create_dump *dump, int *major, struct err *err)
{
	AUTO_STRVEC(argv);
	AUTO_STRBUF(out);
	strvec_push(&argv, dump->pg_dump);
	strvec_push(&argv, "--version");
	struct proc_spec spec = {.argv = &argv, .timeout_ms = 30000};
	struct proc_result result;
	if (!proc_capture(&spec, &result, &out, NULL, err))
		return false;
	if (result.status != 0 || !parse_version(out.buf, &dump->version, major))
		return err_set(err, ERR_FAILED, "%s --version said nothing that is understood",
			dump->pg_dump);
	return true;
}

static bool check_version(struct create_dump *dump, int server, struct err *err)
{
	int major = 0;
	if (!ask_version(dump, &major, err))
		return no_pg_dump(server, err);
	if (major >= server)
		return true;
	err_set(err, ERR_FAILED, "pg_dump %s (%s) is older than the server (%d)", dump->version,
		dump->pg_dump, server);
	return no_pg_dump(server, err);
}

static void warn_of_minor(const struct backup_settings *settings, const struct create_dump *dump)
{
	const char *fixed = schema_minors_fixed(dump->version);
	if (fixed)
		log_warn(settings->log, "pg_dump_unpatched",
			json_pack("{s:s, s:s}", "pg_dump", dump->version, "fixed", fixed),
			"pg_dump %s (%s) lacks the fix of CVE-2025-8714 (%s has it): a malicious "
			"server could bring commands of psql into the snapshot's SQL text. "
			"Update the client programs of PostgreSQL",
			dump->version, dump->pg_dump, fixed);
}

bool create_dump_find(const struct backup_settings *settings, struct db *db,
	struct create_dump **found, struct err *err)
{
	CLEANUP(create_dump_free_auto) struct create_dump *dump = xcalloc(1, sizeof(*dump));
	dump->archive = (struct strbuf)STRBUF_INIT;
	dump->child.out = dump->child.errfd = -1;
	dump->session = xstrfmt("mig-backup pg_dump %d", db->pid);
	int server = db->version / 10000;
	dump->pg_dump = find_program("pg_dump", settings->pg_bin, server);
	dump->pg_restore = find_program("pg_restore", settings->pg_bin, server);
	if (!dump->pg_dump || !dump->pg_restore) {
		err_set(err, ERR_FAILED, "%s is not installed here",
			dump->pg_dump ? "pg_restore" : "pg_dump");
		return no_pg_dump(server, err);
	}
	if (!check_version(dump, server, err))
		return false;
	warn_of_minor(settings, dump);
	*found = xtake(&dump);
	return true;
}

const char *create_dump_version(const struct create_dump *dump)
{
	return dump->version;
}

const char *create_dump_session(const struct create_dump *dump)
{
	return dump->session;
}

/* --- pg_dump ---------------------------------------------------------------------------------- */

bool create_dump_start(struct create_dump *dump, const struct create_locks *locks,
	const struct backup_settings *settings, struct err *err)
{
	AUTO_STRVEC(argv);
	const char *const words[] = {dump->pg_dump, "--format=custom", "--no-blobs", "--compress=0",
		"--section=pre-data", "--section=post-data", "--no-password"};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	strvec_pushf(&argv, "--snapshot=%s", locks->snapshot);
	strvec_pushf(&argv, "--lock-wait-timeout=%d", LOCK_WAIT_MS);
	create_filter_options(&settings->filter, &argv);
	proc_stream_abort(&dump->child);
	strbuf_reset(&dump->archive);
	strvec_release(&dump->env);
	/* before the name of our own session: the first one counts */
	strvec_pushf(&dump->env, "PGAPPNAME=%s", dump->session);
	db_child_env(locks->leader, locks->leader->dbname, &dump->env);
	log_debug(settings->log, "pg_dump", NULL, "%s %s", dump->pg_dump, dump->version);
	return proc_stream_start(&dump->child, &argv, &dump->env, err);
}

/* Appends what there is; *ended at the end of the stream. */
static bool read_some(int fd, struct strbuf *to, bool *ended, struct err *err)
{
	enum { CHUNK = 64 << 10 };
	strbuf_reserve(to, CHUNK);
	ssize_t got = read(fd, to->buf + to->len, CHUNK);
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0)
		return err_sys(err, ERR_FAILED, "cannot read from a child process");
	to->len += (size_t)got;
	to->buf[to->len] = 0;
	*ended = got == 0;
	return true;
}

/* pg_dump's own words say which of our error classes it is. */
static void classify(struct err *err)
{
	const char *said = err->detail ? err->detail : "";
	if (strstr(said, "LOCK TABLE") || strstr(said, "could not obtain lock"))
		err->code = ERR_LOCK;
	else if (strstr(said, "permission denied"))
		err->code = ERR_SQL;
	else if (strstr(said, "connection to server") ||
		 strstr(said, "server closed the connection"))
		err->code = ERR_DATABASE;
}

bool create_dump_read(struct create_dump *dump, int wait_ms, bool *ended, struct err *err)
{
	struct pollfd wait = {.fd = dump->child.out, .events = POLLIN};
	*ended = false;
	if (poll(&wait, 1, wait_ms) <= 0)
		return true;
	if (!read_some(dump->child.out, &dump->archive, ended, err))
		return false;
	if (!*ended || proc_stream_finish(&dump->child, err))
		return true;
	classify(err);
	return false;
}

/* --- pg_restore ------------------------------------------------------------------------------- */

/* The archive as a file that pg_restore can seek in. */
static bool archive_file(const struct create_dump *dump, int *fd, struct err *err)
{
	*fd = memfd_create("schema.pgdump", MFD_CLOEXEC);
	if (*fd < 0)
		return err_sys(err, ERR_FAILED, "cannot keep the definitions in memory");
	return fs_write_all(*fd, dump->archive.buf, dump->archive.len, err) &&
	       (lseek(*fd, 0, SEEK_SET) == 0 || err_sys(err, ERR_FAILED, "cannot seek"));
}

/* What pg_restore says about the archive, with these options. */
static bool restore_text(struct create_dump *dump, const char *what, const char *more,
	struct strbuf *text, struct err *err)
{
	CLEANUP(fs_close) int input = -1;
	AUTO_STRVEC(argv);
	strvec_push(&argv, dump->pg_restore);
	strvec_push(&argv, what);
	strvec_push(&argv, more);
	struct proc_stream child;
	if (!archive_file(dump, &input, err) ||
		!proc_stream_start_from(&child, &argv, &dump->env, input, err))
		return false;
	bool ended = false, ok = true;
	while (ok && !ended)
		ok = read_some(child.out, text, &ended, err);
	if (!ok)
		proc_stream_abort(&child);
	return ok && proc_stream_finish(&child, err);
}

/* Cuts the one line that begins at *at, when it is exactly "<word> <letters and digits>". */
static bool cut_restrict(struct strbuf *text, char *at, const char *word)
{
	if (!at || !str_starts(at, word))
		return false;
	char *end = at + strlen(word);
	while (isalnum((unsigned char)*end))
		end++;
	if (*end != '\n')
		return false;
	end++;
	memmove(at, end, (size_t)(text->buf + text->len + 1 - end));
	text->len -= (size_t)(end - at);
	return true;
}

static char *first_line_with(const struct strbuf *text, const char *word)
{
	for (char *at = text->buf; at && *at; at = strchr(at, '\n'), at += at != NULL) {
		if (str_starts(at, word))
			return at;
		/* only comments and blank lines come before it */
		if (*at != '-' && *at != '\n')
			return NULL;
	}
	return NULL;
}

static char *last_line_with(const struct strbuf *text, const char *word)
{
	char *end = text->buf + text->len;
	while (end > text->buf && end[-1] == '\n')
		end--;
	char *at = end;
	while (at > text->buf && at[-1] != '\n')
		at--;
	return str_starts(at, word) ? at : NULL;
}

/* An older psql refuses these commands; between them there is nothing of psql's. */
void create_dump_strip_restrict(struct strbuf *text)
{
	if (cut_restrict(text, first_line_with(text, "\\restrict "), "\\restrict "))
		cut_restrict(text, last_line_with(text, "\\unrestrict "), "\\unrestrict ");
}

static bool add_section(struct create_dump *dump, const char *section, const char *member,
	struct pack_writer *writer, struct err *err)
{
	AUTO_STRBUF(text);
	if (!restore_text(dump, section, "--file=-", &text, err))
		return false;
	create_dump_strip_restrict(&text);
	return pack_writer_add_text(writer, member, text.buf, text.len, err);
}

bool create_dump_list(struct create_dump *dump, struct strbuf *text, struct err *err)
{
	return restore_text(dump, "--list", "--verbose", text, err);
}

bool create_dump_add(struct create_dump *dump, struct pack_writer *writer, struct err *err)
{
	return pack_writer_add(
		       writer, PACK_DUMP, dump->archive.buf, dump->archive.len, NULL, err) &&
	       add_section(dump, "--section=pre-data", PACK_PRE_DATA, writer, err) &&
	       add_section(dump, "--section=post-data", PACK_POST_DATA, writer, err);
}

void create_dump_free(struct create_dump *dump)
{
	if (!dump)
		return;
	proc_stream_abort(&dump->child);
	free(dump->pg_dump);
	free(dump->pg_restore);
	free(dump->version);
	free(dump->session);
	strvec_release(&dump->env);
	strbuf_release(&dump->archive);
	free(dump);
}
