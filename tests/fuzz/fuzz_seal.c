/* A datagram from anybody.
 *
 * The corpus is sealed with the key and the name below.  Whatever comes, it is
 * judged the same way twice, and what opens is what was sealed: sealed again
 * it opens again, and with one bit changed, which the input chooses, it does
 * not.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/key.h"
#include "controller/io/seal.h"

static uint8_t plain[SEAL_PLAIN_MAX], again[SEAL_PLAIN_MAX];
static uint8_t sealed[SEAL_BYTES_MAX];
static struct seal seal;

static void expect(bool held)
{
	if (!held)
		abort();
}

static void begin(void)
{
	struct secret *key = secret_new(KEY_BYTES);

	expect(key != NULL);
	memset(key->bytes, 'k', KEY_BYTES);
	expect(seal_init(&seal, "fuzz", key, NULL) == 0);
}

static void round_trip(const uint8_t *bytes, size_t size)
{
	size_t opened = 0, length = seal_close(&seal, bytes, size, sealed);
	size_t bit = size == 0 ? 0 : 31 * size + bytes[size - 1];

	expect(length == size + SEAL_OVERHEAD);
	expect(seal_open(&seal, sealed, length, again, &opened) == SEAL_FINE);
	expect(opened == size && memcmp(again, bytes, size) == 0);
	bit %= 8 * length;
	sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	expect(seal_open(&seal, sealed, length, again, &opened) != SEAL_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum seal_verdict verdict;
	size_t opened = 0;

	if (seal.key == NULL)
		begin();
	verdict = seal_open(&seal, data, size, plain, &opened);
	expect(verdict < SEAL_VERDICTS);
	expect(seal_open(&seal, data, size, again, &opened) == verdict);
	if (verdict == SEAL_FINE) {
		expect(opened + SEAL_OVERHEAD == size);
		expect(memcmp(plain, again, opened) == 0);
		round_trip(plain, opened);
	} else if (size <= SEAL_PLAIN_MAX) {
		round_trip(data, size);
	}
	return 0;
}
