#include "controller/core/incident_wire.h"

#include <errno.h>

#include "controller/core/wire.h"

#define SIZE_BYTES 2
#define NO_AGE     INT64_MIN
/* Older than any record is kept: nothing here computes out of bounds. */
#define AGE_US_MAX ((int64_t)100 * 366 * 24 * HOUR)

enum { FLAG_TOTAL = 1, FLAG_HELD = 2, FLAG_MAINTENANCE = 4 };

static void put_age(struct wire_out *out, struct instant when,
		    struct instant now)
{
	int64_t age_us =
		instant_is_none(when) ? NO_AGE : instant_diff_us(when, now);

	wire_put(out, (uint64_t)age_us, 8);
}

static void put_record(struct wire_out *out, const struct incident *inc,
		       const struct incident_ids *ids, struct instant now)
{
	wire_put(out, inc->number, 4);
	wire_put(out, ids->service, 4);
	wire_put(out, ids->target, 4);
	wire_put(out, inc->term, 8);
	wire_put(out, inc->revision, 4);
	wire_put(out, inc->merged_into, 4);
	wire_put(out, inc->nodes, 4);
	wire_put(out, inc->severity, 1);
	wire_put(out,
		 (inc->total ? FLAG_TOTAL : 0u) | (inc->held ? FLAG_HELD : 0u) |
			 (inc->maintenance ? FLAG_MAINTENANCE : 0u),
		 1);
	wire_put(out, inc->targets_down_max, 4);
	put_age(out, inc->onset_min, now);
	put_age(out, inc->onset_max, now);
	put_age(out, inc->detected, now);
	put_age(out, inc->acted, now);
	put_age(out, inc->recovered, now);
	put_age(out, inc->outage_since, now);
	wire_put(out, (uint64_t)inc->onset_min_wall_us, 8);
	wire_put(out, (uint64_t)inc->onset_max_wall_us, 8);
	wire_put(out, (uint64_t)inc->detected_wall_us, 8);
	wire_put(out, (uint64_t)inc->acted_wall_us, 8);
	wire_put(out, (uint64_t)inc->recovered_wall_us, 8);
	wire_put(out, (uint64_t)inc->outage_us, 8);
	wire_put(out, inc->cause.code, 1);
	wire_put(out, (uint32_t)inc->cause.status, 4);
	wire_put(out, (uint64_t)inc->cause.latency_us, 8);
	wire_put(out, (uint32_t)inc->cause.cert_days, 4);
	wire_put_text(out, inc->cause.text);
}

size_t incident_encode(const struct incident *inc,
		       const struct incident_ids *ids, struct instant now,
		       uint8_t *buf, size_t size)
{
	struct wire_out length = { buf, buf + size, false };
	struct wire_out out;

	if (size < SIZE_BYTES)
		return 0;
	out = (struct wire_out){ buf + SIZE_BYTES, buf + size, false };
	put_record(&out, inc, ids, now);
	wire_put(&length, (size_t)(out.at - buf) - SIZE_BYTES, SIZE_BYTES);
	return out.bad ? 0 : (size_t)(out.at - buf);
}

static struct instant get_age(struct wire_in *in, struct instant now)
{
	int64_t age_us = (int64_t)wire_get(in, 8);

	if (age_us == NO_AGE)
		return INSTANT_NONE;
	if (age_us < -AGE_US_MAX || age_us > AGE_US_MAX)
		in->bad = true;
	return in->bad ? INSTANT_NONE : instant_add(now, -age_us);
}

/* Through result_make(), so that no control characters come in. */
static struct result get_cause(struct wire_in *in)
{
	enum result_code code = (enum result_code)wire_get(in, 1);
	int status = (int32_t)(uint32_t)wire_get(in, 4);
	int64_t latency_us = (int64_t)wire_get(in, 8);
	int32_t cert_days = (int32_t)(uint32_t)wire_get(in, 4);
	char text[RESULT_TEXT_MAX];
	struct result cause;

	wire_get_text(in, text, sizeof(text));
	if (code >= RESULT_CODES)
		in->bad = true;
	cause = result_make(in->bad ? RESULT_SOCKERR : code, status, latency_us,
			    text);
	cause.cert_days = cert_days;
	return cause;
}

static void get_record(struct wire_in *in, struct instant now,
		       struct incident *inc, struct incident_ids *ids)
{
	unsigned flags;

	*inc = (struct incident){ .service = UINT32_MAX, .target = UINT32_MAX };
	inc->number = (uint32_t)wire_get(in, 4);
	ids->service = (uint32_t)wire_get(in, 4);
	ids->target = (uint32_t)wire_get(in, 4);
	inc->term = wire_get(in, 8);
	inc->revision = (uint32_t)wire_get(in, 4);
	inc->merged_into = (uint32_t)wire_get(in, 4);
	inc->nodes = (uint32_t)wire_get(in, 4);
	inc->severity = (enum severity)wire_get(in, 1);
	flags = (unsigned)wire_get(in, 1);
	inc->total = (flags & FLAG_TOTAL) != 0;
	inc->held = (flags & FLAG_HELD) != 0;
	inc->maintenance = (flags & FLAG_MAINTENANCE) != 0;
	inc->targets_down_max = (unsigned)wire_get(in, 4);
	inc->onset_min = get_age(in, now);
	inc->onset_max = get_age(in, now);
	inc->detected = get_age(in, now);
	inc->acted = get_age(in, now);
	inc->recovered = get_age(in, now);
	inc->outage_since = get_age(in, now);
	inc->onset_min_wall_us = (int64_t)wire_get(in, 8);
	inc->onset_max_wall_us = (int64_t)wire_get(in, 8);
	inc->detected_wall_us = (int64_t)wire_get(in, 8);
	inc->acted_wall_us = (int64_t)wire_get(in, 8);
	inc->recovered_wall_us = (int64_t)wire_get(in, 8);
	inc->outage_us = (int64_t)wire_get(in, 8);
	inc->cause = get_cause(in);
	if (inc->severity < SEVERITY_P1 || inc->severity > SEVERITY_P4 ||
	    instant_is_none(inc->detected))
		in->bad = true;
}

int incident_decode(const uint8_t *buf, size_t size, struct instant now,
		    struct incident *ret_inc, struct incident_ids *ret_ids)
{
	struct wire_in in = { buf, buf + size, false }, part;
	size_t bytes = (size_t)wire_get(&in, SIZE_BYTES);
	const uint8_t *record = wire_get_bytes(&in, bytes);

	if (record == NULL)
		return -EBADMSG;
	part = (struct wire_in){ record, record + bytes, false };
	get_record(&part, now, ret_inc, ret_ids);
	return part.bad ? -EBADMSG : (int)(SIZE_BYTES + bytes);
}
