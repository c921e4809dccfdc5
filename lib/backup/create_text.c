#include "backup/create_room.h"

#include <inttypes.h>

#include "backup/shipped.h"

void create_text_begin(const struct pack_manifest *manifest, struct strbuf *out)
{
	strbuf_addf(out,
		"SET client_encoding = '%s';\n"
		"SET standard_conforming_strings = on;\n"
		"SELECT pg_catalog.set_config('search_path', '', false);\n",
		manifest->database.encoding);
}

/*
 * Whoever grants on needs the grant option first: chains begin at the owner and come in order of
 * depth. Read from text, "{}" has no dimension, which aclexplode() refuses.
 */
static const char acl_sql[] =
	"with recursive items as (select *, pg_catalog.pg_get_userbyid(grantor) as by"
	" from pg_catalog.aclexplode(nullif($1::text, '{}')::pg_catalog.aclitem[])"
	" with ordinality),"
	" chain as (select i.*, 0 as depth from items i where i.by = $2"
	" union select i.*, c.depth + 1 from items i join chain c on i.grantor = c.grantee"
	" and i.privilege_type = c.privilege_type and c.is_grantable"
	" where i.by <> $2 and c.depth < 20)"
	" select case when grantee = 0 then null else pg_catalog.pg_get_userbyid(grantee) end,"
	" privilege_type, is_grantable, nullif(by, $2) from chain"
	" group by grantee, by, privilege_type, is_grantable"
	" order by min(depth), min(ordinality)";

/* One line each: lines are what is compared in a proof. */
static void add_grant(
	struct db *db, const char *object, const struct db_result *rows, int i, struct strbuf *out)
{
	const char *role = db_get(rows, i, 0), *by = db_get(rows, i, 3);
	AUTO_FREE char *grantee = role ? db_ident(db, role) : xstrdup("PUBLIC");
	AUTO_FREE char *grantor = by ? db_ident(db, by) : NULL;
	if (grantor)
		strbuf_addf(out, "SET ROLE %s; ", grantor);
	strbuf_addf(out, "GRANT %s ON %s TO %s%s;%s\n", db_get(rows, i, 1), object, grantee,
		db_get_bool(rows, i, 2) ? " WITH GRANT OPTION" : "", grantor ? " RESET ROLE;" : "");
}

bool create_text_grants(struct db *db, const char *object, const char *acl, const char *owner,
	struct strbuf *out, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, acl_sql, acl, owner))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		add_grant(db, object, &rows, i, out);
	return true;
}

static bool add_shipped(struct pack_writer *writer, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(shipped_files); i++) {
		const struct shipped_file *file = &shipped_files[i];
		if (!pack_writer_add(writer, file->member, file->begin,
			    (size_t)(file->end - file->begin), NULL, err))
			return false;
	}
	return true;
}

/* Rows of a leaf whose routing may change are read back through its root. */
static char *copy_command(
	struct db *db, const struct pack_manifest *manifest, const struct pack_table *table)
{
	const struct pack_root *root = pack_manifest_root(manifest, table->root);
	AUTO_FREE char *name = root && root->enum_hash
				       ? db_qualified(db, root->schema, root->name)
				       : db_qualified(db, table->schema, table->name);
	AUTO_FREE char *columns = create_columns(db, &table->columns);
	return xstrfmt("COPY %s %s%s%sFROM stdin", name, columns[0] ? "(" : "", columns,
		columns[0] ? ") " : "");
}

static bool add_copy_commands(struct db *db, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		AUTO_FREE char *member = xstrfmt("data/%" PRIu32 "/copy.sql", table->oid);
		AUTO_FREE char *sql = copy_command(db, manifest, table);
		if (!pack_writer_add(writer, member, sql, strlen(sql), NULL, err))
			return false;
	}
	return true;
}

static bool add_sequences(struct db *db, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err)
{
	AUTO_STRBUF(sql);
	create_text_begin(manifest, &sql);
	for (size_t i = 0; i < manifest->sequences.count; i++) {
		const struct pack_sequence *sequence = &manifest->sequences.items[i];
		AUTO_FREE char *name = db_qualified(db, sequence->schema, sequence->name);
		AUTO_FREE char *literal = db_literal(db, name);
		strbuf_addf(&sql, "SELECT pg_catalog.setval(%s, %" PRId64 ", %s);\n", literal,
			sequence->last_value, sequence->is_called ? "true" : "false");
	}
	return pack_writer_add_text(writer, PACK_SEQUENCES, sql.buf, sql.len, err);
}

char *create_columns(struct db *db, const struct strvec *columns)
{
	AUTO_STRBUF(list);
	STRVEC_EACH (columns, column) {
		AUTO_FREE char *name = db_ident(db, column);
		strbuf_addf(&list, "%s%s", list.len ? ", " : "", name);
	}
	return strbuf_take(&list);
}

bool create_text_add(struct db *leader, const struct pack_manifest *manifest,
	struct pack_writer *writer, struct err *err)
{
	return add_shipped(writer, err) && add_copy_commands(leader, manifest, writer, err) &&
	       create_turns_add(manifest, writer, err) &&
	       add_sequences(leader, manifest, writer, err);
}
