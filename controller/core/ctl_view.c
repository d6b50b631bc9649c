/* What a controller knows, for status and metrics. */
#include "controller/core/ctl_state.h"

static uint32_t flap_now(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];

	if (instant_is_none(t->detected))
		return 0;
	return flap_penalty(&t->flap, ctl_service_of(ctl, target),
			    instant_diff_us(t->detected, ctl->now));
}

struct target_view ctl_target(const struct ctl *ctl, unsigned target)
{
	const struct target *t = &ctl->targets[target];
	const char *rule = t->held ? rotation_keeps(ctl, target) : NULL;
	unsigned root = NOTE_NONE;
	int64_t grace_us = 0;

	if (t->reporting)
		root = depends_root(ctl, ctl->set->targets[target].service,
				    &grace_us);
	return (struct target_view){
		.health = &t->health,
		.why = t->why != NULL ? t->why : "",
		.in_rotation = mend_rotating(ctl, target),
		.withdrawn = server_is_out(t->wish.state) && !t->held,
		.held_back = return_due(ctl, target),
		.held_back_by = return_why(ctl, target),
		.flaps = t->flap.count,
		.flap_penalty = flap_now(ctl, target),
		.excused = t->reporting,
		.root = root,
		.grace_us = grace_us,
		.held = t->held,
		.held_by = rule != NULL ? rule : "",
		.operator_hold = mend_kept(ctl, target),
		.awaited = return_awaited(ctl, target),
		.drained = t->maintenance.on && t->maintenance.drain,
		.weight_percent = t->wish.weight_percent,
		.checks = t->checks,
		.maintenance = t->maintenance.on ? &t->maintenance : NULL,
	};
}

struct service_view ctl_service(const struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	const struct incident *inc = &ctl->services[service].incident;
	struct service_view view = { 0 };
	int64_t grace_us;
	unsigned i;

	view.incident = inc->number != 0 ? inc : NULL;
	view.excused = ctl->services[service].excused;
	view.root = view.excused > 0 ? depends_root(ctl, service, &grace_us)
				     : NOTE_NONE;
	view.panic = ctl->services[service].panic;
	for (i = 0; i < svc->target_count; i++) {
		const struct target *t = &ctl->targets[svc->first_target + i];

		view.down += t->health.state == HEALTH_DOWN;
		view.held_back += t->told_back && t->health.good > 0 &&
				  !instant_is_none(return_due(
					  ctl, svc->first_target + i));
		view.maint += t->health.state == HEALTH_MAINT;
		view.serving += mend_rotating(ctl, svc->first_target + i) &&
				rotation_serves(ctl, svc->first_target + i);
	}
	return view;
}

const struct incident *ctl_incident(const struct ctl *ctl, unsigned service)
{
	const struct incident *inc = &ctl->node_incident;

	if (service != INCIDENT_NODE)
		inc = &ctl->services[service].incident;
	return inc->number != 0 ? inc : NULL;
}

bool ctl_haproxy_up(const struct ctl *ctl, unsigned haproxy)
{
	return ctl->haproxies[haproxy].up;
}

struct haproxy_view ctl_haproxy(const struct ctl *ctl, unsigned haproxy)
{
	const struct haproxy *h = &ctl->haproxies[haproxy];
	struct haproxy_view view = {
		.up = h->up,
		.why = h->why,
		.commands = h->commands,
		.failures = h->failures,
		.drifts = h->drifts,
		.absent = h->absent,
	};
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++) {
		const struct server *srv = mend_server(ctl, haproxy, i);
		enum server_state wish = ctl->targets[i].wish.state;

		view.servers += srv->seen != SERVER_UNKNOWN &&
				srv->seen != SERVER_ABSENT;
		view.agents += srv->seen != SERVER_UNKNOWN &&
			       srv->seen != SERVER_ABSENT &&
			       server_by_agent(srv);
		view.differing += wish != SERVER_UNKNOWN &&
				  srv->seen != SERVER_UNKNOWN &&
				  srv->seen != SERVER_ABSENT &&
				  srv->seen != wish && !srv->kept && !srv->held;
	}
	return view;
}

enum server_state ctl_server(const struct ctl *ctl, unsigned haproxy,
			     unsigned target)
{
	return mend_server(ctl, haproxy, target)->seen;
}

bool ctl_claimed(const struct ctl *ctl, unsigned haproxy, unsigned target,
		 bool *ret_weight_only)
{
	const struct server *srv = mend_server(ctl, haproxy, target);
	enum server_claim claim = srv->storing != 0 ? srv->stores : srv->claim;

	*ret_weight_only = claim == CLAIM_WEIGHT;
	return claim != CLAIM_NONE;
}

bool ctl_added(const struct ctl *ctl, unsigned haproxy, unsigned target)
{
	return mend_server(ctl, haproxy, target)->added;
}

bool ctl_by_agent(const struct ctl *ctl, unsigned haproxy, unsigned target)
{
	return server_by_agent(mend_server(ctl, haproxy, target));
}

enum agent_word ctl_agent(const struct ctl *ctl, unsigned haproxy,
			  unsigned target, const char **ret_why)
{
	const struct server *srv = mend_server(ctl, haproxy, target);
	const struct target *t = &ctl->targets[target];

	if (t->health.state == HEALTH_DOWN)
		*ret_why = result_code_name(t->cause.code);
	else
		*ret_why = t->maintenance.on ? "maintenance" : "withdrawn";
	if (srv->held || t->wish.state == SERVER_READY)
		return AGENT_UP;
	/* A new HAProxy asks before it has shown what its pools have left. */
	if (srv->was_held && srv->claim != CLAIM_OUT)
		return AGENT_SILENT;
	if (server_is_out(t->wish.state) || srv->claim == CLAIM_OUT)
		return AGENT_DOWN;
	return AGENT_SILENT;
}

bool ctl_ends_sessions(const struct ctl *ctl, unsigned haproxy, unsigned target)
{
	const struct server *srv = mend_server(ctl, haproxy, target);

	/* A writer must not reach the former primary of a database. */
	if (srv->routed)
		return ctl->targets[target].wish.state == SERVER_MAINT &&
		       server_is_out(srv->seen);
	return ctl->targets[target].wish.state == SERVER_MAINT && !srv->held &&
	       service_ends_sessions(ctl_service_of(ctl, target)) &&
	       (srv->claim == CLAIM_OUT ||
		(srv->storing != 0 && srv->stores == CLAIM_OUT));
}

const struct maintenance *ctl_maintenance(const struct ctl *ctl)
{
	return ctl->maintenance.on ? &ctl->maintenance : NULL;
}

unsigned ctl_order_haproxy(uint64_t id)
{
	return id_haproxy(id);
}

bool ctl_store_ok(const struct ctl *ctl)
{
	return ctl->store_ok;
}

struct instant ctl_last_stall(const struct ctl *ctl, int64_t *ret_span_us)
{
	*ret_span_us = ctl->stall_us;
	return ctl->stall_at;
}

struct doubt_view ctl_doubt(const struct ctl *ctl)
{
	struct doubt_view view = {
		.level = self_level(ctl->self, ctl->now),
		.spent = self_spent(ctl->self, ctl->now),
		.patience = self_patience(ctl->self, ctl->now),
		.since = ctl->doubt_since,
	};

	self_why(ctl->self, ctl->now, view.why, sizeof(view.why));
	return view;
}
