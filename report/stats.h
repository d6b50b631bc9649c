/* Summary figures of a set of spans.
 *
 * Percentiles are by nearest rank: a value that was really measured, never
 * one under it, so a small set errs to the long side.  The median of an even
 * number is the mean of the two in the middle.
 */
#ifndef BASCULE_REPORT_STATS_H
#define BASCULE_REPORT_STATS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds; all 0 when n is 0.  The deviation is that of a sample. */
struct stats {
	size_t n;
	int64_t min, mean, p50, p90, p95, p99, max, stddev;
};

/* The figures of @values, which are sorted in place. */
struct stats stats_of(int64_t *values, size_t n);

/* {"n", "min", "mean", ... } in seconds; a new reference, NULL when memory is
 * out.  An empty set is {"n": 0}. */
json_t *stats_json(const struct stats *st);

#endif
