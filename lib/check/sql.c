/* Kind `sql`: one statement in a READ ONLY transaction with a statement_timeout (safety 21). */
#include "check/kind.h"

#include "base/utf8.h"

enum { NAME_MAX_BYTES = 60 };

struct sql_check {
	char *text;
};

static const struct check_subject subjects[] = {
	{"value", CHECK_TEXT, "first column of the first row; SQL NULL is null"},
	{"rows", CHECK_NUMBER, "how many rows came"},
	{0},
};

enum { VALUE, ROWS };

static bool parse(const struct conf_node *node, struct check *check, struct err *err)
{
	struct sql_check *sql = check->data;
	if (!conf_is(node, CONF_SCALAR) || !node->text[0])
		return conf_error(node, err, "sql is the text of one query");
	sql->text = xstrdup(node->text);
	if (!check->name) {
		AUTO_FREE char *line = utf8_one_line(sql->text);
		AUTO_FREE char *cut = utf8_cut(line, NAME_MAX_BYTES);
		check->name = xstrfmt("%s%s", cut, strlen(cut) < strlen(line) ? "..." : "");
	}
	return true;
}

static char *see(
	const struct check_expectation *expectation, const struct db_result *rows, char **absent)
{
	if (expectation->subject - subjects == ROWS)
		return xstrfmt("%d", db_rows(rows));
	if (db_rows(rows) == 0 || PQnfields(rows->pg) == 0) {
		*absent = xstrdup("no row");
		return NULL;
	}
	const char *value = db_get(rows, 0, 0);
	return value ? utf8_clean(value, strlen(value)) : xstrdup("null");
}

static bool query(struct db *db, const struct check *check, struct db_result *rows, struct err *err)
{
	const struct sql_check *sql = check->data;
	AUTO_TX(tx);
	if (!db_begin(db, &tx, "read only", err) ||
		!db_execf(db, err, "set local statement_timeout = %lld",
			(long long)check->timeout_ms))
		return false;
	if (db_query(db, rows, err, sql->text))
		return true;
	if (str_equal(err->sqlstate, "57014"))
		err->code = ERR_TIMEOUT;
	return false;
}

static bool make(const struct check *check, struct check_round *round, struct check_seen *seen,
	struct err *err)
{
	struct db *db = NULL;
	AUTO_RESULT(rows);
	if (!check_round_db(round, &db, err))
		return false;
	if (!query(db, check, &rows, err)) {
		/* A dead session must not make the next check an error too. */
		if (PQstatus(db->pg) != CONNECTION_OK)
			db_close(xtake(&round->db));
		return false;
	}
	for (size_t i = 0; i < check->count; i++)
		seen->values[i] = see(&check->expectations[i], &rows, &seen->absent[i]);
	return true;
}

static void release(void *data)
{
	struct sql_check *sql = data;
	free(sql->text);
}

const struct check_kind check_kind_sql = {
	.name = "sql",
	.meaning = "one query, read only, on the environment's database: value, rows",
	.subjects = subjects,
	.data_size = sizeof(struct sql_check),
	.timeout_ms = 10000,
	.database = true,
	.parse = parse,
	.make = make,
	.release = release,
};
