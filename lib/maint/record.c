#include "maint/record.h"

#include "base/fs.h"
#include "maint/maint.h"

#define UTC_TEXT(column) "to_char(" column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

static const char table_sql[] = "create table if not exists mig.maintenance ("
				" id bigint generated always as identity primary key,"
				" generation bigint not null,"
				" database_oid oid not null,"
				" owner text not null,"
				" who text not null default session_user,"
				" since timestamptz not null default clock_timestamp(),"
				" lease_ends timestamptz not null,"
				" providers jsonb not null,"
				" lifted timestamptz);"
				" create unique index if not exists maintenance_held"
				" on mig.maintenance ((true)) where lifted is null";

void maint_record_release(struct maint_record *record)
{
	free(record->owner);
	free(record->since);
	free(record->lease_ends);
	free(record->why_foreign);
	json_decref(record->providers);
	*record = (struct maint_record){0};
}

json_t *maint_record_entry(const struct maint_record *record, const char *name)
{
	size_t i;
	json_t *entry;
	json_array_foreach(record->providers, i,
		entry) if (str_equal(json_string_value(json_object_get(entry, "name")),
				   name)) return entry;
	return NULL;
}

/*
 * The state file
 */

static char *state_path(const struct conf_env *env)
{
	return fs_join(env->state_dir, "maintenance.json");
}

static char *text_at(const json_t *object, const char *key)
{
	return xstrdup_null(json_string_value(json_object_get(object, key)));
}

/* An absent file is a record of generation 0. */
static bool read_file(
	const struct conf_env *env, struct maint_record *record, bool *held, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_ERR(why);
	AUTO_FREE char *path = state_path(env);
	*held = false;
	record->providers = json_array();
	if (!fs_read(path, 0, &text, &why))
		return why.code == ERR_NOTFOUND ? true : err_move(err, &why);
	json_t *root = json_loadb(text.buf, text.len, 0, NULL);
	json_t *providers = json_object_get(root, "providers");
	if (!json_is_array(providers)) {
		json_decref(root);
		err_set(err, ERR_CORRUPT, "%s is not a record of maintenance", path);
		return err_hint(err, "look at it; what counts is select * from mig.maintenance");
	}
	json_decref(record->providers);
	record->providers = json_incref(providers);
	record->generation = json_integer_value(json_object_get(root, "generation"));
	record->oid = (uint32_t)json_integer_value(json_object_get(root, "database_oid"));
	record->owner = text_at(root, "owner");
	record->since = text_at(root, "since");
	record->lease_ends = text_at(root, "lease_ends");
	*held = json_is_true(json_object_get(root, "held"));
	json_decref(root);
	return true;
}

static bool write_file(
	const struct conf_env *env, const struct maint_record *record, bool held, struct err *err)
{
	AUTO_FREE char *path = state_path(env);
	json_t *root = json_pack("{s:b, s:I, s:I, s:s?, s:s?, s:s?, s:O}", "held", held,
		"generation", (json_int_t)record->generation, "database_oid",
		(json_int_t)record->oid, "owner", record->owner, "since", record->since,
		"lease_ends", record->lease_ends, "providers", record->providers);
	AUTO_FREE char *text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return fs_mkdirs(env->state_dir, err) && fs_write_atomic(path, text, strlen(text), err);
}

/*
 * The row
 */

/* For the row: names and values of before only. New reference. */
static json_t *row_providers(const struct maint_record *record)
{
	json_t *list = json_array();
	size_t i;
	json_t *entry;
	json_array_foreach(record->providers, i, entry) json_array_append_new(
		list, json_pack("{s:O, s:O}", "name", json_object_get(entry, "name"), "before",
			      json_object_get(entry, "before")));
	return list;
}

/* How a provider was configured stands only in the state file, of the same closing. */
static void merge_items(json_t *providers, const struct maint_record *file)
{
	size_t i;
	json_t *entry;
	json_array_foreach(providers, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "name"));
		json_t *known = name ? maint_record_entry(file, name) : NULL;
		json_t *item = json_object_get(known, "item");
		if (!item)
			continue;
		json_object_set(entry, "item", item);
		json_object_set(entry, "directory", json_object_get(known, "directory"));
	}
}

