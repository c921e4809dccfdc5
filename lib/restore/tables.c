#include "restore/tables.h"
#include "backup/create_room.h"
#include "base/suggest.h"
#include "compare/measure.h"
#include "copies/schemas.h"
#include "restore/alone.h"
#include "restore/retarget.h"
#include "restore/room.h"
#include "restore/text.h"
#include "schema/toc.h"
#include <inttypes.h>

#define UNDEFINED_OBJECT "42704"
#define UNDEFINED_FUNCTION "42883"

/*
 * Choosing
 */

const char *restore_table_schema(const struct restore_table *table)
{
	return table->table ? table->table->schema : table->root->schema;
}

const char *restore_table_name(const struct restore_table *table)
{
	return table->table ? table->table->name : table->root->name;
}

const struct pack_content *restore_table_content(const struct restore_table *table)
{
	return table->table ? &table->table->content : &table->root->content;
}

static bool is_named(const char *schema, const char *name, const char *asked)
{
	AUTO_FREE char *full = xstrfmt("%s.%s", schema, name);
	return !strcmp(full, asked);
}

static bool not_found(const struct pack_manifest *manifest, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	const char *near = NULL;
	for (size_t i = 0; i < manifest->tables.count; i++)
		strvec_pushf(&names, "%s.%s", manifest->tables.items[i].schema,
			manifest->tables.items[i].name);
	for (size_t i = 0; i < manifest->roots.count; i++)
		strvec_pushf(&names, "%s.%s", manifest->roots.items[i].schema,
			manifest->roots.items[i].name);
	AUTO_FREE char *ending = xstrfmt(".%s", name);
	for (size_t i = 0; i < names.count && !near; i++)
		if (str_ends(names.items[i], ending))
			near = names.items[i];
	near = near ? near : suggest_in(name, &names);
	err_set(err, ERR_NOTFOUND, "no table \"%s\" in snapshot %s", name, manifest->id);
	if (near)
		return err_hint(err, "did you mean %s?", near);
	return err_hint(err, "a table is named with its schema; all of them: mig-backup show %s",
		manifest->id);
}

bool restore_table_find(const struct pack_manifest *manifest, const char *name,
	struct restore_table *found, struct err *err)
{
	*found = (struct restore_table){0};
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (is_named(
			    manifest->tables.items[i].schema, manifest->tables.items[i].name, name))
			found->table = &manifest->tables.items[i];
	for (size_t i = 0; i < manifest->roots.count; i++)
		if (is_named(manifest->roots.items[i].schema, manifest->roots.items[i].name, name))
			found->root = &manifest->roots.items[i];
	if (!found->table && !found->root)
		return not_found(manifest, name, err);
	if (found->table && (found->table->emptied || found->table->extension))
		return err_set(err, ERR_REFUSED, "table %s: %s", name,
			found->table->emptied ? "the snapshot does not hold its rows"
					      : "it belongs to an extension");
	return true;
}

/*
 * Definitions
 */

struct making {
	const struct restore_settings *settings;
	const struct restore_tables *tables;
	struct toc toc;
};

static void making_release(struct making *making)
{
	toc_release(&making->toc);
}

static void on_entry(void *ctx, const char *line)
{
	toc_add_line(ctx, line);
}

static const char *const plain_sql[] = {"--verbose", "--file=-", "--no-owner", "--no-privileges",
	"--no-comments", "--no-security-labels", "--no-tablespaces", NULL};

static bool read_toc(struct making *making, struct err *err)
{
	static const char *const all[] = {"--list", "--verbose", NULL};
	return restore_ddl_read(making->settings, all, NULL, on_entry, &making->toc, err);
}

static const struct toc_entry *entry_of(const struct toc *toc, uint32_t oid)
{
	for (size_t i = 0; i < toc->count; i++)
		if (toc->items[i].kind == TOC_TABLE && toc->items[i].oid == oid)
			return &toc->items[i];
	return NULL;
}

static bool is_index_of(const struct toc_entry *entry, int64_t table)
{
	if (entry->kind != TOC_INDEX && entry->kind != TOC_CONSTRAINT)
		return false;
	for (size_t i = 0; i < entry->needs_count; i++)
		if (entry->needs[i] == table)
			return true;
	return false;
}

/* Defaults that draw from a sequence go: it is a live one's. */
static bool drop_sequence_defaults(struct db *db, const char *target, struct err *err)
{
	AUTO_FREE char *literal = db_literal(db, target);
	AUTO_STRBUF(sql);
	AUTO_RESULT(rows);
	strbuf_addf(&sql,
		"select distinct a.attname from pg_catalog.pg_attrdef f join pg_catalog.pg_depend d"
		" on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid"
		" join pg_catalog.pg_class s on s.oid = d.refobjid and s.relkind = 'S'"
		" and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		" join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum"
		" where f.adrelid = %s::pg_catalog.regclass",
		literal);
	if (!db_query(db, &rows, err, sql.buf))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		AUTO_FREE char *column = db_ident(db, db_get(&rows, i, 0));
		if (!db_execf(
			    db, err, "alter table %s alter column %s drop default", target, column))
			return false;
	}
	return true;
}

