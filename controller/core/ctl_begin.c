/* The two beginnings: a start, with what was stored, and a reload, with the
 * state of the controller that ran until now. */
#include "controller/core/ctl_state.h"

#include <string.h>

static void begin(struct ctl *ctl)
{
	unsigned i;

	ctl->running = true;
	ctl->epoch = ctl->now;
	for (i = 0; i < ctl->set->service_count; i++) {
		struct service *svc = &ctl->services[i];

		svc->waiting_first = NOTE_NONE;
		svc->waiting_last = NOTE_NONE;
		svc->rotating = ctl->set->services[i].target_count;
	}
	for (i = 0; i < ctl->set->haproxy_count; i++)
		ctl->haproxies[i].retry_us = RETRY_US_MIN;
	for (i = 0; i < ctl->set->target_count; i++) {
		struct target *t = &ctl->targets[i];

		health_init(&t->health, ctl->now);
		t->asked = INSTANT_NONE;
		t->told_in = true;
		t->detected = INSTANT_NONE;
		t->maintenance.target = i;
	}
	for (i = 0; i < ctl->set->haproxy_count * ctl->set->target_count; i++)
		ctl->servers[i].retry = INSTANT_NONE;
	ctl->maintenance.target = NOTE_NONE;
}

static void restore(struct ctl *ctl, const struct stored *stored)
{
	size_t i;

	for (i = 0; i < stored->claim_count; i++) {
		const struct claim *c = &stored->claims[i];

		if (c->haproxy < ctl->set->haproxy_count &&
		    c->target < ctl->set->target_count)
			rotation_server(ctl, c->haproxy, c->target)->claimed =
				true;
		if (c->target < ctl->set->target_count)
			ctl->targets[c->target].told_in = false;
	}
	for (i = 0; i < stored->incident_count; i++) {
		const struct incident *inc = &stored->incidents[i];

		if (inc->service < ctl->set->service_count)
			ctl->services[inc->service].incident = *inc;
	}
	if (ctl->last_incident < stored->last_incident)
		ctl->last_incident = stored->last_incident;
}

void begin_start(struct ctl *ctl, const struct stored *stored)
{
	size_t i;

	begin(ctl);
	ctl_note(ctl, NOTE_STARTED);
	if (stored != NULL) {
		restore(ctl, stored);
		for (i = 0; i < stored->maintenance_count; i++)
			admin_restore(ctl, &stored->maintenances[i]);
	}
	for (i = 0; i < ctl->set->target_count; i++) {
		checks_schedule(ctl, (unsigned)i);
		rotation_dirty(ctl, (unsigned)i);
	}
}

/* Index of the old target of the same name and service, or NOTE_NONE.  Files
 * mostly keep their order: @hint, one past the last match, is tried first. */
static unsigned old_target(const struct settings *set, unsigned target,
			   const struct settings *old, unsigned hint)
{
	const struct target_settings *t = &set->targets[target];
	const char *service = set->services[t->service].name;
	unsigned i, k;

	for (i = 0; i < old->target_count; i++) {
		const struct target_settings *o;

		k = (hint + i) % old->target_count;
		o = &old->targets[k];
		if (strcmp(o->name, t->name) == 0 &&
		    strcmp(old->services[o->service].name, service) == 0)
			return k;
	}
	return NOTE_NONE;
}

static unsigned old_haproxy(const struct settings *set, unsigned haproxy,
			    const struct settings *old)
{
	unsigned i;

	for (i = 0; i < old->haproxy_count; i++)
		if (strcmp(old->haproxies[i].name,
			   set->haproxies[haproxy].name) == 0)
			return i;
	return NOTE_NONE;
}

static void carry_servers(struct ctl *ctl, unsigned target,
			  const struct ctl *old, unsigned from)
{
	unsigned h, k;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		struct server *srv = rotation_server(ctl, h, target);
		const struct server *was;

		k = old_haproxy(ctl->set, h, old->set);
		if (k == NOTE_NONE)
			continue;
		was = rotation_server(old, k, from);
		srv->claimed = was->claimed || was->storing != 0;
		srv->kept = was->kept;
	}
}

static bool same_question(const struct ctl *ctl, unsigned target,
			  const struct ctl *old, unsigned from)
{
	return strcmp(ctl->set->targets[target].address,
		      old->set->targets[from].address) == 0 &&
	       ctl_service_of(ctl, target)->check.type ==
		       ctl_service_of(old, from)->check.type;
}

static void carry_target(struct ctl *ctl, unsigned target,
			 const struct ctl *old, unsigned from)
{
	struct target *t = &ctl->targets[target];
	const struct target *was = &old->targets[from];

	carry_servers(ctl, target, old, from);
	t->maintenance = was->maintenance;
	t->maintenance.target = target;
	t->told_out = was->told_out;
	t->told_in = was->told_in;
	t->detected = was->detected;
	t->cause = was->cause;
	if (!same_question(ctl, target, old, from))
		return;
	t->health = was->health;
	t->why = was->why;
	t->asked = was->asked;
	t->checks = was->checks;
	t->out = was->out;
	t->kept_out = was->kept_out;
	if (t->out || t->kept_out)
		ctl_service_state(ctl, target)->rotating--;
}

