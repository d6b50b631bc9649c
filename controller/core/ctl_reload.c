/* Going over to other settings, with the state of the controller that ran
 * until now. */
#include "controller/core/ctl_state.h"

#include <string.h>

/* Index of the target of the same name in @svc of @old, or NOTE_NONE.  Files
 * mostly keep their order: @hint, one past the last match, is tried first. */
static unsigned old_target(const char *name, const struct settings *old,
			   const struct service_settings *svc, unsigned hint)
{
	unsigned first = svc->first_target, n = svc->target_count;
	unsigned start = hint > first && hint < first + n ? hint - first : 0;
	unsigned i, k;

	for (i = 0; i < n; i++) {
		k = first + (start + i) % n;
		if (strcmp(old->targets[k].name, name) == 0)
			return k;
	}
	return NOTE_NONE;
}

static void carry_servers(struct ctl *ctl, unsigned target,
			  const struct ctl *old, unsigned from)
{
	bool same = settings_text_same(ctl_service_of(ctl, target)->backend,
				       ctl_service_of(old, from)->backend);
	bool ends = service_ends_sessions(ctl_service_of(ctl, target));
	bool kept = !service_ends_sessions(ctl_service_of(old, from)) &&
		    old->targets[from].wish.state == SERVER_MAINT;
	unsigned h, k;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		struct server *srv = mend_server(ctl, h, target);
		const struct server *was;

		k = settings_find_haproxy(old->set,
					  ctl->set->haproxies[h].name);
		if (k == NOTE_NONE)
			continue;
		was = mend_server(old, k, from);
		srv->seen = was->seen;
		srv->weight_percent = was->weight_percent;
		srv->was_used = was->was_used;
		server_forget(srv);
		srv->claim = was->claim;
		srv->kept = was->kept;
		srv->doubt = was->doubt;
		srv->failed = was->failed;
		srv->added = was->added && same;
		srv->adding = was->adding;
		srv->vanished = was->vanished;
		srv->order = was->order;
		srv->ordered = was->ordered;
		srv->ordered_agent = was->ordered_agent;
		srv->pushed = was->pushed;
		srv->bits = was->bits;
		srv->ends = ends && (was->ends || kept);
		srv->agent = was->agent;
		srv->word = was->word;
		srv->ordered_weight = was->ordered_weight;
		srv->stores = was->stores;
		srv->storing = was->storing;
		ctl->storing += was->storing != 0;
	}
}

/* Another question to the same place goes on from the verdict that stands;
 * another place is another target. */
static bool speaks_of_same(const struct ctl *ctl, unsigned target,
			   const struct ctl *old, unsigned from)
{
	return settings_text_same(ctl->set->targets[target].address,
				  old->set->targets[from].address) &&
	       ctl_service_of(ctl, target)->check.type ==
		       ctl_service_of(old, from)->check.type;
}

static void carry_target(struct ctl *ctl, unsigned target, struct ctl *old,
			 unsigned from)
{
	struct target *t = &ctl->targets[target];
	const struct target *was = &old->targets[from];

	carry_servers(ctl, target, old, from);
	admin_carry(ctl, old, target, from);
	rotation_set_held(ctl, target, was->held);
	t->told_leaving = was->told_leaving;
	t->told_out = was->told_out;
	t->told_in = was->told_in;
	t->flap = was->flap;
	t->told_back = was->told_back;
	t->left = was->left;
	t->on_trial = was->on_trial;
	t->detected = was->detected;
	t->cause = was->cause;
	if (!speaks_of_same(ctl, target, old, from))
		return;
	t->health = was->health;
	t->why = was->why;
	t->asked = was->asked;
	t->checks = was->checks;
	hints_carry(t, was);
}

/* A target keeps its turn, so that nobody waits longer than before; what was
 * asked under other settings is asked anew. */
