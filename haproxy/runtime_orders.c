#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "haproxy/runtime_state.h"

#define ORDER_COMMANDS 3 /* at most: weight, state, sessions */

void runtime_order(struct runtime *rt, struct instant now, uint64_t id,
		   const struct server_order *order)
{
	struct view *v;
	struct item *it;

	assert(order->target < servers_count(rt->servers));
	assert(rt->orders_count < ORDERS_MAX);
	v = &rt->views[order->target];
	it = &rt->orders[(rt->orders_first + rt->orders_count) % ORDERS_MAX];
	rt->orders_count++;
	*it = (struct item){
		.id = id,
		.order = *order,
		.since = now,
		.known = v->pending > 0 ? v->expect : v->state,
	};
	if (v->pending++ == 0)
		v->expect = v->state;
	if (order->add && v->expect == SERVER_ABSENT)
		v->expect = SERVER_MAINT;
	if (order->state != SERVER_UNKNOWN && !(order->agent && !v->agent))
		v->expect = (uint8_t)order->state;
}

static const char *state_word(enum server_state state)
{
	switch (state) {
	case SERVER_READY:
		return "ready";
	case SERVER_DRAIN:
		return "drain";
	case SERVER_MAINT:
		return "maint";
	default:
		return "absent";
	}
}

/* An agent has no word for a drain that is not an operator's: a server that
 * is down keeps the sessions that it has, too. */
static const char *agent_word(enum server_state state)
{
	return state == SERVER_READY ? "up" : "down";
}

/* What HAProxy acknowledged is so, and its giver need not be told: neither
 * now nor, when the rest of the order failed, by the next table. */
static void believe(struct view *v, const struct server_order *order,
		    enum sent_kind kind)
{
	if (kind == SENT_STATE && order->agent)
		v->said = (uint8_t)order->state;
	if (kind == SENT_STATE && !(order->agent && (v->theirs || !v->agent)))
		v->state = (uint8_t)order->state;
	if (kind == SENT_ADD) {
		v->state = SERVER_MAINT;
		v->percent = 100;
	}
	if (kind == SENT_ADD || kind == SENT_MOVE) {
		v->misplaced = false;
		v->told_misplaced = false;
	}
	if (kind != SENT_WEIGHT)
		return;
	v->asked = (uint16_t)order->weight_percent;
	v->percent = v->asked;
	v->weight = order->weight_percent == 100
			    ? v->configured_weight
			    : (uint16_t)servers_weight(order->weight_percent,
						       v->configured_weight);
}

/* Answer an order, once. */
static void finish(struct runtime *rt, struct instant now, struct item *it,
		   const char *failed)
{
	struct view *v;

	if (it->answered)
		return;
	it->answered = true;
	if (it->order.target != SERVERS_NONE) {
		v = &rt->views[it->order.target];
		v->pending--;
		v->batched = false;
	}
	rt->done(rt->arg, it->id, failed, instant_diff_us(it->since, now));
}

/* Take waiting orders into the batch: one for each target, all that fit. */
static void batch_begin(struct runtime *rt)
{
	struct item *it;

	rt->batch_count = 0;
	rt->batch_next = 0;
	rt->batch_open = 0;
	while (rt->orders_count > 0 && rt->batch_count < BATCH_MAX) {
		it = &rt->orders[rt->orders_first];
		if (it->order.target != SERVERS_NONE) {
			if (rt->views[it->order.target].batched)
				break;
			rt->views[it->order.target].batched = true;
		}
		rt->batch[rt->batch_count++] = *it;
		rt->orders_first = (rt->orders_first + 1) % ORDERS_MAX;
		rt->orders_count--;
	}
	/* An empty ring begins at its start: memory never used is free. */
	if (rt->orders_count == 0)
		rt->orders_first = 0;
	rt->stage = BATCH_WANTED;
}

/* The backend that the whole batch is about, or NULL. */
static const char *batch_backend(const struct runtime *rt)
{
	const char *first = NULL, *backend;
	unsigned i, target;

	for (i = 0; i < rt->batch_count; i++) {
		target = rt->batch[i].order.target;
		if (target == SERVERS_NONE)
			continue;
		backend = servers_backend(rt->servers, target);
		if (backend == NULL)
			return NULL;
		if (first == NULL)
			first = backend;
		else if (strcmp(first, backend) != 0)
			return NULL;
	}
	return first;
}