static bool read_row(
	struct db *db, struct maint_record *record, int64_t *newest, bool *held, struct err *err)
{
	AUTO_FREE char *table = NULL;
	AUTO_FREE char *highest = NULL;
	AUTO_RESULT(row);
	*held = false;
	*newest = 0;
	if (!db_value(db, &table, err, "select to_regclass('mig.maintenance')::text"))
		return false;
	if (!table)
		return true;
	if (!db_value(db, &highest, err, "select max(generation) from mig.maintenance") ||
		!db_query(db, &row, err,
			"select generation, database_oid, owner, " UTC_TEXT("since") ", " UTC_TEXT(
				"lease_ends") ", providers, lease_ends < clock_timestamp()"
					      " from mig.maintenance where lifted is null"))
		return false;
	*newest = highest ? strtoll(highest, NULL, 10) : 0;
	if (db_rows(&row) == 0)
		return true;
	record->generation = db_get_int(&row, 0, 0);
	record->oid = (uint32_t)db_get_int(&row, 0, 1);
	record->owner = xstrdup(db_get(&row, 0, 2));
	record->since = xstrdup(db_get(&row, 0, 3));
	record->lease_ends = xstrdup(db_get(&row, 0, 4));
	record->providers = json_loads(db_get(&row, 0, 5), 0, NULL);
	record->lease_over = db_get_bool(&row, 0, 6);
	record->in_row = *held = true;
	if (json_is_array(record->providers))
		return true;
	return err_set(err, ERR_CORRUPT, "mig.maintenance in %s cannot be read", db->dbname);
}

/*
 * Both together
 */

static enum maint_holding foreign(struct maint_record *record, char *why)
{
	free(record->why_foreign);
	record->why_foreign = why;
	return MAINT_FOREIGN;
}

static enum maint_holding judge_row(
	const struct maint_record *file, struct db *db, struct maint_record *row)
{
	if (row->oid != db->db_oid)
		return foreign(
			row, xstrfmt("the row in mig.maintenance belongs to the database with"
				     " OID %u, and %s has %u",
				     row->oid, db->dbname, db->db_oid));
	if (row->generation < file->generation)
		return foreign(
			row, xstrfmt("the row in mig.maintenance is of generation %lld, but"
				     " generation %lld was seen here already",
				     (long long)row->generation, (long long)file->generation));
	return MAINT_HELD;
}

/* The state file says held and the database has no such row. */
static enum maint_holding judge_file(struct maint_record *file, struct db *db, int64_t newest)
{
	if (newest >= file->generation)
		return MAINT_NOBODY; /* lifted from another host */
	if (db && file->oid != db->db_oid)
		return foreign(
			file, xstrfmt("maintenance was switched on for a database with OID %u,"
				      " and %s has %u and no record of it",
				      file->oid, db->dbname, db->db_oid));
	return MAINT_HELD;
}

bool maint_record_load(const struct conf_env *env, struct db *db, enum maint_holding *holding,
	struct maint_record *record, struct err *err)
{
	CLEANUP(maint_record_release) struct maint_record file = {0};
	CLEANUP(maint_record_release) struct maint_record row = {0};
	bool in_file = false, in_row = false;
	int64_t newest = 0;
	if (!read_file(env, &file, &in_file, err) ||
		(db && !read_row(db, &row, &newest, &in_row, err)))
		return false;
	maint_record_release(record);
	*holding = MAINT_NOBODY;
	if (in_row)
		*holding = judge_row(&file, db, &row);
	else if (in_file)
		*holding = judge_file(&file, db, newest);
	if (in_row)
		merge_items(row.providers, &file);
	struct maint_record *chosen = in_row ? &row : &file;
	if (newest > chosen->generation)
		chosen->generation = newest;
	if (file.generation > chosen->generation)
		chosen->generation = file.generation;
	*record = *chosen;
	*chosen = (struct maint_record){0};
	return true;
}

