/* The replica's request parser. */

#include "drill/replica/request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct request *ret_request)
{
	return request_parse(text, strlen(text), ret_request);
}

static void reads_a_get(void **state)
{
	static const char text[] = "GET /api/doctors?page=2 HTTP/1.1\r\n"
				   "Host: a\r\n\r\n";
	struct request req;

	(void)state;
	assert_int_equal(parse(text, &req), 1);
	assert_int_equal(req.method, REQUEST_GET);
	assert_true(request_part_is(req.path, "/api/doctors"));
	assert_true(request_part_is(req.query, "page=2"));
	assert_int_equal(req.body.len, 0);
	assert_true(req.keep_alive);
	assert_int_equal(req.size, strlen(text));
}

static void reads_a_post_with_its_body(void **state)
{
	static const char text[] = "POST /fault HTTP/1.1\r\n"
				   "content-length:  9 \r\n\r\nkind=mute"
				   "GET / HTTP/1.1\r\n";
	struct request req;

	(void)state;
	assert_int_equal(parse(text, &req), 1);
	assert_int_equal(req.method, REQUEST_POST);
	assert_true(request_part_is(req.body, "kind=mute"));
	assert_string_equal(text + req.size, "GET / HTTP/1.1\r\n");
}

static void closes_when_asked_or_when_old(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(
		parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", &req), 1);
	assert_false(req.keep_alive);
	assert_int_equal(parse("OPTIONS / HTTP/1.0\r\n\r\n", &req), 1);
	assert_int_equal(req.method, REQUEST_OTHER);
	assert_false(req.keep_alive);
	assert_int_equal(parse("HEAD / HTTP/1.1\r\nConnection: keep-alive\r\n"
			       "\r\n",
			       &req),
			 1);
	assert_true(req.keep_alive);
}

static void bears_lines_that_end_in_a_bare_newline(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(parse("GET /health HTTP/1.1\nHost: a\n\n", &req), 1);
	assert_true(request_part_is(req.path, "/health"));
}

static void refuses_what_is_not_http(void **state)
{
	static const char *const bad[] = {
		"\r\n",
		"GET\r\n",
		"GET /\r\n",
		" / HTTP/1.1\r\n",
		"GET  HTTP/1.1\r\n",
		"GET / HTTP/2.0\r\n",
		"GET / HTTP/1.1 \r\n",
		"GET / HTTP/1.1\r\nno colon\r\n",
		"GET / HTTP/1.1\r\n: no name\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -1\r\n",
		"GET / HTTP/1.1\r\nContent-Length:\r\n",
		"\x16\x03\x01\x02\n",
	};
	struct request req;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &req), -EBADMSG);
}

static void refuses_a_chunked_body(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(parse("POST / HTTP/1.1\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n",
			       &req),
			 -EPROTONOSUPPORT);
}

static void refuses_what_is_too_large(void **state)
{
	static char head[REQUEST_MAX + 1];
	struct request req;

	(void)state;
	assert_int_equal(parse("POST / HTTP/1.1\r\n"
			       "Content-Length: 16384\r\n\r\n",
			       &req),
			 -EMSGSIZE);
	assert_int_equal(parse("POST / HTTP/1.1\r\n"
			       "Content-Length: 99999999999999999999\r\n",
			       &req),
			 -EMSGSIZE);
	memset(head, 'a', REQUEST_MAX);
	assert_int_equal(request_parse(head, REQUEST_MAX, &req), -EMSGSIZE);
	assert_int_equal(request_parse(head, REQUEST_MAX - 1, &req), 0);
}

/* Each prefix in memory of its own, so that a sanitizer sees a read behind. */
static void wants_more_for_every_prefix(void **state)
{
	static const char text[] = "POST /fault?scope=all HTTP/1.1\r\n"
				   "Host: a\r\nContent-Length: 9\r\n\r\n"
				   "kind=mute";
	struct request req;
	char *copy;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy + 1, text, len);
		assert_int_equal(request_parse(copy + 1, len, &req), 0);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_get),
		cmocka_unit_test(reads_a_post_with_its_body),
		cmocka_unit_test(closes_when_asked_or_when_old),
		cmocka_unit_test(bears_lines_that_end_in_a_bare_newline),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(refuses_a_chunked_body),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(wants_more_for_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
