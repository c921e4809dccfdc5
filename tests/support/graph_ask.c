/*
 * Answers questions about revision graphs, line by line, for the comparison with Alembic:
 *
 *	graph                         begin a new one
 *	rev ID|DOWN|DEPENDS|LABELS    comma-separated lists
 *	range ROWS|A:B                "ok IDS|" (sorted), or "refused TEXT"
 *	up ROWS|TARGET, down, stamp   "ok STEPS|ROWS" (space-separated, rows sorted) or "refused
 *TEXT"
 */
#include "graph_add.h"

#include <stdio.h>

static struct graph *graph;
static bool is_linked;

static void split_into(struct strvec *vec, const char *text, char separator)
{
	if (*text)
		strvec_split(vec, text, separator);
}

static void add_revision(const char *line)
{
	AUTO_STRVEC(parts);
	strvec_split(&parts, line, '|');
	AUTO_STRVEC(down);
	AUTO_STRVEC(depends);
	AUTO_STRVEC(labels);
	split_into(&down, parts.items[1], ',');
	split_into(&depends, parts.items[2], ',');
	split_into(&labels, parts.items[3], ',');
	graph_add_copy(graph, &(struct graph_header){parts.items[0], "message", parts.items[0],
				      down, depends, labels});
}

static void print_ids(const struct graph_list *list, bool sorted)
{
	AUTO_STRVEC(ids);
	for (size_t i = 0; i < list->count; i++)
		strvec_push(&ids, graph->revisions[list->items[i]].id);
	if (sorted)
		strvec_sort(&ids);
	AUTO_FREE char *text = strvec_join(&ids, " ");
	fputs(text, stdout);
}

static bool run_steps(
	const struct graph_list *steps, bool up, struct graph_list *rows, struct err *err)
{
	for (size_t i = 0; i < steps->count; i++) {
		AUTO_ROW_CHANGES(changes);
		bool fine = up ? graph_rows_up(graph, rows, steps->items[i], &changes, err)
			       : graph_rows_down(graph, rows, steps->items[i], &changes, err);
		if (!fine)
			return false;
	}
	return true;
}

static bool list_range(
	const struct graph_list *rows, const char *range, struct graph_list *found, struct err *err)
{
	AUTO_SET(members, graph->count);
	if (!graph_range(graph, rows, range, &members, err))
		return false;
	SET_EACH(&members, index)
	graph_list_push(found, index);
	return true;
}

static bool answer(const char *verb, const char *question, struct graph_list *steps,
	struct graph_list *rows, struct err *err)
{
	AUTO_STRVEC(parts);
	AUTO_STRVEC(names);
	strvec_split(&parts, question, '|');
	split_into(&names, parts.items[0], ' ');
	if (!is_linked && !graph_link(graph, err))
		return false;
	is_linked = true;
	if (!graph_current(graph, &names, rows, err))
		return false;
	if (!strcmp(verb, "range")) {
		bool found = list_range(rows, parts.items[1], steps, err);
		rows->count = 0;
		return found;
	}
	if (!strcmp(verb, "stamp")) {
		AUTO_ROW_CHANGES(changes);
		return graph_rows_stamp(graph, rows, parts.items[1], &changes, err);
	}
	bool up = !strcmp(verb, "up");
	return (up ? graph_upgrade(graph, rows, parts.items[1], steps, err)
		   : graph_downgrade(graph, rows, parts.items[1], steps, err)) &&
	       run_steps(steps, up, rows, err);
}

static void ask(const char *verb, const char *question)
{
	AUTO_ERR(err);
	AUTO_LIST(steps);
	AUTO_LIST(rows);
	if (!answer(verb, question, &steps, &rows, &err)) {
		printf("refused %s\n", err.msg);
		return;
	}
	fputs("ok ", stdout);
	print_ids(&steps, false);
	putchar('|');
	print_ids(&rows, true);
	putchar('\n');
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		char *space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		if (!strcmp(line, "graph")) {
			graph_free(graph);
			graph = graph_new();
			is_linked = false;
		} else if (!strcmp(line, "rev")) {
			add_revision(space);
		} else {
			ask(line, space);
			fflush(stdout);
		}
	}
	free(line);
	graph_free(graph);
	return 0;
}
