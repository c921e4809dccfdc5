#include "restore/cat_tables.h"

#include <inttypes.h>

#include "restore/text.h"
#include "schema/toc.h"

/* What is known of an entry of the archive. */
enum {
	NEEDED = 1, /* something that is chosen needs it */
	CHOSEN = 2, /* and what is its own comes along */
};

struct choosing {
	struct toc toc;
	struct strvec words; /* by entry: "TABLE public orders owner" */
	unsigned char *marks; /* by entry */
};

static void choosing_release(struct choosing *choosing)
{
	toc_release(&choosing->toc);
	strvec_release(&choosing->words);
	free(choosing->marks);
}

void cat_definitions_release(struct cat_definitions *definitions)
{
	strbuf_release(&definitions->pre);
	strbuf_release(&definitions->post);
	strbuf_release(&definitions->sequences);
}

/* --- the archive's list ----------------------------------------------------------------------- */

/* Behind "215; 1259 16386 ". */
static const char *words_of(const char *line)
{
	line += strcspn(line, ";");
	line += strspn(line, "; ");
	for (int number = 0; number < 2; number++) {
		line += strspn(line, "0123456789");
		line += strspn(line, " ");
	}
	return line;
}

static bool read_list(
	const struct restore_settings *settings, struct choosing *choosing, struct err *err)
{
	static const char *const words[] = {"--list", "--verbose", NULL};
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	if (!restore_text_read(settings, words, NULL, &text, err))
		return false;
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line) {
		size_t before = choosing->toc.count;
		toc_add_line(&choosing->toc, line);
		if (choosing->toc.count > before)
			strvec_push(&choosing->words, words_of(line));
	}
	choosing->marks = xcalloc(choosing->toc.count + 1, 1);
	return true;
}

/* --- choosing --------------------------------------------------------------------------------- */

/* Kinds of entries that are of the table which they need. */
static bool is_part(const char *words)
{
	static const char *const kinds[] = {"DEFAULT ", "CONSTRAINT ", "CHECK CONSTRAINT ",
		"FK CONSTRAINT ", "INDEX ", "TABLE ATTACH ", "TRIGGER ", "RULE ", "POLICY ",
		"ROW SECURITY ", "STATISTICS ", "SEQUENCE ", "COMMENT ", "ACL ", "SECURITY LABEL "};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(words, kinds[i]))
			return true;
	return false;
}

static size_t place_of(struct choosing *choosing, int64_t id)
{
	const struct toc_entry *entry = toc_find(&choosing->toc, id);
	return entry ? (size_t)(entry - choosing->toc.items) : SIZE_MAX;
}

/* It belongs to something chosen, and to no table that is not. */
static bool comes_along(struct choosing *choosing, const struct toc_entry *entry, const char *words)
{
	bool of_chosen = false;
	if (entry->kind == TOC_TABLE || !is_part(words))
		return false;
	for (size_t i = 0; i < entry->needs_count; i++) {
		size_t place = place_of(choosing, entry->needs[i]);
		if (place == SIZE_MAX)
			continue;
		of_chosen = of_chosen || choosing->marks[place] & CHOSEN;
		if (choosing->toc.items[place].kind == TOC_TABLE && !choosing->marks[place])
			return false;
	}
	return of_chosen;
}

static bool mark_needs(struct choosing *choosing, const struct toc_entry *entry)
{
	bool changed = false;
	for (size_t i = 0; i < entry->needs_count; i++) {
		size_t place = place_of(choosing, entry->needs[i]);
		if (place == SIZE_MAX || choosing->marks[place])
			continue;
		choosing->marks[place] = NEEDED;
		changed = true;
	}
	return changed;
}

static void mark_tables(struct choosing *choosing, const uint32_t *oids, size_t count)
{
	for (size_t i = 0; i < choosing->toc.count; i++)
		for (size_t k = 0; choosing->toc.items[i].kind == TOC_TABLE && k < count; k++)
			if (choosing->toc.items[i].oid == oids[k])
				choosing->marks[i] = CHOSEN;
}

/* Until nothing more is found: what is needed may need something itself. */
static void mark_all(struct choosing *choosing)
{
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < choosing->toc.count; i++) {
			const struct toc_entry *entry = &choosing->toc.items[i];
			if (!(choosing->marks[i] & CHOSEN) &&
				comes_along(choosing, entry, choosing->words.items[i])) {
				choosing->marks[i] = CHOSEN;
				changed = true;
			}
			if (choosing->marks[i])
				changed = mark_needs(choosing, entry) || changed;
		}
	}
}

/* --- text ------------------------------------------------------------------------------------- */

static void add_value(const struct pack_sequence *sequence, struct strbuf *out)
{
	AUTO_STRBUF(name);
	strbuf_add_quoted(&name, '"', sequence->schema);
	strbuf_addc(&name, '.');
	strbuf_add_quoted(&name, '"', sequence->name);
	strbuf_adds(out, "SELECT pg_catalog.setval(");
	strbuf_add_quoted(out, '\'', name.buf);
	strbuf_addf(out, ", %" PRId64 ", %s);\n", sequence->last_value,
		sequence->is_called ? "true" : "false");
}

static void add_values(
	struct choosing *choosing, const struct pack_manifest *manifest, struct strbuf *out)
{
	for (size_t i = 0; i < choosing->toc.count; i++) {
		if (!choosing->marks[i] || !str_starts(choosing->words.items[i], "SEQUENCE "))
			continue;
		for (size_t k = 0; k < manifest->sequences.count; k++)
			if (choosing->toc.items[i].oid == manifest->sequences.items[k].oid)
				add_value(&manifest->sequences.items[k], out);
	}
}

static bool add_section(const struct restore_settings *settings, const char *section,
	const char *list, struct strbuf *out, struct err *err)
{
	const char *words[] = {"--file=-", section, NULL};
	return restore_text_read(settings, words, list, out, err);
}

bool cat_definitions_read(struct pack_reader *reader, const uint32_t *oids, size_t count,
	struct cat_definitions *definitions, struct err *err)
{
	CLEANUP(choosing_release) struct choosing choosing = {0};
	struct restore_settings settings = {.reader = reader};
	AUTO_STRBUF(list);
	*definitions = (struct cat_definitions){STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	if (!read_list(&settings, &choosing, err))
		return false;
	mark_tables(&choosing, oids, count);
	mark_all(&choosing);
	for (size_t i = 0; i < choosing.toc.count; i++)
		if (choosing.marks[i])
			strbuf_addf(&list, "%" PRId64 ";\n", choosing.toc.items[i].id);
	add_values(&choosing, pack_reader_manifest(reader), &definitions->sequences);
	return add_section(&settings, "--section=pre-data", list.buf, &definitions->pre, err) &&
	       add_section(&settings, "--section=post-data", list.buf, &definitions->post, err);
}
