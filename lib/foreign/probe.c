#include "foreign/probe.h"
#include "base/fs.h"
#include "foreign/text.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOC "toc.dat"

void foreign_dump_release(struct foreign_dump *dump)
{
	free(dump->path);
	*dump = (struct foreign_dump){0};
}

const char *foreign_form_text(enum foreign_form form)
{
	static const char *const texts[] = {[FOREIGN_NONE] = "nothing",
		[FOREIGN_CUSTOM] = "pg_dump's custom format",
		[FOREIGN_DIRECTORY] = "pg_dump's directory format",
		[FOREIGN_TAR] = "pg_dump's tar format",
		[FOREIGN_PLAIN] = "SQL text of pg_dump"};
	return texts[form];
}

const char *foreign_form_word(enum foreign_form form)
{
	static const char *const words[] = {[FOREIGN_NONE] = "none",
		[FOREIGN_CUSTOM] = "custom",
		[FOREIGN_DIRECTORY] = "directory",
		[FOREIGN_TAR] = "tar",
		[FOREIGN_PLAIN] = "plain"};
	return words[form];
}

static bool unknown(const char *path, struct err *err)
{
	err_set(err, ERR_CORRUPT, "%s is not a snapshot and not a dump of pg_dump", path);
	return err_hint(err, "snapshots: mig-backup list; dumps: pg_dump -Fc, -Fd, -Ft or plain, "
			     "also in gzip or zstd");
}

static bool is_cluster(const char *path, struct err *err)
{
	err_set(err, ERR_REFUSED,
		"%s is a dump of pg_dumpall: of a whole server, not of a database", path);
	return err_hint(err,
		"it makes roles and databases by name, over those that are there: load "
		"it into an empty server with psql, and pg_dump the database there");
}

/* The second line says what it is, the first is "--". */
static bool probe_text(int fd, const char *path, struct foreign_dump *dump, struct err *err)
{
	enum { LONGEST = 256 * 1024 };
	const struct foreign_input input = {.fd = fd, .name = path, .longest = LONGEST};
	CLEANUP(foreign_text_close_auto) struct foreign_text *text = NULL;
	AUTO_STRBUF(line);
	AUTO_ERR(too_long);
	bool got;
	if (!foreign_text_open(&input, &text, err))
		return false;
	bool fine = foreign_text_line(text, &line, &got, &too_long);
	if (str_starts(line.buf, "PGDMP") || !strcmp(line.buf, TOC)) {
		err_set(err, ERR_REFUSED, "%s is an archive of pg_dump, compressed once more",
			path);
		return err_hint(err, "unpack it first: gunzip, or zstd -d");
	}
	if (!fine && line.len <= LONGEST)
		return err_move(err, &too_long);
	if (strcmp(line.buf, "--\n") != 0 && strcmp(line.buf, "--\r\n") != 0)
		return unknown(path, err);
	if (!foreign_text_line(text, &line, &got, err))
		return false;
	if (str_starts(line.buf, "-- PostgreSQL database cluster dump"))
		return is_cluster(path, err);
	dump->form = FOREIGN_PLAIN;
	return str_starts(line.buf, "-- PostgreSQL database dump") || unknown(path, err);
}

static bool probe_file(int fd, const char *path, struct foreign_dump *dump, struct err *err)
{
	enum { TAR_MAGIC = 257, BLOCK = 512 };
	char head[BLOCK] = {0};
	if (pread(fd, head, sizeof head, 0) < 0)
		return err_sys(err, ERR_STORAGE, "cannot read %s", path);
	if (!memcmp(head, "PGDMP", 5))
		dump->form = FOREIGN_CUSTOM;
	else if (memcmp(head + TAR_MAGIC, "ustar", 5) != 0)
		return probe_text(fd, path, dump, err);
	else if (!strcmp(head, TOC))
		dump->form = FOREIGN_TAR;
	return true; /* any other tar is a snapshot, or says itself what is wrong with it */
}

static bool probe_folder(const char *path, struct foreign_dump *dump, struct err *err)
{
	AUTO_FREE char *toc = fs_join(path, TOC);
	dump->form = FOREIGN_DIRECTORY;
	return fs_exists(toc) || unknown(path, err);
}

bool foreign_probe(const char *path, struct foreign_dump *dump, struct err *err)
{
	struct stat status;
	*dump = (struct foreign_dump){.path = realpath(path, NULL)};
	if (!dump->path || stat(dump->path, &status))
		return true; /* who opens it says why not */
	if (S_ISDIR(status.st_mode))
		return probe_folder(path, dump, err);
	CLEANUP(fs_close) int fd = open(dump->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 || !S_ISREG(status.st_mode) || probe_file(fd, path, dump, err);
}
