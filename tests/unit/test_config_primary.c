/* The hooks of the primary block: what is wrong in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/cluster_text.h"

static void refuses_hooks_that_cannot_be_run(void **state)
{
	(void)state;
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = { on_promote = \"/nonexistent\"; on_demote = "
		"\"/etc/passwd\"; hook_timeout = \"100ms\"; };\n",
		"x.conf:7: on_promote \"/nonexistent\": No such file or "
		"directory: check the path\n"
		"x.conf:7: on_demote \"/etc/passwd\" cannot be run: name a "
		"program, and let the daemon's user execute it\n");
	cluster_wrong("", CLUSTER_THREE,
		      "primary = { on_promote = \"promote.sh\"; };\n",
		      "x.conf:7: on_promote \"promote.sh\" is neither an "
		      "absolute path "
		      "nor a unit: begin it with '/' or \"unit:\"\n");
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = { on_promote = \"unit:promote\"; };\n",
		"x.conf:7: on_promote \"unit:promote\" names no unit: write it "
		"like \"unit:bascule-promote.service\"\n");
	cluster_wrong("", CLUSTER_THREE,
		      "primary = { on_promote = \"unit:.service\"; };\n",
		      "x.conf:7: on_promote \"unit:.service\" names no unit: "
		      "write it "
		      "like \"unit:bascule-promote.service\"\n");
	cluster_wrong("", CLUSTER_THREE,
		      "primary = { on_promote = \"/bin/true\"; };\n",
		      "x.conf:7: warning: on_promote without on_demote: "
		      "nothing undoes "
		      "it when another node becomes primary: add on_demote\n");
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = { on_demote = \"unit:up.service\"; "
		"demote_timeout = \"100ms\"; };\n",
		"x.conf:7: warning: on_demote \"unit:up.service\": polkit lets "
		"the daemon's user start units named bascule-* only: rename "
		"it, "
		"or permit it in a rule of your own\n");
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = { on_demote = \"unit:a b.service\"; };\n",
		"x.conf:7: on_demote \"unit:a b.service\" names no unit: write "
		"it like \"unit:bascule-promote.service\"\n");
}

/* The release budget is a fifth of the lease, at least 20ms. */
static void says_when_a_release_may_outlast_the_lease(void **state)
{
	(void)state;
	cluster_wrong(
		"", CLUSTER_THREE,
		"primary = {\n on_demote = \"/bin/true\"; };\n",
		"x.conf:8: warning: on_demote may take \"10s\", and the lease "
		"leaves \"100ms\" for it: after that two nodes may be active: "
		"write demote_timeout = \"100ms\", or give a lease of at least "
		"\"50s\"\n");
	cluster_wrong(
		"heartbeat = \"10ms\"; lease = \"60ms\";", CLUSTER_THREE,
		"primary = { on_demote = \"/bin/true\";\n hook_timeout = "
		"\"21ms\"; };\n",
		"x.conf:8: warning: on_demote may take \"21ms\", and the lease "
		"leaves \"20ms\" for it: after that two nodes may be active: "
		"write demote_timeout = \"20ms\", or give a lease of at least "
		"\"105ms\"\n");
	cluster_wrong(
		"lease = \"2s\";", CLUSTER_THREE,
		"primary = { on_demote = \"/bin/true\";\n hook_timeout = "
		"\"10s\";\n demote_timeout = \"401ms\"; };\n",
		"x.conf:9: warning: on_demote may take \"401ms\", and the "
		"lease "
		"leaves \"400ms\" for it: after that two nodes may be active: "
		"write demote_timeout = \"400ms\", or give a lease of at least "
		"\"2005ms\"\n");
	cluster_wrong("lease = \"2s\";", CLUSTER_THREE,
		      "primary = { on_demote = \"/bin/true\"; demote_timeout = "
		      "\"400ms\"; };\n",
		      "");
	/* Nobody to hand over to, and nothing to run. */
	cluster_wrong("", CLUSTER_THREE,
		      "primary = { hook_timeout = \"10s\"; };\n", "");
}

static void a_witness_needs_no_hooks(void **state)
{
	(void)state;
	cluster_wrong("",
		      "{ name = \"n1\"; address = \"h:1\"; witness = true; },\n"
		      "{ name = \"n2\"; address = \"h:2\"; },\n"
		      "{ name = \"n3\"; address = \"h:3\"; }\n",
		      "primary = { on_promote = \"/nonexistent\"; };\n", "");
}

#define VIP(INTERFACE, ADDRESSES)                                              \
	"primary = { vip = { driver = \"netlink\";\n interface = "             \
	"\"" INTERFACE "\";\n addresses = ( " ADDRESSES " ); }; };\n"

static void reads_virtual_addresses(void **state)
{
	struct settings *settings = config_right(cluster_text(
		"", CLUSTER_THREE, VIP("lo", "\"10.0.0.9/24\", \"fd00::9\"")));
	const struct vip_settings *vip = settings->primary.vip;

	(void)state;
	assert_non_null(vip);
	assert_int_equal(vip->driver, VIP_NETLINK);
	assert_string_equal(vip->interface, "lo");
	assert_int_equal(vip->address_count, 2);
	assert_int_equal(vip->addresses[0].prefix, 24);
	assert_true(vip->addresses[1].ipv6);
	settings_free(settings);
}

static void refuses_virtual_addresses_that_cannot_work(void **state)
{
	(void)state;
	cluster_wrong("", CLUSTER_THREE,
		      VIP("lo", "\"10.0.0.9/33\", \"vip\", \"127.0.0.1\""),
		      "x.conf:9: addresses: \"10.0.0.9/33\" has a prefix that "
		      "is not 1 to 32\n"
		      "x.conf:9: addresses: \"vip\" is no address: write it "
		      "like \"192.168.1.100/24\" or \"fd00::100/64\"\n"
		      "x.conf:9: addresses: \"127.0.0.1\" is no address that a "
		      "host can have\n");
	cluster_wrong("", CLUSTER_THREE,
		      VIP("lo", "\"10.0.0.9/24\", \"10.0.0.9/32\""),
		      "x.conf:9: addresses: \"10.0.0.9/32\" stands there "
		      "twice\n");
	cluster_wrong("", CLUSTER_THREE, VIP("lo", "\"10.0.0.2/24\""),
		      "x.conf:9: addresses: \"10.0.0.2\" is where the other "
		      "nodes reach \"n2\": give clients an address that no "
		      "node has\n");
	cluster_wrong(
		"", CLUSTER_THREE, VIP("an-interface-name", "\"10.0.0.9\""),
		"x.conf:8: interface \"an-interface-name\" is longer than "
		"15 bytes: no interface has such a name\n");
	cluster_wrong("", CLUSTER_THREE,
		      VIP("lo\"; track_file = \"/run/weight", "\"10.0.0.9\""),
		      "x.conf:8: warning: track_file does nothing without "
		      "driver = \"keepalived\": remove it\n");
	cluster_wrong("", CLUSTER_THREE, VIP("lo", ""),
		      "x.conf:9: addresses has 0 strings: give 1 to 8\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_virtual_addresses),
		cmocka_unit_test(refuses_virtual_addresses_that_cannot_work),
		cmocka_unit_test(refuses_hooks_that_cannot_be_run),
		cmocka_unit_test(says_when_a_release_may_outlast_the_lease),
		cmocka_unit_test(a_witness_needs_no_hooks),
	};

	return cmocka_run_group_tests(tests, cluster_key_make,
				      cluster_key_drop);
}
