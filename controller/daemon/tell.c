#include "controller/daemon/tell.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/daemon/api.h"
#include "controller/daemon/metrics.h"
#include "controller/daemon/web.h"
#include "controller/daemon/window.h"

#define LINE_MAX_BYTES 400

struct tell {
	struct tell_parts parts;
	struct daemon_view view; /* window and metrics are owned */
	struct web *web;         /* owned */
	int64_t last_event;
	bool store_failing; /* as last told */
	ev_prepare lag;
};

/* ---- the web's doors ---- */

static const struct daemon_view *on_view(void *arg)
{
	struct tell *tell = arg;

	tell->view.now = loop_now(tell->parts.loop);
	tell->view.wall_us = loop_wall_us(tell->parts.loop);
	tell->view.lag_us = metrics_lag_us(tell->view.metrics, tell->view.now);
	if (tell->parts.look != NULL)
		tell->parts.look(tell->parts.arg, &tell->view.cluster);
	return &tell->view;
}

static void on_admin(void *arg, const struct admin *admin)
{
	struct tell *tell = arg;

	tell->parts.admin(tell->parts.arg, admin);
}

static void on_switchover(void *arg, uint64_t token, unsigned to)
{
	struct tell *tell = arg;

	tell->parts.switchover(tell->parts.arg, token, to);
}

static void on_say(void *arg, enum note_level level, const char *text)
{
	struct tell *tell = arg;

	log_line(tell->parts.log, level, "%s", text);
}

static uint64_t on_log_dropped(void *arg)
{
	struct tell *tell = arg;

	return log_dropped(tell->parts.log);
}

/* ---- making and changing ---- */

/* At the end of each wake-up that came for a deadline. */
static void on_prepare(struct ev_loop *ev, ev_prepare *w, int events)
{
	struct tell *tell = w->data;
	int64_t lag_us = loop_lag_us(tell->parts.loop);

	(void)ev;
	(void)events;
	if (lag_us > 0)
		metrics_lag(tell->view.metrics, loop_now(tell->parts.loop),
			    lag_us);
}

static int listen_all(struct tell *tell, const struct settings *set,
		      struct err *err)
{
	int r = 0;

	if (set->control_socket != NULL)
		r = web_control(tell->web, set->control_socket, err);
	if (r == 0)
		r = web_listen(tell->web, set->http_host, set->http_port, err);
	return r;
}

