#include "base/fs.h"
#include "base/sha256.h"
#include "play/playbook.h"
#include <regex.h>
#include <stddef.h>

#define FIELD(key, type, member) \
	{ \
		key, type, offsetof(struct play_book, member), false, NULL \
	}

static const struct conf_field book_fields[] = {
	{"mig", CONF_INT, offsetof(struct play_book, version), true, NULL},
	{"name", CONF_TEXT, offsetof(struct play_book, name), true, NULL},
	{"steps", CONF_NODE, offsetof(struct play_book, steps_node), true, NULL},
	FIELD("owner", CONF_TEXT, owner),
	FIELD("runbook", CONF_TEXT, runbook),
	FIELD("timeout", CONF_DURATION, timeout_ms),
	FIELD("inputs", CONF_NODE, inputs_node),
	FIELD("secrets", CONF_STRINGS, secrets),
	FIELD("gates", CONF_NODE, gates_node),
	FIELD("on_failure", CONF_NODE, ladder_node),
	FIELD("recovered", CONF_NODE, recovered_node),
	FIELD("always", CONF_NODE, always_node),
	FIELD("notify", CONF_NODE, notify_node),
};

static const struct conf_field input_fields[] = {
	{"match", CONF_TEXT, offsetof(struct play_input, match), true, NULL},
	{"default", CONF_STRING, offsetof(struct play_input, fallback), false, NULL},
	{"help", CONF_TEXT, offsetof(struct play_input, help), false, NULL},
};

struct receivers {
	struct strvec events[PLAY_EVENTS];
};

static const struct conf_field notify_fields[] = {
	{"start", CONF_STRINGS, offsetof(struct receivers, events[PLAY_ON_START]), false, NULL},
	{"failure", CONF_STRINGS, offsetof(struct receivers, events[PLAY_ON_FAILURE]), false, NULL},
	{"success", CONF_STRINGS, offsetof(struct receivers, events[PLAY_ON_SUCCESS]), false, NULL},
	{"in_doubt", CONF_STRINGS, offsetof(struct receivers, events[PLAY_ON_DOUBT]), false, NULL},
};

static const char *const later[] = {"watch", "window", "hooks"};

/* --- patterns and inputs ---------------------------------------------------------------------- */

static bool compile(regex_t *compiled, const char *pattern)
{
	AUTO_FREE char *whole = xstrfmt("^(%s)$", pattern);
	return regcomp(compiled, whole, REG_EXTENDED | REG_NOSUB) == 0;
}

bool play_match(const char *pattern, const char *text)
{
	regex_t compiled;
	if (!compile(&compiled, pattern))
		return false;
	bool fits = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return fits;
}

bool play_pattern_good(const char *pattern)
{
	regex_t compiled;
	if (!compile(&compiled, pattern))
		return false;
	regfree(&compiled);
	return true;
}

static bool read_input(struct play_input *input, const struct conf_node *node, struct err *err)
{
	input->name = node->key;
	input->node = node;
	if (node->key[strspn(node->key, "abcdefghijklmnopqrstuvwxyz0123456789_")] || !node->key[0])
		return conf_error(
			node, err, "\"%s\": an input's name has a-z, 0-9 and _", node->key);
	if (node->kind != CONF_MAP)
		return conf_error(node, err, "an input is a map: {match: PATTERN, default: VALUE}");
	if (!conf_read(node, input_fields, ARRAY_SIZE(input_fields), input, err))
		return false;
	if (!play_pattern_good(input->match))
		return conf_error(conf_get(node, "match"), err,
			"\"%s\" is not a POSIX extended expression", input->match);
	if (input->fallback && !play_match(input->match, input->fallback))
		return conf_error(conf_get(node, "default"), err,
			"the default \"%s\" does not match %s", input->fallback, input->match);
	return true;
}

static bool read_inputs(struct play_book *book, struct err *err)
{
	const struct conf_node *node = book->inputs_node;
	if (!node)
		return true;
	if (node->kind != CONF_MAP)
		return conf_error(node, err, "inputs is a map: {NAME: {match: PATTERN}}");
	book->inputs = xcalloc(node->count + 1, sizeof(*book->inputs));
	book->input_count = node->count;
	for (size_t i = 0; i < node->count; i++)
		if (!read_input(&book->inputs[i], node->items[i], err))
			return false;
	return true;
}

static const struct play_input *find_input(const struct play_book *book, const char *name)
{
	for (size_t i = 0; i < book->input_count; i++)
		if (str_equal(book->inputs[i].name, name))
			return &book->inputs[i];
	return NULL;
}

static bool unknown_input(const struct play_book *book, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < book->input_count; i++)
		strvec_push(&names, book->inputs[i].name);
	AUTO_FREE char *list = strvec_join(&names, ", ");
	err_set(err, ERR_USAGE, "playbook %s has no input \"%s\"", book->name, name);
	return err_hint(err, names.count ? "its inputs: %s" : "it takes none%s", list);
}

static bool take_input(
	const struct play_book *book, const char *word, json_t *values, struct err *err)
{
	const char *equals = strchr(word, '=');
	if (!equals)
		return err_set(err, ERR_USAGE, "\"%s\" is not NAME=VALUE", word);
	AUTO_FREE char *name = xstrndup(word, (size_t)(equals - word));
	const struct play_input *input = find_input(book, name);
	if (!input)
		return unknown_input(book, name, err);
	if (json_object_get(values, name))
		return err_set(err, ERR_USAGE, "input %s is given twice", name);
	if (!play_match(input->match, equals + 1))
		return err_set(err, ERR_USAGE, "input %s: \"%s\" does not match %s", name,
			equals + 1, input->match);
	json_object_set_new(values, name, json_string(equals + 1));
	return true;
}

