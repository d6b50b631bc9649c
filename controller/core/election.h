/* The quorum protocol of docs/protocol.md: one node of a cluster.
 *
 * Events in, actions out; no clock, no I/O, no allocation after
 * election_new().  Rules are numbered in the code as on that page.
 *
 * What the driver owes:
 * - ev->now is read after a message was received, never before, and again for
 *   each message; it never goes back.
 * - After each step it writes election_page() where the guard sees it, before
 *   it carries out the actions, in order.
 * - An action with a not_after is carried out only when the clock, read right
 *   before, is earlier; else it reports failure.
 * - STORE runs off the loop and is answered by STORED or STORE_FAILED; there
 *   is at most one at a time.
 * - RELEASE first ends all promote work, that which has not begun included,
 *   then releases.
 */
#ifndef BASCULE_CORE_ELECTION_H
#define BASCULE_CORE_ELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/document.h"
#include "controller/core/guard.h"
#include "controller/core/hard.h"
#include "controller/core/instant.h"
#include "controller/core/message.h"

#define ELECTION_NODES_MAX   9
#define ELECTION_ACTIONS_MAX 96
#define ELECTION_NOBODY      UINT32_MAX

struct election_node {
	const char *name; /* borrowed */
	int32_t priority; /* a higher one is preferred */
	bool witness;     /* votes and observes, never leads */
};

struct election_settings {
	const char *cluster; /* borrowed */
	struct election_node nodes[ELECTION_NODES_MAX];
	unsigned node_count, self; /* index */
	int64_t heartbeat_us, lease_us, routing_lease_us;
	unsigned drift_ppm;
	bool preempt;
	int64_t preempt_delay_us;
};

/* R: what a release may take. */
int64_t election_release_budget_us(const struct election_settings *set);

/* Whether the protocol holds under @set; else -EINVAL and a sentence. */
int election_settings_check(const struct election_settings *set,
			    struct err *err);

/* Why a node cannot lead; 0: it can. */
enum election_obstacle {
	ELECTION_MAINTENANCE = 1 << 0,
	ELECTION_CHECKS = 1 << 1, /* a required local check does not pass */
	ELECTION_LATE = 1 << 2,   /* its event loop is late */
	ELECTION_GUARDLESS = 1 << 3,
	ELECTION_STOPPING = 1 << 4,
	ELECTION_UNPROMOTED = 1 << 8,  /* its promote work failed lately */
	ELECTION_CARRIERLESS = 1 << 9, /* the address' interface is cut off */
	/* found by the election itself */
	ELECTION_WITNESS = 1 << 5,
	ELECTION_DISK = 1 << 6,
	ELECTION_BLANK = 1 << 7
};

enum election_event_kind {
	ELECTION_START, /* the first one */
	ELECTION_TICK,  /* election_deadline() has come */
	ELECTION_MESSAGE,
	ELECTION_STORED,
	ELECTION_STORE_FAILED,
	ELECTION_LOCAL, /* obstacles have changed */
	ELECTION_PROMOTED,
	ELECTION_PROMOTE_FAILED,
	ELECTION_RELEASED,
	ELECTION_RELEASE_FAILED,
	ELECTION_ROUTED,
	ELECTION_ROUTE_FAILED,
	ELECTION_HAND_OVER, /* a person wants another primary */
	ELECTION_DECIDE,    /* write this; see election_may_decide() */
	ELECTION_KEEP,      /* the cluster's maintenance; election_can_keep() */
	ELECTION_HOLD,      /* groups whose routes outlive the lease */
	ELECTION_LEAVE,     /* maintenance is wanted; election_may_leave() */
	ELECTION_OBSERVE,   /* tell all what this node's probes say */
	ELECTION_SHARE      /* and what incidents it knows */
};

/* Groups with on_quorum_loss = "hold". */
struct election_holds {
	unsigned count;
	char groups[DOCUMENT_GROUPS_MAX][DOCUMENT_NAME_MAX + 1];
};

