/* Incidents: from the first target that goes down until a service is whole.
 */
#include "controller/core/ctl_state.h"

struct instant incidents_onset(const struct health *h)
{
	return instant_is_none(h->last_good) ? h->watched : h->last_good;
}

static int64_t wall_at(const struct ctl *ctl, struct instant t)
{
	return instant_is_none(t) ? 0
				  : ctl->wall_us - instant_diff_us(t, ctl->now);
}

static void keep(struct ctl *ctl, unsigned service)
{
	const struct incident *inc = &ctl->services[service].incident;
	uint64_t id = ctl_id(ctl, ID_INCIDENT, 0, service);
	struct action *act = ctl_emit(ctl, ACTION_STORE, id);

	act->store.kind = STORE_INCIDENT;
	act->store.incident = *inc;
}

static struct note *say(struct ctl *ctl, enum note_kind kind, unsigned service)
{
	const struct incident *inc = &ctl->services[service].incident;
	struct note *note = ctl_note(ctl, kind);

	note->service = service;
	note->target = inc->target;
	note->incident = inc->number;
	note->severity = inc->severity;
	note->result = inc->cause;
	note->onset_min = inc->onset_min;
	note->onset_max = inc->onset_max;
	return note;
}

void incidents_down(struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;
	struct incident *inc = &ctl->services[service].incident;
	const struct health *h = &ctl->targets[target].health;

	if (inc->number != 0)
		return;
	*inc = (struct incident){
		.number = ++ctl->last_incident,
		.service = service,
		.target = target,
		.severity = ctl->set->services[service].severity_partial,
		.cause = h->last,
		.onset_min = incidents_onset(h),
		.onset_max = h->first_bad,
		.detected = ctl->now,
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
	};
	inc->onset_min_wall_us = wall_at(ctl, inc->onset_min);
	inc->onset_max_wall_us = wall_at(ctl, inc->onset_max);
	inc->detected_wall_us = ctl->wall_us;
	say(ctl, NOTE_INCIDENT_OPENED, service);
	keep(ctl, service);
}

/* How the targets of a service are, counted. */
struct tally {
	unsigned serving, down, recovering, maint, unknown;
};

static struct tally count(const struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	struct tally n = { 0 };
	unsigned i;

	for (i = 0; i < svc->target_count; i++) {
		unsigned target = svc->first_target + i;
		const struct health *h = &ctl->targets[target].health;

		n.down += h->state == HEALTH_DOWN;
		n.recovering += h->state == HEALTH_RECOVERING;
		n.maint += h->state == HEALTH_MAINT;
		n.unknown += h->state == HEALTH_UNKNOWN;
		n.serving += rotation_serves(ctl, target) ||
			     h->state == HEALTH_UNKNOWN;
	}
	return n;
}

static void close(struct ctl *ctl, unsigned service, const struct tally *n)
{
	struct incident *inc = &ctl->services[service].incident;
	struct note *note;

	/* Maintenance ends an outage that goes on. */
	incident_serving(inc, 1, 1, ctl->now);
	inc->recovered = ctl->now;
	inc->recovered_wall_us = ctl->wall_us;
	inc->maintenance = n->maint > 0;
	note = say(ctl, NOTE_INCIDENT_CLOSED, service);
	note->span_us = incident_recovery_us(inc);
	note_say(note, "%s",
		 n->maint > 0 ? "what is still out is in maintenance"
			      : "the service is whole");
	keep(ctl, service);
	inc->number = 0;
}

void incidents_update(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	struct incident *inc = &ctl->services[service].incident;
	unsigned wanted = svc->min_up > 0 ? svc->min_up : 1;
	struct instant outage = inc->outage_since;
	bool total = inc->total;
	struct tally n;
	struct note *note;

	if (inc->number == 0)
		return;
	n = count(ctl, service);
	if (n.down > inc->targets_down_max)
		inc->targets_down_max = n.down;
	incident_serving(inc, n.serving, wanted, ctl->now);
	if (inc->total && !total) {
		inc->severity = svc->severity_total;
		note = say(ctl, NOTE_INCIDENT_RAISED, service);
		note->count = n.serving;
		note_say(note, "fewer than min_up (%u)", wanted);
	}
	if (n.down + n.recovering + n.unknown == 0)
		close(ctl, service, &n);
	else if (inc->outage_since.us != outage.us)
		keep(ctl, service);
}

void incidents_acted(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	struct incident *inc = &ctl->services[service].incident;
	unsigned i, out = 0, held = 0, pending = 0;

	if (inc->number == 0)
		return;
	for (i = 0; i < svc->target_count; i++) {
		const struct target *t = &ctl->targets[svc->first_target + i];

		if (t->health.state != HEALTH_DOWN)
			continue;
		if (t->held)
			held++;
		else if (t->told_out)
			out++;
		else
			pending++;
	}
	if (held > 0 && !inc->held) {
		inc->held = true;
		keep(ctl, service);
	}
	if (out == 0 || pending > 0 || !instant_is_none(inc->acted))
		return;
	inc->acted = ctl->now;
	inc->acted_wall_us = ctl->wall_us;
	keep(ctl, service);
}
