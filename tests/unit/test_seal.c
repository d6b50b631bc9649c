/* Sealed datagrams: what gets through, and how everything else is called. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "controller/io/key.h"
#include "controller/io/seal.h"
#include "tests/unit/edge.h"

#define VERSION_AT 3
#define CLUSTER_AT 4
#define LENGTH_AT  12
#define NONCE_AT   14

struct world {
	struct secret *key, *other_key;
	struct seal seal;
	uint8_t sealed[2 * SEAL_BYTES_MAX], plain[SEAL_PLAIN_MAX];
	size_t plain_size;
};

static struct secret *key_of(unsigned char byte)
{
	struct secret *key = secret_new(KEY_BYTES);

	assert_non_null(key);
	memset(key->bytes, byte, KEY_BYTES);
	return key;
}

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.key = key_of(1);
	w.other_key = key_of(2);
	*state = &w;
	return seal_init(&w.seal, "medassist", w.key, NULL);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	secret_free(w->key);
	secret_free(w->other_key);
	return 0;
}

static enum seal_verdict open_it(struct world *w, size_t size)
{
	return seal_open(&w->seal, w->sealed, size, w->plain, &w->plain_size);
}

static void what_is_closed_opens(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);

	assert_int_equal(size, 5 + SEAL_OVERHEAD);
	assert_int_equal(open_it(w, size), SEAL_FINE);
	assert_int_equal(w->plain_size, 5);
	assert_memory_equal(w->plain, "hello", 5);
}

static void nothing_and_the_longest_open(void **state)
{
	static uint8_t longest[SEAL_PLAIN_MAX];
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "", 0, w->sealed);

	assert_int_equal(open_it(w, size), SEAL_FINE);
	assert_int_equal(w->plain_size, 0);
	memset(longest, 'x', sizeof(longest));
	size = seal_close(&w->seal, longest, sizeof(longest), w->sealed);
	assert_int_equal(size, SEAL_BYTES_MAX);
	assert_int_equal(open_it(w, size), SEAL_FINE);
	assert_int_equal(w->plain_size, sizeof(longest));
	assert_memory_equal(w->plain, longest, sizeof(longest));
}

static void the_same_bytes_are_never_sealed_alike(void **state)
{
	struct world *w = *state;
	uint8_t first[SEAL_BYTES_MAX];
	size_t size = seal_close(&w->seal, "hello", 5, first);

	seal_close(&w->seal, "hello", 5, w->sealed);
	assert_memory_equal(first, w->sealed, NONCE_AT);
	assert_memory_not_equal(first + NONCE_AT, w->sealed + NONCE_AT, 24);
	assert_memory_not_equal(first + SEAL_OVERHEAD - 16,
				w->sealed + SEAL_OVERHEAD - 16,
				size + 16 - SEAL_OVERHEAD);
}

static void a_replay_opens_again(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);

	assert_int_equal(open_it(w, size), SEAL_FINE);
	assert_int_equal(open_it(w, size), SEAL_FINE);
}

/* Nothing beyond its end is read. */
static void no_prefix_opens(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);
	enum seal_verdict verdict;
	struct edge edge;
	const char *at;

	assert_int_equal(edge_open(&edge, size), 0);
	for (size_t n = 0; n < size; n++) {
		at = edge_put(&edge, (const char *)w->sealed, n);
		verdict = seal_open(&w->seal, (const uint8_t *)at, n, w->plain,
				    &w->plain_size);
		assert_int_equal(verdict, n <= VERSION_AT ? SEAL_MALFORMED
							  : SEAL_TRUNCATED);
	}
	edge_close(&edge);
}

static enum seal_verdict expected_of_flip(size_t at)
{
	if (at < VERSION_AT)
		return SEAL_MALFORMED;
	if (at == VERSION_AT)
		return SEAL_OTHER;
	if (at < LENGTH_AT)
		return SEAL_FOREIGN;
	return SEAL_UNAUTHENTIC;
}

static void no_flipped_bit_opens(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);
	enum seal_verdict verdict;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		w->sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		verdict = open_it(w, size);
		w->sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (bit / 8 >= LENGTH_AT && bit / 8 < NONCE_AT)
			assert_true(verdict == SEAL_TRUNCATED ||
				    verdict == SEAL_MALFORMED);
		else
			assert_int_equal(verdict, expected_of_flip(bit / 8));
	}
	assert_int_equal(open_it(w, size), SEAL_FINE);
}