static int make_parts(struct tell *tell, struct err *err)
{
	const struct tell_parts *parts = &tell->parts;
	const struct web_doors doors = { .arg = tell,
					 .view = on_view,
					 .admin = on_admin,
					 .switchover = parts->switchover != NULL
							       ? on_switchover
							       : NULL,
					 .say = on_say,
					 .log_dropped = on_log_dropped };
	int64_t wall_us = loop_wall_us(parts->loop);
	int r;

	cluster_facts_init(&tell->view.cluster);
	tell->view.set = parts->set;
	tell->view.ctl = parts->ctl;
	tell->view.started = loop_now(parts->loop);
	tell->view.started_wall_us = wall_us;
	tell->view.window = window_new(parts->set, wall_us);
	tell->view.metrics = metrics_new(parts->set);
	if (tell->view.window == NULL || tell->view.metrics == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = web_new(&tell->web, parts->loop, &doors, err);
	return r < 0 ? r : listen_all(tell, parts->set, err);
}

int tell_new(struct tell **ret_tell, const struct tell_parts *parts,
	     struct err *err)
{
	struct tell *tell = calloc(1, sizeof(*tell));
	int r;

	if (tell == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	tell->parts = *parts;
	ev_prepare_init(&tell->lag, on_prepare);
	tell->lag.data = tell;
	ev_prepare_start(loop_ev(parts->loop), &tell->lag);
	r = make_parts(tell, err);
	if (r < 0) {
		tell_free(tell);
		return r;
	}
	*ret_tell = tell;
	return 0;
}

void tell_free(struct tell *tell)
{
	if (tell == NULL)
		return;
	ev_prepare_stop(loop_ev(tell->parts.loop), &tell->lag);
	web_free(tell->web);
	window_free(tell->view.window);
	metrics_free(tell->view.metrics);
	free(tell);
}

const struct stored *tell_load(struct tell *tell, struct store *store)
{
	const struct tell_parts *parts = &tell->parts;
	const struct incident *closed;
	const struct stored *stored;
	size_t count;

	tell->view.store = store;
	stored = store_load(store, loop_now(parts->loop),
			    loop_wall_us(parts->loop));
	closed = store_closed(store, &count);
	window_restore(tell->view.window, closed, count);
	window_restore(tell->view.window, stored->incidents,
		       stored->incident_count);
	if (store_began_wall_us(store) != 0)
		window_began(tell->view.window, store_began_wall_us(store));
	tell->last_event = store_last_event(store);
	return stored;
}

const struct window *tell_window(const struct tell *tell)
{
	return tell->view.window;
}

void tell_reload(struct tell *tell, const struct settings *set,
		 const struct ctl *ctl)
{
	struct err err = { 0 };

	window_reload(tell->view.window, tell->view.set, set);
	metrics_reload(tell->view.metrics, set);
	store_reload(tell->view.store, set);
	tell->view.set = set;
	tell->view.ctl = ctl;
	tell->view.generation++;
	if (listen_all(tell, set, &err) < 0)
		log_line(tell->parts.log, NOTE_ERR, "%s", err.text);
}

/* ---- telling ---- */

/* Ids follow wall time, so that they grow over restarts even when the last
 * one cannot be read. */
static int64_t next_event(struct tell *tell, int64_t wall_us)
{
	tell->last_event =
		wall_us > tell->last_event ? wall_us : tell->last_event + 1;
	return tell->last_event;
}

static void tell_all(struct tell *tell, const struct note *note)
{
	const struct settings *set = tell->view.set;
	int64_t id = next_event(tell, note->wall_us);
	char text[LINE_MAX_BYTES];
	char *json;

	note_text(note, set, text, sizeof(text));
	log_note(tell->parts.log, note, set, text);
	metrics_note(tell->view.metrics, note);
	json = api_event(note, id, set, text);
	if (json == NULL)
		return;
	store_event(tell->view.store, id, note, text, json);
	web_event(tell->web, id, note->wall_us, note_kind_name(note->kind),
		  json);
	free(json);
}

/* The controller learns of the store's trouble by its orders, we by its
 * state, and whoever is first tells it. */
static bool store_news(struct tell *tell, bool ok)
{
	if (tell->store_failing == !ok)
		return false;
	tell->store_failing = !ok;
	return true;
}

void tell_note(struct tell *tell, const struct note *note)
{
	bool about_store =
		note->kind == NOTE_STORE_FAILED || note->kind == NOTE_STORE_OK;

	if (about_store && !store_news(tell, note->kind == NOTE_STORE_OK))
		return;
	tell_all(tell, note);
}

void tell_store_changed(struct tell *tell, bool ok, const char *why)
{
	struct note note = {
		.kind = ok ? NOTE_STORE_OK : NOTE_STORE_FAILED,
		.now = loop_now(tell->parts.loop),
		.wall_us = loop_wall_us(tell->parts.loop),
		.service = NOTE_NONE,
		.target = NOTE_NONE,
		.haproxy = NOTE_NONE,
		.onset_min = INSTANT_NONE,
		.onset_max = INSTANT_NONE,
	};

	snprintf(note.text, sizeof(note.text), "%s", why);
	tell_note(tell, &note);
}

void tell_store(struct tell *tell, uint64_t id, const struct store_order *order)
{
	struct window_news news;

	if (order->kind == STORE_INCIDENT) {
		news = window_incident(tell->view.window, &order->incident);
		/* The node that recorded it counts it. */
		if (!order->heard && order->incident.merged_into == 0)
			metrics_incident(tell->view.metrics, &order->incident,
					 &news);
	}
	store_write(tell->view.store, id, order);
}

void tell_reply(struct tell *tell, uint64_t token, int error, const char *text)
{
	web_reply(tell->web, token, error, text);
}

void tell_evidence(struct tell *tell, unsigned target, const struct result *res)
{
	metrics_evidence(tell->view.metrics, target, res);
}

void tell_command(struct tell *tell, unsigned haproxy, int64_t took_us, bool ok)
{
	metrics_command(tell->view.metrics, haproxy, took_us, ok);
}

void tell_switched(struct tell *tell, uint64_t token, const char *from,
		   const char *to, int64_t span_us)
{
	web_switched(tell->web, token, from, to, span_us);
}

void tell_failover(struct tell *tell, const char *reason, int64_t span_us)
{
	metrics_failover(tell->view.metrics, reason, span_us);
}
