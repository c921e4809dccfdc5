#include "backup/create_room.h"
#include "restore/room.h"
#include "restore/text.h"

/* The statements that make the large objects, sorted: in what order they stand says nothing. */
static void statements(const char *text, struct strvec *lines)
{
	strvec_split(lines, text, '\n');
	strvec_sort(lines);
}

/* What is only in a. */
static void say_alone(
	const struct strvec *a, const struct strvec *b, const char *what, struct strvec *different)
{
	size_t j = 0;
	for (size_t i = 0; i < a->count; i++) {
		/* earlier versions named no grantors: what two gave to the same is given once */
		if (i && str_equal(a->items[i], a->items[i - 1]))
			continue;
		while (j < b->count && strcmp(b->items[j], a->items[i]) < 0)
			j++;
		if (j == b->count || !str_equal(b->items[j], a->items[i]))
			strvec_pushf(different, "large objects: %s %s", what, a->items[i]);
	}
}

bool restore_prove_large(const struct restore_settings *settings, struct db *db,
	struct strvec *different, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRBUF(held);
	AUTO_STRBUF(found);
	AUTO_STRVEC(wanted);
	AUTO_STRVEC(got);
	int64_t count;
	/* with other roles the statements are others on purpose */
	if (!manifest->large_objects || (settings->role_map && settings->role_map->count))
		return true;
	if (!pack_reader_text(settings->reader, PACK_LARGE_OBJECTS, &held, err) ||
		!create_large_text(db, manifest, &found, &count, err) ||
		!restore_text_map(NULL, settings->no_security_labels, &held, err) ||
		!restore_text_map(NULL, settings->no_security_labels, &found, err))
		return err_context(err, "large objects");
	statements(held.buf, &wanted);
	statements(found.buf, &got);
	say_alone(&wanted, &got, "missing", different);
	say_alone(&got, &wanted, "added", different);
	return true;
}
