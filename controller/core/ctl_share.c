/* One incident for all nodes: who records it, and what the others say of it.
 */
#include "controller/core/ctl_state.h"

#define FINDING_FRESH_US (1 * SECOND)

/* A failover takes little longer than a lease; a node that knows no primary
 * for longer records what it sees itself. */
static int64_t patience_us(const struct ctl *ctl)
{
	return 2 * ctl->set->cluster->lease_us + 1 * SECOND;
}

bool share_is_primary(const struct ctl *ctl)
{
	return ctl->set->cluster != NULL &&
	       ctl->primary == ctl->set->cluster->self;
}

bool share_recorder(const struct ctl *ctl)
{
	if (ctl->set->cluster == NULL || share_is_primary(ctl))
		return true;
	return ctl->primary == NOTE_NONE &&
	       instant_diff_us(ctl->alone, ctl->now) >= patience_us(ctl);
}

uint32_t share_upcoming_number(const struct ctl *ctl)
{
	const struct cluster_settings *cluster = ctl->set->cluster;

	return incident_next_number(ctl->last_incident,
				    cluster != NULL ? cluster->self : 0,
				    cluster != NULL ? cluster->node_count : 1);
}

uint32_t share_next_number(struct ctl *ctl)
{
	ctl->last_incident = share_upcoming_number(ctl);
	return ctl->last_incident;
}

struct incident *share_incident(struct ctl *ctl, unsigned service)
{
	if (service == INCIDENT_NODE)
		return &ctl->node_incident;
	return service < ctl->set->service_count
		       ? &ctl->services[service].incident
		       : NULL;
}

static void store(struct ctl *ctl, const struct incident *inc, bool heard)
{
	bool service = inc->service < ctl->set->service_count;
	uint64_t id = ctl_id(ctl, ID_INCIDENT, 0, service ? inc->service : 0);
	struct action *act = ctl_emit(ctl, ACTION_STORE, id);

	act->store.kind = STORE_INCIDENT;
	act->store.heard = heard;
	act->store.incident = *inc;
}

void share_write(struct ctl *ctl, struct incident *inc)
{
	inc->term = share_is_primary(ctl) ? ctl->term : 0;
	inc->revision++;
	store(ctl, inc, false);
}

/* A service is to be looked at anew, as soon as there is room. */
static void review(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc;

	if (service >= ctl->set->service_count)
		return;
	svc = &ctl->set->services[service];
	ctl->services[service].review = true;
	if (svc->target_count > 0)
		rotation_dirty(ctl, svc->first_target);
}

void share_review_open(struct ctl *ctl)
{
	unsigned i;

	for (i = 0; i < ctl->set->service_count; i++)
		if (ctl->services[i].incident.number != 0)
			review(ctl, i);
}

static void look_at_all(struct ctl *ctl)
{
	unsigned i;

	for (i = 0; i < ctl->set->service_count; i++)
		review(ctl, i);
	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl->targets[i].health.state == HEALTH_DOWN ||
		    quorum_others_down(ctl->quorum, i, ctl->now))
			rotation_dirty(ctl, i);
}

void share_find(struct ctl *ctl, unsigned target)
{
	if (ctl->set->cluster != NULL && !share_recorder(ctl))
		ctl_emit(ctl, ACTION_FOUND, 0)->found =
			incidents_finding(ctl, target);
}

void share_alone(struct ctl *ctl)
{
	if (share_recorder(ctl))
		look_at_all(ctl);
}

void share_set_primary(struct ctl *ctl, unsigned primary, uint64_t term)
{
	bool recorder = share_recorder(ctl);

	if (primary == NOTE_NONE && ctl->primary != NOTE_NONE)
		ctl->alone = ctl->now;
	ctl->primary = primary;
	ctl->term = term;
	share_arm(ctl);
	if (!recorder)
		share_alone(ctl);
}

void share_arm(struct ctl *ctl)
{
	struct instant due = INSTANT_NEVER;

	if (ctl->set->cluster != NULL && !share_recorder(ctl) &&
	    ctl->primary == NOTE_NONE)
		due = instant_add(ctl->alone, patience_us(ctl));
	schedule_set(ctl->schedule, slot_alone(ctl), due);
}

/* What is open here becomes @inc, and what is new about it is said. */
static void take(struct ctl *ctl, struct incident *here,
		 const struct incident *inc)
{
	bool new = here->number != inc->number;
	bool total = !new && here->total;
	struct note *note;

	*here = *inc;
	if (new)
		incidents_say(ctl, NOTE_INCIDENT_OPENED, here);
	if (here->total && !total && here->service != INCIDENT_NODE) {
		note = incidents_say(ctl, NOTE_INCIDENT_RAISED, here);
		note_say(note, "as the primary node finds");
	}
	if (incident_open(here))
		return;
	incidents_say_closed(ctl, here);
	here->number = 0;
}

