#include "loss/script.h"
#include <inttypes.h>

void loss_script_file(const struct loss_script_table *table, char name[LOSS_SCRIPT_NAME])
{
	snprintf(name, LOSS_SCRIPT_NAME, "%04d.copy", table->number);
}

void loss_script_whole_file(const struct loss_script_table *table, char name[LOSS_SCRIPT_NAME])
{
	snprintf(name, LOSS_SCRIPT_NAME, "%04d.whole.copy", table->number);
}

/* A name for people: nothing in it can end a comment or a line. */
static char *plain_name(const struct loss_unit *unit)
{
	char *text = xstrfmt("%s.%s", unit->schema, unit->name);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\' || *c == '`')
			*c = '?';
	return text;
}

/*
 * Referenced tables first
 */

struct edge {
	uint32_t from, to; /* rows of `from` point at rows of `to` */
};

static bool read_edges(struct db *db, struct edge **edges, size_t *count, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select conrelid, confrelid from pg_catalog.pg_constraint"
		    " where contype = 'f' and conparentid = 0 and conrelid <> confrelid"))
		return false;
	*count = (size_t)db_rows(&rows);
	*edges = xcalloc(*count + 1, sizeof(**edges));
	for (size_t i = 0; i < *count; i++)
		(*edges)[i] = (struct edge){(uint32_t)db_get_int(&rows, (int)i, 0),
			(uint32_t)db_get_int(&rows, (int)i, 1)};
	return true;
}

static bool points_into(const struct edge *edges, size_t edge_count, uint32_t from,
	const struct loss_script_table *tables, size_t count)
{
	for (size_t e = 0; e < edge_count; e++)
		for (size_t i = 0; edges[e].from == from && i < count; i++)
			if (tables[i].live->oid == edges[e].to)
				return true;
	return false;
}

/* In a circle of references nobody is first: there the order stays. */
static void sort_tables(
	struct loss_script_table *tables, size_t count, const struct edge *edges, size_t edge_count)
{
	for (size_t done = 0; done < count; done++) {
		size_t next = done;
		while (next < count && points_into(edges, edge_count, tables[next].live->oid,
					       tables + done, count - done))
			next++;
		if (next == count)
			return;
		struct loss_script_table chosen = tables[next];
		memmove(tables + done + 1, tables + done, (next - done) * sizeof(*tables));
		tables[done] = chosen;
	}
}

/*
 * One table
 */

struct column {
	char *quoted, *type;
	char *sequence; /* that numbers it, qualified; NULL: none */
	size_t place; /* in the file, from 1 */
	bool common; /* the other has it too */
	bool fixed; /* GENERATED ALWAYS AS IDENTITY: an update may not name it */
	bool key;
};
struct columns {
	struct column *items;
	size_t count;
};

static void columns_release(struct columns *columns)
{
	for (size_t i = 0; i < columns->count; i++) {
		free(columns->items[i].quoted);
		free(columns->items[i].type);
		free(columns->items[i].sequence);
	}
	free(columns->items);
}

static struct column read_column(struct db *db, const struct loss_script_table *table,
	const struct db_result *rows, size_t i)
{
	const char *name = table->live->columns.items[i], *sequence = db_get(rows, (int)i, 3);
	return (struct column){
		.quoted = db_ident(db, name),
		.type = xstrdup(db_get(rows, (int)i, 1)),
		.sequence = sequence ? xstrdup(sequence) : NULL,
		.place = i + 1,
		.common = strvec_has(&table->other->columns, name),
		.fixed = db_get_bool(rows, (int)i, 2),
		.key = strvec_has(&table->live->key, name),
	};
}

/* The live table's, as side.c has listed them. */
static bool read_columns(struct db *db, const struct loss_script_table *table,
	const char *qualified, struct columns *columns, struct err *err)
{
	const struct strvec *names = &table->live->columns;
	AUTO_FREE char *oid = xstrfmt("%u", table->live->oid);
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select attname, pg_catalog.format_type(atttypid, atttypmod),"
		    " attidentity = 'a', pg_catalog.pg_get_serial_sequence($2, attname)"
		    " from pg_catalog.pg_attribute where attrelid = $1::oid and attnum > 0"
		    " and not attisdropped and attgenerated = '' order by attnum",
		    oid, qualified))
		return false;
	columns->items = xcalloc(names->count + 1, sizeof(columns->items[0]));
	for (size_t i = 0; i < names->count; i++) {
		if ((int)i >= db_rows(&rows) ||
			!str_equal(db_get(&rows, (int)i, 0), names->items[i]))
			return err_set(err, ERR_LOCK, "a column of table %s.%s is gone meanwhile",
				table->live->schema, table->live->name);
		columns->items[columns->count++] = read_column(db, table, &rows, i);
	}
	return true;
}

/* Without any column in common a row is what its defaults make it. */
static void add_names(struct strbuf *out, const struct columns *columns)
{
	const char *comma = " (";
	for (size_t i = 0; i < columns->count; i++)
		if (columns->items[i].common) {
			strbuf_addf(out, "%s%s", comma, columns->items[i].quoted);
			comma = ", ";
		}
	if (*comma == ',')
		strbuf_adds(out, ") overriding system value");
}

static void add_values(struct strbuf *out, const struct columns *columns)
{
	const char *comma = "";
	for (size_t i = 0; i < columns->count; i++)
		if (columns->items[i].common) {
			strbuf_addf(out, "%sc%zu::%s", comma, columns->items[i].place,
				columns->items[i].type);
			comma = ", ";
		}
}

static void add_updates(struct strbuf *out, const struct columns *columns)
{
	const char *comma = "";
	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->items[i];
		if (!column->common || column->key || column->fixed)
			continue;
		strbuf_addf(out, "%s%s = excluded.%s", *comma ? comma : " do update set ",
			column->quoted, column->quoted);
		comma = ", ";
	}
	if (!*comma)
		strbuf_adds(out, " do nothing");
}

static bool has_key(const struct loss_script_table *table)
{
	return loss_unit_common_key(table->live, table->other)->count > 0;
}

static void add_conflict(
	struct strbuf *out, const struct loss_script_table *table, const struct columns *columns)
{
	const char *comma = "";
	if (!has_key(table))
		return;
	strbuf_adds(out, "\n  on conflict (");
	for (size_t i = 0; i < columns->count; i++)
		if (columns->items[i].key) {
			strbuf_addf(out, "%s%s", comma, columns->items[i].quoted);
			comma = ", ";
		}
	strbuf_adds(out, ")");
	add_updates(out, columns);
}

/* The next new row must not take a number that came back. */
static void add_sequences(
	struct db *db, const char *qualified, const struct columns *columns, struct strbuf *out)
{
	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->items[i];
		if (!column->common || !column->sequence)
			continue;
		AUTO_FREE char *literal = db_literal(db, column->sequence);
		strbuf_addf(out,
			"select pg_catalog.setval(%s, m) from (select max(%s) as m from %s) x\n"
			"  where m > (select last_value from %s) \\g /dev/null\n",
			literal, column->quoted, qualified, column->sequence);
	}
}

static void add_temporary(
	struct strbuf *out, const struct loss_script_table *table, const struct columns *columns)
{
	char file[LOSS_SCRIPT_NAME];
	loss_script_file(table, file);
	strbuf_addf(out, "create temporary table mig_lost_%d (", table->number);
	for (size_t i = 0; i < columns->count; i++)
		strbuf_addf(out, "%sc%zu text", i ? ", " : "", columns->items[i].place);
	strbuf_addf(out, ") on commit drop;\n\\copy pg_temp.mig_lost_%d from '%s'\n", table->number,
		file);
}

static bool add_table(
	struct db *db, const struct loss_script_table *table, struct strbuf *out, struct err *err)
{
	CLEANUP(columns_release) struct columns columns = {0};
	AUTO_FREE char *qualified = db_qualified(db, table->live->schema, table->live->name);
	AUTO_FREE char *literal = db_literal(db, qualified);
	AUTO_FREE char *plain = plain_name(table->live);
	if (!read_columns(db, table, qualified, &columns, err))
		return false;
	strbuf_addf(out,
		"\n-- %s: %" PRId64 " row%s\n"
		"select pg_catalog.to_regclass(%s) is not null as here \\gset\n\\if :here\n",
		plain, table->rows, str_plural(table->rows), literal);
	add_temporary(out, table, &columns);
	strbuf_addf(out, "insert into %s", qualified);
	add_names(out, &columns);
	strbuf_adds(out, "\n  select ");
	add_values(out, &columns);
	strbuf_addf(out, " from pg_temp.mig_lost_%d", table->number);
	add_conflict(out, table, &columns);
	strbuf_adds(out, ";\n");
	add_sequences(db, qualified, &columns, out);
	strbuf_addf(out,
		"\\else\n\\echo table %d is not in this database, see README.md\n\\endif\n",
		table->number);
	return true;
}

/*
 * The files
 */

static bool is_loaded(const struct loss_script_table *table)
{
	return table->other && table->rows;
}

bool loss_script_text(struct db *db, struct loss_script_table *tables, size_t count,
	struct strbuf *out, struct err *err)
{
	AUTO_FREE struct edge *edges = NULL;
	size_t edge_count;
	if (!read_edges(db, &edges, &edge_count, err))
		return false;
	sort_tables(tables, count, edges, edge_count);
	strbuf_addf(out,
		"-- Brings rows back: psql -X -d DATABASE -f load.sql, in this folder.\n"
		"\\set ON_ERROR_STOP on\n"
		"\\encoding %s\n"
		"begin;\n"
		"set local statement_timeout = 0;\n"
		"set local search_path = '';\n"
		"set local standard_conforming_strings = on;\n"
		"set local datestyle = 'ISO';\n"
		"set local intervalstyle = 'postgres';\n"
		"set local lc_monetary = 'C';\n"
		"set local xmloption = 'content';\n"
		"set local row_security = off;\n",
		pg_encoding_to_char(PQclientEncoding(db->pg)));
	for (size_t i = 0; i < count; i++)
		if (is_loaded(&tables[i]) && !add_table(db, &tables[i], out, err))
			return false;
	strbuf_adds(out, "\ncommit;\n");
	return true;
}

static void describe(const struct loss_script_table *table, struct strbuf *out)
{
	char file[LOSS_SCRIPT_NAME];
	AUTO_FREE char *plain = plain_name(table->live);
	if (table->rows) {
		loss_script_file(table, file);
		strbuf_addf(out, "- `%s`: %" PRId64 " row%s of %s", file, table->rows,
			str_plural(table->rows), plain);
		if (!table->other)
			strbuf_adds(out, ", a table that would be gone: not in load.sql");
		else if (!has_key(table))
			strbuf_adds(out, "; it has no key, so they are inserted once more each "
					 "time load.sql runs");
		strbuf_addc(out, '\n');
	}
	if (table->whole_rows) {
		loss_script_whole_file(table, file);
		strbuf_addf(out,
			"- `%s`: all %" PRId64 " rows of %s, which has columns that would be gone; "
			"not in load.sql\n",
			file, table->whole_rows, plain);
	}
}

/* Columns in the order of the file. */
static void describe_columns(const struct loss_script_table *table, struct strbuf *out)
{
	AUTO_FREE char *names = strvec_join(&table->live->columns, ", ");
	for (char *c = names; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '`')
			*c = '?';
	strbuf_addf(out, "    columns: %s\n", names);
}

void loss_script_readme(const struct loss_script_table *tables, size_t count, const char *live,
	const char *other, struct strbuf *out)
{
	bool any = false;
	strbuf_addf(out,
		"# Rows that would be lost\n\n"
		"They are in database %s and not, or not so, in %s. Bring them back with\n\n"
		"    psql -X -d DATABASE -f load.sql\n\n"
		"in this folder, after a look at load.sql: in one transaction, new rows are "
		"inserted "
		"and rows whose key is there get these contents; triggers fire, sequences move on. "
		"Each file is COPY text, one line per row.\n\n",
		live, other);
	for (size_t i = 0; i < count; i++) {
		if (!tables[i].rows && !tables[i].whole_rows)
			continue;
		describe(&tables[i], out);
		describe_columns(&tables[i], out);
		any = true;
	}
	if (!any)
		strbuf_adds(out, "No row would be lost.\n");
	strbuf_adds(out,
		"\nNot here: rows that were deleted from the live database, large objects, "
		"values of sequences, definitions.\n");
}
