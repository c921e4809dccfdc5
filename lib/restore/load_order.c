#include "restore/load_order.h"

void load_order_release(struct load_order *order)
{
	free(order->steps);
	free(order->needs);
	free(order->ready);
	free(order->held);
	free(order->running);
	*order = (struct load_order){0};
}

/*
 * Making it
 */

size_t load_order_add(struct load_order *order)
{
	xgrow(order->steps, order->count, order->alloc);
	order->steps[order->count] = (struct load_step){0};
	order->left++;
	return order->count++;
}

size_t load_order_add_gate(struct load_order *order)
{
	size_t job = load_order_add(order);
	order->steps[job].gate = true;
	order->left--;
	return job;
}

void load_order_need(struct load_order *order, size_t job, size_t need)
{
	xgrow(order->needs, order->needs_count, order->needs_alloc);
	order->needs[order->needs_count++] = (struct load_need){job, order->steps[need].first};
	order->steps[need].first = order->needs_count;
	order->steps[job].open++;
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
	size_t at = order->ready_count;
	xgrow(order->ready, order->ready_count, order->ready_alloc);
	order->ready[order->ready_count++] = job;
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
 * What is needed
 */

static void end_step(struct load_order *order, size_t job);

static void meet(struct load_order *order, size_t job)
{
	if (order->steps[job].gate)
		end_step(order, job);
	else
		push_ready(order, job);
}

static void end_step(struct load_order *order, size_t job)
{
	order->steps[job].ended = true;
	for (size_t at = order->steps[job].first; at; at = order->needs[at - 1].next)
		if (!--order->steps[order->needs[at - 1].job].open)
			meet(order, order->needs[at - 1].job);
}

/* Every step behind all that it needs. Caller owns. */
static size_t *sort_by_needs(const struct load_order *order)
{
	size_t *sorted = xcalloc(order->count + 1, sizeof(sorted[0])), count = 0;
	AUTO_FREE size_t *open = xcalloc(order->count + 1, sizeof(open[0]));
	for (size_t job = 0; job < order->count; job++) {
		open[job] = order->steps[job].open;
		if (!open[job])
			sorted[count++] = job;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t at = order->steps[sorted[i]].first; at; at = order->needs[at - 1].next)
			if (!--open[order->needs[at - 1].job])
				sorted[count++] = order->needs[at - 1].job;
	return sorted;
}

/* What a heavy step waits for is as urgent as that step. A gate is no hurry: all come before it. */
static void weigh(struct load_order *order)
{
	AUTO_FREE size_t *sorted = sort_by_needs(order);
	for (size_t i = order->count; i-- > 0;) {
		struct load_step *step = &order->steps[sorted[i]];
		for (size_t at = step->first; at; at = order->needs[at - 1].next) {
			const struct load_step *behind = &order->steps[order->needs[at - 1].job];
			if (!behind->gate && behind->weight > step->weight)
				step->weight = behind->weight;
		}
	}
}

/* A gate that another opens has ended by the time that it is come to. */
void load_order_start(struct load_order *order)
{
	weigh(order);
	for (size_t job = 0; job < order->count; job++)
		if (!order->steps[job].open && !order->steps[job].ended && !order->steps[job].gate)
			push_ready(order, job);
	for (size_t job = 0; job < order->count; job++)
		if (!order->steps[job].open && !order->steps[job].ended && order->steps[job].gate)
			end_step(order, job);
}

/*
 * Locks, as PostgreSQL has them
 */

static const unsigned conflicts[] = {
	[LOAD_READ] = 1 << LOAD_ALTER,
	[LOAD_CHECK] = 1 << LOAD_CHECK | 1 << LOAD_BUILD | 1 << LOAD_LINK | 1 << LOAD_ALTER,
	[LOAD_BUILD] = 1 << LOAD_CHECK | 1 << LOAD_LINK | 1 << LOAD_ALTER,
	[LOAD_LINK] = 1 << LOAD_CHECK | 1 << LOAD_BUILD | 1 << LOAD_LINK | 1 << LOAD_ALTER,
	[LOAD_ALTER] = 1 << LOAD_READ | 1 << LOAD_CHECK | 1 << LOAD_BUILD | 1 << LOAD_LINK |
		       1 << LOAD_ALTER,
};

static bool claims_conflict(const struct load_claim *left, const struct load_claim *right)
{
	for (size_t i = 0; i < LOAD_CLAIMS && left[i].table; i++)
		for (size_t j = 0; j < LOAD_CLAIMS && right[j].table; j++)
			if (left[i].table == right[j].table &&
				conflicts[left[i].lock] & 1U << right[j].lock)
				return true;
	return false;
}

static bool is_free(const struct load_order *order, const struct load_claim *claims)
{
	for (size_t i = 0; i < order->running_count; i++)
		if (claims_conflict(order->running[i].claims, claims))
			return false;
	return true;
}

static void run(struct load_order *order, size_t job, const struct load_claim *claims)
{
	xgrow(order->running, order->running_count, order->running_alloc);
	struct load_running *running = &order->running[order->running_count++];
	running->job = job;
	memcpy(running->claims, claims, sizeof(running->claims));
}

static void run_no_more(struct load_order *order, size_t job)
{
	for (size_t i = 0; i < order->running_count; i++)
		if (order->running[i].job == job) {
			order->running[i] = order->running[--order->running_count];
			return;
		}
}

/*
 * What comes next
 */

/* The others stay ready, and are known until the next call. */
static bool pop_free(struct load_order *order, size_t *job)
{
	bool found = false;
	order->held_count = 0;
	while (order->ready_count && !found) {
		*job = pop_ready(order);
		found = is_free(order, order->steps[*job].claims);
		if (found)
			break;
		xgrow(order->held, order->held_count, order->held_alloc);
		order->held[order->held_count++] = *job;
	}
	for (size_t i = 0; i < order->held_count; i++)
		push_ready(order, order->held[i]);
	return found;
}

static bool is_alone(const struct load_order *order, const struct load_step *step)
{
	if (order->running_count)
		return false;
	for (size_t i = 0; i < order->ready_count; i++)
		if (!claims_conflict(order->steps[order->ready[i]].claims, step->claims))
			return false;
	return true;
}

static size_t pieces_of(const struct load_step *step)
{
	return step->pieces ? step->pieces : 1;
}

enum db_next load_order_next(struct load_order *order, size_t *job)
{
	if (!pop_free(order, job))
		return order->left ? DB_NEXT_WAIT : DB_NEXT_NONE;
	struct load_step *step = &order->steps[*job];
	step->alone = is_alone(order, step);
	if (++step->pieces_begun < pieces_of(step))
		push_ready(order, *job);
	else
		order->left--;
	step->begun = true;
	order->working++;
	run(order, *job, step->claims);
	return DB_NEXT_JOB;
}

void load_order_ended(struct load_order *order, size_t job)
{
	struct load_step *step = &order->steps[job];
	order->working--;
	run_no_more(order, job);
	if (++step->pieces_ended == pieces_of(step))
		end_step(order, job);
}

bool load_order_begin_aside(struct load_order *order, size_t job, const struct load_claim *claim)
{
	const struct load_claim claims[LOAD_CLAIMS] = {*claim};
	if (!is_free(order, claims))
		return false;
	for (size_t i = 0; i < order->held_count; i++)
		if (claims_conflict(order->steps[order->held[i]].claims, claims))
			return false;
	run(order, job, claims);
	return true;
}

void load_order_ended_aside(struct load_order *order, size_t job)
{
	run_no_more(order, job);
}
