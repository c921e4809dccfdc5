/*
 * Lines of text out of a descriptor, in gzip, zstd or plain: known by its first bytes.
 */
#ifndef FOREIGN_TEXT_H
#define FOREIGN_TEXT_H

#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"

/* Borrowed throughout. */
struct foreign_input {
	int fd; /* a file or a pipe, read from where it stands */
	const char *name; /* for messages */
	bool made; /* out of an archive: the numbers of its lines say nothing to anybody */
	size_t longest; /* line, in bytes; 0: nearly 2 GiB */
	bool (*cancelled)(void *ctx); /* asked at least every 200 ms; may be NULL */
	void *cancel_ctx;
	struct log_sink *log; /* told how many bytes were read; may be NULL */
	int64_t size; /* of the file, 0: unknown */
};

struct foreign_text;

MUST_CHECK bool foreign_text_open(
	const struct foreign_input *input, struct foreign_text **text, struct err *err);
void foreign_text_close(struct foreign_text *text);
DEFINE_AUTO(struct foreign_text, foreign_text_close)

/*
 * The next line with its newline; *got false at the end. ERR_CORRUPT: damaged, cut short, or a line
 * that is too long; ERR_SIGNAL: cancelled.
 */
MUST_CHECK bool foreign_text_line(
	struct foreign_text *text, struct strbuf *line, bool *got, struct err *err);
int64_t foreign_text_number(const struct foreign_text *text); /* of the line read last, from 1 */
const struct foreign_input *foreign_text_input(const struct foreign_text *text);

#endif