struct election_event {
	enum election_event_kind kind;
	struct instant now;
	union {
		struct {
			const struct hard_state *stored; /* NULL: missing */
			uint64_t boot; /* fresh and random, not 0 */
		} start;
		const struct message *message; /* authentic and decoded */
		uint64_t id;                   /* of the action */
		unsigned obstacles;            /* enum election_obstacle */
		unsigned to; /* node, or ELECTION_NOBODY: the best one */
		const struct document *document; /* its position is ignored */
		/* ON: begin.  ENDS: end.  OFF: end, and wait for nobody. */
		enum document_keep keep;
		const struct election_holds *holds; /* copied */
		bool leave; /* not any more, or it is an obstacle by now */
		struct {
			const uint8_t *body; /* observation_encode() */
			unsigned count;
		} observe; /* borrowed until the actions are carried out */
		struct {
			const uint8_t *body; /* incident_encode() */
			size_t size;
		} share; /* likewise */
	};
};

enum election_note_kind {
	ELECTION_NOTE_STANDS,
	ELECTION_NOTE_WON,
	ELECTION_NOTE_PRIMARY,
	ELECTION_NOTE_STEPS_DOWN,
	ELECTION_NOTE_RESIGNED,
	ELECTION_NOTE_FOLLOWS,
	ELECTION_NOTE_OVERRUN, /* the release took longer than the lease */
	ELECTION_NOTE_DISK_FAILED,
	ELECTION_NOTE_DISK_BACK,
	ELECTION_NOTE_MISCONFIGURED, /* a peer has other settings */
	ELECTION_NOTE_DRIFTS,        /* a peer's clock, beyond the bound */
	ELECTION_NOTE_TWO_LEADERS,   /* of one term: must never be seen */
	ELECTION_NOTE_DOCUMENT_REFUSED,
	ELECTION_NOTE_NOT_DECIDED
};

/* Why office is left. */
enum election_reason {
	ELECTION_REASON_NONE,
	ELECTION_REASON_LEASE,     /* no quorum acknowledged in time */
	ELECTION_REASON_TERM,      /* somebody is in a higher term */
	ELECTION_REASON_OBSTACLE,  /* not eligible any more */
	ELECTION_REASON_HAND_OVER, /* asked to */
	ELECTION_REASON_PREEMPTED, /* a node of higher priority is there */
	ELECTION_REASON_LATE,      /* not primary within a lease of winning */
	ELECTION_REASON_PROMOTE    /* the promote work failed */
};

struct election_note {
	enum election_note_kind kind;
	enum election_reason reason;
	uint64_t term;
	unsigned node;      /* the one it is about */
	unsigned obstacles; /* enum election_obstacle, of this node */
};

enum election_action_kind {
	ELECTION_SEND,
	ELECTION_STORE,
	ELECTION_PROMOTE,
	ELECTION_RELEASE,
	ELECTION_ROUTE,
	ELECTION_COMMITTED, /* what was decided may now be acted on */
	/* Nobody routes to what the group leaves.  It holds in this office
	 * only: whoever is primary again later is told again. */
	ELECTION_WITHDRAWN,
	ELECTION_OBSERVED, /* the message holds observations that count */
	ELECTION_NOTE
};

struct election_action {
	enum election_action_kind kind;
	uint64_t id; /* STORE, PROMOTE, RELEASE, ROUTE: given back */
	struct instant not_after;
	union {
		struct {
			unsigned to;
			/* A document's body is valid until the next step. */
			struct message message;
		} send;
		/* Valid until it is answered. */
		const struct hard_state *store;
		struct {
			uint64_t term;
		} promote;
		struct {
			bool routes; /* of them too: the first act */
		} release;
		struct {
			char group[DOCUMENT_NAME_MAX + 1];
			/* "": withdraw what is routed */
			char instance[DOCUMENT_NAME_MAX + 1];
		} route;
		struct position committed;
		struct {
			char group[DOCUMENT_NAME_MAX + 1];
		} withdrawn;
		struct {
			unsigned from;
			const struct message *message; /* the event's */
		} observed;
		struct election_note note;
	};
};

struct election_actions {
	unsigned count;
	struct election_action list[ELECTION_ACTIONS_MAX];
};

struct election;

/* @set is copied.  NULL when memory is out. */
struct election *election_new(const struct election_settings *set,
			      uint64_t seed);
