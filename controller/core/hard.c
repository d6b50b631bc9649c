#include "controller/core/hard.h"

#include <errno.h>

#include "controller/core/wire.h"

#define FORMAT        2
#define FORMAT_FORMER 1 /* without longest_routing_us */
#define SUM_BYTES     8

static uint64_t checksum(const uint8_t *bytes, size_t size)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	size_t i;

	for (i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash;
}

size_t hard_encode(const struct hard_state *hard, uint8_t *buf, size_t size)
{
	struct wire_out out = { buf, buf + size, false };
	size_t body;

	wire_put(&out, FORMAT, 1);
	wire_put(&out, hard->term, 8);
	wire_put(&out, hard->voted_for, 4);
	wire_put(&out, hard->blank, 1);
	wire_put(&out, (uint64_t)hard->longest_lease_us, 8);
	wire_put(&out, (uint64_t)hard->longest_routing_us, 8);
	body = document_encode(&hard->document, out.at,
			       (size_t)(out.end - out.at));
	if (out.bad || body == 0)
		return 0;
	out.at += body;
	wire_put(&out, checksum(buf, (size_t)(out.at - buf)), SUM_BYTES);
	return out.bad ? 0 : (size_t)(out.at - buf);
}

static int damaged(struct err *err, size_t size)
{
	return err_set(err, -EBADMSG, "the state of %zu bytes is damaged",
		       size);
}

int hard_decode(const uint8_t *buf, size_t size, struct hard_state *ret_hard,
		struct err *err)
{
	struct wire_in in, sum;
	uint64_t format, term, blank, longest, routing;
	uint32_t voted_for;
	int r;

	if (size < SUM_BYTES)
		return damaged(err, size);
	in = (struct wire_in){ buf, buf + size - SUM_BYTES, false };
	sum = (struct wire_in){ in.end, buf + size, false };
	if (wire_get(&sum, SUM_BYTES) != checksum(buf, size - SUM_BYTES))
		return damaged(err, size);
	format = wire_get(&in, 1);
	term = wire_get(&in, 8);
	voted_for = (uint32_t)wire_get(&in, 4);
	blank = wire_get(&in, 1);
	longest = wire_get(&in, 8);
	routing = format == FORMAT_FORMER ? 0 : wire_get(&in, 8);
	if (!in.bad && format != FORMAT && format != FORMAT_FORMER)
		return err_set(err, -EPROTONOSUPPORT,
			       "the state has format %d, and this program "
			       "reads formats up to %d: upgrade this node",
			       (int)format, FORMAT);
	if (in.bad || blank > 1 || longest > INT64_MAX || routing > INT64_MAX)
		return damaged(err, size);
	r = document_decode(in.at, (size_t)(in.end - in.at),
			    &ret_hard->document, err);
	if (r < 0)
		return r;
	ret_hard->term = term;
	ret_hard->voted_for = voted_for;
	ret_hard->blank = blank == 1;
	ret_hard->longest_lease_us = (int64_t)longest;
	ret_hard->longest_routing_us = (int64_t)routing;
	return 0;
}
