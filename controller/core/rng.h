/* Random numbers from one seed: xoshiro256** by Blackman and Vigna (2018),
 * seeded by splitmix64.  At most one draw per statement, since C leaves the
 * order of arguments open. */
#ifndef BASCULE_CORE_RNG_H
#define BASCULE_CORE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);

/* Uniform in [0, bound); 0 when @bound is 0.  The bias of the modulo is
 * below bound / 2^64. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

#endif
