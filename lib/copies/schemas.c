#include "copies/schemas.h"
#include "base/clock.h"
#include "copies/intent.h"
#include <inttypes.h>

void schemas_list_release(struct schemas_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		copies_mark_release(&list->items[i].mark);
	}
	free(list->items);
	*list = (struct schemas_list){0};
}

/* False: its comment is none of ours, or was copied from another schema. */
static bool read_mark(const struct db_result *rows, int i, struct copies_mark *mark)
{
	if (copies_mark_parse(db_get(rows, i, 2), mark) &&
		mark->oid == (uint32_t)db_get_int(rows, i, 1) &&
		str_equal(mark->purpose, SCHEMAS_PURPOSE))
		return true;
	copies_mark_release(mark);
	return false;
}

bool schemas_read(struct db *db, struct schemas_list *list, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select n.nspname, n.oid, pg_catalog.obj_description(n.oid, 'pg_namespace'),"
		    " count(c.oid), sum(pg_catalog.pg_total_relation_size(c.oid))"
		    " from pg_catalog.pg_namespace n left join pg_catalog.pg_class c"
		    " on c.relnamespace = n.oid and c.relkind = 'r'"
		    " where pg_catalog.obj_description(n.oid, 'pg_namespace') like '{\"mig\": 1%'"
		    " or pg_catalog.obj_description(n.oid, 'pg_namespace') like '{%\"mig\": 1%'"
		    " group by n.oid, n.nspname order by n.nspname"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		struct copies_mark mark;
		if (!read_mark(&rows, i, &mark))
			continue;
		xgrow(list->items, list->count, list->alloc);
		list->items[list->count++] = (struct schemas_item){
			.name = xstrdup(db_get(&rows, i, 0)),
			.mark = mark,
			.tables = db_get_int(&rows, i, 3),
			.bytes = db_get_int(&rows, i, 4),
		};
	}
	return true;
}

const struct schemas_item *schemas_find(const struct schemas_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_equal(list->items[i].name, name))
			return &list->items[i];
	return NULL;
}

char *schemas_item_line(const struct schemas_item *item)
{
	AUTO_FREE char *size = clock_size_text(item->bytes);
	return xstrfmt("schema %s: %" PRId64 " table%s of snapshot %s, %s, made %s", item->name,
		item->tables, str_plural(item->tables),
		item->mark.snapshot ? item->mark.snapshot : "?", size,
		item->mark.made ? item->mark.made : "?");
}

json_t *schemas_list_json(const struct schemas_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const struct schemas_item *item = &list->items[i];
		json_array_append_new(
			array, json_pack("{s:o, s:o, s:o, s:I, s:I}", "schema",
				       copies_json_text(item->name), "snapshot",
				       copies_json_text(item->mark.snapshot), "made",
				       copies_json_text(item->mark.made), "tables",
				       (json_int_t)item->tables, "bytes", (json_int_t)item->bytes));
	}
	return array;
}

static bool mark_new(
	struct db *db, const char *name, const struct copies_mark *given, struct err *err)
{
	struct copies_mark mark = *given;
	AUTO_RESULT(rows);
	AUTO_FREE char *now = NULL;
	if (!copies_now(db, &now, err) ||
		!db_query(db, &rows, err,
			"select oid from pg_catalog.pg_namespace where nspname = $1", name))
		return false;
	mark.purpose = (char *)SCHEMAS_PURPOSE;
	mark.oid = (uint32_t)db_get_int(&rows, 0, 0);
	mark.made = now;
	AUTO_FREE char *text = copies_mark_text(&mark);
	AUTO_FREE char *literal = db_literal(db, text);
	AUTO_FREE char *ident = db_ident(db, name);
	return db_execf(db, err, "comment on schema %s is %s", ident, literal);
}

bool schemas_make(struct db *db, const char *name, const struct copies_mark *mark, struct err *err)
{
	CLEANUP(schemas_list_release) struct schemas_list list = {0};
	AUTO_RESULT(rows);
	AUTO_FREE char *ident = db_ident(db, name);
	if (!schemas_read(db, &list, err) ||
		!db_query(db, &rows, err, "select from pg_catalog.pg_namespace where nspname = $1",
			name))
		return false;
	if (schemas_find(&list, name))
		return true;
	if (!db_rows(&rows))
		return db_execf(db, err, "create schema %s", ident) &&
		       mark_new(db, name, mark, err);
	err_set(err, ERR_REFUSED, "schema \"%s\" exists, and mig did not make it", name);
	return err_hint(err, "choose another name: --into-schema NAME");
}

bool schemas_drop(struct db *db, const struct schemas_item *item, struct err *err)
{
	AUTO_FREE char *oid = xstrfmt("%u", item->mark.oid);
	AUTO_FREE char *ident = db_ident(db, item->name);
	AUTO_RESULT(others);
	/* CASCADE takes what stands outside as well: that is for its owner to decide */
	if (!db_query(db, &others, err,
		    "select pg_catalog.pg_describe_object(d.classid, d.objid, 0)"
		    " from pg_catalog.pg_depend d join pg_catalog.pg_class t on t.oid = d.refobjid"
		    " left join pg_catalog.pg_rewrite w on d.classid ="
		    " 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = d.objid"
		    " left join pg_catalog.pg_constraint k on d.classid ="
		    " 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = d.objid"
		    " join pg_catalog.pg_class c on c.oid = coalesce(w.ev_class, k.conrelid)"
		    " where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		    " and t.relnamespace = $1::pg_catalog.oid and c.relnamespace <>"
		    " t.relnamespace limit 1",
		    oid))
		return false;
	if (db_rows(&others)) {
		err_set(err, ERR_REFUSED, "schema \"%s\" is used by what is not in it", item->name);
		err_detail(err, "%s", db_get(&others, 0, 0));
		return err_hint(err, "remove that first");
	}
	return db_execf(db, err, "drop schema %s cascade", ident);
}
