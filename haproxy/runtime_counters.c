/* What HAProxy counted, read over the same connection as all else: in the
 * gaps between orders, one backend at a time. */
#include "haproxy/runtime_state.h"

static int64_t interval_us(const struct runtime *rt)
{
	const struct settings *set = servers_settings(rt->servers);

	if (rt->hint == NULL || rt->haproxy >= set->haproxy_count)
		return 0;
	return set->haproxies[rt->haproxy].counters_interval_us;
}

void runtime_on_hint(struct runtime *rt, runtime_hint_fn hint, void *arg)
{
	rt->hint = hint;
	rt->hint_arg = arg;
	counters_every(rt->counters, interval_us(rt));
}

struct instant runtime_counters_due(const struct runtime *rt)
{
	if (rt->phase != LINK_UP || rt->stage != BATCH_NONE ||
	    rt->orders_count > 0 || !runtime_has_room(rt, 1))
		return INSTANT_NEVER;
	return counters_due(rt->counters);
}

void runtime_counters_pump(struct runtime *rt, struct instant now)
{
	unsigned backend;

	if (!instant_reached(now, runtime_counters_due(rt)))
		return;
	backend = counters_ask(rt->counters, now);
	if (backend != 0)
		runtime_put(rt, now, SENT_COUNTERS, 0, "show stat %u 4 -1",
			    backend);
}

void runtime_counters_ended(struct runtime *rt, struct instant now)
{
	counters_answered(rt->counters, now,
			  instant_diff_us(rt->head_since, now), rt->hint,
			  rt->hint_arg);
}

static void forget_asked(struct runtime *rt)
{
	unsigned i;

	for (i = 0; i < rt->sent_count; i++) {
		struct sent *sent = &rt->sent[(rt->sent_first + i) % SENT_MAX];

		if (sent->kind == SENT_COUNTERS)
			sent->stale = true;
	}
}

void runtime_counters_reset(struct runtime *rt)
{
	forget_asked(rt);
	counters_reset(rt->counters);
}

void runtime_counters_move(struct runtime *rt, struct counters **ret_old)
{
	struct counters *counters = *ret_old;

	forget_asked(rt);
	*ret_old = rt->counters;
	rt->counters = counters;
	counters_every(counters, interval_us(rt));
}
