/* One node of three, n1, whose peers are played by the test. */
#ifndef BASCULE_TESTS_QUORUM_WORLD_H
#define BASCULE_TESTS_QUORUM_WORLD_H

#include "controller/core/election_state.h"

#define BOOT_OF(node) (1000u + (node))

struct quorum_world {
	struct election_settings set;
	struct election *e; /* owned */
	struct instant now;
	struct hard_state disk; /* what was stored last */
	uint64_t store_id;      /* of the write under way, or 0 */
	bool slow_disk;         /* the test answers the writes itself */
	uint64_t promote_id, release_id, route_id;
	unsigned count; /* of the actions since quorum_forget() */
	struct election_action list[512];
	uint64_t sequence;
	struct message msg;
};

/* A node that has started, released and seen its boot promise run out, and
 * heard from all; its document is at { 3, 7 }, its term 3. */
void quorum_open(struct quorum_world *w);
void quorum_close(struct quorum_world *w);
void quorum_forget(struct quorum_world *w);

void quorum_feed(struct quorum_world *w, struct election_event ev);
void quorum_wait(struct quorum_world *w, int64_t span_us);

/* Begin a message of @from in w->msg, to be changed and then heard. */
struct message *quorum_message(struct quorum_world *w, unsigned from,
			       enum message_kind kind, uint64_t term);
void quorum_hear(struct quorum_world *w);

/* A heartbeat of @from as the leader of @term. */
void quorum_beat(struct quorum_world *w, unsigned from, uint64_t term);

/* An answer to the heartbeat sent at @sent, with @stored on its disk. */
void quorum_ack(struct quorum_world *w, unsigned from, struct instant sent,
		struct position stored);

/* The last action of @kind, or NULL; of what was sent, the last message. */
const struct election_action *quorum_did(const struct quorum_world *w,
					 enum election_action_kind kind);
const struct message *quorum_sent(const struct quorum_world *w, unsigned to,
				  enum message_kind kind);

/* Let it win a term and become primary, acknowledged by n2 and n3. */
void quorum_elect(struct quorum_world *w);

#endif
