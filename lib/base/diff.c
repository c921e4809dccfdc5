#include "base/diff.h"

#include "base/strvec.h"

enum {
	CONTEXT = 3,
	MOST_CHANGES = 600, /* the search takes their square */
};

enum { KEPT = ' ', TAKEN = '-', ADDED = '+' };

/* One line of the answer: what became of it, and its number in each text. */
struct edit {
	char kind;
	size_t old_line, new_line;
};
struct edits {
	struct edit *items;
	size_t count, alloc;
};

static void edit(struct edits *edits, char kind, size_t old_line, size_t new_line)
{
	xgrow(edits->items, edits->count, edits->alloc);
	edits->items[edits->count++] = (struct edit){kind, old_line, new_line};
}

/* Without the empty piece behind the last newline. */
static void split_lines(const char *text, struct strvec *lines)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		bool ended = text[length] == '\n';
		size_t shown = length && text[length - 1] == '\r' ? length - 1 : length;
		strvec_push_take(lines, xstrndup(text, shown));
		text += length + ended;
	}
}

/* The part of both texts between what they begin and end with alike. */
struct middle {
	const struct strvec *old_lines, *new_lines;
	size_t start, old_count, new_count;
};

static bool same(const struct middle *middle, size_t old_line, size_t new_line)
{
	return !strcmp(middle->old_lines->items[middle->start + old_line],
		middle->new_lines->items[middle->start + new_line]);
}

static struct middle find_middle(const struct strvec *old_lines, const struct strvec *new_lines)
{
	struct middle middle = {.old_lines = old_lines, .new_lines = new_lines};
	size_t old_count = old_lines->count, new_count = new_lines->count, end = 0;
	while (middle.start < old_count && middle.start < new_count && same(&middle, 0, 0))
		middle.start++;
	while (old_count - end > middle.start && new_count - end > middle.start &&
		!strcmp(old_lines->items[old_count - end - 1],
			new_lines->items[new_count - end - 1]))
		end++;
	middle.old_count = old_count - middle.start - end;
	middle.new_count = new_count - middle.start - end;
	return middle;
}

/*
 * Myers' search: after `changes` changes, how far each diagonal (old - new) reaches into the old
 * text. rows[changes] keeps what was known before that round, for the way back.
 */
struct search {
	const struct middle *middle;
	long *reach; /* by diagonal + MOST_CHANGES + 1 */
	long **rows;
	int changes; /* in the end: how many; -1: too many */
};

enum { ROW = 2 * MOST_CHANGES + 3 };

static long *at(long *row, long diagonal)
{
	return &row[diagonal + MOST_CHANGES + 1];
}

/* Does the best way to this diagonal come from the one above, by an added line? */
static bool comes_by_adding(long *row, long diagonal, long changes)
{
	return diagonal == -changes ||
	       (diagonal != changes && *at(row, diagonal - 1) < *at(row, diagonal + 1));
}

static bool search_round(struct search *search, long changes)
{
	const struct middle *middle = search->middle;
	search->rows[changes] = xcalloc(ROW, sizeof(long));
	memcpy(search->rows[changes], search->reach, ROW * sizeof(long));
	for (long diagonal = -changes; diagonal <= changes; diagonal += 2) {
		long old_line = comes_by_adding(search->reach, diagonal, changes)
					? *at(search->reach, diagonal + 1)
					: *at(search->reach, diagonal - 1) + 1;
		long new_line = old_line - diagonal;
		while (old_line < (long)middle->old_count && new_line < (long)middle->new_count &&
			new_line >= 0 && same(middle, (size_t)old_line, (size_t)new_line)) {
			old_line++;
			new_line++;
		}
		*at(search->reach, diagonal) = old_line;
		if (old_line >= (long)middle->old_count && new_line >= (long)middle->new_count)
			return true;
	}
	return false;
}

static void search_run(struct search *search)
{
	search->reach = xcalloc(ROW, sizeof(long));
	search->rows = xcalloc(MOST_CHANGES + 1, sizeof(long *));
	for (search->changes = 0; search->changes <= MOST_CHANGES; search->changes++)
		if (search_round(search, search->changes))
			return;
	search->changes = -1;
}

static void search_release(struct search *search)
{
	for (int i = 0; search->rows && i <= MOST_CHANGES; i++)
		free(search->rows[i]);
	free(search->rows);
	free(search->reach);
}

