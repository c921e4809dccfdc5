#include "base/suggest.h"
#include "graph/internal.h"

size_t graph_find_label(const struct graph *graph, const char *label)
{
	for (size_t i = 0; i < graph->count; i++)
		if (strvec_has(&graph->revisions[i].labels, label))
			return i;
	return GRAPH_NONE;
}

static bool check_labels(const struct graph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		STRVEC_EACH (&revision->labels, label) {
			size_t other = graph_find_label(graph, label);
			if (other == i)
				other = graph_find(graph, label);
			if (other == GRAPH_NONE)
				continue;
			err_set(err, ERR_CONFIG, "%s: branch label \"%s\" is already used by %s",
				revision->origin, label, graph->revisions[other].origin);
			return err_hint(err, "rename one of them");
		}
	}
	return true;
}

static bool missing(const struct graph *graph, size_t index, const char *what, const char *name,
	struct err *err)
{
	const struct graph_revision *revision = &graph->revisions[index];
	AUTO_STRVEC(ids);
	for (size_t i = 0; i < graph->count; i++)
		if (i != index)
			strvec_push(&ids, graph->revisions[i].id);
	const char *near = suggest_in(name, &ids);
	err_set(err, ERR_CONFIG, "%s: %s %s is in no file", revision->origin, what, name);
	return err_hint(err,
		"%s%s%sis a file missing from the checkout? mig-apply doctor looks for the commit "
		"that has it",
		near ? "did you mean " : "", near ? near : "", near ? "? else: " : "");
}

static bool self_loop(const struct graph_revision *revision, const char *what, struct err *err)
{
	err_set(err, ERR_CONFIG, "%s: revision %s is its own %s", revision->origin, revision->id,
		what);
	return err_hint(err, "name the revision that it stands on");
}

static bool resolve_edges(struct graph *graph, size_t index, struct err *err)
{
	struct graph_revision *revision = &graph->revisions[index];
	STRVEC_EACH (&revision->down, name) {
		size_t parent = graph_find(graph, name);
		if (parent == GRAPH_NONE)
			return missing(graph, index, "down_revision", name, err);
		if (parent == index)
			return self_loop(revision, "down_revision", err);
		if (!graph_list_has(&revision->parents, parent))
			graph_list_push(&revision->parents, parent);
	}
	STRVEC_EACH (&revision->depends, name) {
		size_t need = graph_find(graph, name);
		if (need == GRAPH_NONE)
			need = graph_find_label(graph, name);
		if (need == GRAPH_NONE)
			return missing(graph, index, "depends_on", name, err);
		if (need == index)
			return self_loop(revision, "dependency", err);
		if (!graph_list_has(&revision->needs, need))
			graph_list_push(&revision->needs, need);
	}
	return true;
}

static void link_back(struct graph *graph, size_t index)
{
	const struct graph_revision *revision = &graph->revisions[index];
	for (size_t i = 0; i < revision->parents.count; i++) {
		struct graph_revision *parent = &graph->revisions[revision->parents.items[i]];
		graph_list_push(&parent->children, index);
		graph_list_push(&parent->followers, index);
	}
	for (size_t i = 0; i < revision->needs.count; i++) {
		struct graph_list *followers =
			&graph->revisions[revision->needs.items[i]].followers;
		if (!graph_list_has(followers, index))
			graph_list_push(followers, index);
	}
}

/* Dependencies that an ancestor already has say nothing about this revision's place. */
static void reduce_needs(struct graph *graph, size_t index)
{
	struct graph_revision *revision = &graph->revisions[index];
	graph_list_copy(&revision->requires, &revision->parents);
	if (!revision->needs.count)
		return;
	AUTO_SET(ancestors, graph->count);
	graph_ancestors(graph, &revision->parents, GRAPH_DOWN_ONLY, &ancestors);
	AUTO_SET(implied, graph->count);
	SET_EACH(&ancestors, ancestor)
	{
		const struct graph_list *needs = &graph->revisions[ancestor].needs;
		for (size_t i = 0; i < needs->count; i++)
			graph_set_add(&implied, needs->items[i]);
	}
	for (size_t i = 0; i < revision->needs.count; i++) {
		size_t need = revision->needs.items[i];
		if (!graph_set_has(&implied, need) && !graph_list_has(&revision->requires, need))
			graph_list_push(&revision->requires, need);
	}
}

static size_t unsettled_below(
	const struct graph_revision *revision, const struct graph_set *settled)
{
	for (size_t i = 0; i < revision->parents.count; i++)
		if (!graph_set_has(settled, revision->parents.items[i]))
			return revision->parents.items[i];
	for (size_t i = 0; i < revision->needs.count; i++)
		if (!graph_set_has(settled, revision->needs.items[i]))
			return revision->needs.items[i];
	return GRAPH_NONE;
}

