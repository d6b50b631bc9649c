/* HTTP answers, read byte by byte and all at once, good, half and hostile. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/http_answer.h"
#include "tests/unit/edge.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* The last piece may reach beyond the bound. */
#define HEAD_END (HTTP_HEAD_MAX + 20)

static const struct status_range any[] = { { 100, 999 } };
static const struct status_range good[] = { { 200, 299 } };

static const struct check_settings any_check = { .method = "GET",
						 .path = "/",
						 .status = any,
						 .status_count = 1,
						 .body = "hello" };
static const struct check_settings head_check = {
	.method = "HEAD", .path = "/", .status = any, .status_count = 1
};
static const struct check_settings good_check = {
	.method = "GET", .path = "/", .status = good, .status_count = 1
};

struct seen {
	enum http_progress progress;
	int status;
	bool reusable, found;
	uint32_t body;
	size_t used;
	const char *why;
};

/* Feed @size bytes in pieces of @piece, each at the end of a page, then close
 * if @closed. */
static struct seen read_answer(const struct check_settings *check,
			       const char *text, size_t size, size_t piece,
			       bool closed)
{
	struct seen seen = { .progress = HTTP_MORE };
	struct http_question *ask;
	struct http_answer ans;
	struct edge edge;
	size_t n, used;

	assert_int_equal(http_question_new(&ask, check, NULL), 0);
	assert_int_equal(edge_open(&edge, piece), 0);
	http_answer_init(&ans, NULL);
	while (seen.used < size && seen.progress == HTTP_MORE) {
		n = size - seen.used < piece ? size - seen.used : piece;
		seen.progress = http_answer_feed(
			&ans, ask, edge_put(&edge, text + seen.used, n), n,
			&used);
		assert_true(used <= n);
		seen.used += used;
	}
	if (closed && seen.progress == HTTP_MORE)
		seen.progress = http_answer_end(&ans);
	seen.status = ans.status;
	seen.reusable = http_answer_reusable(&ans);
	seen.found = ans.body.found;
	seen.body = ans.body.seen;
	seen.why = ans.why;
	edge_close(&edge);
	http_question_free(ask);
	return seen;
}

static struct seen read_whole(const char *text)
{
	return read_answer(&any_check, text, strlen(text), 4096, false);
}

static const char *const complete[] = {
	OK "Content-Length: 5\r\n\r\nhello",
	OK "content-length:5\r\nX: y\r\n\r\nhello",
	OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n1;a=b\r\nl\r\n"
	   "0002\r\nlo\r\n0\r\nTrailer: x\r\n\r\n",
	OK "Transfer-Encoding: gzip, chunked\r\n\r\nA \r\nxhelloxxxx\r\n0\r\n"
	   "\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: <a>\r\n\r\n" OK
	"Content-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200\r\nContent-Length: 5\n\nhello",
	"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n"
	"\r\nhello",
	OK "Folded: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
};

static void reads_whole_answers_in_pieces_of_any_size(void **state)
{
	struct seen seen;
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(complete) / sizeof(complete[0]); i++) {
		for (piece = 1; piece <= strlen(complete[i]); piece++) {
			seen = read_answer(&any_check, complete[i],
					   strlen(complete[i]), piece, false);
			assert_int_equal(seen.progress, HTTP_DONE);
			assert_int_equal(seen.status, 200);
			assert_int_equal(seen.used, strlen(complete[i]));
			assert_true(seen.found);
			assert_true(seen.reusable);
		}
	}
}

static void every_prefix_wants_more_and_is_bad_when_closed(void **state)
{
	struct seen seen;
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(complete) / sizeof(complete[0]); i++) {
		for (size = 0; size < strlen(complete[i]); size++) {
			seen = read_answer(&any_check, complete[i], size,
					   size + 1, false);
			assert_int_equal(seen.progress, HTTP_MORE);
			assert_false(seen.reusable);
			seen = read_answer(&any_check, complete[i], size,
					   size + 1, true);
			assert_int_equal(seen.progress, HTTP_BAD);
			assert_non_null(strstr(seen.why, "closed"));
		}
	}
}

static void an_answer_without_a_length_ends_with_the_connection(void **state)
{
	const char *text = OK "\r\nsay hello";
	struct seen seen;

	(void)state;
	assert_int_equal(read_whole(text).progress, HTTP_MORE);
	seen = read_answer(&any_check, text, strlen(text), 3, true);
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_true(seen.found);
	text = OK "Transfer-Encoding: chunked, gzip\r\n\r\nhello";
	seen = read_answer(&any_check, text, strlen(text), 3, true);
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_false(seen.reusable);
}

static void some_answers_have_no_body(void **state)
{
	const char *text = OK "Content-Length: 999999999999\r\n\r\n";
	struct seen seen;

	(void)state;
	assert_int_equal(read_whole("HTTP/1.1 204 No\r\n\r\n").progress,
			 HTTP_DONE);
	seen = read_whole("HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n");
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_true(seen.reusable);
	seen = read_answer(&head_check, text, strlen(text), 9, false);
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_true(seen.reusable);
	seen = read_whole(OK "Content-Length: 0\r\n\r\n");
	assert_int_equal(seen.progress, HTTP_DONE);
	seen = read_whole("HTTP/1.1 101 Switch\r\n\r\n");
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_false(seen.reusable);
}

