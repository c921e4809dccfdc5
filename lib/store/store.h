/*
 * Where snapshots live. A store holds files by flat name; a file appears under its name only when
 * it is complete. A new kind of store is one file and one row in store_rows (store.c); every row is
 * run by tests/unit/test_store.c.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/io.h"
#include "base/log.h"

struct store_file {
	char *name;
	int64_t bytes;
	int64_t modified_ms;
	bool complete; /* false: left over by a writer that died */
};
struct store_files {
	struct store_file *items;
	size_t count, alloc;
};
void store_files_release(struct store_files *files);
void store_file_release(struct store_file *file);

struct store;
struct store_ops {
	/* The writer's commit publishes; closing it without leaves nothing. ERR_REFUSED: exists. */
	bool (*create)(
		struct store *store, const char *name, struct io_writer **w, struct err *err);
	bool (*open)(struct store *store, const char *name, struct io_reader **r, struct err *err);
	/* A small file whole, in place of what bore the name; readers see the old or the new. */
	bool (*put)(struct store *store, const char *name, const void *bytes, size_t length,
		struct err *err);
	/* ERR_NOTFOUND when absent. *file: release. */
	bool (*stat)(
		struct store *store, const char *name, struct store_file *file, struct err *err);
	/* Sorted by name; a store that does not exist yet is empty. */
	bool (*list)(struct store *store, struct store_files *files, struct err *err);
	/* False: nothing was ever written there, or what it is on is not mounted. */
	bool (*is_there)(struct store *store);
	/* ERR_NOTFOUND when absent. */
	bool (*remove)(struct store *store, const char *name, struct err *err);
	/* Removes what dead writers left (incomplete files whose writer does not live any more). */
	bool (*sweep)(struct store *store, struct err *err);
	/* Path or URL of a file, for people and results; caller owns. */
	char *(*place)(struct store *store, const char *name);
	/* Bytes that still fit; -1: unknown. */
	int64_t (*room)(struct store *store);
	void (*close)(struct store *store);
};
struct store {
	const struct store_ops *ops;
	char *name; /* as configured: "local" */
};

struct store_settings {
	const char *name;
	const char *url; /* absolute path, or URL */
	struct log_sink *log;
};

struct store_row {
	const char *scheme; /* "s3" of "s3://.."; "" for a plain path */
	const char *summary;
	bool (*open)(const struct store_settings *settings, struct store **store, struct err *err);
};
extern const struct store_row store_rows[];
extern const size_t store_row_count;

/* The row is chosen by the URL's scheme; an unknown one is ERR_CONFIG that lists the known. */
MUST_CHECK bool store_open(
	const struct store_settings *settings, struct store **store, struct err *err);
/* NULL is fine. */
void store_close(struct store *store);
DEFINE_AUTO(struct store, store_close)

bool store_file_open(const struct store_settings *settings, struct store **store, struct err *err);

#endif
