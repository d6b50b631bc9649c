/* The hooks of groups of databases: what the operator has run to fence an old
 * primary, and to make it a replica again.
 *
 * Each runs as hooks.h says, beside those of other targets, with BASCULE_GROUP
 * and the addresses of the target and, of a rejoin, of its new source in its
 * environment; for one target there is never a second one of its kind.  What a
 * rejoin has begun is noted in a file of the state folder until it is known to
 * be done, so that what a killed daemon leaves behind is taken up by the next.
 * Everything happens in the loop's thread.
 */
#ifndef BASCULE_DAEMON_GROUP_HOOKS_H
#define BASCULE_DAEMON_GROUP_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/settings.h"
#include "controller/daemon/guard_process.h"
#include "controller/io/loop.h"

struct group_hooks;

struct group_hooks_parts {
	struct loop *loop;           /* borrowed, as are all */
	struct guard_process *guard; /* NULL: nobody guards */
	/* How it ended: a sentence, or NULL if it did what it should. */
	void (*done)(void *arg, uint64_t id, const char *failed_why);
	/* A line of the last that a failed one has printed; the same are not
	 * said twice in a row. */
	void (*say)(void *arg, const char *line);
	void *arg;
};

/* Why it is run, for its environment. */
struct group_hooks_why {
	const char *reason;
	uint64_t term;
};

/* NULL when memory is out. */
struct group_hooks *group_hooks_new(const struct group_hooks_parts *parts);

/* Kills what runs, without a report.  Accepts NULL. */
void group_hooks_free(struct group_hooks *hooks);

/* ACTION_HOOK with the id @act->id, answered by done(), never from within.
 * @set need not outlive the call. */
void group_hooks_start(struct group_hooks *hooks, const struct settings *set,
		       const struct action *act,
		       const struct group_hooks_why *why);

/* Kill what runs, without a report: nobody waits for it any more. */
void group_hooks_end(struct group_hooks *hooks);

/* The same, but for what runs since this node hosts its target. */
void group_hooks_leave_office(struct group_hooks *hooks);

/* The target follows: there is nothing left to be taken up. */
void group_hooks_rejoined(const struct settings *set, unsigned target);

/* Whether a rejoin of the target was begun and is not known to be done. */
bool group_hooks_began(const struct settings *set, unsigned target);

#endif
