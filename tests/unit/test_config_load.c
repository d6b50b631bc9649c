/* A right configuration becomes complete settings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "tests/unit/config_text.h"

/* The service @text, in a file whose other blocks are as short as can be. */
static struct settings *loaded(const char *text)
{
	char whole[8192];

	snprintf(whole, sizeof(whole),
		 "node = \"n1\";\n"
		 "haproxy = ( { socket = \"/run/h.sock\"; } );\n%s",
		 text);
	return config_right(whole);
}

static void fills_in_the_defaults(void **state)
{
	struct settings *settings = loaded(
		"services = ( { name = \"api\"; backend = \"be\"; targets = (\n"
		"{ name = \"a1\"; address = \"10.0.0.1:80\"; },\n"
		"{ name = \"a2\"; address = \"10.0.0.2:80\"; } ); } );\n");
	const struct service_settings *api = &settings->services[0];
	const struct check_settings *check = &api->check;

	(void)state;
	assert_string_equal(settings->node, "n1");
	assert_string_equal(settings->file, "x.conf");
	assert_string_equal(settings->state_dir, "/var/lib/bascule");
	assert_string_equal(settings->control_socket,
			    "/run/bascule/control.sock");
	assert_string_equal(settings->http_host, "127.0.0.1");
	assert_int_equal(settings->http_port, 7480);
	assert_int_equal(settings->history_us, 90 * DAY);
	assert_string_equal(settings->haproxies[0].name, "local");
	assert_int_equal(check->type, CHECK_HTTP);
	assert_string_equal(check->method, "GET");
	assert_string_equal(check->path, "/");
	assert_null(check->host);
	assert_int_equal(check->status_count, 1);
	assert_int_equal(check->status[0].first, 200);
	assert_int_equal(check->status[0].last, 399);
	assert_true(check->verify);
	assert_int_equal(check->expires_within_us, 14 * DAY);
	assert_int_equal(check->interval_us, SECOND);
	assert_int_equal(check->fast_interval_us, 100 * MS);
	assert_int_equal(check->down_interval_us, SECOND);
	assert_int_equal(check->timeout_us, 500 * MS);
	assert_int_equal(check->timeout_min_us, 20 * MS);
	assert_int_equal(check->slow_after_us, 250 * MS);
	assert_int_equal(check->start_period_us, 0);
	assert_int_equal(check->fall, 3);
	assert_int_equal(check->rise, 2);
	assert_int_equal(check->fresh_every, 10);
	assert_true(check->tether);
	assert_string_equal(api->backend, "be");
	assert_int_equal(api->min_up, 1);
	assert_int_equal(api->concurrency, 2);
	assert_int_equal(api->sessions, SESSIONS_END_WRITERS);
	assert_int_equal(api->slow_start_us, 0);
	assert_int_equal(api->drain_us, 10 * SECOND);
	assert_int_equal(api->severity_partial, SEVERITY_P2);
	assert_int_equal(api->severity_total, SEVERITY_P1);
	assert_int_equal(api->target_count, 2);
	settings_free(settings);
}

static void computed_defaults_follow_what_is_given(void **state)
{
	struct settings *settings = loaded(
		"services = ( { name = \"api\"; backend = \"be\"; check = { "
		"interval = \"50ms\"; "
		"timeout = \"10ms\"; }; targets = (\n"
		"{ name = \"a1\"; address = \"10.0.0.1:80\"; } ); } );\n");
	const struct check_settings *check = &settings->services[0].check;

	(void)state;
	assert_int_equal(check->fast_interval_us, 50 * MS);
	assert_int_equal(check->down_interval_us, 50 * MS);
	assert_int_equal(check->timeout_min_us, 10 * MS);
	assert_int_equal(check->slow_after_us, 5 * MS);
	settings_free(settings);
}

/* What a server has agreed to keep open is harmless to hold; a connection
 * that says nothing may not be. */
static void a_tether_is_the_default_where_the_server_agrees(void **state)
{
	struct settings *settings = loaded(
		"services = (\n"
		"{ name = \"a\"; backend = \"be\"; targets = (\n"
		"  { name = \"a1\"; address = \"10.0.0.1:80\"; } ); },\n"
		"{ name = \"b\"; check = { type = \"tcp\"; }; targets = (\n"
		"  { name = \"b1\"; address = \"10.0.0.1:81\"; } ); },\n"
		"{ name = \"c\"; check = { type = \"tls\"; tether = true; };\n"
		"  targets = (\n"
		"  { name = \"c1\"; address = \"10.0.0.1:82\"; } ); } );\n");

	(void)state;
	assert_true(settings->services[0].check.tether);
	assert_false(settings->services[1].check.tether);
	assert_true(settings->services[2].check.tether);
	settings_free(settings);
}

