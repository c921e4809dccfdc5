#include "backup/load_order.h"

void load_order_init(struct load_order *order, size_t tables, size_t follows)
{
	*order = (struct load_order){
		.tables = tables, .count = tables + follows, .next_follow = tables};
	order->steps = xcalloc(order->count + 1, sizeof(order->steps[0]));
}

void load_order_release(struct load_order *order)
{
	free(order->steps);
	*order = (struct load_order){0};
}

static bool is_ready(const struct load_order *order, const struct load_step *step)
{
	if (step->after == LOAD_ORDER_ALL)
		return order->ended_tables == order->tables;
	return step->after == LOAD_ORDER_READY || order->steps[step->after].ended;
}

/* The heaviest that is ready; count: none is. */
static size_t ready_follow(struct load_order *order)
{
	while (order->next_follow < order->count && order->steps[order->next_follow].begun)
		order->next_follow++;
	for (size_t i = order->next_follow; i < order->count; i++)
		if (!order->steps[i].begun && is_ready(order, &order->steps[i]))
			return i;
	return order->count;
}

enum load_next load_order_next(struct load_order *order, size_t *job)
{
	bool tables_left = order->next_table < order->tables;
	size_t follow = ready_follow(order);
	if (!tables_left && follow == order->count)
		return order->next_follow < order->count ? LOAD_NEXT_WAIT : LOAD_NEXT_NONE;
	bool table_first =
		follow == order->count || (tables_left && order->steps[order->next_table].weight >
								  order->steps[follow].weight);
	*job = table_first ? order->next_table++ : follow;
	order->steps[*job].begun = true;
	order->running++;
	return LOAD_NEXT_JOB;
}

void load_order_ended(struct load_order *order, size_t job)
{
	order->steps[job].ended = true;
	order->running--;
	if (job < order->tables)
		order->ended_tables++;
}
