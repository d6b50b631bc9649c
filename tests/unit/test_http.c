/* HTTP checks: what is asked, and how body and status are judged. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/http.h"

static const struct status_range ok[] = { { 200, 299 }, { 401, 401 } };

static struct check_settings check_of(void)
{
	return (struct check_settings){ .method = "GET",
					.path = "/health",
					.status = ok,
					.status_count = 2,
					.tether = true };
}

static struct http_question *question_of(const struct check_settings *check)
{
	struct http_question *ask;

	assert_int_equal(http_question_new(&ask, check, NULL), 0);
	return ask;
}

static void assert_asks(const struct check_settings *check, const char *host,
			uint16_t port, const char *wanted)
{
	struct http_question *ask = question_of(check);
	char buf[512];
	size_t size;

	size = http_question_write(ask, host, port, buf, sizeof(buf));
	assert_int_equal(size, strlen(wanted));
	assert_string_equal(buf, wanted);
	http_question_free(ask);
}

static void asks_with_host_and_port(void **state)
{
	struct check_settings check = check_of();

	(void)state;
	assert_asks(&check, "10.0.0.1", 5000,
		    "GET /health HTTP/1.1\r\nHost: 10.0.0.1:5000\r\n"
		    "User-Agent: bascule\r\nAccept: */*\r\n\r\n");
}

static void asks_to_close_what_is_not_to_be_held(void **state)
{
	struct check_settings check = check_of();

	(void)state;
	check.tether = false;
	assert_asks(&check, "10.0.0.1", 80,
		    "GET /health HTTP/1.1\r\nHost: 10.0.0.1\r\n"
		    "User-Agent: bascule\r\nAccept: */*\r\n"
		    "Connection: close\r\n\r\n");
}

static void leaves_out_the_usual_port_and_brackets_ipv6(void **state)
{
	struct check_settings check = check_of();

	(void)state;
	assert_asks(&check, "::1", 80,
		    "GET /health HTTP/1.1\r\nHost: [::1]\r\n"
		    "User-Agent: bascule\r\nAccept: */*\r\n\r\n");
}

static void the_operators_headers_replace_ours(void **state)
{
	static const char *const headers[] = { "host: x", "USER-AGENT: y",
					       "Accept: z" };
	struct check_settings check = check_of();

	(void)state;
	check.headers = headers;
	check.headers_count = 3;
	check.host = "ignored";
	assert_asks(&check, "h", 1,
		    "GET /health HTTP/1.1\r\nhost: x\r\n"
		    "USER-AGENT: y\r\nAccept: z\r\n\r\n");
}

static void a_post_has_a_length(void **state)
{
	struct check_settings check = check_of();

	(void)state;
	check.method = "POST";
	check.host = "api.example";
	assert_asks(&check, "h", 1,
		    "POST /health HTTP/1.1\r\nHost: api.example\r\n"
		    "User-Agent: bascule\r\nAccept: */*\r\n"
		    "Content-Length: 0\r\n\r\n");
}

static void a_request_that_does_not_fit_is_none(void **state)
{
	struct check_settings check = check_of();
	struct http_question *ask = question_of(&check);
	char buf[512];
	size_t size, wanted;

	(void)state;
	wanted = http_question_write(ask, "h", 1, buf, sizeof(buf));
	for (size = 0; size <= wanted; size++)
		assert_int_equal(http_question_write(ask, "h", 1, buf, size),
				 0);
	assert_int_equal(http_question_write(ask, "h", 1, buf, wanted + 1),
			 wanted);
	http_question_free(ask);
}

static void a_bad_regex_is_an_error(void **state)
{
	struct check_settings check = check_of();
	struct http_question *ask;
	struct err err;

	(void)state;
	check.body_regex = "(";
	assert_int_equal(http_question_new(&ask, &check, &err), -EINVAL);
	assert_non_null(strstr(err.text, "body_regex"));
}

/* Feed @text in pieces of @piece bytes and judge. */
static enum result_code judge_pieces(const struct check_settings *check,
				     const char *text, size_t piece)
{
	struct http_question *ask = question_of(check);
	char *kept = malloc(HTTP_KEPT_SIZE);
	size_t size = strlen(text), at, n;
	struct http_body body;
	struct result res;

	http_body_init(&body, kept);
	for (at = 0; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		assert_int_equal(http_body_feed(&body, ask, text + at, n), 0);
	}
	res = http_judge(ask, 200, &body, 1);
	http_question_free(ask);
	free(kept);
	return res.code;
}

