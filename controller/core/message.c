#include "controller/core/message.h"

#include <errno.h>

#include "controller/core/wire.h"

#define FORMAT 1

/* format, kind, flags, from, size of the head, size of the body */
#define PREFIX_BYTES      12
#define HEAD_BYTES        104
#define OBSERVATION_BYTES 10

uint32_t message_id(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash == 0 ? 1 : hash;
}

static void put_position(struct wire_out *out, struct position at)
{
	wire_put(out, at.term, 8);
	wire_put(out, at.version, 8);
}

static void put_head(struct wire_out *out, const struct message *msg)
{
	wire_put(out, msg->digest, 8);
	wire_put(out, msg->boot, 8);
	wire_put(out, msg->sequence, 8);
	wire_put(out, msg->term, 8);
	wire_put(out, (uint64_t)msg->clock_us, 8);
	wire_put(out, msg->challenge, 8);
	wire_put(out, msg->challenge_echo, 8);
	wire_put(out, msg->echo.boot, 8);
	wire_put(out, (uint64_t)msg->echo.clock_us, 8);
	wire_put(out, msg->ack.boot, 8);
	wire_put(out, msg->ack.term, 8);
	wire_put(out, (uint64_t)msg->ack.clock_us, 8);
	wire_put(out, msg->flags, 8);
}

static void put_body(struct wire_out *out, const struct message *msg)
{
	switch (msg->kind) {
	case MESSAGE_HEARTBEAT:
		put_position(out, msg->heartbeat.stored);
		put_position(out, msg->heartbeat.committed);
		put_position(out, msg->heartbeat.conforming);
		wire_put(out, (uint32_t)msg->heartbeat.priority, 4);
		wire_put(out, msg->heartbeat.resigned, 8);
		wire_put(out, msg->heartbeat.successor, 4);
		wire_put(out, (uint64_t)msg->heartbeat.longest_routing_us, 8);
		wire_put(out, msg->heartbeat.left, 4);
		wire_put(out, (uint64_t)msg->heartbeat.left_ago_us, 8);
		wire_put(out, (uint64_t)msg->heartbeat.whole_ago_us, 8);
		break;
	case MESSAGE_PRE_VOTE:
	case MESSAGE_PRE_VOTE_ANSWER:
	case MESSAGE_VOTE:
	case MESSAGE_VOTE_ANSWER:
		wire_put(out, msg->vote.wanted, 8);
		put_position(out, msg->vote.position);
		wire_put(out, (uint64_t)msg->vote.left_us, 8);
		break;
	case MESSAGE_DOCUMENT:
		wire_put(out, msg->document.size, 2);
		wire_put_bytes(out, msg->document.body, msg->document.size);
		break;
	case MESSAGE_RESIGN:
		wire_put(out, msg->resign.successor, 4);
		wire_put(out, msg->resign.left, 4);
		break;
	case MESSAGE_OBSERVATION:
		wire_put(out, msg->observation.count, 2);
		wire_put_bytes(out, msg->observation.body,
			       msg->observation.count * OBSERVATION_BYTES);
		break;
	case MESSAGE_INCIDENTS:
		wire_put(out, msg->incidents.size, 2);
		wire_put_bytes(out, msg->incidents.body, msg->incidents.size);
		break;
	case MESSAGE_KINDS:
		out->bad = true;
	}
}

size_t message_encode(const struct message *msg, uint8_t *buf, size_t size)
{
	struct wire_out prefix = { buf, buf + size, false };
	struct wire_out out;

	if (size < PREFIX_BYTES)
		return 0;
	out = (struct wire_out){ buf + PREFIX_BYTES, buf + size, false };
	put_head(&out, msg);
	put_body(&out, msg);
	wire_put(&prefix, FORMAT, 1);
	wire_put(&prefix, msg->kind, 1);
	wire_put(&prefix, 0, 2);
	wire_put(&prefix, msg->from, 4);
	wire_put(&prefix, HEAD_BYTES, 2);
	wire_put(&prefix, (size_t)(out.at - buf) - PREFIX_BYTES - HEAD_BYTES,
		 2);
	return out.bad ? 0 : (size_t)(out.at - buf);
}

static struct position get_position(struct wire_in *in)
{
	struct position at;

	at.term = wire_get(in, 8);
	at.version = wire_get(in, 8);
	return at;
}

static void get_head(struct wire_in *in, struct message *msg)
{
	msg->digest = wire_get(in, 8);
	msg->boot = wire_get(in, 8);
	msg->sequence = wire_get(in, 8);
	msg->term = wire_get(in, 8);
	msg->clock_us = (int64_t)wire_get(in, 8);
	msg->challenge = wire_get(in, 8);
	msg->challenge_echo = wire_get(in, 8);
	msg->echo.boot = wire_get(in, 8);
	msg->echo.clock_us = (int64_t)wire_get(in, 8);
	msg->ack.boot = wire_get(in, 8);
	msg->ack.term = wire_get(in, 8);
	msg->ack.clock_us = (int64_t)wire_get(in, 8);
	msg->flags = (unsigned)wire_get(in, 8);
}