static bool report_cycle(
	const struct graph *graph, const struct graph_set *settled, size_t start, struct err *err)
{
	AUTO_LIST(path);
	size_t at = start;
	for (; !graph_list_has(&path, at); at = unsettled_below(&graph->revisions[at], settled))
		graph_list_push(&path, at);
	AUTO_STRVEC(ids);
	AUTO_STRVEC(files);
	bool inside = false;
	for (size_t i = 0; i < path.count; i++) {
		const struct graph_revision *revision = &graph->revisions[path.items[i]];
		inside |= path.items[i] == at;
		if (!inside)
			continue;
		strvec_push(&ids, revision->id);
		strvec_push(&files, revision->origin);
	}
	strvec_push(&ids, graph->revisions[at].id);
	AUTO_FREE char *circle = strvec_join(&ids, " -> ");
	AUTO_FREE char *origins = strvec_join(&files, "\n");
	err_set(err, ERR_CONFIG, "the revisions go round in a circle: %s", circle);
	err_detail(err, "%s", origins);
	return err_hint(err, "correct the down_revision or depends_on of one of these files");
}

/* Settles what stands on nothing unsettled, round by round; what is left holds a cycle. */
static bool check_cycles(const struct graph *graph, struct err *err)
{
	AUTO_SET(settled, graph->count);
	AUTO_LIST(todo);
	size_t *open = xcalloc(graph->count + 1, sizeof(size_t));
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		open[i] = revision->parents.count;
		for (size_t n = 0; n < revision->needs.count; n++)
			open[i] += !graph_list_has(&revision->parents, revision->needs.items[n]);
		if (!open[i])
			graph_list_push(&todo, i);
	}
	for (size_t next = 0; next < todo.count; next++) {
		const struct graph_list *followers = &graph->revisions[todo.items[next]].followers;
		graph_set_add(&settled, todo.items[next]);
		for (size_t i = 0; i < followers->count; i++)
			if (!--open[followers->items[i]])
				graph_list_push(&todo, followers->items[i]);
	}
	free(open);
	for (size_t i = 0; i < graph->count; i++)
		if (!graph_set_has(&settled, i))
			return report_cycle(graph, &settled, i, err);
	return true;
}

static void spread_label(struct graph *graph, size_t index, const char *label)
{
	AUTO_SET(members, graph->count);
	struct graph_list self = {.items = &index, .count = 1};
	graph_descendants(graph, &self, GRAPH_DOWN_ONLY, &members);
	for (size_t at = index;;) {
		const struct graph_revision *revision = &graph->revisions[at];
		if (revision->followers.count > 1 || graph_is_mergepoint(revision))
			break;
		graph_set_add(&members, at);
		if (!revision->parents.count)
			break;
		at = revision->parents.items[0];
	}
	SET_EACH(&members, member)
	{
		struct strvec *branches = &graph->revisions[member].branches;
		if (!strvec_has(branches, label))
			strvec_push(branches, label);
	}
}

/* The lists of all revisions lie in one block: thousands of small ones cost more than the links. */
static void give_room(struct graph_list *list, size_t room, size_t **block)
{
	list->items = *block;
	list->alloc = room;
	*block += room;
}

static size_t *room_below(struct graph *graph)
{
	size_t room = 0;
	for (size_t i = 0; i < graph->count; i++)
		room += 4 * graph->revisions[i].down.count + 3 * graph->revisions[i].depends.count;
	size_t *block = graph->edges = xcalloc(room, sizeof(size_t));
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_revision *revision = &graph->revisions[i];
		size_t down = revision->down.count, depends = revision->depends.count;
		give_room(&revision->parents, down, &block);
		give_room(&revision->needs, depends, &block);
		give_room(&revision->requires, down + depends, &block);
	}
	return block;
}

static void room_above(struct graph *graph, size_t *block)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		for (size_t n = 0; n < revision->parents.count; n++)
			graph->revisions[revision->parents.items[n]].children.alloc++;
		for (size_t n = 0; n < revision->needs.count; n++)
			graph->revisions[revision->needs.items[n]].followers.alloc++;
	}
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_revision *revision = &graph->revisions[i];
		size_t children = revision->children.alloc;
		give_room(&revision->children, children, &block);
		give_room(&revision->followers, children + revision->followers.alloc, &block);
	}
}

bool graph_link(struct graph *graph, struct err *err)
{
	if (!graph_index(graph, err) || !check_labels(graph, err))
		return false;
	size_t *block = room_below(graph);
	for (size_t i = 0; i < graph->count; i++)
		if (!resolve_edges(graph, i, err))
			return false;
	room_above(graph, block);
	for (size_t i = 0; i < graph->count; i++)
		link_back(graph, i);
	if (!check_cycles(graph, err))
		return false;
	for (size_t i = 0; i < graph->count; i++)
		reduce_needs(graph, i);
	for (size_t i = 0; i < graph->count; i++)
		STRVEC_EACH (&graph->revisions[i].labels, label)
			spread_label(graph, i, label);
	return true;
}
