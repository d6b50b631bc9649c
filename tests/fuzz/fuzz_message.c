/* A message from anybody; what is decoded, encodes to the same again, as far
 * as this program knows the fields. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/incident_wire.h"
#include "controller/core/message.h"

/* To a heartbeat, which has most of them. */
#define APPENDED_BYTES 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

static void read_incidents(const struct message *msg)
{
	const struct instant now = { 100 * SECOND };
	const uint8_t *at = msg->incidents.body;
	size_t left = msg->incidents.size;
	struct incident_ids ids;
	struct incident inc;
	int bytes;

	for (; left > 0; at += bytes, left -= (size_t)bytes) {
		bytes = incident_decode(at, left, now, &inc, &ids);
		if (bytes < 0)
			return;
		expect((size_t)bytes <= left);
		expect(inc.cause.code < RESULT_CODES);
	}
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
	if (msg.kind == MESSAGE_INCIDENTS)
		read_incidents(&msg);
	bytes = message_encode(&msg, once, sizeof(once));
	/* One of an older program gets the fields that were appended since. */
	expect(bytes > 0 && bytes <= size + APPENDED_BYTES);
	expect(message_decode(once, bytes, &back) == 0);
	expect(message_encode(&back, again, sizeof(again)) == bytes);
	expect(memcmp(once, again, bytes) == 0);
	return 0;
}
