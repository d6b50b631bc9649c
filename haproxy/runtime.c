#include "haproxy/runtime.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/runtime_state.h"

/* A tick that comes this much too late: we stood still, not HAProxy. */
#define LATE_US (200 * MS)
/* Links in a row that were lost within RUNTIME_GRACE_US. */
#define SHORT_LIVED_MAX 3

struct runtime_views {
	const struct servers *servers; /* borrowed */
	struct view *list;             /* owned */
	struct counters *counters;     /* owned */
};

struct runtime_views *runtime_views_new(const struct servers *servers)
{
	struct runtime_views *views = calloc(1, sizeof(*views));

	if (views == NULL)
		return NULL;
	views->servers = servers;
	views->list = calloc(servers_count(servers) + 1, sizeof(*views->list));
	views->counters = counters_new(servers);
	if (views->list == NULL || views->counters == NULL) {
		runtime_views_free(views);
		return NULL;
	}
	return views;
}

void runtime_views_free(struct runtime_views *views)
{
	if (views == NULL)
		return;
	free(views->list);
	counters_free(views->counters);
	free(views);
}

struct runtime *runtime_new(const struct servers *servers, unsigned haproxy,
			    runtime_seen_fn seen, runtime_done_fn done,
			    void *arg)
{
	struct runtime *rt = calloc(1, sizeof(*rt));

	if (rt == NULL)
		return NULL;
	rt->servers = servers;
	rt->haproxy = haproxy;
	rt->seen = seen;
	rt->done = done;
	rt->arg = arg;
	rt->retry_at = INSTANT_NONE;
	rt->lost_at = INSTANT_NONE;
	rt->backoff_us = RUNTIME_RETRY_US_MIN;
	rt->views = calloc(servers_count(servers) + 1, sizeof(*rt->views));
	rt->orders = calloc(ORDERS_MAX, sizeof(*rt->orders));
	rt->batch = calloc(BATCH_MAX, sizeof(*rt->batch));
	rt->counters = counters_new(servers);
	if (rt->views == NULL || rt->orders == NULL || rt->batch == NULL ||
	    rt->counters == NULL) {
		runtime_free(rt);
		return NULL;
	}
	return rt;
}

void runtime_free(struct runtime *rt)
{
	if (rt == NULL)
		return;
	free(rt->views);
	free(rt->orders);
	free(rt->batch);
	counters_free(rt->counters);
	removals_free(rt->removals);
	free(rt);
}

void runtime_find(struct runtime *rt, const struct dynamic_places *places)
{
	rt->places = *places;
}

/* --- telling ------------------------------------------------------------- */

static unsigned percent_of(const struct view *v)
{
	if (v->asked != 0 && v->asked != 100 &&
	    (v->unweighted ||
	     v->weight == servers_weight(v->asked, v->configured_weight)))
		return v->asked;
	if (v->weight == v->configured_weight)
		return 100;
	if (v->configured_weight == 0)
		return 100U * v->weight;
	return 100U * v->weight / v->configured_weight;
}

void runtime_view(struct runtime *rt, unsigned target, enum server_state state,
		  unsigned weight, unsigned configured_weight)
{
	struct view *v = &rt->views[target];
	struct haproxy_seen seen = { .kind = HAPROXY_SERVER };
	unsigned percent;

	v->weight = (uint16_t)weight;
	v->configured_weight = (uint16_t)configured_weight;
	percent = percent_of(v);
	if (v->told && v->state == state && v->percent == percent &&
	    v->told_agent == v->agent && v->told_theirs == v->theirs &&
	    v->told_stopped == v->stopped && v->told_misplaced == v->misplaced)
		return;
	v->told = true;
	v->told_agent = v->agent;
	v->told_theirs = v->theirs;
	v->told_stopped = v->stopped;
	v->told_misplaced = v->misplaced;
	v->state = (uint8_t)state;
	v->percent = (uint16_t)percent;
	seen.haproxy = rt->haproxy;
	seen.target = target;
	seen.state = state;
	seen.weight_percent = percent;
	seen.agent = v->agent;
	seen.theirs = v->theirs;
	seen.stopped = v->stopped;
	seen.misplaced = v->misplaced;
	if (state == SERVER_ABSENT)
		snprintf(seen.text, sizeof(seen.text), "no server %s/%s",
			 servers_routed(rt->servers, target),
			 servers_name(rt->servers, target));
	rt->seen(rt->arg, &seen);
}

void runtime_tell_up(struct runtime *rt, bool fresh)
{
	struct haproxy_seen seen = {
		.kind = HAPROXY_LINK_UP,
		.haproxy = rt->haproxy,
		.fresh = fresh,
	};
	unsigned t;

	for (t = 0; t < servers_count(rt->servers); t++) {
		rt->views[t].told = false;
		rt->views[t].asked = 0;
		rt->views[t].unweighted = false;
		if (fresh)
			runtime_agent_forget(&rt->views[t]);
	}
	rt->told = TOLD_UP;
	runtime_counters_reset(rt);
	rt->seen(rt->arg, &seen);
	if (fresh)
		runtime_removals_gone(rt);
}

