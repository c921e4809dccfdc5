#include "backup/marks.h"

#include "backup/catalog.h"

enum { MARK_MAX = 1 << 20 };

char *backup_mark_name(const char *file, const char *mark)
{
	size_t length = strlen(file);
	if (str_ends(file, BACKUP_SUFFIX))
		length -= strlen(BACKUP_SUFFIX);
	return xstrfmt("%.*s.%s.json", (int)length, file, mark);
}

static bool put(struct store *store, const char *name, const json_t *fields, struct err *err)
{
	AUTO_FREE char *text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return err_set(err, ERR_BUG, "a mark does not become JSON: %s", name);
	return store->ops->put(store, name, text, strlen(text), err);
}

static bool get(struct store *store, const char *name, json_t **fields, struct err *err)
{
	CLEANUP(io_reader_close_auto) struct io_reader *reader = NULL;
	AUTO_ERR(why);
	*fields = NULL;
	if (!store->ops->open(store, name, &reader, &why))
		return why.code == ERR_NOTFOUND || err_move(err, &why);
	int64_t size = io_size(reader);
	if (size > MARK_MAX)
		return err_set(err, ERR_CORRUPT, "%s is no mark: too large", reader->name);
	AUTO_FREE char *text = xcalloc((size_t)size + 1, 1);
	if (!io_read_at(reader, 0, text, (size_t)size, err))
		return false;
	*fields = json_loads(text, 0, NULL);
	return *fields || err_set(err, ERR_CORRUPT, "%s is no mark: not JSON", reader->name);
}

bool backup_mark_set(struct store *store, const char *file, const char *mark, const json_t *fields,
	struct err *err)
{
	AUTO_FREE char *name = backup_mark_name(file, mark);
	return put(store, name, fields, err);
}

bool backup_mark_get(
	struct store *store, const char *file, const char *mark, json_t **fields, struct err *err)
{
	AUTO_FREE char *name = backup_mark_name(file, mark);
	return get(store, name, fields, err);
}

bool backup_mark_clear(struct store *store, const char *file, const char *mark, struct err *err)
{
	AUTO_FREE char *name = backup_mark_name(file, mark);
	AUTO_ERR(why);
	return store->ops->remove(store, name, &why) || why.code == ERR_NOTFOUND ||
	       err_move(err, &why);
}

bool backup_mark_copy(struct store *from, const char *file, struct store *to, const char *copy,
	const char *mark, struct err *err)
{
	json_t *fields;
	if (!backup_mark_get(from, file, mark, &fields, err))
		return false;
	bool ok = !fields || backup_mark_set(to, copy, mark, fields, err);
	json_decref(fields);
	return ok;
}