static void some_answers_end_the_connection(void **state)
{
	static const char *const last[] = {
		OK "Connection: close\r\nContent-Length: 0\r\n\r\n",
		OK "Connection: x, CLOSE ,y\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
		   "0\r\n\r\n",
	};
	struct seen seen;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		seen = read_whole(last[i]);
		assert_int_equal(seen.progress, HTTP_DONE);
		assert_false(seen.reusable);
	}
}

static void what_follows_an_answer_is_not_its_own(void **state)
{
	const char *text = OK "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200";
	struct seen seen = read_whole(text);

	(void)state;
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_int_equal(seen.used, strlen(text) - 12);
}

static void a_status_that_is_not_wanted_decides_at_once(void **state)
{
	const char *text = "HTTP/1.1 503 No\r\nContent-Length: 500\r\n\r\nx";
	struct seen seen;

	(void)state;
	seen = read_answer(&good_check, text, strlen(text), 1, false);
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_int_equal(seen.status, 503);
	assert_false(seen.reusable);
	text = "HTTP/1.1 503 No\r\nContent-Length: 1\r\n\r\nx";
	seen = read_answer(&good_check, text, strlen(text), 4096, false);
	assert_int_equal(seen.progress, HTTP_DONE);
	assert_true(seen.reusable);
}

static void refuses_what_is_no_answer(void **state)
{
	static const char *const bad[] = {
		"SSH-2.0-OpenSSH_9.2",
		"\r\n",
		"H\n",
		"HTTP/2 200 OK\r\n",
		"HTTP/1.1 20 OK\r\n",
		"HTTP/1.1 2000\r\n",
		"HTTP/1.1 099 x\r\n",
		"HTTP/1.x 200 OK\r\n",
		"HTTP/1.1  200\r\n",
		OK ": no name\r\n",
		OK "no colon\r\n",
		OK "Name : x\r\n",
		OK "Nul\1: x\r\n",
		OK "Content-Length: -1\r\n",
		OK "Content-Length: 0x5\r\n",
		OK "Content-Length:\r\n",
		OK "Content-Length: 5, 5\r\n",
		OK "Content-Length: 99999999999999999999999\r\n",
		OK "Content-Length: 5\r\nContent-Length: 6\r\n",
		OK "Content-Length: 1\r\n 2\r\n",
		OK "Content-Length: 2147483648\r\n\r\n",
		OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\nx\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n5x\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n100001\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
	};
	struct seen seen;
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (piece = 1; piece <= strlen(bad[i]); piece++) {
			seen = read_answer(&any_check, bad[i], strlen(bad[i]),
					   piece, false);
			if (seen.progress != HTTP_BAD)
				print_error("taken for good: %s\n", bad[i]);
			assert_int_equal(seen.progress, HTTP_BAD);
			assert_false(seen.reusable);
		}
	}
}

static void another_protocol_shows_at_once(void **state)
{
	(void)state;
	assert_int_equal(read_whole("S").progress, HTTP_BAD);
	assert_int_equal(read_whole("HTTP/2").progress, HTTP_BAD);
	assert_int_equal(read_whole("HTTP/1.").progress, HTTP_MORE);
	assert_int_equal(read_whole("ICY 200").progress, HTTP_BAD);
}

/* Text that repeats for ever after a good beginning: how far it is read. */
static size_t read_endless(const char *begin, const char *again)
{
	struct http_question *ask;
	struct http_answer ans;
	size_t used, total = 0;
	enum http_progress progress;

	assert_int_equal(http_question_new(&ask, &any_check, NULL), 0);
	http_answer_init(&ans, NULL);
	progress = http_answer_feed(&ans, ask, begin, strlen(begin), &used);
	while (progress == HTTP_MORE && total < 100 * HTTP_BODY_MAX) {
		progress = http_answer_feed(&ans, ask, again, strlen(again),
					    &used);
		total += used;
	}
	assert_int_equal(progress, HTTP_BAD);
	assert_non_null(ans.why);
	http_question_free(ask);
	return total;
}

static void nothing_endless_is_read_for_ever(void **state)
{
	(void)state;
	assert_true(read_endless("HTTP/1.1 200 ", "a") <= HEAD_END);
	assert_true(read_endless(OK, "X: y\r\n") <= HEAD_END);
	assert_true(read_endless(OK "X:", "y") <= HEAD_END);
	assert_true(read_endless("", "HTTP/1.1 100 x\r\n\r\n") <= HEAD_END);
	assert_true(read_endless(OK "\r\n", "body") <= HTTP_BODY_MAX + 4);
	assert_true(read_endless(OK "Transfer-Encoding: chunked\r\n\r\n",
				 "4\r\nbody\r\n") <=
		    (HTTP_BODY_MAX / 4 + 1) * 9);
	assert_true(read_endless(OK "Transfer-Encoding: chunked\r\n\r\n1",
				 ";x") <= HEAD_END);
	assert_true(read_endless(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n",
				 "X: y\r\n") <= HEAD_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_answers_in_pieces_of_any_size),
		cmocka_unit_test(
			every_prefix_wants_more_and_is_bad_when_closed),
		cmocka_unit_test(
			an_answer_without_a_length_ends_with_the_connection),
		cmocka_unit_test(some_answers_have_no_body),
		cmocka_unit_test(some_answers_end_the_connection),
		cmocka_unit_test(what_follows_an_answer_is_not_its_own),
		cmocka_unit_test(a_status_that_is_not_wanted_decides_at_once),
		cmocka_unit_test(refuses_what_is_no_answer),
		cmocka_unit_test(another_protocol_shows_at_once),
		cmocka_unit_test(nothing_endless_is_read_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
