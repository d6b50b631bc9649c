/* The cluster in the status document. */
#include "controller/daemon/api_cluster.h"

#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/api_json.h"

void cluster_facts_init(struct cluster_facts *facts)
{
	unsigned i;

	memset(facts, 0, sizeof(*facts));
	facts->primary = facts->leader = CLUSTER_NOBODY;
	facts->routing_end = INSTANT_NONE;
	for (i = 0; i < SETTINGS_NODES_MAX; i++) {
		facts->nodes[i].promised_to = CLUSTER_NOBODY;
		facts->nodes[i].promised = INSTANT_NONE;
		facts->nodes[i].lease_end = INSTANT_NONE;
		facts->nodes[i].rtt_us = -1;
	}
}

static json_t *name_doc(const struct cluster_settings *set, unsigned node)
{
	if (node >= set->node_count)
		return json_null();
	return api_string(set->nodes[node].name);
}

/* How long until @end; null when that is over, or never was. */
static json_t *left_doc(const struct daemon_view *view, struct instant end)
{
	if (instant_is_none(end) || instant_is_never(end))
		return json_null();
	return api_span(instant_diff_us(view->now, end));
}

static json_t *obstacles_doc(const struct node_facts *facts)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; facts->obstacles[i] != NULL; i++)
		json_array_append_new(list, json_string(facts->obstacles[i]));
	return list;
}

static json_t *node_doc(const struct daemon_view *view, unsigned node)
{
	const struct cluster_settings *set = view->set->cluster;
	const struct node_facts *facts = &view->cluster.nodes[node];
	bool self = node == set->self;
	json_t *promise = left_doc(view, facts->promised);
	json_t *doc = json_object();

	json_object_set_new(doc, "name", name_doc(set, node));
	json_object_set_new(doc, "self", json_boolean(self));
	json_object_set_new(doc, "up", json_boolean(self || facts->up));
	json_object_set_new(
		doc, "role",
		json_string(facts->role != NULL ? facts->role : "unknown"));
	json_object_set_new(doc, "witness",
			    json_boolean(set->nodes[node].witness));
	json_object_set_new(doc, "priority",
			    json_integer(set->nodes[node].priority));
	json_object_set_new(doc, "eligible", json_boolean(facts->eligible));
	json_object_set_new(doc, "obstacles", obstacles_doc(facts));
	json_object_set_new(doc, "promised_to",
			    json_is_null(promise)
				    ? json_null()
				    : name_doc(set, facts->promised_to));
	json_object_set_new(doc, "promise_left_seconds", promise);
	json_object_set_new(doc, "lease_left_seconds",
			    left_doc(view, facts->lease_end));
	json_object_set_new(doc, "rtt_seconds",
			    api_span(self ? -1 : facts->rtt_us));
	json_object_set_new(doc, "misconfigured",
			    json_boolean(facts->misconfigured));
	return doc;
}

static json_t *waits_doc(const struct cluster_settings *set,
			 const struct cluster_facts *facts)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < set->node_count; i++)
		if ((facts->waits_for >> i & 1) != 0)
			json_array_append_new(list, name_doc(set, i));
	return list;
}

const char *api_vip_difference(enum vip_difference what)
{
	static const char *const words[] = { [VIP_LOST] = "lost",
					     [VIP_LEFT] = "left",
					     [VIP_CLAIMED] = "claimed" };

	return words[what];
}

static json_t *vip_doc(const struct daemon_view *view)
{
	const struct vip_settings *set = view->set->primary.vip;
	const struct vip_facts *facts = &view->cluster.vip;
	json_t *doc, *addresses, *counts;
	unsigned i;

	if (!facts->known || set == NULL)
		return json_null();
	doc = json_object();
	addresses = json_array();
	counts = json_object();
	for (i = 0; i < set->text_count; i++)
		json_array_append_new(addresses, api_string(set->texts[i]));
	for (i = 0; i < VIP_DIFFERENCES; i++)
		json_object_set_new(
			counts, api_vip_difference((enum vip_difference)i),
			json_integer((json_int_t)facts->differences[i]));
	json_object_set_new(doc, "interface", api_string(set->interface));
	json_object_set_new(doc, "addresses", addresses);
	json_object_set_new(doc, "held", json_boolean(facts->held));
	json_object_set_new(doc, "carrier", json_boolean(facts->carrier));
	json_object_set_new(doc, "differences", counts);
	return doc;
}

json_t *api_cluster(const struct daemon_view *view)
{
	const struct cluster_settings *set = view->set->cluster;
	const struct cluster_facts *facts = &view->cluster;
	json_t *doc, *nodes;
	unsigned i;

	if (set == NULL)
		return json_null();
	doc = json_object();
	nodes = json_array();
	for (i = 0; i < set->node_count; i++)
		json_array_append_new(nodes, node_doc(view, i));
	json_object_set_new(doc, "name", api_string(set->name));
	json_object_set_new(doc, "term", json_integer((json_int_t)facts->term));
	json_object_set_new(doc, "primary", name_doc(set, facts->primary));
	json_object_set_new(doc, "leader", name_doc(set, facts->leader));
	json_object_set_new(doc, "quorum", json_boolean(facts->quorum));
	json_object_set_new(doc, "nodes", nodes);
	json_object_set_new(doc, "maintenance",
			    facts->maintenance != NULL
				    ? json_string(facts->maintenance)
				    : json_null());
	json_object_set_new(doc, "maintenance_waits_for",
			    waits_doc(set, facts));
	json_object_set_new(doc, "vip", vip_doc(view));
	return doc;
}

bool api_cluster_well(const struct daemon_view *view)
{
	const struct cluster_settings *set = view->set->cluster;
	const struct cluster_facts *facts = &view->cluster;
	unsigned i;

	if (set == NULL)
		return true;
	if (!facts->known || !facts->quorum || facts->primary == CLUSTER_NOBODY)
		return false;
	for (i = 0; i < set->node_count; i++)
		if (i != set->self &&
		    (!facts->nodes[i].up || facts->nodes[i].misconfigured))
			return false;
	return true;
}
