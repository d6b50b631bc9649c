#include "controller/daemon/hooks.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/unit.h"
#include "controller/io/child.h"
#include "controller/io/environment.h"

#define STOP_US (2 * SECOND) /* for a unit that ran out of time to stop */
#define KILL_US (100 * MS)   /* for what was killed to be gone */

struct hook {
	struct hook **slot;          /* the owner's */
	struct loop *loop;           /* borrowed */
	struct guard_process *guard; /* borrowed, or NULL */
	struct child *child;         /* owned; NULL for a unit */
	struct process_group group;  /* of the child, or none */
	struct unit *unit;           /* owned; the job that is awaited */
	char *name;                  /* owned: of the unit */
	int ending; /* what to report when the stop job has ended; or 0 */
	struct instant began;
	hook_fn fn;
	void *arg;
	ev_io bus;
	ev_timer turn;     /* sd-bus wants one */
	ev_timer deadline; /* of the unit, or of its stop */
	ev_timer report;   /* an outcome that may be told only later */
	int error;
	char text[HOOK_TEXT_MAX];
	char output[CHILD_OUTPUT_MAX];
};

const char *hook_unit(const char *command)
{
	size_t prefix = sizeof(UNIT_PREFIX) - 1;

	return strncmp(command, UNIT_PREFIX, prefix) == 0 ? command + prefix
							  : NULL;
}

static void unwatch_unit(struct hook *hook)
{
	ev_io_stop(loop_ev(hook->loop), &hook->bus);
	ev_timer_stop(loop_ev(hook->loop), &hook->turn);
	ev_timer_stop(loop_ev(hook->loop), &hook->deadline);
	unit_free(hook->unit);
	hook->unit = NULL;
}

/* What it left behind was killed with it, and is waited for: what runs after
 * this must not meet any of it.  The guard goes on knowing what lives. */
static bool end_group(struct hook *hook, struct instant until)
{
	bool dead = group_end(&hook->group, until);

	if (hook->child != NULL)
		child_stop(&hook->child);
	if (dead && hook->group.id != 0 && hook->guard != NULL)
		guard_process_remove(hook->guard, hook->group.id);
	hook->group.id = 0;
	return dead;
}

void hook_free(struct hook *hook)
{
	if (hook == NULL)
		return;
	ev_timer_stop(loop_ev(hook->loop), &hook->report);
	unwatch_unit(hook);
	end_group(hook, instant_add(loop_clock(), KILL_US));
	if (hook->slot != NULL)
		*hook->slot = NULL;
	free(hook->name);
	free(hook);
}

static void set_text(struct hook *hook, const char *text)
{
	size_t length = strcspn(text, "\r\n");

	if (length >= sizeof(hook->text))
		length = sizeof(hook->text) - 1;
	memcpy(hook->text, text, length);
	hook->text[length] = '\0';
}

static void finish(struct hook *hook)
{
	char text[HOOK_TEXT_MAX], output[CHILD_OUTPUT_MAX];
	struct hook_outcome outcome = { .text = text, .output = output };
	hook_fn fn = hook->fn;
	void *arg = hook->arg;

	if (!end_group(hook, instant_add(loop_clock(), KILL_US))) {
		hook->error = -EBUSY;
		set_text(hook, "it cannot be killed");
	}
	memcpy(text, hook->text, sizeof(text));
	memcpy(output, hook->output, sizeof(output));
	outcome.error = hook->error;
	outcome.took_us = instant_diff_us(hook->began, loop_clock());
	hook_free(hook);
	fn(arg, &outcome);
}

static void on_report(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	finish(w->data);
}

static void report_later(struct hook *hook, int error, const char *text)
{
	hook->error = error;
	set_text(hook, text);
	ev_timer_start(loop_ev(hook->loop), &hook->report);
}

/* A program that ends by itself has said how it went, if it said anything. */
static void on_child(void *arg, const struct child_outcome *outcome)
{
	struct hook *hook = arg;

	hook->error = 0;
	set_text(hook, outcome->output);
	snprintf(hook->output, sizeof(hook->output), "%s", outcome->output);
	if (outcome->end == CHILD_TIMED_OUT) {
		hook->error = -ETIME;
		set_text(hook, "timed out and killed");
	} else if (outcome->end == CHILD_KILLED) {
		hook->error = -EIO;
		snprintf(hook->text, sizeof(hook->text), "killed by signal %d",
			 outcome->value);
	} else if (outcome->value != 0) {
		hook->error = -EIO;
		if (hook->text[0] == '\0')
			snprintf(hook->text, sizeof(hook->text),
				 "exit status %d", outcome->value);
	}
	/* Not from here: the child is not yet put away. */
	ev_timer_start(loop_ev(hook->loop), &hook->report);
}

