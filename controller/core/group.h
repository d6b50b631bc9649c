/* One group of databases: who is its primary, and how that changes.
 *
 * Pure, like the election beside it.  The document that the nodes agree on
 * (document.h) is the truth about epoch, primary and phase; this machine says
 * what the phase wants done, and asks for the next one.  Only the machine of
 * the node that is in office acts; the others keep what they see, so that
 * whoever takes over goes on from the document.
 *
 *   STEADY -> FENCING -> PROMOTING -> STEADY
 *
 * FENCING: nobody is to route to the instance that is left any more, and it is
 * told to stop; then positions stand still and are compared.  From FENCING it
 * may go back to STEADY with the same primary.  PROMOTING, with the next
 * epoch: the successor is promoted and proves that it takes writes; if it
 * cannot, the next one is tried, with another epoch.
 */
#ifndef BASCULE_CORE_GROUP_H
#define BASCULE_CORE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/document.h"
#include "controller/core/instant.h"
#include "controller/core/plan.h"
#include "controller/core/settings.h"

#define GROUP_ACTIONS_MAX 64
#define GROUP_TEXT_MAX    120

#define GROUP_RETRY_US (5 * SECOND)
/* An old primary that was told whom to follow does so by then. */
#define GROUP_JOIN_US (10 * SECOND)
/* A rejoin hook that failed is run again after GROUP_RETRY_US, and after twice
 * as long each further time; a person is called after so many. */
#define GROUP_REJOIN_US_MAX (5 * MINUTE)
#define GROUP_REJOIN_TRIES  3
/* Best effort: to an instance that may hang. */
#define GROUP_FENCE_US (1 * SECOND)
/* A planned hand-over that takes longer is given up. */
#define GROUP_CATCH_UP_US (10 * SECOND)

struct group_instance_settings {
	const char *name; /* borrowed; the target's */
	const char *host; /* as configured */
	uint16_t port;
	unsigned priority;
	/* The node on whose machine it runs; NULL: not known, and what is to
	 * be run for it runs where the group is decided on. */
	const char *node;
	bool hosted; /* that is this one */
};

struct group_settings {
	const char *name; /* borrowed; the service's */
	const struct failover_settings *failover;
	struct group_instance_settings list[PLAN_INSTANCES_MAX];
	unsigned count;
	int64_t fresh_us; /* facts older than that are none */
};

enum group_event_kind {
	GROUP_TICK, /* group_deadline() has come */
	GROUP_FACTS,
	GROUP_HEALTH,
	GROUP_OFFICE,    /* whether this node decides */
	GROUP_DOCUMENT,  /* the stored document: NULL entry, not decided yet */
	GROUP_WITHDRAWN, /* nobody routes to what is left any more */
	GROUP_DONE,      /* of an order or hook */
	GROUP_FAILED,
	GROUP_INTERRUPTED, /* its rejoin hook was killed with the daemon */
	GROUP_SWITCHOVER,  /* a person wants another primary */
	GROUP_PERMIT       /* whether a failover may begin now */
};

struct group_event {
	enum group_event_kind kind;
	struct instant now;
	int64_t wall_us;
	unsigned instance;    /* FACTS, HEALTH, INTERRUPTED: index */
	struct instant asked; /* FACTS: when it was asked for them */
	union {
		const struct database_facts *facts; /* borrowed */
		struct {
			bool down;      /* its checks say so */
			bool confirmed; /* and so does who else must */
			bool certain;   /* refused twice, process gone */
			bool suspect;   /* a row of bad answers has begun */
			bool maintenance;
			bool called;  /* the primary node wants it rejoined,
					 and this one hosts it */
			bool at_work; /* its node says that it rejoins it */
			bool host_up; /* its node is heard, or is this one */
		} health;
		bool office;
		const struct document_group *document;
		struct {
			uint64_t id;
			const char *why; /* of FAILED */
			/* It cannot become a replica as it is: what it has is
			 * no part of the primary's history, or it runs as a
			 * primary for good. */
			bool parted;
		} answer;
		struct {
			unsigned to; /* index, or PLAN_NOBODY: the best */
			uint64_t token;
		} switchover;
		const char *forbids; /* PERMIT: NULL, or a sentence */
	};
};

