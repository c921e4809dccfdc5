/*
 * graph_add() with copies of what it is given: graphs borrow, and tests make up their texts as they
 * go. The copies stay until the program ends.
 */
#ifndef SUPPORT_GRAPH_ADD_H
#define SUPPORT_GRAPH_ADD_H

#include "base/arena.h"
#include "graph/graph.h"

static struct arena graph_texts;

static struct strvec copy_words(const struct strvec *words)
{
	struct strvec copy = STRVEC_INIT;
	STRVEC_EACH (words, word)
		arena_push(&graph_texts, &copy, word, strlen(word));
	return copy;
}

static const char *copy_text(const char *text)
{
	return text ? arena_text(&graph_texts, text, strlen(text)) : NULL;
}

static void graph_add_copy(struct graph *graph, const struct graph_header *header)
{
	graph_add(graph, &(struct graph_header){.id = copy_text(header->id),
				 .message = copy_text(header->message),
				 .origin = copy_text(header->origin),
				 .down = copy_words(&header->down),
				 .depends = copy_words(&header->depends),
				 .labels = copy_words(&header->labels)});
}

#endif
