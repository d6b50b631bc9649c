/* Asking targets and judging their answers. */
#include "controller/core/ctl_state.h"

/* Targets keep their phase within the interval, so that the load of checks is
 * even.  The golden ratio spreads neighbours far apart (Knuth, TAOCP 6.4); 256
 * phases are enough, and those who share one share a wake-up. */
static int64_t phase_us(unsigned target, int64_t interval_us)
{
	uint32_t fraction = (target * 2654435769u) >> 24;

	return interval_us * fraction >> 8;
}

/* The first instant of the target's phase after @after. */
static struct instant next_in_phase(const struct ctl *ctl, unsigned target,
				    int64_t interval_us, struct instant after)
{
	int64_t since = instant_diff_us(ctl->epoch, after) -
			phase_us(target, interval_us);
	int64_t rounds = since < 0 ? 0 : since / interval_us + 1;

	return instant_add(ctl->epoch, rounds * interval_us +
					       phase_us(target, interval_us));
}

void checks_schedule(struct ctl *ctl, unsigned target)
{
	const struct check_settings *check =
		&ctl_service_of(ctl, target)->check;
	struct target *t = &ctl->targets[target];
	int64_t span_us = health_interval_us(&t->health, check);
	struct instant due;

	if (t->health.judged && span_us == check->interval_us)
		due = next_in_phase(ctl, target, span_us, t->asked);
	else if (t->health.judged)
		due = instant_add(ctl->now, span_us);
	else
		due = instant_add(ctl->now, phase_us(target, span_us));
	schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target), due);
}

static void ask(struct ctl *ctl, unsigned target)
{
	const struct check_settings *check =
		&ctl_service_of(ctl, target)->check;
	struct target *t = &ctl->targets[target];
	struct action *act;

	t->check = ctl_id(ctl, ID_CHECK, 0, target);
	t->asked = ctl->now;
	t->checks++;
	ctl->inflight++;
	ctl_service_state(ctl, target)->inflight++;
	act = ctl_emit(ctl, ACTION_CHECK, t->check);
	act->check.target = target;
	act->check.timeout_us = doubt_timeout_us(
		ctl, target, health_timeout_us(&t->health, check));
	/* After silence the old connection proves nothing. */
	act->check.fresh = t->hinted || t->health.silent > 0 ||
			   t->checks % check->fresh_every == 0;
	t->hinted = false;
}

static void wait_for_place(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	struct note *note;

	t->waiting = true;
	t->next_waiting = NOTE_NONE;
	if (svc->waiting_last == NOTE_NONE)
		svc->waiting_first = target;
	else
		ctl->targets[svc->waiting_last].next_waiting = target;
	svc->waiting_last = target;
	if (svc->told_waiting)
		return;
	svc->told_waiting = true;
	note = ctl_note(ctl, NOTE_CHECKS_LATE);
	note->service = ctl->set->targets[target].service;
	note->count = ctl_service_of(ctl, target)->concurrency;
}

static void next_waiting(struct ctl *ctl, struct service *svc)
{
	uint32_t target = svc->waiting_first;

	if (target == NOTE_NONE)
		return;
	svc->waiting_first = ctl->targets[target].next_waiting;
	if (svc->waiting_first == NOTE_NONE)
		svc->waiting_last = NOTE_NONE;
	ctl->targets[target].waiting = false;
	ask(ctl, target);
}

void checks_due(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	if (t->check != 0 || t->waiting)
		return;
	if (ctl_service_state(ctl, target)->inflight >=
	    ctl_service_of(ctl, target)->concurrency)
		wait_for_place(ctl, target);
	else
		ask(ctl, target);
}