static void get_document(struct wire_in *in, struct message *msg)
{
	msg->document.size = (size_t)wire_get(in, 2);
	msg->document.body = wire_get_bytes(in, msg->document.size);
	if (msg->document.size > DOCUMENT_BYTES_MAX)
		in->bad = true;
}

static void get_observation(struct wire_in *in, struct message *msg)
{
	msg->observation.count = (unsigned)wire_get(in, 2);
	if (msg->observation.count > MESSAGE_OBSERVATIONS_MAX)
		in->bad = true;
	msg->observation.body = wire_get_bytes(
		in, (size_t)msg->observation.count * OBSERVATION_BYTES);
}

static void get_incidents(struct wire_in *in, struct message *msg)
{
	msg->incidents.size = (size_t)wire_get(in, 2);
	msg->incidents.body = wire_get_bytes(in, msg->incidents.size);
	if (msg->incidents.size > MESSAGE_INCIDENTS_BYTES_MAX)
		in->bad = true;
}

/* Whether the kind is known. */
static bool get_body(struct wire_in *in, struct message *msg)
{
	switch (msg->kind) {
	case MESSAGE_HEARTBEAT:
		msg->heartbeat.stored = get_position(in);
		msg->heartbeat.committed = get_position(in);
		msg->heartbeat.conforming = get_position(in);
		msg->heartbeat.priority = (int32_t)(uint32_t)wire_get(in, 4);
		msg->heartbeat.resigned = wire_get(in, 8);
		msg->heartbeat.successor = (uint32_t)wire_get(in, 4);
		/* What was appended since: 0 from an older program. */
		msg->heartbeat.longest_routing_us =
			in->at == in->end ? 0 : (int64_t)wire_get(in, 8);
		msg->heartbeat.left =
			in->at == in->end ? 0 : (uint32_t)wire_get(in, 4);
		msg->heartbeat.left_ago_us =
			in->at == in->end ? 0 : (int64_t)wire_get(in, 8);
		msg->heartbeat.whole_ago_us =
			in->at == in->end ? 0 : (int64_t)wire_get(in, 8);
		return true;
	case MESSAGE_PRE_VOTE:
	case MESSAGE_PRE_VOTE_ANSWER:
	case MESSAGE_VOTE:
	case MESSAGE_VOTE_ANSWER:
		msg->vote.wanted = wire_get(in, 8);
		msg->vote.position = get_position(in);
		msg->vote.left_us =
			in->at == in->end ? -1 : (int64_t)wire_get(in, 8);
		return true;
	case MESSAGE_DOCUMENT:
		get_document(in, msg);
		return true;
	case MESSAGE_RESIGN:
		msg->resign.successor = (uint32_t)wire_get(in, 4);
		msg->resign.left =
			in->at == in->end ? 0 : (uint32_t)wire_get(in, 4);
		return true;
	case MESSAGE_OBSERVATION:
		get_observation(in, msg);
		return true;
	case MESSAGE_INCIDENTS:
		get_incidents(in, msg);
		return true;
	case MESSAGE_KINDS:
		break;
	}
	return false;
}

int message_decode(const uint8_t *buf, size_t size, struct message *ret_msg)
{
	struct wire_in in = { buf, buf + size, false }, part;
	uint64_t format = wire_get(&in, 1);
	size_t head, body;

	ret_msg->kind = (enum message_kind)wire_get(&in, 1);
	wire_get(&in, 2);
	ret_msg->from = (uint32_t)wire_get(&in, 4);
	head = (size_t)wire_get(&in, 2);
	body = (size_t)wire_get(&in, 2);
	if (in.bad)
		return -EBADMSG;
	if (format != FORMAT)
		return -EPROTONOSUPPORT;
	if (head + body != (size_t)(in.end - in.at))
		return -EBADMSG;
	part = (struct wire_in){ in.at, in.at + head, false };
	get_head(&part, ret_msg);
	if (part.bad)
		return -EBADMSG;
	part = (struct wire_in){ in.at + head, in.end, false };
	if (!get_body(&part, ret_msg))
		return -EOPNOTSUPP;
	return part.bad ? -EBADMSG : 0;
}

size_t observation_encode(const struct observation *list, unsigned count,
			  uint8_t *buf, size_t size)
{
	struct wire_out out = { buf, buf + size, false };
	unsigned i;

	for (i = 0; i < count; i++) {
		wire_put(&out, list[i].target, 4);
		wire_put(&out, list[i].state, 1);
		wire_put(&out, list[i].result, 1);
		wire_put(&out, list[i].age_ms, 4);
	}
	return out.bad ? 0 : (size_t)(out.at - buf);
}

struct observation observation_get(const struct message *msg, unsigned i)
{
	const uint8_t *at =
		msg->observation.body + (size_t)i * OBSERVATION_BYTES;
	struct wire_in in = { at, at + OBSERVATION_BYTES, false };
	struct observation obs;

	obs.target = (uint32_t)wire_get(&in, 4);
	obs.state = (uint8_t)wire_get(&in, 1);
	obs.result = (uint8_t)wire_get(&in, 1);
	obs.age_ms = (uint32_t)wire_get(&in, 4);
	return obs;
}
