/* Dependencies: who merely reports that another service is down stays.
 *
 * A service is ailing while fewer than min_up of its targets are sound: serve,
 * and answered well the last time.  A target of a service that depends on it,
 * and whose bad answers only report that, is excused: it is not declared DOWN
 * and has no incident of its own.  The first such report makes us ask the
 * service depended on at once, so that it is known in time whose fault it is.
 */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

/* So many intervals dependents have to connect again. */
#define GRACE_CHECKS 10

static bool is_doubted(const struct ctl *ctl, unsigned service)
{
	const struct service *svc = &ctl->services[service];

	return svc->sound <
	       governor_wanted(&ctl->set->services[service]) + svc->consulted;
}

unsigned depends_root(const struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i, further;

	for (i = 0; i < svc->depends_count; i++) {
		if (!is_doubted(ctl, svc->depends[i]))
			continue;
		further = depends_root(ctl, svc->depends[i]);
		return further != NOTE_NONE ? further : svc->depends[i];
	}
	return NOTE_NONE;
}

/* Until when reports of the target's service accuse others; or NONE. */
static struct instant excused_until(const struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	int64_t grace_us = GRACE_CHECKS * svc->check.interval_us;
	struct instant until = INSTANT_NONE;
	unsigned i;

	for (i = 0; i < svc->depends_count; i++) {
		const struct service *on = &ctl->services[svc->depends[i]];

		if (is_doubted(ctl, svc->depends[i]))
			return INSTANT_NEVER;
		until = instant_max(until,
				    instant_add(on->well_again,
						on->was_down ? grace_us : 0));
	}
	return until;
}

static void ask(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	if (ctl->services[service].consulted > 0)
		return;
	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		struct target *t = &ctl->targets[i];

		if (!t->part.sound || t->health.state == HEALTH_UNKNOWN)
			continue;
		t->consulted = true;
		ctl->services[service].consulted++;
		if (t->check == 0 && !t->waiting)
			schedule_set(ctl->schedule, slot_of(SLOT_CHECK, i),
				     ctl->now);
	}
}

static void consult(struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	unsigned i;

	for (i = 0; i < svc->depends_count; i++)
		if (!is_doubted(ctl, svc->depends[i]))
			ask(ctl, svc->depends[i]);
}

void depends_answered(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	if (!t->consulted)
		return;
	t->consulted = false;
	ctl_service_state(ctl, target)->consulted--;
}

void depends_look(struct ctl *ctl, unsigned service)
{
	struct service *svc = &ctl->services[service];
	unsigned wanted = governor_wanted(&ctl->set->services[service]);

	if (svc->sound >= wanted) {
		if (svc->ailing)
			svc->well_again = ctl->now;
		svc->ailing = false;
		return;
	}
	if (!svc->ailing)
		svc->was_down = false;
	svc->ailing = true;
	svc->was_down = svc->was_down || svc->serving < wanted;
}

static void set_excused(struct ctl *ctl, unsigned target, bool excused)
{
	struct target *t = &ctl->targets[target];

	if (t->reporting == excused)
		return;
	t->reporting = excused;
	if (excused)
		ctl_service_state(ctl, target)->excused++;
	else
		ctl_service_state(ctl, target)->excused--;
}

/* Said once for each incident of the one that is at fault. */
static void say_affected(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	unsigned root = depends_root(ctl, ctl->set->targets[target].service);
	struct note *note;
	uint32_t number;

	if (root == NOTE_NONE)
		return;
	number = ctl->services[root].incident.number;
	if (number == 0 || number == svc->affected_by)
		return;
	svc->affected_by = number;
	note = ctl_note_target(ctl, NOTE_AFFECTED, target);
	note->incident = number;
	note_say(note, "%s", ctl->set->services[root].name);
}

static enum health_input judge(struct ctl *ctl, unsigned target,
			       enum health_input in)
{
	struct health *h = &ctl->targets[target].health;
	struct instant until;

	if (h->bad == 1)
		consult(ctl, target);
	if (in != HEALTH_FALL && h->state != HEALTH_RECOVERING)
		return in;
	until = excused_until(ctl, target);
	if (instant_before(ctl->now, until)) {
		set_excused(ctl, target, true);
		say_affected(ctl, target);
		return h->state == HEALTH_RECOVERING ? HEALTH_INPUTS
						     : HEALTH_FAIL;
	}
	if (instant_is_none(until) || !instant_before(h->first_bad, until))
		return in;
	/* What it reported until then was not its fault. */
	health_forget(h);
	h->bad = 1;
	h->counted = 1;
	h->first_bad = ctl->now;
	return h->bad >= ctl_service_of(ctl, target)->check.fall ? in
								 : HEALTH_FAIL;
}

enum health_input depends_temper(struct ctl *ctl, unsigned target,
				 enum health_input in, const struct result *res)
{
	enum health_state state = ctl->targets[target].health.state;

	if (ctl_service_of(ctl, target)->depends_count == 0)
		return in;
	if (in == HEALTH_INPUTS)
		return in;
	if ((in != HEALTH_FAIL && in != HEALTH_FALL) ||
	    !result_is_report(res->code) || state == HEALTH_DOWN ||
	    state == HEALTH_MAINT) {
		set_excused(ctl, target, false);
		return in;
	}
	in = judge(ctl, target, in);
	if (in == HEALTH_FALL)
		set_excused(ctl, target, false);
	return in;
}