static void say_moved(struct ctl *ctl, unsigned target, enum health_state from,
		      const char *why)
{
	const struct health *h = &ctl->targets[target].health;
	struct note *note = ctl_note_target(ctl, NOTE_TARGET, target);

	note->from = from;
	note->to = h->state;
	note->result = h->last;
	note->count = h->judged ? 1 : 0;
	if (h->state != HEALTH_DOWN) {
		note_say(note, "%s", why);
		return;
	}
	/* The incident that it opens right after this. */
	if (note->incident == 0 && share_recorder(ctl))
		note->incident = share_upcoming_number(ctl);
	note->onset_min = incidents_onset(h);
	note->onset_max = h->first_bad;
	note->count = h->bad;
	note->span_us = instant_diff_us(note->onset_min, ctl->now);
	if (from == HEALTH_RECOVERING)
		note_say(note, "%s", why);
	else
		note_say(note, "%u %s in a row", h->bad, why);
}

void checks_move(struct ctl *ctl, unsigned target, enum health_input in)
{
	struct target *t = &ctl->targets[target];
	enum health_state from = t->health.state;
	const char *why = health_move(&t->health, in, ctl->now);

	if (why == NULL)
		return;
	t->why = why;
	incidents_count(ctl, target);
	say_moved(ctl, target, from, why);
	if (t->health.state == HEALTH_DOWN) {
		return_fell(ctl, target);
		t->detected = ctl->now;
		t->cause = t->health.last;
	}
	agree_moved(ctl, target);
	rotation_dirty(ctl, target);
	if (t->health.state == HEALTH_RECOVERING ||
	    t->health.state == HEALTH_MAINT)
		rotation_phase(ctl, target);
	incidents_update(ctl, ctl->set->targets[target].service);
}

void checks_evidence(struct ctl *ctl, const struct event *ev)
{
	unsigned target = ev->evidence.target;
	enum health_input in;
	struct target *t;

	if (target >= ctl->set->target_count)
		return;
	t = &ctl->targets[target];
	if (t->check == 0 || t->check != ev->evidence.check)
		return;
	t->check = 0;
	ctl->inflight--;
	ctl_service_state(ctl, target)->inflight--;
	next_waiting(ctl, ctl_service_state(ctl, target));
	if (t->stale) {
		t->stale = false;
		schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target),
			     ctl->now);
		return;
	}
	in = health_digest(&t->health, &ctl_service_of(ctl, target)->check,
			   &ev->evidence.result, ctl->now);
	in = doubt_temper(ctl, target, in, &ev->evidence.result);
	if (in == HEALTH_RISE && return_held(ctl, target))
		in = HEALTH_PASS;
	if (in != HEALTH_INPUTS)
		checks_move(ctl, target, in);
	/* In maintenance it moves no more, but serves or does not. */
	if (incidents_count(ctl, target))
		incidents_update(ctl, ctl->set->targets[target].service);
	checks_schedule(ctl, target);
}

void checks_hint(struct ctl *ctl, const struct hint *hint)
{
	struct target *t;

	if (hint->target >= ctl->set->target_count)
		return;
	t = &ctl->targets[hint->target];
	if (t->check != 0 || t->waiting)
		return;
	t->hinted = true;
	schedule_set(ctl->schedule, slot_of(SLOT_CHECK, hint->target),
		     ctl->now);
}

void checks_stalled(struct ctl *ctl, int64_t late_us)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++) {
		health_forget(&ctl->targets[i].health);
		ctl->targets[i].stale = ctl->targets[i].check != 0;
	}
	/* What the disk has answered meanwhile comes after this. */
	if (ctl->storing > 0)
		schedule_set(ctl->schedule, slot_store(ctl),
			     instant_add(ctl->now, STORE_PATIENCE_US));
	self_stalled(ctl->self, late_us, ctl->now);
	ctl->stall_at = ctl->now;
	ctl->stall_us = late_us;
	ctl_note(ctl, NOTE_STALL)->span_us = late_us;
}

void checks_carry(struct ctl *ctl, unsigned target, const struct target *was)
{
	struct target *t = &ctl->targets[target];

	t->check = was->check;
	t->stale = was->stale;
	ctl->inflight++;
	ctl_service_state(ctl, target)->inflight++;
}
