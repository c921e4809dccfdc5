#include "sql/internal.h"

#include <ctype.h>
#include <strings.h>

struct fact {
	unsigned flags;
	struct strbuf subject;
	char *table;
	enum sql_effect effect;
	char *object, *shape, *alias, *column;
};

static void add_name(struct fact *fact, const char *schema, const char *name)
{
	strbuf_addf(&fact->subject, "%s%s%s%s", fact->subject.len ? ", " : "",
		schema && *schema ? schema : "", schema && *schema ? "." : "", name ? name : "");
}

static char *qualified(const char *schema, const char *name)
{
	AUTO_STRBUF(text);
	if (schema && *schema) {
		strbuf_add_quoted(&text, '"', schema);
		strbuf_addc(&text, '.');
	}
	strbuf_add_quoted(&text, '"', name);
	return strbuf_take(&text);
}

static void note_table(struct fact *fact, const char *schema, const char *name)
{
	if (!fact->table && name)
		fact->table = qualified(schema, name);
}

static void note_effect(struct fact *fact, enum sql_effect effect, char *object)
{
	free(fact->object);
	fact->effect = effect;
	fact->object = object;
}

static void add_range(struct fact *fact, const PgQuery__RangeVar *range)
{
	if (!range)
		return;
	add_name(fact, range->schemaname, range->relname);
	note_table(fact, range->schemaname, range->relname);
}

/* A name in an object list: a string, a list of strings, or a type name. */
static void add_object(struct fact *fact, const PgQuery__Node *node)
{
	if (node->node_case == PG_QUERY__NODE__NODE_STRING) {
		add_name(fact, NULL, node->string->sval);
	} else if (node->node_case == PG_QUERY__NODE__NODE_LIST) {
		strbuf_adds(&fact->subject, fact->subject.len ? ", " : "");
		for (size_t i = 0; i < node->list->n_items; i++)
			if (node->list->items[i]->node_case == PG_QUERY__NODE__NODE_STRING)
				strbuf_addf(&fact->subject, "%s%s", i ? "." : "",
					node->list->items[i]->string->sval);
	}
}

/* "public"."orders" of a list of names; NULL: none. */
static char *listed_name(const PgQuery__Node *node)
{
	if (node->node_case != PG_QUERY__NODE__NODE_LIST || !node->list->n_items)
		return NULL;
	size_t last = node->list->n_items - 1;
	const char *schema = last ? node->list->items[last - 1]->string->sval : NULL;
	return qualified(schema, node->list->items[last]->string->sval);
}

static void note_dropped_table(struct fact *fact, const PgQuery__Node *node)
{
	if (!fact->table)
		fact->table = listed_name(node);
}

static void fact_transaction(struct fact *fact, const PgQuery__Node *node)
{
	switch (node->transaction_stmt->kind) {
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
		break;
	default:
		fact->flags |= SQL_ENDS_TRANSACTION;
	}
}

static void fact_drop(struct fact *fact, const PgQuery__Node *node)
{
	const PgQuery__DropStmt *drop = node->drop_stmt;
	for (size_t i = 0; i < drop->n_objects; i++)
		add_object(fact, drop->objects[i]);
	if (drop->concurrent) {
		fact->flags |= SQL_NO_TRANSACTION;
		note_effect(fact, SQL_DROPS_INDEX, listed_name(drop->objects[0]));
	}
	bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
	switch (drop->remove_type) {
	case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
		note_dropped_table(fact, drop->objects[0]);
		/* fall through */
	case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
		fact->flags |= SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS;
		break;
	case PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION:
		fact->flags |= SQL_LOSES_COUNTERS | (cascade ? SQL_DESTRUCTIVE : 0);
		break;
	case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW:
		fact->flags |= SQL_LOSES_COUNTERS;
		break;
	case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
	case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
		fact->flags |= cascade ? SQL_DESTRUCTIVE : 0;
		break;
	default:
		break;
	}
}

static void fact_truncate(struct fact *fact, const PgQuery__Node *node)
{
	fact->flags |= SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS;
	for (size_t i = 0; i < node->truncate_stmt->n_relations; i++)
		add_range(fact, node->truncate_stmt->relations[i]->range_var);
}

