/*
 * The pin is written into mig.yaml as a person would: one line, everything else stays as it is. The
 * new text is read again, and must be the old tree with nothing but the pin changed.
 */
#include "base/fs.h"
#include "conf/file.h"

/* Offset of a node's first character; past the end when lines are counted differently. */
static size_t offset_of(const char *text, int line, int column)
{
	const char *c = text;
	for (; line > 1 && *c; line--) {
		c += strcspn(c, "\n");
		c += *c == '\n';
	}
	for (; column > 1 && *c; column--)
		for (c++; ((unsigned char)*c & 0xC0) == 0x80;)
			c++;
	return (size_t)(c - text);
}

/* With both quotes; a doubled single quote and what follows a backslash do not end it. */
static size_t quoted_length(const char *text)
{
	const char *c = text + 1;
	while (*c && (*c != *text || (*text == '\'' && c[1] == '\'')))
		c += (*c == *text || (*c == '\\' && *text == '"')) && c[1] ? 2 : 1;
	return (size_t)(c - text) + (*c != 0);
}

static char *quoted(const char *value)
{
	json_t *string = json_string(value);
	char *text = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	json_decref(string);
	return text;
}

static void splice(struct strbuf *text, size_t at, size_t length, const char *with)
{
	AUTO_STRBUF(out);
	strbuf_add(&out, text->buf, at);
	strbuf_adds(&out, with);
	strbuf_adds(&out, text->buf + at + length);
	strbuf_reset(text);
	strbuf_add(text, out.buf, out.len);
}

static void replace_scalar(struct strbuf *text, const struct conf_node *node, const char *value)
{
	AUTO_FREE char *with = quoted(value);
	size_t at = offset_of(text->buf, node->line, node->column);
	size_t length = node->quoted ? quoted_length(text->buf + at) : strlen(node->text);
	splice(text, at, length, with);
}

/* From the last place to the first, so that the places before stay true. */
static void replace_pin(
	struct strbuf *text, const struct conf_node *node, const struct conf_pin *pin)
{
	for (size_t i = node->count; i-- > 0;) {
		const struct conf_node *item = node->items[i];
		const char *value = !strcmp(item->key, "system")   ? pin->system
				    : !strcmp(item->key, "dbname") ? pin->dbname
				    : !strcmp(item->key, "host")   ? pin->host
								   : pin->port;
		if (value)
			replace_scalar(text, item, value);
	}
}

static char *pin_line(const struct conf_pin *pin)
{
	AUTO_FREE char *system = quoted(pin->system);
	AUTO_FREE char *dbname = quoted(pin->dbname);
	AUTO_FREE char *host = pin->host ? quoted(pin->host) : NULL;
	AUTO_FREE char *port = pin->port ? quoted(pin->port) : NULL;
	bool placed = host && port;
	return xstrfmt("pin: {system: %s, dbname: %s%s%s%s%s}", system, dbname,
		placed ? ", host: " : "", placed ? host : "", placed ? ", port: " : "",
		placed ? port : "");
}

static void insert_pin(struct strbuf *text, const struct conf_node *env, const struct conf_pin *pin)
{
	AUTO_FREE char *line = pin_line(pin);
	size_t at = offset_of(text->buf, env->line, env->column);
	if (text->buf[at] == '{') {
		AUTO_FREE char *with = xstrfmt("%s%s", line, env->count ? ", " : "");
		splice(text, at + 1, 0, with);
		return;
	}
	const struct conf_node *first = env->items[0];
	AUTO_FREE char *with = xstrfmt("%s\n%*s", line, first->key_column - 1, "");
	splice(text, offset_of(text->buf, first->key_line, first->key_column), 0, with);
}

/* The tree that must come out. New reference. */
static json_t *expected_tree(const struct conf_document *doc, const struct conf_pin *pin)
{
	json_t *tree = conf_to_json(doc->root);
	json_t *env = json_object_get(json_object_get(tree, "environments"), pin->env);
	json_t *map = json_object_get(env, "pin");
	if (!map)
		json_object_set_new(env, "pin", map = json_object());
	bool fresh = !json_object_size(map);
	json_object_set_new(map, "system", json_string(pin->system));
	json_object_set_new(map, "dbname", json_string(pin->dbname));
	if (pin->host && (fresh || json_object_get(map, "host")))
		json_object_set_new(map, "host", json_string(pin->host));
	if (pin->port && (fresh || json_object_get(map, "port")))
		json_object_set_new(map, "port", json_string(pin->port));
	return tree;
}

static bool reads_as(const char *path, const struct strbuf *text, const json_t *expected)
{
	AUTO_ERR(ignored);
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	if (!conf_document_parse(path, text->buf, text->len, &doc, &ignored))
		return false;
	json_t *tree = conf_to_json(doc->root);
	bool equal = json_equal(tree, expected);
	json_decref(tree);
	return equal;
}

static bool edit_by_hand(const char *path, const struct conf_pin *pin, struct err *err)
{
	AUTO_FREE char *line = pin_line(pin);
	err_set(err, ERR_FAILED, "%s is written in a way that cannot be edited safely", path);
	return err_hint(err, "put this line under environment %s yourself: %s", pin->env, line);
}

static bool is_utf8(const struct conf_pin *pin, struct err *err)
{
	AUTO_FREE char *name = quoted(pin->dbname);
	return name || err_set(err, ERR_FAILED,
			       "the database's name is not UTF-8 and cannot stand in a file");
}

bool conf_pin_edit(
	const char *path, const struct conf_pin *pin, struct strbuf *text, struct err *err)
{
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	if (!fs_read(path, 0, text, err) || !is_utf8(pin, err) ||
		!conf_document_parse(path, text->buf, text->len, &doc, err))
		return false;
	const struct conf_node *env = conf_get(conf_get(doc->root, "environments"), pin->env);
	const struct conf_node *node = conf_get(env, "pin");
	if (!conf_is(env, CONF_MAP))
		return err_set(err, ERR_CONFIG, "%s has no environment %s", path, pin->env);
	if (node)
		replace_pin(text, node, pin);
	else
		insert_pin(text, env, pin);
	json_t *expected = expected_tree(doc, pin);
	bool good = reads_as(path, text, expected) || edit_by_hand(path, pin, err);
	json_decref(expected);
	return good;
}