/* A target keeps its turn, so that nobody waits longer than before; what was
 * asked under other settings is asked anew. */
static void carry_schedule(struct ctl *ctl, unsigned target,
			   const struct ctl *old, unsigned from, bool kept)
{
	const struct target *was = &old->targets[from];
	struct target *t = &ctl->targets[target];
	struct instant due;

	schedule_set(ctl->schedule, slot_of(SLOT_EXPIRY, target),
		     schedule_get(old->schedule, slot_of(SLOT_EXPIRY, from)));
	schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target), ctl->now);
	if (was->check != 0 && kept) {
		t->check = was->check;
		t->stale = was->stale;
		ctl_service_state(ctl, target)->inflight++;
		return;
	}
	due = schedule_get(old->schedule, slot_of(SLOT_CHECK, from));
	checks_schedule(ctl, target);
	due = instant_min(
		due, schedule_get(ctl->schedule, slot_of(SLOT_CHECK, target)));
	if (was->check != 0 || was->waiting)
		due = ctl->now;
	schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target), due);
}

static bool has_service(const struct ctl *ctl, const char *name)
{
	unsigned i;

	for (i = 0; i < ctl->set->service_count; i++)
		if (strcmp(ctl->set->services[i].name, name) == 0)
			return true;
	return false;
}

/* A service that is watched no longer leaves no incident open behind it. */
static void close_removed(struct ctl *ctl, struct ctl *old)
{
	unsigned k;

	for (k = 0; k < old->set->service_count && ctl_room(ctl); k++) {
		struct incident *inc = &old->services[k].incident;
		struct action *act;

		if (inc->number == 0 ||
		    has_service(ctl, old->set->services[k].name))
			continue;
		inc->recovered = ctl->now;
		inc->recovered_wall_us = ctl->wall_us;
		inc->maintenance = true;
		inc->service = NOTE_NONE;
		inc->target = NOTE_NONE;
		act = ctl_emit(ctl, ACTION_STORE, 0);
		act->store.kind = STORE_INCIDENT;
		act->store.incident = *inc;
		inc->number = 0;
	}
}

static void carry_services(struct ctl *ctl, const struct ctl *old)
{
	unsigned i, k;

	for (i = 0; i < ctl->set->service_count; i++)
		for (k = 0; k < old->set->service_count; k++) {
			struct incident *inc = &ctl->services[i].incident;

			if (strcmp(ctl->set->services[i].name,
				   old->set->services[k].name) != 0)
				continue;
			*inc = old->services[k].incident;
			inc->service = i;
			inc->target = NOTE_NONE;
		}
}

/* Incidents name the target that opened them by its index. */
static void carry_cause(struct ctl *ctl, unsigned target, const struct ctl *old,
			unsigned from)
{
	unsigned k = old->set->targets[from].service;
	struct incident *inc = &ctl_service_state(ctl, target)->incident;

	if (inc->number != 0 && old->services[k].incident.target == from)
		inc->target = target;
}

static void carry_haproxies(struct ctl *ctl, const struct ctl *old)
{
	unsigned h, k;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		k = old_haproxy(ctl->set, h, old->set);
		if (k == NOTE_NONE)
			continue;
		ctl->haproxies[h] = old->haproxies[k];
		ctl->haproxies[h].absent = 0;
	}
}

static void carry_node(struct ctl *ctl, const struct ctl *old)
{
	ctl->epoch = old->epoch;
	ctl->sequence = old->sequence;
	ctl->last_incident = old->last_incident;
	ctl->store_ok = old->store_ok;
	ctl->stall_at = old->stall_at;
	ctl->stall_us = old->stall_us;
	ctl->maintenance = old->maintenance;
	schedule_set(ctl->schedule, slot_node_expiry(ctl),
		     schedule_get(old->schedule, slot_node_expiry(old)));
}

void begin_reload(struct ctl *ctl, const struct event *ev)
{
	struct ctl *old = ev->settings.previous;
	unsigned i, from, hint = 0;

	begin(ctl);
	if (ev->settings.stored != NULL)
		restore(ctl, ev->settings.stored);
	carry_node(ctl, old);
	carry_services(ctl, old);
	carry_haproxies(ctl, old);
	for (i = 0; i < ctl->set->target_count; i++) {
		from = old_target(ctl->set, i, old->set, hint);
		if (from == NOTE_NONE) {
			checks_schedule(ctl, i);
		} else {
			hint = from + 1;
			carry_target(ctl, i, old, from);
			carry_schedule(ctl, i, old, from,
				       ev->settings.kept != NULL &&
					       ev->settings.kept[i] == from);
			carry_cause(ctl, i, old, from);
		}
		rotation_dirty(ctl, i);
	}
	close_removed(ctl, old);
	ctl_note(ctl, NOTE_RELOADED);
}
