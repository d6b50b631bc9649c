/* The guard's decisions: when it acts, and in which order.
 *
 * The guard is a second process of each node.  It sees the page that the
 * daemon writes, the daemon's end of their pipe, and the clock; when the
 * daemon is dead or does not act in time, it kills the daemon and every child,
 * waits until they are dead, releases, and only then sends RESIGN.  Pure, like
 * all of the core: @now comes in, what to do comes out.
 */
#ifndef BASCULE_CORE_GUARD_H
#define BASCULE_CORE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/message.h"

/* What the daemon shows its guard. */
struct guard_page {
	struct instant lease_end;   /* of a leader; else NONE */
	struct instant routing_end; /* while anything is routed; else NONE */
	uint64_t term, boot, digest;
	uint32_t node, successor; /* ids; 0: nobody is named */
	bool leader;              /* and not released yet */
};

enum guard_event {
	GUARD_TICK,        /* guard_deadline() has come, or the page changed */
	GUARD_PIPE_CLOSED, /* the daemon is dead */
	GUARD_KILLED,      /* daemon and children are dead */
	GUARD_RELEASED     /* the release is done */
};

enum guard_action {
	GUARD_NOTHING,
	GUARD_KILL,    /* daemon and children, and wait for their end */
	GUARD_RELEASE, /* all that is primary, and all routes */
	GUARD_RESIGN,  /* send it for the page's term, repeatedly; then end */
	GUARD_END
};

enum guard_stage { GUARD_WATCHING, GUARD_KILLING, GUARD_RELEASING, GUARD_OVER };

struct guard {
	enum guard_stage stage;
	int64_t budget_us; /* R */
};

void guard_init(struct guard *guard, int64_t release_budget_us);

/* Feed one event; at most one thing is to be done about it. */
enum guard_action guard_step(struct guard *guard, enum guard_event ev,
			     const struct guard_page *page, struct instant now);

/* When the next TICK is wanted, should the page stay as it is. */
struct instant guard_deadline(const struct guard *guard,
			      const struct guard_page *page);

/* The RESIGN that the guard sends for the page's term.  @count: how many it
 * has sent before. */
void guard_resign(const struct guard_page *page, struct instant now,
		  unsigned count, struct message *ret_msg);

#endif
