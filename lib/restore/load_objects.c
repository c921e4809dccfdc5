#include "db/copy_session.h"
#include "db/pool.h"
#include "restore/load.h"
#include "restore/load_sql.h"
#include "restore/text.h"
#include <inttypes.h>

#define STATEMENT_BATCH 500 /* each large object holds a lock until the commit */

/* Members of content, by index of job. */
struct objects {
	const struct load_settings *settings;
	const struct pack_member **members;
	size_t count;
};

static void objects_release(struct objects *objects)
{
	free(objects->members);
}

static void find_members(const struct pack_manifest *manifest, struct objects *objects)
{
	objects->members = xcalloc(manifest->members.count + 1, sizeof(objects->members[0]));
	for (size_t i = 0; i < manifest->members.count; i++) {
		const struct pack_member *member = &manifest->members.items[i];
		if (pack_member_is_large_object(member))
			objects->members[objects->count++] = member;
	}
}

static bool set_session(struct db_worker *worker, struct err *err)
{
	struct objects *objects = worker->pool->ctx;
	const struct pack_manifest *manifest = pack_reader_manifest(objects->settings->reader);
	return db_copy_session_fast(worker->db, manifest->database.encoding, err) &&
	       db_exec(worker->db, err, LOAD_OBJECT_BYTES);
}

bool load_object_member(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_member *member, struct err *err)
{
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_member(reader, member);
	AUTO_RESULT(filled);
	return (db_exec(worker->db, err, "truncate pg_temp.mig_large_object_bytes") &&
		       load_copy(worker, "copy pg_temp.mig_large_object_bytes from stdin", stream,
			       member->rows, NULL, err) &&
		       db_query(worker->db, &filled, err,
			       "select pg_catalog.count(pg_catalog.lo_put(object, start, bytes))"
			       " from pg_temp.mig_large_object_bytes")) ||
	       err_context(err, "large objects");
}

static bool fill_from_member(struct db_worker *worker, size_t job, struct err *err)
{
	struct objects *objects = worker->pool->ctx;
	AUTO_TX(tx);
	return db_begin(worker->db, &tx, NULL, err) &&
	       load_object_member(worker, objects->settings->reader, objects->members[job], err) &&
	       db_commit(&tx, err);
}

/* Creation, owners, privileges and comments, in batches of whole statements. */
static bool make_objects(const struct load_settings *settings, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRBUF(text);
	if (!pack_reader_text(settings->reader, PACK_LARGE_OBJECTS, &text, err) ||
		!restore_text_map(settings->role_map, settings->no_security_labels, &text, err) ||
		!db_open(&settings->params, &db, err) ||
		!db_copy_session_fast(db, manifest->database.encoding, err))
		return false;
	for (const char *sql = text.buf; *sql;) {
		size_t length = load_sql_batch(sql, STATEMENT_BATCH);
		AUTO_FREE char *batch = xstrndup(sql, length);
		if (!db_exec(db, err, batch))
			return err_context(err, "large objects");
		sql += length;
	}
	return true;
}

bool load_large_objects(const struct load_settings *settings, struct err *err)
{
	CLEANUP(objects_release) struct objects objects = {.settings = settings};
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	if (!manifest->large_objects)
		return true;
	find_members(manifest, &objects);
	struct db_pool pool = {
		.params = settings->params,
		.workers = settings->workers,
		.jobs = objects.count,
		.setup = set_session,
		.run = fill_from_member,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.ctx = &objects,
	};
	return make_objects(settings, err) && db_pool_run(&pool, err);
}
