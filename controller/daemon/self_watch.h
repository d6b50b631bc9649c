/* What the daemon finds out about its own node: the facts of core/self.h.
 *
 * A look each second; ten a second for two seconds after self_watch_hurry(),
 * and at once when the loop is late.
 */
#ifndef BASCULE_DAEMON_SELF_WATCH_H
#define BASCULE_DAEMON_SELF_WATCH_H

#include "controller/core/self.h"
#include "controller/io/loop.h"

struct self_watch;

struct self_watch_doors {
	void (*facts)(void *arg, const struct self_facts *facts);
	/* Of the other nodes' datagrams; NULL: there are none. */
	unsigned (*loss_percent)(void *arg);
	void *arg;
};

/* NULL when memory is out.  What the machine does not offer (a loopback,
 * pressure stall information) is done without. */
struct self_watch *self_watch_new(struct loop *loop,
				  const struct self_watch_doors *doors);
void self_watch_free(struct self_watch *watch);

/* The ways to the targets of @set are watched. */
void self_watch_reload(struct self_watch *watch, const struct settings *set);

/* Something did not answer: look closely. */
void self_watch_hurry(struct self_watch *watch);

#endif
