#include "conf/node.h"

#include "base/fs.h"
#include <limits.h>
#include <unistd.h>

const struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
	if (!conf_is(map, CONF_MAP))
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (!strcmp(map->items[i]->key, key))
			return map->items[i];
	return NULL;
}

bool conf_is(const struct conf_node *node, enum conf_kind kind)
{
	return node && node->kind == kind;
}

char *conf_where(const struct conf_node *node)
{
	return xstrfmt("%s:%d:%d", node->file, node->line, node->column);
}

bool conf_error(const struct conf_node *node, struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	err_set(err, ERR_CONFIG, "%s", text);
	return node ? err_where(err, "%s:%d:%d", node->file, node->line, node->column) : false;
}

bool conf_error_key(const struct conf_node *node, struct err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	conf_error(node, err, "%s", text);
	return node->key ? err_where(err, "%s:%d:%d", node->file, node->key_line, node->key_column)
			 : false;
}

char *conf_path(const struct conf_node *node, const char *name)
{
	return fs_join(node->directory, name);
}

json_t *conf_to_json(const struct conf_node *node)
{
	if (!node)
		return json_null();
	if (node->kind == CONF_SCALAR)
		return json_string(node->text);
	json_t *json = node->kind == CONF_MAP ? json_object() : json_array();
	for (size_t i = 0; i < node->count; i++) {
		json_t *item = conf_to_json(node->items[i]);
		if (node->kind == CONF_MAP)
			json_object_set_new(json, node->items[i]->key, item);
		else
			json_array_append_new(json, item);
	}
	return json;
}

static void node_free(struct conf_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		node_free(node->items[i]);
	free(node->items);
	free(node->text);
	free(node->key);
	free(node);
}

void conf_document_free(struct conf_document *doc)
{
	if (!doc)
		return;
	node_free(doc->root);
	free(doc->path);
	free(doc->directory);
	free(doc);
}
