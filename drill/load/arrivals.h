/* The arrivals of an open-loop load: a constant rate, fixed beforehand, that
 * no slow answer can hold back.
 *
 * Pure.  Arrival n is intended at begin + n / rate, rounded down to whole
 * microseconds, without any drift over a long run.
 */
#ifndef BASCULE_DRILL_LOAD_ARRIVALS_H
#define BASCULE_DRILL_LOAD_ARRIVALS_H

#include "controller/core/instant.h"

#include <stdint.h>

struct arrivals {
	struct instant begin;
	int64_t rate;  /* a second */
	int64_t count; /* in all; INT64_MAX: without end */
	int64_t next;  /* the number of the next one */
};

/* @duration_us 0: without end. */
void arrivals_init(struct arrivals *arrivals, struct instant begin,
		   int64_t rate, int64_t duration_us);

/* No more of them. */
void arrivals_stop(struct arrivals *arrivals);

/* When the next one is intended; INSTANT_NEVER after the last. */
struct instant arrivals_next(const struct arrivals *arrivals);

#endif
