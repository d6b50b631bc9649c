#include "drill/sim/fake_target.h"

#include <string.h>

static const struct {
	const char *name;
	bool fails;
	const char *bytes;
	bool close;
} faults[FAKE_FAULTS] = {
	[FAKE_WELL] = { "none", false,
			"HTTP/1.1 200 OK\r\n"
			"Content-Type: application/json\r\n"
			"Content-Length: 20\r\n"
			"\r\n"
			"{\"status\":\"healthy\"}",
			false },
	[FAKE_REFUSED] = { "L4CON", true, NULL, false },
	[FAKE_DROPPED] = { "L4TOUT", true, NULL, false },
	[FAKE_MUTE] = { "L7TOUT", true, NULL, false },
	[FAKE_STATUS] = { "L7STS", true,
			  "HTTP/1.1 503 Service Unavailable\r\n"
			  "Content-Length: 4\r\n"
			  "\r\n"
			  "busy",
			  false },
	[FAKE_GARBAGE] = { "L7RSP", true, "\x16\x03\x01 no HTTP here\r\n\r\n",
			   true },
	[FAKE_HALF] = { "half", true,
			"HTTP/1.1 200 OK\r\n"
			"Content-Length: 20\r\n"
			"\r\n"
			"{\"stat",
			true },
	[FAKE_ENDLESS] = { "endless", true, "HTTP/1.1 200 OK\r\n", false },
	[FAKE_HUGE] = { "huge", true,
			"HTTP/1.1 200 OK\r\n"
			"Content-Length: 2147483648\r\n"
			"\r\n",
			false },
	[FAKE_BYTEWISE] = { "bytewise", false,
			    "HTTP/1.1 200 OK\r\n"
			    "Transfer-Encoding: chunked\r\n"
			    "\r\n"
			    "14\r\n"
			    "{\"status\":\"healthy\"}\r\n"
			    "0\r\n"
			    "\r\n",
			    false },
};

enum fake_fault fake_fault_find(const char *name)
{
	enum fake_fault fault = FAKE_WELL;

	while (fault < FAKE_FAULTS && strcmp(faults[fault].name, name) != 0)
		fault++;
	return fault;
}

bool fake_fault_fails(enum fake_fault fault)
{
	return faults[fault].fails;
}

void fake_target_init(struct fake_target *target, struct instant now)
{
	*target = (struct fake_target){ .latency_us = 1 * MS,
					.since = now,
					.failed = INSTANT_NONE };
}

void fake_target_set(struct fake_target *target, enum fake_fault fault,
		     struct instant now)
{
	if (fake_fault_fails(fault) && !fake_fault_fails(target->fault))
		target->failed = now;
	target->fault = fault;
	target->since = now;
}

int64_t fake_target_takes_us(const struct fake_target *target, struct rng *rng)
{
	int64_t spread_us =
		(int64_t)rng_below(rng, (uint64_t)target->latency_us + 1);

	return target->latency_us / 2 + spread_us;
}

bool fake_target_answer(const struct fake_target *target,
			const char **ret_bytes, size_t *ret_size,
			size_t *ret_piece, bool *ret_close, bool *ret_refused)
{
	*ret_bytes = faults[target->fault].bytes;
	*ret_close = faults[target->fault].close;
	*ret_refused = target->fault == FAKE_REFUSED;
	if (*ret_bytes == NULL)
		return false;
	*ret_size = strlen(*ret_bytes);
	*ret_piece = target->fault == FAKE_BYTEWISE ? 1 : *ret_size;
	return true;
}
