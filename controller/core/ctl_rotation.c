/* Who is in rotation. */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

void rotation_dirty(struct ctl *ctl, unsigned target)
{
	unsigned n = ctl->set->target_count;

	if (ctl->targets[target].dirty)
		return;
	ctl->targets[target].dirty = true;
	ctl->dirty[(ctl->dirty_first + ctl->dirty_count++) % n] = target;
}

/* Somebody came back, and what was held may perhaps leave now; or somebody
 * else left, and what was to leave may perhaps stay. */
static void look_again(struct ctl *ctl, unsigned service, bool back)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	if (back ? ctl->services[service].held == 0
		 : ctl->services[service].rotating >= svc->min_up)
		return;
	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		if (back ? ctl->targets[i].held : ctl->targets[i].out)
			rotation_dirty(ctl, i);
}

/* Keep the service's count of targets in rotation. */
static void count(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	bool rotating = !t->out && !t->kept_out && !t->absent;

	if (t->rotating == rotating)
		return;
	t->rotating = rotating;
	if (rotating)
		svc->rotating++;
	else
		svc->rotating--;
	look_again(ctl, ctl->set->targets[target].service, rotating);
}

static void set_out(struct ctl *ctl, unsigned target, bool out)
{
	ctl->targets[target].out = out;
	count(ctl, target);
}

/* What others did to the target. */
static void set_others(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];
	bool serves = rotation_serves(ctl, target);

	t->kept_out = mend_kept(ctl, target);
	t->absent = mend_absent(ctl, target);
	count(ctl, target);
	if (rotation_serves(ctl, target) == serves)
		return;
	ctl_service_state(ctl, target)->review = true;
	rotation_dirty(ctl, target);
}

bool rotation_serves(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];

	if (t->kept_out || t->absent)
		return false;
	if (t->health.state == HEALTH_MAINT)
		return !t->out && t->health.judged && t->health.bad == 0;
	return health_serving(t->health.state);
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

void rotation_carry(struct ctl *ctl, unsigned target, const struct target *was)
{
	set_held(ctl, target, was->held);
	set_out(ctl, target, was->out);
}

/* A restart finds servers that an earlier run took out. */
static bool left_out(const struct ctl *ctl, unsigned target)
{
	unsigned h;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = mend_server(ctl, h, target);

		if (srv->claim == CLAIM_OUT && srv->seen != SERVER_READY)
			return true;
	}
	return false;
}

/* A target that may come back counts as back when HAProxy has it: until then
 * it must not let the last one go that is in rotation. */
static bool not_yet_back(const struct ctl *ctl, unsigned target)
{
	unsigned h, up = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = mend_server(ctl, h, target);

		if (!ctl->haproxies[h].up)
			continue;
		up++;
		if (srv->claim == CLAIM_OUT && srv->seen != SERVER_READY &&
		    srv->seen != SERVER_ABSENT)
			return true;
	}
	return up == 0 && ctl->set->haproxy_count > 0;
}

/* Whether some HAProxy has heard that the target is to leave. */
static bool leaving(const struct ctl *ctl, unsigned target)
{
	unsigned h;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = mend_server(ctl, h, target);

		if (server_leaving(srv) ||
		    (srv->claim == CLAIM_OUT && srv->seen == SERVER_UNKNOWN))
			return true;
	}
	return false;
}

/* A withdrawal that nobody has heard of is thought over when others have left
 * in the meantime. */
static bool stays_out(const struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;

	return ctl->targets[target].out &&
	       (ctl->services[service].rotating >=
			ctl->set->services[service].min_up ||
		leaving(ctl, target));
}

static void withdraw(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	const char *rule = NULL;
	bool held = t->held;

	if (stays_out(ctl, target))
		return;
	set_out(ctl, target, false);
	if (t->rotating)
		rule = governor_withdraw(ctl_service_of(ctl, target),
					 svc->rotating);
	set_held(ctl, target, rule != NULL);
	if (rule == NULL) {
		set_out(ctl, target, true);
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

	if (span_us == 0 ||
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
		set_out(ctl, target, left_out(ctl, target));
		wish = (struct wish){ .state = SERVER_UNKNOWN };
		break;
	case HEALTH_MAINT:
		set_held(ctl, target, false);
		wish = wish_in_maintenance(ctl, target);
		set_out(ctl, target,
			wish.state != SERVER_UNKNOWN || left_out(ctl, target));
		break;
	default:
		set_held(ctl, target, false);
		set_out(ctl, target, t->out && not_yet_back(ctl, target));
		wish.weight_percent = ramp_percent(ctl, target);
		break;
	}
	return wish;
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
	if (t->wish.state == SERVER_READY && !t->held && !t->told_in &&
	    mend_everywhere(ctl, target, true)) {
		t->told_in = true;
		t->told_out = false;
		ctl_note_target(ctl, NOTE_RESTORED, target);
	}
}

static void work(struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;
	struct target *t = &ctl->targets[target];
	struct wish wish;
	unsigned h;

	if (ctl->services[service].review) {
		ctl->services[service].review = false;
		incidents_update(ctl, service);
	}
	if (ctl_service_of(ctl, target)->backend == NULL)
		return;
	wish = decide(ctl, target);
	if (wish.state != t->wish.state ||
	    wish.weight_percent != t->wish.weight_percent)
		for (h = 0; h < ctl->set->haproxy_count; h++)
			mend_server(ctl, h, target)->settled = false;
	t->wish = wish;
	for (h = 0; h < ctl->set->haproxy_count; h++)
		mend(ctl, h, target);
	set_others(ctl, target);
	say_done(ctl, target);
	incidents_acted(ctl, service);
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
