/* The witness: what the daemon itself says that it saw and did.
 *
 * Reads the events of the API over the control socket; times are the
 * daemon's own, so asking late makes nothing late.
 */
#ifndef BASCULE_DRILL_LIVE_WITNESS_H
#define BASCULE_DRILL_LIVE_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "report/drill.h"

struct witness {
	const char *socket; /* borrowed */
	int64_t after;      /* the last event that was read; -1: none */
};

/* Read all that happened since the last call.
 *
 * @run:    gets detected, first bad evidence, recovered, held, the incident
 *          and the evidence; times already set are kept.
 * @targets: bit i: stage_names[i] is meant to fail.
 * @ret_false: counts targets called DOWN that were not meant to.
 */
int witness_read(struct witness *witness, unsigned targets,
		 struct drill_run *run, unsigned *ret_false, struct err *err);

/* Whether every target is UP and no incident is open. */
int witness_whole(const struct witness *witness, bool *ret_whole,
		  struct err *err);

#endif
