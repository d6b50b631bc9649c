#include "controller/core/latency.h"

#include <string.h>

/* Bucket b < 16 holds b microseconds times 16; above, sixteen to the octave.
 * The last one takes all above 8.6 s. */
static unsigned bucket_of(int64_t latency_us)
{
	uint64_t v = latency_us < 0 ? 0 : (uint64_t)latency_us / 16;
	unsigned octave = 0;

	if (v < 16)
		return (unsigned)v;
	while (v >= 32) {
		v >>= 1;
		octave++;
	}
	octave = octave * 16 + (unsigned)v;
	return octave < LATENCY_BUCKETS ? octave : LATENCY_BUCKETS - 1;
}

/* The first latency that is above the bucket: never under the truth. */
static int64_t bucket_end_us(unsigned bucket)
{
	if (bucket < 16)
		return ((int64_t)bucket + 1) * 16;
	return ((int64_t)(bucket % 16) + 17) << (bucket / 16 - 1) << 4;
}

void latency_init(struct latency *lat)
{
	memset(lat, 0, sizeof(*lat));
}

void latency_add(struct latency *lat, int64_t latency_us)
{
	unsigned bucket = bucket_of(latency_us);

	if (lat->used == LATENCY_WINDOW)
		lat->count[lat->ring[lat->next]]--;
	else
		lat->used++;
	lat->ring[lat->next] = (uint8_t)bucket;
	lat->count[bucket]++;
	lat->next = (uint8_t)((lat->next + 1u) % LATENCY_WINDOW);
	lat->latest_us = latency_us;
}

unsigned latency_known(const struct latency *lat)
{
	return lat->used;
}

int64_t latency_percentile_us(const struct latency *lat, unsigned percent)
{
	unsigned above = lat->used * (100 - percent) / 100;
	unsigned seen = 0, bucket = LATENCY_BUCKETS;

	if (lat->used == 0)
		return 0;
	while (seen <= above)
		seen += lat->count[--bucket];
	return bucket_end_us(bucket);
}
