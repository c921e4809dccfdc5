/*
 * Strict YAML: a tree whose every node knows its file:line:column, and a table-driven reader from a
 * mapping into a struct. Duplicate keys, aliases, anchors, tags and several documents are errors
 * (ERR_CONFIG with `where`). `on`, `off`, `yes`, `no` are text; only true and false are booleans.
 *
 * A new thing that is configured (check, alert, provider, step) describes its keys as one array of
 * conf_field and never walks the tree itself.
 */
#ifndef CONF_NODE_H
#define CONF_NODE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include <jansson.h>

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_kind kind;
	char *text; /* scalar: its text ("" for an empty or null scalar) */
	bool quoted; /* scalar: written with quotes or as a block */
	char *key; /* in a map: the name this value stands under */
	int key_line, key_column;
	struct conf_node **items; /* list or map: children in file order */
	size_t count, alloc;
	const char *file; /* as shown in messages; owned by the document */
	const char
		*directory; /* what relative names in it are relative to; owned by the document */
	int line, column; /* from 1 */
};

/* A parsed file owns its nodes. */
struct conf_document {
	char *path; /* as shown in messages */
	char *directory; /* names in the file are relative to it; absolute path */
	struct conf_node *root;
};

MUST_CHECK bool conf_document_load(const char *path, struct conf_document **doc, struct err *err);
/* From memory, `path` for messages, directory "." */
MUST_CHECK bool conf_document_parse(const char *path, const char *text, size_t length,
	struct conf_document **doc, struct err *err);
void conf_document_free(struct conf_document *doc);
DEFINE_AUTO(struct conf_document, conf_document_free)

#define CONF_EACH(node, child) \
	for (size_t i_##child = 0; (node) && i_##child < (node)->count; i_##child++) \
		for (const struct conf_node *child = (node)->items[i_##child]; child; child = NULL)

/* NULL when absent, or when map is NULL. */
const struct conf_node *conf_get(const struct conf_node *map, const char *key);
/* ERR_CONFIG at the node's place; returns false. */
bool conf_error(const struct conf_node *node, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same at the key that the node stands under. */
bool conf_error_key(const struct conf_node *node, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
bool conf_is(const struct conf_node *node, enum conf_kind kind); /* NULL: false */
/* "file:line:column"; caller owns. */
char *conf_where(const struct conf_node *node);
/* A file name from a node's file, made absolute; caller owns. */
char *conf_path(const struct conf_node *node, const char *name);
/* The tree as JSON (every scalar a string): for digests and reports. New reference. */
json_t *conf_to_json(const struct conf_node *node);

/*
 * What a key's value must be, and what lands at its offset:
 *
 *	STRING    char *           TEXT      as STRING, may not be empty
 *	BOOL      bool             INT       int64_t
 *	DURATION  int64_t ms       SIZE      int64_t bytes
 *	STRINGS   struct strvec (a list of scalars; one scalar is a list of one)
 *	ARGV      struct strvec (a non-empty list of scalars)
 *	SECRET    struct conf_secret *
 *	NODE      const struct conf_node * (any shape; the room reads it itself)
 *	CHOICE    int: index in `choices` (NULL-ended)
 */
enum conf_type {
	CONF_STRING,
	CONF_TEXT,
	CONF_BOOL,
	CONF_INT,
	CONF_DURATION,
	CONF_SIZE,
	CONF_STRINGS,
	CONF_ARGV,
	CONF_SECRET,
	CONF_NODE,
	CONF_CHOICE
};

struct conf_field {
	const char *key;
	enum conf_type type;
	size_t offset;
	bool required;
	const char *const *choices;
};

/*
 * Reads every key of a map into *out. Unknown keys are errors that name the nearest known one.
 * *out must be zeroed; what was read stays in it also on failure (release it as usual).
 */
MUST_CHECK bool conf_read(const struct conf_node *map, const struct conf_field *fields,
	size_t count, void *out, struct err *err);
MUST_CHECK bool conf_read_value(
	const struct conf_node *value, const struct conf_field *field, void *out, struct err *err);
/* Frees every field of such a struct by the same table and zeroes it. */
void conf_release(const struct conf_field *fields, size_t count, void *out);

/* A secret by reference: {env: NAME}, {file: PATH}, {command: [..]}, or a literal (a warning). */
struct conf_secret {
	enum { CONF_SECRET_LITERAL, CONF_SECRET_ENV, CONF_SECRET_FILE, CONF_SECRET_COMMAND } kind;
	char *text; /* the literal, variable or path (absolute) */
	struct strvec argv;
	char *where; /* file:line:column */
};
MUST_CHECK bool conf_secret_parse(
	const struct conf_node *node, struct conf_secret **secret, struct err *err);
void conf_secret_free(struct conf_secret *secret);
DEFINE_AUTO(struct conf_secret, conf_secret_free)
/*
 * Its value without the newline at its end, registered for redaction; caller owns. Unset variable,
 * absent file, a file that others may read, a command that fails: ERR_CONFIG.
 */
MUST_CHECK bool conf_secret_get(const struct conf_secret *secret, char **value, struct err *err);
/* The same, not registered: for a connection string, of which only the password is secret. */
MUST_CHECK bool conf_secret_read(const struct conf_secret *secret, char **value, struct err *err);
/* "env SENTRY_DSN", "file /etc/x": what may be shown. Caller owns. */
char *conf_secret_origin(const struct conf_secret *secret);

/*
 * ${name} and ${a.b} inside one scalar. `lookup` returns the value (caller of lookup owns) or NULL:
 * unknown names are ERR_CONFIG at the node with the near names of `known` (may be NULL).
 * "$${" stands for a literal "${".
 */
typedef char *(*conf_lookup)(void *ctx, const char *name);
MUST_CHECK bool conf_expand(const char *text, const struct conf_node *where, conf_lookup lookup,
	void *ctx, const struct strvec *known, char **out, struct err *err);

#endif
