#include "controller/daemon/local_unit.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define RETRY_S 1.

#define MANAGER      "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define UNITS_PATH   MANAGER_PATH "/unit"
#define UNIT_FACE    MANAGER ".Unit"
#define PROPERTIES   "org.freedesktop.DBus.Properties"

struct watched {
	struct unit_watches *watches;
	char *path; /* owned: on the bus */
	bool active;
};

struct unit_watches {
	struct loop *loop; /* borrowed */
	unit_down_fn down;
	unit_bus_fn say;
	void *arg;
	sd_bus *bus; /* owned; NULL while there is none */
	ev_io io;
	ev_timer turn, retry;
	bool told; /* that the bus is lost */
	int error; /* of systemd's, to be acted upon */
	unsigned count;
	struct watched list[];
};

static bool state_serves(const char *state)
{
	return strcmp(state, "active") == 0 ||
	       strcmp(state, "reloading") == 0 ||
	       strcmp(state, "activating") == 0;
}

static void take_state(struct watched *unit, const char *state)
{
	struct unit_watches *watches = unit->watches;
	bool was = unit->active;

	unit->active = state_serves(state);
	if (was && !unit->active)
		watches->down(watches->arg, (unsigned)(unit - watches->list),
			      state);
}

static int on_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *face, *name, *state;

	(void)error;
	if (sd_bus_message_read(m, "s", &face) < 0 ||
	    strcmp(face, UNIT_FACE) != 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return 0;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		if (sd_bus_message_read(m, "s", &name) < 0)
			return 0;
		if (strcmp(name, "ActiveState") == 0) {
			if (sd_bus_message_read(m, "v", "s", &state) >= 0)
				take_state(arg, state);
			return 0;
		}
		if (sd_bus_message_skip(m, "v") < 0 ||
		    sd_bus_message_exit_container(m) < 0)
			return 0;
	}
	return 0;
}

static int on_asked(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *state;

	(void)error;
	if (sd_bus_message_get_error(m) == NULL &&
	    sd_bus_message_read(m, "v", "s", &state) >= 0)
		take_state(arg, state);
	return 0;
}

/* The first answer of all: the bus is there, and so is systemd. */
static int on_subscribed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *why = sd_bus_message_get_error(m);
	struct unit_watches *watches = arg;

	(void)error;
	if (why != NULL) {
		watches->error = -sd_bus_message_get_errno(m);
		return 0;
	}
	watches->told = false;
	watches->say(watches->arg, NULL);
	return 0;
}

/* Listen first, then ask: nothing is missed in between. */
static int ask_for(struct unit_watches *watches, struct watched *unit)
{
	int r;

	r = sd_bus_match_signal_async(watches->bus, NULL, MANAGER, unit->path,
				      PROPERTIES, "PropertiesChanged",
				      on_changed, NULL, unit);
	if (r < 0)
		return r;
	return sd_bus_call_method_async(watches->bus, NULL, MANAGER, unit->path,
					PROPERTIES, "Get", on_asked, unit, "ss",
					UNIT_FACE, "ActiveState");
}

static int bus_open(struct unit_watches *watches)
{
	unsigned i;
	int r;

	watches->error = 0;
	r = sd_bus_open_system(&watches->bus);
	if (r >= 0)
		r = sd_bus_call_method_async(watches->bus, NULL, MANAGER,
					     MANAGER_PATH, MANAGER ".Manager",
					     "Subscribe", on_subscribed,
					     watches, "");
	for (i = 0; i < watches->count && r >= 0; i++)
		r = ask_for(watches, &watches->list[i]);
	return r;
}

static void bus_unwatch(struct unit_watches *watches)
{
	ev_io_stop(loop_ev(watches->loop), &watches->io);
	ev_timer_stop(loop_ev(watches->loop), &watches->turn);
	ev_timer_stop(loop_ev(watches->loop), &watches->retry);
}

