/* Bringing the servers of every HAProxy where the rotation wants them. */
#include "controller/core/ctl_state.h"

struct server *mend_server(const struct ctl *ctl, unsigned haproxy,
			   unsigned target)
{
	return &ctl->servers[haproxy * ctl->set->target_count + target];
}

static struct action *store_claim(struct ctl *ctl, uint64_t id,
				  enum store_kind kind, unsigned haproxy,
				  unsigned target)
{
	struct action *act = ctl_emit(ctl, ACTION_STORE, id);

	act->store.kind = kind;
	act->store.claim =
		(struct claim){ .haproxy = haproxy, .target = target };
	return act;
}

static void claim(struct ctl *ctl, unsigned haproxy, unsigned target,
		  enum server_claim kind)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	uint64_t id = ctl_id(ctl, ID_CLAIM, haproxy, target);
	struct action *act = store_claim(ctl, id, STORE_CLAIM, haproxy, target);

	act->store.claim.weight_only = kind == CLAIM_WEIGHT;
	if (!ctl->store_ok) {
		/* A disk that does not answer must not delay a withdrawal. */
		srv->claim = kind;
		return;
	}
	srv->storing = id;
	srv->stores = kind;
	if (ctl->storing++ == 0)
		schedule_set(ctl->schedule, slot_store(ctl),
			     instant_add(ctl->now, STORE_PATIENCE_US));
}

static void stored(struct ctl *ctl, struct server *srv)
{
	if (srv->storing == 0)
		return;
	srv->storing = 0;
	if (--ctl->storing == 0)
		schedule_set(ctl->schedule, slot_store(ctl), INSTANT_NEVER);
}

void mend_claimed(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);

	stored(ctl, srv);
	srv->claim = srv->stores;
	rotation_dirty(ctl, target);
}

void mend_disown(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);

	if (srv->claim == CLAIM_NONE && srv->storing == 0)
		return;
	stored(ctl, srv);
	srv->claim = CLAIM_NONE;
	srv->doubt = false;
	store_claim(ctl, 0, STORE_UNCLAIM, haproxy, target);
}

static void say_drift(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	const struct server *srv = mend_server(ctl, haproxy, target);
	struct note *note = ctl_note_target(ctl, NOTE_DRIFT, target);

	ctl->haproxies[haproxy].drifts++;
	note->haproxy = haproxy;
	note_say(note, "%s, weight %u %%", server_state_name(srv->seen),
		 srv->weight_percent);
}

static void order(struct ctl *ctl, unsigned haproxy, unsigned target,
		  const struct server_todo *todo)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);
	struct server *srv = mend_server(ctl, haproxy, target);
	struct action *act;

	if (!instant_reached(ctl->now, srv->retry))
		return;
	if (srv->settled)
		say_drift(ctl, haproxy, target);
	srv->settled = false;
	srv->order = ctl_id(ctl, ID_ORDER, haproxy, target);
	srv->ordered = todo->state;
	srv->ordered_weight = todo->weight_percent;
	ctl->haproxies[haproxy].commands++;
	act = ctl_emit(ctl, ACTION_HAPROXY, srv->order);
	act->haproxy = (struct server_order){
		.haproxy = haproxy,
		.target = target,
		.state = todo->state,
		.weight_percent = todo->weight_percent,
		.end_sessions = todo->state == SERVER_MAINT &&
				svc->sessions == SESSIONS_END,
	};
}

static void say_kept(struct ctl *ctl, unsigned haproxy, unsigned target,
		     bool kept)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	struct note *note;

	if (srv->kept == kept)
		return;
	srv->kept = kept;
	note = ctl_note_target(ctl, kept ? NOTE_OPERATOR : NOTE_OPERATOR_OVER,
			       target);
	note->haproxy = haproxy;
	note_say(note, "%s", server_state_name(srv->seen));
}

void mend(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	struct wish wish = ctl->targets[target].wish;
	struct server_todo todo = server_compare(srv, wish);

	if (srv->seen != SERVER_UNKNOWN)
		say_kept(ctl, haproxy, target, todo.step == SERVER_KEEP);
	if (todo.step == SERVER_CLAIM) {
		claim(ctl, haproxy, target, todo.claim);
		todo = server_compare(srv, wish);
	}
	if (todo.step == SERVER_ORDER)
		order(ctl, haproxy, target, &todo);
	else if (todo.step == SERVER_UNCLAIM)
		mend_disown(ctl, haproxy, target);
	if (srv->order == 0 && srv->storing == 0 && !srv->kept &&
	    srv->seen == wish.state)
		srv->settled = true;
}

bool mend_everywhere(const struct ctl *ctl, unsigned target, bool in_use)
{
	unsigned h, known = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		const struct server *srv = mend_server(ctl, h, target);

		if (!ctl->haproxies[h].up || srv->seen == SERVER_ABSENT)
			continue;
		if (srv->seen == SERVER_UNKNOWN || srv->order != 0 ||
		    server_in_use(srv) != in_use)
			return false;
		known++;
	}
	return known > 0;
}

bool mend_absent(const struct ctl *ctl, unsigned target)
{
	unsigned h, absent = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		if (!ctl->haproxies[h].up)
			continue;
		if (mend_server(ctl, h, target)->seen != SERVER_ABSENT)
			return false;
		absent++;
	}
	return absent > 0;
}

bool mend_kept(const struct ctl *ctl, unsigned target)
{
	unsigned h;

	for (h = 0; h < ctl->set->haproxy_count; h++)
		if (mend_server(ctl, h, target)->kept)
			return true;
	return false;
}
