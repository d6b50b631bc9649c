/* The guard: a second, tiny process that acts when the daemon does not.
 *
 * The daemon's side of it.  What it decides is core/guard.h's, what it sees
 * is guard_page.h's; when it acts, it kills the daemon and all hooks, waits
 * until they are dead, releases by the recipe in the runtime folder, and sends
 * RESIGN if the page says leader.  When it dies, or does not answer for a
 * second, the daemon makes a new one at once.
 *
 * To be made before any thread: the first guard is then a copy of next to
 * nothing.
 */
#ifndef BASCULE_DAEMON_GUARD_PROCESS_H
#define BASCULE_DAEMON_GUARD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/guard.h"
#include "controller/daemon/group.h"
#include "controller/io/loop.h"

#define GUARD_KEEP_MAX 8

struct guard_process;

struct guard_parts {
	const char *folder; /* that of the control socket; borrowed */
	int64_t budget_us;  /* R */
	bool under_journal; /* standard error leads there */
	/* In the guard: send these bytes, an encoded RESIGN, to all peers,
	 * without allocating and without a lock.  NULL: nobody to tell. */
	void (*resign)(void *arg, const void *bytes, size_t size);
	void *arg;
	int keep[GUARD_KEEP_MAX]; /* descriptors that resign() needs */
	unsigned keep_count;
};

/* Wait for an older daemon's guard, end hooks that it left, and start one.
 *
 * @ret_warning: a sentence when it runs with a reservation, else "".
 * Returns 0 or -errno: -EBUSY when another daemon runs here, or when its guard
 * has not ended in time.
 */
int guard_process_start(struct guard_process **ret_guard,
			const struct guard_parts *parts,
			struct err *ret_warning, struct err *err);

/* Have @fn called when the guard has died, and when there is a new one. */
void guard_process_watch(struct guard_process *guard, struct loop *loop,
			 void (*fn)(void *arg, bool alive), void *arg);

/* Let it go, if all is @released; else it stays, and releases when this process
 * ends.  Accepts NULL. */
void guard_process_free(struct guard_process *guard, bool released);

/* The page from now on; its deadlines may come earlier. */
void guard_process_tell(struct guard_process *guard,
			const struct guard_page *page);

/* A hook's group, before the hook runs.  Returns 0 or -ENOSPC. */
int guard_process_add(struct guard_process *guard,
		      const struct process_group *group);
void guard_process_remove(struct guard_process *guard, int32_t id);

#endif
