/* The cluster block: what it means and what is wrong in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "controller/config/diff.h"
#include "controller/core/instant.h"
#include "tests/unit/cluster_text.h"

static struct settings *cluster_of(const char *inside, const char *nodes,
				   const char *after)
{
	return config_right(cluster_text(inside, nodes, after));
}

static void fills_in_the_defaults(void **state)
{
	struct settings *settings = cluster_of("", CLUSTER_THREE, "");
	const struct cluster_settings *cluster = settings->cluster;

	(void)state;
	assert_string_equal(cluster->name, "c");
	assert_int_equal(cluster->engine, CLUSTER_BUILTIN);
	assert_int_equal(cluster->heartbeat_us, 100 * MS);
	assert_int_equal(cluster->lease_us, 500 * MS);
	assert_int_equal(cluster->routing_lease_us, SECOND);
	assert_int_equal(cluster->drift_ppm, 20000);
	assert_false(cluster->preempt);
	assert_int_equal(cluster->preempt_delay_us, 10 * SECOND);
	assert_int_equal(cluster->node_count, 3);
	assert_int_equal(cluster->self, 0);
	assert_int_equal(cluster->nodes[1].priority, 100);
	assert_false(cluster->nodes[1].witness);
	assert_true(cluster->nodes[2].witness);
	assert_int_equal(cluster->nodes[1].line, 4);
	settings_free(settings);
}

static void reads_every_setting(void **state)
{
	struct settings *settings = cluster_of(
		"heartbeat = \"20ms\"; lease = \"100ms\"; routing_lease = "
		"\"300ms\"; drift = 0.5; preempt = true; preempt_delay = "
		"\"3s\"; engine = \"builtin\";",
		"{ name = \"n0\"; address = ( \"10.0.0.1:7400\", "
		"\"[2001:db8::1]:7401\" ); priority = 7; },\n"
		"{ name = \"n1\"; address = \"n1.example:7400\"; },\n"
		"{ name = \"n2\"; address = [ \"10.0.0.3:1\" ]; }\n",
		"primary = { on_promote = \"unit:bascule-up@1.service\"; "
		"on_demote = "
		"\"/bin/true\"; hook_timeout = \"2s\"; demote_timeout = "
		"\"20ms\"; };\n");
	const struct cluster_settings *cluster = settings->cluster;

	(void)state;
	assert_int_equal(cluster->heartbeat_us, 20 * MS);
	assert_int_equal(cluster->lease_us, 100 * MS);
	assert_int_equal(cluster->routing_lease_us, 300 * MS);
	assert_int_equal(cluster->drift_ppm, 5000);
	assert_true(cluster->preempt);
	assert_int_equal(cluster->preempt_delay_us, 3 * SECOND);
	assert_int_equal(cluster->self, 1);
	assert_int_equal(cluster->nodes[0].priority, 7);
	assert_int_equal(cluster->nodes[0].address_count, 2);
	assert_string_equal(cluster->nodes[0].addresses[1].host, "2001:db8::1");
	assert_string_equal(cluster->nodes[0].addresses[1].text,
			    "[2001:db8::1]:7401");
	assert_int_equal(cluster->nodes[0].addresses[1].port, 7401);
	assert_int_equal(cluster->nodes[2].address_count, 1);
	assert_string_equal(settings->primary.on_promote,
			    "unit:bascule-up@1.service");
	assert_string_equal(settings->primary.on_demote, "/bin/true");
	assert_int_equal(settings->primary.hook_timeout_us, 2 * SECOND);
	assert_int_equal(settings->primary.demote_timeout_us, 20 * MS);
	settings_free(settings);
}

static void routing_lease_follows_the_lease(void **state)
{
	struct settings *settings =
		cluster_of("lease = \"2s\";", CLUSTER_THREE, "");

	(void)state;
	assert_int_equal(settings->cluster->routing_lease_us, 4 * SECOND);
	settings_free(settings);
}

static void the_name_of_the_nodes_incidents_is_taken(void **state)
{
	static const char service[] =
		"services = ( { name = \"node\"; targets = ( { name = \"t\"; "
		"address = \"10.0.0.9:80\"; } ); } );\n";
	char text[8192], *last;

	(void)state;
	snprintf(text, sizeof(text), "%s", cluster_text("", CLUSTER_THREE, ""));
	last = strstr(text, "services");
	assert_non_null(last);
	snprintf(last, sizeof(text) - (size_t)(last - text), "%s", service);
	config_wrong(text,
		     "x.conf:7: name \"node\" is what incidents of "
		     "the cluster's nodes are called: give the service another "
		     "one\n");
	/* Without a cluster it is a name as any other. */
	settings_free(config_right(service));
}

