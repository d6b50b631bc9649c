/* Databases: tell an instance what to be.
 *
 * The one door to all of them; asking how they are is a check (checks/).  An
 * order opens a connection of its own, says what it must and closes it
 * cleanly.  Nothing blocks; everything is called in the loop's thread.
 */
#ifndef BASCULE_DATABASES_DATABASES_IO_H
#define BASCULE_DATABASES_DATABASES_IO_H

#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/err.h"
#include "controller/core/settings.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"

struct databases;
struct databases_change;

/* @failed_why: NULL when it is done, else a sentence, borrowed for the call.
 * @parted: FOLLOW cannot succeed, the instance must be made anew.
 * Called at the end of a wake-up, never from within databases_order(). */
typedef void (*databases_done_fn)(void *arg, uint64_t id,
				  const char *failed_why, bool parted);

/* @set and @resolver are borrowed. */
int databases_new(struct databases **ret_dbs, struct loop *loop,
		  struct resolver *resolver, const struct settings *set,
		  databases_done_fn done, void *arg, struct err *err);

/* Orders under way are given up without done(). */
void databases_free(struct databases *dbs);

/* Exactly one done() follows, at the latest when order->timeout_us is over.
 * Orders for one target are carried out one after the other; another order for
 * a target whose last one is not done replaces what has not begun. */
void databases_order(struct databases *dbs, uint64_t id,
		     const struct database_order *order);

/* Prepare for @set, which is checked; nothing changes yet.
 *
 * @old_index: for each target of @set its index before, or UINT_MAX for one
 * that is new or asked in another way.
 * @ret_change: for databases_apply() or databases_drop(). */
int databases_prepare(struct databases *dbs, const struct settings *set,
		      const unsigned *old_index,
		      struct databases_change **ret_change, struct err *err);

/* Go over to the settings that @change was prepared for.  Orders for targets
 * that are gone fail. */
void databases_apply(struct databases *dbs, struct databases_change *change);

/* NULL is fine. */
void databases_drop(struct databases_change *change);

#endif
