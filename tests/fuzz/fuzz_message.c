/* A message from anybody; what is decoded, encodes to the same again, as far
 * as this program knows the fields. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t once[MESSAGE_BYTES_MAX], again[MESSAGE_BYTES_MAX];
	struct message msg, back;
	size_t bytes;
	unsigned i;

	if (message_decode(data, size, &msg) < 0)
		return 0;
	if (msg.kind == MESSAGE_OBSERVATION)
		for (i = 0; i < msg.observation.count; i++)
			observation_get(&msg, i);
	bytes = message_encode(&msg, once, sizeof(once));
	expect(bytes > 0 && bytes <= size);
	expect(message_decode(once, bytes, &back) == 0);
	expect(message_encode(&back, again, sizeof(again)) == bytes);
	expect(memcmp(once, again, bytes) == 0);
	return 0;
}