struct instance_names {
	const char *name, *host, *port;
};

static void fill_instance(struct environment *env,
			  const struct instance_names *names,
			  const struct target_settings *target)
{
	char number[8];

	if (target == NULL)
		return;
	snprintf(number, sizeof(number), "%u", (unsigned)target->port);
	environment_set(env, names->name, target->name);
	environment_set(env, names->host, target->host);
	environment_set(env, names->port, number);
}

static void fill_group(struct environment *env, const struct hook_call *call)
{
	static const struct instance_names target = { "BASCULE_TARGET",
						      "BASCULE_TARGET_HOST",
						      "BASCULE_TARGET_PORT" };
	static const struct instance_names source = { "BASCULE_SOURCE",
						      "BASCULE_SOURCE_HOST",
						      "BASCULE_SOURCE_PORT" };

	if (call->group == NULL)
		return;
	environment_set(env, "BASCULE_GROUP", call->group);
	fill_instance(env, &target, call->target);
	fill_instance(env, &source, call->source);
}

static void fill_environment(struct environment *env,
			     const struct hook_call *call)
{
	char number[24];

	environment_set(env, "BASCULE_NODE", call->node);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)call->term);
	environment_set(env, "BASCULE_TERM", number);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)call->epoch);
	environment_set(env, "BASCULE_EPOCH", number);
	environment_set(env, "BASCULE_REASON", call->reason);
	fill_group(env, call);
	environment_finish(env);
}

/* The guard must know of it first, and the clock is read last. */
static int start_program(struct hook *hook, const struct hook_call *call,
			 struct err *err)
{
	const char *const argv[] = { call->command, NULL };
	struct environment env = { .used = 0 };
	int r;

	fill_environment(&env, call);
	r = child_hold(&hook->child, hook->loop, argv, env.list,
		       call->timeout_us, on_child, hook);
	if (r < 0)
		return err_set(err, r, "cannot be run: %s", strerror(-r));
	hook->group = group_of(child_group(hook->child));
	if (hook->guard != NULL)
		r = guard_process_add(hook->guard, &hook->group);
	if (r < 0)
		return err_set(err, r, "the guard cannot watch it: %s",
			       strerror(-r));
	hook->began = loop_clock();
	if (instant_before(call->not_after, hook->began))
		return err_set(err, -ETIME, "too late to begin");
	child_go(hook->child);
	return 0;
}

static void watch_unit(struct hook *hook);
static void unit_ended(struct hook *hook, int r, const struct err *err);

static void work(struct hook *hook)
{
	struct err err = { 0 };
	int r = unit_work(hook->unit, &err);

	if (r == -EINPROGRESS)
		watch_unit(hook);
	else
		unit_ended(hook, r, &err);
}

static void on_bus(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	work(w->data);
}

static void on_turn(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	work(w->data);
}

/* What sd-bus waits for changes with each turn. */
static void watch_unit(struct hook *hook)
{
	struct ev_loop *ev = loop_ev(hook->loop);
	int64_t wait_us = unit_wait_us(hook->unit);
	int events = unit_events(hook->unit), wanted = 0;

	if (events & POLLIN)
		wanted |= EV_READ;
	if (events & POLLOUT)
		wanted |= EV_WRITE;
	ev_io_stop(ev, &hook->bus);
	ev_io_set(&hook->bus, unit_fd(hook->unit), wanted);
	ev_io_start(ev, &hook->bus);
	ev_timer_stop(ev, &hook->turn);
	if (wait_us >= 0) {
		ev_timer_set(&hook->turn, (double)wait_us / 1e6, 0.);
		ev_timer_start(ev, &hook->turn);
	}
}

static void set_deadline(struct hook *hook, int64_t span_us)
{
	struct ev_loop *ev = loop_ev(hook->loop);

	ev_timer_stop(ev, &hook->deadline);
	ev_timer_set(&hook->deadline, span_us > 0 ? (double)span_us / 1e6 : 0.,
		     0.);
	ev_timer_start(ev, &hook->deadline);
}