static void tell_down(struct runtime *rt, const char *why)
{
	struct haproxy_seen seen = {
		.kind = HAPROXY_LINK_DOWN,
		.haproxy = rt->haproxy,
	};

	if (rt->told == TOLD_DOWN)
		return;
	rt->told = TOLD_DOWN;
	snprintf(seen.text, sizeof(seen.text), "%s", why);
	rt->seen(rt->arg, &seen);
}

/* --- the link ------------------------------------------------------------ */

static int64_t grace_us(enum link_loss loss)
{
	switch (loss) {
	case LOSS_GONE:
		return RUNTIME_GRACE_US;
	case LOSS_LEAVING:
		return RUNTIME_LEAVING_US;
	default:
		return 0;
	}
}

/* A link that is lost comes back by the next worker more often than not: try
 * at once, and often, before saying so.  One that never holds for long is not
 * met with ever more haste. */
static void plan_retry(struct runtime *rt, struct instant now,
		       enum link_loss loss)
{
	int64_t grace = grace_us(loss);
	bool was_up = rt->phase == LINK_UP;

	if (was_up &&
	    instant_reached(now, instant_add(rt->up_since, RUNTIME_GRACE_US))) {
		rt->backoff_us = RUNTIME_RETRY_US_MIN;
		rt->short_lived = 0;
	}
	if (was_up && grace > 0 && rt->short_lived++ < SHORT_LIVED_MAX) {
		rt->lost_at = now;
		rt->retry_at = now;
	} else if (!instant_is_none(rt->lost_at) &&
		   instant_before(now, instant_add(rt->lost_at, grace))) {
		rt->retry_at = instant_add(now, RUNTIME_QUICK_US);
	} else {
		rt->lost_at = INSTANT_NONE;
		rt->retry_at = instant_add(now, rt->backoff_us);
		rt->backoff_us *= 2;
		if (rt->backoff_us > RUNTIME_RETRY_US_MAX)
			rt->backoff_us = RUNTIME_RETRY_US_MAX;
	}
}

static void link_lost(struct runtime *rt, struct instant now,
		      enum link_loss loss, const char *why)
{
	plan_retry(rt, now, loss);
	rt->phase = LINK_WAITING;
	rt->synced = false;
	rt->sent_count = 0;
	rt->output_size = 0;
	rt->info_asked = false;
	rt->table_asked = false;
	runtime_removals_lost(rt);
	if (instant_is_none(rt->lost_at))
		tell_down(rt, why);
	orders_fail_batch(rt, now, why);
	if (rt->told == TOLD_DOWN)
		orders_fail_waiting(rt, now, why);
}

void runtime_hang_up(struct runtime *rt, struct instant now,
		     enum link_loss loss, const char *fmt, ...)
{
	char why[EVENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	rt->close_first = true;
	link_lost(rt, now, loss, why);
}

enum runtime_step runtime_next(struct runtime *rt, struct instant now)
{
	if (rt->close_first) {
		rt->close_first = false;
		return RUNTIME_CLOSE;
	}
	if (rt->phase != LINK_WAITING || instant_before(now, rt->retry_at))
		return RUNTIME_WAIT;
	rt->phase = LINK_CONNECTING;
	rt->connect_by = instant_add(now, RUNTIME_ANSWER_US);
	return RUNTIME_CONNECT;
}

static void ask_info(struct runtime *rt, struct instant now)
{
	rt->info_asked = true;
	rt->info_due = instant_add(now, RUNTIME_INFO_US);
	runtime_put(rt, now, SENT_INFO, 0, "show info");
}

static void ask_table(struct runtime *rt, struct instant now)
{
	rt->table_asked = true;
	runtime_put(rt, now, SENT_TABLE, 0, "show servers state");
}

void runtime_connected(struct runtime *rt, struct instant now)
{
	if (rt->phase != LINK_CONNECTING)
		return;
	rt->phase = LINK_GREETING;
	answer_init(&rt->answer);
	runtime_put(rt, now, SENT_PROMPT, 0, "prompt");
	runtime_put(rt, now, SENT_TIMEOUT, 0, "set timeout cli 1h");
	ask_info(rt, now);
	ask_table(rt, now);
}

void runtime_lost(struct runtime *rt, struct instant now, const char *why)
{
	if (rt->phase != LINK_WAITING)
		link_lost(rt, now, LOSS_GONE, why);
}

/* --- sending ------------------------------------------------------------- */

bool runtime_has_room(const struct runtime *rt, unsigned commands)
{
	return rt->sent_count + commands <= SENT_MAX &&
	       rt->output_size + (size_t)commands * COMMAND_MAX <= OUTPUT_MAX;
}

void runtime_await(struct runtime *rt, struct instant now)
{
	rt->head_since = now;
	rt->text[0] = '\0';
	rt->info_pid = -1;
	rt->info_uptime_s = 0;
	rt->info_stopping = false;
	rt->table_begun = false;
}

void runtime_put(struct runtime *rt, struct instant now, enum sent_kind kind,
		 unsigned item, const char *fmt, ...)
{
	char *end = rt->output + rt->output_size;
	va_list ap;
	int n;

	assert(runtime_has_room(rt, 1));
	va_start(ap, fmt);
	n = vsnprintf(end, COMMAND_MAX - 1, fmt, ap);
	va_end(ap);
	assert(n > 0 && n < COMMAND_MAX - 1);
	end[n] = '\n';
	rt->output_size += (size_t)n + 1;
	rt->sent[(rt->sent_first + rt->sent_count) % SENT_MAX] =
		(struct sent){ .kind = (uint8_t)kind, .item = (uint16_t)item };
	if (rt->sent_count++ == 0)
		runtime_await(rt, now);
}

size_t runtime_output(struct runtime *rt, struct instant now,
		      const char **ret_data)
{
	if (rt->phase == LINK_UP) {
		if (!rt->info_asked && instant_reached(now, rt->info_due) &&
		    runtime_has_room(rt, 1))
			ask_info(rt, now);
		if (!rt->table_asked && instant_reached(now, rt->table_due) &&
		    runtime_has_room(rt, 1))
			ask_table(rt, now);
		orders_pump(rt, now);
		runtime_removals_pump(rt, now);
		runtime_counters_pump(rt, now);
	}
	*ret_data = rt->output;
	return rt->output_size;
}

void runtime_sent(struct runtime *rt, size_t size)
{
	assert(size <= rt->output_size);
	rt->output_size -= size;
	memmove(rt->output, rt->output + size, rt->output_size);
}

/* --- time ---------------------------------------------------------------- */

struct instant runtime_deadline(const struct runtime *rt)
{
	struct instant due = INSTANT_NEVER;