/* The version and the length stand outside of the ciphertext. */
static void the_header_is_authentic_too(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);

	w->sealed[LENGTH_AT + 1] = 4;
	assert_int_equal(open_it(w, size - 1), SEAL_UNAUTHENTIC);
	w->sealed[LENGTH_AT + 1] = 6;
	assert_int_equal(open_it(w, size + 1), SEAL_UNAUTHENTIC);
}

static void appended_bytes_are_malformed(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);

	assert_int_equal(open_it(w, size + 1), SEAL_MALFORMED);
}

static void another_key_is_not_authentic(void **state)
{
	struct world *w = *state;
	struct seal other;
	size_t size;

	assert_int_equal(seal_init(&other, "medassist", w->other_key, NULL), 0);
	size = seal_close(&other, "hello", 5, w->sealed);
	assert_int_equal(open_it(w, size), SEAL_UNAUTHENTIC);
}

static void another_cluster_is_foreign_despite_its_key(void **state)
{
	struct world *w = *state;
	struct seal other;
	size_t size;

	assert_int_equal(seal_init(&other, "medassis", w->key, NULL), 0);
	size = seal_close(&other, "hello", 5, w->sealed);
	assert_int_equal(open_it(w, size), SEAL_FOREIGN);
	/* Nor does it help to say that it is ours. */
	memcpy(w->sealed + CLUSTER_AT, w->seal.context + CLUSTER_AT, 8);
	assert_int_equal(open_it(w, size), SEAL_UNAUTHENTIC);
}

static void another_version_is_told_from_an_enemy(void **state)
{
	struct world *w = *state;
	size_t size = seal_close(&w->seal, "hello", 5, w->sealed);

	w->sealed[VERSION_AT] = SEAL_VERSION + 1;
	assert_int_equal(open_it(w, size), SEAL_OTHER);
	assert_int_equal(open_it(w, VERSION_AT + 1), SEAL_OTHER);
	assert_int_equal(open_it(w, SEAL_BYTES_MAX + 1), SEAL_OTHER);
}

static void what_is_longer_than_any_message_is_oversized(void **state)
{
	struct world *w = *state;

	seal_close(&w->seal, "hello", 5, w->sealed);
	assert_int_equal(open_it(w, SEAL_BYTES_MAX + 1), SEAL_OVERSIZED);
	assert_int_equal(open_it(w, SIZE_MAX), SEAL_OVERSIZED);
	memset(w->sealed, 0, sizeof(w->sealed));
	assert_int_equal(open_it(w, SIZE_MAX), SEAL_MALFORMED);
}

static void wrong_keys_and_names_are_refused(void **state)
{
	struct world *w = *state;
	struct secret *key = secret_new(KEY_BYTES - 1);
	char name[SEAL_CLUSTER_MAX + 2];
	struct seal seal;

	assert_int_equal(seal_init(&seal, "c", key, NULL), -EINVAL);
	secret_free(key);
	memset(name, 'n', sizeof(name));
	name[SEAL_CLUSTER_MAX + 1] = '\0';
	assert_int_equal(seal_init(&seal, name, w->key, NULL), -EINVAL);
	name[SEAL_CLUSTER_MAX] = '\0';
	assert_int_equal(seal_init(&seal, name, w->key, NULL), 0);
	assert_int_equal(seal_close(&seal, "x", 1, w->sealed),
			 1 + SEAL_OVERHEAD);
	assert_int_equal(seal_open(&seal, w->sealed, 1 + SEAL_OVERHEAD,
				   w->plain, &w->plain_size),
			 SEAL_FINE);
}

static void every_verdict_has_a_word(void **state)
{
	(void)state;
	for (unsigned v = 0; v < SEAL_VERDICTS; v++)
		assert_string_not_equal(seal_verdict_name(v), "?");
	assert_string_equal(seal_verdict_name(SEAL_VERDICTS), "?");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_closed_opens),
		TEST(nothing_and_the_longest_open),
		TEST(the_same_bytes_are_never_sealed_alike),
		TEST(a_replay_opens_again),
		TEST(no_prefix_opens),
		TEST(no_flipped_bit_opens),
		TEST(the_header_is_authentic_too),
		TEST(appended_bytes_are_malformed),
		TEST(another_key_is_not_authentic),
		TEST(another_cluster_is_foreign_despite_its_key),
		TEST(another_version_is_told_from_an_enemy),
		TEST(what_is_longer_than_any_message_is_oversized),
		TEST(wrong_keys_and_names_are_refused),
		TEST(every_verdict_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
