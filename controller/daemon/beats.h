/* Beats: how many of the other nodes' datagrams are lost on the way here.
 *
 * A node numbers what it sends, and sends all others about the same: what came
 * is compared with a fair share of the numbers.  What all of them lose is lost
 * by our link, so the least loss counts.
 */
#ifndef BASCULE_DAEMON_BEATS_H
#define BASCULE_DAEMON_BEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/settings.h"

/* So long is counted. */
#define BEATS_SPAN_US (5 * SECOND)

struct beats {
	uint64_t first[SETTINGS_NODES_MAX]; /* number seen; 0: none yet */
	uint64_t last[SETTINGS_NODES_MAX];
	unsigned heard[SETTINGS_NODES_MAX]; /* after the first */
	struct instant since;               /* the counts began; or NONE */
	unsigned percent;                   /* lost, of the last span */
};

void beats_init(struct beats *beats);

/* A datagram of @node has come, which counts up from any number. */
void beats_hear(struct beats *beats, unsigned node, uint64_t number);

/* The percentage lost, of the last whole span.  @up: the other nodes that are
 * heard at all; @count of all nodes. */
unsigned beats_loss(struct beats *beats, const bool *up, unsigned count,
		    struct instant now);

#endif