bool maint_record_table(struct db *db, struct err *err)
{
	return db_mig_schema(db, err) && db_exec(db, err, table_sql);
}

static bool ask_times(struct db *db, int64_t lease_ms, struct maint_record *record, struct err *err)
{
	AUTO_FREE char *lease = xstrfmt("%lld", (long long)lease_ms);
	AUTO_RESULT(row);
	if (!db_query(db, &row, err,
		    "select " UTC_TEXT("clock_timestamp()") ", " UTC_TEXT(
			    "(clock_timestamp() + $1::bigint * interval '1 ms')"),
		    lease))
		return false;
	if (!record->since)
		record->since = xstrdup(db_get(&row, 0, 0));
	free(record->lease_ends);
	record->lease_ends = xstrdup(db_get(&row, 0, 1));
	return true;
}

/* The row is written anew when it was lost: a crash between state file and row, or a restore. */
static bool write_row(struct db *db, const struct maint_record *record, struct err *err)
{
	json_t *list = row_providers(record);
	AUTO_FREE char *providers = json_dumps(list, JSON_ENSURE_ASCII);
	json_decref(list);
	AUTO_FREE char *generation = xstrfmt("%lld", (long long)record->generation);
	AUTO_FREE char *oid = xstrfmt("%u", record->oid);
	AUTO_RESULT(done);
	if (!db_query(db, &done, err,
		    "update mig.maintenance set owner = $1, lease_ends = $2::timestamptz,"
		    " providers = $3::jsonb where lifted is null",
		    record->owner, record->lease_ends, providers))
		return false;
	if (db_affected(&done) > 0)
		return true;
	return db_query(db, &done, err,
		"insert into mig.maintenance (generation, database_oid, owner, since, lease_ends,"
		" providers) values ($1::bigint, $2::oid, $3, $4::timestamptz, $5::timestamptz,"
		" $6::jsonb)",
		generation, oid, record->owner, record->since, record->lease_ends, providers);
}

bool maint_record_update(const struct conf_env *env, struct db *db, int64_t lease_ms,
	struct maint_record *record, struct err *err)
{
	return ask_times(db, lease_ms, record, err) && write_file(env, record, true, err) &&
	       write_row(db, record, err);
}

bool maint_record_begin(const struct conf_env *env, struct db *db, int64_t lease_ms,
	struct maint_record *record, struct err *err)
{
	record->generation++;
	record->oid = db->db_oid;
	free(record->since);
	record->since = NULL;
	return maint_record_update(env, db, lease_ms, record, err);
}

bool maint_record_end(
	const struct conf_env *env, struct db *db, struct maint_record *record, struct err *err)
{
	return db_exec(db, err,
		       "update mig.maintenance set lifted = clock_timestamp() where lifted is "
		       "null") &&
	       write_file(env, record, false, err);
}

/*
 * The swap
 */

/* What the copy holds from another time is closed as it is: the new row is the one that counts. */
bool maint_hand_over(struct db *live, struct db *copy, struct err *err)
{
	CLEANUP(maint_record_release) struct maint_record record = {0};
	int64_t newest = 0;
	bool held = false;
	if (!read_row(live, &record, &newest, &held, err))
		return false;
	if (!maint_record_table(copy, err))
		return false;
	AUTO_FREE char *highest = NULL;
	if (!db_value(copy, &highest, err, "select max(generation) from mig.maintenance"))
		return false;
	int64_t other = highest ? strtoll(highest, NULL, 10) : 0;
	AUTO_TX(tx);
	if (!db_begin(copy, &tx, NULL, err) || !db_exec(copy, err,
						       "update mig.maintenance set lifted = "
						       "clock_timestamp() where lifted is null"))
		return false;
	record.generation = (other > newest ? other : newest) + 1;
	record.oid = copy->db_oid;
	return (!held || write_row(copy, &record, err)) && db_commit(&tx, err);
}