	if (rt->close_first || (rt->told == TOLD_DOWN && rt->orders_count > 0))
		return INSTANT_NONE;
	if (rt->phase == LINK_WAITING)
		return rt->retry_at;
	if (rt->phase == LINK_CONNECTING)
		return rt->connect_by;
	if (rt->sent_count > 0)
		due = instant_add(rt->head_since, RUNTIME_ANSWER_US);
	if (rt->phase == LINK_UP && !rt->info_asked)
		due = instant_min(due, rt->info_due);
	if (rt->phase == LINK_UP && !rt->table_asked)
		due = instant_min(due, rt->table_due);
	due = instant_min(due, runtime_removals_due(rt));
	return instant_min(due, runtime_counters_due(rt));
}

/* Whatever ran out while we stood still has not run out. */
static void forgive(struct runtime *rt, struct instant now)
{
	struct instant due = runtime_deadline(rt);

	if (instant_is_none(due) || instant_diff_us(due, now) < LATE_US)
		return;
	rt->head_since = now;
	rt->connect_by = instant_add(now, RUNTIME_ANSWER_US);
}

void runtime_tick(struct runtime *rt, struct instant now)
{
	forgive(rt, now);
	if (rt->phase == LINK_CONNECTING &&
	    instant_reached(now, rt->connect_by))
		runtime_hang_up(rt, now, LOSS_GONE,
				"no connection within %d ms",
				(int)(RUNTIME_ANSWER_US / MS));
	if (rt->phase >= LINK_GREETING && rt->sent_count > 0 &&
	    instant_reached(now,
			    instant_add(rt->head_since, RUNTIME_ANSWER_US)))
		runtime_hang_up(rt, now, LOSS_BAD,
				"hangs: no answer within %d ms",
				(int)(RUNTIME_ANSWER_US / MS));
	if (rt->told == TOLD_DOWN)
		orders_fail_waiting(rt, now, "not connected");
}

/* --- a reload of ours ---------------------------------------------------- */

/* What is known of the servers that stay. */
static void move_views(struct runtime *rt, struct runtime_views *views)
{
	const char *backend;
	unsigned t, from;

	for (t = 0; t < servers_count(views->servers); t++) {
		backend = servers_backend(views->servers, t);
		if (backend == NULL)
			continue;
		from = servers_find(rt->servers, backend,
				    servers_name(views->servers, t),
				    SERVERS_NONE);
		if (from == SERVERS_NONE)
			continue;
		views->list[t] = rt->views[from];
		views->list[t].pending = 0;
		views->list[t].batched = false;
		views->list[t].told = false;
	}
}

void runtime_move(struct runtime *rt, struct runtime_views *views,
		  unsigned haproxy, struct instant now)
{
	const struct servers *servers = rt->servers;
	struct view *list = rt->views;
	unsigned i;

	move_views(rt, views);
	rt->servers = views->servers;
	rt->views = views->list;
	rt->haproxy = haproxy;
	views->servers = servers;
	views->list = list;
	runtime_counters_move(rt, &views->counters);
	orders_move(rt, servers, rt->servers);
	for (i = 0; i < rt->sent_count; i++)
		rt->sent[(rt->sent_first + i) % SENT_MAX].stale = true;
	rt->table_due = now;
}
