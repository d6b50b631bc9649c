/* Servers that are to go, one at a time and behind all orders. */
#include <assert.h>
#include <string.h>

#include "haproxy/runtime_state.h"

#define REMOVAL_COMMANDS 3

enum removal_part { PART_PREPARES, PART_DELETES };

void runtime_remove(struct runtime *rt, struct removals *removals,
		    runtime_removed_fn removed, void *arg)
{
	unsigned i;

	for (i = 0; i < rt->sent_count; i++) {
		struct sent *sent = &rt->sent[(rt->sent_first + i) % SENT_MAX];

		if (sent->kind == SENT_REMOVAL)
			sent->stale = true;
	}
	removals_free(rt->removals);
	rt->removals = removals;
	rt->removed = removed;
	rt->removed_arg = arg;
}

static void on_removed(void *arg, const struct removal *removal,
		       const char *failed)
{
	struct runtime *rt = arg;

	rt->removed(rt->removed_arg, rt->haproxy, removal, failed);
}

struct instant runtime_removals_due(const struct runtime *rt)
{
	if (rt->removals == NULL || rt->phase != LINK_UP ||
	    rt->stage != BATCH_NONE || rt->orders_count > 0 ||
	    !runtime_has_room(rt, REMOVAL_COMMANDS))
		return INSTANT_NEVER;
	return removals_due(rt->removals);
}

void runtime_removals_pump(struct runtime *rt, struct instant now)
{
	const struct removal *r;
	bool end_sessions = false;

	if (!instant_reached(now, runtime_removals_due(rt)))
		return;
	r = removals_next(rt->removals, now, &end_sessions);
	if (r == NULL)
		return;
	runtime_put(rt, now, SENT_REMOVAL, PART_PREPARES,
		    "set server %s/%s state maint", r->backend, r->name);
	if (end_sessions)
		runtime_put(rt, now, SENT_REMOVAL, PART_PREPARES,
			    "shutdown sessions server %s/%s", r->backend,
			    r->name);
	runtime_put(rt, now, SENT_REMOVAL, PART_DELETES, "del server %s/%s",
		    r->backend, r->name);
}

void runtime_removals_answered(struct runtime *rt, struct instant now,
			       struct sent sent)
{
	if (rt->removals != NULL && !sent.stale && sent.item == PART_DELETES)
		removals_answered(rt->removals, now, rt->text, on_removed, rt);
}

void runtime_removals_lost(struct runtime *rt)
{
	if (rt->removals != NULL)
		removals_forget(rt->removals);
}

void runtime_removals_gone(struct runtime *rt)
{
	if (rt->removals != NULL)
		removals_gone(rt->removals, on_removed, rt);
}
