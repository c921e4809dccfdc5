/*
 * The revision graph: pure, no I/O. Words and results are Alembic's (docs/migrations.md); where
 * Alembic refuses or misleads in an emergency, the difference is said there.
 *
 *	graph = graph_new();  graph_add(...) for each file in the order of their names;
 *	graph_link(graph, err)   resolves parents, dependencies, labels; refuses broken graphs
 *
 * Revisions are known by their index, which is the order in which they were added.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "graph/set.h"

struct graph_list {
	size_t *items;
	size_t count, alloc;
};
#define AUTO_LIST(name) CLEANUP(graph_list_release) struct graph_list name = {0}
void graph_list_push(struct graph_list *list, size_t index);
/* `to` becomes what `from` is. */
void graph_list_copy(struct graph_list *to, const struct graph_list *from);
bool graph_list_has(const struct graph_list *list, size_t index);
void graph_list_release(struct graph_list *list);

struct graph_revision {
	const char *id;
	const char *message; /* "": none */
	const char *origin;
	/* as written, to be read only; like the texts borrowed */
	struct strvec down; /* down_revision: empty for a base, several for a merge */
	struct strvec depends; /* depends_on: ids or branch labels */
	struct strvec labels; /* branch_labels */
	/* after graph_link() */
	struct graph_list parents; /* by down_revision */
	struct graph_list needs; /* by depends_on */
	struct graph_list requires; /* parents, and those needs that no ancestor has already */
	struct graph_list children; /* by down_revision */
	struct graph_list followers; /* by down_revision or depends_on */
	struct strvec branches; /* labels of this revision: its own and those spread to it */
};

struct graph {
	struct graph_revision *revisions;
	size_t count, alloc;
	/* after graph_link() */
	size_t *slots, slot_mask; /* by hash of the id: index + 1, 0 where none is */
	size_t *edges; /* where the lists of the revisions lie */
};

struct graph *graph_new(void);
void graph_free(struct graph *graph);
DEFINE_AUTO(struct graph, graph_free)

/* What a file says of its revision. All of it is borrowed, and outlives the graph. */
struct graph_header {
	const char *id;
	const char *message; /* NULL: none */
	const char *origin; /* the file, for messages; never NULL */
	struct strvec down, depends, labels; /* as written */
};
void graph_add(struct graph *graph, const struct graph_header *header);
/* ERR_CONFIG: an id twice, a missing parent, a cycle, a label used twice, illegal characters. */
MUST_CHECK bool graph_link(struct graph *graph, struct err *err);

#define GRAPH_NONE SIZE_MAX
/* Exactly this id; GRAPH_NONE when absent. */
size_t graph_find(const struct graph *graph, const char *id);
/* "3f9c1a7be2d4 Add user preferences" */
void graph_name_add(const struct graph *graph, size_t index, struct strbuf *out);
/* The same; caller owns. */
char *graph_name(const struct graph *graph, size_t index);
/* The same by id; of one that is in no file the id itself. Caller owns. */
char *graph_name_of(const struct graph *graph, const char *id);
/* Such names, comma-separated; caller owns. */
char *graph_names(const struct graph *graph, const struct graph_list *list);

bool graph_is_base(const struct graph_revision *revision);
bool graph_is_head(const struct graph_revision *revision); /* nobody's down_revision */
bool graph_is_real_head(const struct graph_revision *revision); /* nor anybody's dependency */
bool graph_is_branchpoint(const struct graph_revision *revision);
bool graph_is_mergepoint(const struct graph_revision *revision);
/* Heads in file order; `real`: without those that something depends on. Appends. */
void graph_heads(const struct graph *graph, bool real, struct graph_list *heads);
void graph_bases(const struct graph *graph, struct graph_list *bases);

/* Members and everything below (above) them, themselves included; added to `out`. */
enum graph_edges { GRAPH_DOWN_ONLY, GRAPH_WITH_DEPENDS };
void graph_ancestors(const struct graph *graph, const struct graph_list *from,
	enum graph_edges edges, struct graph_set *out);
void graph_descendants(const struct graph *graph, const struct graph_list *from,
	enum graph_edges edges, struct graph_set *out);

/*
 * `members` in the order in which Alembic takes them down: every revision before what it stands on.
 * Walks from `heads` (those that are members); `out` is appended to.
 */
void graph_order(const struct graph *graph, const struct graph_set *members,
	const struct graph_list *heads, struct graph_list *out);

/*
 * A revision by id, unique prefix or label: `branch` (NULL: none) must share its lineage.
 * ERR_NOTFOUND with near names; ERR_USAGE with the candidates of an ambiguous prefix.
 */
MUST_CHECK bool graph_lookup(const struct graph *graph, const char *name, const char *branch,
	size_t *index, struct err *err);
/*
 * Absolute targets: id, prefix, label, head, heads, base, label@head, ... Base is the empty list.
 */
MUST_CHECK bool graph_resolve(
	const struct graph *graph, const char *target, struct graph_list *out, struct err *err);
/* Rows of a version table; unknown ones are ERR_NOTFOUND: the database is ahead of the files. */
MUST_CHECK bool graph_current(const struct graph *graph, const struct strvec *rows,
	struct graph_list *current, struct err *err);

/* Revisions to apply (take back) in this order; empty: nothing to do. */
MUST_CHECK bool graph_upgrade(const struct graph *graph, const struct graph_list *current,
	const char *target, struct graph_list *steps, struct err *err);
MUST_CHECK bool graph_downgrade(const struct graph *graph, const struct graph_list *current,
	const char *target, struct graph_list *steps, struct err *err);

/* "A:B" taken apart; NULL for an end that is left open. Caller owns both. */
MUST_CHECK bool graph_range_split(const char *range, char **lower, char **upper, struct err *err);
/* Is one end of the range this very word? */
bool graph_range_has(const char *range, const char *word);
/*
 * The revisions from A to B, both included; open ends are base and heads. "current" is what the
 * database is at; an end "-N" or "+N" counts from the other one. Added to `members`.
 */
MUST_CHECK bool graph_range(const struct graph *graph, const struct graph_list *current,
	const char *range, struct graph_set *members, struct err *err);

/* What a step does to the rows of the version table, in this order. */
struct graph_row_change {
	enum { GRAPH_INSERT, GRAPH_DELETE, GRAPH_UPDATE } kind;
	size_t from; /* DELETE, UPDATE */
	size_t to; /* INSERT, UPDATE */
};
struct graph_row_changes {
	struct graph_row_change *items;
	size_t count, alloc;
};
void graph_row_changes_release(struct graph_row_changes *changes);
#define AUTO_ROW_CHANGES(name) \
	CLEANUP(graph_row_changes_release) struct graph_row_changes name = {0}

/* `rows` (the current heads) becomes what it is after the step. ERR_FAILED: no such row. */
MUST_CHECK bool graph_rows_up(const struct graph *graph, struct graph_list *rows, size_t step,
	struct graph_row_changes *changes, struct err *err);
MUST_CHECK bool graph_rows_down(const struct graph *graph, struct graph_list *rows, size_t step,
	struct graph_row_changes *changes, struct err *err);
/* stamp TARGET: only the rows move. */
MUST_CHECK bool graph_rows_stamp(const struct graph *graph, struct graph_list *rows,
	const char *target, struct graph_row_changes *changes, struct err *err);

#endif
