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

#include "controller/core/evidence.h"
#include "controller/core/instant.h"
#include "controller/core/latency.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

#define HEALTH_KNOWN 10 /* latencies before timeouts adapt */

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
	HEALTH_DOUBT,  /* a failure that calls for another look at once */
	HEALTH_FAIL,   /* a bad answer, or none where more is not known */
	HEALTH_FALL,   /* the failure that completes the row, or is certain */
	HEALTH_ALIVE,  /* what it was taken down for was answered after all */
	HEALTH_RAMPED, /* slow start is over */
	HEALTH_HOLD,   /* maintenance begins */
	HEALTH_FREE,   /* maintenance ends */
	HEALTH_RESET,  /* somebody closes the circuit by hand */
	HEALTH_BACK,   /* what an earlier run withdrew is well again */
	HEALTH_INPUTS
};

struct health {
	enum health_state state;
	struct instant since;     /* of the present state */
	struct instant watched;   /* since start or the last maintenance */
	struct instant last_good; /* evidence; NONE if never */
	struct instant first_bad; /* of the present row of bad ones; or NONE */
	unsigned bad, good, poor; /* in a row */
	uint16_t served; /* answers in a row, good or poor, in this state */
	/* The failures of the row by what they count to (evidence.h). */
	uint16_t counted;  /* `fall` */
	uint16_t silent;   /* ... of these the last ones, unanswered */
	uint16_t refused;  /* ... the last ones, refused */
	uint16_t mute;     /* `fall`, acknowledged but not answered */
	uint16_t lost;     /* `lost` */
	uint16_t loss;     /* share of trips to it, of LOSS_ONE less one */
	uint32_t pause_us; /* the longest harmless silence lately */
	struct latency latency;
	struct result last; /* the last evidence, code SOCKERR if none */
	struct evidence evidence;
	bool judged;     /* `last` holds something */
	bool again;      /* it is to be asked at once */
	bool reversible; /* DOWN for silence alone */
	bool stood;      /* the row's first trip went over an old connection */
	/* The question under way. */
	bool fresh;   /* over a new connection */
	bool hurried; /* only to see whether its machine is there */
};

/* What this node knows of itself that bears on a verdict. */
struct health_doubt {
	/* So many times longer is waited for an answer, and one less so many
	 * more trips must be lost; 1 when nothing is wrong. */
	unsigned patience;
	unsigned *loss; /* borrowed: share of all its trips lately */
};

/* How to ask. */
struct health_question {
	int64_t timeout_us;
	bool fresh; /* over a new connection */
};

const char *health_state_name(enum health_state state);

/* "CLOSED", "OPEN" or "HALF_OPEN": the same thing as a circuit breaker. */
const char *health_circuit_name(enum health_state state);

/* Whether the target is meant to have traffic in this state. */
bool health_serving(enum health_state state);

/* Whether the last evidence was an answer that serves. */
bool health_answers(const struct health *h);

void health_init(struct health *h, struct instant now);

/* The next question; @fresh: one over a new connection is due. */
struct health_question health_ask(struct health *h,
				  const struct check_settings *check,
				  const struct health_doubt *doubt, bool fresh);

/* Digest the answer to that question into an input and count it.  Results with
 * VERDICT_NONE are kept for people and give HEALTH_INPUTS: no input.  Failures
 * within the start period of a target that never answered do not count. */
enum health_input health_digest(struct health *h,
				const struct check_settings *check,
				const struct result *res,
				const struct health_doubt *doubt,
				struct instant now);

/* The same for the late answer to a question of the present row, or of the one
 * that took the target DOWN: within `timeout` it brings it back. */
enum health_input health_late(struct health *h,
			      const struct check_settings *check,
			      const struct result *res,
			      const struct health_doubt *doubt,
			      struct instant now);

/* It was seen without being asked. */
void health_hint(struct health *h, enum evidence_kind kind, unsigned observer,
		 int detail, struct instant now);

/* The only writer of h->state.  Returns why it moved, or NULL. */
const char *health_move(struct health *h, enum health_input in,
			struct instant now);

/* Whether failures are counted in this state: else nothing is in doubt. */
bool health_counts(const struct health *h);

/* The row of failures is over. */
void health_end_row(struct health *h);

/* Forget what was counted in a row: after a stall nothing before it may help
 * to condemn a target. */
void health_forget(struct health *h);

/* How long the next question may take: 3 x the 95th percentile of the last
 * 100 latencies once 10 are known, not under twice the last answer, within
 * [timeout_min, timeout]; the whole timeout while DOWN or UNKNOWN.  Doubled for
 * each unanswered question before it of which no more is known (RFC 6298, 5.5).
 * After a lost one, only as long as a way there and back: 3 x the median,
 * within lost_interval and what makes `lost` questions no longer than `fall`
 * timeouts. */
int64_t health_timeout_us(const struct health *h,
			  const struct check_settings *check);

/* What a question after a lost one may take at most, at any latency. */
int64_t health_hurry_us(const struct check_settings *check);

/* How long loss on the way excuses silence: 2 x fall x timeout, and until TCP
 * has sent three times whatever was lost. */
int64_t health_excuse_us(const struct check_settings *check);

/* The time from the end of one check to the next: 0 when the last one calls
 * for another look at once, fast_interval while a count is under way,
 * down_interval while DOWN, interval otherwise. */
int64_t health_interval_us(const struct health *h,
			   const struct check_settings *check);

/* The transition table as Markdown into @buf; returns bytes wanted. */
size_t health_table(char *buf, size_t size);

#endif
