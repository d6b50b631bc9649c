/* How large, how small and how many the settings may be. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/config_text.h"

static void refuses_what_is_out_of_range(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("fall = 0;"),
		  "x.conf:1: fall = 0 is out of range: give 1 to 100\n" },
		{ CHECK("rise = 101;"),
		  "x.conf:1: rise = 101 is out of range: give 1 to 100\n" },
		{ CHECK("fall = 4294967299;"),
		  "x.conf:1: fall = 4294967299 is out of range: give 1 to "
		  "100\n" },
		{ CHECK("fall = 2147483648;"),
		  "x.conf:1: fall = 2147483648 is out of range: give 1 to "
		  "100\n" },
		{ CHECK("fall = -2147483649;"),
		  "x.conf:1: fall = -2147483649 is out of range: give 1 to "
		  "100\n" },
		{ CHECK("fall = 0x100000003;"),
		  "x.conf:1: fall = 4294967299 is out of range: give 1 to "
		  "100\n" },
		{ CHECK("port = 65536;"),
		  "x.conf:1: port = 65536 is out of range: give 1 to "
		  "65535\n" },
		{ CHECK("interval = \"5ms\";"),
		  "x.conf:1: interval = \"5ms\" is out of range: give "
		  "\"10ms\" to \"1h\"\n" },
		{ CHECK("interval = \"99999999999999999999d\";"),
		  "x.conf:1: interval: \"99999999999999999999d\" is longer "
		  "than anything: write less\n" },
		{ SERVICE("objective = { availability = 100; };"),
		  "x.conf:1: availability = 100 is out of range: give a "
		  "percentage above 0 and below 100, such as 99.95\n" },
		{ SERVICE("severity = { total = \"P5\"; };"),
		  "x.conf:1: total = \"P5\" is unknown: use \"P1\", \"P2\", "
		  "\"P3\" or \"P4\"\n" },
		{ CHECK("type = \"htpp\"; path = \"x\";"),
		  "x.conf:1: type = \"htpp\" is unknown: use \"http\", "
		  "\"https\", \"tcp\", \"tls\", \"exec\", "
		  "\"postgresql\", \"mysql\" or \"redis\"\n" },
		{ CHECK("status = \"99\";"),
		  "x.conf:1: \"99\" is no list of statuses: write it like "
		  "\"200-299,401\", each from 100 to 599\n" },
		{ CHECK("status = 600;"),
		  "x.conf:1: \"600\" is no list of statuses: write it like "
		  "\"200-299,401\", each from 100 to 599\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void takes_the_ends_of_a_range(void **state)
{
	(void)state;
	settings_free(config_right(CHECK("fall = 1; rise = 100;")));
	settings_free(config_right(CHECK("port = 65535;")));
	settings_free(config_right(CHECK("interval = \"1h\"; timeout = "
					 "\"10m\"; timeout_min = \"10m\"; "
					 "slow_after = \"10m\";")));
	settings_free(config_right(
		CHECK("interval = \"10ms\"; fast_interval = \"10ms\";")));
	settings_free(config_right(SERVICE("min_up = 1; concurrency = 1;")));
}

/* @count times what @print prints, between @head and @tail; @wanted is what
 * is said of it.
 */
static void said_of_many(const char *head, unsigned count,
			 void (*print)(FILE *out, unsigned i), const char *tail,
			 const char *wanted)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned i;

	assert_non_null(out);
	fputs(head, out);
	for (i = 0; i < count; i++)
		print(out, i);
	fputs(tail, out);
	fclose(out);
	config_wrong(text, wanted);
	free(text);
}

static void print_haproxy(FILE *out, unsigned i)
{
	fprintf(out, "{ name = \"h%u\"; socket = \"/%u\"; },\n", i, i);
}

static void print_service(FILE *out, unsigned i)
{
	fprintf(out,
		"{ name = \"s%u\"; targets = ( { name = \"t\"; address = "
		"\"h%u:80\"; } ); },\n",
		i, i);
}

static void print_target(FILE *out, unsigned i)
{
	fprintf(out, "{ name = \"t%u\"; address = \"h%u:80\"; },\n", i, i);
}

static void refuses_more_than_there_may_be(void **state)
{
	static const char haproxies[] =
		SERVICE("backend = \"b\";") "haproxy = (\n";
	static const char services[] = "services = (\n";
	static const char targets[] =
		"services = ( { name = \"s\"; targets = (\n";

	(void)state;
	said_of_many(haproxies, 16, print_haproxy, ");\n", "");
	said_of_many(haproxies, 17, print_haproxy, ");\n",
		     "x.conf:2: there are 17 HAProxy processes: 16 are the "
		     "limit\n");
	said_of_many(services, 1000, print_service, ");\n", "");
	said_of_many(services, 1001, print_service, ");\n",
		     "x.conf:1: there are 1001 services: 1000 are the "
		     "limit\n");
	said_of_many(targets, 20000, print_target, "); } );\n", "");
	said_of_many(targets, 20001, print_target, "); } );\n",
		     "x.conf:1: there are 20001 targets: 20000 are the "
		     "limit\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_out_of_range),
		cmocka_unit_test(takes_the_ends_of_a_range),
		cmocka_unit_test(refuses_more_than_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
