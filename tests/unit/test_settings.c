/* Two checks ask the same, or not: each setting that matters, changed; and what
 * is known by its name. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/settings.h"

static const char *const headers[] = { "A: b", "C: d" };
static const char *const other_headers[] = { "A: b", "C: e" };
static const char *const command[] = { "check", "-x", NULL };
static const char *const longer[] = { "check", "-x", "-y", NULL };
static const struct status_range good[] = { { 200, 299 } };
static const struct status_range better[] = { { 200, 298 } };

static struct check_settings base(void)
{
	return (struct check_settings){
		.type = CHECK_HTTPS,
		.method = "GET",
		.path = "/",
		.headers = headers,
		.headers_count = 2,
		.status = good,
		.status_count = 1,
		.body = "x",
		.ca_file = "ca",
		.command = command,
		.verify = true,
		.port = 80,
		.interval_us = 1,
	};
}

static void what_asks_the_same_is_kept(void **state)
{
	struct check_settings a = base(), b = base();
	char path[] = "/";

	(void)state;
	b.path = path;
	b.interval_us = 2;
	b.fall = 9;
	b.timeout_us = 7;
	assert_true(check_asks_same(&a, &b));
}

#define DIFFERS(field, value)                                                  \
	do {                                                                   \
		struct check_settings a = base(), b = base();                  \
		b.field = value;                                               \
		assert_false(check_asks_same(&a, &b));                         \
		assert_false(check_asks_same(&b, &a));                         \
	} while (0)

static void what_asks_another_thing_is_not(void **state)
{
	(void)state;
	DIFFERS(type, CHECK_HTTP);
	DIFFERS(method, "HEAD");
	DIFFERS(path, "/x");
	DIFFERS(host, "h");
	DIFFERS(headers, other_headers);
	DIFFERS(headers_count, 1);
	DIFFERS(status, better);
	DIFFERS(status_count, 0);
	DIFFERS(body, NULL);
	DIFFERS(body, "y");
	DIFFERS(body_regex, "y");
	DIFFERS(ca_file, NULL);
	DIFFERS(cert_file, "c");
	DIFFERS(key_file, "k");
	DIFFERS(user, "u");
	DIFFERS(password_file, "p");
	DIFFERS(database, "d");
	DIFFERS(tls, TLS_REQUIRED);
	DIFFERS(server_name, "n");
	DIFFERS(verify, false);
	DIFFERS(expires_within_us, 1);
	DIFFERS(command, longer);
	DIFFERS(command, NULL);
	DIFFERS(port, 81);
}

static void names_lead_to_what_bears_them(void **state)
{
	struct service_settings services[] = {
		{ .name = "a", .target_count = 1 },
		{ .name = "b", .first_target = 1, .target_count = 2 },
	};
	struct target_settings targets[] = { { .name = "t" },
					     { .name = "u" },
					     { .name = "t" } };
	struct haproxy_settings haproxies[] = { { .name = "l" },
						{ .name = "m" } };
	const struct settings set = { .services = services,
				      .service_count = 2,
				      .targets = targets,
				      .target_count = 3,
				      .haproxies = haproxies,
				      .haproxy_count = 2 };

	(void)state;
	assert_int_equal(settings_find_service(&set, "b"), 1);
	assert_int_equal(settings_find_service(&set, "t"), SETTINGS_NONE);
	assert_int_equal(settings_find_haproxy(&set, "m"), 1);
	assert_int_equal(settings_find_haproxy(&set, ""), SETTINGS_NONE);
	assert_int_equal(settings_find_target(&set, 0, "t"), 0);
	assert_int_equal(settings_find_target(&set, 1, "t"), 2);
	assert_int_equal(settings_find_target(&set, 0, "u"), SETTINGS_NONE);
	assert_int_equal(settings_find_target(&set, SETTINGS_NONE, "t"),
			 SETTINGS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_asks_the_same_is_kept),
		cmocka_unit_test(what_asks_another_thing_is_not),
		cmocka_unit_test(names_lead_to_what_bears_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
