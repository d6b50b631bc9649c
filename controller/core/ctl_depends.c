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

/* Until when reports of @service accuse @on: NEVER while that is in doubt, the
 * end of the grace afterwards; or NONE. */
static struct instant accused_until(const struct ctl *ctl, unsigned service,
				    unsigned on)
{
	const struct service_settings *svc = &ctl->set->services[service];
	const struct service *it = &ctl->services[on];

	if (is_doubted(ctl, on))
		return INSTANT_NEVER;
	return instant_add(it->well_again,
			   it->was_down ? GRACE_CHECKS * svc->check.interval_us
					: 0);
}

/* Of what @service depends on, the one that is accused longest, the first of
 * equals; and until when.  NOTE_NONE: nobody was ever. */
static unsigned accused(const struct ctl *ctl, unsigned service,
			struct instant *ret_until)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i, found = NOTE_NONE;
	struct instant until;

	*ret_until = INSTANT_NONE;
	for (i = 0; i < svc->depends_count; i++) {
		until = accused_until(ctl, service, svc->depends[i]);
		if (!instant_before(*ret_until, until))
			continue;
		*ret_until = until;
		found = svc->depends[i];
	}
	return found;
}

unsigned depends_root(const struct ctl *ctl, unsigned service,
		      int64_t *ret_grace_us)
{
	struct instant until, end = ctl->now;
	unsigned next, root = NOTE_NONE;

	*ret_grace_us = 0;
	/* Who suffers itself blames another for as long at least. */
	for (next = accused(ctl, service, &until);
	     next != NOTE_NONE && instant_before(ctl->now, until) &&
	     !instant_before(until, end);
	     next = accused(ctl, next, &until)) {
		root = next;
		end = until;
	}
	if (root != NOTE_NONE && !instant_is_never(end))
		*ret_grace_us = instant_diff_us(ctl->now, end);
	return root;
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
	struct note *note;
	uint32_t number;
	int64_t grace_us;
	unsigned root;

	root = depends_root(ctl, ctl->set->targets[target].service, &grace_us);
	/* One that is merely being asked has done nothing yet. */
	if (root == NOTE_NONE || (grace_us == 0 && !ctl->services[root].ailing))
		return;
	number = ctl->services[root].incident.number;
	if (number == 0 || number == svc->affected_by)
		return;
	svc->affected_by = number;
	note = ctl_note_target(ctl, NOTE_AFFECTED, target);
	note->incident = number;
	note->span_us = grace_us;
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
	accused(ctl, ctl->set->targets[target].service, &until);
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
