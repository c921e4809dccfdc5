#include "store/store.h"

const struct store_row store_rows[] = {
	{"", "a folder of this machine", store_file_open},
	{"file", "the same, as file:///PATH", store_file_open},
};
const size_t store_row_count = ARRAY_SIZE(store_rows);

void store_file_release(struct store_file *file)
{
	free(file->name);
	*file = (struct store_file){0};
}

void store_files_release(struct store_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		store_file_release(&files->items[i]);
	free(files->items);
	*files = (struct store_files){0};
}

static bool unknown_scheme(
	const struct store_settings *settings, const char *scheme, struct err *err)
{
	err_set(err, ERR_CONFIG, "store %s: no store for %s:// is known", settings->name, scheme);
	return err_hint(err, "give the absolute path of a folder, or file:///PATH");
}

bool store_open(const struct store_settings *settings, struct store **store, struct err *err)
{
	const char *mark = strstr(settings->url, "://");
	AUTO_FREE char *scheme = xstrndup(settings->url, mark ? (size_t)(mark - settings->url) : 0);
	for (size_t i = 0; i < store_row_count; i++)
		if (strcmp(store_rows[i].scheme, scheme) == 0)
			return store_rows[i].open(settings, store, err);
	return unknown_scheme(settings, scheme, err);
}

void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}
