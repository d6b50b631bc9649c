/* Incidents: from the first target that goes down until a service is whole.
 */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

#define ACTED_AGAIN_US (1 * SECOND) /* should the first word be lost */

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
	share_write(ctl, &ctl->services[service].incident);
}

struct note *incidents_say(struct ctl *ctl, enum note_kind kind,
			   const struct incident *inc)
{
	struct note *note = ctl_note(ctl, kind);

	note->service = inc->service;
	/* The target of a node's incident is a node, not a target. */
	if (inc->service == INCIDENT_NODE)
		note->node = inc->target;
	else
		note->target = inc->target;
	note->incident = inc->number;
	note->severity = inc->severity;
	note->result = inc->cause;
	note->onset_min = inc->onset_min;
	note->onset_max = inc->onset_max;
	return note;
}

static struct note *say(struct ctl *ctl, enum note_kind kind, unsigned service)
{
	return incidents_say(ctl, kind, &ctl->services[service].incident);
}

void incidents_say_closed(struct ctl *ctl, const struct incident *inc)
{
	struct note *note = incidents_say(ctl, NOTE_INCIDENT_CLOSED, inc);
	const char *why = "the service is whole";

	note->span_us = incident_recovery_us(inc);
	if (inc->service == INCIDENT_NODE)
		why = "every node is heard again";
	else if (inc->maintenance)
		why = "what is still out is in maintenance";
	note_say(note, "%s", why);
}

struct incident incidents_finding(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	const struct health *h = &t->health;
	const struct cluster_settings *cluster = ctl->set->cluster;

	return (struct incident){
		.service = ctl->set->targets[target].service,
		.target = target,
		.severity = ctl_service_of(ctl, target)->severity_partial,
		.cause = h->last,
		.targets_down_max = 1,
		.nodes = cluster != NULL ? UINT32_C(1) << cluster->self : 0,
		.onset_min = incidents_onset(h),
		.onset_max = h->first_bad,
		.detected = t->detected,
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
	};
}

/* Another node says that it is down; its finding is on the way, or lost. */
static struct incident unknown_finding(const struct ctl *ctl, unsigned target)
{
	struct incident inc = incidents_finding(ctl, target);

	inc.cause = result_make(RESULT_L4TOUT, 0, 0, "as other nodes find");
	inc.nodes = 0;
	inc.onset_min = ctl->now;
	inc.onset_max = ctl->now;
	inc.detected = ctl->now;
	return inc;
}

void incidents_down(struct ctl *ctl, unsigned target,
		    const struct incident *finding)
{
	unsigned service = ctl->set->targets[target].service;
	struct incident *inc = &ctl->services[service].incident;

	if (ctl->targets[target].health.state == HEALTH_DOWN)
		*inc = incidents_finding(ctl, target);
	else if (finding != NULL)
		*inc = *finding;
	else
		*inc = unknown_finding(ctl, target);
	/* Not before a majority said so. */
	if (ctl->set->services[service].agree == AGREE_MAJORITY)
		inc->detected = ctl->now;
	inc->number = share_next_number(ctl);
	inc->severity = ctl->set->services[service].severity_partial;
	inc->nodes |= agree_nodes(ctl, target);
	inc->onset_min_wall_us = wall_at(ctl, inc->onset_min);
	inc->onset_max_wall_us = wall_at(ctl, inc->onset_max);
	inc->detected_wall_us = wall_at(ctl, inc->detected);
	say(ctl, NOTE_INCIDENT_OPENED, service);
	keep(ctl, service);
}

static enum leaving leaving_of(const struct target *t)
{
	if (t->health.state != HEALTH_DOWN)
		return LEAVING_NOT;
	if (t->held)
		return LEAVING_HELD;
	return t->told_out ? LEAVING_OUT : LEAVING_PENDING;
}

bool incidents_count(struct ctl *ctl, unsigned target)
{
	struct service *svc = ctl_service_state(ctl, target);
	struct target *t = &ctl->targets[target];
	struct part was = t->part,
		    is = { .state = t->health.state,
			   .leaving = leaving_of(t),
			   .serves = rotation_serves(ctl, target) };

	is.bad = is.state == HEALTH_DOWN && agree_forbids(ctl, target) == NULL;
	is.drained = is.state == HEALTH_MAINT && t->maintenance.on &&
		     t->maintenance.drain;
	/* One that is not judged yet makes no outage. */
	if (is.state == HEALTH_UNKNOWN)
		is.serves = !return_awaited(ctl, target);
	svc->states[was.state]--;
	svc->states[is.state]++;
	svc->leavings[was.leaving]--;
	svc->leavings[is.leaving]++;
	svc->serving -= was.serves;
	svc->serving += is.serves;
	is.sound = is.serves && t->health.bad == 0;
	svc->sound -= was.sound;
	svc->sound += is.sound;
	svc->bad -= was.bad;
	svc->bad += is.bad;
	svc->drained -= was.drained;
	svc->drained += is.drained;
	t->part = is;
	depends_look(ctl, ctl->set->targets[target].service);
	return was.serves != is.serves || was.bad != is.bad;
}