static void batch_ask(struct runtime *rt, struct instant now)
{
	const char *backend = batch_backend(rt);

	rt->stage = BATCH_READING;
	if (backend != NULL)
		runtime_put(rt, now, SENT_READ, 0, "show servers state %s",
			    backend);
	else
		runtime_put(rt, now, SENT_READ, 0, "show servers state");
}

/* Say why an order cannot be carried out, into @why, or return false. */
static bool judge(const struct runtime *rt, const struct item *it, char *why,
		  size_t size)
{
	const struct view *v;

	if (it->order.target == SERVERS_NONE) {
		snprintf(why, size, "no longer in the configuration");
		return true;
	}
	v = &rt->views[it->order.target];
	if (v->state == SERVER_ABSENT && !it->order.add) {
		snprintf(why, size, "no such server");
		return true;
	}
	if (it->order.state == SERVER_UNKNOWN || it->order.agent ||
	    it->known == v->state)
		return false;
	snprintf(why, size, "changed by other hands: it is %s now",
		 state_word(v->state));
	return true;
}

void orders_read(struct runtime *rt, struct instant now)
{
	char why[EVENT_TEXT_MAX];
	struct item *it;
	struct view *v;
	unsigned i;

	rt->stage = BATCH_WRITING;
	for (i = 0; i < rt->batch_count; i++) {
		it = &rt->batch[i];
		if (it->order.target != SERVERS_NONE) {
			v = &rt->views[it->order.target];
			if (v->reading != rt->reading)
				runtime_view(rt, it->order.target,
					     SERVER_ABSENT, 0, 0);
		}
		if (judge(rt, it, why, sizeof(why)))
			finish(rt, now, it, why);
	}
}

static void put_weight(struct runtime *rt, struct instant now, unsigned item,
		       const char *backend, const char *name)
{
	struct item *it = &rt->batch[item];
	const struct view *v = &rt->views[it->order.target];
	unsigned percent = it->order.weight_percent;

	it->left++;
	if (percent == 100)
		runtime_put(rt, now, SENT_WEIGHT, item,
			    "set server %s/%s weight 100%%", backend, name);
	else
		runtime_put(rt, now, SENT_WEIGHT, item,
			    "set server %s/%s weight %u", backend, name,
			    servers_weight(percent, v->configured_weight));
}

/* Make the server, or move it: whichever it needs by now. */
static void put_add(struct runtime *rt, struct instant now, unsigned item)
{
	struct item *it = &rt->batch[item];
	unsigned target = it->order.target;
	bool absent = rt->views[target].state == SERVER_ABSENT;
	char command[DYNAMIC_COMMAND_MAX];
	const char *why;

	if (absent)
		why = dynamic_add(rt->servers, &rt->places, target, command);
	else
		why = dynamic_move(rt->servers, &rt->places, target, command);
	if (why != NULL) {
		finish(rt, now, it, why);
		return;
	}
	it->left++;
	rt->batch_open++;
	runtime_put(rt, now, absent ? SENT_ADD : SENT_MOVE, item, "%s",
		    command);
}

/* The commands of one order: a server gets its weight before it gets traffic,
 * and loses its sessions when no new ones come. */
static void batch_put(struct runtime *rt, struct instant now, unsigned item)
{
	struct item *it = &rt->batch[item];
	const char *backend = servers_backend(rt->servers, it->order.target);
	const char *name = servers_name(rt->servers, it->order.target);

	if (it->order.weight_percent != 0)
		put_weight(rt, now, item, backend, name);
	if (it->order.state != SERVER_UNKNOWN) {
		it->left++;
		runtime_put(rt, now, SENT_STATE, item, "set server %s/%s %s %s",
			    backend, name, it->order.agent ? "agent" : "state",
			    it->order.agent ? agent_word(it->order.state)
					    : state_word(it->order.state));
	}
	if (it->order.end_sessions) {
		it->left++;
		runtime_put(rt, now, SENT_SESSIONS, item,
			    "shutdown sessions server %s/%s", backend, name);
	}
	if (it->left > 0)
		rt->batch_open++;
	else
		finish(rt, now, it, NULL);
}

