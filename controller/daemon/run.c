#include "controller/daemon/run_state.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

/* How long a late loop keeps this node from leading. */
#define LATE_US (1 * SECOND)

/* Steps in one wake-up before sockets get their turn again. */
#define STEPS_AT_ONCE 100

static void step(struct run *run, struct event *ev)
{
	unsigned i;

	/* Whoever is told of an action must not feed the controller before
	 * the others are carried out: they would be overwritten. */
	assert(!run->carrying);
	run->carrying = true;
	ev->now = loop_now(run->loop);
	ev->wall_us = loop_wall_us(run->loop);
	ctl_step(run->ctl, ev, &run->actions);
	for (i = 0; i < run->actions.count; i++)
		run_carry_out(run, &run->actions.list[i]);
	run->carrying = false;
	run_say_words(run);
}

/* What keeps this node from being primary, as far as it shows here. */
static void look_at_obstacles(struct run *run)
{
	const struct primary_settings *primary = &run->set->primary;
	struct instant now = loop_now(run->loop);
	bool missing = false;
	unsigned i;

	if (run->cluster == NULL)
		return;
	for (i = 0; i < primary->required_haproxy_count; i++)
		missing = missing ||
			  !ctl_haproxy_up(run->ctl,
					  primary->required_haproxies[i]);
	if (loop_lag_us(run->loop) > run->set->cluster->lease_us / 2)
		run->late_until = instant_add(now, LATE_US);
	cluster_obstacle(run->cluster, ELECTION_CHECKS, missing);
	cluster_obstacle(run->cluster, ELECTION_MAINTENANCE,
			 ctl_maintenance(run->ctl) != NULL);
	cluster_obstacle(run->cluster, ELECTION_LATE,
			 !instant_reached(now, run->late_until));
}

static void send_views(void *arg, const struct observation *list,
		       unsigned count)
{
	struct run *run = arg;

	cluster_observe(run->cluster, list, count);
}

static void tell_views(struct run *run)
{
	struct instant now = loop_now(run->loop);

	if (run->views != NULL &&
	    instant_reached(now, views_deadline(run->views)))
		views_tell(run->views, run->ctl, now, send_views, run);
}

static void send_incidents(void *arg, const uint8_t *body, size_t size)
{
	struct run *run = arg;

	cluster_share(run->cluster, body, size);
}

static void tell_incidents(struct run *run)
{
	struct event ev = { .kind = EVENT_INCIDENTS };
	struct instant now = loop_now(run->loop);
	const struct window *win = tell_window(run->tell);

	if (run->shared == NULL ||
	    !instant_reached(now, shared_deadline(run->shared)))
		return;
	if (shared_refresh_due(run->shared, now)) {
		ev.incidents = shared_strays(run->shared, win, run->ctl);
		if (ev.incidents.count > 0)
			step(run, &ev);
	}
	shared_tell(run->shared, win, now, send_incidents, run);
}

void run_look_at_stop(struct run *run)
{
	if (run->stopping &&
	    ((cluster_stopped(run->cluster) &&
	      doors_may_end(run->doors, run->cluster)) ||
	     instant_reached(loop_now(run->loop), run->stop_by)))
		loop_stop(run->loop);
}

void run_arm(struct run *run)
{
	struct instant due = ctl_deadline(run->ctl);

	due = instant_min(due, cluster_deadline(run->cluster));
	if (run->views != NULL)
		due = instant_min(due, views_deadline(run->views));
	if (run->shared != NULL)
		due = instant_min(due, shared_deadline(run->shared));
	if (run->stopping)
		due = instant_min(due, run->stop_by);
	loop_arm(run->loop, due);
}

void run_feed(struct run *run, struct event *ev)
{
	struct event more = { .kind = EVENT_DEADLINE };
	unsigned i;

	step(run, ev);
	for (i = 0; i < STEPS_AT_ONCE; i++) {
		if (!instant_reached(loop_now(run->loop),
				     ctl_deadline(run->ctl)))
			break;
		step(run, &more);
	}
	look_at_obstacles(run);
	doors_look(run->doors, run->ctl, run->cluster);
	/* Since when it is down, before that it is. */
	tell_incidents(run);
	tell_views(run);
	run_arm(run);
}

static void on_deadline(void *arg)
{
	struct event ev = { .kind = EVENT_DEADLINE };
	struct run *run = arg;

	if (instant_reached(loop_now(run->loop),
			    cluster_deadline(run->cluster)))
		cluster_tick(run->cluster);
	run_look_at_stop(run);
	run_feed(run, &ev);
}

void run_hint(void *arg, const struct hint *hint)
{
	struct event ev = { .kind = EVENT_HINT };

	ev.hint = *hint;
	run_feed(arg, &ev);
}

void run_answered(struct run *run, uint64_t id, const char *failed)
{
	struct event ev = { .kind = EVENT_ACTION_DONE };

	ev.action.id = id;
	if (failed != NULL) {
		ev.kind = EVENT_ACTION_FAILED;
		snprintf(ev.action.text, sizeof(ev.action.text), "%s", failed);
	}
	run_feed(run, &ev);
}

static void on_stop(struct ev_loop *ev, ev_signal *w, int events)
{
	struct run *run = w->data;

	(void)ev;
	(void)events;
	if (run->cluster == NULL || run->stopping) {
		loop_stop(run->loop);
		return;
	}
	run->stopping = true;
	run->stop_by = instant_add(loop_now(run->loop),
				   2 * run->set->cluster->lease_us);
	service_stopping(run->manager);
	cluster_obstacle(run->cluster, ELECTION_STOPPING, true);
	run_look_at_stop(run);
	run_arm(run);
}

static void on_reload(struct ev_loop *ev, ev_signal *w, int events)
{
	(void)ev;
	(void)events;
	run_reload(w->data);
}

static void watch_signal(struct run *run, ev_signal *w, int number,
			 void (*fn)(struct ev_loop *, ev_signal *, int))
{
	ev_signal_init(w, fn, number);
	w->data = run;
	ev_signal_start(loop_ev(run->loop), w);
}

static void watch_signals(struct run *run)
{
	sigset_t hup;

	signal(SIGPIPE, SIG_IGN);
	watch_signal(run, &run->hup, SIGHUP, on_reload);
	watch_signal(run, &run->term, SIGTERM, on_stop);
	watch_signal(run, &run->intr, SIGINT, on_stop);
	/* main() held it back. */
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &hup, NULL);
}

static void say_status(struct run *run)
{
	service_status(run->manager, "watching %u targets of %u services",
		       run->set->target_count, run->set->service_count);
}

void run_loop(struct run *run)
{
	struct event start = { .kind = EVENT_START };
	struct event stop = { .kind = EVENT_STOP };

	watch_signals(run);
	loop_on_deadline(run->loop, on_deadline, run);
	start.stored = tell_load(run->tell, run->store);
	run_find_removals(run);
	run_feed(run, &start);
	run_take_up(run);
	cluster_start(run->cluster);
	say_status(run);
	service_ready(run->manager);
	loop_run(run->loop);
	service_stopping(run->manager);
	run_feed(run, &stop);
}