static void a_service_without_a_name_is_told_so(void **state)
{
	static const char service[] =
		"haproxy = ( { socket = \"/s\"; master_socket = \"/m\"; } ); "
		"services = ( { check = { type = \"redis\"; }; backend = "
		"\"b\"; failover = { readers = \"r\"; }; targets = ( { name "
		"= \"t\"; address = \"10.0.0.9:80\"; }, { name = \"u\"; "
		"address = \"10.0.0.8:80\"; } ); } );\n";
	char text[8192], *last;

	(void)state;
	snprintf(text, sizeof(text), "%s", cluster_text("", CLUSTER_THREE, ""));
	last = strstr(text, "services");
	assert_non_null(last);
	snprintf(last, sizeof(text) - (size_t)(last - text), "%s", service);
	config_wrong(text, "x.conf:7: name is missing: add name = a string in "
			   "quotes\n");
}

static void refuses_spans_under_which_the_protocol_does_not_hold(void **state)
{
	(void)state;
	cluster_wrong(
		"heartbeat = \"101ms\";", CLUSTER_THREE, "",
		"x.conf:2: lease = \"500ms\" is too short for heartbeat = "
		"\"101ms\": give a lease of at least \"505ms\", or a heartbeat "
		"of at most \"100ms\"\n");
	cluster_wrong("heartbeat = \"10ms\"; lease = \"60ms\";", CLUSTER_THREE,
		      "", "");
	cluster_wrong(
		"heartbeat = \"11ms\"; lease = \"60ms\";", CLUSTER_THREE, "",
		"x.conf:2: lease = \"60ms\" is too short for heartbeat = "
		"\"11ms\": give a lease of at least \"64ms\", or a heartbeat "
		"of at most \"10ms\"\n");
	cluster_wrong("heartbeat = \"20ms\"; lease = \"100ms\";", CLUSTER_THREE,
		      "", "");
	cluster_wrong(
		"heartbeat = \"9ms\"; lease = \"59ms\";", CLUSTER_THREE, "",
		"x.conf:2: heartbeat = \"9ms\" is out of range: give \"10ms\" "
		"to \"10s\"\n"
		"x.conf:2: lease = \"59ms\" is out of range: give \"60ms\" to "
		"\"2m\"\n");
	cluster_wrong(
		"routing_lease = \"499ms\";", CLUSTER_THREE, "",
		"x.conf:2: routing_lease = \"499ms\" is shorter than lease = "
		"\"500ms\": give at least that\n");
	cluster_wrong("routing_lease = \"500ms\";", CLUSTER_THREE, "", "");
	cluster_wrong(
		"drift = 0.005;", CLUSTER_THREE, "",
		"x.conf:2: drift = 0.005 is out of range: give a percentage "
		"from 0.01 to 10\n");
	cluster_wrong(
		"drift = 11;", CLUSTER_THREE, "",
		"x.conf:2: drift = 11 is out of range: give a percentage from "
		"0.01 to 10\n");
	cluster_wrong(
		"preempt_delay = \"1s\";", CLUSTER_THREE, "",
		"x.conf:2: warning: preempt_delay does nothing without preempt "
		"= true: add that, or remove it\n");
}

