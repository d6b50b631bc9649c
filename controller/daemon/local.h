/* Local knowledge: what this machine knows of a target that runs on it.
 *
 * A target names its process by a pidfile, or its systemd unit; its end is a
 * hint, at once.  A target whose address is another machine's is not watched,
 * so that all nodes can have the same file.  What cannot be watched is said
 * and tried again each second.
 */
#ifndef BASCULE_DAEMON_LOCAL_H
#define BASCULE_DAEMON_LOCAL_H

#include "controller/core/event.h"
#include "controller/core/settings.h"
#include "controller/daemon/log.h"
#include "controller/io/loop.h"

struct local;

/* May start checks; must not free. */
typedef void (*local_fn)(void *arg, const struct hint *hint);

/* @log and @set: borrowed for its life.  *@ret_local is NULL when no target
 * names anything.  Returns 0 or -ENOMEM. */
int local_new(struct local **ret_local, struct loop *loop, struct log *log,
	      const struct settings *set, local_fn fn, void *arg);

/* Accepts NULL. */
void local_free(struct local *local);

#endif
