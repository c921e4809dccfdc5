#include "restore/foreign_source.h"
#include "base/fs.h"
#include "base/proc.h"
#include "pack/tar.h"
#include "restore/room.h"
#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

static bool read_fd(const struct restore_settings *settings, const struct foreign_dump *dump,
	int fd, const struct foreign_hands *hands, struct err *err)
{
	CLEANUP(foreign_text_close_auto) struct foreign_text *text = NULL;
	const struct foreign_input input = {
		.fd = fd,
		.name = fs_basename(dump->path),
		.made = dump->form != FOREIGN_PLAIN,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.log = settings->log,
		.size = dump->form == FOREIGN_PLAIN ? lseek(fd, 0, SEEK_END) : 0,
	};
	if (input.size)
		lseek(fd, 0, SEEK_SET);
	return foreign_text_open(&input, &text, err) && foreign_read(text, hands, err);
}

static bool read_file(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_hands *hands, struct err *err)
{
	CLEANUP(fs_close) int fd = open(dump->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, ERR_STORAGE, "cannot read %s", dump->path);
	return read_fd(settings, dump, fd, hands, err);
}

/*
 * Archives
 */

static bool damaged(const struct foreign_dump *dump, struct err *err)
{
	err_set(err, ERR_CORRUPT, "%s cannot be read to its end", dump->path);
	return err_hint(err, "dump again, and look at pg_dump's exit status");
}

static bool unreadable(const struct foreign_dump *dump, struct err *said, struct err *err)
{
	const char *words = said->detail ? said->detail : "";
	if (strstr(words, "unsupported version")) {
		err_set(err, ERR_CONFIG, "%s was made by a newer pg_dump than this pg_restore",
			dump->path);
		err_detail(err, "%s", words);
		return err_hint(err, "install the client programs of the newer PostgreSQL");
	}
	damaged(dump, err);
	return err_detail(err, "%s: %s", said->msg, words);
}

static bool ends_well(int fd)
{
	static const char rows_end[] = "\\.\n\n\n", insert[] = "INSERT INTO ";
	char begin[sizeof insert - 1], end[sizeof rows_end - 1];
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < (off_t)sizeof end ||
		pread(fd, end, sizeof end, size - (off_t)sizeof end) != (ssize_t)sizeof end)
		return false;
	/* the other is of pg_dump --inserts */
	return !memcmp(end, rows_end, sizeof end) ||
	       (!memcmp(end + 1, ";\n\n\n", 4) &&
		       pread(fd, begin, sizeof begin, 0) == (ssize_t)sizeof begin &&
		       !memcmp(begin, insert, sizeof begin));
}

/* "3046.dat": a table, not compressed. */
static bool is_plain_rows(const char *name)
{
	const char *c = name;
	while (isdigit((unsigned char)*c))
		c++;
	return c > name && !strcmp(c, ".dat");
}

/* pg_restore takes what there is of such a file for all of it. */
static bool check_folder(const struct foreign_dump *dump, struct err *err)
{
	AUTO_STRVEC(names);
	if (!fs_list(dump->path, &names, err))
		return false;
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *path = fs_join(dump->path, name);
		if (!is_plain_rows(name))
			continue;
		CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, ERR_STORAGE, "cannot read %s", path);
		if (!ends_well(fd))
			return damaged(dump, err) || err_detail(err, "%s is cut short", path);
	}
	return true;
}

/* Where the next header is; negative: this is none. */
static int64_t next_header(const unsigned char *header, int64_t at)
{
	enum { SIZE = 124, DIGITS = 11, HIGH_BIT = 0x80, BYTES = 12, MAGIC = 257 };
	uint64_t size = 0;
	if (memcmp(header + MAGIC, "ustar", 5) != 0)
		return -1;
	if (header[SIZE] & HIGH_BIT) /* over 8 GiB: in binary */
		for (size_t i = SIZE + BYTES - sizeof size; i < SIZE + BYTES; i++)
			size = size << 8 | header[i];
	else
		for (size_t i = SIZE; i < SIZE + DIGITS; i++)
			size = size << 3 | (header[i] & 7);
	if (size > INT64_MAX / 4 || at > INT64_MAX / 4)
		return -1;
	return at + PACK_BLOCK + pack_tar_padded((int64_t)size);
}

/* At the end of a file that is cut short pg_restore 15 reads on for ever. Two blocks end a tar. */
static bool check_tar(const struct foreign_dump *dump, struct err *err)
{
	unsigned char blocks[2 * PACK_BLOCK];
	CLEANUP(fs_close) int fd = open(dump->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, ERR_STORAGE, "cannot read %s", dump->path);
	for (int64_t at = 0; at >= 0; at = next_header(blocks, at)) {
		ssize_t got = pread(fd, blocks, sizeof blocks, at);
		if (got < 0)
			return err_sys(err, ERR_STORAGE, "cannot read %s", dump->path);
		if (got < (ssize_t)sizeof blocks)
			break;
		if (!*blocks)
			return true;
	}
	return damaged(dump, err);
}

static const struct {
	enum foreign_form form;
	bool (*check)(const struct foreign_dump *dump, struct err *err);
} checks[] = {
	{FOREIGN_DIRECTORY, check_folder},
	{FOREIGN_TAR, check_tar},
};

/* What pg_restore itself would not see. */
static bool check_whole(const struct foreign_dump *dump, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].form == dump->form)
			return checks[i].check(dump, err);
	return true;
}

static bool start(const struct restore_settings *settings, const struct foreign_dump *dump,
	struct proc_stream *child, struct err *err)
{
	AUTO_FREE char *program = NULL;
	AUTO_STRVEC(argv);
	if (!restore_ddl_program(&program, err))
		return false;
	strvec_push(&argv, program);
	strvec_push(&argv, "--file=-");
	if (settings->no_tablespaces)
		strvec_push(&argv, "--no-tablespaces");
	if (settings->no_security_labels)
		strvec_push(&argv, "--no-security-labels");
	strvec_push(&argv, dump->path);
	return proc_stream_start(child, &argv, NULL, err);
}

static bool read_archive(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_hands *hands, struct err *err)
{
	CLEANUP(proc_stream_abort) struct proc_stream child = {0};
	AUTO_ERR(said);
	if (!check_whole(dump, err) || !start(settings, dump, &child, err))
		return false;
	bool ok = read_fd(settings, dump, child.out, hands, err);
	/* text that ends too early has its reason there */
	if ((ok || err->code == ERR_CORRUPT) && !proc_stream_finish(&child, &said))
		return unreadable(dump, &said, err);
	return ok;
}

bool foreign_source_read(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_hands *hands, struct err *err)
{
	return dump->form == FOREIGN_PLAIN ? read_file(settings, dump, hands, err)
					   : read_archive(settings, dump, hands, err);
}