/* Two numbers for one outage: the lower one stays. */
static void merge(struct ctl *ctl, struct incident *here,
		  const struct incident *ours, const struct incident *heard)
{
	bool older = ours->number < heard->number;
	struct incident into = older ? *ours : *heard;
	struct incident other = older ? *heard : *ours;
	struct note *note;

	incident_absorb(&into, &other);
	note = incidents_say(ctl, NOTE_INCIDENT_MERGED, &other);
	note->count = into.number;
	share_write(ctl, &into);
	share_write(ctl, &other);
	if (here->number == other.number)
		here->number = 0;
	if (incident_open(&into))
		*here = into;
	review(ctl, into.service);
}

/* Something open that stands beside ours: two of one node, so the older one
 * was never closed. */
static void close_stray(struct ctl *ctl, struct incident inc)
{
	inc.recovered = ctl->now;
	inc.recovered_wall_us = incident_wall_us(&inc, ctl->now);
	incident_serving(&inc, 1, 1, ctl->now);
	share_write(ctl, &inc);
}

static void hear_as_recorder(struct ctl *ctl, const struct incident_heard *h,
			     struct incident *here)
{
	const struct incident *inc = &h->incident;
	struct incident known;

	if (incident_open(inc) && h->known != NULL &&
	    !incident_open(h->known)) {
		/* Closed here, where it is known best. */
		known = *h->known;
		known.revision = inc->revision;
		share_write(ctl, &known);
	} else if (here->number != 0 && incident_same(here, inc)) {
		merge(ctl, here, here, inc);
	} else if (h->same != NULL && incident_same(h->same, inc)) {
		merge(ctl, here, h->same, inc);
	} else if (incident_open(inc) && here->number != 0 &&
		   here->number != inc->number) {
		close_stray(ctl, *inc);
	} else {
		store(ctl, inc, true);
		if (incident_open(inc) || here->number == inc->number)
			take(ctl, here, inc);
		review(ctl, inc->service);
	}
}

/* Of two that are open the primary's counts, and of its own the older. */
static bool preferred(const struct incident *inc, const struct incident *here)
{
	if (here->number == 0 || here->number == inc->number)
		return true;
	if (inc->term != here->term)
		return inc->term > here->term;
	return inc->number < here->number;
}

static void follow(struct ctl *ctl, const struct incident *inc,
		   struct incident *here)
{
	store(ctl, inc, true);
	if (incident_open(inc) ? preferred(inc, here)
			       : here->number == inc->number)
		take(ctl, here, inc);
}

/* Another node has found a target down, and knows since when. */
static void hear_finding(struct ctl *ctl, unsigned node,
			 const struct incident *finding)
{
	unsigned target = finding->target;
	struct incident *here;

	if (!share_recorder(ctl))
		return;
	if (!instant_is_none(finding->acted)) {
		incidents_hear_acted(ctl, finding->service, finding->acted);
		return;
	}
	/* Told later than at once, it may be over. */
	if (target >= ctl->set->target_count ||
	    instant_diff_us(finding->detected, ctl->now) > FINDING_FRESH_US)
		return;
	quorum_hear(ctl->quorum, node, target, true, false, ctl->now);
	rotation_dirty(ctl, target);
	agree_confirm(ctl, target, finding);
	here = share_incident(ctl, ctl->set->targets[target].service);
	if (here->number != 0 && incident_precede(here, finding))
		share_write(ctl, here);
}

static void hear(struct ctl *ctl, unsigned node, const struct incident_heard *h)
{
	const struct incident *inc = &h->incident;
	struct incident *here = share_incident(ctl, inc->service);
	struct note *note;

	if (inc->number == 0) {
		hear_finding(ctl, node, inc);
		return;
	}
	if (ctl->last_incident < inc->number)
		ctl->last_incident = inc->number;
	if (here == NULL)
		return;
	if (inc->merged_into != 0) {
		store(ctl, inc, true);
		if (here->number == inc->number) {
			note = incidents_say(ctl, NOTE_INCIDENT_MERGED, inc);
			note->count = inc->merged_into;
			here->number = 0;
		}
		review(ctl, inc->service);
	} else if (share_recorder(ctl)) {
		hear_as_recorder(ctl, h, here);
	} else {
		follow(ctl, inc, here);
	}
}

void share_heard(struct ctl *ctl, const struct incidents_heard *heard)
{
	unsigned i;

	/* What finds no room is told again. */
	for (i = 0; i < heard->count && ctl_room(ctl); i++)
		hear(ctl, heard->node, &heard->list[i]);
}
