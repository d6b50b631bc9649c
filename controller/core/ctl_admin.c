/* What people want: maintenance, on and off. */
#include "controller/core/ctl_state.h"

#include <errno.h>
#include <stdio.h>

#include "controller/core/governor.h"

/* Maintenance of one target or of the whole node, and who waits for it. */
struct hold {
	struct maintenance *m;
	uint64_t *store, *token;
	unsigned slot; /* its expiry */
};

static struct hold hold_of(struct ctl *ctl, unsigned target)
{
	struct target *t;

	if (target == NOTE_NONE)
		return (struct hold){ &ctl->maintenance,
				      &ctl->maintenance_store,
				      &ctl->maintenance_token,
				      slot_node_expiry(ctl) };
	t = &ctl->targets[target];
	return (struct hold){ &t->maintenance, &t->maintenance_store,
			      &t->maintenance_token,
			      slot_of(SLOT_EXPIRY, target) };
}

static void reply(struct ctl *ctl, uint64_t token, int error, const char *text)
{
	struct action *act;

	if (token == 0)
		return;
	act = ctl_emit(ctl, ACTION_REPLY, 0);
	act->reply.token = token;
	act->reply.error = error;
	snprintf(act->reply.text, sizeof(act->reply.text), "%s", text);
}

bool admin_holds(const struct ctl *ctl, unsigned target)
{
	return ctl->maintenance.on || ctl->keep == KEEP_BEGINS ||
	       ctl->keep == KEEP_ON || ctl->targets[target].maintenance.on;
}

void admin_keep(struct ctl *ctl, enum document_keep keep)
{
	unsigned i;

	if (ctl->keep == keep)
		return;
	ctl->keep = keep;
	groups_office(ctl);
	for (i = 0; i < ctl->set->target_count; i++)
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, i), ctl->now);
}

static void follow(struct ctl *ctl, unsigned target)
{
	if (admin_holds(ctl, target))
		checks_move(ctl, target, HEALTH_HOLD);
	else
		checks_move(ctl, target, HEALTH_FREE);
	rotation_dirty(ctl, target);
}

static void set(struct ctl *ctl, const struct maintenance *m)
{
	struct hold hold = hold_of(ctl, m->target);
	struct note *note;
	unsigned i;

	*hold.m = *m;
	schedule_set(ctl->schedule, hold.slot,
		     m->on ? m->until : INSTANT_NEVER);
	note = ctl_note(ctl,
			m->on ? NOTE_MAINTENANCE_ON : NOTE_MAINTENANCE_OFF);
	note->target = m->target;
	if (m->target != NOTE_NONE)
		note->service = ctl->set->targets[m->target].service;
	note_say(note, "%.90s", m->reason);
	if (m->target != NOTE_NONE) {
		follow(ctl, m->target);
		return;
	}
	for (i = 0; i < ctl->set->target_count; i++)
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, i), ctl->now);
}

static void keep(struct ctl *ctl, const struct maintenance *m)
{
	struct hold hold = hold_of(ctl, m->target);
	struct action *act;

	*hold.store = ctl_id(ctl, ID_MAINTENANCE, 0, m->target);
	act = ctl_emit(ctl, ACTION_STORE, *hold.store);
	act->store.kind = STORE_MAINTENANCE;
	act->store.maintenance = *m;
}

/* min_up is asked twice: what stays must not only be in rotation, where it
 * may be dead and held there, but serve. */
static const char *forbidden(const struct ctl *ctl, const struct maintenance *m)
{
	const struct service_settings *svc;
	unsigned i, h, serving = 0;
	const char *rule = NULL;

	if (!m->on || !m->drain || m->target == NOTE_NONE)
		return NULL;
	svc = ctl_service_of(ctl, m->target);
	for (i = 0; i < svc->target_count; i++)
		serving += rotation_serves(ctl, svc->first_target + i);
	if (svc->backend != NULL && rotation_serves(ctl, m->target))
		rule = governor_withdraw(svc, serving, 1);
	for (h = 0; rule == NULL && h < ctl->set->haproxy_count; h++)
		if (mend_server(ctl, h, m->target)->counted)
			rule = mend_forbidden(ctl, h, m->target);
	return rule;
}

/* The circuit is closed by hand: what was counted is forgotten, and one that is
 * DOWN is tried at once. */
