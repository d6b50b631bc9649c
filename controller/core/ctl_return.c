/* When a target that was withdrawn may come back. */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

static int64_t hold_us(const struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	int64_t flap_us = flap_hold_us(&ctl->targets[target].flap, svc);

	return flap_us > svc->recovery_timeout_us ? flap_us
						  : svc->recovery_timeout_us;
}

void return_fell(struct ctl *ctl, unsigned target, bool again)
{
	struct target *t = &ctl->targets[target];
	int64_t after_us = instant_is_none(t->detected)
				   ? -1
				   : instant_diff_us(t->detected, ctl->now);
	struct action *act;

	if (again)
		t->flap.penalty = flap_penalty(
			&t->flap, ctl_service_of(ctl, target), after_us);
	else
		flap_add(&t->flap, ctl_service_of(ctl, target), after_us);
	t->told_back = false;
	t->detected = ctl->now;
	act = ctl_emit(ctl, ACTION_STORE, 0);
	act->store.kind = STORE_FALL;
	act->store.fall = (struct fall){ .target = target,
					 .penalty = t->flap.penalty,
					 .count = t->flap.count,
					 .at = ctl->now,
					 .wall_us = ctl->wall_us };
}

void return_restore(struct ctl *ctl, const struct fall *fall)
{
	struct target *t;

	if (fall->target >= ctl->set->target_count)
		return;
	t = &ctl->targets[fall->target];
	t->flap.penalty = fall->penalty;
	t->flap.count = fall->count;
	/* A clock that was set back must not hold it for ever. */
	t->detected = instant_min(fall->at, ctl->now);
}

/* Whether it still is as the earlier run left it. */
static bool is_left(const struct ctl *ctl, unsigned target)
{
	unsigned h;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = mend_server(ctl, h, target);

		if (srv->claim == CLAIM_OUT ||
		    (srv->claim == CLAIM_WEIGHT && !srv->added &&
		     ctl->targets[target].left == LAST_LIGHT))
			return true;
	}
	return false;
}

bool return_awaited(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];

	return t->health.state == HEALTH_UNKNOWN && t->left == LAST_OUT &&
	       is_left(ctl, target);
}

enum health_input return_first(struct ctl *ctl, unsigned target,
			       enum health_input in)
{
	struct target *t = &ctl->targets[target];

	if (t->left == LAST_NOTHING || t->health.state != HEALTH_UNKNOWN ||
	    !is_left(ctl, target))
		return in;
	switch (in) {
	case HEALTH_RISE:
		return HEALTH_BACK;
	case HEALTH_PASS:
	case HEALTH_POOR:
	case HEALTH_SINK:
		return t->left == LAST_LIGHT ? HEALTH_BACK : HEALTH_INPUTS;
	default:
		return in;
	}
}

struct instant return_due(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	struct instant due;

	if (instant_is_none(t->detected) ||
	    (t->health.state != HEALTH_DOWN && !return_awaited(ctl, target)))
		return INSTANT_NONE;
	due = instant_add(t->detected, hold_us(ctl, target));
	return instant_reached(ctl->now, due) ? INSTANT_NONE : due;
}

const char *return_why(const struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);

	if (flap_hold_us(&ctl->targets[target].flap, svc) >
	    svc->recovery_timeout_us)
		return "it flapped";
	return "recovery_timeout";
}

/* Fewer than min_up without it: then rather one that flaps than none. */
static bool needed(const struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;

	return ctl->services[service].panic ||
	       ctl->services[service].serving <
		       governor_wanted(&ctl->set->services[service]);
}

bool return_held(struct ctl *ctl, unsigned target)
{
	struct instant due = return_due(ctl, target);
	struct target *t = &ctl->targets[target];
	struct note *note;

	if (instant_is_none(due) || needed(ctl, target))
		return false;
	if (t->told_back)
		return true;
	t->told_back = true;
	schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target), due);
	note = ctl_note_target(ctl, NOTE_HELD_BACK, target);
	note->span_us = instant_diff_us(ctl->now, due);
	note->count = t->flap.count;
	note_say(note, "%s", return_why(ctl, target));
	return true;
}

void return_phase(struct ctl *ctl, unsigned target)
{
	const struct health *h = &ctl->targets[target].health;

	if ((h->state == HEALTH_DOWN || return_awaited(ctl, target)) &&
	    ctl->targets[target].told_back &&
	    h->good >= ctl_service_of(ctl, target)->check.rise &&
	    !return_held(ctl, target))
		checks_move(ctl, target, HEALTH_RISE);
}
