/*
 * Readers and writers as tables of functions, so that the snapshot container knows no store.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "base/err.h"

struct io_writer;
struct io_writer_ops {
	bool (*write)(struct io_writer *w, const void *bytes, size_t length, struct err *err);
	/* Makes everything durable and visible under its final name. */
	bool (*commit)(struct io_writer *w, struct err *err);
	/* Frees; without a commit before it, leaves nothing behind. */
	void (*close)(struct io_writer *w);
};
struct io_writer {
	const struct io_writer_ops *ops;
};

struct io_reader;
struct io_reader_ops {
	/* Reads exactly length bytes at offset, or fails (ERR_CORRUPT past the end). Thread-safe.
	 */
	bool (*read_at)(
		struct io_reader *r, int64_t offset, void *bytes, size_t length, struct err *err);
	int64_t (*size)(struct io_reader *r);
	void (*close)(struct io_reader *r);
};
struct io_reader {
	const struct io_reader_ops *ops;
	char *name; /* for messages; owned */
};

static inline bool MUST_CHECK io_write(
	struct io_writer *w, const void *bytes, size_t length, struct err *err)
{
	return w->ops->write(w, bytes, length, err);
}
static inline bool MUST_CHECK io_commit(struct io_writer *w, struct err *err)
{
	return w->ops->commit(w, err);
}
static inline bool MUST_CHECK io_read_at(
	struct io_reader *r, int64_t offset, void *bytes, size_t length, struct err *err)
{
	return r->ops->read_at(r, offset, bytes, length, err);
}
static inline int64_t io_size(struct io_reader *r)
{
	return r->ops->size(r);
}

/* NULL is fine. */
void io_writer_close(struct io_writer *w);
void io_reader_close(struct io_reader *r);
DEFINE_AUTO(struct io_writer, io_writer_close)
DEFINE_AUTO(struct io_reader, io_reader_close)

/*
 * A local file: `<path>.partial`, locked, until commit gives it its name. Never over another file:
 * ERR_REFUSED, also when that one came meanwhile. ERR_LOCK: another program writes it.
 */
MUST_CHECK bool io_file_create(const char *path, struct io_writer **w, struct err *err);
MUST_CHECK bool io_file_open(const char *path, struct io_reader **r, struct err *err);

#endif
