/* Who is in rotation, and bringing every HAProxy there. */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

struct server *rotation_server(const struct ctl *ctl, unsigned haproxy,
			       unsigned target)
{
	return &ctl->servers[haproxy * ctl->set->target_count + target];
}

void rotation_dirty(struct ctl *ctl, unsigned target)
{
	unsigned n = ctl->set->target_count;

	if (ctl->targets[target].dirty)
		return;
	ctl->targets[target].dirty = true;
	ctl->dirty[(ctl->dirty_first + ctl->dirty_count++) % n] = target;
}

void rotation_changed(struct ctl *ctl, unsigned target)
{
	rotation_dirty(ctl, target);
}

/* Somebody came back: what was held may perhaps leave now. */
static void look_at_held(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	if (ctl->services[service].held == 0)
		return;
	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		if (ctl->targets[i].held)
			rotation_dirty(ctl, i);
}

/* The only writer of out and kept_out: keeps the service's count. */
static void set_out(struct ctl *ctl, unsigned target, bool out, bool kept_out)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	bool rotated = !t->out && !t->kept_out;
	bool rotates = !out && !kept_out;

	t->out = out;
	t->kept_out = kept_out;
	if (rotated && !rotates)
		svc->rotating--;
	if (!rotated && rotates) {
		svc->rotating++;
		look_at_held(ctl, ctl->set->targets[target].service);
	}
}

static void set_held(struct ctl *ctl, unsigned target, bool held)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];

	if (t->held == held)
		return;
	t->held = held;
	if (held)
		svc->held++;
	else
		svc->held--;
}

/* A restart finds servers that an earlier run took out. */
static bool left_out(const struct ctl *ctl, unsigned target)
{
	unsigned h;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = rotation_server(ctl, h, target);

		if (srv->claimed && srv->seen != SERVER_READY)
			return true;
	}
	return false;
}

static void withdraw(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	const char *rule = NULL;
	bool held = t->held;

	if (t->out)
		return;
	if (!t->kept_out)
		rule = governor_withdraw(ctl_service_of(ctl, target),
					 svc->rotating);
	set_held(ctl, target, rule != NULL);
	if (rule == NULL) {
		set_out(ctl, target, true, t->kept_out);
		t->told_out = false;
		t->told_in = false;
		note_say(ctl_note_target(ctl, NOTE_WITHDRAW, target), "%s",
			 result_code_name(t->cause.code));
	} else if (!held) {
		note_say(ctl_note_target(ctl, NOTE_HELD, target), "%s", rule);
	}
}

static unsigned ramp_percent(const struct ctl *ctl, unsigned target)
{
	int64_t span_us = ctl_service_of(ctl, target)->slow_start_us;
	struct instant since = ctl->targets[target].health.since;
	int64_t step;

	if (span_us == 0)
		return 100;
	step = instant_diff_us(since, ctl->now) * RAMP_STEPS / span_us + 1;
	return step >= RAMP_STEPS ? 100 : (unsigned)step * (100 / RAMP_STEPS);
}

static struct wish wish_in_maintenance(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	struct instant drained;

	if (!t->maintenance.on || !t->maintenance.drain)
		return (struct wish){ .state = SERVER_UNKNOWN };
	drained = instant_add(t->health.since,
			      ctl_service_of(ctl, target)->drain_us);
	return (struct wish){ .state = instant_reached(ctl->now, drained)
					       ? SERVER_MAINT
					       : SERVER_DRAIN };
}

/* Where the target should be; asks the governor where it matters. */
static struct wish decide(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];
	struct wish wish = { .state = SERVER_READY, .weight_percent = 100 };

	switch (t->health.state) {
	case HEALTH_DOWN:
		withdraw(ctl, target);
		if (t->out)
			wish = (struct wish){ .state = SERVER_MAINT };
		break;
	case HEALTH_UNKNOWN:
		set_held(ctl, target, false);
		set_out(ctl, target, left_out(ctl, target), t->kept_out);
		wish = (struct wish){ .state = SERVER_UNKNOWN };
		break;
	case HEALTH_MAINT:
		set_held(ctl, target, false);
		wish = wish_in_maintenance(ctl, target);
		set_out(ctl, target,
			wish.state != SERVER_UNKNOWN || left_out(ctl, target),
			t->kept_out);
		break;
	default:
		set_held(ctl, target, false);
		set_out(ctl, target, false, t->kept_out);
		wish.weight_percent = ramp_percent(ctl, target);
		break;
	}
	return wish;
}

static void claim(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = rotation_server(ctl, haproxy, target);
	uint64_t id = ctl_id(ctl, ID_CLAIM, haproxy, target);
	struct action *act = ctl_emit(ctl, ACTION_STORE, id);

	act->store.kind = STORE_CLAIM;
	act->store.claim = (struct claim){ haproxy, target };
	if (!ctl->store_ok) {
		/* A disk that does not answer must not delay a withdrawal. */
		srv->claimed = true;
		return;
	}
	srv->storing = id;
	if (ctl->storing++ == 0)
		schedule_set(ctl->schedule, slot_store(ctl),
			     instant_add(ctl->now, STORE_PATIENCE_US));
}

static void unclaim(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct action *act = ctl_emit(ctl, ACTION_STORE, 0);

	act->store.kind = STORE_UNCLAIM;
	act->store.claim = (struct claim){ haproxy, target };
	rotation_server(ctl, haproxy, target)->claimed = false;
}

