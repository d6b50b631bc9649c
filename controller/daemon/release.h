/* Release: what being primary did on this machine is undone, by the recipe.
 *
 * For whoever has no loop: the guard, `basculed --release`, and the start of
 * a daemon.  It waits, does not allocate (but for a unit: hook, in a process of
 * its own), and may be repeated.  The hook's output goes to standard error.
 * SIGTERM is ignored in the hook: when the daemon dies, systemd sends it to
 * all of the service, to the very hook that cleans up behind it.
 */
#ifndef BASCULE_DAEMON_RELEASE_H
#define BASCULE_DAEMON_RELEASE_H

#include "controller/core/err.h"

/* Withdraw the routes of database groups (routes_file.h), then undo by the
 * recipe in @folder and remove it.  All that promotes must have ended.
 *
 * @reason: BASCULE_REASON of the hook.
 * Returns 1 when something was released, 0 when there was nothing, or -errno
 * and @err; then the recipe stays.
 */
int release_run(const char *folder, const char *reason, struct err *err);

/* `basculed --release`: wait for a guard that is at it, end hooks that a dead
 * daemon left running, and release.  Root becomes the owner of the recipe
 * first, since its programs run as whoever releases.
 *
 * Returns as release_run(); -EBUSY while a daemon runs.
 */
int release_command(const char *folder, struct err *err);

#endif
