#include "drill/sim/cluster_floor.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The queue of what happens, and the run. */

struct cluster *cluster_new(void)
{
	return calloc(1, sizeof(struct cluster));
}

static void free_nodes(struct cluster *cl)
{
	unsigned i;

	for (i = 0; i < CLUSTER_NODES; i++) {
		election_free(cl->machines[i].election);
		cl->machines[i].election = NULL;
	}
}

void cluster_free(struct cluster *cl)
{
	if (cl == NULL)
		return;
	free_nodes(cl);
	free(cl);
}

void cluster_trace(struct cluster *cl, void (*line)(void *arg, const char *),
		   void *arg)
{
	cl->trace = line;
	cl->trace_arg = arg;
}

void cluster_say(struct cluster *cl, const char *fmt, ...)
{
	char text[CLUSTER_TEXT_MAX], line[CLUSTER_TEXT_MAX + 32];
	va_list ap;

	if (cl->trace == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%10.6f %s", (double)cl->now_us / 1e6,
		 text);
	cl->trace(cl->trace_arg, line);
}

/* By multiplication: a division for each message would be felt. */
int64_t cluster_below(struct cluster *cl, int64_t bound)
{
	unsigned __int128 wide = rng_next(&cl->rng);

	return (int64_t)(wide * (uint64_t)bound >> 64);
}

bool cluster_chance(struct cluster *cl, unsigned per_mille)
{
	return per_mille != 0 && cluster_below(cl, 1000) < per_mille;
}

static bool happens_before(const struct happening *a, const struct happening *b)
{
	return a->at_us < b->at_us ||
	       (a->at_us == b->at_us && a->order < b->order);
}

static void put(struct cluster *cl, const struct happening *h)
{
	unsigned i = cl->queue_count++, up;

	assert(cl->queue_count <= QUEUE_MAX);
	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!happens_before(h, &cl->queue[up]))
			break;
		cl->queue[i] = cl->queue[up];
	}
	cl->queue[i] = *h;
}

void cluster_at(struct cluster *cl, int64_t at_us, unsigned what, unsigned node,
		uint32_t life, uint32_t arg)
{
	struct happening h = { at_us, cl->order++, what, arg, node, life };

	put(cl, &h);
}

/* One at a time, since a long queue is a slow one. */
static void put_step(struct cluster *cl, unsigned index)
{
	const struct cluster_script *script = cl->script;
	struct happening h = { .order = cl->step_order + index,
			       .what = WHAT_STEP,
			       .arg = index };

	if (index >= script->step_count)
		return;
	h.at_us = script->steps[index].at_us;
	put(cl, &h);
}

static struct happening pop(struct cluster *cl)
{
	struct happening first = cl->queue[0];
	struct happening last = cl->queue[--cl->queue_count];
	unsigned i = 0, down;

	for (; (down = 2 * i + 1) < cl->queue_count; i = down) {
		if (down + 1 < cl->queue_count &&
		    happens_before(&cl->queue[down + 1], &cl->queue[down]))
			down++;
		if (!happens_before(&cl->queue[down], &last))
			break;
		cl->queue[i] = cl->queue[down];
	}
	cl->queue[i] = last;
	return first;
}

static void draw_weather(struct cluster *cl)
{
	static const int64_t delays_us[] = { 300, 1000, 5000, 20000, 60000 };
	static const int64_t disks_us[] = { 200, 2000, 10000, 40000 };
	static const int64_t hooks_us[] = { 2000, 50000, 200000, 900000 };
	int64_t beat_us = cl->script->heartbeat_us;
	struct weather *w = &cl->weather;

	w->delay_min_us = 50;
	w->delay_span_us = delays_us[cluster_below(cl, 5)] * beat_us / 100000;
	w->loss =
		cluster_chance(cl, 500) ? (unsigned)cluster_below(cl, 200) : 0;
	w->doubled = (unsigned)cluster_below(cl, 60);
	w->late = (unsigned)cluster_below(cl, 20);
	w->late_span_us = 3 * cl->script->lease_us;
	w->disk_min_us = 50;
	w->disk_span_us = disks_us[cluster_below(cl, 4)] * beat_us / 100000;
	w->timer_span_us = cluster_chance(cl, 300) ? beat_us / 20 : 200;
	w->full_release = cluster_chance(cl, 250)
				  ? 1000
				  : (unsigned)cluster_below(cl, 400);
	w->failing_promote = cluster_chance(cl, 200) ? 50 : 0;
	w->mover_span_us = cluster_chance(cl, 500) ? 100 : 20 * MS;
	w->promote_span_us = hooks_us[cluster_below(cl, 4)] * beat_us / 100000;
}