/* Stop the unit, which cancels its start, and report @why when that is done. */
static void stop_unit(struct hook *hook, int why, int64_t span_us)
{
	struct err err;
	int r;

	unwatch_unit(hook);
	hook->ending = why;
	r = unit_ask(&hook->unit, UNIT_STOP, hook->name, &err);
	if (r < 0) {
		report_later(hook, -EBUSY, err.text);
		return;
	}
	watch_unit(hook);
	set_deadline(hook, span_us);
}

static const char *ending_text(int why)
{
	return why == -ETIME ? "timed out and stopped"
			     : "ended before it was "
			       "done";
}

static void unit_ended(struct hook *hook, int r, const struct err *err)
{
	unwatch_unit(hook);
	if (r < 0)
		report_later(hook, hook->ending != 0 ? -EBUSY : r, err->text);
	else if (hook->ending != 0)
		report_later(hook, hook->ending, ending_text(hook->ending));
	else
		report_later(hook, 0, "");
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int events)
{
	struct hook *hook = w->data;

	(void)ev;
	(void)events;
	if (hook->ending == 0) {
		stop_unit(hook, -ETIME, STOP_US);
		return;
	}
	unwatch_unit(hook);
	report_later(hook, -EBUSY, "systemd does not stop the unit");
}

static int start_unit(struct hook *hook, const struct hook_call *call,
		      struct err *err)
{
	int r;

	hook->name = strdup(hook_unit(call->command));
	if (hook->name == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	hook->began = loop_clock();
	if (instant_before(call->not_after, hook->began))
		return err_set(err, -ETIME, "too late to begin");
	r = unit_ask(&hook->unit, UNIT_START, hook->name, err);
	if (r < 0)
		return r;
	watch_unit(hook);
	set_deadline(hook, call->timeout_us);
	return 0;
}

static void init_watchers(struct hook *hook)
{
	ev_init(&hook->bus, on_bus);
	ev_init(&hook->turn, on_turn);
	ev_init(&hook->deadline, on_deadline);
	ev_timer_init(&hook->report, on_report, 0., 0.);
	hook->bus.data = hook->turn.data = hook->deadline.data =
		hook->report.data = hook;
}

static struct hook *hook_new(struct loop *loop, struct guard_process *guard,
			     hook_fn fn, void *arg)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (hook == NULL)
		return NULL;
	hook->loop = loop;
	hook->guard = guard;
	hook->fn = fn;
	hook->arg = arg;
	init_watchers(hook);
	return hook;
}

int hook_start(struct hook **slot, struct loop *loop,
	       struct guard_process *guard, const struct hook_call *call,
	       hook_fn fn, void *arg, struct err *err)
{
	struct hook *hook = hook_new(loop, guard, fn, arg);
	int r;

	if (hook == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = hook_unit(call->command) != NULL ? start_unit(hook, call, err)
					     : start_program(hook, call, err);
	if (r < 0) {
		hook_free(hook);
		return r;
	}
	hook->slot = slot;
	*slot = hook;
	return 0;
}

static void cancel_program(struct hook *hook, struct instant until)
{
	if (end_group(hook, until))
		report_later(hook, -ECANCELED, ending_text(-ECANCELED));
	else
		report_later(hook, -EBUSY, "it cannot be killed");
}

void hook_cancel(struct hook *hook, struct instant until)
{
	int64_t left_us = instant_diff_us(loop_clock(), until);

	if (hook->group.id != 0) {
		cancel_program(hook, until);
	} else if (ev_is_active(&hook->report)) {
		return;
	} else if (hook->ending == 0) {
		stop_unit(hook, -ECANCELED, left_us);
	}
}

int hook_stop_unit(struct hook **slot, struct loop *loop, const char *unit,
		   struct instant until, hook_fn fn, void *arg)
{
	struct hook *hook = hook_new(loop, NULL, fn, arg);

	if (hook == NULL)
		return -ENOMEM;
	hook->began = loop_clock();
	hook->name = strdup(unit);
	if (hook->name == NULL) {
		hook_free(hook);
		return -ENOMEM;
	}
	hook->slot = slot;
	*slot = hook;
	stop_unit(hook, -ECANCELED, instant_diff_us(loop_clock(), until));
	return 0;
}
