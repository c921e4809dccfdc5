/*
 * Reads a snapshot file: manifest first, found by the trailer, then any member. Everything that is
 * read is checked: header byte by byte, zero padding, SHA-256, zstd checksum, plain size. What does
 * not match is ERR_CORRUPT and names the member.
 *
 *	struct pack_reader *reader;
 *	if (!pack_reader_open(io, &reader, err)) ...
 *	const struct pack_manifest *m = pack_reader_manifest(reader);
 *	struct pack_stream *stream = pack_stream_table(reader, &m->tables.items[0]);
 *	do {
 *		if (!pack_stream_read(stream, buffer, sizeof(buffer), &got, err)) ...
 *		... got bytes of COPY text ...
 *	} while (got);
 */
#ifndef PACK_READER_H
#define PACK_READER_H

#include "base/io.h"
#include "pack/manifest.h"

struct pack_reader;

/* Owns io from now on, also on failure. */
MUST_CHECK bool pack_reader_open(
	struct io_reader *io, struct pack_reader **reader, struct err *err);
void pack_reader_close(struct pack_reader *reader);
DEFINE_AUTO(struct pack_reader, pack_reader_close)

const struct pack_manifest *pack_reader_manifest(const struct pack_reader *reader);
/* The same snapshot, as far as both manifests go: their SHA-256 and the size of the file. */
bool pack_reader_same(const struct pack_reader *a, const struct pack_reader *b);
int64_t pack_reader_size(const struct pack_reader *reader);
/* 64 hex digits, as the trailer says and the manifest was found to have. */
const char *pack_reader_manifest_sha256(const struct pack_reader *reader);
/* Borrowed: where the bytes come from. */
struct io_reader *pack_reader_io(struct pack_reader *reader);

/*
 * Plain bytes of one member, or of several one after the other. One stream per thread; the reader
 * must outlive it. Nothing is read before the first pack_stream_read().
 */
struct pack_stream;

struct pack_stream *pack_stream_member(
	struct pack_reader *reader, const struct pack_member *member);
/* All rows of a table as COPY text. */
struct pack_stream *pack_stream_table(struct pack_reader *reader, const struct pack_table *table);
/* The same of the table's members from to to - 1. */
struct pack_stream *pack_stream_members(
	struct pack_reader *reader, const struct pack_table *table, size_t from, size_t to);
/* *got == 0: the end, and everything was as it should be. */
MUST_CHECK bool pack_stream_read(
	struct pack_stream *stream, void *buffer, size_t size, size_t *got, struct err *err);
/* Told a row of COPY text without its newline; false (with err) ends the reading. */
typedef bool (*pack_on_row)(void *ctx, const char *row, size_t length, struct err *err);
/* The whole stream, row by row. */
MUST_CHECK bool pack_stream_rows(
	struct pack_stream *stream, pack_on_row on_row, void *ctx, struct err *err);
void pack_stream_free(struct pack_stream *stream);
DEFINE_AUTO(struct pack_stream, pack_stream_free)

/* A whole small member by name, into memory. ERR_NOTFOUND when there is none. */
MUST_CHECK bool pack_reader_text(
	struct pack_reader *reader, const char *name, struct strbuf *out, struct err *err);
/* The stored bytes of a member (schema.pgdump) into a file descriptor. */
MUST_CHECK bool pack_reader_to_fd(
	struct pack_reader *reader, const char *name, int fd, struct err *err);

/* The members lie one behind the other from the file's first byte to its manifest. */
MUST_CHECK bool pack_reader_check_layout(struct pack_reader *reader, struct err *err);

#endif
