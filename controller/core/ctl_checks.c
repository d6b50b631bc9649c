/* Asking targets and judging their answers. */
#include "controller/core/ctl_state.h"

/* Targets keep their phase within the interval, so that the load of checks is
 * even; but a question that an idle close asked was the one of this interval:
 * else a server that closes after each answer would be asked twice in each.
 * The golden ratio spreads neighbours far apart (Knuth, TAOCP 6.4); 256
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

	if (readers_has(ctl, target))
		return;
	if (t->health.judged && span_us == check->interval_us && t->off_phase)
		due = instant_add(t->asked, span_us);
	else if (t->health.judged && span_us == check->interval_us)
		due = next_in_phase(ctl, target, span_us, t->asked);
	else if (t->health.judged)
		due = instant_add(ctl->now, span_us);
	else
		due = instant_add(ctl->now, phase_us(target, span_us));
	schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target), due);
}

/* What of this node bears on how it asks and what it believes. */
static struct health_doubt doubt_of(struct ctl *ctl)
{
	return (struct health_doubt){
		.patience = self_patience(ctl->self, ctl->now),
		.loss = &ctl->loss,
	};
}

static void ask(struct ctl *ctl, unsigned target)
{
	const struct check_settings *check =
		&ctl_service_of(ctl, target)->check;
	struct health_doubt doubt = doubt_of(ctl);
	struct target *t = &ctl->targets[target];
	struct health_question question;
	struct action *act;

	t->check = ctl_id(ctl, ID_CHECK, 0, target);
	t->asked = ctl->now;
	t->checks++;
	ctl->inflight++;
	ctl_service_state(ctl, target)->inflight++;
	act = ctl_emit(ctl, ACTION_CHECK, t->check);
	act->check.target = target;
	question = health_ask(&t->health, check, &doubt,
			      t->hinted || t->checks % check->fresh_every == 0);
	act->check.timeout_us = question.timeout_us;
	act->check.fresh = question.fresh;
	hints_asked(ctl, target);
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

	if (t->check != 0 || t->waiting || readers_has(ctl, target))
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
	char text[NOTE_TEXT_MAX];

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
	note_say(note, "%s: %s", why,
		 evidence_text(&h->evidence, text, sizeof(text)));
}

void checks_move(struct ctl *ctl, unsigned target, enum health_input in)
{
	struct target *t = &ctl->targets[target];
	enum health_state from = t->health.state;
	bool again = return_awaited(ctl, target);
	const char *why = NULL;

	in = return_first(ctl, target, in);
	if (in != HEALTH_INPUTS)
		why = health_move(&t->health, in, ctl->now);
	if (why == NULL)
		return;
	t->left = LAST_NOTHING;
	t->why = why;
	incidents_count(ctl, target);
	say_moved(ctl, target, from, why);
	if (t->health.state == HEALTH_DOWN) {
		return_fell(ctl, target, again);
		t->cause = t->health.last;
	}
	agree_moved(ctl, target);
	groups_look(ctl, target);
	rotation_dirty(ctl, target);
	if (t->health.state == HEALTH_RECOVERING ||
	    t->health.state == HEALTH_MAINT)
		rotation_phase(ctl, target);
	incidents_update(ctl, ctl->set->targets[target].service);
}

/* What was found is counted; let everything follow. */
static void judged(struct ctl *ctl, unsigned target, enum health_input in)
{
	struct target *t = &ctl->targets[target];

	if ((in == HEALTH_RISE || in == HEALTH_ALIVE) &&
	    return_held(ctl, target))
		in = HEALTH_PASS;
	if (in != HEALTH_INPUTS)
		checks_move(ctl, target, in);
	rotation_heard(ctl, target);
	/* Of databases the first bad answer is news, too. */
	groups_look(ctl, target);
	/* In maintenance it moves no more, but serves or does not. */
	if (incidents_count(ctl, target))
		incidents_update(ctl, ctl->set->targets[target].service);
	if (t->health.bad == 0)
		t->row = 0;
	checks_schedule(ctl, target);
	hints_schedule(ctl, target);
}

/* Whether @id was asked in the present row of silence.  Ids' low 32 bits count
 * up, and over. */
static bool is_of_row(const struct target *t, uint64_t id)
{
	return t->row != 0 && (int32_t)((uint32_t)id - (uint32_t)t->row) >= 0;
}

/* The question that is under way was asked in too little time. */
static void answered_late(struct ctl *ctl, unsigned target, uint64_t id,
			  const struct result *res)
{
	const struct check_settings *check =
		&ctl_service_of(ctl, target)->check;
	struct health_doubt doubt = doubt_of(ctl);
	struct target *t = &ctl->targets[target];
	enum health_input in;

	if (!is_of_row(t, id) || id == t->check)
		return;
	in = health_late(&t->health, check, res, &doubt, ctl->now);
	if (in == HEALTH_INPUTS)
		return;
	t->excused = t->check != 0;
	judged(ctl, target, doubt_temper(ctl, target, in, res));
}

void checks_ask_now(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	/* What was asked before is no answer to this. */
	t->again = t->check != 0;
	if (t->check == 0 && !t->waiting)
		schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target),
			     ctl->now);
}

/* The place that it had is free. */
static void check_over(struct ctl *ctl, unsigned target)
{
	ctl->targets[target].check = 0;
	ctl->inflight--;
	ctl_service_state(ctl, target)->inflight--;
	next_waiting(ctl, ctl_service_state(ctl, target));
}

/* Whether the answer to the question under way may count. */
static bool counts(struct target *t, const struct result *res)
{
	bool excused = t->excused && result_is_silence(res->code);
	bool stale = t->stale;

	t->excused = false;
	t->stale = false;
	return !excused && !stale;
}

void checks_evidence(struct ctl *ctl, const struct event *ev)
{
	const struct result *res = &ev->evidence.result;
	struct health_doubt doubt = doubt_of(ctl);
	unsigned target = ev->evidence.target;
	enum health_input in;
	struct target *t;

	if (target >= ctl->set->target_count)
		return;
	t = &ctl->targets[target];
	if (res->late) {
		answered_late(ctl, target, ev->evidence.check, res);
		return;
	}
	if (t->check == 0 || t->check != ev->evidence.check)
		return;
	check_over(ctl, target);
	if (!counts(t, res)) {
		schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target),
			     ctl->now);
		return;
	}
	hints_learn(ctl, target, res);
	if (t->row == 0 && result_is_silence(res->code))
		t->row = ev->evidence.check;
	in = health_digest(&t->health, &ctl_service_of(ctl, target)->check, res,
			   &doubt, ctl->now);
	depends_answered(ctl, target);
	in = doubt_temper(ctl, target, in, res);
	judged(ctl, target, depends_temper(ctl, target, in, res));
	readers_heard(ctl, target);
	if (t->again)
		checks_ask_now(ctl, target);
}

void checks_stalled(struct ctl *ctl, int64_t late_us)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++) {
		health_forget(&ctl->targets[i].health);
		ctl->targets[i].stale = ctl->targets[i].check != 0;
		ctl->targets[i].row = 0;
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
	t->excused = was->excused;
	t->row = was->row;
	ctl->inflight++;
	ctl_service_state(ctl, target)->inflight++;
}
