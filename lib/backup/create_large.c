#include "backup/create_room.h"

#include <inttypes.h>

/* Bytes of a large object in one row; in the format, see docs/snapshot-format.md. */
#define CHUNK "262144"

static const char objects_sql[] = "select m.oid, pg_catalog.pg_get_userbyid(m.lomowner),"
				  " pg_catalog.obj_description(m.oid, 'pg_largeobject'), m.lomacl"
				  " from pg_catalog.pg_largeobject_metadata m order by m.oid";

static const char labels_sql[] =
	"select objoid, provider, label from pg_catalog.pg_seclabel where objsubid = 0"
	" and classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass order by objoid, "
	"provider";

struct labels {
	struct db_result rows;
	int at; /* of the first that was not written yet */
};

static void labels_release(struct labels *labels)
{
	db_result_release(&labels->rows);
}

/* Both lists are in order of their OIDs. */
static void add_labels(struct db *db, const char *oid, struct labels *labels, struct strbuf *sql)
{
	int64_t object = strtoll(oid, NULL, 10);
	for (; labels->at < db_rows(&labels->rows); labels->at++) {
		int64_t of = db_get_int(&labels->rows, labels->at, 0);
		if (of > object)
			return;
		if (of < object)
			continue;
		AUTO_FREE char *provider = db_ident(db, db_get(&labels->rows, labels->at, 1));
		AUTO_FREE char *label = db_literal(db, db_get(&labels->rows, labels->at, 2));
		strbuf_addf(sql, "SECURITY LABEL FOR %s ON LARGE OBJECT %s IS %s;\n", provider, oid,
			label);
	}
}

static bool add_object(struct db *db, const struct db_result *objects, int i, struct labels *labels,
	struct strbuf *sql, struct err *err)
{
	const char *oid = db_get(objects, i, 0), *comment = db_get(objects, i, 2);
	AUTO_FREE char *owner = db_ident(db, db_get(objects, i, 1));
	strbuf_addf(sql, "SELECT pg_catalog.lo_create(%s);\n", oid);
	strbuf_addf(sql, "ALTER LARGE OBJECT %s OWNER TO %s;\n", oid, owner);
	if (comment) {
		AUTO_FREE char *text = db_literal(db, comment);
		strbuf_addf(sql, "COMMENT ON LARGE OBJECT %s IS %s;\n", oid, text);
	}
	add_labels(db, oid, labels, sql);
	const char *acl = db_get(objects, i, 3);
	if (!acl)
		return true;
	AUTO_FREE char *object = xstrfmt("LARGE OBJECT %s", oid);
	strbuf_addf(sql, "REVOKE ALL ON %s FROM %s;\n", object, owner);
	return create_text_grants(db, object, acl, db_get(objects, i, 1), sql, err);
}

bool create_large_text(struct db *db, const struct pack_manifest *manifest, struct strbuf *sql,
	int64_t *count, struct err *err)
{
	CLEANUP(labels_release) struct labels labels = {0};
	AUTO_RESULT(objects);
	create_text_begin(manifest, sql);
	if (!db_query(db, &objects, err, objects_sql) ||
		!db_query(db, &labels.rows, err, labels_sql))
		return false;
	for (int i = 0; i < db_rows(&objects); i++)
		if (!add_object(db, &objects, i, &labels, sql, err))
			return false;
	*count = db_rows(&objects);
	return true;
}

bool create_large_add(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct pack_writer *writer, struct err *err)
{
	AUTO_STRBUF(sql);
	if (filter->only)
		create_text_begin(manifest, &sql);
	else if (!create_large_text(leader, manifest, &sql, &manifest->large_objects, err))
		return false;
	return pack_writer_add_text(writer, PACK_LARGE_OBJECTS, sql.buf, sql.len, err);
}

/*
 * Pieces by oid and place. Sizes are found by reading on until a piece is short: pg_largeobject
 * itself is for superusers only, lo_get() for everybody who may read the object.
 */
char *create_large_query(void)
{
	return xstrdup(
		"COPY (WITH RECURSIVE pieces (loid, place, length) AS ("
		"SELECT m.oid, 0::bigint, pg_catalog.length(pg_catalog.lo_get(m.oid, 0, " CHUNK "))"
		" FROM pg_catalog.pg_largeobject_metadata m"
		" UNION ALL SELECT loid, place + " CHUNK ", pg_catalog.length("
		"pg_catalog.lo_get(loid, place + " CHUNK ", " CHUNK ")) FROM pieces"
		" WHERE length = " CHUNK ")"
		" SELECT loid, place, pg_catalog.lo_get(loid, place, " CHUNK ") FROM"
		" (SELECT * FROM pieces WHERE length > 0 ORDER BY loid, place) p) TO STDOUT");
}
