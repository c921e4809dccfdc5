#include "pack/manifest.h"

#include <inttypes.h>

#include "base/sha256.h"
#include "pack/json.h"
#include "pack/tar.h"

/* Rows of the field tables below: key is the member's name unless said otherwise. */
#define FIELD(type, owner, name) \
	{ \
#name, PACK_JSON_##type, offsetof(struct owner, name) \
	}
#define OPTIONAL(type, owner, name) \
	{ \
#name, PACK_JSON_##type, offsetof(struct owner, name), true \
	}
#define NAMED(key, type, owner, name) \
	{ \
		key, PACK_JSON_##type, offsetof(struct owner, name) \
	}
#define LIST(owner, name, element, fields) \
	{ \
#name, PACK_JSON_LIST, offsetof(struct owner, name), true, sizeof(element), fields \
	}
#define STRUCT(owner, name, fields) \
	{ \
#name, PACK_JSON_STRUCT, offsetof(struct owner, name), false, 0, fields \
	}
#define CONTENT(owner, name) \
	NAMED("rows", INT, owner, name.rows), NAMED("bytes", INT, owner, name.bytes), \
		NAMED("hash", HASH, owner, name.hash)

static const struct pack_json_field member_fields[] = {
	FIELD(TEXT, pack_member, name),
	FIELD(INT, pack_member, offset),
	FIELD(INT, pack_member, stored),
	FIELD(INT, pack_member, plain),
	FIELD(TEXT, pack_member, sha256),
	OPTIONAL(OID, pack_member, table),
	OPTIONAL(INT, pack_member, rows),
	{0},
};

static const struct pack_json_field index_fields[] = {
	FIELD(TEXT, pack_index, constraint),
	FIELD(TEXT, pack_index, index),
	FIELD(TEXT, pack_index, definition),
	{0},
};

static const struct pack_json_field table_fields[] = {
	FIELD(OID, pack_table, oid),
	FIELD(TEXT, pack_table, schema),
	FIELD(TEXT, pack_table, name),
	OPTIONAL(OID, pack_table, root),
	OPTIONAL(BOOL, pack_table, extension),
	OPTIONAL(INT, pack_table, turn),
	OPTIONAL(TEXT, pack_table, condition),
	OPTIONAL(BOOL, pack_table, emptied),
	OPTIONAL(BOOL, pack_table, unlogged),
	FIELD(TEXTS, pack_table, columns),
	CONTENT(pack_table, content),
	LIST(pack_table, indexes, struct pack_index, index_fields),
	{0},
};

static const struct pack_json_field root_fields[] = {
	FIELD(OID, pack_root, oid),
	FIELD(TEXT, pack_root, schema),
	FIELD(TEXT, pack_root, name),
	OPTIONAL(BOOL, pack_root, enum_hash),
	FIELD(TEXTS, pack_root, columns),
	CONTENT(pack_root, content),
	{0},
};

static const struct pack_json_field sequence_fields[] = {
	FIELD(OID, pack_sequence, oid),
	FIELD(TEXT, pack_sequence, schema),
	FIELD(TEXT, pack_sequence, name),
	FIELD(INT, pack_sequence, last_value),
	FIELD(BOOL, pack_sequence, is_called),
	{0},
};

static const struct pack_json_field extension_fields[] = {
	FIELD(TEXT, pack_extension, name),
	FIELD(TEXT, pack_extension, version),
	FIELD(TEXT, pack_extension, schema),
	{0},
};

static const struct pack_json_field collation_fields[] = {
	FIELD(TEXT, pack_collation, schema),
	FIELD(TEXT, pack_collation, name),
	FIELD(TEXT, pack_collation, provider),
	OPTIONAL(TEXT, pack_collation, locale),
	OPTIONAL(TEXT, pack_collation, version),
	OPTIONAL(TEXT, pack_collation, actual_version),
	{0},
};

static const struct pack_json_field revisions_fields[] = {
	FIELD(TEXT, pack_revisions, table),
	FIELD(TEXTS, pack_revisions, revisions),
	{0},
};

static const struct pack_json_field setting_fields[] = {
	OPTIONAL(TEXT, pack_setting, role),
	FIELD(TEXT, pack_setting, name),
	FIELD(TEXT, pack_setting, value),
	{0},
};

