/* Bringing the servers of every HAProxy where the rotation wants them. */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

struct server *mend_server(const struct ctl *ctl, unsigned haproxy,
			   unsigned target)
{
	return &ctl->servers[haproxy * ctl->set->target_count + target];
}

static struct pool *pool_of(const struct ctl *ctl, unsigned haproxy,
			    unsigned target)
{
	return &ctl->pools[haproxy * ctl->set->service_count +
			   ctl->set->targets[target].service];
}

/* A HAProxy shows its servers one after the other.  Before the last one nobody
 * can say whether the pool can do without the first. */
static bool is_known(const struct ctl *ctl, unsigned haproxy, unsigned target)
{
	return pool_of(ctl, haproxy, target)->known ==
	       ctl_service_of(ctl, target)->target_count;
}

static void look_at_all(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		if (server_is_out(ctl->targets[i].wish.state))
			rotation_dirty(ctl, i);
}

/* A reloaded HAProxy has in use again what had left: that leaves first, not
 * what was held because of it. */
static bool comes_back_dead(const struct ctl *ctl, const struct server *srv,
			    unsigned target)
{
	return srv->claim == CLAIM_OUT && !srv->held &&
	       server_is_out(ctl->targets[target].wish.state);
}

void mend_count(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	struct pool *pool = pool_of(ctl, haproxy, target);
	bool was_counted = srv->counted, was_out = srv->out;
	bool was_known = srv->known;

	srv->known = srv->seen != SERVER_UNKNOWN;
	pool->known += srv->known;
	pool->known -= was_known;
	if (!was_known && is_known(ctl, haproxy, target))
		look_at_all(ctl, ctl->set->targets[target].service);
	srv->counted = server_in_use(srv) && !srv->leaving &&
		       !server_ordered_out(srv) && !srv->doubt &&
		       !srv->failed && !comes_back_dead(ctl, srv, target);
	srv->out = !srv->counted && srv->seen != SERVER_ABSENT &&
		   (srv->leaving || srv->claim == CLAIM_OUT);
	pool->rotating += srv->counted;
	pool->rotating -= was_counted;
	pool->withdrawn += srv->out;
	pool->withdrawn -= was_out;
	if (srv->counted > was_counted || srv->out < was_out)
		rotation_look_at_held(ctl, ctl->set->targets[target].service);
}

const char *mend_forbidden(const struct ctl *ctl, unsigned haproxy,
			   unsigned target)
{
	const struct server *srv = mend_server(ctl, haproxy, target);
	const struct service_settings *svc = ctl_service_of(ctl, target);
	const struct pool *pool = pool_of(ctl, haproxy, target);
	const char *rule = agree_forbids(ctl, target);

	if (srv->routed || readers_leads(ctl, target))
		return NULL;
	if (rule != NULL)
		return rule;
	if (svc->on_panic == PANIC_CLOSED && agree_down(ctl, target))
		return NULL;
	return governor_withdraw(svc, pool->rotating - srv->counted + 1,
				 pool->withdrawn - srv->out + 1);
}

static struct action *store_claim(struct ctl *ctl, uint64_t id,
				  enum store_kind kind, unsigned haproxy,
				  unsigned target)
{
	struct action *act = ctl_emit(ctl, ACTION_STORE, id);

	act->store.kind = kind;
	act->store.claim = (struct claim){
		.haproxy = haproxy,
		.target = target,
		.added = mend_server(ctl, haproxy, target)->added
	};
	return act;
}

static void claim(struct ctl *ctl, unsigned haproxy, unsigned target,
		  enum server_claim kind)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	bool at_once = server_by_agent(srv);
	uint64_t id = at_once ? 0 : ctl_id(ctl, ID_CLAIM, haproxy, target);
	struct action *act = store_claim(ctl, id, STORE_CLAIM, haproxy, target);

	act->store.claim.weight_only = kind == CLAIM_WEIGHT;
	if (!ctl->store_ok || at_once) {
		/* A disk that does not answer must not delay a withdrawal; and
		 * an agent's word is nobody else's. */
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
	bool weight = srv->added ||
		      (srv->claim != CLAIM_NONE && server_weighted(srv));

	if (srv->storing == 0 &&
	    srv->claim == (weight ? CLAIM_WEIGHT : CLAIM_NONE))
		return;
	stored(ctl, srv);
	srv->doubt = false;
	srv->failed = false;
	srv->claim = weight ? CLAIM_WEIGHT : CLAIM_NONE;
	store_claim(ctl, 0, weight ? STORE_CLAIM : STORE_UNCLAIM, haproxy,
		    target)
		->store.claim.weight_only = weight;
}