bool play_book_inputs(
	const struct play_book *book, const struct strvec *words, json_t **values, struct err *err)
{
	*values = json_object();
	STRVEC_EACH (words, word)
		if (!take_input(book, word, *values, err))
			return false;
	for (size_t i = 0; i < book->input_count; i++) {
		const struct play_input *input = &book->inputs[i];
		if (json_object_get(*values, input->name))
			continue;
		if (!input->fallback) {
			err_set(err, ERR_USAGE, "playbook %s needs the input %s", book->name,
				input->name);
			err_detail(err, "it must match %s", input->match);
			return err_hint(err, "mig-run %s %s=VALUE", book->doc->path, input->name);
		}
		json_object_set_new(*values, input->name, json_string(input->fallback));
	}
	return true;
}

/* --- the whole file --------------------------------------------------------------------------- */

static bool read_ladder(struct play_book *book, struct err *err)
{
	static const char *const words[] = {"undo", "restore"};
	const struct conf_node *node = book->ladder_node;
	if (!node) {
		book->ladder[book->ladder_count++] = PLAY_RUNG_UNDO;
		return true;
	}
	if (node->kind != CONF_LIST)
		return conf_error(node, err, "on_failure is a list of rungs: [undo, restore]");
	CONF_EACH (node, rung) {
		size_t i = 0;
		while (i < ARRAY_SIZE(words) && !str_equal(words[i], rung->text))
			i++;
		if (str_equal(rung->text, "traffic"))
			return conf_error(
				rung, err, "rung \"traffic\" is not available in this version yet");
		if (i == ARRAY_SIZE(words))
			return conf_error(
				rung, err, "a rung is undo or restore, not \"%s\"", rung->text);
		for (size_t k = 0; k < book->ladder_count; k++)
			if (book->ladder[k] == (enum play_rung)i)
				return conf_error(rung, err, "rung %s stands twice", words[i]);
		book->ladder[book->ladder_count++] = (enum play_rung)i;
	}
	return true;
}

static bool read_notify(struct play_book *book, struct err *err)
{
	struct receivers receivers = {0};
	if (!book->notify_node)
		return true;
	if (book->notify_node->kind != CONF_MAP)
		return conf_error(
			book->notify_node, err, "notify is a map: {failure: [receiver ..]}");
	bool good = conf_read(
		book->notify_node, notify_fields, ARRAY_SIZE(notify_fields), &receivers, err);
	for (size_t i = 0; i < PLAY_EVENTS; i++)
		book->notify[i] = receivers.events[i];
	return good;
}

static char *file_digest(const char *path)
{
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	if (!fs_read(path, 0, &text, &ignored))
		return xstrdup("");
	char hex[SHA256_TEXT];
	sha256_text(text.buf, text.len, hex);
	return xstrdup(hex);
}

static bool book_read(struct play_book *book, struct err *err)
{
	const struct conf_node *root = book->doc->root;
	const char *directory = book->doc->directory;
	if (!conf_is(root, CONF_MAP))
		return conf_error(root, err, "a playbook is a map: mig, name, steps");
	if (!play_not_yet(root, later, ARRAY_SIZE(later), err) ||
		!conf_read(root, book_fields, ARRAY_SIZE(book_fields), book, err))
		return false;
	if (book->version != 1)
		return conf_error(conf_get(root, "mig"), err, "this program reads version 1");
	return read_inputs(book, err) &&
	       play_steps_read(book->gates_node, "gates", directory, &book->gates, err) &&
	       play_steps_read(book->steps_node, "steps", directory, &book->steps, err) &&
	       play_steps_read(book->always_node, "always", directory, &book->always, err) &&
	       read_ladder(book, err) && read_notify(book, err) &&
	       (!book->recovered_node ||
		       play_checks_read(book->recovered_node, directory, &book->recovered, err)) &&
	       play_refs_check(book, err);
}

bool play_book_load(const char *path, struct play_book **book, struct err *err)
{
	struct play_book *made = xcalloc(1, sizeof(*made));
	if (!conf_document_load(path, &made->doc, err) || !book_read(made, err)) {
		play_book_free(made);
		return false;
	}
	made->digest = file_digest(path);
	*book = made;
	return true;
}

void play_book_free(struct play_book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->input_count; i++)
		conf_release(input_fields, ARRAY_SIZE(input_fields), &book->inputs[i]);
	free(book->inputs);
	play_steps_release(&book->gates);
	play_steps_release(&book->steps);
	play_steps_release(&book->always);
	play_checks_release(&book->recovered);
	for (size_t i = 0; i < PLAY_EVENTS; i++)
		strvec_release(&book->notify[i]);
	free(book->digest);
	conf_release(book_fields, ARRAY_SIZE(book_fields), book);
	conf_document_free(book->doc);
	free(book);
}

const struct play_step *play_book_step(const struct play_book *book, const char *id)
{
	const struct play_steps *lists[] = {&book->gates, &book->steps, &book->always};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t k = 0; k < lists[i]->count; k++)
			if (str_equal(lists[i]->items[k].id, id))
				return &lists[i]->items[k];
	return NULL;
}

bool play_book_has_pivot(const struct play_book *book)
{
	return play_book_pivot(book) < book->steps.count;
}

bool play_book_before_pivot(const struct play_book *book, const struct play_step *step)
{
	const struct play_step *first = book->steps.items;
	return play_book_has_pivot(book) && step >= first && step < first + play_book_pivot(book);
}

size_t play_book_pivot(const struct play_book *book)
{
	size_t i = 0;
	while (i < book->steps.count && !book->steps.items[i].pivot)
		i++;
	return i;
}
