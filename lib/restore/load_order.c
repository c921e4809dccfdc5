#include "restore/load_order.h"

void load_order_init(struct load_order *order, size_t tables, size_t follows)
{
	*order = (struct load_order){.tables = tables, .count = tables + follows, .left = follows};
	order->steps = xcalloc(order->count + 1, sizeof(order->steps[0]));
	order->ready = xcalloc(follows + 1, sizeof(order->ready[0]));
}

void load_order_release(struct load_order *order)
{
	free(order->steps);
	free(order->ready);
	*order = (struct load_order){0};
}

/*
 * What can be begun: a heap
 */

static bool is_before(const struct load_order *order, size_t a, size_t b)
{
	size_t left = order->ready[a], right = order->ready[b];
	int64_t x = order->steps[left].weight, y = order->steps[right].weight;
	return x != y ? x > y : left < right;
}

static void exchange(struct load_order *order, size_t a, size_t b)
{
	size_t job = order->ready[a];
	order->ready[a] = order->ready[b];
	order->ready[b] = job;
}

static void push_ready(struct load_order *order, size_t job)
{
	size_t at = order->ready_count++;
	order->ready[at] = job;
	for (; at && is_before(order, at, (at - 1) / 2); at = (at - 1) / 2)
		exchange(order, at, (at - 1) / 2);
}

static size_t pop_ready(struct load_order *order)
{
	size_t job = order->ready[0], at = 0;
	order->ready[0] = order->ready[--order->ready_count];
	for (;;) {
		size_t best = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < order->ready_count && is_before(order, child, best))
				best = child;
		if (best == at)
			return job;
		exchange(order, at, best);
		at = best;
	}
}

/*
 * What waits
 */

static void release(struct load_order *order, size_t first, bool last)
{
	for (size_t at = first; at; at = order->steps[at - 1].next)
		if (order->steps[at - 1].last == last)
			push_ready(order, at - 1);
}

static void wait_in(struct load_order *order, size_t *list, size_t job)
{
	order->steps[job].next = *list;
	*list = job + 1;
}

void load_order_link(struct load_order *order)
{
	for (size_t job = order->tables; job < order->count; job++) {
		struct load_step *step = &order->steps[job];
		struct load_step *table =
			step->after < order->tables ? &order->steps[step->after] : NULL;
		order->open += !step->last;
		if (table) {
			table->open += !step->last;
			wait_in(order, &table->first, job);
		} else if (step->after == LOAD_ORDER_READY && !step->last) {
			push_ready(order, job);
		} else {
			wait_in(order, &order->waiting, job);
		}
	}
	if (order->tables)
		return;
	release(order, order->waiting, false);
	if (!order->open)
		release(order, order->waiting, true);
}

static void table_ended(struct load_order *order, struct load_step *table)
{
	order->ended_tables++;
	release(order, table->first, false);
	if (!table->open)
		release(order, table->first, true);
	if (order->ended_tables < order->tables)
		return;
	release(order, order->waiting, false);
	if (!order->open)
		release(order, order->waiting, true);
}

static void follow_ended(struct load_order *order, const struct load_step *step)
{
	if (step->last)
		return;
	order->open--;
	if (step->after < order->tables && !--order->steps[step->after].open)
		release(order, order->steps[step->after].first, true);
	if (!order->open && order->ended_tables == order->tables)
		release(order, order->waiting, true);
}

static size_t pieces_of(const struct load_step *step)
{
	return step->pieces ? step->pieces : 1;
}

void load_order_ended(struct load_order *order, size_t job)
{
	struct load_step *step = &order->steps[job];
	order->running--;
	if (++step->pieces_ended < pieces_of(step))
		return;
	step->ended = true;
	if (job < order->tables)
		table_ended(order, step);
	else
		follow_ended(order, step);
}

/*
 * What comes next
 */

static bool is_table_first(const struct load_order *order)
{
	if (order->next_table == order->tables)
		return false;
	return !order->ready_count ||
	       order->steps[order->next_table].weight > order->steps[order->ready[0]].weight;
}

enum db_next load_order_next(struct load_order *order, size_t *job)
{
	bool tables_left = order->next_table < order->tables;
	struct load_step *step;
	if (!tables_left && !order->ready_count)
		return order->left ? DB_NEXT_WAIT : DB_NEXT_NONE;
	if (is_table_first(order)) {
		*job = order->next_table;
		step = &order->steps[*job];
		order->next_table += ++step->pieces_begun == pieces_of(step);
	} else {
		*job = pop_ready(order);
		order->left--;
	}
	step = &order->steps[*job];
	step->begun = true;
	step->alone = !order->running && order->next_table == order->tables && !order->ready_count;
	order->running++;
	return DB_NEXT_JOB;
}
