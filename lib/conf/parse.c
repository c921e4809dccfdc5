/* libyaml's events become the tree of node.h; what strict files may not hold is refused here. */
#include "conf/node.h"

#include "base/fs.h"
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include <yaml.h>

enum { LARGEST_FILE = 4 << 20, DEEPEST = 50 };

struct builder {
	yaml_parser_t yaml;
	struct conf_document *doc;
	const char *text;
	int depth;
	struct err *err;
};

static bool fail_at(struct builder *b, yaml_mark_t mark, const char *message)
{
	err_set(b->err, ERR_CONFIG, "%s", message);
	return err_where(
		b->err, "%s:%d:%d", b->doc->path, (int)mark.line + 1, (int)mark.column + 1);
}

/* A byte that is no UTF-8 is reported by libyaml as an offset only. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset)
{
	yaml_mark_t mark = {.index = offset};
	for (size_t i = 0; i < offset; i++) {
		bool newline = text[i] == '\n';
		mark.line += newline;
		mark.column = newline ? 0 : mark.column + 1;
	}
	return mark;
}

static bool fail_yaml(struct builder *b)
{
	const yaml_parser_t *yaml = &b->yaml;
	yaml_mark_t mark = yaml->error == YAML_READER_ERROR
				   ? mark_of_offset(b->text, yaml->problem_offset)
				   : yaml->problem_mark;
	AUTO_FREE char *message =
		xstrfmt("not valid YAML: %s", yaml->problem ? yaml->problem : "unreadable");
	fail_at(b, mark, message);
	return yaml->context ? err_detail(b->err, "%s (line %d)", yaml->context,
				       (int)yaml->context_mark.line + 1)
			     : false;
}

static struct conf_node *new_node(struct builder *b, enum conf_kind kind, yaml_mark_t mark)
{
	struct conf_node *node = xcalloc(1, sizeof(*node));
	node->kind = kind;
	node->file = b->doc->path;
	node->directory = b->doc->directory;
	node->line = (int)mark.line + 1;
	node->column = (int)mark.column + 1;
	return node;
}

static void add_item(struct conf_node *parent, struct conf_node *item)
{
	xgrow(parent->items, parent->count, parent->alloc);
	parent->items[parent->count++] = item;
}

static bool plain_null(const char *text)
{
	return !strcmp(text, "~") || !strcmp(text, "null");
}

static bool scalar_text(struct builder *b, const yaml_event_t *event, char **text)
{
	const char *value = (const char *)event->data.scalar.value;
	if (strlen(value) != event->data.scalar.length)
		return fail_at(b, event->start_mark, "a NUL character cannot stand in a value");
	*text = xstrndup(value, event->data.scalar.length);
	return true;
}

static bool build_scalar(struct builder *b, const yaml_event_t *event, struct conf_node *node)
{
	if (!scalar_text(b, event, &node->text))
		return false;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!node->quoted && plain_null(node->text))
		node->text[0] = 0;
	return true;
}

static bool build_node(struct builder *b, const yaml_event_t *event, struct conf_node *parent,
	char *key, yaml_mark_t key_mark);

static bool next_event(struct builder *b, yaml_event_t *event)
{
	return yaml_parser_parse(&b->yaml, event) || fail_yaml(b);
}

static bool build_list(struct builder *b, struct conf_node *list)
{
	for (bool more = true; more;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		if (!next_event(b, &event))
			return false;
		more = event.type != YAML_SEQUENCE_END_EVENT;
		if (more && !build_node(b, &event, list, NULL, event.start_mark))
			return false;
	}
	return true;
}

static bool take_key(
	struct builder *b, const yaml_event_t *event, const struct conf_node *map, char **key)
{
	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(b, event->start_mark, "aliases (*name) are not allowed");
	if (event->type != YAML_SCALAR_EVENT)
		return fail_at(b, event->start_mark, "a key must be plain text");
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return fail_at(b, event->start_mark, "a key may have no anchor and no tag");
	if (!scalar_text(b, event, key))
		return false;
	const struct conf_node *first = conf_get(map, *key);
	if (!first)
		return true;
	AUTO_FREE char *message = xstrfmt(
		"key \"%s\" stands here a second time (first on line %d)", *key, first->key_line);
	return fail_at(b, event->start_mark, message);
}

static bool build_map(struct builder *b, struct conf_node *map)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t name = {0};
		CLEANUP(yaml_event_delete) yaml_event_t value = {0};
		AUTO_FREE char *key = NULL;
		if (!next_event(b, &name))
			return false;
		if (name.type == YAML_MAPPING_END_EVENT)
			return true;
		if (!take_key(b, &name, map, &key) || !next_event(b, &value) ||
			!build_node(b, &value, map, xtake(&key), name.start_mark))
			return false;
	}
}

static bool refuse_decorations(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(b, event->start_mark, "aliases (*name) are not allowed");
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return fail_at(b, event->start_mark, "anchors (&name) are not allowed");
	if (tag)
		return fail_at(b, event->start_mark, "tags (!name) are not allowed");
	if (b->depth >= DEEPEST)
		return fail_at(b, event->start_mark, "nested too deeply");
	return true;
}

/* The new node hangs in the tree before its children are read, so that failure frees it too. */
static bool build_node(struct builder *b, const yaml_event_t *event, struct conf_node *parent,
	char *key, yaml_mark_t key_mark)
{
	AUTO_FREE char *name = key;
	if (!refuse_decorations(b, event))
		return false;
	enum conf_kind kind = event->type == YAML_SEQUENCE_START_EVENT  ? CONF_LIST
			      : event->type == YAML_MAPPING_START_EVENT ? CONF_MAP
									: CONF_SCALAR;
	struct conf_node *node = new_node(b, kind, event->start_mark);
	if (parent)
		add_item(parent, node);
	else
		b->doc->root = node;
	node->key = xtake(&name);
	node->key_line = (int)key_mark.line + 1;
	node->key_column = (int)key_mark.column + 1;
	if (kind == CONF_SCALAR)
		return build_scalar(b, event, node);
	b->depth++;
	bool good = kind == CONF_MAP ? build_map(b, node) : build_list(b, node);
	b->depth--;
	return good;
}

