/* A group of databases from the inside: shared by the group*.c files alone.
 *
 * group.c hears and answers, group_enter.c begins a phase, group_phase.c says
 * what it wants, group_mend.c looks after those that are not the primary,
 * group_rejoin.c after those that cannot become replicas as they are;
 * group_loss.c reckons what a failover may cost.
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
/* A replica that has been without its link for so long is told anew whom it
 * follows: the answer says whether it can. */
#define GROUP_LINK_US (5 * SECOND)
/* The node that hosts an instance is heard to rejoin it by then. */
#define GROUP_HOST_US (10 * SECOND)
/* What a primary said so long before it is left bounds what it wrote. */
#define GROUP_HEARD_US (3 * SECOND)

/* Where an instance was when. */
struct group_mark {
	struct instant at; /* or NONE */
	uint64_t start;    /* of which server */
	struct database_position position;
};

struct instance {
	struct database_facts facts;
	struct instant heard;       /* or NONE */
	struct instant asked;       /* ... when they were asked for */
	struct instant known_since; /* asked for before that they are none */
	/* What it said last as the primary. */
	struct database_facts primary_facts;
	struct instant primary_heard; /* or NONE */
	uint64_t primary_epoch;       /* in which; 0: before any was known */
	bool restarted_as_primary;    /* ... and since then it has lost data */
	struct group_mark paced, paced_from; /* group_loss.c */
	/* Of a replica: the primary did not name it any more, for the first
	 * time when it had written so much; and no commit waited for it when
	 * it did. */
	bool absent, asynchronous;
	struct database_position absent_at;
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
	/* Of a replica: in which it was seen to receive from the primary, and
	 * in which it did not although that one was well. */
	uint64_t linked_epoch, apart_epoch;
	bool returned, fenced; /* an old primary, and told to stop */
	bool told_trouble;
	struct instant unlinked; /* since when its link is down, or NONE */
	/* Of one that cannot become a replica as it is. */
	bool parted;               /* as this node found in office, ... */
	struct instant since;      /* then */
	bool called, at_work;      /* see group.h */
	bool host_spoke;           /* it was at work since then */
	bool host_up;              /* heard, */
	struct instant host_since; /* ... since then */
	bool begun;                /* here, and not done */
	uint64_t rejoin;           /* the hook under way, 0 if none */
	unsigned tries;            /* in a row */
	struct instant again;      /* not before it, or NONE */
	bool told_person;
	uint32_t told_unfit; /* bit i: why, as a plan_reject */
};

struct group {
	struct group_settings set;
	struct instance list[PLAN_INSTANCES_MAX];
	bool known; /* there is a document */
	struct document_group document;
	bool office;
	struct instant office_at;
	bool deciding;
	struct instant decide_by;
	char forbids[GROUP_TEXT_MAX], held[GROUP_TEXT_MAX];
	bool ambiguous, stuck; /* said */
	uint64_t reign;        /* epoch of the one that is, or was, primary */
	/* A switchover. */
	unsigned asked; /* index, or PLAN_NOBODY */
	uint64_t token;
	bool planned;
	/* The phase. */
	struct instant begun_at, withdrawn_at, frozen_at, promoted_at;
	bool withdrawn, fenced, fence_failed, hook_done, asked_all;
	bool promoted, proved;
	unsigned caught_up; /* who has, or PLAN_NOBODY */
	char why[GROUP_TEXT_MAX];
	uint64_t loss_bytes, loss_most;
	bool loss_known, loss_most_known;
	struct instant moved_at; /* the end of the last failover, or NONE */
	uint64_t last_id;
	struct instant wake;
	/* The step under way. */
	struct instant now;
	int64_t wall_us;
	struct group_actions *out;
};

/* Whether what is known of an instance was asked for since nobody writes any
 * more; while it is not yet so, what is known counts. */
bool group_is_still(const struct group *g, unsigned instance);
/* "nobody" of PLAN_NOBODY. */
const char *group_name(const struct group *g, unsigned instance);
/* What an instance was says nothing any more: it is asked anew. */
void group_forget(struct group *g, unsigned instance);
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

/* group_why.c: what keeps a group from having a primary, in words. */
/* Say of each candidate why it is not fit, once. */
void group_say_unfit(struct group *g, const struct plan *plan);
/* What is wrong with @primary although its checks are well; or "". */
const char *group_complaint(struct group *g, unsigned primary);

/* group_phase.c */
void group_proceed(struct group *g);
void group_phase_begins(struct group *g, const struct document_group *was);
void group_office_changed(struct group *g, bool office);
/* Leave the primary. */
void group_begin(struct group *g, const char *reason);
void group_order_answered(struct group *g, unsigned instance, bool done,
			  const struct group_event *ev);
void group_hook_answered(struct group *g, unsigned instance, bool done,
			 const char *why);

/* group_switchover.c */
#define GROUP_SWITCHOVER_REASON "switchover"
void group_switchover(struct group *g, unsigned to);

/* group_mend.c */
/* Begin to watch whether replicas still receive. */
void group_mark_received(struct group *g);
/* An instance that received since then, or PLAN_NOBODY. */
unsigned group_spokesman(const struct group *g);
/* Whether @facts name @primary as their source. */
bool group_follows(const struct group *g, const struct database_facts *facts,
		   unsigned primary);
/* Whether a replica receives and applies, and writes nothing itself. */
bool group_gets_on(const struct database_facts *facts);
/* A primary that restarted with less is what there is, once all others have
 * taken its data over. */
void group_take_restart(struct group *g, unsigned primary);
/* See that all others follow @primary. */
void group_mend(struct group *g, unsigned primary);
void group_mend_answered(struct group *g, unsigned instance, bool done,
			 const struct group_event *ev);
/* Whether something may be tried with it now; else it is woken for. */
bool group_may_try(struct group *g, struct instance *it);

/* group_loss.c */
/* @it has spoken as the primary. */
void group_loss_hear(const struct group *g, struct instance *it);
/* What is lost should the successor of @plan take over now. */
void group_loss_reckon(struct group *g, const struct plan *plan);

/* group_house.c: behind its door, whoever hosts an instance tells it to stop,
 * in office or not. */
void group_keep_house(struct group *g);
/* Whether @instance may have been unreachable only since nobody gave its node a
 * lease: whoever came into office, or the node back, does so by and by. */
bool group_opens_door(struct group *g, unsigned instance);

/* group_rejoin.c */
/* It cannot become a replica as it is; false: nothing is there to be run. */
bool group_parted(struct group *g, unsigned instance);
/* It follows: all that was said of it is over. */
void group_rejoined(struct group *g, unsigned instance, unsigned primary);
/* Run what is to be run here, in office or not. */
void group_rejoin(struct group *g);
void group_rejoin_answered(struct group *g, unsigned instance, bool done,
			   const char *why);

#endif
