/* What is seen of a target without asking it: a reason to ask, at once.
 *
 * Servers close idle connections, and HAProxy counts errors that are nobody's
 * fault.  Three hints of such kinds that prove harmless, one after the other,
 * make the next ones wait: first fast_interval, then twice as long, up to
 * interval, counted from the last one that was followed; so the first after a
 * quiet time is always followed at once.  One that proves right, or ten quiet
 * intervals, end this.
 *
 * One alone proves no habit: a process that dies closes its connections before
 * its listener, and for a moment a new one can still be made.
 */
#include "controller/core/ctl_state.h"

#define QUIET_INTERVALS 10
#define HARMLESS_MAX    3

static const enum evidence_kind kinds[HINT_KINDS] = {
	[HINT_TETHER_CLOSED] = EVIDENCE_CLOSED,
	[HINT_TETHER_RESET] = EVIDENCE_RESET,
	[HINT_PROCESS_GONE] = EVIDENCE_PROCESS,
	[HINT_UNIT_DOWN] = EVIDENCE_UNIT,
	[HINT_HAPROXY_ERRORS] = EVIDENCE_ERRORS,
	[HINT_HAPROXY_5XX] = EVIDENCE_5XX,
	[HINT_HAPROXY_PENDING] = EVIDENCE_PENDING,
};

void hints_schedule(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];
	unsigned slot = slot_of(SLOT_CHECK, target);
	struct instant due = ctl->now;

	if (!t->hinted || t->check != 0 || t->waiting)
		return;
	if (t->habit && t->habit_us > 0)
		due = instant_max(due, instant_add(t->habit_at, t->habit_us));
	schedule_set(ctl->schedule, slot,
		     instant_min(due, schedule_get(ctl->schedule, slot)));
}

static void forget_habit(struct target *t)
{
	t->harmless = 0;
	t->habit_us = 0;
}

static void follow(struct ctl *ctl, unsigned target, enum evidence_kind kind,
		   unsigned observer, int detail)
{
	int64_t quiet_us = QUIET_INTERVALS *
			   ctl_service_of(ctl, target)->check.interval_us;
	struct target *t = &ctl->targets[target];

	health_hint(&t->health, kind, observer, detail, ctl->now);
	if (t->harmless > 0 &&
	    instant_diff_us(t->habit_at, ctl->now) > quiet_us)
		forget_habit(t);
	/* What is no habit does not wait, nor what came with it. */
	t->habit = evidence_is_habit(kind) && (t->habit || !t->hinted);
	t->hinted = true;
	hints_schedule(ctl, target);
}

void hints_hear(struct ctl *ctl, const struct hint *hint)
{
	if (hint->target < ctl->set->target_count && hint->kind < HINT_KINDS)
		follow(ctl, hint->target, kinds[hint->kind], EVIDENCE_SELF,
		       hint->error);
}

void hints_node(struct ctl *ctl, unsigned target, unsigned node)
{
	if (health_counts(&ctl->targets[target].health))
		follow(ctl, target, EVIDENCE_NODE, node, 0);
}

void hints_asked(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	t->on_habit = t->hinted && t->habit;
	t->off_phase = t->on_habit;
	if (t->on_habit)
		t->habit_at = ctl->now;
	t->hinted = false;
	t->habit = false;
}

void hints_learn(struct ctl *ctl, unsigned target, const struct result *res)
{
	const struct check_settings *check =
		&ctl_service_of(ctl, target)->check;
	enum verdict verdict = result_verdict(res->code);
	struct target *t = &ctl->targets[target];

	if (!t->on_habit || verdict == VERDICT_NONE)
		return;
	t->on_habit = false;
	if (verdict == VERDICT_FAIL)
		forget_habit(t);
	else if (t->harmless + 1 < HARMLESS_MAX)
		t->harmless++;
	else if (t->habit_us == 0)
		t->habit_us = check->fast_interval_us;
	else
		t->habit_us *= 2;
	if (t->habit_us > check->interval_us)
		t->habit_us = check->interval_us;
}

void hints_carry(struct target *t, const struct target *was)
{
	t->hinted = was->hinted;
	t->habit = was->habit;
	t->on_habit = was->on_habit;
	t->off_phase = was->off_phase;
	t->harmless = was->harmless;
	t->habit_us = was->habit_us;
	t->habit_at = was->habit_at;
}