static void fact_alter_table(struct fact *fact, const PgQuery__Node *node)
{
	const PgQuery__AlterTableStmt *alter = node->alter_table_stmt;
	add_range(fact, alter->relation);
	for (size_t i = 0; i < alter->n_cmds; i++) {
		const PgQuery__AlterTableCmd *cmd = alter->cmds[i]->alter_table_cmd;
		if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn) {
			fact->flags |= SQL_DESTRUCTIVE;
			strbuf_addf(&fact->subject, " DROP COLUMN %s", cmd->name);
		}
		if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn && !cmd->missing_ok &&
			!fact->column) {
			fact->flags |= SQL_ADDS_COLUMN;
			fact->column = xstrdup(cmd->def->column_def->colname);
		}
		if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition &&
			cmd->def->partition_cmd->concurrent) {
			const PgQuery__RangeVar *child = cmd->def->partition_cmd->name;
			fact->flags |= SQL_NO_TRANSACTION;
			note_effect(
				fact, SQL_DETACHES, qualified(child->schemaname, child->relname));
		}
	}
}

static void add_columns(struct strbuf *shape, PgQuery__Node *const *items, size_t count)
{
	strbuf_addc(shape, '(');
	for (size_t i = 0; i < count; i++) {
		const PgQuery__IndexElem *item = items[i]->index_elem;
		bool down = item->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
		strbuf_addf(shape, "%s%s%s", i ? ", " : "",
			item->name && *item->name ? item->name : "?", down ? " desc" : "");
	}
	strbuf_addc(shape, ')');
}

/* Written as steps_probe.c reads it from the catalogue. */
static char *index_shape(const PgQuery__IndexStmt *index)
{
	AUTO_STRBUF(shape);
	bool named = index->access_method && *index->access_method;
	strbuf_addf(&shape, "%s%s ", index->unique ? "unique " : "",
		named ? index->access_method : "btree");
	add_columns(&shape, index->index_params, index->n_index_params);
	if (index->n_index_including_params) {
		strbuf_adds(&shape, " include ");
		add_columns(&shape, index->index_including_params, index->n_index_including_params);
	}
	strbuf_adds(&shape, index->where_clause ? " where" : "");
	return strbuf_take(&shape);
}

static void fact_index(struct fact *fact, const PgQuery__Node *node)
{
	const PgQuery__IndexStmt *index = node->index_stmt;
	note_table(fact, index->relation->schemaname, index->relation->relname);
	if (index->concurrent) {
		bool named = index->idxname && *index->idxname;
		strbuf_adds(&fact->subject, "CONCURRENTLY ");
		fact->flags |= SQL_NO_TRANSACTION;
		note_effect(fact, SQL_MAKES_INDEX, named ? xstrdup(index->idxname) : NULL);
		fact->shape = index_shape(index);
	}
	strbuf_addf(&fact->subject, "%s%son %s", index->idxname ? index->idxname : "",
		index->idxname && *index->idxname ? " " : "", index->relation->relname);
}

static bool has_option(PgQuery__Node *const *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
			!strcmp(options[i]->def_elem->defname, name))
			return true;
	return false;
}

