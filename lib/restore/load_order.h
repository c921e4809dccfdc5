/*
 * Which step of a load is begun next: the heaviest of those whose needs have ended and whose locks
 * are free. Pure.
 */
#ifndef RESTORE_LOAD_ORDER_H
#define RESTORE_LOAD_ORDER_H

#include "db/pool.h"
#include "restore/load.h"

struct load_step {
	/* The caller's: */
	int64_t weight;
	size_t pieces; /* how often it is begun, and has to end; 0: once */
	struct load_claim claims[LOAD_CLAIMS]; /* held while it runs */
	/* The order's: */
	bool gate; /* nothing to run: it has ended when all that it needs has */
	bool begun, ended;
	size_t pieces_begun, pieces_ended;
	bool alone; /* when it was begun, nothing else ran or could be begun beside it */
	size_t open; /* how many that it needs have not ended */
	size_t first; /* need + 1: of those who need it; 0: none */
};

struct load_need {
	size_t job; /* who needs */
	size_t next; /* need + 1, of another who needs the same; 0: none */
};

/* What runs, or could not be begun because of what runs. */
struct load_running {
	size_t job;
	struct load_claim claims[LOAD_CLAIMS];
};

/* Between equals the one that was added first is begun first. */
struct load_order {
	struct load_step *steps;
	size_t count, alloc;
	struct load_need *needs;
	size_t needs_count, needs_alloc;
	size_t *ready, ready_count, ready_alloc; /* a heap: the heaviest is on top */
	size_t *held, held_count, held_alloc; /* ready, but for a lock; emptied by each call */
	struct load_running *running;
	size_t running_count, running_alloc;
	size_t working; /* steps that run */
	size_t left; /* not begun */
};
void load_order_release(struct load_order *order);

/* Both return the number of the new step; its fields are filled in before the start. */
size_t load_order_add(struct load_order *order);
size_t load_order_add_gate(struct load_order *order);
/* `job` is begun after `need` has ended; no circles. */
void load_order_need(struct load_order *order, size_t job, size_t need);
/* When all is said. A step becomes as heavy as the heaviest that needs it. */
void load_order_start(struct load_order *order);

enum db_next load_order_next(struct load_order *order, size_t *job);
void load_order_ended(struct load_order *order, size_t job);

/*
 * Work beside the steps, numbered behind them: it may be begun where it neither conflicts with what
 * runs nor with what waits for a lock.
 */
bool load_order_begin_aside(struct load_order *order, size_t job, const struct load_claim *claim);
void load_order_ended_aside(struct load_order *order, size_t job);

#endif
