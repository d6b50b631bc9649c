/* One target in one HAProxy: wanted against seen, and whose doing it is.
 *
 * HAProxy marks an operator's maintenance and ours by the same bit.  A claim,
 * written down before we touch a server, tells them apart, also after a
 * restart: what is out of rotation without a claim is somebody else's and is
 * never brought back by us.
 */
#ifndef BASCULE_CORE_SERVER_H
#define BASCULE_CORE_SERVER_H

#include "controller/core/event.h"

struct server {
	enum server_state seen;
	unsigned weight_percent; /* seen */
	bool claimed;            /* ours, and written down */
	bool settled; /* once as wanted: a difference from now on is drift */
	bool refused; /* the last order failed, and that was said */
	bool kept;    /* an operator has it out: we leave it so */
	uint64_t storing; /* id of the STORE under way, 0 if none */
	uint64_t order;   /* id of the HAPROXY action under way, 0 if none */
	enum server_state ordered;
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
	SERVER_CLAIM,   /* write a claim, then look again */
	SERVER_UNCLAIM, /* as configured again: the claim may go */
	SERVER_ORDER,   /* tell HAProxy: ret_state, ret_weight */
	SERVER_KEEP     /* somebody else has it out of rotation */
};

/* What has to be done next so that @srv becomes what @wish says.
 *
 * @ret_state, @ret_weight: set with SERVER_ORDER; UNKNOWN and 0 mean "leave".
 */
enum server_step server_compare(const struct server *srv, struct wish wish,
				enum server_state *ret_state,
				unsigned *ret_weight);

/* Whether HAProxy sends new work there, as far as it was seen. */
bool server_in_use(const struct server *srv);

#endif
