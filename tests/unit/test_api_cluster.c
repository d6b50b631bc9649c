/* The cluster in the status document. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/api_cluster.h"
#include "tests/unit/view_world.h"

static struct node_settings nodes[] = {
	{ .name = "node1", .priority = 100 },
	{ .name = "node2", .priority = 90 },
	{ .name = "node3", .witness = true },
};
static struct cluster_settings cluster = { .name = "medassist",
					   .nodes = nodes,
					   .node_count = 3 };

/* node1 is primary and this node; all is known and well. */
static int set_up(void **state)
{
	static struct view_world w;
	struct cluster_facts *facts = &w.view.cluster;

	view_init(&w);
	w.core.set.cluster = &cluster;
	facts->known = facts->quorum = true;
	facts->term = 7;
	facts->primary = facts->leader = 0;
	facts->nodes[0].role = "primary";
	facts->nodes[0].eligible = true;
	facts->nodes[0].lease_end = instant_add(w.core.now, 412 * MS);
	facts->nodes[1].up = facts->nodes[2].up = true;
	facts->nodes[1].role = "follower";
	facts->nodes[1].promised_to = 0;
	facts->nodes[1].promised = instant_add(w.core.now, 480 * MS);
	facts->nodes[1].rtt_us = 200;
	facts->nodes[1].obstacles[0] = "checks";
	facts->nodes[2].role = "witness";
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	view_done(*state);
	return 0;
}

static void assert_seconds(json_t *doc, const char *path, double seconds)
{
	json_t *value = view_get(doc, path);

	assert_true(json_is_real(value));
	assert_true(fabs(json_real_value(value) - seconds) < 1e-9);
}

static void assert_null_at(json_t *doc, const char *path)
{
	assert_true(json_is_null(view_get(doc, path)));
}

static void without_a_quorum_it_is_not_ready(void **state)
{
	struct view_world *w = *state;
	json_t *doc;
	bool ok;

	doc = api_health(&w->view, API_READY, true, &ok);
	assert_true(json_is_true(view_get(doc, "checks.quorum.ok")));
	json_decref(doc);
	w->view.cluster.quorum = false;
	w->view.cluster.nodes[1].up = w->view.cluster.nodes[2].up = false;
	doc = api_health(&w->view, API_READY, true, &ok);
	assert_false(ok);
	assert_string_equal(view_text(doc, "checks.quorum.why"),
			    "1 of 3 nodes, this one included, are no quorum");
	json_decref(doc);
	doc = api_health(&w->view, API_LIVE, true, &ok);
	assert_true(ok);
	json_decref(doc);
}

static void a_cluster_of_one_has_no_document(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	w->core.set.cluster = NULL;
	doc = view_status(w);
	assert_null_at(doc, "cluster");
	assert_true(api_cluster_well(&w->view));
	json_decref(doc);
}

static void every_node_is_told_as_it_is_known(void **state)
{
	struct view_world *w = *state;
	json_t *doc = view_status(w), *node;

	assert_string_equal(view_text(doc, "cluster.name"), "medassist");
	assert_string_equal(view_text(doc, "cluster.primary"), "node1");
	assert_string_equal(view_text(doc, "cluster.leader"), "node1");
	assert_int_equal(json_integer_value(view_get(doc, "cluster.term")), 7);
	assert_true(json_is_true(view_get(doc, "cluster.quorum")));
	node = view_get(doc, "cluster.nodes.0");
	assert_string_equal(view_text(node, "name"), "node1");
	assert_true(json_is_true(view_get(node, "self")));
	assert_true(json_is_true(view_get(node, "up")));
	assert_string_equal(view_text(node, "role"), "primary");
	assert_seconds(node, "lease_left_seconds", 0.412);
	assert_null_at(node, "promised_to");
	assert_null_at(node, "promise_left_seconds");
	assert_null_at(node, "rtt_seconds");
	node = view_get(doc, "cluster.nodes.1");
	assert_true(json_is_false(view_get(node, "self")));
	assert_int_equal(json_integer_value(view_get(node, "priority")), 90);
	assert_true(json_is_false(view_get(node, "eligible")));
	assert_string_equal(view_text(node, "obstacles.0"), "checks");
	assert_string_equal(view_text(node, "promised_to"), "node1");
	assert_seconds(node, "promise_left_seconds", 0.48);
	assert_seconds(node, "rtt_seconds", 0.0002);
	assert_null_at(node, "lease_left_seconds");
	assert_true(json_is_false(view_get(node, "misconfigured")));
	node = view_get(doc, "cluster.nodes.2");
	assert_true(json_is_true(view_get(node, "witness")));
	assert_int_equal(json_array_size(view_get(node, "obstacles")), 0);
	assert_null_at(node, "rtt_seconds");
	json_decref(doc);
}

static void what_has_run_out_is_not_told(void **state)
{
	struct view_world *w = *state;
	struct cluster_facts *facts = &w->view.cluster;
	json_t *doc;

	core_wait(&w->core, 480 * MS);
	facts->nodes[2].promised = instant_add(w->core.now, 1 * MS);
	doc = view_status(w);
	assert_null_at(doc, "cluster.nodes.0.lease_left_seconds");
	assert_seconds(doc, "cluster.nodes.1.promise_left_seconds", 0);
	/* a promise to nobody, as after a start */
	assert_null_at(doc, "cluster.nodes.2.promised_to");
	assert_seconds(doc, "cluster.nodes.2.promise_left_seconds", 0.001);
	json_decref(doc);
}

static void before_anything_is_known_nobody_is_anything(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	cluster_facts_init(&w->view.cluster);
	doc = view_status(w);
	assert_null_at(doc, "cluster.primary");
	assert_null_at(doc, "cluster.leader");
	assert_true(json_is_false(view_get(doc, "cluster.quorum")));
	assert_string_equal(view_text(doc, "cluster.nodes.1.role"), "unknown");
	assert_null_at(doc, "cluster.nodes.1.promised_to");
	assert_null_at(doc, "cluster.nodes.1.rtt_seconds");
	assert_false(api_cluster_well(&w->view));
	json_decref(doc);
}

static void it_is_well_with_a_primary_a_quorum_and_all_nodes(void **state)
{
	struct view_world *w = *state;
	struct cluster_facts *facts = &w->view.cluster;
	struct cluster_facts well = *facts;
	json_t *doc;
	unsigned i;

	assert_true(api_cluster_well(&w->view));
	facts->quorum = false;
	assert_false(api_cluster_well(&w->view));
	*facts = well;
	facts->primary = CLUSTER_NOBODY;
	assert_false(api_cluster_well(&w->view));
	*facts = well;
	facts->nodes[2].misconfigured = true;
	assert_false(api_cluster_well(&w->view));
	*facts = well;
	facts->nodes[1].up = false;
	assert_false(api_cluster_well(&w->view));
	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(&w->core, i, RESULT_L7OK);
	core_link(&w->core, 0, true);
	core_see_all(&w->core, 0, SERVER_READY);
	core_settle(&w->core);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "summary"), "degraded");
	json_decref(doc);
	*facts = well;
	doc = view_status(w);
	assert_string_equal(view_text(doc, "summary"), "well");
	json_decref(doc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_a_quorum_it_is_not_ready),
		CASE(a_cluster_of_one_has_no_document),
		CASE(every_node_is_told_as_it_is_known),
		CASE(what_has_run_out_is_not_told),
		CASE(before_anything_is_known_nobody_is_anything),
		CASE(it_is_well_with_a_primary_a_quorum_and_all_nodes),
	};

	return cmocka_run_group_tests_name("api_cluster", tests, NULL, NULL);
}
