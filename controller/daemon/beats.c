#include "controller/daemon/beats.h"

#include <string.h>

#define BEATS_MIN 20

void beats_init(struct beats *beats)
{
	*beats = (struct beats){ .since = INSTANT_NONE };
}

void beats_hear(struct beats *beats, unsigned node, uint64_t number)
{
	if (node >= SETTINGS_NODES_MAX)
		return;
	/* The first one, or another life of that node. */
	if (beats->first[node] == 0 || number < beats->first[node]) {
		beats->first[node] = beats->last[node] = number;
		beats->heard[node] = 0;
		return;
	}
	if (number > beats->last[node])
		beats->last[node] = number;
	beats->heard[node]++;
}

/* Of too few nothing can be said. */
static unsigned lost(const struct beats *beats, unsigned node, unsigned others)
{
	uint64_t sent = (beats->last[node] - beats->first[node]) / others;

	if (sent < BEATS_MIN || beats->heard[node] >= sent)
		return 0;
	return 100 - (unsigned)(beats->heard[node] * (uint64_t)100 / sent);
}

static unsigned least_lost(const struct beats *beats, const bool *up,
			   unsigned count)
{
	unsigned least = 100, i;
	bool any = false;

	for (i = 0; i < count; i++) {
		if (!up[i])
			continue;
		any = true;
		if (lost(beats, i, count - 1) < least)
			least = lost(beats, i, count - 1);
	}
	return any ? least : 0;
}

unsigned beats_loss(struct beats *beats, const bool *up, unsigned count,
		    struct instant now)
{
	int64_t span_us = instant_is_none(beats->since)
				  ? 2 * BEATS_SPAN_US
				  : instant_diff_us(beats->since, now);

	if (span_us < BEATS_SPAN_US)
		return beats->percent;
	/* This node stood still: what came meanwhile is no measure. */
	beats->percent = span_us < 3 * BEATS_SPAN_US / 2
				 ? least_lost(beats, up, count)
				 : 0;
	memset(beats->first, 0, sizeof(beats->first));
	beats->since = now;
	return beats->percent;
}
