/*
 * Inside room sql only.
 */
#ifndef SQL_INTERNAL_H
#define SQL_INTERNAL_H

#include "sql/sql.h"

#include <pg_query/pg_query.pb-c.h>

/* Fills kind, subject and flags from the parser's tree. */
void sql_classify(struct sql_statement *statement, const PgQuery__Node *node);
/* The same from the first words of a statement that was not parsed. */
void sql_classify_words(struct sql_statement *statement);

#endif