static void targets_stand_side_by_side(void **state)
{
	struct settings *settings = loaded(
		"services = (\n"
		"{ name = \"a\"; backend = \"be\"; targets = (\n"
		"  { name = \"a1\"; address = \"10.0.0.1:80\"; },\n"
		"  { name = \"a2\"; address = \"[2001:db8::1]:81\"; } ); },\n"
		"{ name = \"b\"; check = { type = \"tcp\"; }; targets = (\n"
		"  { name = \"b1\"; address = \"db.example:82\"; } ); } );\n");
	const struct target_settings *target = settings->targets;

	(void)state;
	assert_int_equal(settings->service_count, 2);
	assert_int_equal(settings->target_count, 3);
	assert_int_equal(settings->services[1].first_target, 2);
	assert_string_equal(target[0].host, "10.0.0.1");
	assert_int_equal(target[0].port, 80);
	assert_int_equal(target[0].line, 5);
	assert_string_equal(target[1].host, "2001:db8::1");
	assert_string_equal(target[1].address, "[2001:db8::1]:81");
	assert_int_equal(target[1].service, 0);
	assert_string_equal(target[2].host, "db.example");
	assert_int_equal(target[2].service, 1);
	settings_free(settings);
}

static void reads_every_setting_of_a_service(void **state)
{
	struct settings *settings = loaded(
		"services = ( { name = \"api\"; backend = \"be\"; min_up = 2;\n"
		"check = { path = \"/health\"; status = \"200-299,401\";\n"
		"  headers = [ \"X-A: 1\", \"X-B: 2\" ]; host = \"h\";\n"
		"  body = \"ok\"; fall = 2; rise = 1; tether = true; };\n"
		"sessions = \"end\"; agree = \"local\"; slow_start = \"10s\";\n"
		"severity = { partial = \"P3\"; };\n"
		"objective = { availability = 99; mttd = \"1s\"; };\n"
		"on_panic = \"open\"; max_withdrawn = 50;\n"
		"targets = ( { name = \"a\"; address = \"10.0.0.1:80\"; },\n"
		"  { name = \"b\"; address = \"10.0.0.2:80\"; } ); } );\n");
	const struct service_settings *api = &settings->services[0];

	(void)state;
	assert_string_equal(api->backend, "be");
	assert_int_equal(api->min_up, 2);
	assert_int_equal(api->check.status_count, 2);
	assert_int_equal(api->check.status[1].first, 401);
	assert_int_equal(api->check.headers_count, 2);
	assert_string_equal(api->check.headers[1], "X-B: 2");
	assert_int_equal(api->on_panic, PANIC_OPEN);
	assert_int_equal(api->max_withdrawn, 50);
	assert_int_equal(api->sessions, SESSIONS_END);
	assert_int_equal(api->slow_start_us, 10 * SECOND);
	assert_int_equal(api->severity_partial, SEVERITY_P3);
	assert_int_equal(api->severity_total, SEVERITY_P1);
	assert_true(api->objective.availability_percent == 99.0);
	assert_int_equal(api->objective.mttd_us, SECOND);
	settings_free(settings);
}

/* Load @name of the tree, which must be right without a warning. */
static struct settings *loaded_file(const char *name)
{
	const char *top = getenv("top_srcdir");
	struct settings *settings = NULL;
	struct report report;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	report_init(&report);
	settings_load(path, &settings, &report);
	report_print(&report, stdout);
	assert_int_equal(report.errors + report.warnings, 0);
	assert_non_null(settings);
	report_done(&report);
	return settings;
}

static void the_examples_load_without_a_warning(void **state)
{
	struct settings *settings = loaded_file("docs/bascule.conf.example");

	(void)state;
	assert_int_equal(settings->service_count, 4);
	assert_int_equal(settings->haproxies[1].port, 9999);
	assert_string_equal(settings->targets[6].address, "");
	settings_free(settings);
	settings = loaded_file("docs/bascule.conf.minimal");
	assert_int_equal(settings->target_count, 3);
	settings_free(settings);
}

static void the_node_is_the_host_unless_it_is_named(void **state)
{
	struct settings *settings = loaded_file("docs/bascule.conf.minimal");
	char host[256];

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(settings->node, host);
	settings_free(settings);
}

static void http_may_be_switched_off(void **state)
{
	struct settings *settings;

	(void)state;
	settings = config_right(SERVICE("") "http = { listen = \"off\"; };\n");
	assert_null(settings->http_host);
	settings_free(settings);
	settings = config_right(SERVICE("") "http = { listen = \"\"; };\n");
	assert_null(settings->http_host);
	settings_free(settings);
	settings =
		config_right(SERVICE("") "http = { listen = \"[::]:80\"; };\n");
	assert_string_equal(settings->http_host, "::");
	assert_int_equal(settings->http_port, 80);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_the_defaults),
		cmocka_unit_test(computed_defaults_follow_what_is_given),
		cmocka_unit_test(
			a_tether_is_the_default_where_the_server_agrees),
		cmocka_unit_test(targets_stand_side_by_side),
		cmocka_unit_test(reads_every_setting_of_a_service),
		cmocka_unit_test(the_examples_load_without_a_warning),
		cmocka_unit_test(the_node_is_the_host_unless_it_is_named),
		cmocka_unit_test(http_may_be_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