/* From the end to the beginning; the edits come out backwards. */
static void walk_back(const struct search *search, struct edits *back)
{
	const struct middle *middle = search->middle;
	long old_line = (long)middle->old_count, new_line = (long)middle->new_count;
	for (long changes = search->changes; changes >= 0; changes--) {
		long *row = search->rows[changes], diagonal = old_line - new_line;
		bool added = comes_by_adding(row, diagonal, changes);
		long before = added ? diagonal + 1 : diagonal - 1;
		long old_before = changes ? *at(row, before) : 0;
		long new_before = changes ? old_before - before : 0;
		while (old_line > old_before && new_line > new_before)
			edit(back, KEPT, (size_t)--old_line, (size_t)--new_line);
		if (!changes)
			return;
		edit(back, added ? ADDED : TAKEN, (size_t)old_before, (size_t)new_before);
		old_line = old_before;
		new_line = new_before;
	}
}

static void exchange_all(const struct middle *middle, struct edits *edits)
{
	for (size_t i = 0; i < middle->old_count; i++)
		edit(edits, TAKEN, middle->start + i, middle->start);
	for (size_t i = 0; i < middle->new_count; i++)
		edit(edits, ADDED, middle->start + middle->old_count, middle->start + i);
}

static void find_edits(const struct middle *middle, struct edits *edits)
{
	struct edits back = {0};
	CLEANUP(search_release) struct search search = {.middle = middle};
	search_run(&search);
	if (search.changes < 0) {
		exchange_all(middle, edits);
		return;
	}
	walk_back(&search, &back);
	for (size_t i = back.count; i > 0; i--)
		edit(edits, back.items[i - 1].kind, middle->start + back.items[i - 1].old_line,
			middle->start + back.items[i - 1].new_line);
	free(back.items);
}

/* --- showing -----------------------------------------------------------------------------------
 */

static void show_hunk(struct strbuf *out, const struct middle *middle, const struct edits *edits,
	size_t first, size_t end)
{
	size_t old_count = 0, new_count = 0;
	for (size_t i = first; i < end; i++) {
		old_count += edits->items[i].kind != ADDED;
		new_count += edits->items[i].kind != TAKEN;
	}
	const struct edit *begin = &edits->items[first];
	strbuf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", begin->old_line + (old_count > 0), old_count,
		begin->new_line + (new_count > 0), new_count);
	for (size_t i = first; i < end; i++) {
		const struct edit *each = &edits->items[i];
		const char *line = each->kind == ADDED ? middle->new_lines->items[each->new_line]
						       : middle->old_lines->items[each->old_line];
		strbuf_addf(out, "%c%s\n", each->kind, line);
	}
}

/* Where the changes that begin at `first` end: further than twice the context from the next. */
static size_t hunk_end(const struct edits *edits, size_t first)
{
	size_t last = first;
	for (size_t i = first; i < edits->count && i <= last + 2 * CONTEXT + 1; i++)
		if (edits->items[i].kind != KEPT)
			last = i;
	return last + 1 + CONTEXT < edits->count ? last + 1 + CONTEXT : edits->count;
}

static void show(struct strbuf *out, const struct middle *middle, const struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		if (edits->items[i].kind == KEPT)
			continue;
		size_t end = hunk_end(edits, i);
		show_hunk(out, middle, edits, i > CONTEXT ? i - CONTEXT : 0, end);
		i = end - 1;
	}
}

void diff_unified(struct strbuf *out, const char *old_name, const char *old_text,
	const char *new_name, const char *new_text)
{
	AUTO_STRVEC(old_lines);
	AUTO_STRVEC(new_lines);
	struct edits edits = {0};
	split_lines(old_text, &old_lines);
	split_lines(new_text, &new_lines);
	struct middle middle = find_middle(&old_lines, &new_lines);
	if (!middle.old_count && !middle.new_count)
		return;
	for (size_t i = 0; i < middle.start; i++)
		edit(&edits, KEPT, i, i);
	find_edits(&middle, &edits);
	size_t old_end = middle.start + middle.old_count, new_end = middle.start + middle.new_count;
	for (size_t i = 0; old_end + i < old_lines.count; i++)
		edit(&edits, KEPT, old_end + i, new_end + i);
	strbuf_addf(out, "--- %s\n+++ %s\n", old_name, new_name);
	show(out, &middle, &edits);
	free(edits.items);
}
