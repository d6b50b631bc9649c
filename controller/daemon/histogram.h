/* A histogram of spans with fixed bounds. */
#ifndef BASCULE_DAEMON_HISTOGRAM_H
#define BASCULE_DAEMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 20

/* Upper bounds in microseconds, rising, ended by 0. */
#define HISTOGRAM_BOUNDS(name) const int64_t name[HISTOGRAM_BOUNDS_MAX + 1]

struct histogram {
	uint64_t count[HISTOGRAM_BOUNDS_MAX + 1]; /* the last: beyond all */
	uint64_t total;
	int64_t sum_us;
};

static inline void histogram_add(struct histogram *hist, const int64_t *bounds,
				 int64_t span_us)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BOUNDS_MAX && bounds[i] != 0 &&
	       span_us > bounds[i])
		i++;
	if (i < HISTOGRAM_BOUNDS_MAX && bounds[i] == 0)
		i = HISTOGRAM_BOUNDS_MAX;
	hist->count[i]++;
	hist->total++;
	hist->sum_us += span_us;
}

#endif
