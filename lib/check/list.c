/* Lists of checks: from files, and from nodes that mix names of files with checks. */
#include "check/kind.h"

#include "base/fs.h"

struct file {
	const struct conf_node *version;
	const struct conf_node *checks;
};

static const struct conf_field file_fields[] = {
	{"mig", CONF_NODE, offsetof(struct file, version)},
	{"checks", CONF_NODE, offsetof(struct file, checks), .required = true},
};

static bool add_check(const struct conf_node *node, struct check_list *list, struct err *err)
{
	struct check *check = NULL;
	if (!check_parse(node, &check, err))
		return false;
	xgrow(list->items, list->count, list->alloc);
	list->items[list->count++] = check;
	return true;
}

static bool no_checks(const struct conf_node *node, struct err *err)
{
	conf_error(node, err, "no checks: an empty list checks nothing");
	return err_hint(err, "- http: {get: /health}\n  expect: {status: 200}");
}

/* In a file, every item is a check: files do not name further files. */
static bool add_file(const struct conf_document *doc, struct check_list *list, struct err *err)
{
	struct file file = {0};
	if (!conf_is(doc->root, CONF_MAP)) {
		conf_error(doc->root, err, "a file of checks begins with checks:");
		return err_hint(
			err, "checks:\n  - http: {get: /health}\n    expect: {status: 200}");
	}
	if (!conf_read(doc->root, file_fields, ARRAY_SIZE(file_fields), &file, err))
		return false;
	if (file.version &&
		!(conf_is(file.version, CONF_SCALAR) && str_equal(file.version->text, "1")))
		return conf_error(
			file.version, err, "this program reads files of version 1 (mig: 1)");
	if (!conf_is(file.checks, CONF_LIST) || file.checks->count == 0)
		return no_checks(file.checks, err);
	CONF_EACH (file.checks, item)
		if (!add_check(item, list, err))
			return false;
	return true;
}

bool check_list_load(const char *path, struct check_list *list, struct err *err)
{
	struct conf_document *doc = NULL;
	if (!conf_document_load(path, &doc, err))
		return false;
	xgrow(list->documents, list->document_count, list->document_alloc);
	list->documents[list->document_count++] = doc;
	return add_file(doc, list, err);
}

static bool load_named(const struct conf_node *node, struct check_list *list, struct err *err)
{
	AUTO_FREE char *path = conf_path(node, node->text);
	/* A missing file is a mistake in the text that names it. */
	if (!fs_exists(path))
		return conf_error(node, err, "no file of checks %s", path);
	return check_list_load(path, list, err);
}

static bool add_item(const struct conf_node *node, struct check_list *list, struct err *err)
{
	if (conf_is(node, CONF_SCALAR) && node->text[0])
		return load_named(node, list, err);
	return add_check(node, list, err);
}

bool check_list_parse(const struct conf_node *node, struct check_list *list, struct err *err)
{
	if (conf_is(node, CONF_SCALAR) && node->text[0])
		return load_named(node, list, err);
	if (!conf_is(node, CONF_LIST) || node->count == 0)
		return no_checks(node, err);
	CONF_EACH (node, item)
		if (!add_item(item, list, err))
			return false;
	return true;
}

bool check_list_needs_database(const struct check_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->kind->database)
			return true;
	return false;
}

const char *check_list_name(const struct check_list *list, size_t index)
{
	return list->items[index]->name;
}

const char *check_list_kind(const struct check_list *list, size_t index)
{
	return list->items[index]->kind->name;
}

void check_list_release(struct check_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_free(list->items[i]);
	for (size_t i = 0; i < list->document_count; i++)
		conf_document_free(list->documents[i]);
	free(list->items);
	free(list->documents);
	*list = (struct check_list){0};
}