/* Write what there is room for.  Returns whether the batch is over. */
static bool batch_write(struct runtime *rt, struct instant now)
{
	struct item *it;

	while (rt->batch_next < rt->batch_count &&
	       runtime_has_room(rt, ORDER_COMMANDS)) {
		it = &rt->batch[rt->batch_next];
		if (it->order.target == SERVERS_NONE)
			finish(rt, now, it, "no longer in the configuration");
		if (!it->answered && it->order.add)
			put_add(rt, now, rt->batch_next);
		else if (!it->answered)
			batch_put(rt, now, rt->batch_next);
		rt->batch_next++;
	}
	return rt->batch_next == rt->batch_count && rt->batch_open == 0;
}

void orders_pump(struct runtime *rt, struct instant now)
{
	if (!rt->synced)
		return;
	for (;;) {
		if (rt->stage == BATCH_NONE && rt->orders_count > 0)
			batch_begin(rt);
		if (rt->stage == BATCH_WANTED && runtime_has_room(rt, 1))
			batch_ask(rt, now);
		if (rt->stage != BATCH_WRITING || !batch_write(rt, now))
			return;
		rt->stage = BATCH_NONE;
	}
}

/* Such a backend takes no part in a slow start, as with HAProxy's own. */
static bool is_static(const char *error)
{
	return strncmp(error, "Backend is using a static LB algorithm", 38) ==
	       0;
}

void orders_answered(struct runtime *rt, struct instant now, struct sent sent,
		     const char *error)
{
	struct item *it = &rt->batch[sent.item];

	if (sent.kind == SENT_WEIGHT && is_static(error) &&
	    it->order.target != SERVERS_NONE) {
		rt->views[it->order.target].unweighted = true;
		error = "";
	}
	if ((sent.kind == SENT_ADD && dynamic_added(error)) ||
	    (sent.kind == SENT_MOVE && dynamic_moved(error)))
		error = "";
	else if ((sent.kind == SENT_ADD || sent.kind == SENT_MOVE) &&
		 *error == '\0')
		error = "not understood: an empty answer";
	if (--it->left == 0)
		rt->batch_open--;
	if (*error != '\0')
		finish(rt, now, it, error);
	else if (it->order.target != SERVERS_NONE)
		believe(&rt->views[it->order.target], &it->order,
			(enum sent_kind)sent.kind);
	if (it->left == 0)
		finish(rt, now, it, NULL);
}

void orders_fail_batch(struct runtime *rt, struct instant now, const char *why)
{
	unsigned i;

	if (rt->stage == BATCH_NONE)
		return;
	rt->stage = BATCH_NONE;
	for (i = 0; i < rt->batch_count; i++)
		finish(rt, now, &rt->batch[i], why);
}

void orders_fail_waiting(struct runtime *rt, struct instant now,
			 const char *why)
{
	unsigned count = rt->orders_count;
	struct item it;

	/* Who hears of a failure may order again at once: once round only. */
	for (; count > 0; count--) {
		it = rt->orders[rt->orders_first];
		rt->orders_first = (rt->orders_first + 1) % ORDERS_MAX;
		rt->orders_count--;
		finish(rt, now, &it, why);
	}
}

static void move_item(struct runtime *rt, struct item *it,
		      const struct servers *from, const struct servers *to)
{
	const char *backend;
	struct view *v;

	if (it->answered || it->order.target == SERVERS_NONE)
		return;
	backend = servers_backend(from, it->order.target);
	it->order.target =
		backend == NULL
			? SERVERS_NONE
			: servers_find(to, backend,
				       servers_name(from, it->order.target),
				       SERVERS_NONE);
	if (it->order.target == SERVERS_NONE)
		return;
	v = &rt->views[it->order.target];
	v->pending++;
	if (it->order.state != SERVER_UNKNOWN)
		v->expect = (uint8_t)it->order.state;
}

void orders_move(struct runtime *rt, const struct servers *from,
		 const struct servers *to)
{
	struct item *it;
	unsigned i;

	for (i = 0; rt->stage != BATCH_NONE && i < rt->batch_count; i++) {
		it = &rt->batch[i];
		move_item(rt, it, from, to);
		if (!it->answered && it->order.target != SERVERS_NONE)
			rt->views[it->order.target].batched = true;
	}
	for (i = 0; i < rt->orders_count; i++)
		move_item(rt, &rt->orders[(rt->orders_first + i) % ORDERS_MAX],
			  from, to);
}