static void say_drift(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	const struct server *srv = rotation_server(ctl, haproxy, target);
	struct note *note = ctl_note_target(ctl, NOTE_DRIFT, target);

	ctl->haproxies[haproxy].drifts++;
	note->haproxy = haproxy;
	note_say(note, "%s, weight %u %%", server_state_name(srv->seen),
		 srv->weight_percent);
}

static void order(struct ctl *ctl, unsigned haproxy, unsigned target,
		  enum server_state state, unsigned weight)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	struct server *srv = rotation_server(ctl, haproxy, target);
	struct action *act;

	if (!instant_reached(ctl->now, srv->retry))
		return;
	if (srv->settled)
		say_drift(ctl, haproxy, target);
	srv->settled = false;
	srv->order = ctl_id(ctl, ID_ORDER, haproxy, target);
	srv->ordered = state;
	srv->ordered_weight = weight;
	ctl->haproxies[haproxy].commands++;
	act = ctl_emit(ctl, ACTION_HAPROXY, srv->order);
	act->haproxy = (struct server_order){
		.haproxy = haproxy,
		.target = target,
		.state = state,
		.weight_percent = weight,
		.end_sessions =
			state == SERVER_MAINT && svc->sessions == SESSIONS_END,
	};
}

static void say_kept(struct ctl *ctl, unsigned haproxy, unsigned target,
		     bool kept)
{
	struct server *srv = rotation_server(ctl, haproxy, target);
	struct note *note;

	if (srv->kept == kept)
		return;
	srv->kept = kept;
	note = ctl_note_target(ctl, kept ? NOTE_OPERATOR : NOTE_OPERATOR_OVER,
			       target);
	note->haproxy = haproxy;
	note_say(note, "%s", server_state_name(srv->seen));
}

/* One server: compare, and do the next thing that brings it there. */
static void mend(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = rotation_server(ctl, haproxy, target);
	struct wish wish = ctl->targets[target].wish;
	enum server_state state;
	unsigned weight;
	enum server_step step = server_compare(srv, wish, &state, &weight);

	if (srv->seen != SERVER_UNKNOWN)
		say_kept(ctl, haproxy, target, step == SERVER_KEEP);
	if (step == SERVER_CLAIM) {
		claim(ctl, haproxy, target);
		step = server_compare(srv, wish, &state, &weight);
	}
	if (step == SERVER_ORDER)
		order(ctl, haproxy, target, state, weight);
	else if (step == SERVER_UNCLAIM)
		unclaim(ctl, haproxy, target);
	if (srv->order == 0 && srv->storing == 0 && srv->seen == wish.state)
		srv->settled = true;
}

/* Whether every HAProxy that answers has the target in (or out of) use. */
static bool everywhere(const struct ctl *ctl, unsigned target, bool in_use)
{
	unsigned h, known = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = rotation_server(ctl, h, target);

		if (!ctl->haproxies[h].up || srv->seen == SERVER_ABSENT)
			continue;
		if (srv->seen == SERVER_UNKNOWN || srv->order != 0 ||
		    server_in_use(srv) != in_use)
			return false;
		known++;
	}
	return known > 0;
}

static void say_done(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	if (t->wish.state == SERVER_MAINT && !t->told_out &&
	    everywhere(ctl, target, false)) {
		t->told_out = true;
		if (t->health.state == HEALTH_DOWN)
			ctl_note_target(ctl, NOTE_WITHDRAWN, target)->span_us =
				instant_diff_us(t->detected, ctl->now);
	}
	if (t->wish.state == SERVER_READY && !t->held && !t->told_in &&
	    everywhere(ctl, target, true)) {
		t->told_in = true;
		t->told_out = false;
		ctl_note_target(ctl, NOTE_RESTORED, target);
	}
}

static void work(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];
	bool kept_out = false;
	struct wish wish;
	unsigned h;

	if (ctl_service_of(ctl, target)->backend == NULL)
		return;
	wish = decide(ctl, target);
	if (wish.state != t->wish.state ||
	    wish.weight_percent != t->wish.weight_percent)
		for (h = 0; h < ctl->set->haproxy_count; h++)
			rotation_server(ctl, h, target)->settled = false;
	t->wish = wish;
	for (h = 0; h < ctl->set->haproxy_count; h++) {
		mend(ctl, h, target);
		kept_out = kept_out || rotation_server(ctl, h, target)->kept;
	}
	set_out(ctl, target, t->out, kept_out);
	say_done(ctl, target);
	incidents_acted(ctl, ctl->set->targets[target].service);
}

void rotation_work(struct ctl *ctl)
{
	unsigned n = ctl->set->target_count, target;

	while (ctl->dirty_count > 0 && ctl_room(ctl)) {
		target = ctl->dirty[ctl->dirty_first];
		ctl->dirty_first = (ctl->dirty_first + 1) % n;
		ctl->dirty_count--;
		ctl->targets[target].dirty = false;
		work(ctl, target);
	}
}

void rotation_phase(struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	struct target *t = &ctl->targets[target];
	int64_t step_us = svc->slow_start_us / RAMP_STEPS;

	rotation_dirty(ctl, target);
	admin_phase(ctl, target);
	if (t->health.state != HEALTH_RECOVERING)
		return;
	if (step_us == 0 ||
	    instant_diff_us(t->health.since, ctl->now) >= svc->slow_start_us)
		checks_move(ctl, target, HEALTH_RAMPED);
	else
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target),
			     instant_add(ctl->now, step_us));
}
