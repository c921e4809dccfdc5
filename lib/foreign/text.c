#include "foreign/text.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { CHUNK = 128 * 1024, POLL_MS = 200 };

struct packing {
	const char *magic;
	size_t size;
	bool (*begin)(struct foreign_text *text);
	/* Takes what it can of `in`, gives what it can to `out`. */
	bool (*unpack)(struct foreign_text *text);
};

struct foreign_text {
	struct foreign_input input;
	const struct packing *packing;
	z_stream gzip;
	ZSTD_DStream *zstd;
	bool inside; /* of a compressed stream that has not ended */
	bool more; /* there may be more to unpack of what was taken already */
	bool in_ended;
	int64_t line, taken; /* lines given, bytes read */
	size_t in_at, in_end, out_at, out_end;
	unsigned char in[CHUNK];
	char out[CHUNK];
};

/*
 * Packings
 */

static bool plain_begin(struct foreign_text *text)
{
	(void)text;
	return true;
}

static bool plain_unpack(struct foreign_text *text)
{
	text->out_end = text->in_end - text->in_at;
	memcpy(text->out, text->in + text->in_at, text->out_end);
	text->in_at = text->in_end;
	return true;
}

static bool gzip_begin(struct foreign_text *text)
{
	enum { GZIP_ONLY = 16 };
	return inflateInit2(&text->gzip, MAX_WBITS + GZIP_ONLY) == Z_OK;
}

static bool gzip_unpack(struct foreign_text *text)
{
	z_stream *gzip = &text->gzip;
	gzip->next_in = text->in + text->in_at;
	gzip->avail_in = (uInt)(text->in_end - text->in_at);
	gzip->next_out = (unsigned char *)text->out;
	gzip->avail_out = CHUNK;
	int said = inflate(gzip, Z_NO_FLUSH);
	text->in_at = text->in_end - gzip->avail_in;
	text->out_end = CHUNK - gzip->avail_out;
	text->inside = said != Z_STREAM_END;
	/* several may stand one behind the other */
	if (said == Z_STREAM_END)
		return inflateReset(gzip) == Z_OK;
	return said == Z_OK || said == Z_BUF_ERROR;
}

static bool zstd_begin(struct foreign_text *text)
{
	text->zstd = ZSTD_createDStream();
	return text->zstd != NULL;
}

static bool zstd_unpack(struct foreign_text *text)
{
	ZSTD_inBuffer in = {text->in, text->in_end, text->in_at};
	ZSTD_outBuffer out = {text->out, CHUNK, 0};
	size_t left = ZSTD_decompressStream(text->zstd, &out, &in);
	text->in_at = in.pos;
	text->out_end = out.pos;
	text->inside = left != 0;
	return !ZSTD_isError(left);
}

static const struct packing packings[] = {
	{"\x1f\x8b", 2, gzip_begin, gzip_unpack},
	{"\x28\xb5\x2f\xfd", 4, zstd_begin, zstd_unpack},
	{"", 0, plain_begin, plain_unpack},
};

/*
 * Reading
 */

static bool cut_short(const struct foreign_text *text, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s is cut short", text->input.name);
}

/* Who writes the pipe may take long over it. */
static bool wait_for_bytes(const struct foreign_text *text, struct err *err)
{
	const struct foreign_input *input = &text->input;
	struct pollfd wait = {.fd = input->fd, .events = POLLIN};
	do {
		if (!input->cancelled || !input->cancelled(input->cancel_ctx))
			continue;
		return err_set(err, ERR_SIGNAL, "interrupted");
	} while (poll(&wait, 1, POLL_MS) <= 0);
	return true;
}

static bool read_some(struct foreign_text *text, struct err *err)
{
	ssize_t got;
	if (!wait_for_bytes(text, err))
		return false;
	do
		got = read(text->input.fd, text->in + text->in_end, CHUNK - text->in_end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, ERR_STORAGE, "cannot read %s", text->input.name);
	text->in_end += (size_t)got;
	text->taken += got;
	log_progress(text->input.log, "dump", "bytes", text->taken, text->input.size);
	text->in_ended = got == 0;
	return true;
}

/* `out` is empty at the end of all. */
static bool refill(struct foreign_text *text, struct err *err)
{
	text->out_at = text->out_end = 0;
	while (!text->out_end) {
		if (text->in_at == text->in_end && !text->more) {
			text->in_at = text->in_end = 0;
			if (!text->in_ended && !read_some(text, err))
				return false;
			if (text->in_ended)
				return !text->inside || cut_short(text, err);
		}
		if (!text->packing->unpack(text))
			return err_set(err, ERR_CORRUPT, "%s is damaged: it does not decompress",
				text->input.name);
		text->more = text->inside && text->out_end == CHUNK;
	}
	return true;
}

bool foreign_text_open(
	const struct foreign_input *input, struct foreign_text **text, struct err *err)
{
	enum { MAGIC_MAX = 4 };
	struct foreign_text *made = xcalloc(1, sizeof *made);
	*text = made;
	made->input = *input;
	if (!made->input.longest)
		made->input.longest = INT_MAX - CHUNK;
	while (made->in_end < MAGIC_MAX && !made->in_ended)
		if (!read_some(made, err))
			return false;
	made->packing = packings;
	while (made->in_end < made->packing->size ||
		memcmp(made->in, made->packing->magic, made->packing->size) != 0)
		made->packing++;
	return made->packing->begin(made) ||
	       err_set(err, ERR_FAILED, "no memory to unpack %s", input->name);
}

void foreign_text_close(struct foreign_text *text)
{
	if (!text)
		return;
	if (text->packing && text->packing->begin == gzip_begin)
		inflateEnd(&text->gzip);
	ZSTD_freeDStream(text->zstd);
	free(text);
}

bool foreign_text_line(struct foreign_text *text, struct strbuf *line, bool *got, struct err *err)
{
	const char *newline = NULL;
	strbuf_reset(line);
	while (!newline) {
		if (text->out_at == text->out_end && !refill(text, err))
			return false;
		if (!text->out_end)
			break;
		const char *from = text->out + text->out_at;
		size_t size = text->out_end - text->out_at;
		newline = memchr(from, '\n', size);
		size = newline ? (size_t)(newline - from) + 1 : size;
		strbuf_add(line, from, size);
		text->out_at += size;
		if (line->len > text->input.longest)
			return err_set(err, ERR_CORRUPT, "%s: line %" PRId64 " is over %zu bytes",
				text->input.name, text->line + 1, text->input.longest);
	}
	*got = line->len > 0;
	text->line += *got;
	return true;
}

int64_t foreign_text_number(const struct foreign_text *text)
{
	return text->line;
}

const struct foreign_input *foreign_text_input(const struct foreign_text *text)
{
	return &text->input;
}
