/* Office: becoming primary on this machine, and ending it.
 *
 * The one door for whoever decides that.  The recipe is written before the
 * first promote work and removed after the last of the release, so that guard
 * and stop hook can end at any moment what was begun here.  One thing runs at
 * a time, but for a release, which ends promote work first.
 */
#ifndef BASCULE_DAEMON_OFFICE_H
#define BASCULE_DAEMON_OFFICE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"
#include "controller/daemon/guard_process.h"
#include "controller/daemon/hooks.h"
#include "controller/daemon/vip.h"
#include "controller/io/loop.h"

struct office;

struct office_parts {
	struct loop *loop;                  /* borrowed, as are all */
	struct guard_process *guard;        /* NULL: none */
	const char *folder;                 /* the guard's */
	const char *node;                   /* copied */
	const char *on_promote, *on_demote; /* NULL: nothing to run */
	int64_t promote_timeout_us, demote_timeout_us;
	struct vip *vip; /* NULL: no address moves */
	const struct vip_settings *addresses;
};

/* How it went; never called from within office_promote() and the like. */
typedef hook_fn office_fn;

int office_new(struct office **ret_office, const struct office_parts *parts,
	       struct err *err);

/* What runs is killed without a report, and nothing is released: that is the
 * guard's, or the next start's.  Accepts NULL. */
void office_free(struct office *office);

/* First act of every start: release by the recipe of an earlier daemon, or,
 * when it left none, run the demote hook all the same.  Waits for it, as long
 * as the hook may take.
 *
 * Returns 1 when something was released, 0 when there was nothing, or -errno
 * and @err; then office_promote() refuses until a release has succeeded.
 */
int office_start(struct office *office, struct err *err);

/* Become primary: have the addresses, then run the promote hook.
 *
 * @not_after: the promote hook does not start later than that.
 * Returns 0 and calls @fn: with 0 when all is done, -ECANCELED when a release
 * ended it, or another error; then the role is to be handed over, and to be
 * released.  Or returns -errno, -EBUSY when there is something to release
 * first or something runs, and has done nothing that needs a release.
 */
int office_promote(struct office *office, uint64_t term, uint64_t epoch,
		   const char *reason, struct instant not_after, office_fn fn,
		   void *arg, struct err *err);

/* End being primary: give up the addresses at once, end promote work that
 * still runs (its @fn is called first), then run the demote hook, then remove
 * the recipe.  With nothing to release it is simply done.
 *
 * @deadline: what runs then is killed, and @fn called with an error; what is
 *            not confirmed so has to be released again.
 * Returns 0, -EALREADY when a release is under way, or -ENOMEM.
 */
int office_release(struct office *office, const char *reason,
		   struct instant deadline, office_fn fn, void *arg);

/* Something was begun here that is not released yet. */
bool office_held(const struct office *office);

/* From a reload: other hooks and time limits.  What was promoted is released
 * by its recipe: only the next promotion uses them.  All are borrowed. */
void office_reload(struct office *office, const char *on_promote,
		   const char *on_demote, int64_t promote_timeout_us,
		   int64_t demote_timeout_us);

#endif
