/* The load's reader of answers, and of URLs. */

#include "drill/load/reply.h"
#include "drill/load/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char with_length[] = "HTTP/1.1 200 OK\r\n"
				  "content-length:  5 \r\n\r\nhello";
static const char chunked[] = "HTTP/1.1 503 Service Unavailable\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n"
			      "5;name=abc\r\nhello\r\n"
			      "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n"
			      "0\r\nTrailer: x\r\n\r\n";
static const char continued[] = "HTTP/1.1 100 Continue\r\n\r\n"
				"HTTP/1.1 204 No Content\r\n\r\n";

static int feed(struct reply *reply, const char *text)
{
	reply_init(reply);
	return reply_feed(reply, text, strlen(text));
}

static void reads_a_body_of_known_length(void **state)
{
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, with_length), 1);
	assert_int_equal(reply.status, 200);
	assert_true(reply.keep_alive);
}

static void reads_a_chunked_body(void **state)
{
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, chunked), 1);
	assert_int_equal(reply.status, 503);
	assert_true(reply.keep_alive);
}

static void passes_over_an_interim_answer(void **state)
{
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, continued), 1);
	assert_int_equal(reply.status, 204);
}

static void reads_until_the_server_closes(void **state)
{
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\n\r\nabc"), 0);
	assert_int_equal(reply_end(&reply), 1);
	assert_false(reply.keep_alive);
}

static void misses_what_is_cut_off(void **state)
{
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\n"
				      "Content-Length: 5\r\n\r\nhell"),
			 0);
	assert_int_equal(reply_end(&reply), -EPIPE);
	assert_int_equal(feed(&reply, "HTTP/1.1 200 O"), 0);
	assert_int_equal(reply_end(&reply), -EPIPE);
}

/* Byte by byte it is whole at the last byte and not before. */
static void takes_it_in_any_portions(void **state)
{
	static const char *const whole[] = { with_length, chunked, continued };
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t len = strlen(whole[i]);

		reply_init(&reply);
		for (size_t n = 0; n < len; n++)
			assert_int_equal(reply_feed(&reply, whole[i] + n, 1),
					 n == len - 1);
		for (size_t cut = 1; cut < len; cut++) {
			reply_init(&reply);
			assert_int_equal(reply_feed(&reply, whole[i], cut), 0);
			assert_int_equal(
				reply_feed(&reply, whole[i] + cut, len - cut),
				1);
		}
	}
}

static void knows_whether_the_connection_stays(void **state)
{
	static const struct {
		const char *text;
		bool stays;
	} cases[] = {
		{ "HTTP/1.1 204 x\r\nConnection: close\r\n\r\n", false },
		{ "HTTP/1.0 204 x\r\n\r\n", false },
		{ "HTTP/1.0 204 x\r\nConnection: Keep-Alive\r\n\r\n", true },
		{ "HTTP/1.1 204 x\r\n\r\nmore", false },
		{ "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n", true },
	};
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(feed(&reply, cases[i].text), 1);
		assert_int_equal(reply.keep_alive, cases[i].stays);
	}
}

static void refuses_what_is_not_http(void **state)
{
	static const char *const bad[] = {
		"\x16\x03\x01",
		"SSH-2.0\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 600 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "fffffffffff\r\n"),
	};
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(feed(&reply, bad[i]), -EBADMSG);
}

static void gives_up_on_headers_without_end(void **state)
{
	static const char line[] = "X-Filler: abc\r\n";
	struct reply reply;
	size_t fed = 0;
	int r;

	(void)state;
	r = feed(&reply, "HTTP/1.1 200 OK\r\n");
	for (; r == 0 && fed < 2 * REPLY_HEAD_MAX; fed += sizeof(line) - 1)
		r = reply_feed(&reply, line, sizeof(line) - 1);
	assert_int_equal(r, -EBADMSG);
	assert_true(fed >= REPLY_HEAD_MAX - sizeof(line) * 2);
}

static void counts_a_body_of_two_gibibytes(void **state)
{
	static const char block[65536];
	struct reply reply;

	(void)state;
	assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\n"
				      "Content-Length: 2147483648\r\n\r\n"),
			 0);
	for (int i = 1; i < 32768; i++)
		assert_int_equal(reply_feed(&reply, block, sizeof(block)), 0);
	assert_int_equal(reply_feed(&reply, block, sizeof(block)), 1);
}

static void splits_urls(void **state)
{
	static const struct {
		const char *text, *host, *port, *authority, *path;
	} cases[] = {
		{ "http://127.0.0.1:5000/api/doctors?x=1", "127.0.0.1", "5000",
		  "127.0.0.1:5000", "/api/doctors?x=1" },
		{ "http://[::1]:5000/", "::1", "5000", "[::1]:5000", "/" },
		{ "http://localhost", "localhost", "80", "localhost", "/" },
		{ "http://[::1]?q", "::1", "80", "[::1]", "/?q" },
	};
	struct url url;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(url_parse(cases[i].text, &url, NULL), 0);
		assert_string_equal(url.text, cases[i].text);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.port, cases[i].port);
		assert_string_equal(url.authority, cases[i].authority);
		assert_string_equal(url.path, cases[i].path);
	}
}

static void refuses_what_is_no_url(void **state)
{
	static const char *const bad[] = {
		"",
		"127.0.0.1:5000",
		"https://127.0.0.1/",
		"http://",
		"http:///path",
		"http://:80/",
		"http://a:0/",
		"http://a:65536/",
		"http://a:b/",
		"http://::1/",
		"http://[::1/",
		"http://[::1]x:80/",
		"http://[]:80/",
		"http://]:80/",
		"http://a/b c",
		"http://a/\r\nX: y",
		"http://user@a/",
	};
	char text[2 * URL_MAX] = "http://a/";
	struct url url;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(url_parse(bad[i], &url, &err), -EINVAL);
		assert_non_null(strstr(err.text, "is not http://"));
	}
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	assert_int_equal(url_parse(text, &url, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_body_of_known_length),
		cmocka_unit_test(reads_a_chunked_body),
		cmocka_unit_test(passes_over_an_interim_answer),
		cmocka_unit_test(reads_until_the_server_closes),
		cmocka_unit_test(misses_what_is_cut_off),
		cmocka_unit_test(takes_it_in_any_portions),
		cmocka_unit_test(knows_whether_the_connection_stays),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(gives_up_on_headers_without_end),
		cmocka_unit_test(counts_a_body_of_two_gibibytes),
		cmocka_unit_test(splits_urls),
		cmocka_unit_test(refuses_what_is_no_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
