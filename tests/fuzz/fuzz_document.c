/* A document and a hard state from anybody; what is decoded, encodes to the
 * very same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/hard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[HARD_BYTES_MAX];
	static struct document doc;
	static struct hard_state hard;
	struct err err = { 0 };
	size_t written;

	if (document_decode(data, size, &doc, &err) == 0) {
		expect(document_encode(&doc, again, sizeof(again)) == size);
		expect(memcmp(data, again, size) == 0);
	} else {
		expect(err.text[0] != '\0');
	}
	if (hard_decode(data, size, &hard, &err) == 0) {
		/* An older format comes back as the present one. */
		written = hard_encode(&hard, again, sizeof(again));
		expect(written == (data[0] == 1 ? size + 8 : size));
		expect(data[0] == 1 || memcmp(data, again, size) == 0);
	}
	return 0;
}
