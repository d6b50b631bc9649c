/* What one node knows of another.
 *
 * A message counts when it is of the boot that the peer has shown to be alive
 * and when its sequence number is new.  A boot is shown to be alive by echoing
 * the challenge that we put into our messages to that peer, so datagrams of an
 * earlier boot can be repeated as often as anybody likes.
 */
#ifndef BASCULE_CORE_PEER_H
#define BASCULE_CORE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/message.h"
#include "controller/core/rng.h"

/* The sequence numbers seen: the highest, and which of the 64 up to it. */
struct peer_window {
	uint64_t top, seen;
};

struct peer {
	uint64_t boot;            /* 0: none counts yet */
	uint64_t challenge;       /* ours, to be echoed by a new boot */
	uint64_t their_challenge; /* to be echoed by us */
	struct peer_window daemon, guard;
	bool misconfigured; /* its settings or nodes are not ours */

	/* When we received what we echoed to it while it could route by it;
	 * or NONE.  A new boot may still have the routes of the old one. */
	struct instant granted;

	/* All below is of this boot only. */
	struct message_echo echo; /* what we echo to it */
	/* The newest of our messages that it has echoed, and what it was when
	 * it did: whatever it became later, it then knew what we had said. */
	struct instant echoed; /* or NONE */
	uint64_t echoed_term;
	unsigned echoed_flags;
	struct instant heard; /* when that was received; or NONE */
	struct instant acked; /* our newest send time it acknowledged */
	struct instant document_sent;
	struct instant answered; /* when a heartbeat was sent to it last */
	struct instant eligible_since; /* or NONE */
	struct position stored, conforming;
	uint64_t stored_term; /* of the message that said so */
	uint64_t led_term;    /* in which it was heard as primary last; or 0 */
	struct instant led_since; /* and since when */
	bool told; /* a heartbeat has come: what follows is known */
	bool eligible, blank, maintenance;
	int32_t priority;

	/* Its clock against ours. */
	bool drifting;
	struct instant drift_at;   /* when it was received; or NONE */
	struct instant drift_from; /* our reading, not after it was sent */
	int64_t drift_clock_us;
};

enum peer_verdict { PEER_COUNTS, PEER_STRANGER, PEER_REPEATED };

void peer_init(struct peer *peer, struct rng *rng);

/* Whether @msg, received at @now, counts; a new boot is taken over. */
enum peer_verdict peer_admit(struct peer *peer, const struct message *msg,
			     struct instant now, struct rng *rng);

/* Compare the peer's clock with ours over at least @span_us: true when it is
 * certain that one runs more than @drift_ppm faster than the other.
 *
 * @boot: ours.  An echo bounds from both sides when the peer's clock showed
 * what it showed, so no delay of a message can raise a false alarm.
 */
bool peer_drifts(struct peer *peer, const struct message *msg, uint64_t boot,
		 struct instant now, int64_t span_us, unsigned drift_ppm);

#endif
