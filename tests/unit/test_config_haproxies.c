/* The HAProxies of a cluster's nodes, and which of them the primary requires.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/cluster_text.h"

/* @haproxies, a service "s" whose backend they have, and @after. */
static const char *proxied(const char *haproxies, const char *after)
{
	static char text[8192];

	snprintf(text, sizeof(text),
		 "node = \"n1\"; cluster = { name = \"c\"; key_file = \"%s\"; "
		 "nodes = ( " CLUSTER_THREE "); };\n"
		 "haproxy = ( %s );\n" SERVICE("backend = \"b\";") "%s",
		 cluster_key_path, haproxies, after);
	return text;
}

static void drives_only_the_haproxies_of_this_node(void **state)
{
	struct settings *settings = config_right(
		proxied("{ name = \"a\"; socket = \"/a\"; node = \"n2\"; },\n"
			"{ name = \"b\"; socket = \"/a\"; node = \"n1\"; },\n"
			"{ name = \"a\"; socket = \"/c\"; node = \"n3\"; },\n"
			"{ name = \"d\"; socket = \"/d\"; }",
			""));

	(void)state;
	assert_int_equal(settings->haproxy_count, 2);
	assert_string_equal(settings->haproxies[0].name, "b");
	assert_string_equal(settings->haproxies[1].name, "d");
	assert_string_equal(settings->services[0].backend, "b");
	settings_free(settings);
	settings = config_right(proxied(
		"{ name = \"a\"; socket = \"/a\"; node = \"n2\"; }", ""));
	assert_int_equal(settings->haproxy_count, 0);
	assert_null(settings->services[0].backend);
	settings_free(settings);
}

static void refuses_haproxies_that_meet_on_a_node(void **state)
{
	(void)state;
	config_wrong(
		proxied("{ name = \"a\"; socket = \"/a\"; node = \"n2\"; },\n"
			"{ name = \"a\"; socket = \"/a\"; }",
			""),
		"x.conf:6: HAProxy \"a\" exists already (line 5): give it "
		"another name\n"
		"x.conf:6: socket \"/a\" is another HAProxy's already (line "
		"5): name each process once\n");
	config_wrong(proxied("{ socket = \"/a\"; node = \"n4\"; }", ""),
		     "x.conf:5: node \"n4\" is unknown: name one of \"n1\", "
		     "\"n2\", \"n3\"\n");
	config_wrong("node = \"n1\"; haproxy = ( { socket = \"/a\"; node = "
		     "\"n2\"; } );\n" SERVICE("backend = \"b\";"),
		     "x.conf:1: node \"n2\" is unknown: name one of \"n1\"\n");
}

static void the_primary_requires_haproxies_of_this_node(void **state)
{
	struct settings *settings = config_right(
		proxied("{ name = \"a\"; socket = \"/a\"; node = \"n2\"; },\n"
			"{ name = \"b\"; socket = \"/b\"; },\n"
			"{ name = \"c\"; socket = \"/c\"; }",
			"primary = { requires = ( \"haproxy:a\", "
			"\"haproxy:c\" ); };\n"));
	const struct primary_settings *primary = &settings->primary;

	(void)state;
	assert_int_equal(primary->required_haproxy_count, 1);
	assert_string_equal(
		settings->haproxies[primary->required_haproxies[0]].name, "c");
	settings_free(settings);
}

static void refuses_requirements_that_cannot_be_met(void **state)
{
	(void)state;
	config_wrong(proxied("{ name = \"a\"; socket = \"/a\"; }",
			     "primary = { requires = ( \"haproxy:b\", \"a\" "
			     "); };\n"),
		     "x.conf:7: requires \"haproxy:b\" names no HAProxy of "
		     "this file: add it to haproxy, or remove it\n"
		     "x.conf:7: requires \"a\" is unknown: write it like "
		     "\"haproxy:NAME\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drives_only_the_haproxies_of_this_node),
		cmocka_unit_test(refuses_haproxies_that_meet_on_a_node),
		cmocka_unit_test(the_primary_requires_haproxies_of_this_node),
		cmocka_unit_test(refuses_requirements_that_cannot_be_met),
	};

	return cmocka_run_group_tests(tests, cluster_key_make,
				      cluster_key_drop);
}
