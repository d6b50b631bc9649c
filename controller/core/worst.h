/* How long a fault stays unseen at worst, computed from the settings alone.
 *
 * Microseconds, from the fault to this node's verdict.  What is not in it: the
 * time that wrong answers themselves take, a wait for a place among the checks
 * under way, other nodes' words where a majority must agree, and the time in
 * which this node doubts itself (self.h) and condemns nobody.
 */
#ifndef BASCULE_CORE_WORST_H
#define BASCULE_CORE_WORST_H

#include <stdint.h>

#include "controller/core/settings.h"

struct worst {
	/* It is gone: connections are refused, and refused again. */
	int64_t refused_us;
	int64_t answer_us;  /* it answers, but wrongly */
	int64_t silence_us; /* it hangs, or its host or the way is gone */
	/* The same for new connections alone, as with a full accept queue,
	 * while the one that is held still answers. */
	int64_t listener_us;
	/* Silence, when this node itself is slow or has learned that packets
	 * are lost: both make it ask more often before it judges. */
	int64_t strained_us;
};

struct worst worst_of(const struct check_settings *check);

#endif
