/* What a replica counted, and the same as Prometheus text. */
#ifndef BASCULE_DRILL_REPLICA_TALLY_H
#define BASCULE_DRILL_REPLICA_TALLY_H

#include "drill/replica/fault.h"
#include "drill/replica/page.h"

#include <stdint.h>
#include <stdio.h>

#define TALLY_STATUS_MAX 600

struct tally {
	uint64_t requests[PAGES][TALLY_STATUS_MAX]; /* answered, by status */
	uint64_t faults[FAULT_KINDS]; /* requests that a fault hit */
	uint64_t bad_requests;        /* not HTTP, or too large */
	uint64_t accepted;            /* connections so far */
	uint64_t open;                /* connections now */
};

/* @listeners: how many listeners have each kind of fault now. */
void tally_print(const struct tally *tally,
		 const unsigned listeners[static FAULT_KINDS], FILE *out);

#endif
