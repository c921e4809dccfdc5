#include "restore/load_extensions.h"
#include "pack/turns.h"
#include "restore/load.h"
#include "restore/loosen.h"

static const char circle_sql[] = RESTORE_LOOSEN_FOREIGN_KEYS
	" and conrelid in (select pg_catalog.unnest(extconfig) from pg_catalog.pg_extension)"
	" and confrelid in (select pg_catalog.unnest(extconfig) from pg_catalog.pg_extension)";

static bool tighten(struct db *db, const struct strvec *undo, struct err *err)
{
	return !undo->count || (db_exec(db, err, "set constraints all immediate") &&
				       restore_tighten(db, undo, err));
}

static bool empty_table(struct db *db, const struct pack_table *table, struct err *err)
{
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	return db_execf(db, err, "delete from only %s %s", name,
		       table->condition ? table->condition : "") ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}

static bool fill_table(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_table *table, void (*sent)(void *ctx, size_t bytes), struct err *err)
{
	bool routed;
	AUTO_FREE char *target =
		load_target(worker->db, pack_reader_manifest(reader), table, &routed);
	return load_table_rows(worker, reader, table, target, false, sent, err) ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}

static bool refill(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_turns *turns, void (*sent)(void *ctx, size_t bytes), struct err *err)
{
	for (size_t i = turns->count; i-- > 0;)
		if (!empty_table(worker->db, turns->tables[i], err))
			return false;
	for (size_t i = 0; i < turns->count; i++)
		if (!fill_table(worker, reader, turns->tables[i], sent, err))
			return false;
	return true;
}

static bool hint_circle(const struct pack_turns *turns, struct err *err)
{
	if (!turns->circle.count)
		return false;
	AUTO_FREE char *tables = strvec_join(&turns->circle, ", ");
	return err_hint(err,
		"configuration tables refer to one another in a circle: %s. Their rows come in "
		"where the role that restores owns them",
		tables);
}

bool load_extension_tables(struct db_worker *worker, struct pack_reader *reader,
	void (*sent)(void *ctx, size_t bytes), int64_t *rows, struct err *err)
{
	CLEANUP(pack_turns_release) struct pack_turns turns;
	AUTO_STRVEC(undo);
	pack_turns_init(&turns, pack_reader_manifest(reader));
	if ((turns.circle.count && !restore_loosen(worker->db, circle_sql, &undo, err)) ||
		!refill(worker, reader, &turns, sent, err) || !tighten(worker->db, &undo, err))
		return hint_circle(&turns, err);
	for (size_t i = 0; i < turns.count; i++)
		*rows += turns.tables[i]->content.rows;
	return true;
}
