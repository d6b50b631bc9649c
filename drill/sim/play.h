/* A scenario played in the simulated world. */
#ifndef BASCULE_DRILL_SIM_PLAY_H
#define BASCULE_DRILL_SIM_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "drill/scenario.h"
#include "drill/sim/world.h"

struct played {
	bool passed;
	char why[400]; /* FILE:LINE and what was not as it should be */
	uint64_t hash;
	uint64_t steps;
};

/* Whether all words of @sc are known.  0 or -EINVAL. */
int play_check(const struct scenario *sc, struct err *err);

/* Play @sc, which play_check() accepts, with @seed.
 *
 * @line: hears every line, or NULL.
 * Returns 0, or a negative errno when its settings are wrong.
 */
int play(const struct scenario *sc, uint64_t seed, world_line_fn line,
	 void *arg, struct played *ret_played, struct err *err);

#endif
