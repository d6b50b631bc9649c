#include "report/stats.h"

#include <math.h>
#include <stdlib.h>

#include "report/span.h"

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t rank(const int64_t *sorted, size_t n, unsigned percent)
{
	size_t at = (n * percent + 99) / 100;

	return sorted[at == 0 ? 0 : at - 1];
}

static int64_t median(const int64_t *sorted, size_t n)
{
	int64_t low = sorted[(n - 1) / 2], high = sorted[n / 2];

	return low + (high - low) / 2;
}

static double mean_of(const int64_t *values, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)values[i];
	return sum / (double)n;
}

static double deviation(const int64_t *values, size_t n, double mean)
{
	double sum = 0;

	if (n < 2)
		return 0;
	for (size_t i = 0; i < n; i++)
		sum += ((double)values[i] - mean) * ((double)values[i] - mean);
	return sqrt(sum / (double)(n - 1));
}

struct stats stats_of(int64_t *values, size_t n)
{
	struct stats st = { .n = n };
	double mean;

	if (n == 0)
		return st;
	qsort(values, n, sizeof(*values), compare);
	mean = mean_of(values, n);
	st.min = values[0];
	st.max = values[n - 1];
	st.mean = (int64_t)llround(mean);
	st.p50 = median(values, n);
	st.p90 = rank(values, n, 90);
	st.p95 = rank(values, n, 95);
	st.p99 = rank(values, n, 99);
	st.stddev = (int64_t)llround(deviation(values, n, mean));
	return st;
}

json_t *stats_json(const struct stats *st)
{
	if (st->n == 0)
		return json_pack("{si}", "n", 0);
	return json_pack("{sI so so so so so so so so}", "n", (json_int_t)st->n,
			 "min", span_json(st->min), "mean", span_json(st->mean),
			 "p50", span_json(st->p50), "p90", span_json(st->p90),
			 "p95", span_json(st->p95), "p99", span_json(st->p99),
			 "max", span_json(st->max), "stddev",
			 span_json(st->stddev));
}