void mend_rewrite(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);

	if (srv->claim != CLAIM_NONE)
		store_claim(ctl, 0, STORE_CLAIM, haproxy, target)
			->store.claim.weight_only = srv->claim == CLAIM_WEIGHT;
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
	if (srv->settled && !(todo->agent && srv->seen == todo->state))
		say_drift(ctl, haproxy, target);
	srv->settled = false;
	srv->order = ctl_id(ctl, ID_ORDER, haproxy, target);
	srv->ordered = todo->state;
	srv->ordered_agent = todo->agent;
	srv->ordered_weight = todo->weight_percent;
	ctl->haproxies[haproxy].commands++;
	act = ctl_emit(ctl, ACTION_HAPROXY, srv->order);
	act->haproxy = (struct server_order){
		.haproxy = haproxy,
		.target = target,
		.state = todo->state,
		.weight_percent = todo->weight_percent,
		.agent = todo->agent,
		.end_sessions = todo->end ||
				(todo->state == SERVER_MAINT &&
				 (srv->routed || service_ends_sessions(svc))),
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

static void say_leaving(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	t->told_in = false;
	if (t->told_leaving || t->health.state != HEALTH_DOWN)
		return;
	t->told_leaving = true;
	note_say(ctl_note_target(ctl, NOTE_WITHDRAW, target), "%s",
		 result_code_name(t->cause.code));
}

/* A server that is in use and should not be: it leaves, if its pool can do
 * without it.  What has been ordered is on its way.  Returns false when that
 * cannot be said yet. */
static bool leave(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	bool wanted = server_in_use(srv) &&
		      server_is_out(ctl->targets[target].wish.state);
	bool was_leaving = srv->leaving, was_held = srv->held;

	mend_count(ctl, haproxy, target);
	if (wanted && !server_ordered_out(srv) &&
	    !is_known(ctl, haproxy, target))
		return false;
	if (srv->seen != SERVER_UNKNOWN)
		srv->was_held = false;
	srv->held = wanted && !server_ordered_out(srv) &&
		    mend_forbidden(ctl, haproxy, target) != NULL;
	srv->leaving =
		server_in_use(srv) && ((wanted && !srv->held) ||
				       server_ordered_out(srv) || srv->doubt);
	if (srv->held != was_held)
		srv->settled = false;
	mend_count(ctl, haproxy, target);
	if (wanted && srv->leaving && !was_leaving)
		say_leaving(ctl, target);
	return true;
}

void mend(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	static const struct wish stay = { SERVER_READY, 100 };
	struct server *srv = mend_server(ctl, haproxy, target);
	struct server_todo todo;
	struct wish wish;

	if (!leave(ctl, haproxy, target))
		return;
	srv->addable = dynamic_allowed(ctl, target);
	wish = srv->held ? stay : ctl->targets[target].wish;
	todo = server_compare(srv, wish);
	if (srv->seen != SERVER_UNKNOWN)
		say_kept(ctl, haproxy, target, todo.kept);
	if (todo.step == SERVER_CLAIM) {
		srv->added = srv->added || todo.add;
		claim(ctl, haproxy, target, todo.claim);
		todo = server_compare(srv, wish);
	}
	todo.agent = todo.agent || server_by_agent(srv);
	if (todo.step == SERVER_ORDER && todo.add)
		dynamic_order(ctl, haproxy, target);
	else if (todo.step == SERVER_ORDER)
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

bool mend_rotating(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	unsigned h, up = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++) {
		if (mend_server(ctl, h, target)->counted)
			return true;
		up += ctl->haproxies[h].up &&
		      mend_server(ctl, h, target)->seen != SERVER_UNKNOWN;
	}
	return up == 0 && !server_is_out(t->wish.state) &&
	       !mend_kept(ctl, target);
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
