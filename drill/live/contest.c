#include "drill/live/contest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/io/loop.h"
#include "drill/load/trace.h"

#define ALL      ((1u << STAGE_REPLICAS) - 1)
#define LOOK_US  2000
#define PATIENCE (30 * SECOND)
/* What a fault is left in place after it was acted on, so that clients show
 * whether they are well again. */
#define AFTERMATH_US (300 * MS)
#define SLOW_US      (300 * MS)
#define PROMISE_US   (700 * MS)

static int64_t wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/* Wait until HAProxy uses just the servers @wanted; @ret_at: when it did. */
static int await_used(struct contest *c, unsigned wanted,
		      struct instant *ret_at)
{
	struct instant begin = loop_clock();
	unsigned used;
	int r;

	for (;;) {
		r = ruler_look(&c->stage.ruler, stage_names, STAGE_REPLICAS,
			       &used, &c->err);
		*ret_at = loop_clock();
		if (r < 0 || used == wanted)
			return r;
		if (instant_diff_us(begin, *ret_at) > PATIENCE)
			return err_set(&c->err, -ETIMEDOUT,
				       "%s: HAProxy uses servers %x, not %x, "
				       "after 30 s",
				       c->name, used, wanted);
		usleep(LOOK_US);
	}
}

/* min_up holds one of three: which one depends on their order. */
static int await_held(struct contest *c)
{
	struct instant begin = loop_clock();
	unsigned used;
	int r;

	do {
		usleep(LOOK_US);
		r = ruler_look(&c->stage.ruler, stage_names, STAGE_REPLICAS,
			       &used, &c->err);
		if (r < 0 || __builtin_popcount(used) == 1)
			return r;
	} while (instant_diff_us(begin, loop_clock()) < PATIENCE);
	return err_set(&c->err, -ETIMEDOUT,
		       "%s: HAProxy uses servers %x after 30 s", c->name, used);
}

/* Start each node again that has ended: its guard ends one that stood still
 * for longer than its lease. */
static int revive(struct contest *c)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < STAGE_NODES && r >= 0; i++)
		if (proc_ended(&c->stage.node[i]))
			r = stage_node(&c->stage, i, &c->err);
	return r;
}

static int await_whole(struct contest *c)
{
	struct instant begin = loop_clock(), at;
	bool whole = false;
	int r = await_used(c, ALL, &at);

	while (r >= 0 && c->settings.daemon && !whole) {
		r = revive(c);
		if (r < 0)
			return r;
		r = witness_whole(&c->witness, &whole, &c->err);
		/* It may not listen yet. */
		if (instant_diff_us(begin, loop_clock()) < PATIENCE && r < 0)
			r = 0;
		else if (!whole &&
			 instant_diff_us(begin, loop_clock()) > PATIENCE)
			r = err_set(&c->err, -ETIMEDOUT,
				    "%s: not whole after 30 s", c->name);
		usleep(LOOK_US);
	}
	return r;
}

static int inject(struct contest *c, enum drill_fault_type type, unsigned i)
{
	switch (type) {
	case DRILL_KILL:
	case DRILL_KILL_ALL:
		proc_signal(&c->stage.replica[i], SIGKILL);
		return 0;
	case DRILL_PAUSE:
		proc_signal(&c->stage.replica[i], SIGSTOP);
		return 0;
	default:
		return stage_fault(&c->stage, i, "kind=status&code=503",
				   &c->err);
	}
}

static int repair(struct contest *c, enum drill_fault_type type, unsigned i)
{
	switch (type) {
	case DRILL_KILL:
	case DRILL_KILL_ALL:
		proc_end(&c->stage.replica[i], SIGKILL, 1000);
		return stage_replica(&c->stage, i, &c->err);
	case DRILL_PAUSE:
		proc_signal(&c->stage.replica[i], SIGCONT);
		return 0;
	default:
		return stage_fault(&c->stage, i, "kind=none", &c->err);
	}
}

static int for_all(struct contest *c, unsigned targets,
		   int (*fn)(struct contest *, enum drill_fault_type, unsigned),
		   enum drill_fault_type type)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < STAGE_REPLICAS && r >= 0; i++)
		if ((targets & 1u << i) != 0)
			r = fn(c, type, i);
	return r;
}

/* From the fault until it was acted on. */
static int suffer(struct contest *c, struct drill_run *run, unsigned targets)
{
	enum drill_fault_type type = run->fault.type;
	struct instant onset = loop_clock(), at;
	int r;

	run->fault_wall_us = wall_us();
	r = for_all(c, targets, inject, type);
	if (r < 0)
		return r;
	if (type == DRILL_KILL_ALL) {
		r = await_held(c);
	} else {
		r = await_used(c, ALL & ~targets, &at);
		run->routed_us = instant_diff_us(onset, at);
	}
	if (r >= 0)
		usleep(AFTERMATH_US);
	return r;
}

static int recover(struct contest *c, struct drill_run *run, unsigned targets,
		   struct instant onset)
{
	struct instant at;
	int r = for_all(c, targets, repair, run->fault.type);

	if (r >= 0)
		r = await_used(c, ALL, &at);
	if (r < 0)
		return r;
	run->redundant_us = instant_diff_us(onset, at);
	return await_whole(c);
}

/* Wait until the primary is another node than @old. */
static int await_primary(struct contest *c, int old, struct instant *ret_at)
{
	struct instant begin = loop_clock();

	do {
		usleep(LOOK_US / 2);
		*ret_at = loop_clock();
		if (stage_primary(&c->stage) >= 0 &&
		    stage_primary(&c->stage) != old)
			return 0;
	} while (instant_diff_us(begin, *ret_at) < PATIENCE);
	return err_set(&c->err, -ETIMEDOUT, "%s: no primary after 30 s",
		       c->name);
}