static const struct pack_json_field database_fields[] = {
	FIELD(TEXT, pack_database, name),
	FIELD(OID, pack_database, oid),
	FIELD(TEXT, pack_database, owner),
	FIELD(TEXT, pack_database, server_version),
	FIELD(INT, pack_database, server_version_num),
	OPTIONAL(TEXT, pack_database, system_identifier),
	FIELD(TEXT, pack_database, encoding),
	FIELD(TEXT, pack_database, locale_provider),
	FIELD(TEXT, pack_database, collate),
	FIELD(TEXT, pack_database, ctype),
	OPTIONAL(TEXT, pack_database, icu_locale),
	OPTIONAL(TEXT, pack_database, collation_version),
	OPTIONAL(TEXT, pack_database, collation_actual_version),
	FIELD(TEXT, pack_database, tablespace),
	FIELD(INT, pack_database, connection_limit),
	OPTIONAL(TEXT, pack_database, acl),
	OPTIONAL(TEXT, pack_database, comment),
	FIELD(INT, pack_database, size),
	LIST(pack_database, settings, struct pack_setting, setting_fields),
	{0},
};

static const struct pack_json_field large_object_fields[] = {
	NAMED("count", INT, pack_manifest, large_objects),
	CONTENT(pack_manifest, large_object_data),
	{0},
};

static const struct pack_json_field manifest_fields[] = {
	FIELD(TEXT, pack_manifest, mig),
	FIELD(INT, pack_manifest, format),
	FIELD(TEXT, pack_manifest, id),
	OPTIONAL(TEXT, pack_manifest, label),
	FIELD(TEXT, pack_manifest, tool),
	FIELD(TEXT, pack_manifest, pg_dump),
	NAMED("started", TIME, pack_manifest, started_ms),
	NAMED("finished", TIME, pack_manifest, finished_ms),
	OPTIONAL(TEXT, pack_manifest, lsn),
	OPTIONAL(TEXT, pack_manifest, writes),
	STRUCT(pack_manifest, database, database_fields),
	FIELD(TEXTS, pack_manifest, roles),
	FIELD(TEXTS, pack_manifest, tablespaces),
	OPTIONAL(TEXTS, pack_manifest, label_providers),
	OPTIONAL(TEXTS, pack_manifest, notes),
	OPTIONAL(TEXTS, pack_manifest, partial),
	OPTIONAL(TEXTS, pack_manifest, left_out),
	LIST(pack_manifest, revisions, struct pack_revisions, revisions_fields),
	LIST(pack_manifest, extensions, struct pack_extension, extension_fields),
	LIST(pack_manifest, collations, struct pack_collation, collation_fields),
	LIST(pack_manifest, roots, struct pack_root, root_fields),
	LIST(pack_manifest, sequences, struct pack_sequence, sequence_fields),
	/* an object of its own, though its fields lie in the manifest */
	{"large_objects", PACK_JSON_STRUCT, 0, false, 0, large_object_fields},
	LIST(pack_manifest, tables, struct pack_table, table_fields),
	LIST(pack_manifest, members, struct pack_member, member_fields),
	{0},
};

struct pack_manifest *pack_manifest_new(void)
{
	struct pack_manifest *manifest = xcalloc(1, sizeof(*manifest));
	manifest->mig = xstrdup("snapshot");
	manifest->format = PACK_FORMAT;
	return manifest;
}

void pack_manifest_free(struct pack_manifest *manifest)
{
	if (!manifest)
		return;
	for (size_t i = 0; i < manifest->tables.count; i++)
		free(manifest->tables.items[i].members.items);
	pack_json_release(manifest_fields, manifest);
	free(manifest);
}

