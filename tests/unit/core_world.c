#include "tests/unit/core_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct check_settings check = {
	.interval_us = 1 * SECOND,
	.fast_interval_us = 100 * MS,
	.down_interval_us = 1 * SECOND,
	.timeout_us = 500 * MS,
	.timeout_min_us = 20 * MS,
	.slow_after_us = 250 * MS,
	.fall = 3,
	.rise = 2,
	.fresh_every = 10,
	.lost = 10,
	.lost_max = 64,
	.lost_interval_us = 8 * MS,
};

static void service_init(struct core_world *w, unsigned service,
			 const char *name, const char *backend, unsigned first,
			 unsigned count)
{
	w->services[service] = (struct service_settings){
		.name = name,
		.backend = backend,
		.check = check,
		.min_up = 1,
		.concurrency = count,
		.severity_partial = SEVERITY_P2,
		.severity_total = SEVERITY_P1,
		.first_target = first,
		.target_count = count,
	};
}

void core_init(struct core_world *w)
{
	static const char *const names[] = { "api1", "api2", "api3", "web1",
					     "web2" };
	static const char *const haproxies[] = { "lb1", "lb2", "lb3", "lb4" };
	unsigned i;

	memset(w, 0, sizeof(*w));
	service_init(w, API, "api", "be_api", API1, 3);
	service_init(w, SHOP, "shop", "be_shop", WEB1, 2);
	for (i = 0; i < CORE_TARGETS; i++)
		w->targets[i] = (struct target_settings){
			.name = names[i],
			.address = "10.0.0.1:80",
			.service = i < WEB1 ? API : SHOP,
		};
	for (i = 0; i < SETTINGS_HAPROXIES_MAX; i++)
		w->haproxies[i].name = haproxies[i % 4];
	w->set = (struct settings){
		.node = "node1",
		.services = w->services,
		.service_count = CORE_SERVICES,
		.targets = w->targets,
		.target_count = CORE_TARGETS,
		.haproxies = w->haproxies,
		.haproxy_count = 1,
	};
	w->now = (struct instant){ 100 * SECOND };
}

void core_start(struct core_world *w, const struct stored *stored)
{
	struct event ev = { .kind = EVENT_START, .stored = stored };

	w->ctl = ctl_new(&w->set, 1);
	assert_non_null(w->ctl);
	core_feed(w, &ev);
}

void core_done(struct core_world *w)
{
	ctl_free(w->ctl);
	w->ctl = NULL;
}

void core_forget(struct core_world *w)
{
	w->count = 0;
}

static void step(struct core_world *w, struct event *ev)
{
	unsigned i;

	ev->now = w->now;
	ev->wall_us = CORE_WALL + w->now.us;
	ctl_step(w->ctl, ev, &w->out);
	for (i = 0; i < w->out.count; i++) {
		const struct action *act = &w->out.list[i];

		assert_true(w->count < CORE_LOG);
		w->log[w->count++] = *act;
		if (act->kind == ACTION_CHECK &&
		    act->check.target < CORE_TARGETS)
			w->checks[act->check.target] = act->id;
	}
}

void core_feed(struct core_world *w, struct event *ev)
{
	struct event more = { .kind = EVENT_DEADLINE };
	unsigned i;

	step(w, ev);
	for (i = 0; instant_reached(w->now, ctl_deadline(w->ctl)); i++) {
		assert_true(i < 1000);
		step(w, &more);
	}
}

void core_wait(struct core_world *w, int64_t span_us)
{
	struct instant end = instant_add(w->now, span_us);
	struct event ev = { .kind = EVENT_DEADLINE };

	while (!instant_before(end, ctl_deadline(w->ctl))) {
		w->now = ctl_deadline(w->ctl);
		core_feed(w, &ev);
	}
	w->now = end;
}