static void make_machines(struct cluster *cl)
{
	static const char *const names[] = { "n1", "n2", "n3", "n4", "n5" };
	const struct cluster_script *script = cl->script;
	unsigned i, k;

	for (i = 0; i < script->nodes; i++) {
		struct election_settings *set = &cl->settings[i];
		struct machine *m = &cl->machines[i];

		*set = (struct election_settings){
			.cluster = "sim",
			.node_count = script->nodes,
			.self = i,
			.heartbeat_us = script->heartbeat_us,
			.drift_ppm = 20000,
			.preempt = script->preempt,
			.preempt_delay_us = 2 * SECOND,
		};
		for (k = 0; k < script->nodes; k++) {
			set->nodes[k].name = names[k];
			set->nodes[k].priority = 100 - 10 * (int32_t)k;
			set->nodes[k].witness =
				script->witness && k == script->nodes - 1;
		}
		m->offset_us = cluster_below(cl, 1000 * HOUR);
		m->ppm = cluster_chance(cl, 500) ? 0 : script->drift_ppm;
		if (cluster_chance(cl, 200))
			m->ppm = cluster_below(cl, script->drift_ppm + 1);
		m->lease_us = script->lease_us;
		m->wake_us = FOREVER_US;
		m->mover_us = FOREVER_US;
		cluster_at(cl, cluster_below(cl, script->heartbeat_us),
			   WHAT_START, i, 0, 0);
	}
}

static void begin(struct cluster *cl, const struct cluster_script *script,
		  struct cluster_result *result)
{
	void (*trace)(void *, const char *) = cl->trace;
	void *trace_arg = cl->trace_arg;

	free_nodes(cl);
	memset(cl, 0, offsetof(struct cluster, queue));
	memset(result, 0, sizeof(*result));
	cl->trace = trace;
	cl->trace_arg = trace_arg;
	cl->floor = cluster_floor();
	cl->script = script;
	cl->result = result;
	cl->queue_count = 0;
	cl->changes = 1;
	cl->committed = 0;
	cl->quiet_us = cl->well_us = FOREVER_US;
	cl->longest_us = script->lease_us;
	cl->hurry = 333;
	result->hash = 14695981039346656037u;
	rng_init(&cl->rng, script->seed);
	net_init(cl);
	draw_weather(cl);
	make_machines(cl);
	if (cl->floor != NULL)
		cl->floor->begin(cl);
	cl->step_order = cl->order;
	cl->order += script->step_count;
	put_step(cl, 0);
}

static void happen(struct cluster *cl, const struct happening *h)
{
	switch ((enum what)h->what) {
	case WHAT_MESSAGE:
		net_arrive(cl, h->node, h->arg);
		break;
	case WHAT_WAKE:
	case WHAT_STORED:
	case WHAT_LOCAL:
	case WHAT_START:
		daemon_happens(cl, h);
		break;
	case WHAT_ROUTE:
	case WHAT_PROMOTE:
	case WHAT_ADD:
	case WHAT_PROMOTED:
	case WHAT_DEMOTED:
	case WHAT_RELEASED:
	case WHAT_MOVER:
		outside_happens(cl, h);
		break;
	case WHAT_GUARD_WAKE:
	case WHAT_GUARD_PIPE:
	case WHAT_GUARD_KILLED:
	case WHAT_GUARD_RELEASED:
	case WHAT_GUARD_RESIGN:
	case WHAT_GUARD_NEW:
	case WHAT_STOP_HOOK:
		guard_happens(cl, h);
		break;
	case WHAT_MEND:
		fault_mend(cl, h);
		break;
	case WHAT_STEP:
		put_step(cl, h->arg + 1);
		fault_step(cl, &cl->script->steps[h->arg]);
		break;
	case WHAT_VERDICT:
		judge_verdict(cl);
		break;
	default:
		cl->floor->happens(cl, h);
		break;
	}
}

static void mix(struct cluster *cl, const struct happening *h)
{
	uint64_t word = (uint64_t)h->at_us ^ (uint64_t)h->what << 56 ^
			(uint64_t)h->node << 48;

	cl->result->hash = (cl->result->hash ^ word) * 1099511628211u;
}

void cluster_run(struct cluster *cl, const struct cluster_script *script,
		 struct cluster_result *ret_result)
{
	begin(cl, script, ret_result);
	while (cl->queue_count > 0 && cl->queue[0].at_us <= script->end_us &&
	       ret_result->wrong == WRONG_NOTHING) {
		struct happening h = pop(cl);

		cl->now_us = h.at_us;
		ret_result->events++;
		mix(cl, &h);
		happen(cl, &h);
	}
	ret_result->at_us = cl->now_us;
	cl->script = NULL;
	cl->result = NULL;
}
