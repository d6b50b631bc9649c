#include "controller/core/guard.h"

#include "controller/core/rule.h"

void guard_init(struct guard *guard, int64_t release_budget_us)
{
	guard->stage = GUARD_WATCHING;
	guard->budget_us = release_budget_us;
}

struct instant guard_deadline(const struct guard *guard,
			      const struct guard_page *page)
{
	struct instant due = INSTANT_NEVER;

	if (guard->stage != GUARD_WATCHING || !RULE(GUARD))
		return INSTANT_NEVER;
	if (!instant_is_none(page->lease_end))
		due = page->lease_end;
	if (!instant_is_none(page->routing_end) && RULE(GUARD_ROUTES))
		due = instant_min(due, page->routing_end);
	return instant_add(due, -guard->budget_us / 2);
}

static enum guard_action act(struct guard *guard)
{
	guard->stage = GUARD_KILLING;
	return GUARD_KILL;
}

static enum guard_action finish(struct guard *guard,
				const struct guard_page *page)
{
	guard->stage = GUARD_OVER;
	return page->leader || !RULE(RESIGN_LEADER) ? GUARD_RESIGN : GUARD_END;
}

enum guard_action guard_step(struct guard *guard, enum guard_event ev,
			     const struct guard_page *page, struct instant now)
{
	switch (guard->stage) {
	case GUARD_WATCHING:
		if (!RULE(GUARD))
			return GUARD_NOTHING;
		if (ev == GUARD_PIPE_CLOSED ||
		    instant_reached(now, guard_deadline(guard, page)))
			return act(guard);
		return GUARD_NOTHING;
	case GUARD_KILLING:
		if (ev != GUARD_KILLED)
			return GUARD_NOTHING;
		guard->stage = GUARD_RELEASING;
		return GUARD_RELEASE;
	case GUARD_RELEASING:
		if (ev != GUARD_RELEASED)
			return GUARD_NOTHING;
		return finish(guard, page);
	case GUARD_OVER:
		break;
	}
	return GUARD_NOTHING;
}

void guard_resign(const struct guard_page *page, struct instant now,
		  unsigned count, struct message *ret_msg)
{
	*ret_msg = (struct message){
		.kind = MESSAGE_RESIGN,
		.from = page->node,
		.digest = page->digest,
		.boot = page->boot,
		.sequence = MESSAGE_GUARD_SEQUENCE + count + 1,
		.term = page->term,
		.clock_us = now.us,
		.resign.successor = page->successor,
	};
}