/* Kill the daemon of the primary node; another one takes over, and it comes
 * back as a follower. */
static int lose_primary(struct contest *c, struct drill_run *run)
{
	struct instant onset, at;
	int r = await_whole(c), old;

	/* A pause of the machine may have cost the lease just now. */
	if (r >= 0)
		r = await_primary(c, -1, &at);
	if (r < 0)
		return r;
	old = stage_primary(&c->stage);
	if (old < 0)
		return err_set(&c->err, -EAGAIN, "%s: no primary", c->name);
	snprintf(run->fault.target, sizeof(run->fault.target), "node%d",
		 old + 1);
	run->fault_wall_us = wall_us();
	onset = loop_clock();
	proc_signal(&c->stage.node[old], SIGKILL);
	r = await_primary(c, old, &at);
	if (r < 0)
		return r;
	run->promoted_us = instant_diff_us(onset, at);
	run->confirmed_us = run->promoted_us;
	run->routed_us = run->promoted_us;
	usleep(AFTERMATH_US);
	proc_end(&c->stage.node[old], SIGKILL, 1000);
	r = stage_node(&c->stage, (unsigned)old, &c->err);
	if (r >= 0)
		r = await_whole(c);
	run->redundant_us = instant_diff_us(onset, loop_clock());
	/* A node that has just started votes for nobody for a lease. */
	usleep(PROMISE_US);
	return r;
}

static void tell(struct contest *c, const struct drill_run *run)
{
	char acted[SPAN_TEXT_MAX], whole[SPAN_TEXT_MAX];

	printf("%-8s %2u/%u  %-8s %-5s  acted %-8s  whole %s\n", c->name,
	       ++c->done, c->total, drill_fault_name(run->fault.type),
	       run->fault.target,
	       run->held[0] != '\0' ? "held" : span_text(run->routed_us, acted),
	       span_text(run->redundant_us, whole));
	fflush(stdout);
}

/* A fault must not always meet the checks at the same phase. */
static void pause_at_random(struct contest *c)
{
	unsigned span_us = c->settings.daemon ? 100000 : 2000000;

	usleep((unsigned)rand_r(&c->seed) % span_us);
}

static int one(struct contest *c, enum drill_fault_type type, unsigned turn)
{
	unsigned i = turn % STAGE_REPLICAS;
	unsigned targets = type == DRILL_KILL_ALL ? ALL : 1u << i;
	struct drill_run run, quiet;
	struct instant onset;
	int r;

	pause_at_random(c);
	drill_run_init(&run, type,
		       type == DRILL_KILL_ALL ? "all" : stage_names[i]);
	if (type == DRILL_STATUS) {
		snprintf(run.fault.param, sizeof(run.fault.param), "status");
		run.fault.value = 503;
	}
	quiet = run;
	if (c->settings.daemon) {
		r = witness_read(&c->witness, 0, &quiet,
				 &c->report->false_positives, &c->err);
		if (r < 0)
			return r;
	}
	onset = loop_clock();
	if (type == DRILL_KILL_NODE) {
		targets = 0;
		r = lose_primary(c, &run);
	} else {
		r = suffer(c, &run, targets);
		if (r >= 0)
			r = recover(c, &run, targets, onset);
	}
	if (r >= 0 && c->settings.daemon)
		r = witness_read(&c->witness, targets, &run,
				 &c->report->false_positives, &c->err);
	if (r < 0)
		return r;
	if (!c->settings.daemon)
		run.confirmed_us = run.routed_us;
	run.result = DRILL_PASS;
	tell(c, &run);
	return drill_report_add(c->report, &run);
}

/* What clients felt, from the trace that is complete only now. */
static int add_clients(struct contest *c, struct drill_run *run)
{
	static struct figures figures; /* large; under the caller's lock */
	int64_t offset_us = wall_us() - loop_clock().us;
	struct instant from = { run->fault_wall_us - offset_us };
	struct instant to = instant_add(from, run->redundant_us), end;
	int r = trace_read(c->stage.trace, from, to, SLOW_US, &figures, &end,
			   &c->err);

	if (r < 0)
		return r;
	run->client.ops = figures.requests;
	run->client.failed = figures_failed(&figures);
	run->client.slow = figures.slow;
	run->client.max_gap_us = figures.gap_us;
	run->first_success_us = 0;
	if (!instant_is_none(figures.first_success_after))
		run->first_success_us =
			instant_diff_us(from, figures.first_success_after);
	return 0;
}

static int run_all(struct contest *c)
{
	const struct contest_fault *fault;
	unsigned i, turn = 0;
	int r = await_whole(c);

	for (fault = c->faults; r >= 0 && fault->times > 0; fault++)
		for (i = 0; r >= 0 && i < fault->times; i++)
			r = one(c, fault->type, turn++);
	return r;
}

void contest_run(struct contest *c)
{
	const struct contest_fault *fault;
	size_t i;

	for (fault = c->faults; fault->times > 0; fault++)
		c->total += fault->times;
	c->result = stage_start(&c->stage, &c->settings, c->name, &c->err);
	if (c->result < 0)
		return;
	c->witness.socket = c->stage.control;
	c->result = run_all(c);
	stage_end(&c->stage);
	for (i = 0; c->result >= 0 && i < c->report->run_count; i++)
		c->result = add_clients(c, &c->report->runs[i]);
}