static void refuses_nodes_that_cannot_be_told_apart(void **state)
{
	(void)state;
	cluster_wrong(
		"",
		"{ name = \"n1\"; address = \"10.0.0.1:7400\"; },\n"
		"{ name = \"n1\"; address = \"10.0.0.2:7400\"; },\n"
		"{ name = \"n3\"; address = ( \"10.0.0.3:1\", "
		"\"10.0.0.2:7400\" "
		"); }\n",
		"",
		"x.conf:4: node \"n1\" exists already (line 3): give it "
		"another "
		"name\n"
		"x.conf:5: address \"10.0.0.2:7400\" is node \"n1\"'s already "
		"(line 4): give each its own\n");
	cluster_wrong(
		"", "{ name = \"n1\"; address = ( \"h:1\", \"h:1\" ); }\n", "",
		"x.conf:3: address \"h:1\" is node \"n1\"'s already (line 3): "
		"give each its own\n");
}

static void refuses_addresses_that_are_none(void **state)
{
	(void)state;
	cluster_wrong(
		"", "{ name = \"n1\"; address = \"10.0.0.1\"; }\n", "",
		"x.conf:3: address \"10.0.0.1\" has no port: add one, such as "
		"\"10.0.0.1:7400\"\n");
	cluster_wrong(
		"",
		"{ name = \"n1\"; address = ( \"h:1\", 2, \"\", \"h:x\" ); }",
		"",
		"x.conf:3: address holds a whole number: write address = "
		"\"HOST:PORT\"\n"
		"x.conf:3: address \"\" has no host: write it like "
		"\"10.0.0.1:5000\"\n"
		"x.conf:3: address \"h:x\" has no valid port: give one from 1 "
		"to 65535\n");
	cluster_wrong("", "{ name = \"n1\"; address = (); }\n", "",
		      "x.conf:3: address has 0 addresses: give 1 to 4\n");
	cluster_wrong(
		"", "{ name = \"n1\"; address = \"0.0.0.0:1\"; }\n", "",
		"x.conf:3: address \"0.0.0.0:1\" is everywhere and nowhere: "
		"write the one that peers reach this node at\n");
	cluster_wrong(
		"", "{ name = \"n1\"; address = \"[::]:1\"; }\n", "",
		"x.conf:3: address \"[::]:1\" is everywhere and nowhere: write "
		"the one that peers reach this node at\n");
	cluster_wrong(
		"", "{ name = \"n1\"; }\n", "",
		"x.conf:3: address is missing: add address = \"HOST:PORT\"\n");
}

static void refuses_sets_of_nodes_that_cannot_work(void **state)
{
	(void)state;
	cluster_wrong(
		"", "", "",
		"x.conf:2: nodes is empty: add this node and its peers\n");
	cluster_wrong("",
		      "{ name = \"n1\"; address = \"h:1\"; witness = true; }\n",
		      "",
		      "x.conf:2: all nodes are witnesses, so none can become "
		      "primary: "
		      "take witness from one\n");
	cluster_wrong(
		"", "{ name = \"other\"; address = \"h:1\"; }\n", "",
		"x.conf:2: this node, \"n1\", is none of the nodes: add it, or "
		"set node = \"...\" to one of them\n");
	cluster_wrong(
		"", "{ name = \"n1\"; address = \"h:1\"; priority = 1001; }\n",
		"",
		"x.conf:3: priority = 1001 is out of range: give 0 to 1000\n");
	cluster_wrong(
		"",
		"{ name = \"n1\"; address = \"h:1\"; }, { name = \"n2\"; "
		"address "
		"= \"h:2\"; }\n",
		"",
		"x.conf:2: warning: two nodes have no quorum when one is lost: "
		"add a third, which may be a witness\n");
	cluster_wrong(
		"",
		CLUSTER_THREE
		", { name = \"n4\"; address = \"h:4\"; priority = 1; "
		"witness = true; }\n",
		"",
		"x.conf:2: warning: 4 nodes bear the loss of 1, no more than 3 "
		"do: add or remove one\n"
		"x.conf:6: warning: priority does nothing for a witness, which "
		"never leads: remove it\n");
}

