#include "restore/foreign_archive.h"
#include "restore/room.h"
#include "schema/toc.h"
#include <inttypes.h>

static void take_line(void *ctx, const char *line)
{
	toc_add_line(ctx, line);
}

static int by_oid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Tables that the archive itself makes; sorted, caller owns. */
static uint32_t *made_tables(const struct toc *toc, size_t *count)
{
	uint32_t *oids = xcalloc(toc->count + 1, sizeof(oids[0]));
	*count = 0;
	for (size_t i = 0; i < toc->count; i++)
		if (toc->items[i].kind == TOC_TABLE)
			oids[(*count)++] = toc->items[i].oid;
	qsort(oids, *count, sizeof(oids[0]), by_oid);
	return oids;
}

/* Two lists: rows of tables that an extension makes, and all else. */
static size_t divide(const struct toc *toc, struct strbuf *first, struct strbuf *rest)
{
	size_t count, found = 0;
	AUTO_FREE uint32_t *made = made_tables(toc, &count);
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *entry = &toc->items[i];
		bool of_extension = entry->kind == TOC_TABLE_DATA &&
				    !bsearch(&entry->oid, made, count, sizeof(made[0]), by_oid);
		found += of_extension;
		strbuf_addf(of_extension ? first : rest, "%" PRId64 ";\n", entry->id);
	}
	return found;
}

bool foreign_archive_load(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_facts *facts, struct db *server, const char *database, struct err *err)
{
	static const char *const all[] = {NULL}, *const pre[] = {"--section=pre-data", NULL},
				 *const data[] = {"--section=data", NULL},
				 *const rest[] = {"--section=data", "--section=post-data", NULL};
	CLEANUP(toc_release) struct toc toc = {0};
	AUTO_STRBUF(first_list);
	AUTO_STRBUF(rest_list);
	struct restore_settings alone = *settings;
	alone.workers = 1;
	if (settings->workers > 1 && facts->extensions.count &&
		!restore_ddl_archive_list(settings, dump->path, take_line, &toc, err))
		return false;
	if (divide(&toc, &first_list, &rest_list) < 2)
		return restore_ddl_archive(settings, server, database, dump->path, all, NULL, err);
	return restore_ddl_archive(&alone, server, database, dump->path, pre, NULL, err) &&
	       restore_ddl_archive(
		       &alone, server, database, dump->path, data, first_list.buf, err) &&
	       restore_ddl_archive(
		       settings, server, database, dump->path, rest, rest_list.buf, err);
}