static void bus_lost(struct unit_watches *watches, int error)
{
	bus_unwatch(watches);
	watches->bus = sd_bus_close_unref(watches->bus);
	ev_timer_start(loop_ev(watches->loop), &watches->retry);
	if (!watches->told)
		watches->say(watches->arg, strerror(-error));
	watches->told = true;
}

/* sd-bus counts on CLOCK_MONOTONIC: only the difference is of use. */
static void set_turn(struct unit_watches *watches)
{
	struct ev_loop *ev = loop_ev(watches->loop);
	struct timespec ts;
	uint64_t due, now;

	ev_timer_stop(ev, &watches->turn);
	if (sd_bus_get_timeout(watches->bus, &due) < 0 || due == UINT64_MAX)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
	ev_timer_set(&watches->turn,
		     due <= now ? 0. : (double)(due - now) / 1e6, 0.);
	ev_timer_start(ev, &watches->turn);
}

/* What sd-bus waits for changes with each turn. */
static void bus_watch(struct unit_watches *watches)
{
	struct ev_loop *ev = loop_ev(watches->loop);
	int events = sd_bus_get_events(watches->bus), wanted = 0;

	if (events > 0 && (events & POLLIN) != 0)
		wanted |= EV_READ;
	if (events > 0 && (events & POLLOUT) != 0)
		wanted |= EV_WRITE;
	ev_io_stop(ev, &watches->io);
	ev_io_set(&watches->io, sd_bus_get_fd(watches->bus), wanted);
	ev_io_start(ev, &watches->io);
	set_turn(watches);
}

static void bus_work(struct unit_watches *watches)
{
	int r = 1;

	while (r > 0)
		r = sd_bus_process(watches->bus, NULL);
	if (r == 0 && sd_bus_is_open(watches->bus) <= 0)
		r = -ECONNRESET;
	if (r == 0)
		r = watches->error;
	if (r < 0)
		bus_lost(watches, r);
	else
		bus_watch(watches);
}

static void bus_begin(struct unit_watches *watches)
{
	int r = bus_open(watches);

	if (r < 0)
		bus_lost(watches, r);
	else
		bus_watch(watches);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	bus_work(w->data);
}

static void on_turn(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	bus_work(w->data);
}

static void on_retry(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	bus_begin(w->data);
}

static int fill(struct unit_watches *watches, const char *const *names)
{
	struct watched *unit;
	unsigned i;
	int r;

	for (i = 0; i < watches->count; i++) {
		unit = &watches->list[i];
		unit->watches = watches;
		r = sd_bus_path_encode(UNITS_PATH, names[i], &unit->path);
		if (r < 0)
			return r;
	}
	return 0;
}

int unit_watches_new(struct unit_watches **ret_watches, struct loop *loop,
		     const char *const *names, unsigned count,
		     unit_down_fn down, unit_bus_fn bus, void *arg)
{
	struct unit_watches *watches =
		calloc(1, sizeof(*watches) + count * sizeof(watches->list[0]));

	if (watches == NULL)
		return -ENOMEM;
	watches->loop = loop;
	watches->down = down;
	watches->say = bus;
	watches->arg = arg;
	watches->count = count;
	ev_init(&watches->io, on_io);
	ev_init(&watches->turn, on_turn);
	ev_timer_init(&watches->retry, on_retry, RETRY_S, 0.);
	watches->io.data = watches->turn.data = watches->retry.data = watches;
	if (fill(watches, names) < 0) {
		unit_watches_free(watches);
		return -ENOMEM;
	}
	bus_begin(watches);
	*ret_watches = watches;
	return 0;
}

void unit_watches_free(struct unit_watches *watches)
{
	unsigned i;

	if (watches == NULL)
		return;
	bus_unwatch(watches);
	sd_bus_close_unref(watches->bus);
	for (i = 0; i < watches->count; i++)
		free(watches->list[i].path);
	free(watches);
}
