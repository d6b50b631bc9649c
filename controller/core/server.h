/* One target in one HAProxy: wanted against seen, and whose doing it is.
 *
 * HAProxy marks an operator's maintenance and ours by the same bit.  A claim,
 * written down before we touch a server, tells them apart, also after a
 * restart: what is out of rotation without a claim is somebody else's and is
 * never brought back by us.
 *
 * A server that obeys our agent-check responder (docs: AGENT CHECKS) has a
 * place of its own for our word: it is withdrawn by that, and its maintenance
 * and drain are always somebody else's.  Its claim says what the responder
 * answers after a restart, until the checks have decided.
 */
#ifndef BASCULE_CORE_SERVER_H
#define BASCULE_CORE_SERVER_H

#include "controller/core/event.h"

enum server_claim {
	CLAIM_NONE,
	CLAIM_WEIGHT, /* its weight is ours */
	CLAIM_OUT     /* that it is out of rotation is ours, and its weight */
};

struct server {
	enum server_state seen;
	unsigned weight_percent; /* seen */
	enum server_claim claim; /* written down */
	bool settled;   /* once as wanted: a difference from now on is drift */
	bool refused;   /* the last order failed, and that was said */
	bool routed;    /* a database's: in use as the nodes agreed, and ours
			   alone to change */
	bool kept;      /* an operator has it out: we leave it so */
	bool held;      /* it should leave, but its pool would be too small */
	bool was_held;  /* ... as it was when it was seen last */
	bool leaving;   /* in use, and on its way out */
	bool counted;   /* in use, and not leaving: one of its pool */
	bool out;       /* we keep it out, or are about to */
	bool was_used;  /* in use when it was seen last, before UNKNOWN */
	bool known;     /* looked at: its pool counts it as that */
	bool doubt;     /* an order of ours to leave may still be carried out */
	bool failed;    /* the last order to leave did, perhaps with the link */
	bool addable;   /* it may be added where it is missing */
	bool added;     /* it was by us, or will be: written down as well */
	bool adding;    /* the order under way does so, or moves it */
	bool vanished;  /* the process that we added it to is gone */
	bool misplaced; /* seen with another address than the target's */
	uint64_t storing;         /* id of the STORE under way, 0 if none */
	enum server_claim stores; /* what is being written down */
	uint64_t order;           /* id of the HAPROXY action under way, or 0 */
	enum server_state ordered;
	uint8_t pushed; /* enum server_state: the agent's word, last pushed */
	bool agent;     /* it obeys the agent's word */
	bool theirs;    /* ... but is in maintenance or drain by others */
	bool bits;      /* its maintenance is ours, from before it obeyed */
	bool ends;      /* what it has of sessions is to end, by new settings */
	bool word;      /* it obeys no more, and our `down` still holds it */
	bool ordered_agent; /* the order under way is by the agent's word */
	unsigned ordered_weight;
	struct instant retry; /* no order before it, after a failed one */
};

/* What the target should be everywhere.  UNKNOWN: left as it is. */
struct wish {
	enum server_state state; /* UNKNOWN, READY, DRAIN, MAINT */
	unsigned weight_percent; /* with READY: 1 to 100 */
};

enum server_step {
	SERVER_FINE,    /* as wanted, or nothing can be done now */
	SERVER_CLAIM,   /* write the claim down, then look again */
	SERVER_UNCLAIM, /* as configured again: the claim may go */
	SERVER_ORDER,   /* tell HAProxy: state, weight */
	SERVER_KEEP     /* somebody else has it out of rotation */
};

/* What has to be done next. */
struct server_todo {
	enum server_step step;
	enum server_claim claim; /* with CLAIM */
	bool add;                /* with CLAIM: and it is ours; with ORDER */
	enum server_state state; /* with ORDER; UNKNOWN: as it is */
	unsigned weight_percent; /* with ORDER; 0: as it is */
	bool agent;              /* with ORDER: by the agent's word */
	bool end;                /* with ORDER: its sessions */
	bool kept;               /* somebody else has it out of rotation */
};

/* What has to be done next so that @srv becomes what @wish says. */
struct server_todo server_compare(const struct server *srv, struct wish wish);

/* Whether @srv is withdrawn by the agent's word, not by maintenance. */
bool server_by_agent(const struct server *srv);

/* Whether a server in @state gets no new work. */
bool server_is_out(enum server_state state);

/* Whether HAProxy sends new work there, as far as it was seen. */
bool server_in_use(const struct server *srv);

/* Whether an order of ours that takes @srv out is under way. */
bool server_ordered_out(const struct server *srv);

/* Whether @srv has another weight than configured, or is on its way to one. */
bool server_weighted(const struct server *srv);

/* What is known of @srv may be so no longer, until it is seen again. */
void server_forget(struct server *srv);

/* Whether somebody else took @srv out, now that it is seen in @state: what
 * was written down or is being written down about it is void then.  (What an
 * order of ours does is known by its answer, before it can be seen.) */
bool server_taken(const struct server *srv, enum server_state state);

#endif
