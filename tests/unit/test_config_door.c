/* The door of a group: what it needs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cluster_text.h"

/* Line 1: cluster; line 2: a group "g" of a on n1 and of b. */
static const char *group(const char *b_port, const char *b_node,
			 const char *inside, bool cluster)
{
	static char text[2048], nodes[512];

	snprintf(nodes, sizeof(nodes),
		 "cluster = { name = \"c\"; key_file = \"%s\"; nodes = ( "
		 "{ name = \"n1\"; address = \"10.0.0.1:7400\"; }, "
		 "{ name = \"n2\"; address = \"10.0.0.2:7400\"; }, "
		 "{ name = \"n3\"; address = \"10.0.0.3:7400\"; } ); }; ",
		 cluster_key_path);
	snprintf(text, sizeof(text),
		 "node = \"n1\"; %shaproxy = ( { socket = \"/s\"; "
		 "master_socket = \"/m\"; } );\n"
		 "services = ( { name = \"g\"; check = { type = \"redis\"; }; "
		 "backend = \"be\"; failover = { door = true; %s }; targets = "
		 "( { name = \"a\"; address = \"10.0.0.1:6379\"; node = "
		 "\"n1\"; }, { name = \"b\"; address = \"10.0.0.2:%s\"; %s } "
		 "); } );\n",
		 cluster ? nodes : "", inside, b_port, b_node);
	return text;
}

static void each_instance_has_a_node_that_keeps_it(void **state)
{
	struct settings *set =
		config_right(group("6379", "node = \"n2\";", "", true));

	(void)state;
	assert_true(set->services[0].failover->door);
	settings_free(set);
	config_wrong(group("6379", "", "", true),
		     "x.conf:2: door of \"b\" is kept by the node that hosts "
		     "it: add node to the target\n");
}

static void two_on_a_machine_have_ports_of_their_own(void **state)
{
	(void)state;
	settings_free(config_right(group("6380", "node = \"n1\";", "", true)));
	config_wrong(group("6379", "node = \"n1\";", "", true),
		     "x.conf:2: door of \"b\" would close port 6379 of \"a\", "
		     "too, on node \"n1\": give them ports of their own\n");
}

static void nobody_renews_it_without_a_cluster(void **state)
{
	(void)state;
	config_wrong(group("6379", "node = \"n2\";", "", false),
		     "x.conf:2: door has no cluster: who would not renew it? "
		     "Add cluster, or remove door\n");
}

static void what_is_to_stay_open_has_no_door(void **state)
{
	(void)state;
	config_wrong(
		group("6379", "node = \"n2\";", "mode = \"observe\";", true),
		"x.conf:2: door closes ports, and mode = \"observe\" "
		"changes nothing: remove one of them\n");
	config_wrong(group("6379", "node = \"n2\";",
			   "mode = \"manual\"; on_quorum_loss = \"hold\";",
			   true),
		     "x.conf:2: door closes what on_quorum_loss = \"hold\" "
		     "keeps: remove one of them\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instance_has_a_node_that_keeps_it),
		cmocka_unit_test(two_on_a_machine_have_ports_of_their_own),
		cmocka_unit_test(nobody_renews_it_without_a_cluster),
		cmocka_unit_test(what_is_to_stay_open_has_no_door),
	};

	return cmocka_run_group_tests_name("config_door", tests,
					   cluster_key_make, cluster_key_drop);
}
