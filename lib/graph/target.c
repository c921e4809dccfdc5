#include "base/suggest.h"
#include "graph/internal.h"

#include <ctype.h>

static void all_names(const struct graph *graph, struct strvec *names)
{
	for (size_t i = 0; i < graph->count; i++) {
		strvec_push(names, graph->revisions[i].id);
		strvec_push_all(names, &graph->revisions[i].labels);
	}
}

static bool counts_steps(const char *name)
{
	CLEANUP(graph_relative_release) struct graph_relative relative;
	return graph_parse_relative(name, &relative);
}

static bool unknown(const struct graph *graph, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	all_names(graph, &names);
	static const char *const words[] = {"head", "heads", "base", "previous"};
	strvec_push_words(&names, words, ARRAY_SIZE(words));
	if (!*name) {
		err_set(err, ERR_USAGE, "a revision or branch is missing: nothing is named");
		return err_hint(err, "BRANCH@REV, BRANCH@head; list them: mig-apply history");
	}
	const char *near = suggest_in(name, &names);
	err_set(err, ERR_NOTFOUND, "no revision or branch \"%s\"", name);
	if (!strcmp(name, "previous"))
		return err_hint(err, "it counts downwards: mig-apply downgrade previous");
	if (!strcmp(name, "current"))
		return err_hint(err, "where the database stands is no target: mig-apply current");
	if (counts_steps(name))
		return err_hint(err, "here nothing is counted, as by upgrade +N, downgrade -N and "
				     "history -r -N: "
				     "name a revision, head or base");
	if (strvec_has(&names, name))
		return err_hint(err, "it names no branch; which there are: mig-apply history -v");
	if (!near)
		return err_hint(err, "list them: mig-apply history");
	size_t index = graph_find(graph, near);
	if (index == GRAPH_NONE)
		return err_hint(err, "did you mean %s?", near);
	AUTO_FREE char *full = graph_name(graph, index);
	return err_hint(err, "did you mean %s?", full);
}

static bool ambiguous(const struct graph *graph, const char *prefix, const struct graph_list *found,
	struct err *err)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < found->count; i++)
		strvec_push_take(&names, graph_name(graph, found->items[i]));
	AUTO_FREE char *list = strvec_join(&names, "\n");
	err_set(err, ERR_USAGE, "%zu revisions begin with \"%s\"", found->count, prefix);
	err_detail(err, "%s", list);
	return err_hint(err, "type more characters of the one you mean");
}

static void find_prefix(const struct graph *graph, const char *prefix, struct graph_list *found)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		bool match = strlen(revision->id) > 3 && str_starts(revision->id, prefix);
		STRVEC_EACH (&revision->labels, label)
			match |= strlen(label) > 3 && str_starts(label, prefix);
		if (match)
			graph_list_push(found, i);
	}
}

static bool lookup_plain(const struct graph *graph, const char *name, const char *branch,
	size_t *index, struct err *err)
{
	*index = graph_find(graph, name);
	if (*index == GRAPH_NONE)
		*index = graph_find_label(graph, name);
	if (*index != GRAPH_NONE)
		return true;
	AUTO_LIST(found);
	if (*name)
		find_prefix(graph, name, &found);
	if (branch && !graph_filter_lineage(graph, &found, branch, GRAPH_DOWN_ONLY, err))
		return false;
	if (!found.count)
		return unknown(graph, name, err);
	if (found.count > 1)
		return ambiguous(graph, name, &found, err);
	*index = found.items[0];
	return true;
}

bool graph_lookup(const struct graph *graph, const char *name, const char *branch, size_t *index,
	struct err *err)
{
	size_t found, other;
	if (!lookup_plain(graph, name, branch, &found, err))
		return false;
	if (branch) {
		if (!lookup_plain(graph, branch, NULL, &other, err))
			return false;
		struct graph_list others = {.items = &other, .count = 1};
		if (!graph_shares_lineage(graph, found, &others, GRAPH_DOWN_ONLY)) {
			AUTO_FREE char *full = graph_name(graph, found);
			err_set(err, ERR_NOTFOUND, "%s is not on branch \"%s\"", full, branch);
			return err_hint(err, "see the branches: mig-apply history -v");
		}
	}
	*index = found;
	return true;
}

bool graph_filter_lineage(const struct graph *graph, struct graph_list *list, const char *branch,
	enum graph_edges edges, struct err *err)
{
	size_t index;
	if (!lookup_plain(graph, branch, NULL, &index, err))
		return false;
	struct graph_list others = {.items = &index, .count = 1};
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		if (graph_shares_lineage(graph, list->items[i], &others, edges))
			list->items[kept++] = list->items[i];
	list->count = kept;
	return true;
}

static bool several_heads(const struct graph *graph, const char *target,
	const struct graph_list *heads, struct err *err)
{
	AUTO_STRBUF(text);
	for (size_t i = 0; i < heads->count; i++) {
		AUTO_FREE char *name = graph_name(graph, heads->items[i]);
		strbuf_addf(&text, "%s%s", i ? "\n" : "", name);
	}
	err_set(err, ERR_USAGE, "\"%s\" is %zu revisions here", target, heads->count);
	err_detail(err, "%s", text.buf);
	return err_hint(err, "name one of them, or BRANCH@head, or \"heads\" for all; "
			     "to have one again: mig-apply merge heads -m \"Merge\"");
}

