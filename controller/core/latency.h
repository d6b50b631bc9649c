/* The last hundred latencies of a target and their 95th percentile.
 *
 * Kept as a ring of logarithmic buckets, sixteen to the octave: at most 6.25 %
 * too high, never too low, 360 bytes a target.
 */
#ifndef BASCULE_CORE_LATENCY_H
#define BASCULE_CORE_LATENCY_H

#include <stdint.h>

#define LATENCY_WINDOW  100
#define LATENCY_BUCKETS 256

struct latency {
	uint8_t ring[LATENCY_WINDOW];
	uint8_t count[LATENCY_BUCKETS];
	uint8_t used, next;
	int64_t latest_us;
};

void latency_init(struct latency *lat);
void latency_add(struct latency *lat, int64_t latency_us);

/* How many are known, at most LATENCY_WINDOW. */
unsigned latency_known(const struct latency *lat);

/* The @percent-th percentile in microseconds; 0 when none is known. */
int64_t latency_percentile_us(const struct latency *lat, unsigned percent);

#endif
