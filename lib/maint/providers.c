#include "maint/providers.h"

#include "base/fs.h"
#include "base/suggest.h"

static const struct maint_row *const rows[] = {
	&maint_file,
	&maint_command,
	&maint_read_only,
	&maint_no_connections,
};

const char *maint_gives_word(enum maint_gives gives)
{
	static const char *const words[] = {"tells", "advice", "fence"};
	return words[gives];
}

const char *maint_switch_word(enum maint_switch is)
{
	static const char *const words[] = {"off", "on", "unknown"};
	return words[is];
}

bool maint_was_on(const json_t *before)
{
	return str_equal(json_string_value(json_object_get(before, "was")), "on");
}

static bool unknown_key(
	const struct conf_node *item, const struct conf_node *first, struct err *err)
{
	const char *keys[ARRAY_SIZE(rows)];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		keys[i] = rows[i]->key;
	const char *near = suggest_nearest(first->key, keys, ARRAY_SIZE(rows));
	conf_error(item, err, "no maintenance provider is called \"%s\"", first->key);
	return near ? err_hint(err, "did you mean %s?", near)
		    : err_hint(err, "there are: file, command, database");
}

static bool unknown_word(
	const struct conf_node *first, const struct maint_row *like, struct err *err)
{
	AUTO_STRBUF(words);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i]->key, like->key) == 0)
			strbuf_addf(&words, "%s%s", words.len ? " or " : "", rows[i]->word);
	return conf_error(first, err, "%s takes %s, not \"%s\"", like->key, words.buf,
		first->text ? first->text : "");
}

static bool find_row(const struct conf_node *item, const struct maint_row **row, struct err *err)
{
	if (!conf_is(item, CONF_MAP) || item->count == 0)
		return conf_error(item, err, "expected a provider, for example {file: PATH}");
	const struct conf_node *first = item->items[0];
	const struct maint_row *same_key = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i]->key, first->key) != 0)
			continue;
		same_key = rows[i];
		*row = rows[i];
		if (!rows[i]->word ||
			(conf_is(first, CONF_SCALAR) && str_equal(rows[i]->word, first->text)))
			return true;
	}
	return same_key ? unknown_word(first, same_key, err) : unknown_key(item, first, err);
}

static bool parse(const struct conf_node *item, const char *directory,
	struct maint_provider **provider, struct err *err)
{
	CLEANUP(maint_provider_free_auto) struct maint_provider *made = xcalloc(1, sizeof(*made));
	if (!find_row(item, &made->row, err))
		return false;
	made->config = xcalloc(1, made->row->size);
	made->directory = xstrdup(directory);
	made->item = conf_to_json(item);
	if (!conf_read(item, made->row->fields, made->row->field_count, made->config, err) ||
		!made->row->check(made->config, item, directory, err))
		return false;
	made->name = made->row->describe(made->config);
	*provider = xtake(&made);
	return true;
}

void maint_provider_free(struct maint_provider *provider)
{
	if (!provider)
		return;
	if (provider->config) {
		if (provider->row->release)
			provider->row->release(provider->config);
		conf_release(provider->row->fields, provider->row->field_count, provider->config);
		free(provider->config);
	}
	free(provider->name);
	json_decref(provider->item);
	free(provider->directory);
	conf_document_free(provider->doc);
	free(provider);
}

void maint_providers_release(struct maint_providers *providers)
{
	for (size_t i = 0; i < providers->count; i++)
		maint_provider_free(providers->items[i]);
	free(providers->items);
	*providers = (struct maint_providers){0};
}

static bool add(struct maint_providers *providers, const struct conf_node *item,
	const char *directory, struct err *err)
{
	CLEANUP(maint_provider_free_auto) struct maint_provider *provider = NULL;
	if (!parse(item, directory, &provider, err))
		return false;
	if (maint_providers_find(providers, provider->name))
		return conf_error(item, err, "%s is listed twice", provider->name);
	xgrow(providers->items, providers->count, providers->alloc);
	providers->items[providers->count++] = xtake(&provider);
	return true;
}

bool maint_providers_load(
	const struct conf_env *env, struct maint_providers *providers, struct err *err)
{
	if (!env->maintenance)
		return true;
	if (!conf_is(env->maintenance, CONF_LIST))
		return conf_error(env->maintenance, err,
			"expected a list of providers, for example [{file: "
			"/run/shop/maintenance}]");
	AUTO_FREE char *directory = fs_dirname(env->config_path);
	CONF_EACH (env->maintenance, item)
		if (!add(providers, item, directory, err))
			return false;
	return true;
}

/* JSON is YAML, so what was recorded is read as what was written by hand. */
bool maint_provider_recall(const json_t *entry, struct maint_provider **provider, struct err *err)
{
	AUTO_FREE char *text = json_dumps(json_object_get(entry, "item"), JSON_ENSURE_ASCII);
	const char *directory = json_string_value(json_object_get(entry, "directory"));
	CLEANUP(conf_document_free_auto) struct conf_document *doc = NULL;
	if (!text || !directory)
		return err_set(
			err, ERR_CORRUPT, "the record of a maintenance provider is incomplete");
	if (!conf_document_parse("recorded maintenance", text, strlen(text), &doc, err) ||
		!parse(doc->root, directory, provider, err))
		return false;
	(*provider)->doc = xtake(&doc);
	return true;
}

const struct maint_provider *maint_providers_find(
	const struct maint_providers *providers, const char *name)
{
	for (size_t i = 0; i < providers->count; i++)
		if (strcmp(providers->items[i]->name, name) == 0)
			return providers->items[i];
	return NULL;
}

bool maint_providers_check_only(const struct strvec *only, struct err *err)
{
	if (!only)
		return true;
	STRVEC_EACH (only, name) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			known = known || strcmp(rows[i]->key, name) == 0;
		if (known)
			continue;
		err_set(err, ERR_USAGE, "no maintenance provider is called \"%s\"", name);
		return err_hint(err, "there are: file, command, database");
	}
	return true;
}

bool maint_provider_chosen(const struct maint_provider *provider, const struct strvec *only)
{
	return !only || only->count == 0 || strvec_has(only, provider->row->key);
}

enum maint_switch maint_provider_status(
	const struct maint_provider *provider, const struct maint_site *site, char **why)
{
	AUTO_ERR(err);
	enum maint_switch is = MAINT_IS_UNKNOWN;
	if (provider->row->in_database && !site->db) {
		*why = xstrdup("the database is unreachable");
		return MAINT_IS_UNKNOWN;
	}
	if (provider->row->status(site, provider->config, &is, why, &err))
		return is;
	free(*why);
	*why = xstrdup(err.msg);
	return MAINT_IS_UNKNOWN;
}
