#include "controller/core/loss.h"

#include <stdint.h>

/* Where the share begins after the first loss.  A link that begins to lose a
 * fifth of all packets each way loses 0.36 to 0.59 of the trips over new
 * connections (four packets), and nobody knows it yet: the first row of lost
 * trips is judged by the settings' `lost` alone (10: 0.36^9 = 1e-4 of the rows,
 * 0.59^9 = 9e-3), each later one by what the first has taught. */
#define LOSS_FIRST (LOSS_ONE / 4)
/* Each loss weighs as much as two trips that went well, so that the share is
 * over the truth rather than under it: 0.36 becomes 0.53, with a deviation of
 * 0.06.  What went well over a connection that stood (two packets, and no
 * SYN) says less. */
#define LOSS_WEIGHT  16
#define WELL_WEIGHT  32
#define STOOD_WEIGHT 256

/* 65536 * 1e-7^(1/n), for n from 1 on: the share at which n lost trips in a
 * row happen by chance once in ten million times. */
static const uint16_t shares[LOSS_TRIPS_MAX] = {
	0,     20,    304,   1165,  2609,  4464,  6553,  8739,  10932, 13076,
	15139, 17105, 18967, 20724, 22377, 23932, 25393, 26766, 28058, 29273,
	30419, 31499, 32518, 33482, 34393, 35257, 36076, 36853, 37592, 38295,
	38964, 39603, 40212, 40794, 41350, 41882, 42392, 42881, 43350, 43800,
	44233, 44649, 45049, 45434, 45806, 46164, 46509, 46843, 47165, 47476,
	47777, 48068, 48350, 48623, 48888, 49145, 49393, 49635, 49869, 50097,
	50318, 50533, 50742, 50945,
};

unsigned loss_add(unsigned share, bool lost, bool fresh)
{
	if (!lost)
		return share - share / (fresh ? WELL_WEIGHT : STOOD_WEIGHT);
	if (fresh)
		share += (LOSS_ONE - share) / LOSS_WEIGHT;
	return share > LOSS_FIRST ? share : LOSS_FIRST;
}

unsigned loss_trips(unsigned share)
{
	unsigned n = 1;

	while (n < LOSS_TRIPS_MAX && shares[n - 1] < share)
		n++;
	return n;
}
