#include "base/suggest.h"

#define LONGEST 64

/* Edit distance with neighbouring swaps (craete -> create is one). */
static size_t distance(const char *a, const char *b)
{
	size_t m = strlen(a), n = strlen(b);
	if (m > LONGEST || n > LONGEST)
		return LONGEST;
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	for (size_t i = 1; i <= m; i++) {
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

const char *suggest_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t best = strlen(word) / 3 + 2;
	for (size_t i = 0; i < count; i++) {
		size_t away = distance(word, candidates[i]);
		if (away < best && away < strlen(candidates[i])) {
			best = away;
			nearest = candidates[i];
		}
	}
	return nearest;
}

const char *suggest_in(const char *word, const struct strvec *candidates)
{
	return suggest_nearest(
		word, (const char *const *)strvec_argv(candidates), candidates->count);
}