bool graph_resolve(
	const struct graph *graph, const char *target, struct graph_list *out, struct err *err)
{
	const char *at = strchr(target, '@');
	AUTO_FREE char *branch = at ? xstrndup(target, (size_t)(at - target)) : NULL;
	const char *name = at ? at + 1 : target;
	bool all = !strcmp(name, "heads");
	if (!strcmp(name, "base"))
		return true;
	if (!all && strcmp(name, "head")) {
		size_t index;
		if (!graph_lookup(graph, name, branch, &index, err))
			return false;
		graph_list_push(out, index);
		return true;
	}
	AUTO_LIST(heads);
	graph_heads(graph, all && !branch, &heads);
	if (branch && !graph_filter_lineage(graph, &heads, branch, GRAPH_DOWN_ONLY, err))
		return false;
	if (!all && heads.count > 1)
		return several_heads(graph, target, &heads, err);
	for (size_t i = 0; i < heads.count; i++)
		graph_list_push(out, heads.items[i]);
	return true;
}

bool graph_current(const struct graph *graph, const struct strvec *rows, struct graph_list *current,
	struct err *err)
{
	STRVEC_EACH (rows, row) {
		size_t index = graph_find(graph, row);
		if (index == GRAPH_NONE) {
			err_set(err, ERR_NOTFOUND,
				"the database is at revision %s, which is in no file here", row);
			return err_hint(err,
				"is this checkout older than the database? look for it: "
				"git log --all --oneline -- '*%s*'",
				row);
		}
		if (!graph_list_has(current, index))
			graph_list_push(current, index);
	}
	return true;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* (label@)(symbol)(+N|-N), the symbol made of letters, digits and "_" */
bool graph_parse_relative(const char *target, struct graph_relative *relative)
{
	*relative = (struct graph_relative){0};
	const char *at = strrchr(target, '@');
	const char *symbol = at ? at + 1 : target;
	const char *sign = symbol;
	while (is_word(*sign))
		sign++;
	if (at == target || (*sign != '+' && *sign != '-') || !isdigit((unsigned char)sign[1]))
		return false;
	long steps = 0;
	const char *digit = sign + 1;
	for (; isdigit((unsigned char)*digit) && steps < 1000000; digit++)
		steps = steps * 10 + (*digit - '0');
	if (*digit)
		return false;
	relative->label = at ? xstrndup(target, (size_t)(at - target)) : NULL;
	relative->symbol = sign > symbol ? xstrndup(symbol, (size_t)(sign - symbol)) : NULL;
	relative->up = *sign == '+';
	relative->steps = (int)(relative->up ? steps : -steps);
	return true;
}

void graph_relative_release(struct graph_relative *relative)
{
	free(relative->label);
	free(relative->symbol);
	*relative = (struct graph_relative){0};
}

static bool fork_ahead(const struct graph *graph, size_t at, const struct graph_list *ways,
	const char *direction, struct err *err)
{
	AUTO_FREE char *name = at == GRAPH_NONE ? xstrdup("base") : graph_name(graph, at);
	AUTO_FREE char *choices = graph_names(graph, ways);
	err_set(err, ERR_USAGE, "there are %zu ways %s from %s", ways->count, direction, name);
	err_detail(err, "%s", choices);
	return err_hint(err, "name the revision you want, or BRANCH@+N");
}

bool graph_which_parent(
	const struct graph *graph, const char *target, size_t merge, struct err *err)
{
	AUTO_FREE char *name = graph_name(graph, merge);
	AUTO_FREE char *parents = graph_names(graph, &graph->revisions[merge].parents);
	err_set(err, ERR_USAGE, "\"%s\" could mean several: %s is a merge", target, name);
	err_detail(err, "%s", parents);
	return err_hint(err, "name one of them");
}

bool graph_walk_up(const struct graph *graph, size_t start, int steps, const char *branch,
	size_t *end, struct err *err)
{
	size_t at = start;
	for (int i = 0; i < steps; i++) {
		AUTO_LIST(ways);
		if (at == GRAPH_NONE)
			graph_bases(graph, &ways);
		else
			for (size_t c = 0; c < graph->revisions[at].children.count; c++)
				graph_list_push(&ways, graph->revisions[at].children.items[c]);
		if (branch && !graph_filter_lineage(graph, &ways, branch, GRAPH_DOWN_ONLY, err))
			return false;
		if (ways.count > 1)
			return fork_ahead(graph, at, &ways, "up", err);
		if (!ways.count) {
			err_set(err, ERR_USAGE, "+%d goes past the end: only %d left", steps, i);
			return err_hint(err, "what is there: mig-apply history");
		}
		at = ways.items[0];
	}
	*end = at;
	return true;
}

bool graph_walk_down(const struct graph *graph, size_t start, int steps, size_t *end,
	bool *undo_merge, struct err *err)
{
	size_t at = start;
	*undo_merge = false;
	for (int i = 0; i < steps; i++) {
		if (at == GRAPH_NONE) {
			err_set(err, ERR_USAGE, "-%d goes below the first revision: only %d there",
				steps, i);
			return err_hint(err, "all of them: mig-apply downgrade base");
		}
		const struct graph_list *parents = &graph->revisions[at].parents;
		*undo_merge = parents->count > 1;
		if (*undo_merge && i + 1 < steps)
			return fork_ahead(graph, at, parents, "down", err);
		if (!*undo_merge)
			at = parents->count ? parents->items[0] : GRAPH_NONE;
	}
	*end = at;
	return true;
}