static bool make_table(struct making *making, struct db *db, const struct restore_table *table,
	const char *target, struct err *err)
{
	AUTO_FREE char *name =
		xstrfmt("%s.%s", restore_table_schema(table), restore_table_name(table));
	const struct toc_entry *entry =
		entry_of(&making->toc, table->table ? table->table->oid : table->root->oid);
	if (!entry)
		return err_set(err, ERR_CORRUPT, "the snapshot has no definition of %s", name);
	AUTO_FREE char *list = xstrfmt("%" PRId64 ";\n", entry->id);
	AUTO_FREE char *sql = NULL;
	AUTO_STRBUF(text);
	if (!restore_text_read(making->settings, plain_sql, list, &text, err) ||
		!restore_retarget_table(text.buf, target, name, &sql, err))
		return false;
	if (db_exec(db, err, sql))
		return drop_sequence_defaults(db, target, err);
	if (!strcmp(err->sqlstate, UNDEFINED_OBJECT) || !strcmp(err->sqlstate, UNDEFINED_FUNCTION))
		err_hint(err, "the live database does not have it any more; the whole snapshot "
			      "beside it has: mig-restore SNAPSHOT");
	return err_context(err, "table %s as it was in the snapshot", name);
}

static bool make_indexes(struct making *making, struct db *db, const struct restore_table *table,
	const char *target, struct err *err)
{
	struct toc *toc = &making->toc;
	const struct toc_entry *owner =
		entry_of(toc, table->table ? table->table->oid : table->root->oid);
	AUTO_STRBUF(list);
	AUTO_STRBUF(text);
	for (size_t i = 0; i < toc->count; i++)
		if (is_index_of(&toc->items[i], owner->id))
			strbuf_addf(&list, "%" PRId64 ";\n", toc->items[i].id);
	if (!list.len)
		return true;
	if (!restore_text_read(making->settings, plain_sql, list.buf, &text, err))
		return false;
	toc_add_sql(toc, text.buf);
	for (size_t i = 0; i < toc->count; i++) {
		if (!is_index_of(&toc->items[i], owner->id))
			continue;
		AUTO_FREE char *sql = toc->items[i].sql
					      ? restore_retarget_index(toc->items[i].sql, target)
					      : NULL;
		if (!sql)
			log_warn(making->settings->log, "index_left", NULL,
				"an index of %s.%s is not made: its definition is an unusual one",
				restore_table_schema(table), restore_table_name(table));
		else if (!db_exec(db, err, sql))
			return err_context(err, "an index of %s", target);
	}
	return true;
}

/*
 * Rows
 */

static bool fill(struct restore_alone *alone, struct db_worker *worker,
	const struct restore_table *table, const char *target, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(alone->settings->reader);
	if (table->table)
		return restore_alone_rows(alone, worker, table->table, target, true, err);
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (manifest->tables.items[i].root == table->root->oid &&
			!restore_alone_rows(
				alone, worker, &manifest->tables.items[i], target, true, err))
			return false;
	return true;
}

static bool prove(
	struct db *db, const struct restore_table *table, const char *target, struct err *err)
{
	/* both forms have the columns at the same place */
	AUTO_FREE char *list =
		create_columns(db, table->table ? &table->table->columns : &table->root->columns);
	AUTO_FREE char *sql = xstrfmt("copy (select %s from only %s) to stdout", list, target);
	const struct pack_content *wanted = restore_table_content(table);
	struct pack_content got = {0};
	if (!compare_measure_query(db, sql, &got, err))
		return false;
	if (pack_content_equal(wanted, &got))
		return true;
	return err_set(err, ERR_CORRUPT,
		"%s: %" PRId64 " row%s came out, %" PRId64
		" went in, and their contents are not equal",
		target, got.rows, str_plural(got.rows), wanted->rows);
}

static bool restore_one(struct restore_alone *alone, struct db_worker *worker,
	const struct restore_table *table, struct err *err)
{
	struct making *making = alone->ctx;
	struct db *db = worker->db;
	AUTO_FREE char *target =
		db_qualified(db, making->tables->schema, restore_table_name(table));
	return make_table(making, db, table, target, err) &&
	       fill(alone, worker, table, target, err) &&
	       make_indexes(making, db, table, target, err) && prove(db, table, target, err) &&
	       db_execf(db, err, "analyze %s", target);
}

static bool work(struct restore_alone *alone, struct db_worker *worker, struct err *err)
{
	struct making *making = alone->ctx;
	const struct restore_settings *settings = alone->settings;
	struct copies_mark mark = {
		.of = (char *)settings->live,
		.run = (char *)settings->run,
		.snapshot = pack_reader_manifest(settings->reader)->id,
	};
	if (!schemas_make(worker->db, making->tables->schema, &mark, err))
		return false;
	for (size_t i = 0; i < making->tables->count; i++)
		if (!restore_one(alone, worker, &making->tables->items[i], err))
			return false;
	return true;
}

bool restore_tables_run(const struct restore_settings *settings,
	const struct restore_tables *tables, struct err *err)
{
	CLEANUP(making_release) struct making making = {.settings = settings, .tables = tables};
	struct restore_alone alone = {
		.settings = settings,
		.database = settings->live,
		.keyed = true,
		.work = work,
		.ctx = &making,
	};
	if (!read_toc(&making, err))
		return false;
	if (restore_alone_run(&alone, err))
		return true;
	if (!strcmp(err->sqlstate, "42P07"))
		err_hint(err,
			"it is in that schema already; to begin anew: mig-restore drop %s "
			"--yes",
			tables->schema);
	return false;
}