static void fact_reindex(struct fact *fact, const PgQuery__Node *node)
{
	const PgQuery__ReindexStmt *reindex = node->reindex_stmt;
	add_range(fact, reindex->relation);
	if (has_option(reindex->params, reindex->n_params, "concurrently") ||
		reindex->kind >= PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SCHEMA)
		fact->flags |= SQL_NO_TRANSACTION;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_cluster(struct fact *fact, const PgQuery__Node *node)
{
	add_range(fact, node->cluster_stmt->relation);
	if (!node->cluster_stmt->relation)
		fact->flags |= SQL_NO_TRANSACTION;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_vacuum(struct fact *fact, const PgQuery__Node *node)
{
	if (node->vacuum_stmt->is_vacuumcmd) /* ANALYZE is the same node */
		fact->flags |= SQL_NO_TRANSACTION;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_discard(struct fact *fact, const PgQuery__Node *node)
{
	if (node->discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL)
		fact->flags |= SQL_NO_TRANSACTION;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_alter_database(struct fact *fact, const PgQuery__Node *node)
{
	if (has_option(node->alter_database_stmt->options, node->alter_database_stmt->n_options,
		    "tablespace"))
		fact->flags |= SQL_NO_TRANSACTION;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_delete(struct fact *fact, const PgQuery__Node *node)
{
	add_range(fact, node->delete_stmt->relation);
	if (!node->delete_stmt->where_clause) {
		strbuf_adds(&fact->subject, " (every row)");
		fact->flags |= SQL_DESTRUCTIVE;
	}
}

static void fact_create(struct fact *fact, const PgQuery__Node *node)
{
	add_range(fact, node->create_stmt->relation);
	if (!node->create_stmt->if_not_exists)
		fact->flags |= SQL_MAKES_TABLE;
}

static void fact_insert(struct fact *fact, const PgQuery__Node *node)
{
	add_range(fact, node->insert_stmt->relation);
}

static void fact_update(struct fact *fact, const PgQuery__Node *node)
{
	const PgQuery__RangeVar *range = node->update_stmt->relation;
	bool renamed = range->alias && range->alias->aliasname;
	add_range(fact, range);
	fact->alias = qualified(NULL, renamed ? range->alias->aliasname : range->relname);
}

static void fact_copy(struct fact *fact, const PgQuery__Node *node)
{
	add_range(fact, node->copy_stmt->relation);
}

static void fact_system(struct fact *fact, const PgQuery__Node *node)
{
	(void)node;
	fact->effect = SQL_EFFECT_AGAIN;
}

static void fact_makes_database(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(fact, SQL_MAKES_DATABASE, xstrdup(node->createdb_stmt->dbname));
}

static void fact_drops_database(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(fact, SQL_DROPS_DATABASE, xstrdup(node->dropdb_stmt->dbname));
}

static void fact_makes_space(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(
		fact, SQL_MAKES_TABLESPACE, xstrdup(node->create_table_space_stmt->tablespacename));
}

static void fact_drops_space(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(
		fact, SQL_DROPS_TABLESPACE, xstrdup(node->drop_table_space_stmt->tablespacename));
}

static void fact_makes_subscription(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(fact, SQL_MAKES_SUBSCRIPTION, xstrdup(node->create_subscription_stmt->subname));
}

/* What may be said twice; ADD and DROP PUBLICATION may not. */
static void fact_alters_subscription(struct fact *fact, const PgQuery__Node *node)
{
	switch (node->alter_subscription_stmt->kind) {
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_ADD_PUBLICATION:
	case PG_QUERY__ALTER_SUBSCRIPTION_TYPE__ALTER_SUBSCRIPTION_DROP_PUBLICATION:
		break;
	default:
		fact->effect = SQL_EFFECT_AGAIN;
	}
}

static void fact_drops_subscription(struct fact *fact, const PgQuery__Node *node)
{
	note_effect(fact, SQL_DROPS_SUBSCRIPTION, xstrdup(node->drop_subscription_stmt->subname));
}

static void fact_set(struct fact *fact, const PgQuery__Node *node)
{
	if (!node->variable_set_stmt->is_local)
		fact->flags |= SQL_SETS_SESSION;
}

/* One row per kind of which something is to be known; others have no flags. */
static const struct kind_row {
	PgQuery__Node__NodeCase node;
	unsigned flags;
	void (*more)(struct fact *fact, const PgQuery__Node *node);
} kind_rows[] = {
	{PG_QUERY__NODE__NODE_SELECT_STMT, SQL_WRITES_ROWS, NULL}, /* functions may write */
	{PG_QUERY__NODE__NODE_INSERT_STMT, SQL_WRITES_ROWS, fact_insert},
	{PG_QUERY__NODE__NODE_UPDATE_STMT, SQL_WRITES_ROWS, fact_update},
	{PG_QUERY__NODE__NODE_DELETE_STMT, SQL_WRITES_ROWS, fact_delete},
	{PG_QUERY__NODE__NODE_MERGE_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_COPY_STMT, SQL_WRITES_ROWS, fact_copy},
	{PG_QUERY__NODE__NODE_DO_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_CALL_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_EXECUTE_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_EXPLAIN_STMT, SQL_WRITES_ROWS, NULL}, /* ANALYZE runs it */
	{PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, SQL_WRITES_ROWS, NULL},
	{PG_QUERY__NODE__NODE_CREATE_STMT, 0, fact_create},
	{PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, 0, fact_alter_table},
	{PG_QUERY__NODE__NODE_INDEX_STMT, 0, fact_index},
	{PG_QUERY__NODE__NODE_DROP_STMT, 0, fact_drop},
	{PG_QUERY__NODE__NODE_TRUNCATE_STMT, 0, fact_truncate},
	{PG_QUERY__NODE__NODE_DROP_OWNED_STMT, SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS, NULL},
	{PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, 0, fact_set},
	{PG_QUERY__NODE__NODE_TRANSACTION_STMT, 0, fact_transaction},
	{PG_QUERY__NODE__NODE_REINDEX_STMT, 0, fact_reindex},
	{PG_QUERY__NODE__NODE_CLUSTER_STMT, 0, fact_cluster},
	{PG_QUERY__NODE__NODE_VACUUM_STMT, 0, fact_vacuum},
	{PG_QUERY__NODE__NODE_DISCARD_STMT, 0, fact_discard},
	{PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT, 0, fact_alter_database},
	{PG_QUERY__NODE__NODE_CREATEDB_STMT, SQL_NO_TRANSACTION, fact_makes_database},
	{PG_QUERY__NODE__NODE_DROPDB_STMT, SQL_NO_TRANSACTION | SQL_DESTRUCTIVE,
		fact_drops_database},
	{PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT, SQL_NO_TRANSACTION, fact_makes_space},
	{PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT, SQL_NO_TRANSACTION, fact_drops_space},
	{PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT, SQL_NO_TRANSACTION, fact_system},
	{PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT, SQL_NO_TRANSACTION,
		fact_makes_subscription},
	{PG_QUERY__NODE__NODE_ALTER_SUBSCRIPTION_STMT, 0, fact_alters_subscription},
	{PG_QUERY__NODE__NODE_DROP_SUBSCRIPTION_STMT, SQL_NO_TRANSACTION, fact_drops_subscription},
};

/* The first words, upper case: two for CREATE, ALTER, DROP and the like, else one. */
static char *first_words(const struct sql_statement *statement)
{
	static const char *const two[] = {"create", "alter", "drop", "refresh", "lock", "prepare"};
	AUTO_STRBUF(words);
	size_t wanted = 1, count = 0;
	struct sql_lexer lexer = {.file = "", .text = statement->text, .length = statement->length};
	struct sql_token token;
	AUTO_ERR(ignored);
	while (count < wanted && sql_lex(&lexer, &token, &ignored) && token.kind != SQL_END) {
		if (token.kind == SQL_COMMENT)
			continue;
		if (token.kind != SQL_WORD)
			break;
		AUTO_FREE char *word = xstrndup(statement->text + token.start,
			token.end - token.start < 30 ? token.end - token.start : 30);
		for (size_t i = 0; !count && i < ARRAY_SIZE(two); i++)
			if (!strcasecmp(word, two[i]))
				wanted = 2;
		if (count == 1 && (!strcasecmp(word, "unique") || !strcasecmp(word, "or") ||
					  !strcasecmp(word, "materialized")))
			wanted = 3;
		for (char *c = word; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		strbuf_addf(&words, "%s%s", count++ ? " " : "", word);
	}
	return strbuf_take(&words);
}

static bool has_word(const struct sql_statement *statement, const char *wanted)
{
	struct sql_lexer lexer = {.file = "", .text = statement->text, .length = statement->length};
	struct sql_token token;
	AUTO_ERR(ignored);
	while (sql_lex(&lexer, &token, &ignored) && token.kind != SQL_END)
		if (token.kind == SQL_WORD && token.end - token.start == strlen(wanted) &&
			!strncasecmp(statement->text + token.start, wanted, strlen(wanted)))
			return true;
	return false;
}

void sql_classify(struct sql_statement *statement, const PgQuery__Node *node)
{
	struct fact fact = {.subject = STRBUF_INIT};
	for (size_t i = 0; i < ARRAY_SIZE(kind_rows); i++) {
		if (kind_rows[i].node != node->node_case)
			continue;
		fact.flags = kind_rows[i].flags;
		if (kind_rows[i].more)
			kind_rows[i].more(&fact, node);
	}
	statement->kind = first_words(statement);
	statement->flags = fact.flags;
	statement->table = fact.table;
	statement->effect = fact.effect;
	statement->object = fact.object;
	statement->shape = fact.shape;
	statement->alias = fact.alias;
	statement->column = fact.column;
	if (node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
		has_word(statement, "set_config"))
		statement->flags |= SQL_SETS_SESSION;
	if (fact.subject.len)
		statement->subject = strbuf_take(&fact.subject);
	strbuf_release(&fact.subject);
}

void sql_classify_words(struct sql_statement *statement)
{
	static const struct {
		const char *words;
		unsigned flags;
	} rows[] = {
		{"DROP TABLE", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS},
		{"DROP SCHEMA", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS},
		{"TRUNCATE", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS},
		{"VACUUM", SQL_NO_TRANSACTION},
		{"CREATE DATABASE", SQL_NO_TRANSACTION},
		{"DROP DATABASE", SQL_NO_TRANSACTION | SQL_DESTRUCTIVE},
		{"COMMIT", SQL_ENDS_TRANSACTION},
		{"BEGIN", SQL_ENDS_TRANSACTION},
	};
	statement->kind = first_words(statement);
	statement->flags = SQL_WRITES_ROWS;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(statement->kind, rows[i].words))
			statement->flags |= rows[i].flags;
	if (strstr(statement->kind, "INDEX") && has_word(statement, "concurrently"))
		statement->flags |= SQL_NO_TRANSACTION;
}
