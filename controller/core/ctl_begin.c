/* Starting, with what was stored. */
#include "controller/core/ctl_state.h"

void begin(struct ctl *ctl)
{
	unsigned i;

	ctl->running = true;
	ctl->epoch = ctl->now;
	ctl->alone = ctl->now;
	for (i = 0; i < ctl->set->service_count; i++) {
		unsigned targets = ctl->set->services[i].target_count;
		struct service *svc = &ctl->services[i];

		svc->waiting_first = NOTE_NONE;
		svc->waiting_last = NOTE_NONE;
		svc->states[HEALTH_UNKNOWN] = targets;
		svc->leavings[LEAVING_NOT] = targets;
		svc->serving = targets;
		svc->sound = targets;
		svc->well_again = INSTANT_NONE;
		svc->acted = svc->acted_told = INSTANT_NONE;
	}
	for (i = 0; i < ctl->set->haproxy_count; i++)
		ctl->haproxies[i].retry_us = RETRY_US_MIN;
	for (i = 0; i < ctl->set->target_count; i++) {
		struct target *t = &ctl->targets[i];

		health_init(&t->health, ctl->now);
		t->asked = INSTANT_NONE;
		t->told_in = true;
		t->part.serves = true;
		t->part.sound = true;
		t->detected = INSTANT_NONE;
		t->maintenance.target = i;
	}
	for (i = 0; i < ctl->set->haproxy_count * ctl->set->target_count; i++) {
		ctl->servers[i].retry = INSTANT_NONE;
		ctl->servers[i].routed =
			groups_has(ctl, i % ctl->set->target_count);
	}
	ctl->maintenance.target = NOTE_NONE;
}

/* At another HAProxy it may be otherwise: what is worse counts. */
static void left_over(struct target *t, const struct claim *claim)
{
	enum last_left left = LAST_OUT;

	if (claim->weight_only)
		left = claim->added ? LAST_NOTHING : LAST_LIGHT;
	else
		t->told_in = false;
	if (t->left < left)
		t->left = (uint8_t)left;
}

void begin_restore(struct ctl *ctl, const struct stored *stored)
{
	size_t i;

	for (i = 0; i < stored->claim_count; i++) {
		const struct claim *c = &stored->claims[i];

		if (c->haproxy < ctl->set->haproxy_count &&
		    c->target < ctl->set->target_count) {
			struct server *srv =
				mend_server(ctl, c->haproxy, c->target);

			srv->claim = c->weight_only ? CLAIM_WEIGHT : CLAIM_OUT;
			srv->added = c->added;
		}
		if (c->target < ctl->set->target_count)
			left_over(&ctl->targets[c->target], c);
	}
	for (i = 0; i < stored->fall_count; i++)
		return_restore(ctl, &stored->falls[i]);
	for (i = 0; i < stored->incident_count; i++) {
		const struct incident *inc = &stored->incidents[i];

		if (share_incident(ctl, inc->service) != NULL)
			*share_incident(ctl, inc->service) = *inc;
	}
	if (ctl->last_incident < stored->last_incident)
		ctl->last_incident = stored->last_incident;
}

void begin_start(struct ctl *ctl, const struct stored *stored)
{
	size_t i;

	begin(ctl);
	share_arm(ctl);
	ctl_note(ctl, NOTE_STARTED);
	if (stored != NULL) {
		begin_restore(ctl, stored);
		for (i = 0; i < stored->maintenance_count; i++)
			admin_restore(ctl, &stored->maintenances[i]);
	}
	groups_office(ctl);
	for (i = 0; i < ctl->set->target_count; i++) {
		groups_look(ctl, (unsigned)i);
		checks_schedule(ctl, (unsigned)i);
		rotation_dirty(ctl, (unsigned)i);
	}
}