static bool build_document(struct builder *b)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		if (!next_event(b, &event))
			return false;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			return b->doc->root || fail_at(b, event.start_mark, "the file is empty");
		case YAML_DOCUMENT_START_EVENT:
			if (b->doc->root)
				return fail_at(b, event.start_mark,
					"a second document (---) is not allowed in one file");
			break;
		default:
			if (!build_node(b, &event, NULL, NULL, event.start_mark))
				return false;
		}
	}
}

static char *absolute_directory(const char *path)
{
	AUTO_FREE char *directory = fs_dirname(path);
	AUTO_FREE char *resolved = realpath(directory, NULL);
	return xstrdup(resolved ? resolved : directory);
}

static bool parse(const char *path, char *directory, const char *text, size_t length,
	struct conf_document **doc, struct err *err)
{
	CLEANUP(conf_document_free_auto) struct conf_document *made = xcalloc(1, sizeof(*made));
	made->path = xstrdup(path);
	made->directory = directory;
	struct builder b = {.doc = made, .text = text, .err = err};
	if (!yaml_parser_initialize(&b.yaml))
		abort();
	yaml_parser_set_input_string(&b.yaml, (const unsigned char *)text, length);
	yaml_parser_set_encoding(&b.yaml, YAML_UTF8_ENCODING);
	bool good = build_document(&b);
	yaml_parser_delete(&b.yaml);
	if (good)
		*doc = xtake(&made);
	return good;
}

bool conf_document_parse(const char *path, const char *text, size_t length,
	struct conf_document **doc, struct err *err)
{
	return parse(path, xstrdup("."), text, length, doc, err);
}

bool conf_document_load(const char *path, struct conf_document **doc, struct err *err)
{
	AUTO_STRBUF(text);
	if (!fs_read(path, LARGEST_FILE, &text, err)) {
		err->code = ERR_CONFIG;
		return err_hint(err,
			"correct the path: in a file it is relative to that file's folder, "
			"on the command line to the current one");
	}
	return parse(path, absolute_directory(path), text.buf, text.len, doc, err);
}
