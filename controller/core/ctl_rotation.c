/* Who is in rotation. */
#include "controller/core/ctl_state.h"

void rotation_dirty(struct ctl *ctl, unsigned target)
{
	unsigned n = ctl->set->target_count;

	if (ctl->targets[target].dirty)
		return;
	ctl->targets[target].dirty = true;
	ctl->dirty[(ctl->dirty_first + ctl->dirty_count++) % n] = target;
	if (readers_place(ctl, target) != NOTE_NONE)
		rotation_dirty(ctl, readers_place(ctl, target));
}

bool rotation_serves(const struct ctl *ctl, unsigned target)
{
	const struct health *h = &ctl->targets[target].health;

	if (mend_kept(ctl, target) || mend_absent(ctl, target))
		return false;
	if (h->state == HEALTH_MAINT)
		return mend_rotating(ctl, target) && health_answers(h);
	return health_serving(h->state);
}

void rotation_look_at_held(struct ctl *ctl, unsigned service)
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

void rotation_set_held(struct ctl *ctl, unsigned target, bool held)
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

/* Whether it still has to show, at the smallest weight, that it answers. */
static bool is_tried(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	unsigned trial = ctl_service_of(ctl, target)->trial;

	if (trial == 0 && t->on_trial)
		trial = 1;
	return t->health.state == HEALTH_RECOVERING && t->health.served < trial;
}

static unsigned ramp_percent(const struct ctl *ctl, unsigned target)
{
	int64_t span_us = ctl_service_of(ctl, target)->slow_start_us;
	struct instant since = ctl->targets[target].health.since;
	int64_t step;

	if (is_tried(ctl, target) && !panic_opens(ctl, target))
		return 100 / RAMP_STEPS;
	if (span_us == 0 || panic_opens(ctl, target) ||
	    ctl->targets[target].health.state != HEALTH_RECOVERING)
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

/* Where the target should be.  Whether it may leave a pool is asked when it is
 * about to: ctl_mend.c. */
static struct wish decide(const struct ctl *ctl, unsigned target)
{
	struct wish wish;

	if (groups_wish(ctl, target, &wish) || readers_wish(ctl, target, &wish))
		return wish;
	switch (ctl->targets[target].health.state) {
	case HEALTH_DOWN:
		if (panic_keeps(ctl, target) != NULL)
			break;
		return (struct wish){ .state = SERVER_MAINT };
	case HEALTH_UNKNOWN:
		return (struct wish){ .state = SERVER_UNKNOWN };
	case HEALTH_MAINT:
		return wish_in_maintenance(ctl, target);
	default:
		if (agree_down(ctl, target))
			return (struct wish){ .state = SERVER_MAINT };
		break;
	}
	return (struct wish){ .state = SERVER_READY,
			      .weight_percent = ramp_percent(ctl, target) };
}

/* Another wish: what differs from it is no drift, and is said anew. */
static void set_wish(struct ctl *ctl, unsigned target, struct wish wish)
{
	struct target *t = &ctl->targets[target];
	unsigned h;

	if (wish.state == t->wish.state &&
	    wish.weight_percent == t->wish.weight_percent)
		return;
	for (h = 0; h < ctl->set->haproxy_count; h++)
		mend_server(ctl, h, target)->settled = false;
	if (!server_is_out(t->wish.state))
		t->told_out = false;
	if (!server_is_out(wish.state))
		t->told_leaving = false;
	t->wish = wish;
}

const char *rotation_keeps(const struct ctl *ctl, unsigned target)
{
	const char *rule = panic_keeps(ctl, target);
	unsigned h;

	for (h = 0; rule == NULL && h < ctl->set->haproxy_count; h++)
		if (mend_server(ctl, h, target)->held)
			rule = mend_forbidden(ctl, h, target);
	return rule;
}

static void look_whether_held(struct ctl *ctl, unsigned target)
{
	const char *rule = rotation_keeps(ctl, target);

	if (rule != NULL && !ctl->targets[target].held)
		note_say(ctl_note_target(ctl, NOTE_HELD, target), "%s", rule);
	rotation_set_held(ctl, target, rule != NULL);
}

static void say_done(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	if (t->wish.state == SERVER_MAINT && !t->told_out &&
	    mend_everywhere(ctl, target, false)) {
		t->told_out = true;
		if (t->health.state == HEALTH_DOWN)
			ctl_note_target(ctl, NOTE_WITHDRAWN, target)->span_us =
				instant_diff_us(t->detected, ctl->now);
	}
	if (t->wish.state == SERVER_READY && !t->told_in &&
	    mend_everywhere(ctl, target, true)) {
		t->told_in = true;
		t->told_out = false;
		ctl_note_target(ctl, NOTE_RESTORED, target);
	}
}

static void work(struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service, h;

	if (ctl->services[service].review) {
		ctl->services[service].review = false;
		incidents_update(ctl, service);
	}
	readers_follow(ctl, target);
	agree_confirm(ctl, target, NULL);
	if (ctl_service_of(ctl, target)->backend == NULL)
		return;
	set_wish(ctl, target, decide(ctl, target));
	for (h = 0; h < ctl->set->haproxy_count; h++)
		mend(ctl, h, target);
	look_whether_held(ctl, target);
	say_done(ctl, target);
	groups_routed(ctl, service);
	if (incidents_count(ctl, target))
		incidents_update(ctl, service);
	incidents_acted(ctl, target);
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
	return_phase(ctl, target);
	if (t->health.state != HEALTH_RECOVERING || is_tried(ctl, target))
		return;
	t->on_trial = false;
	if (step_us == 0 ||
	    instant_diff_us(t->health.since, ctl->now) >= svc->slow_start_us)
		checks_move(ctl, target, HEALTH_RAMPED);
	else
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target),
			     instant_add(ctl->now, step_us));
}

void rotation_heard(struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];

	if (t->health.state == HEALTH_RECOVERING &&
	    (t->on_trial || ctl_service_of(ctl, target)->trial > 0))
		rotation_phase(ctl, target);
}
