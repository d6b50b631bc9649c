#include "controller/daemon/self_watch.h"

#include <stdlib.h>

#include "controller/io/canary.h"
#include "controller/io/carrier.h"
#include "controller/io/pressure.h"

#define LOOK_S    1.0
#define HURRY_S   0.1
#define HURRY_US  (2 * SECOND)
#define LATE_US   (20 * MS)  /* a lag that is told at once */
#define PAUSE_US  (100 * MS) /* but not more often than this */
#define REACH_MAX 256        /* targets whose way is looked at */

struct self_watch {
	struct loop *loop; /* borrowed */
	struct self_watch_doors doors;
	struct canary *canary; /* owned; may be NULL */
	struct pressure pressure;
	struct carrier carrier;
	int64_t lag_us, canary_us;  /* the worst since the last facts */
	struct instant told, hurry; /* until then */
	ev_timer look;
	ev_prepare lag;
	bool posted;
};

static int64_t worst_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void tell(struct self_watch *watch)
{
	unsigned percent[PRESSURE_KINDS];
	struct self_facts facts = { .lag_us = watch->lag_us };

	pressure_look(&watch->pressure, loop_clock(), percent);
	facts.canary_us = watch->canary_us;
	if (watch->canary != NULL)
		facts.canary_us = worst_us(facts.canary_us,
					   canary_waits_us(watch->canary));
	facts.cpu_percent = percent[PRESSURE_CPU];
	facts.memory_percent = percent[PRESSURE_MEMORY];
	facts.io_percent = percent[PRESSURE_IO];
	facts.carrier_lost = carrier_lost(&watch->carrier);
	if (watch->doors.loss_percent != NULL)
		facts.loss_percent =
			watch->doors.loss_percent(watch->doors.arg);
	watch->lag_us = 0;
	watch->canary_us = 0;
	watch->told = loop_now(watch->loop);
	watch->doors.facts(watch->doors.arg, &facts);
}

static void set_pace(struct self_watch *watch)
{
	bool hurry = instant_before(loop_now(watch->loop), watch->hurry);

	watch->look.repeat = hurry ? HURRY_S : LOOK_S;
	ev_timer_again(loop_ev(watch->loop), &watch->look);
}

static void on_look(struct ev_loop *ev, ev_timer *w, int events)
{
	struct self_watch *watch = w->data;

	(void)ev;
	(void)events;
	tell(watch);
	if (watch->canary != NULL)
		canary_ask(watch->canary);
	set_pace(watch);
}

static void on_canary(void *arg, int64_t took_us)
{
	struct self_watch *watch = arg;

	watch->canary_us = worst_us(watch->canary_us, took_us);
}

static void on_late(void *arg)
{
	struct self_watch *watch = arg;

	watch->posted = false;
	tell(watch);
}

/* At the end of each wake-up: the controller is not to be called from here. */
static void on_prepare(struct ev_loop *ev, ev_prepare *w, int events)
{
	struct self_watch *watch = w->data;
	int64_t lag_us = loop_lag_us(watch->loop);
	struct instant next = instant_add(watch->told, PAUSE_US);

	(void)ev;
	(void)events;
	watch->lag_us = worst_us(watch->lag_us, lag_us);
	if (lag_us >= LATE_US && !watch->posted &&
	    instant_reached(loop_now(watch->loop), next))
		watch->posted = loop_post(watch->loop, on_late, watch) == 0;
}

struct self_watch *self_watch_new(struct loop *loop,
				  const struct self_watch_doors *doors)
{
	struct self_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	watch->doors = *doors;
	watch->told = watch->hurry = loop_now(loop);
	watch->canary = canary_new(loop, on_canary, watch);
	pressure_init(&watch->pressure, "/proc/pressure");
	carrier_init(&watch->carrier);
	ev_timer_init(&watch->look, on_look, 0., LOOK_S);
	watch->look.data = watch;
	ev_timer_again(loop_ev(loop), &watch->look);
	ev_prepare_init(&watch->lag, on_prepare);
	watch->lag.data = watch;
	ev_prepare_start(loop_ev(loop), &watch->lag);
	return watch;
}

void self_watch_free(struct self_watch *watch)
{
	if (watch == NULL)
		return;
	ev_timer_stop(loop_ev(watch->loop), &watch->look);
	ev_prepare_stop(loop_ev(watch->loop), &watch->lag);
	canary_free(watch->canary);
	pressure_done(&watch->pressure);
	free(watch);
}

void self_watch_reload(struct self_watch *watch, const struct settings *set)
{
	unsigned i, step = set->target_count / REACH_MAX + 1;

	for (i = 0; i < set->target_count; i += step)
		carrier_reach(&watch->carrier, set->targets[i].host);
	carrier_lost(&watch->carrier);
}

void self_watch_hurry(struct self_watch *watch)
{
	struct instant now = loop_now(watch->loop);
	bool already = instant_before(now, watch->hurry);

	watch->hurry = instant_add(now, HURRY_US);
	if (already)
		return;
	watch->look.repeat = 1e-6;
	ev_timer_again(loop_ev(watch->loop), &watch->look);
}
