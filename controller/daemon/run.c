#include "controller/daemon/run_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "controller/config/load.h"

/* Steps in one wake-up before sockets get their turn again. */
#define STEPS_AT_ONCE 100

static void carry_out(struct run *run, const struct action *act)
{
	switch (act->kind) {
	case ACTION_CHECK:
		checks_start(run->checks, act->check.target, act->id,
			     act->check.timeout_us, act->check.fresh);
		break;
	case ACTION_HAPROXY:
		haproxies_order(run->haproxies, act->id, &act->haproxy);
		break;
	case ACTION_STORE:
		tell_store(run->tell, act->id, &act->store);
		break;
	case ACTION_NOTE:
		tell_note(run->tell, &act->note);
		break;
	case ACTION_REPLY:
		tell_reply(run->tell, act->reply.token, act->reply.error,
			   act->reply.text);
		break;
	default:
		break;
	}
}

static void step(struct run *run, struct event *ev)
{
	unsigned i;

	ev->now = loop_now(run->loop);
	ev->wall_us = loop_wall_us(run->loop);
	ctl_step(run->ctl, ev, &run->actions);
	for (i = 0; i < run->actions.count; i++)
		carry_out(run, &run->actions.list[i]);
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
	loop_arm(run->loop, ctl_deadline(run->ctl));
}

static void on_deadline(void *arg)
{
	struct event ev = { .kind = EVENT_DEADLINE };

	run_feed(arg, &ev);
}

static void on_checked(void *arg, unsigned target, uint64_t check_id,
		       const struct result *res)
{
	struct event ev = { .kind = EVENT_EVIDENCE };
	struct run *run = arg;

	ev.evidence.target = target;
	ev.evidence.check = check_id;
	ev.evidence.result = *res;
	tell_evidence(run->tell, target, res);
	run_feed(run, &ev);
}

static void on_haproxy_seen(void *arg, const struct haproxy_seen *seen)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = *seen;
	run_feed(arg, &ev);
}

static void on_answered(struct run *run, uint64_t id, const char *failed)
{
	struct event ev = { .kind = EVENT_ACTION_DONE };

	ev.action.id = id;
	if (failed != NULL) {
		ev.kind = EVENT_ACTION_FAILED;
		snprintf(ev.action.text, sizeof(ev.action.text), "%s", failed);
	}
	run_feed(run, &ev);
}

static void on_ordered(void *arg, uint64_t id, const char *failed_why,
		       int64_t took_us)
{
	struct run *run = arg;

	tell_command(run->tell, ctl_order_haproxy(id), took_us,
		     failed_why == NULL);
	on_answered(run, id, failed_why);
}

static void on_stored(void *arg, uint64_t id, const char *error)
{
	on_answered(arg, id, error);
}

static void on_store_says(void *arg, enum note_level level, const char *text)
{
	struct run *run = arg;

	log_line(run->log, level, "%s", text);
}

static void on_store_changed(void *arg, bool ok, const char *why)
{
	struct run *run = arg;

	tell_store_changed(run->tell, ok, why);
}

static void on_admin(void *arg, const struct admin *admin)
{
	struct event ev = { .kind = EVENT_ADMIN };

	ev.admin = *admin;
	run_feed(arg, &ev);
}

static void on_stop(struct ev_loop *ev, ev_signal *w, int events)
{
	(void)ev;
	(void)events;
	loop_stop(((struct run *)w->data)->loop);
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

static uint64_t seed(void)
{
	uint64_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) < 0)
		value = (uint64_t)loop_clock().us;
	return value;
}

static int make_tell(struct run *run, struct err *err)
{
	const struct tell_parts parts = { .loop = run->loop,
					  .log = run->log,
					  .set = run->set,
					  .ctl = run->ctl,
					  .admin = on_admin,
					  .arg = run };

	return tell_new(&run->tell, &parts, err);
}

static int make_parts(struct run *run, struct err *err)
{
	const struct store_doors doors = { .arg = run,
					   .done = on_stored,
					   .changed = on_store_changed,
					   .say = on_store_says };
	int r;

	run->log = log_open();
	run->ctl = ctl_new(run->set, seed());
	if (run->log == NULL || run->ctl == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = loop_new(&run->loop, err);
	if (r < 0)
		return r;
	run->manager = service_new(run->loop);
	if (run->manager == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	/* First of all: another daemon may be here already.  The folder of the
	 * store is locked; a socket might be taken for a dead one's. */
	r = store_open(&run->store, run->loop, run->set, &doors, err);
	if (r < 0)
		return r;
	r = make_tell(run, err);
	if (r < 0)
		return r;
	r = checks_new(&run->checks, run->loop, run->set, on_checked, run, err);
	if (r < 0)
		return r;
	return haproxies_new(&run->haproxies, run->loop, run->set,
			     on_haproxy_seen, on_ordered, run, err);
}

int run_new(struct run **ret_run, const char *file, struct settings *set,
	    struct err *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (run == NULL) {
		settings_free(set);
		return err_set(err, -ENOMEM, "out of memory");
	}
	run->file = file;
	run->set = set;
	r = make_parts(run, err);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
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
	run_feed(run, &start);
	say_status(run);
	service_ready(run->manager);
	loop_run(run->loop);
	service_stopping(run->manager);
	run_feed(run, &stop);
}

void run_free(struct run *run)
{
	if (run == NULL)
		return;
	haproxies_free(run->haproxies);
	checks_free(run->checks);
	tell_free(run->tell);
	store_close(run->store);
	service_free(run->manager);
	loop_free(run->loop);
	log_close(run->log);
	orphans_done(&run->orphans);
	ctl_free(run->ctl);
	settings_free(run->set);
	free(run);
}