void election_free(struct election *e);

/* Feed one event and collect what must be done.  @out is overwritten. */
void election_step(struct election *e, const struct election_event *ev,
		   struct election_actions *out);

/* When the next TICK is wanted. */
struct instant election_deadline(const struct election *e);

/* Until when this node may act by the document as it holds it: under a routing
 * lease that was given for it, with routes that obey it; else NONE. */
struct instant election_permit(const struct election *e);

/* What the guard must know now; peers' addresses are the driver's. */
void election_page(const struct election *e, struct guard_page *ret_page);

enum election_role {
	ELECTION_FOLLOWER,
	ELECTION_ASKING,    /* for pre-votes */
	ELECTION_CANDIDATE, /* for votes */
	ELECTION_LEADER,    /* won the term */
	ELECTION_PRIMARY,   /* leader with lease and committed document */
	ELECTION_RELEASING  /* leaving office, or just started */
};

enum election_role election_role(const struct election *e);

/* Whether a DECIDE would be taken: primary, and nothing under way. */
bool election_may_decide(const struct election *e);

/* The document as this node holds it; valid until the next step. */
const struct document *election_document(const struct election *e);

/* Whether a hand-over to @to (or ELECTION_NOBODY) would find a successor;
 * else a negative errno and a sentence. */
int election_can_hand_over(const struct election *e, unsigned to,
			   struct err *err);

/* Whether the cluster could go on without this node: its maintenance must not
 * cost the others their quorum, nor leave them without a primary.  NULL if it
 * can, else why not. */
const char *election_needs_self(const struct election *e);

/* The same for a node that tells all that it wants to be in maintenance
 * (ELECTION_LEAVE), so that of several that want it at once no more are let
 * go than can be: -EAGAIN while the others have not said that they stay; 0;
 * or another negative errno with a sentence. */
int election_may_leave(const struct election *e, struct err *err);

/* Whether a KEEP would be done; else a negative errno and a sentence. */
int election_can_keep(const struct election *e, enum document_keep want,
		      struct err *err);

/* Whether this node keeps what it routes, even when it is stopped. */
bool election_keeps(const struct election *e);

/* Of a primary: the nodes (bits) that do not route as its committed document
 * says yet, as far as it knows. */
uint32_t election_waits_for(const struct election *e);

struct election_peer_view {
	bool up; /* heard within four heartbeats */
	bool misconfigured, drifting, eligible, blank, maintenance;
	struct instant heard; /* or NONE */
	struct instant acked; /* of the leader: send time acknowledged last */
	struct position stored;
};

/* Messages of this boot, by what became of them. */
struct election_heard {
	uint64_t taken;
	uint64_t stale;         /* of a boot that has not shown to be alive */
	uint64_t repeated;      /* heard before, too old, or our own */
	uint64_t misconfigured; /* other settings, or not one of our nodes */
};

struct election_view {
	struct election_heard heard;
	enum election_role role;
	uint64_t term;
	unsigned leader; /* or ELECTION_NOBODY */
	bool leader_primary;
	bool leader_promoted; /* ... and its promote work is done */
	unsigned obstacles;
	bool disk_failed, blank;
	struct instant lease_end;   /* as leader; else NONE */
	struct instant promised;    /* until then; NONE if never */
	struct instant routing_end; /* or NONE */
	struct position stored, committed;
	enum document_keep keep; /* by the document that it holds */
	uint32_t waits_for;      /* of a primary: election_waits_for() */
	uint64_t parted;         /* the last term that a peer says it left, */
	uint32_t parted_by;      /* and how: enum message_left */
	bool resigning; /* has left, and a heartbeat has not told it yet */
	enum message_left left; /* how this node left office last */
	/* ... and until when nothing was wrong */
	struct instant left_whole;
	struct election_peer_view peers[ELECTION_NODES_MAX];
};

void election_look(const struct election *e, struct election_view *ret_view);

const char *election_reason_name(enum election_reason reason);

/* A note as one line; names come from the settings.  Returns @buf. */
const char *election_note_text(const struct election_note *note,
			       const struct election_settings *set, char *buf,
			       size_t size);

#endif
