/* Results, their worth, and their text; errors; random numbers. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/err.h"
#include "controller/core/result.h"
#include "controller/core/rng.h"

static void every_code_has_a_name_that_finds_it(void **state)
{
	unsigned code;

	(void)state;
	for (code = 0; code < RESULT_CODES; code++)
		assert_int_equal(result_code_find(result_code_name(code)),
				 code);
	assert_int_equal(result_code_find("L9OK"), RESULT_CODES);
}

static void only_timeouts_are_silence(void **state)
{
	unsigned code;

	(void)state;
	for (code = 0; code < RESULT_CODES; code++)
		assert_int_equal(result_is_silence(code),
				 strstr(result_code_name(code), "TOUT") !=
					 NULL);
}

static void our_own_trouble_gives_no_verdict(void **state)
{
	(void)state;
	assert_int_equal(result_verdict(RESULT_SOCKERR), VERDICT_NONE);
	assert_int_equal(result_verdict(RESULT_RESOLV), VERDICT_NONE);
	assert_int_equal(result_verdict(RESULT_PROCUNK), VERDICT_NONE);
	assert_int_equal(result_verdict(RESULT_L7OKC), VERDICT_WARN);
	assert_int_equal(result_verdict(RESULT_L7STS), VERDICT_FAIL);
	assert_int_equal(result_verdict(RESULT_L4OK), VERDICT_PASS);
}

static void text_is_cut_and_without_control_characters(void **state)
{
	char text[2 * RESULT_TEXT_MAX];
	struct result res;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text[1] = '\n';
	text[2] = '\x1b';
	text[3] = '\xff';
	res = result_make(RESULT_L7RSP, 0, 5, text);
	assert_int_equal(strlen(res.text), RESULT_TEXT_MAX - 1);
	assert_memory_equal(res.text, "a???a", 5);
	assert_int_equal(res.cert_days, RESULT_NO_CERT);
	assert_string_equal(result_make(RESULT_L4OK, 0, 5, NULL).text, "");
}

static void reads_well(void **state)
{
	char buf[200];
	struct result res = result_make(RESULT_L7STS, 503, 12 * MS, "busy");

	(void)state;
	assert_string_equal(result_text(&res, buf, sizeof(buf)),
			    "L7STS 503, 12 ms, busy");
	res = result_make(RESULT_L4CON, 0, 850, NULL);
	assert_string_equal(result_text(&res, buf, sizeof(buf)),
			    "L4CON, 850 us");
	res = result_make(RESULT_L4TOUT, 0, 12 * SECOND, NULL);
	assert_string_equal(result_text(&res, buf, sizeof(buf)),
			    "L4TOUT, 12 s");
	assert_string_equal(check_type_name(CHECK_EXEC), "exec");
}

static void errors_carry_code_and_sentence(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, -ENOENT, "no %s", "file"), -ENOENT);
	err_wrap(&err, "line %d", 7);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "line 7: no file");
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
	err_wrap(NULL, "x");
}

static void long_errors_are_cut(void **state)
{
	char text[2 * ERR_TEXT_MAX];
	struct err err;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	err_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void one_seed_gives_one_row_of_numbers(void **state)
{
	struct rng a, b, c;
	int i, differing = 0;

	(void)state;
	rng_init(&a, 1);
	rng_init(&b, 1);
	rng_init(&c, 2);
	/* xoshiro256** after splitmix64(1), as its authors' code gives it. */
	assert_true(rng_next(&a) == 0xb3f2af6d0fc710c5u);
	rng_next(&b);
	for (i = 0; i < 100; i++) {
		uint64_t x = rng_next(&a);

		assert_true(x == rng_next(&b));
		differing += x != rng_next(&c);
	}
	assert_int_equal(differing, 100);
}

static void numbers_stay_below_their_bound(void **state)
{
	unsigned seen[7] = { 0 };
	struct rng rng;
	int i;

	(void)state;
	rng_init(&rng, 3);
	assert_int_equal(rng_below(&rng, 0), 0);
	for (i = 0; i < 7000; i++)
		seen[rng_below(&rng, 7)]++;
	for (i = 0; i < 7; i++)
		assert_in_range(seen[i], 850, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_that_finds_it),
		cmocka_unit_test(only_timeouts_are_silence),
		cmocka_unit_test(our_own_trouble_gives_no_verdict),
		cmocka_unit_test(text_is_cut_and_without_control_characters),
		cmocka_unit_test(reads_well),
		cmocka_unit_test(errors_carry_code_and_sentence),
		cmocka_unit_test(long_errors_are_cut),
		cmocka_unit_test(one_seed_gives_one_row_of_numbers),
		cmocka_unit_test(numbers_stay_below_their_bound),
	};

	return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