static void refuses_more_than_nine_nodes(void **state)
{
	char nodes[1024] = "", row[80];
	int i;

	(void)state;
	for (i = 1; i <= 9; i++) {
		snprintf(row, sizeof(row),
			 "{ name = \"n%d\"; address = \"h:%d\"; },\n", i, i);
		strcat(nodes, row);
	}
	cluster_wrong("", nodes, "", "");
	strcat(nodes, "{ name = \"n10\"; address = \"h:10\"; }\n");
	cluster_wrong("", nodes, "",
		      "x.conf:2: there are 10 nodes: 9 are the limit\n");
}

static void refuses_a_key_that_is_missing_or_open_to_others(void **state)
{
	char wanted[256];

	(void)state;
	config_wrong("node = \"n1\"; cluster = { name = \"c\"; key_file = "
		     "\"/nonexistent/key\"; nodes = ( { name = \"n1\"; address "
		     "= \"h:1\"; } ); };\n" SERVICE(""),
		     "x.conf:1: key_file \"/nonexistent/key\": No such file or "
		     "directory: make one with bascule keygen, and copy it to "
		     "every node\n");
	snprintf(wanted, sizeof(wanted),
		 "x.conf:2: key_file \"%s\" is open to others: close it with "
		 "chmod 600, and make a new key if anybody may have read it\n",
		 cluster_key_path);
	assert_int_equal(chmod(cluster_key_path, 0604), 0);
	cluster_wrong("", CLUSTER_THREE, "", wanted);
	assert_int_equal(chmod(cluster_key_path, 0640), 0);
	cluster_wrong("", CLUSTER_THREE, "", wanted);
	assert_int_equal(chmod(cluster_key_path, 0400), 0);
	cluster_wrong("", CLUSTER_THREE, "", "");
	assert_int_equal(chmod(cluster_key_path, 0600), 0);
}

