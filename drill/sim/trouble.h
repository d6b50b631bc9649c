/* Random trouble for a simulated world: a stage by lot, faults by lot, and in
 * the end peace, after which everything must come to rest. */
#ifndef BASCULE_DRILL_SIM_TROUBLE_H
#define BASCULE_DRILL_SIM_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "drill/sim/world.h"

struct trouble_told {
	bool passed;
	char why[400];
	uint64_t hash, steps;
	uint64_t faults; /* that were made */
	unsigned incidents;
};

/* Live through @span_us of trouble and the peace after it; the same seed
 * gives the same story.
 *
 * @line: hears every line, or NULL.
 */
void trouble_tell(uint64_t seed, int64_t span_us, world_line_fn line, void *arg,
		  struct trouble_told *ret_told);

#endif
