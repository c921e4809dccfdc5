/*
 * Which table is loaded next, and which statement can be run already: tables by falling size, what
 * follows a table as soon as its rows are in, the heaviest first of all that can be begun. Pure.
 */
#ifndef RESTORE_LOAD_ORDER_H
#define RESTORE_LOAD_ORDER_H

#include "db/pool.h"
#include "restore/load.h"

#define LOAD_ORDER_ALL SIZE_MAX /* waits for every table */
#define LOAD_ORDER_READY (SIZE_MAX - 1) /* waits for nothing */

struct load_step {
	/* The caller's: */
	int64_t weight;
	size_t after; /* job of a table, or one of the above; tables have none */
	size_t pieces; /* of a table: how often it is begun, and has to end; 0: once */
	bool last; /* behind all other steps of its table; with no table of its own: behind all */
	/* The order's: */
	bool begun, ended;
	size_t pieces_begun, pieces_ended;
	bool alone; /* when it was begun, nothing else ran or could be begun */
	size_t open; /* of a table: how many follow it, are not last and have not ended */
	size_t first, next; /* job + 1, 0: none. What waits for this table; what waits there, too */
};

/* Jobs 0 to tables are tables, heaviest first; behind them what follows. */
struct load_order {
	struct load_step *steps;
	size_t count, tables;
	size_t next_table, ended_tables;
	size_t open; /* as of one table, of all together */
	size_t waiting; /* job + 1: what waits for all tables */
	size_t *ready, ready_count; /* a heap: the heaviest that can be begun is on top */
	size_t left; /* of those that follow: not begun */
	size_t running; /* begun and not ended */
};

/* Then the caller fills in its fields of the steps, and links them. */
void load_order_init(struct load_order *order, size_t tables, size_t follows);
void load_order_link(struct load_order *order);
void load_order_release(struct load_order *order);
enum db_next load_order_next(struct load_order *order, size_t *job);
void load_order_ended(struct load_order *order, size_t job);

#endif
