/* What is wrong with a configuration, in the words that the operator sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "tests/unit/config_text.h"
#include "tests/unit/golden.h"

static void names_the_nearest_setting(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("intervall = \"1s\";"),
		  "x.conf:1: unknown setting intervall: did you mean "
		  "interval?\n" },
		{ CHECK("tiemout = \"1s\";"),
		  "x.conf:1: unknown setting tiemout: did you mean "
		  "timeout?\n" },
		{ CHECK("Fall = 3;"),
		  "x.conf:1: unknown setting Fall: did you mean fall?\n" },
		{ SERVICE("") "state-dir = \"/tmp\";\n",
		  "x.conf:2: unknown setting state-dir: did you mean "
		  "state_dir?\n" },
		{ SERVICE("interval = \"1s\";"),
		  "x.conf:1: interval does not belong here: put it into "
		  "services.check\n" },
		{ SERVICE("depends_on = ( \"nobody\" );"),
		  "x.conf:1: depends_on names \"nobody\", which is no service "
		  "here: name one, or remove it\n" },
		{ SERVICE("flap_half_life = \"20s\"; flap_max = \"10s\";"),
		  "x.conf:1: flap_max is shorter than flap_half_life: give at "
		  "least that\n" },
		{ SERVICE("flap_half_life = \"20m\";"),
		  "x.conf:1: flap_max is shorter than flap_half_life: give at "
		  "least that\n" },
		{ CHECK("min_up = 1;"),
		  "x.conf:1: min_up does not belong here: put it into "
		  "services\n" },
		{ SERVICE("") "http = { state_dir = \"/tmp\"; };\n",
		  "x.conf:2: state_dir does not belong here: put it at the "
		  "top of the file\n" },
		{ SERVICE("") "http = { xyzzy = \"/tmp\"; };\n",
		  "x.conf:2: unknown setting xyzzy: known here are listen\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_the_wrong_kind_of_value(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("interval = 5;"),
		  "x.conf:1: interval = 5 has no unit: write interval = "
		  "\"5s\" or \"5ms\"\n" },
		{ CHECK("interval = \"5\";"),
		  "x.conf:1: interval: \"5\" has no unit: write \"5s\" or "
		  "\"5ms\"\n" },
		{ CHECK("interval = \"1 s\";"),
		  "x.conf:1: interval: \"1 s\" is no duration: write a whole "
		  "number and ms, s, m, h or d, such as \"250ms\"\n" },
		{ CHECK("fall = \"3\";"),
		  "x.conf:1: fall is a string: write fall = a whole "
		  "number\n" },
		{ CHECK("fall = 1.5;"),
		  "x.conf:1: fall is a number with a fraction: write fall = "
		  "a whole number\n" },
		{ CHECK("type = \"https\"; verify = 1;"),
		  "x.conf:1: verify is a whole number: write verify = true "
		  "or false\n" },
		{ CHECK("path = 3;"),
		  "x.conf:1: path is a whole number: write path = a string "
		  "in quotes\n" },
		{ CHECK("path = \"\";"),
		  "x.conf:1: path is empty: fill it in, or remove it\n" },
		{ CHECK("headers = \"A: 1\";"),
		  "x.conf:1: headers is a string: write headers = ( "
		  "\"...\", \"...\" )\n" },
		{ CHECK("headers = ( \"A: 1\", 2 );"),
		  "x.conf:1: headers holds a whole number: write headers = ( "
		  "\"...\", \"...\" )\n" },
		{ SERVICE("check = \"http\";"),
		  "x.conf:1: check is a string: write check = { ... }\n" },
		{ SERVICE("") "haproxy = { socket = \"/s\"; };\n",
		  "x.conf:2: haproxy is a block { ... }: write haproxy = ( { "
		  "... }, { ... } )\n" },
		{ "services = ( 5 );\n",
		  "x.conf:1: services holds a whole number: write services "
		  "= ( { ... }, { ... } )\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_spans_that_contradict_each_other(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("interval = \"1s\"; fast_interval = \"2s\";"),
		  "x.conf:1: fast_interval = \"2s\" is longer than interval "
		  "= \"1s\": give at most that\n" },
		{ CHECK("timeout_min = \"1s\";"),
		  "x.conf:1: timeout_min = \"1s\" is longer than timeout = "
		  "\"500ms\": give at most that\n" },
		{ CHECK("slow_after = \"501ms\";"),
		  "x.conf:1: slow_after = \"501ms\" is longer than timeout = "
		  "\"500ms\": give at most that\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_what_the_check_does_not_use(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("type = \"tcp\"; path = \"/\";"),
		  "x.conf:1: path means nothing to a check of type \"tcp\": "
		  "remove it, or use type \"http\" or \"https\"\n" },
		{ CHECK("verify = false;"),
		  "x.conf:1: verify means nothing to a check of type "
		  "\"http\": remove it, or use type \"https\" or \"tls\"\n" },
		{ CHECK("command = ( \"/bin/true\" );"),
		  "x.conf:1: command means nothing to a check of type "
		  "\"http\": remove it, or use type \"exec\"\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_a_request_that_is_none(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("path = \"health\";"),
		  "x.conf:1: path \"health\" is none: begin it with '/', and "
		  "write blanks as %20\n" },
		{ CHECK("path = \"/a b\";"),
		  "x.conf:1: path \"/a b\" is none: begin it with '/', and "
		  "write blanks as %20\n" },
		{ CHECK("method = \"GET \";"),
		  "x.conf:1: method \"GET \" is none: use one such as "
		  "\"GET\"\n" },
		{ CHECK("host = \"a b\";"),
		  "x.conf:1: host \"a b\" holds blanks: write a name such as "
		  "\"api.example\"\n" },
		{ CHECK("headers = ( \"A: 1\", \"B 2\" );"),
		  "x.conf:1: header \"B 2\" is none: write it like \"Name: "
		  "value\"\n" },
		{ CHECK("headers = ( \"A: 1\\r\\nB: 2\" );"),
		  "x.conf:1: header \"A: 1??B: 2\" runs over lines: keep it "
		  "on one\n" },
		{ CHECK("body = \"a\"; body_regex = \"b\";"),
		  "x.conf:1: body and body_regex are both given: keep one\n" },
		{ CHECK("body_regex = \"a(\";"),
		  "x.conf:1: body_regex \"a(\" does not compile (Unmatched ( "
		  "or \\(): write a POSIX extended regular expression\n" },
		{ CHECK("method = \"HEAD\"; body = \"x\";"),
		  "x.conf:1: method \"HEAD\" brings no body to match: use "
		  "\"GET\", or remove body\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_files_that_cannot_be_read(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("type = \"tls\"; ca_file = \"/nonexistent/ca\";"),
		  "x.conf:1: ca_file \"/nonexistent/ca\": No such file or "
		  "directory: check the path\n" },
		{ CHECK("type = \"tls\"; ca_file = \"ca.pem\";"),
		  "x.conf:1: ca_file \"ca.pem\" is not absolute: begin it "
		  "with '/'\n" },
		{ CHECK("type = \"tls\"; ca_file = \"/tmp\";"),
		  "x.conf:1: ca_file \"/tmp\" is no file: name a PEM file\n" },
		{ CHECK("type = \"tls\"; cert_file = \"/etc/passwd\";"),
		  "x.conf:1: cert_file has no key_file: add it\n" },
		{ CHECK("type = \"tls\"; key_file = \"/etc/passwd\";"),
		  "x.conf:1: key_file has no cert_file: add it\n"
		  "x.conf:1: key_file \"/etc/passwd\" can be read by "
		  "everybody: take that away with chmod o-r\n" },
		{ CHECK("type = \"tls\"; ca_file = \"/etc/passwd\"; "
			"verify = false;"),
		  "x.conf:1: warning: ca_file is not looked at with verify = "
		  "false: remove one of the two\n" },
		{ CHECK("type = \"exec\";"),
		  "x.conf:1: a check of type \"exec\" has no command: add "
		  "command = ( \"/path/to/program\" )\n" },
		{ CHECK("type = \"exec\"; command = ();"),
		  "x.conf:1: command has 0 strings: give 1 to 256\n" },
		{ CHECK("type = \"exec\"; command = ( \"true\" );"),
		  "x.conf:1: command \"true\" is not absolute: begin it with "
		  "'/'\n" },
		{ CHECK("type = \"exec\"; command = [ \"/no/thing\" ];"),
		  "x.conf:1: command \"/no/thing\": No such file or "
		  "directory: check the path\n" },
		{ CHECK("type = \"exec\"; command = [ \"/etc/passwd\" ];"),
		  "x.conf:1: command \"/etc/passwd\" cannot be run: name a "
		  "program, and let the daemon's user execute it\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_services_that_cannot_work(void **state)
{
	static const struct mistake mistakes[] = {
		{ SERVICE("min_up = 2;"),
		  "x.conf:1: min_up = 2 is more than the 1 targets there "
		  "are: give less\n" },
		{ SERVICE("backend = \"b\";"),
		  "x.conf:1: backend \"b\" is named but no HAProxy: add "
		  "haproxy = ( { socket = \"...\"; } ), or remove "
		  "backend\n" },
		{ SERVICE("sessions = \"end\";"),
		  "x.conf:1: warning: sessions does nothing without a "
		  "backend: add backend = \"...\", or remove it\n" },
		{ "services = ( { name = \"s\"; targets = (); } );\n",
		  "x.conf:1: targets is empty: a service needs at least "
		  "one\n" },
		{ "services = ( { name = \"s\"; } );\n",
		  "x.conf:1: targets is missing: add targets = ( { ... }, { "
		  "... } )\n" },
		{ "services = ();\n",
		  "x.conf:1: services is empty: add at least one\n" },
		{ "haproxy = ( { socket = \"/a\"; } ); primary = { requires "
		  "= ( \"haproxy:local\" ); };\n" SERVICE("backend = \"b\";"),
		  "x.conf:1: warning: requires does nothing without a "
		  "cluster block: the only node is always primary\n" },
		{ "node = \"x\";\n",
		  "x.conf: services is missing: add services = ( { ... }, { "
		  "... } )\n" },
		{ SERVICE("") "haproxy = ( { socket = \"/s\"; } );\n",
		  "x.conf:2: warning: no service names a backend, so HAProxy "
		  "is left alone: add backend = \"...\" to a service\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void without_a_block_there_is_no_cluster(void **state)
{
	struct settings *settings = config_right(SERVICE(""));

	(void)state;
	assert_null(settings->cluster);
	assert_null(settings->primary.on_promote);
	assert_int_equal(settings->primary.hook_timeout_us, 10 * SECOND);
	assert_int_equal(settings->services[0].agree, AGREE_LOCAL);
	settings_free(settings);
}

#define TWO(first, second)                                                     \
	"haproxy = ( { socket = \"/s\"; } ); services = (\n{ " first           \
	" targets = ( { name = \"t\"; address = \"10.0.0.1:80\"; } ); },\n"    \
	"{ " second                                                            \
	" targets = ( { name = \"t\"; address = \"10.0.0.1:80\"; } ); } );\n"

static void refuses_names_that_stand_twice(void **state)
{
	static const struct mistake mistakes[] = {
		{ TWO("name = \"a\"; backend = \"x\";",
		      "name = \"b\"; backend = \"x\";"),
		  "x.conf:3: server \"x/t\" of HAProxy is another service's "
		  "target already (line 2): a server obeys one service\n" },
		{ "services = ( { name = \"s\"; targets = (\n"
		  "{ name = \"t\"; address = \"10.0.0.1:80\"; },\n"
		  "{ name = \"t\"; address = \"10.0.0.2:80\"; } ); } );\n",
		  "x.conf:3: target \"t\" exists already in service \"s\" "
		  "(line 2): give it another name\n" },
		{ "services = ( { name = \"s\"; targets = (\n"
		  "{ name = \"t\"; address = \"10.0.0.1:80\"; },\n"
		  "{ name = \"u\"; address = \"10.0.0.1:80\"; } ); } );\n",
		  "x.conf:3: warning: address \"10.0.0.1:80\" is another "
		  "target's of service \"s\" already (line 2): is one of "
		  "them mistyped?\n" },
		{ SERVICE("name = \"s\";"),
		  "x.conf:1: name stands twice in this block (line 1): keep "
		  "one of them\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
	settings_free(config_right(TWO("name = \"a\"; backend = \"x\";",
				       "name = \"b\"; backend = \"y\";")));
}

static void refuses_two_services_of_one_name(void **state)
{
	char said[4096];

	(void)state;
	config_said(TWO("name = \"a\"; backend = \"x\";",
			"name = \"a\"; backend = \"y\";"),
		    said, sizeof(said));
	assert_non_null(strstr(said, "x.conf:3: service \"a\" exists already "
				     "(line 2): give it another name\n"));
}

#define ONE(name, on)                                                          \
	"{ name = \"" name "\"; depends_on = ( \"" on "\" );"                  \
	" targets = ( { name = \"t\"; address = \"10.0.0.1:80\"; } ); }"

static void refuses_dependencies_in_a_circle(void **state)
{
	static const struct mistake mistakes[] = {
		{ "services = (\n" ONE("a", "a") ");\n",
		  "x.conf:2: depends_on \"a\" makes a circle: \"a\" would need "
		  "itself\n" },
		{ "services = (\n" ONE("a", "b") "," ONE("b", "c") "," ONE(
			  "c", "a") ");\n",
		  "x.conf:2: depends_on \"b\" makes a circle: \"a\" would need "
		  "itself\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void refuses_names_that_are_none(void **state)
{
	static const struct mistake mistakes[] = {
		{ SERVICE("") "node = \"a b\";\n",
		  "x.conf:2: \"a b\" is no name: use letters, digits, '.', "
		  "'_' and '-', and begin with a letter or digit\n" },
		{ SERVICE("") "node = \"-a\";\n",
		  "x.conf:2: \"-a\" is no name: use letters, digits, '.', "
		  "'_' and '-', and begin with a letter or digit\n" },
		{ SERVICE("") "node = \"a23456789b123456789c123456789d12345678"
			      "9e123456789f123456789g1234\";\n",
		  "x.conf:2: name \"a23456789b123456789c...\" is longer than "
		  "63 bytes: shorten it\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

#define KNOWN(more)                                                            \
	"services = ( { name = \"a\"; check = { type = \"exec\"; command = ( " \
	"\"/bin/true\" ); };\n targets = ( { name = \"a1\"; " more             \
	" } ); } );\n"

static void refuses_what_names_no_process(void **state)
{
	static const struct mistake mistakes[] = {
		{ KNOWN("pidfile = \"api.pid\";"),
		  "x.conf:2: pidfile \"api.pid\" is not absolute: begin it "
		  "with '/'\n" },
		{ KNOWN("unit = \"api\";"),
		  "x.conf:2: unit \"api\" names no unit: write it like "
		  "\"api.service\"\n" },
		{ KNOWN("unit = \"a b.service\";"),
		  "x.conf:2: unit \"a b.service\" names no unit: write it "
		  "like \"api.service\"\n" },
		{ KNOWN("unit = \"tmp.mount\";"),
		  "x.conf:2: unit \"tmp.mount\" names no unit: write it like "
		  "\"api.service\"\n" },
		{ KNOWN("pid_file = \"/run/api.pid\";"),
		  "x.conf:2: unknown setting pid_file: did you mean "
		  "pidfile?\n" },
		{ NULL, NULL },
	};
	struct settings *settings;

	(void)state;
	config_all_wrong(mistakes);
	settings = config_right(KNOWN("pidfile = \"/run/api.pid\"; "
				      "unit = \"api@1.service\";"));
	assert_string_equal(settings->targets[0].pidfile, "/run/api.pid");
	assert_string_equal(settings->targets[0].unit, "api@1.service");
	settings_free(settings);
}

static void says_of_what_is_not_built_what_to_do(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("type = \"file\"; port = 1;"),
		  "x.conf:1: type = \"file\" is not built yet: use exec for "
		  "now\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
	settings_free(config_right(SERVICE("agree = \"local\"; "
					   "check = { tether = false; };")));
}

static void render_mistakes(const void *arg, FILE *out)
{
	const char *top = getenv("top_srcdir");
	struct settings *settings = NULL;
	struct report report;
	char path[4096];

	report_init(&report);
	snprintf(path, sizeof(path), "%s/tests/golden/%s",
		 top != NULL ? top : ".", (const char *)arg);
	settings_load(path, &settings, &report);
	report_sort(&report);
	for (size_t i = 0; i < report.count; i++)
		fprintf(out, "%s\n",
			strstr(report.entries[i].text, (const char *)arg));
	report_done(&report);
	settings_free(settings);
}

static void reports_ten_mistakes_at_once(void **state)
{
	(void)state;
	golden_check("ten-mistakes.txt", render_mistakes, "ten-mistakes.conf");
}

static void reports_everything_that_is_for_later(void **state)
{
	(void)state;
	golden_check("later.txt", render_mistakes, "later.conf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_nearest_setting),
		cmocka_unit_test(refuses_the_wrong_kind_of_value),
		cmocka_unit_test(refuses_spans_that_contradict_each_other),
		cmocka_unit_test(refuses_what_the_check_does_not_use),
		cmocka_unit_test(refuses_a_request_that_is_none),
		cmocka_unit_test(refuses_files_that_cannot_be_read),
		cmocka_unit_test(refuses_services_that_cannot_work),
		cmocka_unit_test(without_a_block_there_is_no_cluster),
		cmocka_unit_test(refuses_names_that_stand_twice),
		cmocka_unit_test(refuses_two_services_of_one_name),
		cmocka_unit_test(refuses_dependencies_in_a_circle),
		cmocka_unit_test(refuses_names_that_are_none),
		cmocka_unit_test(refuses_what_names_no_process),
		cmocka_unit_test(says_of_what_is_not_built_what_to_do),
		cmocka_unit_test(reports_ten_mistakes_at_once),
		cmocka_unit_test(reports_everything_that_is_for_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
