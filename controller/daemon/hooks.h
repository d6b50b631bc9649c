/* Hooks: what the operator wants done when this node begins or ends to be
 * primary; a program, or "unit:NAME", a systemd unit that is started.
 *
 * A program is run as controller/io/child.h says, with BASCULE_NODE,
 * BASCULE_TERM, BASCULE_EPOCH and BASCULE_REASON in its environment, and of a
 * group of databases BASCULE_GROUP, BASCULE_TARGET and BASCULE_SOURCE, each of
 * these two also with _HOST and _PORT behind it.  The guard
 * knows its process group before it runs anything.  A unit is given to systemd
 * and its job awaited; it has no environment of ours (the recipe is one).
 */
#ifndef BASCULE_DAEMON_HOOKS_H
#define BASCULE_DAEMON_HOOKS_H

#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/settings.h"
#include "controller/daemon/guard_process.h"
#include "controller/io/loop.h"

#define HOOK_TEXT_MAX 256

struct hook;

struct hook_call {
	const char *command; /* all borrowed for the call */
	const char *node, *reason;
	uint64_t term, epoch;
	/* Of a group of databases, else NULL: whom it is about, and whom that
	 * one is to follow, if anybody. */
	const char *group;
	const struct target_settings *target, *source;
	int64_t timeout_us;
	struct instant not_after; /* the latest that it may start */
};

struct hook_outcome {
	int error;        /* 0: it did what it should; else -errno */
	const char *text; /* first line of output, or what went wrong */
	int64_t took_us;
	const char *output; /* of a program: the last of it, or "" */
};

/* Called once, never from within a function of this page. */
typedef void (*hook_fn)(void *arg, const struct hook_outcome *outcome);

/* Start it.
 *
 * @slot:  NULL before; set until @fn is called.
 * @guard: borrowed; NULL: nobody guards.
 * Returns 0; -ETIME when not_after has passed, or another -errno: then nothing
 * was started.  An outcome has -ETIME too when the hook ran out of time.
 */
int hook_start(struct hook **slot, struct loop *loop,
	       struct guard_process *guard, const struct hook_call *call,
	       hook_fn fn, void *arg, struct err *err);

/* The unit that is being started, for the recipe; NULL for a program. */
const char *hook_unit(const char *command);

/* End it.  @fn is called with -ECANCELED when all of it has ended for certain,
 * with -EBUSY when that was not so by @until, or cannot be known. */
void hook_cancel(struct hook *hook, struct instant until);

/* Stop a unit whose start nobody awaits any more.  @fn is called as by
 * hook_cancel().  Returns 0 or -ENOMEM. */
int hook_stop_unit(struct hook **slot, struct loop *loop, const char *unit,
		   struct instant until, hook_fn fn, void *arg);

/* Kill a program without a report; a unit is left to the manager.  Accepts
 * NULL. */
void hook_free(struct hook *hook);

#endif
