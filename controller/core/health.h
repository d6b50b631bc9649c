/* One target: what its checks found -> UNKNOWN, UP, DEGRADED, DOWN, ...
 *
 * Conditions and counters are digested into a named input first; the table
 * (state, input) -> state is total and has one writer, health_move().  The
 * table is printed to docs/states.md.
 */
#ifndef BASCULE_CORE_HEALTH_H
#define BASCULE_CORE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/instant.h"
#include "controller/core/latency.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

enum health_state {
	HEALTH_UNKNOWN,
	HEALTH_UP,
	HEALTH_DEGRADED,
	HEALTH_DOWN,
	HEALTH_RECOVERING,
	HEALTH_MAINT,
	HEALTH_STATES
};

enum health_input {
	HEALTH_PASS,   /* a good answer */
	HEALTH_RISE,   /* the good answer that completes `rise` */
	HEALTH_POOR,   /* slow or warning, not yet `fall` in a row */
	HEALTH_SINK,   /* `fall` slow or warning answers in a row */
	HEALTH_FAIL,   /* a bad answer or silence */
	HEALTH_FALL,   /* the bad answer that completes `fall` */
	HEALTH_RAMPED, /* slow start is over */
	HEALTH_HOLD,   /* maintenance begins */
	HEALTH_FREE,   /* maintenance ends */
	HEALTH_INPUTS
};

struct health {
	enum health_state state;
	struct instant since;     /* of the present state */
	struct instant watched;   /* since start or the last maintenance */
	struct instant last_good; /* evidence; NONE if never */
	struct instant first_bad; /* of the present row of bad ones; or NONE */
	unsigned bad, good, poor; /* in a row */
	unsigned silent;          /* unanswered questions in a row */
	struct latency latency;
	struct result last; /* the last evidence, code SOCKERR if none */
	bool judged;        /* `last` holds something */
};

const char *health_state_name(enum health_state state);
const char *health_input_name(enum health_input input);

/* "CLOSED", "OPEN" or "HALF_OPEN": the same thing as a circuit breaker. */
const char *health_circuit_name(enum health_state state);

/* Whether the target is meant to have traffic in this state. */
bool health_serving(enum health_state state);

/* Whether the last evidence was an answer that serves. */
bool health_answers(const struct health *h);

void health_init(struct health *h, struct instant now);

/* Digest a result into an input and count it.  Results with VERDICT_NONE are
 * kept for people and give HEALTH_INPUTS: no input.  Failures within the
 * start period of a target that never answered do not count. */
enum health_input health_digest(struct health *h,
				const struct check_settings *check,
				const struct result *res, struct instant now);

/* The only writer of h->state.  Returns why it moved, or NULL. */
const char *health_move(struct health *h, enum health_input in,
			struct instant now);

/* Forget what was counted in a row: after a stall nothing before it may help
 * to condemn a target. */
void health_forget(struct health *h);

/* How long the next question may take: 3 x the 95th percentile of the last
 * 100 latencies once 10 are known, not under twice the last answer, doubled
 * for each unanswered question before it (RFC 6298, 5.5), within
 * [timeout_min, timeout]; the whole timeout while DOWN or UNKNOWN. */
int64_t health_timeout_us(const struct health *h,
			  const struct check_settings *check);

/* The time from the end of one check to the next: fast_interval while a count
 * is under way, down_interval while DOWN, interval otherwise. */
int64_t health_interval_us(const struct health *h,
			   const struct check_settings *check);

/* The transition table as Markdown into @buf; returns bytes wanted. */
size_t health_table(char *buf, size_t size);

#endif