static void close(struct ctl *ctl, unsigned service)
{
	bool maintenance = ctl->services[service].states[HEALTH_MAINT] > 0;
	struct incident *inc = &ctl->services[service].incident;

	/* Maintenance ends an outage that goes on. */
	incident_serving(inc, 1, 1, ctl->now);
	inc->recovered = ctl->now;
	inc->recovered_wall_us = incident_wall_us(inc, ctl->now);
	inc->maintenance = maintenance;
	incidents_say_closed(ctl, inc);
	keep(ctl, service);
	inc->number = 0;
}

void incidents_update(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	struct service *n = &ctl->services[service];
	struct incident *inc = &n->incident;
	unsigned wanted = governor_wanted(svc);
	struct instant outage = inc->outage_since;
	bool total = inc->total;
	struct note *note;

	panic_look(ctl, service);
	if (inc->number == 0 || !share_recorder(ctl))
		return;
	if (n->states[HEALTH_DOWN] > inc->targets_down_max)
		inc->targets_down_max = n->states[HEALTH_DOWN];
	incident_serving(inc, n->serving, wanted, ctl->now);
	if (inc->total && !total) {
		inc->severity = svc->severity_total;
		note = say(ctl, NOTE_INCIDENT_RAISED, service);
		note->count = n->serving;
		note_say(note, "fewer than min_up (%u)", wanted);
	}
	if (n->states[HEALTH_DOWN] + n->states[HEALTH_RECOVERING] +
			    n->states[HEALTH_UNKNOWN] ==
		    0 &&
	    agree_whole(ctl, service))
		close(ctl, service);
	else if (inc->outage_since.us != outage.us)
		keep(ctl, service);
}

/* What another node records and has nothing to withdraw for is acted on here.
 * It is told until the record says so. */
static void tell_acted(struct ctl *ctl, unsigned target)
{
	struct service *n = ctl_service_state(ctl, target);
	struct incident finding;

	if (n->leavings[LEAVING_OUT] == 0)
		n->acted = n->acted_told = INSTANT_NONE;
	if (n->leavings[LEAVING_OUT] == 0 || n->leavings[LEAVING_PENDING] > 0)
		return;
	if (instant_is_none(n->acted))
		n->acted = ctl->now;
	if ((n->incident.number != 0 && !instant_is_none(n->incident.acted)) ||
	    (!instant_is_none(n->acted_told) &&
	     instant_diff_us(n->acted_told, ctl->now) < ACTED_AGAIN_US))
		return;
	n->acted_told = ctl->now;
	finding = incidents_finding(ctl, target);
	finding.acted = n->acted;
	ctl_emit(ctl, ACTION_FOUND, 0)->found = finding;
}

void incidents_hear_acted(struct ctl *ctl, unsigned service,
			  struct instant acted)
{
	const struct service *n = &ctl->services[service];
	struct incident *inc = &ctl->services[service].incident;
	bool ours = ctl->set->services[service].backend != NULL &&
		    n->leavings[LEAVING_OUT] + n->leavings[LEAVING_PENDING] > 0;

	if (inc->number == 0 || !instant_is_none(inc->acted) || ours ||
	    instant_before(acted, inc->onset_min))
		return;
	inc->acted = instant_max(acted, inc->detected);
	inc->acted_wall_us = incident_wall_us(inc, inc->acted);
	keep(ctl, service);
}

void incidents_acted(struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;
	const struct service *n = &ctl->services[service];
	struct incident *inc = &ctl->services[service].incident;

	if (!share_recorder(ctl)) {
		tell_acted(ctl, target);
		return;
	}
	if (inc->number == 0)
		return;
	if (n->leavings[LEAVING_HELD] > 0 && !inc->held) {
		inc->held = true;
		keep(ctl, service);
	}
	if (n->leavings[LEAVING_OUT] == 0 || n->leavings[LEAVING_PENDING] > 0 ||
	    !instant_is_none(inc->acted))
		return;
	inc->acted = ctl->now;
	inc->acted_wall_us = incident_wall_us(inc, ctl->now);
	keep(ctl, service);
}
