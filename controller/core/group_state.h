/* A group of databases from the inside: shared by the group*.c files alone.
 *
 * group.c hears and answers, group_phase.c says what a phase wants,
 * group_mend.c looks after those that are not the primary.
 */
#ifndef BASCULE_CORE_GROUP_STATE_H
#define BASCULE_CORE_GROUP_STATE_H

#include "controller/core/group.h"

/* A decision that is not heard of is asked for again. */
#define GROUP_DECIDE_PATIENCE_US (300 * MS)
/* How long to wait for those that answer, once nobody writes any more. */
#define GROUP_FREEZE_US (500 * MS)
/* A replica that received something so recently speaks for its primary. */
#define GROUP_SPEAKS_US (500 * MS)
struct instance {
	struct database_facts facts;
	struct instant heard; /* or NONE */
	/* What it said last as the primary. */
	struct database_facts primary_facts;
	bool restarted_as_primary; /* ... and since then it has lost data */
	bool down, confirmed, certain, suspect, maintenance;
	bool failed; /* to be promoted, in this plan */
	bool gone;   /* it went down, and has not spoken since */
	/* Of a replica, since its primary is in doubt. */
	bool marked;
	struct database_position mark;
	struct instant spoke; /* or NONE */
	/* Under way, 0 if none. */
	uint64_t order, hook;
	enum database_order_kind ordered;
	struct instant retry;    /* nothing is tried again before it */
	uint64_t followed_epoch; /* in which it was last pointed */
	bool returned, fenced;   /* an old primary, and told to stop */
	bool told_trouble;
};

struct group {
	struct group_settings set;
	struct instance list[PLAN_INSTANCES_MAX];
	bool known; /* there is a document */
	struct document_group document;
	bool office;
	bool deciding;
	struct instant decide_by;
	char forbids[GROUP_TEXT_MAX], held[GROUP_TEXT_MAX];
	bool ambiguous, stuck; /* said */
	/* A switchover. */
	unsigned asked; /* index, or PLAN_NOBODY */
	uint64_t token;
	bool planned;
	/* The phase. */
	struct instant begun_at, withdrawn_at, frozen_at, promoted_at;
	bool withdrawn, fenced, fence_failed, hook_done, asked_all;
	bool caught_up, promoted, proved;
	char why[GROUP_TEXT_MAX];
	uint64_t loss_bytes;
	bool loss_known;
	struct instant moved_at; /* the end of the last failover, or NONE */
	uint64_t last_id;
	struct instant wake;
	/* The step under way. */
	struct instant now;
	int64_t wall_us;
	struct group_actions *out;
};

struct group_action *group_act(struct group *g, enum group_action_kind kind);
struct group_note *group_note(struct group *g, enum group_note_kind kind,
			      unsigned from, unsigned to, const char *text);
void group_wake(struct group *g, struct instant at);
unsigned group_find(const struct group *g, const char *name);
void group_order(struct group *g, unsigned instance,
		 struct database_order order);
void group_hook(struct group *g, enum database_hook hook, unsigned instance,
		unsigned source);
void group_decide(struct group *g, const struct document_group *document);
void group_reply(struct group *g, int error, const char *text);

/* group_phase.c */
void group_proceed(struct group *g);
void group_phase_begins(struct group *g, const struct document_group *was);
void group_office_changed(struct group *g, bool office);
void group_switchover(struct group *g, unsigned to);
void group_order_answered(struct group *g, unsigned instance, bool done,
			  const char *why);
void group_hook_answered(struct group *g, unsigned instance, bool done,
			 const char *why);

/* group_mend.c */
/* Begin to watch whether replicas still receive. */
void group_mark_received(struct group *g);
/* An instance that received since then, or PLAN_NOBODY. */
unsigned group_spokesman(const struct group *g);
/* Whether @facts name @primary as their source. */
bool group_follows(const struct group *g, const struct database_facts *facts,
		   unsigned primary);
/* See that all others follow @primary. */
void group_mend(struct group *g, unsigned primary);
void group_mend_answered(struct group *g, unsigned instance, bool done,
			 const char *why);

#endif