void pack_manifest_write(const struct pack_manifest *manifest, struct strbuf *out)
{
	pack_json_write(manifest_fields, manifest, out);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What may be said before the rest is understood: is it ours, and of a format that we know? */
static bool check_format(const json_t *root, struct err *err)
{
	const char *mig = json_string_value(json_object_get(root, "mig"));
	if (!str_equal(mig, "snapshot"))
		return err_set(err, ERR_CORRUPT, "manifest: not that of a snapshot");
	json_int_t format = json_integer_value(json_object_get(root, "format"));
	if (format == PACK_FORMAT)
		return true;
	err_set(err, ERR_CONFIG, "snapshot format %" JSON_INTEGER_FORMAT " is not known here",
		format);
	return err_hint(err, "read it with the version of mig that wrote it, or a newer one");
}

static bool check_member(const struct pack_member *member, int64_t *end, struct err *err)
{
	bool sound = member->offset >= *end && member->offset % PACK_BLOCK == 0 &&
		     member->stored >= 0 && member->stored <= PACK_MEMBER_SIZE_MAX &&
		     member->offset <= INT64_MAX / 2 && member->plain >= 0 &&
		     strlen(member->sha256) == SHA256_TEXT - 1;
	if (!sound)
		return err_set(err, ERR_CORRUPT, "manifest: member %s has an impossible place",
			member->name);
	*end = member->offset + pack_tar_padded(member->stored) + PACK_BLOCK;
	return true;
}

static int by_oid(const void *a, const void *b)
{
	uint32_t x = ((const struct pack_table *)a)->oid, y = ((const struct pack_table *)b)->oid;
	return (x > y) - (x < y);
}

const struct pack_table *pack_manifest_table_oid(const struct pack_manifest *manifest, uint32_t oid)
{
	struct pack_table key = {.oid = oid};
	if (!manifest->tables.count)
		return NULL;
	return bsearch(&key, manifest->tables.items, manifest->tables.count, sizeof(key), by_oid);
}

static bool check_order(const struct pack_manifest *manifest, struct err *err)
{
	for (size_t i = 1; i < manifest->tables.count; i++)
		if (by_oid(&manifest->tables.items[i - 1], &manifest->tables.items[i]) >= 0)
			return err_set(err, ERR_CORRUPT, "manifest: tables are not in order");
	return true;
}

/* Parts and their members are numbered with leading zeros: order by name is COPY order. */
static int by_name(const void *a, const void *b, void *members)
{
	const struct pack_member *all = members;
	return strcmp(all[*(const uint32_t *)a].name, all[*(const uint32_t *)b].name);
}

struct pack_table *pack_manifest_table_fill(struct pack_manifest *manifest, uint32_t oid)
{
	return (struct pack_table *)pack_manifest_table_oid(manifest, oid);
}

static bool link_members(struct pack_manifest *manifest, struct err *err)
{
	int64_t end = PACK_BLOCK;
	for (size_t i = 0; i < manifest->members.count; i++) {
		const struct pack_member *member = &manifest->members.items[i];
		if (!check_member(member, &end, err))
			return false;
		if (!member->table)
			continue;
		struct pack_table *table = pack_manifest_table_fill(manifest, member->table);
		if (!table)
			return err_set(err, ERR_CORRUPT, "manifest: member %s is of no table",
				member->name);
		*pack_list_add(&table->members) = (uint32_t)i;
	}
	for (size_t i = 0; i < manifest->tables.count; i++) {
		struct pack_table *table = &manifest->tables.items[i];
		if (table->members.count)
			qsort_r(table->members.items, table->members.count, sizeof(uint32_t),
				by_name, manifest->members.items);
	}
	return true;
}

bool pack_manifest_parse(
	const char *text, size_t length, struct pack_manifest **manifest, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return err_set(err, ERR_CORRUPT, "manifest: line %d: %s", why.line, why.text);
	struct pack_manifest *read = xcalloc(1, sizeof(*read));
	bool ok = check_format(root, err) && pack_json_read(manifest_fields, root, "", read, err) &&
		  check_order(read, err) && link_members(read, err);
	json_decref(root);
	if (ok)
		*manifest = read;
	else
		pack_manifest_free(read);
	return ok;
}

/* --- looking up ------------------------------------------------------------------------------- */

const struct pack_table *pack_manifest_table(
	const struct pack_manifest *manifest, const char *schema, const char *name)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (strcmp(table->schema, schema) == 0 && strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

const struct pack_root *pack_manifest_root(const struct pack_manifest *manifest, uint32_t oid)
{
	for (size_t i = 0; i < manifest->roots.count; i++)
		if (manifest->roots.items[i].oid == oid)
			return &manifest->roots.items[i];
	return NULL;
}

const struct pack_root *pack_manifest_router(
	const struct pack_manifest *manifest, const struct pack_table *table)
{
	const struct pack_root *root =
		table->root ? pack_manifest_root(manifest, table->root) : NULL;
	return root && root->enum_hash ? root : NULL;
}

const struct pack_member *pack_manifest_member(
	const struct pack_manifest *manifest, const char *name)
{
	for (size_t i = 0; i < manifest->members.count; i++)
		if (strcmp(manifest->members.items[i].name, name) == 0)
			return &manifest->members.items[i];
	return NULL;
}

bool pack_member_is_large_object(const struct pack_member *member)
{
	return str_starts(member->name, PACK_LARGE_OBJECT_DATA) &&
	       str_ends(member->name, ".copy.zst");
}

void pack_manifest_total(const struct pack_manifest *manifest, struct pack_content *total)
{
	*total = (struct pack_content){0};
	for (size_t i = 0; i < manifest->tables.count; i++)
		pack_content_add(total, &manifest->tables.items[i].content);
}