static void finds_the_body_across_any_border(void **state)
{
	const char *text = "aabaabaabaaab";
	struct check_settings check = check_of();
	size_t piece;

	(void)state;
	for (piece = 1; piece <= strlen(text); piece++) {
		check.body = "aabaaab";
		assert_int_equal(judge_pieces(&check, text, piece),
				 RESULT_L7OK);
		check.body = "aabaab";
		assert_int_equal(judge_pieces(&check, text, piece),
				 RESULT_L7OK);
		check.body = "aaaa";
		assert_int_equal(judge_pieces(&check, text, piece),
				 RESULT_L7STS);
	}
}

/* The search agrees with strstr() on every text of two letters. */
static void finds_what_strstr_finds(void **state)
{
	struct check_settings check = check_of();
	char text[11], wanted[5];
	unsigned i, j, k;

	(void)state;
	check.body = wanted;
	for (i = 0; i < 1 << 10; i++) {
		for (k = 0; k < 10; k++)
			text[k] = (char)('a' + (i >> k & 1));
		text[10] = '\0';
		for (j = 0; j < 1 << 4; j++) {
			for (k = 0; k < 4; k++)
				wanted[k] = (char)('a' + (j >> k & 1));
			wanted[4] = '\0';
			assert_int_equal(judge_pieces(&check, text, 3),
					 strstr(text, wanted) ? RESULT_L7OK
							      : RESULT_L7STS);
		}
	}
}

static void matches_a_regular_expression(void **state)
{
	struct check_settings check = check_of();

	(void)state;
	check.body_regex = "\"lag\": *[0-9]{1,2}[,}]";
	assert_int_equal(judge_pieces(&check, "{\"lag\": 12}", 4), RESULT_L7OK);
	assert_int_equal(judge_pieces(&check, "{\"lag\": 123}", 4),
			 RESULT_L7STS);
	assert_int_equal(judge_pieces(&check, "", 4), RESULT_L7STS);
}

static void a_regex_sees_the_first_64_kib(void **state)
{
	struct check_settings check = check_of();
	char *text = malloc(HTTP_REGEX_MAX + 10);

	(void)state;
	check.body_regex = "x";
	memset(text, 'a', HTTP_REGEX_MAX + 9);
	text[HTTP_REGEX_MAX + 9] = '\0';
	text[HTTP_REGEX_MAX] = 'x';
	assert_int_equal(judge_pieces(&check, text, 1000), RESULT_L7STS);
	text[HTTP_REGEX_MAX - 1] = 'x';
	assert_int_equal(judge_pieces(&check, text, 1000), RESULT_L7OK);
	free(text);
}

static void a_body_has_a_bound(void **state)
{
	static char piece[4096];
	struct check_settings check = check_of();
	struct http_question *ask = question_of(&check);
	struct http_body body;
	unsigned i;

	(void)state;
	http_body_init(&body, NULL);
	for (i = 0; i < HTTP_BODY_MAX / sizeof(piece); i++)
		assert_int_equal(
			http_body_feed(&body, ask, piece, sizeof(piece)), 0);
	assert_int_equal(http_body_feed(&body, ask, piece, 1), -EFBIG);
	http_question_free(ask);
}

static void says_which_status_was_wanted(void **state)
{
	struct check_settings check = check_of();
	struct http_question *ask = question_of(&check);
	struct http_body body;
	struct result res;

	(void)state;
	http_body_init(&body, NULL);
	res = http_judge(ask, 503, &body, 1200);
	assert_int_equal(res.code, RESULT_L7STS);
	assert_int_equal(res.status, 503);
	assert_int_equal(res.latency_us, 1200);
	assert_string_equal(res.text, "wanted status 200-299,401");
	assert_int_equal(http_judge(ask, 401, &body, 1).code, RESULT_L7OK);
	assert_int_equal(http_judge(ask, 200, &body, 1).code, RESULT_L7OK);
	assert_int_equal(http_judge(ask, 299, &body, 1).code, RESULT_L7OK);
	assert_int_equal(http_judge(ask, 300, &body, 1).code, RESULT_L7STS);
	http_question_free(ask);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_with_host_and_port),
		cmocka_unit_test(asks_to_close_what_is_not_to_be_held),
		cmocka_unit_test(leaves_out_the_usual_port_and_brackets_ipv6),
		cmocka_unit_test(the_operators_headers_replace_ours),
		cmocka_unit_test(a_post_has_a_length),
		cmocka_unit_test(a_request_that_does_not_fit_is_none),
		cmocka_unit_test(a_bad_regex_is_an_error),
		cmocka_unit_test(finds_the_body_across_any_border),
		cmocka_unit_test(finds_what_strstr_finds),
		cmocka_unit_test(matches_a_regular_expression),
		cmocka_unit_test(a_regex_sees_the_first_64_kib),
		cmocka_unit_test(a_body_has_a_bound),
		cmocka_unit_test(says_which_status_was_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
