/* One target, as our documents show it. */
#include "controller/daemon/api.h"

#include "controller/core/flap.h"
#include "controller/daemon/api_group.h"
#include "controller/daemon/api_json.h"

static json_t *servers_doc(const struct daemon_view *view, unsigned target)
{
	const struct settings *set = view->set;
	unsigned service = set->targets[target].service;
	json_t *doc = json_object();
	enum server_state state;
	unsigned i;

	if (set->services[service].backend == NULL)
		return doc;
	for (i = 0; i < set->haproxy_count; i++) {
		state = ctl_server(view->ctl, i, target);
		json_object_set_new(doc, set->haproxies[i].name,
				    json_string(server_state_name(state)));
	}
	return doc;
}

static json_t *latency_doc(const struct health *h)
{
	json_t *doc = json_object();
	int64_t p50_us = latency_percentile_us(&h->latency, 50);
	int64_t p95_us = latency_percentile_us(&h->latency, 95);

	json_object_set_new(doc, "p50_seconds",
			    api_span(p50_us > 0 ? p50_us : -1));
	json_object_set_new(doc, "p95_seconds",
			    api_span(p95_us > 0 ? p95_us : -1));
	return doc;
}

/* Who saw it: a node of the cluster. */
static const char *observer_name(const struct daemon_view *view,
				 unsigned observer)
{
	const struct cluster_settings *cluster = view->set->cluster;

	if (cluster == NULL || observer >= cluster->node_count)
		return view->set->node;
	return cluster->nodes[observer].name;
}

static json_t *sighting_doc(const struct daemon_view *view,
			    const struct sighting *seen)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "kind",
			    json_string(evidence_name(seen->kind)));
	json_object_set_new(
		doc, "certainty",
		json_string(certainty_name(evidence_certainty(seen->kind))));
	json_object_set_new(doc, "observer",
			    api_string(observer_name(view, seen->observer)));
	json_object_set_new(doc, "time", api_wall_at(view, seen->at));
	json_object_set_new(doc, "span_seconds", api_span(seen->span_us));
	json_object_set_new(doc, "count", json_integer(seen->count));
	json_object_set_new(doc, "status", json_integer(seen->detail));
	return doc;
}

static json_t *evidence_doc(const struct daemon_view *view,
			    const struct evidence *evidence)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < evidence->count; i++)
		json_array_append_new(list,
				      sighting_doc(view, &evidence->list[i]));
	return list;
}

static void target_health(json_t *doc, const struct daemon_view *view,
			  const struct target_view *t,
			  const struct check_settings *check)
{
	const struct health *h = t->health;

	json_object_set_new(doc, "state",
			    json_string(health_state_name(h->state)));
	json_object_set_new(doc, "circuit",
			    json_string(health_circuit_name(h->state)));
	json_object_set_new(doc, "since", api_wall_at(view, h->since));
	json_object_set_new(doc, "for_seconds",
			    api_span(instant_diff_us(h->since, view->now)));
	json_object_set_new(doc, "why", api_string(t->why));
	json_object_set_new(doc, "result",
			    h->judged ? api_result(&h->last) : json_null());
	json_object_set_new(doc, "evidence", evidence_doc(view, &h->evidence));
	json_object_set_new(doc, "bad", json_integer(h->bad));
	json_object_set_new(doc, "good", json_integer(h->good));
	json_object_set_new(doc, "checks", json_integer((json_int_t)t->checks));
	json_object_set_new(doc, "latency", latency_doc(h));
	json_object_set_new(doc, "timeout_seconds",
			    api_span(health_timeout_us(h, check)));
	json_object_set_new(doc, "certificate_days",
			    h->judged && h->last.cert_days != RESULT_NO_CERT
				    ? json_integer(h->last.cert_days)
				    : json_null());
}

/* Until when it stays out, however well it answers. */
static json_t *held_back_doc(const struct daemon_view *view,
			     const struct target_view *t)
{
	json_t *doc;

	if (instant_is_none(t->held_back))
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "until", api_wall_at(view, t->held_back));
	json_object_set_new(doc, "left_seconds",
			    api_span(instant_diff_us(view->now, t->held_back)));
	json_object_set_new(doc, "flaps", json_integer(t->flaps));
	json_object_set_new(doc, "why", api_string(t->held_back_by));
	return doc;
}

json_t *api_target(const struct daemon_view *view, unsigned target)
{
	const struct target_settings *set = &view->set->targets[target];
	const struct service_settings *svc = &view->set->services[set->service];
	struct target_view t = ctl_target(view->ctl, target);
	json_t *doc = json_object();

	json_object_set_new(doc, "service", api_string(svc->name));
	json_object_set_new(doc, "name", api_string(set->name));
	json_object_set_new(doc, "address", api_string(set->address));
	target_health(doc, view, &t, &svc->check);
	json_object_set_new(doc, "in_rotation", json_boolean(t.in_rotation));
	json_object_set_new(doc, "withdrawn", json_boolean(t.withdrawn));
	json_object_set_new(doc, "held", json_boolean(t.held));
	json_object_set_new(doc, "held_by", api_string(t.held_by));
	json_object_set_new(doc, "excused", json_boolean(t.excused));
	json_object_set_new(
		doc, "root",
		t.root != NOTE_NONE
			? api_string(view->set->services[t.root].name)
			: json_null());
	json_object_set_new(doc, "grace_seconds",
			    api_span(t.grace_us > 0 ? t.grace_us : -1));
	json_object_set_new(doc, "held_back", held_back_doc(view, &t));
	json_object_set_new(doc, "flap_penalty",
			    json_real((double)t.flap_penalty / FLAP_ONE));
	json_object_set_new(doc, "drained", json_boolean(t.drained));
	json_object_set_new(doc, "weight_percent",
			    json_integer(t.weight_percent));
	json_object_set_new(doc, "operator_hold",
			    json_boolean(t.operator_hold));
	json_object_set_new(doc, "maintenance",
			    api_maintenance(view, t.maintenance));
	json_object_set_new(doc, "servers", servers_doc(view, target));
	if (svc->failover != NULL) {
		json_object_set_new(doc, "database",
				    api_database(view, target));
		json_object_set_new(doc, "unfit", api_unfit(view, target));
		json_object_set_new(doc, "door", api_door(view, target));
	}
	return doc;
}