void core_answer(struct core_world *w, unsigned target, enum result_code code)
{
	struct event ev = { .kind = EVENT_EVIDENCE };
	unsigned i;

	for (i = 0; w->checks[target] == 0; i++) {
		assert_true(i < 10000);
		core_wait(w, 1 * MS);
	}
	ev.evidence.target = target;
	ev.evidence.check = w->checks[target];
	ev.evidence.result = result_make(code, 0, 1 * MS, NULL);
	w->checks[target] = 0;
	core_feed(w, &ev);
}

void core_answers(struct core_world *w, unsigned target, unsigned times,
		  enum result_code code)
{
	while (times-- > 0)
		core_answer(w, target, code);
}

void core_link(struct core_world *w, unsigned haproxy, bool up)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){
		.kind = up ? HAPROXY_LINK_UP : HAPROXY_LINK_DOWN,
		.haproxy = haproxy,
		.fresh = up,
		.text = "gone",
	};
	core_feed(w, &ev);
}

void core_link_again(struct core_world *w, unsigned haproxy)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_LINK_UP,
					    .haproxy = haproxy };
	core_feed(w, &ev);
}

void core_see(struct core_world *w, unsigned haproxy, unsigned target,
	      enum server_state state, unsigned weight)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){
		.kind = HAPROXY_SERVER,
		.haproxy = haproxy,
		.target = target,
		.state = state,
		.weight_percent = weight,
		.text = "no such server",
	};
	core_feed(w, &ev);
}

void core_see_all(struct core_world *w, unsigned haproxy,
		  enum server_state state)
{
	unsigned i;

	core_link(w, haproxy, true);
	for (i = 0; i < w->set.target_count; i++)
		core_see(w, haproxy, i, state, 100);
}

void core_acted(struct core_world *w, uint64_t id, const char *failed)
{
	struct event ev = { .kind = EVENT_ACTION_DONE };

	ev.action.id = id;
	if (failed != NULL) {
		ev.kind = EVENT_ACTION_FAILED;
		snprintf(ev.action.text, sizeof(ev.action.text), "%s", failed);
	}
	core_feed(w, &ev);
}

void core_admin(struct core_world *w, const struct maintenance *m,
		uint64_t token)
{
	struct event ev = { .kind = EVENT_ADMIN };

	ev.admin.token = token;
	ev.admin.maintenance = *m;
	core_feed(w, &ev);
}

const struct action *core_order(struct core_world *w, unsigned target)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_HAPROXY &&
		    w->log[i].haproxy.target == target)
			return &w->log[i];
	return NULL;
}

const struct action *core_store(struct core_world *w, enum store_kind kind)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_STORE &&
		    w->log[i].store.kind == kind)
			return &w->log[i];
	return NULL;
}

const struct action *core_note(struct core_world *w, enum note_kind kind)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_NOTE &&
		    w->log[i].note.kind == kind)
			return &w->log[i];
	return NULL;
}

const struct action *core_reply(struct core_world *w)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_REPLY)
			return &w->log[i];
	return NULL;
}

void core_carry_out(struct core_world *w)
{
	unsigned i;

	for (i = 0; i < w->count; i++)
		if (w->log[i].id != 0 && (w->log[i].kind == ACTION_STORE ||
					  w->log[i].kind == ACTION_HAPROXY))
			core_acted(w, w->log[i].id, NULL);
}

void core_settle(struct core_world *w)
{
	core_carry_out(w);
	core_forget(w);
}

void core_begin(struct core_world *w, const struct stored *stored)
{
	unsigned i;

	core_start(w, stored);
	for (i = 0; i < w->set.haproxy_count; i++)
		core_see_all(w, i, SERVER_READY);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(w, i, RESULT_L7OK);
	core_settle(w);
}

void core_reload(struct core_world *w, const struct settings *next)
{
	static const unsigned kept[] = { API1, API2, API3, WEB1, WEB2 };
	static const struct stored nothing;
	struct event ev = { .kind = EVENT_SETTINGS };
	struct ctl *before = w->ctl;

	w->ctl = ctl_new(next, 2);
	assert_non_null(w->ctl);
	ev.settings.previous = before;
	ev.settings.stored = &nothing;
	ev.settings.kept = kept;
	core_feed(w, &ev);
	ctl_free(before);
}
