/*
 * Which table is loaded next, and which statement can be run already: tables by falling size, what
 * follows a table as soon as its rows are in, the heaviest first of all that can be begun. Pure.
 */
#ifndef BACKUP_LOAD_ORDER_H
#define BACKUP_LOAD_ORDER_H

#include "backup/load.h"
#include "backup/load_pool.h"

#define LOAD_ORDER_ALL SIZE_MAX /* waits for every table */
#define LOAD_ORDER_READY (SIZE_MAX - 1) /* waits for nothing */

struct load_step {
	size_t after; /* job of a table, or one of the above */
	int64_t weight;
	bool begun, ended;
};

/* Jobs 0 to tables are tables, heaviest first; behind them what follows, heaviest first. */
struct load_order {
	struct load_step *steps;
	size_t count, tables;
	size_t next_table, next_follow, ended_tables;
	size_t running; /* begun and not ended */
};

void load_order_init(struct load_order *order, size_t tables, size_t follows);
void load_order_release(struct load_order *order);
enum load_next load_order_next(struct load_order *order, size_t *job);
void load_order_ended(struct load_order *order, size_t job);

#endif
