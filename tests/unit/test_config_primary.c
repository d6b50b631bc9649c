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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_hooks_that_cannot_be_run),
		cmocka_unit_test(says_when_a_release_may_outlast_the_lease),
		cmocka_unit_test(a_witness_needs_no_hooks),
	};

	return cmocka_run_group_tests(tests, cluster_key_make,
				      cluster_key_drop);
}