enum group_note_kind {
	GROUP_NOTE_ADOPTED,      /* found as primary, and left so */
	GROUP_NOTE_AMBIGUOUS,    /* two primaries, none is decided: no guess */
	GROUP_NOTE_HELD,         /* a failover is due and may not be; why */
	GROUP_NOTE_UNFIT,        /* to may not succeed from; why */
	GROUP_NOTE_BEGUN,        /* from, to; why */
	GROUP_NOTE_PROMOTING,    /* to */
	GROUP_NOTE_NOT_PROMOTED, /* to; why */
	GROUP_NOTE_DONE,         /* from, to, how long, what may be lost */
	GROUP_NOTE_ABANDONED,    /* from stays; why */
	GROUP_NOTE_STUCK,        /* a person is needed; why */
	GROUP_NOTE_RETURNED,     /* from: an old primary is back, and fenced */
	GROUP_NOTE_REJOINED,     /* from: a replica again */
	GROUP_NOTE_NOT_REJOINED  /* from; why */
};

struct group_note {
	enum group_note_kind kind;
	unsigned from, to; /* index, or PLAN_NOBODY */
	uint64_t epoch;
	bool planned; /* a switchover */
	/* DONE: since it was begun, until ...; and what was written and not
	 * promoted: so much at least, and about so much at most. */
	int64_t withdrawn_us, frozen_us, promoted_us, routed_us;
	uint64_t loss_bytes, loss_most;
	bool loss_known, loss_most_known;
	char text[GROUP_TEXT_MAX];
};

enum group_action_kind {
	GROUP_DECIDE, /* write this entry; answered by GROUP_DOCUMENT */
	GROUP_ORDER,  /* answered by DONE or FAILED; target is the instance */
	GROUP_HOOK,   /* fence or rejoin; answered likewise */
	GROUP_ASK,    /* check the instance now */
	GROUP_SAY,
	GROUP_REPLY
};

struct group_action {
	enum group_action_kind kind;
	uint64_t id; /* ORDER, HOOK */
	union {
		struct document_group document;
		struct database_order order;
		struct {
			enum database_hook hook;
			unsigned instance, source; /* REJOIN: source */
			uint64_t epoch;
		} hook;
		unsigned ask;
		struct group_note note;
		struct {
			uint64_t token;
			int error;
			char text[GROUP_TEXT_MAX];
		} reply;
	};
};

struct group_actions {
	unsigned count;
	struct group_action list[GROUP_ACTIONS_MAX];
};

struct group;

/* @set is copied; what it borrows must live on.  NULL without memory. */
struct group *group_new(const struct group_settings *set);
void group_free(struct group *group);

/* What @from knew that is not in the document: when it failed over last. */
void group_carry(struct group *group, const struct group *from);

/* @out is overwritten. */
void group_step(struct group *group, const struct group_event *ev,
		struct group_actions *out);

struct instant group_deadline(const struct group *group);

/* The plan as it would be now: for --dry-run and for status. */
struct plan group_plan(const struct group *group, unsigned to);

struct group_view {
	const struct document_group *document; /* NULL: not decided yet */
	unsigned primary;                      /* index, or PLAN_NOBODY */
	const char *held;                      /* why no failover; or NULL */
	bool busy;                             /* something is under way */
};

struct group_view group_look(const struct group *group);

/* An instance beside the primary that was decided on. */
struct group_instance_view {
	const struct database_facts *facts; /* NULL: nothing fresh is known */
	bool primary;                       /* it is the one */
	bool follows;                       /* a replica of it, by its word */
	bool whole; /* checks are well, and nobody works on it */
	/* How far behind what that one is known to have written; a primary is
	 * not behind. */
	bool behind_known;
	uint64_t behind;
	uint64_t unapplied; /* likewise of what can be read there */
};

struct group_instance_view group_instance(const struct group *group,
					  unsigned instance);

/* Whether it is to be read from beside the primary: it follows that one, has
 * its link, and has applied what is known of it but for max_lag. */
bool group_reads(const struct group *group, unsigned instance);

/* Whether the other nodes are to hear that @instance is to be rejoined by its
 * own node, or that this is being done here. */
bool group_rejoins(const struct group *group, unsigned instance);

/* What is known of an instance; NULL when nothing fresh is. */
const struct database_facts *group_facts(const struct group *group,
					 unsigned instance);

#endif