static void reset(struct ctl *ctl, unsigned target, uint64_t token)
{
	struct target *t = &ctl->targets[target];
	bool down = t->health.state == HEALTH_DOWN;
	unsigned h;

	health_forget(&t->health);
	t->flap = (struct flap){ 0 };
	for (h = 0; h < ctl->set->haproxy_count; h++)
		mend_server(ctl, h, target)->retry = INSTANT_NONE;
	note_say(ctl_note_target(ctl, NOTE_RESET, target), "%s",
		 down ? "tried at once" : "what was counted is forgotten");
	t->on_trial = down;
	checks_move(ctl, target, HEALTH_RESET);
	if (t->check == 0 && !t->waiting)
		schedule_set(ctl->schedule, slot_of(SLOT_CHECK, target),
			     ctl->now);
	rotation_dirty(ctl, target);
	reply(ctl, token, 0,
	      down ? "reset: tried at once"
		   : "reset: what was counted is forgotten");
}

static void reset_event(struct ctl *ctl, const struct admin *admin)
{
	unsigned target = admin->maintenance.target;

	if (target < ctl->set->target_count)
		reset(ctl, target, admin->token);
	else
		reply(ctl, admin->token, -ENOENT, "no such target");
}

void admin_event(struct ctl *ctl, const struct admin *admin)
{
	const struct maintenance *m = &admin->maintenance;
	const char *rule;
	struct hold hold;

	if (admin->kind == ADMIN_SWITCHOVER && ctl->keep != KEEP_OFF) {
		reply(ctl, admin->token, -EBUSY,
		      "the cluster is in maintenance: end that first");
		return;
	}
	if (admin->kind == ADMIN_SWITCHOVER) {
		groups_switchover(ctl, admin);
		return;
	}
	if (admin->kind == ADMIN_RESET) {
		reset_event(ctl, admin);
		return;
	}
	if (m->target != NOTE_NONE && m->target >= ctl->set->target_count) {
		reply(ctl, admin->token, -ENOENT, "no such target");
		return;
	}
	hold = hold_of(ctl, m->target);
	if (!m->on && !hold.m->on) {
		reply(ctl, admin->token, 0, "was not in maintenance");
		return;
	}
	rule = forbidden(ctl, m);
	if (rule != NULL) {
		reply(ctl, admin->token, -EPERM, rule);
		return;
	}
	/* A disk that hangs must not keep a person from the next word. */
	reply(ctl, *hold.token, -ECANCELED, "overtaken by another change");
	*hold.token = admin->token;
	set(ctl, m);
	keep(ctl, m);
}

/* Who waits for STORE @id: after a reload it still names the old index. */
static unsigned asked(struct ctl *ctl, uint64_t id)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl->targets[i].maintenance_store == id)
			return i;
	return NOTE_NONE;
}

void admin_stored(struct ctl *ctl, uint64_t id, const char *failed)
{
	struct hold hold = hold_of(ctl, asked(ctl, id));

	if (*hold.store != id)
		return;
	if (failed == NULL)
		reply(ctl, *hold.token, 0, "done");
	else
		reply(ctl, *hold.token, -EIO,
		      "in force, but not kept over a restart");
	*hold.token = 0;
	*hold.store = 0;
}

void admin_expired(struct ctl *ctl, unsigned target)
{
	struct maintenance over = *hold_of(ctl, target).m;

	over.on = false;
	snprintf(over.reason, sizeof(over.reason), "its time is over");
	set(ctl, &over);
	keep(ctl, &over);
}

void admin_phase(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];
	struct instant drained;

	if (admin_holds(ctl, target) != (t->health.state == HEALTH_MAINT))
		follow(ctl, target);
	if (t->health.state != HEALTH_MAINT || !t->maintenance.on ||
	    !t->maintenance.drain)
		return;
	drained = instant_add(t->health.since,
			      ctl_service_of(ctl, target)->drain_us);
	if (!instant_reached(ctl->now, drained))
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, target),
			     drained);
}

void admin_carry(struct ctl *ctl, struct ctl *old, unsigned target,
		 unsigned from)
{
	struct hold to = hold_of(ctl, target), was = hold_of(old, from);

	*to.m = *was.m;
	to.m->target = target;
	*to.store = *was.store;
	*to.token = *was.token;
	*was.token = 0;
	schedule_set(ctl->schedule, to.slot,
		     schedule_get(old->schedule, was.slot));
}

void admin_gone(struct ctl *ctl, struct ctl *old)
{
	unsigned i;

	for (i = 0; i < old->set->target_count; i++)
		if (old->targets[i].maintenance_token != 0 && ctl_room(ctl))
			reply(ctl, old->targets[i].maintenance_token, -ENOENT,
			      "the target is gone");
}

void admin_restore(struct ctl *ctl, const struct maintenance *m)
{
	struct hold hold = hold_of(ctl, m->target);
	unsigned i;

	*hold.m = *m;
	schedule_set(ctl->schedule, hold.slot, m->until);
	if (m->target != NOTE_NONE)
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, m->target),
			     ctl->now);
	for (i = 0; m->target == NOTE_NONE && i < ctl->set->target_count; i++)
		schedule_set(ctl->schedule, slot_of(SLOT_PHASE, i), ctl->now);
}
