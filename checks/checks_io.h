/* Checks: ask a target, hear what was found.
 *
 * The one door to all kinds of checks.  A target is an index in the settings
 * and is asked once at a time; between checks it is held on a connection where
 * the settings want that (`tether`).  Nothing blocks; everything is called in
 * the loop's thread.
 */
#ifndef BASCULE_CHECKS_CHECKS_IO_H
#define BASCULE_CHECKS_CHECKS_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"
#include "controller/io/loop.h"

struct checks;

/* @res is borrowed for the call.  Never called from within checks_start(); may
 * start checks, not free or reload them. */
typedef void (*checks_done_fn)(void *arg, unsigned target, uint64_t check_id,
			       const struct result *res);

/* @set: borrowed until checks_free() or the next checks_reload().  Fails when
 * a file that a check needs cannot be used: @err says which. */
int checks_new(struct checks **ret_checks, struct loop *loop,
	       const struct settings *set, checks_done_fn done, void *arg,
	       struct err *err);

void checks_free(struct checks *checks);

/* A target was seen without being asked.  May start checks. */
typedef void (*checks_hint_fn)(void *arg, const struct hint *hint);

/* What a database said of itself; borrowed for the call.  Comes right before
 * the done() of the check that found it. */
typedef void (*checks_facts_fn)(void *arg, unsigned target,
				const struct database_facts *facts);

/* Tell facts too, with the arg of checks_new(). */
void checks_on_facts(struct checks *checks, checks_facts_fn fn);

/* Tell hints too, with the arg of checks_new(). */
void checks_on_hint(struct checks *checks, checks_hint_fn fn);

/* Ask @target, which is not being asked.  Exactly one done() follows, within
 * @timeout_us or a little later, unless checks_free() or a reload comes
 * first.  When it reports a silence, another with the same id and `late` set
 * may follow at any time, should the answer come after all; the target can be
 * asked anew meanwhile.  This second ear costs a connection; there is at most
 * one, and none once a later question was answered well.
 *
 * @fresh: over a new connection.
 */
void checks_start(struct checks *checks, unsigned target, uint64_t check_id,
		  int64_t timeout_us, bool fresh);

/* Go over to @set.  Connections of targets whose address and question are
 * unchanged are kept, with what is under way on them; a check under way for
 * another target is dropped without done().  On failure nothing has changed.
 *
 * @old_index: for each target of @set its index before, or UINT_MAX.
 */
int checks_reload(struct checks *checks, const struct settings *set,
		  const unsigned *old_index, struct err *err);

#endif