static void says_of_what_is_not_built_what_to_do(void **state)
{
	(void)state;
	cluster_wrong(
		"engine = \"etcd\";", CLUSTER_THREE, "",
		"x.conf:2: engine = \"etcd\" is not built yet: remove engine, "
		"and the nodes elect among themselves\n");
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = { vip = { driver = \"exec\"; interface = \"lo\"; "
		"addresses = ( \"10.0.0.9\" ); }; };\n",
		"x.conf:7: driver = \"exec\" is not built yet: remove the "
		"block, and add the address in on_promote, remove it in "
		"on_demote\n");
}

static void asking_other_nodes_needs_a_cluster(void **state)
{
	struct settings *settings;

	(void)state;
	config_wrong(SERVICE("agree = \"majority\";"),
		     "x.conf:1: agree asks other nodes, and there are none: "
		     "add a cluster block, or write \"local\"\n");
	config_wrong(SERVICE("agree = \"most\";"),
		     "x.conf:1: agree = \"most\" is unknown: use \"local\", "
		     "\"majority\" or \"any\"\n");
	settings = config_right(SERVICE("agree = \"local\";"));
	settings_free(settings);
}

static void does_without_services(void **state)
{
	const char *text = cluster_text("", CLUSTER_THREE, "");
	char *services = strstr(text, "services");

	(void)state;
	strcpy(services, "services = ();\n");
	settings_free(config_right(text));
	*services = '\0';
	settings_free(config_right(text));
}

/* Whether the clusters of two texts are the same; the second is that of
 * @inside and @nodes.
 */
static bool same_as(const struct settings *old, const char *inside,
		    const char *nodes)
{
	struct settings *other = cluster_of(inside, nodes, "");
	bool same = settings_cluster_same(old->cluster, other->cluster);

	assert_true(same ==
		    settings_cluster_same(other->cluster, old->cluster));
	settings_free(other);
	return same;
}

static void whatever_changes_in_a_cluster_is_seen(void **state)
{
	static const char *const inside[] = {
		"heartbeat = \"90ms\";",
		"lease = \"501ms\";",
		"routing_lease = \"2s\";",
		"drift = 1;",
		"preempt = true;",
		"preempt = true; preempt_delay = \"1s\";",
	};
	static const char *const nodes[] = {
		"{ name = \"n1\"; address = \"10.0.0.1:7400\"; }\n",
		CLUSTER_THREE
		", { name = \"n4\"; address = \"h:1\"; }, { name = "
		"\"n5\"; address = \"h:2\"; }\n",
		"{ name = \"n1\"; address = \"10.0.0.1:7400\"; },\n"
		"{ name = \"n2\"; address = \"10.0.0.2:7400\"; },\n"
		"{ name = \"n3\"; address = \"10.0.0.3:7400\"; }\n",
		"{ name = \"n1\"; address = \"10.0.0.1:7400\"; },\n"
		"{ name = \"n2\"; address = \"10.0.0.2:7400\"; priority = 99; "
		"},\n"
		"{ name = \"n3\"; address = \"10.0.0.3:7400\"; witness = true; "
		"}\n",
		"{ name = \"n1\"; address = \"10.0.0.1:7400\"; },\n"
		"{ name = \"n2\"; address = \"10.0.0.2:7401\"; },\n"
		"{ name = \"n3\"; address = \"10.0.0.3:7400\"; witness = true; "
		"}\n",
		"{ name = \"n1\"; address = ( \"10.0.0.1:7400\", \"h:1\" ); "
		"},\n"
		"{ name = \"n2\"; address = \"10.0.0.2:7400\"; },\n"
		"{ name = \"n3\"; address = \"10.0.0.3:7400\"; witness = true; "
		"}\n",
	};
	struct settings *old = cluster_of("", CLUSTER_THREE, "");
	size_t i;

	(void)state;
	assert_true(same_as(old, "lease = \"500ms\";", CLUSTER_THREE));
	assert_true(settings_cluster_same(NULL, NULL));
	assert_false(settings_cluster_same(old->cluster, NULL));
	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (same_as(old, inside[i], CLUSTER_THREE))
			fail_msg("missed: %s", inside[i]);
	for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (same_as(old, "", nodes[i]))
			fail_msg("missed: %s", nodes[i]);
	settings_free(old);
}

/* The example of the tree, as read on node1, with a key that is there. */
static void the_example_loads_without_a_warning(void **state)
{
	const char *top = getenv("top_srcdir");
	char text[8192] = "node = \"node1\";\n", path[4096], row[256], *key;
	struct settings *settings;
	FILE *in;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/bascule.conf.cluster",
		 top != NULL ? top : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(row, sizeof(row), in) != NULL) {
		key = strstr(row, "/etc/bascule/cluster.key");
		if (key != NULL)
			sprintf(key, "%s\";\n", cluster_key_path);
		strcat(text, row);
	}
	fclose(in);
	settings = config_right(text);
	assert_int_equal(settings->cluster->node_count, 3);
	assert_int_equal(settings->cluster->nodes[1].address_count, 2);
	assert_int_equal(settings->primary.required_haproxy_count, 1);
	assert_int_equal(settings->services[0].agree, AGREE_MAJORITY);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_the_defaults),
		cmocka_unit_test(reads_every_setting),
		cmocka_unit_test(routing_lease_follows_the_lease),
		cmocka_unit_test(the_name_of_the_nodes_incidents_is_taken),
		cmocka_unit_test(a_service_without_a_name_is_told_so),
		cmocka_unit_test(
			refuses_spans_under_which_the_protocol_does_not_hold),
		cmocka_unit_test(refuses_nodes_that_cannot_be_told_apart),
		cmocka_unit_test(refuses_addresses_that_are_none),
		cmocka_unit_test(refuses_sets_of_nodes_that_cannot_work),
		cmocka_unit_test(refuses_more_than_nine_nodes),
		cmocka_unit_test(
			refuses_a_key_that_is_missing_or_open_to_others),
		cmocka_unit_test(says_of_what_is_not_built_what_to_do),
		cmocka_unit_test(asking_other_nodes_needs_a_cluster),
		cmocka_unit_test(does_without_services),
		cmocka_unit_test(whatever_changes_in_a_cluster_is_seen),
		cmocka_unit_test(the_example_loads_without_a_warning),
	};

	return cmocka_run_group_tests(tests, cluster_key_make,
				      cluster_key_drop);
}