static void carry_schedule(struct ctl *ctl, unsigned target,
			   const struct ctl *old, unsigned from, bool kept)
{
	const struct target *was = &old->targets[from];
	struct instant due;

	schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target), ctl->now);
	if (was->check != 0 && kept) {
		checks_carry(ctl, target, was);
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

/* A service that is watched no longer leaves no incident open behind it.  (So
 * many at once that they do not fit are closed by the store, at a start.) */
static void close_removed(struct ctl *ctl, struct ctl *old)
{
	unsigned k;

	for (k = 0; k < old->set->service_count; k++) {
		struct incident *inc = &old->services[k].incident;
		struct action *act;

		if (inc->number == 0 || !ctl_room(ctl) ||
		    settings_find_service(
			    ctl->set, old->set->services[k].name) != NOTE_NONE)
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

/* Returns the old index, or NOTE_NONE. */
static unsigned carry_service(struct ctl *ctl, unsigned service,
			      const struct ctl *old)
{
	struct service *svc = &ctl->services[service];
	unsigned k = settings_find_service(old->set,
					   ctl->set->services[service].name);

	if (k == NOTE_NONE)
		return k;
	svc->incident = old->services[k].incident;
	svc->incident.service = service;
	svc->incident.target = NOTE_NONE;
	svc->panic = old->services[k].panic;
	svc->ailing = old->services[k].ailing;
	svc->was_down = old->services[k].was_down;
	svc->well_again = old->services[k].well_again;
	svc->affected_by = old->services[k].affected_by;
	svc->acted = old->services[k].acted;
	svc->acted_told = old->services[k].acted_told;
	/* Perhaps all that were bad are gone, or min_up is another. */
	svc->review = true;
	return k;
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
		k = settings_find_haproxy(old->set,
					  ctl->set->haproxies[h].name);
		if (k == NOTE_NONE)
			continue;
		ctl->haproxies[h] = old->haproxies[k];
		ctl->haproxies[h].absent = 0;
		ctl->haproxies[h].refused = 0;
	}
}

static void carry_node(struct ctl *ctl, struct ctl *old)
{
	ctl->epoch = old->epoch;
	ctl->sequence = old->sequence;
	ctl->carried = old->sequence;
	ctl->last_incident = old->last_incident;
	ctl->node_incident = old->node_incident;
	ctl->primary = old->primary;
	ctl->term = old->term;
	ctl->keep = old->keep;
	ctl->alone = old->alone;
	share_arm(ctl);
	ctl->store_ok = old->store_ok;
	ctl->stall_at = old->stall_at;
	ctl->stall_us = old->stall_us;
	ctl->armed = old->armed;
	admin_carry(ctl, old, NOTE_NONE, NOTE_NONE);
}

static void carry_targets(struct ctl *ctl, unsigned service, struct ctl *old,
			  unsigned was, const unsigned *kept)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i, from, hint = 0;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		from = was == NOTE_NONE
			       ? NOTE_NONE
			       : old_target(ctl->set->targets[i].name, old->set,
					    &old->set->services[was], hint);
		rotation_dirty(ctl, i);
		if (from == NOTE_NONE) {
			checks_schedule(ctl, i);
			continue;
		}
		hint = from + 1;
		carry_target(ctl, i, old, from);
		incidents_count(ctl, i);
		carry_schedule(ctl, i, old, from,
			       kept != NULL && kept[i] == from);
		carry_cause(ctl, i, old, from);
	}
}

void reload(struct ctl *ctl, const struct event *ev)
{
	struct ctl *old = ev->settings.previous;
	unsigned i;

	begin(ctl);
	if (ev->settings.stored != NULL)
		begin_restore(ctl, ev->settings.stored);
	carry_node(ctl, old);
	doubt_carry(ctl, old);
	carry_haproxies(ctl, old);
	for (i = 0; i < ctl->set->service_count; i++) {
		unsigned from = carry_service(ctl, i, old);

		carry_targets(ctl, i, old, from, ev->settings.kept);
		groups_carry(ctl, i, old, from);
	}
	if (ctl->storing > 0)
		schedule_set(ctl->schedule, slot_store(ctl),
			     instant_add(ctl->now, STORE_PATIENCE_US));
	close_removed(ctl, old);
	admin_gone(ctl, old);
	ctl_note(ctl, NOTE_RELOADED);
	ctl_notice_stall(ctl);
}
