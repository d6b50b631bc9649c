#include "controller/core/health.h"

#include <assert.h>
#include <stdio.h>

#define KNOWN_ENOUGH 10 /* latencies before the timeout adapts */

struct cell {
	enum health_state next;
	const char *why;
	bool valid;
};

#define GO(state, reason)                                                      \
	{                                                                      \
		.next = (state), .why = (reason), .valid = true                \
	}
#define STAY(state)                                                            \
	{                                                                      \
		.next = (state), .why = NULL, .valid = true                    \
	}

static const struct cell table[HEALTH_STATES][HEALTH_INPUTS] = {
	[HEALTH_UNKNOWN] = {
		[HEALTH_PASS] = GO(HEALTH_UP, "first good answer"),
		[HEALTH_RISE] = GO(HEALTH_UP, "checks pass"),
		[HEALTH_POOR] = GO(HEALTH_UP, "first answer, a poor one"),
		[HEALTH_SINK] = GO(HEALTH_DEGRADED, "poor answers"),
		[HEALTH_FAIL] = STAY(HEALTH_UNKNOWN),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_RAMPED] = STAY(HEALTH_UNKNOWN),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_UNKNOWN),
	},
	[HEALTH_UP] = {
		[HEALTH_PASS] = STAY(HEALTH_UP),
		[HEALTH_RISE] = STAY(HEALTH_UP),
		[HEALTH_POOR] = STAY(HEALTH_UP),
		[HEALTH_SINK] = GO(HEALTH_DEGRADED, "poor answers"),
		[HEALTH_FAIL] = STAY(HEALTH_UP),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_RAMPED] = STAY(HEALTH_UP),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_UP),
	},
	[HEALTH_DEGRADED] = {
		[HEALTH_PASS] = STAY(HEALTH_DEGRADED),
		[HEALTH_RISE] = GO(HEALTH_UP, "checks pass"),
		[HEALTH_POOR] = STAY(HEALTH_DEGRADED),
		[HEALTH_SINK] = STAY(HEALTH_DEGRADED),
		[HEALTH_FAIL] = STAY(HEALTH_DEGRADED),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_RAMPED] = STAY(HEALTH_DEGRADED),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_DEGRADED),
	},
	[HEALTH_DOWN] = {
		[HEALTH_PASS] = STAY(HEALTH_DOWN),
		[HEALTH_RISE] = GO(HEALTH_RECOVERING, "checks pass"),
		[HEALTH_POOR] = STAY(HEALTH_DOWN),
		[HEALTH_SINK] = STAY(HEALTH_DOWN),
		[HEALTH_FAIL] = STAY(HEALTH_DOWN),
		[HEALTH_FALL] = STAY(HEALTH_DOWN),
		[HEALTH_RAMPED] = STAY(HEALTH_DOWN),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_DOWN),
	},
	[HEALTH_RECOVERING] = {
		[HEALTH_PASS] = STAY(HEALTH_RECOVERING),
		[HEALTH_RISE] = STAY(HEALTH_RECOVERING),
		[HEALTH_POOR] = STAY(HEALTH_RECOVERING),
		[HEALTH_SINK] = STAY(HEALTH_RECOVERING),
		[HEALTH_FAIL] = GO(HEALTH_DOWN, "failed on trial"),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "failed on trial"),
		[HEALTH_RAMPED] = GO(HEALTH_UP, "slow start is over"),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_RECOVERING),
	},
	[HEALTH_MAINT] = {
		[HEALTH_PASS] = STAY(HEALTH_MAINT),
		[HEALTH_RISE] = STAY(HEALTH_MAINT),
		[HEALTH_POOR] = STAY(HEALTH_MAINT),
		[HEALTH_SINK] = STAY(HEALTH_MAINT),
		[HEALTH_FAIL] = STAY(HEALTH_MAINT),
		[HEALTH_FALL] = STAY(HEALTH_MAINT),
		[HEALTH_RAMPED] = STAY(HEALTH_MAINT),
		[HEALTH_HOLD] = STAY(HEALTH_MAINT),
		[HEALTH_FREE] = GO(HEALTH_UNKNOWN, "maintenance is over"),
	},
};

static const struct {
	const char *name, *circuit;
	bool serving;
} states[HEALTH_STATES] = {
	[HEALTH_UNKNOWN] = { "UNKNOWN", "CLOSED", false },
	[HEALTH_UP] = { "UP", "CLOSED", true },
	[HEALTH_DEGRADED] = { "DEGRADED", "CLOSED", true },
	[HEALTH_DOWN] = { "DOWN", "OPEN", false },
	[HEALTH_RECOVERING] = { "RECOVERING", "HALF_OPEN", true },
	[HEALTH_MAINT] = { "MAINT", "CLOSED", false },
};

static const char *const inputs[HEALTH_INPUTS] = {
	[HEALTH_PASS] = "PASS",     [HEALTH_RISE] = "RISE",
	[HEALTH_POOR] = "POOR",     [HEALTH_SINK] = "SINK",
	[HEALTH_FAIL] = "FAIL",     [HEALTH_FALL] = "FALL",
	[HEALTH_RAMPED] = "RAMPED", [HEALTH_HOLD] = "HOLD",
	[HEALTH_FREE] = "FREE",
};

const char *health_state_name(enum health_state state)
{
	return states[state].name;
}

const char *health_input_name(enum health_input input)
{
	return inputs[input];
}

const char *health_circuit_name(enum health_state state)
{
	return states[state].circuit;
}

bool health_serving(enum health_state state)
{
	return states[state].serving;
}

bool health_answers(const struct health *h)
{
	enum verdict verdict = result_verdict(h->last.code);

	return h->judged &&
	       (verdict == VERDICT_PASS || verdict == VERDICT_WARN);
}

void health_init(struct health *h, struct instant now)
{
	*h = (struct health){
		.state = HEALTH_UNKNOWN,
		.since = now,
		.watched = now,
		.last_good = INSTANT_NONE,
		.first_bad = INSTANT_NONE,
	};
	latency_init(&h->latency);
}

/* A DOWN target recovers by any answers that serve, poor ones too: what
 * matters there is whether it answers at all. */
static enum health_input digest_good(struct health *h,
				     const struct check_settings *check,
				     bool poor, struct instant now)
{
	h->last_good = now;
	h->first_bad = INSTANT_NONE;
	h->bad = 0;
	h->silent = 0;
	if (h->state == HEALTH_DOWN)
		return ++h->good >= check->rise ? HEALTH_RISE : HEALTH_PASS;
	if (poor) {
		h->good = 0;
		return ++h->poor >= check->fall ? HEALTH_SINK : HEALTH_POOR;
	}
	h->poor = 0;
	return ++h->good >= check->rise ? HEALTH_RISE : HEALTH_PASS;
}

static enum health_input digest_bad(struct health *h,
				    const struct check_settings *check,
				    bool silence, struct instant now)
{
	bool never_answered = instant_is_none(h->last_good);

	h->good = 0;
	h->poor = 0;
	if (never_answered &&
	    instant_diff_us(h->watched, now) < check->start_period_us)
		return HEALTH_INPUTS;
	if (instant_is_none(h->first_bad))
		h->first_bad = now;
	h->silent = silence ? h->silent + 1 : 0;
	return ++h->bad >= check->fall ? HEALTH_FALL : HEALTH_FAIL;
}

enum health_input health_digest(struct health *h,
				const struct check_settings *check,
				const struct result *res, struct instant now)
{
	enum verdict verdict = result_verdict(res->code);
	bool poor;

	h->last = *res;
	h->judged = true;
	if (verdict == VERDICT_NONE)
		return HEALTH_INPUTS;
	if (verdict == VERDICT_FAIL)
		return digest_bad(h, check, result_is_silence(res->code), now);
	latency_add(&h->latency, res->latency_us);
	poor = verdict == VERDICT_WARN ||
	       res->latency_us > check->slow_after_us;
	return digest_good(h, check, poor, now);
}

/* What was found during a maintenance is nobody's fault: as at the start. */
static void watch_anew(struct health *h, struct instant now)
{
	health_forget(h);
	h->watched = now;
	h->last_good = INSTANT_NONE;
}

const char *health_move(struct health *h, enum health_input in,
			struct instant now)
{
	const struct cell *c = &table[h->state][in];

	assert(c->valid);
	if (c->next == h->state)
		return NULL;
	if (h->state == HEALTH_MAINT)
		watch_anew(h, now);
	h->state = c->next;
	h->since = now;
	h->good = 0;
	h->poor = 0;
	return c->why;
}

void health_forget(struct health *h)
{
	h->bad = 0;
	h->good = 0;
	h->poor = 0;
	h->silent = 0;
	h->first_bad = INSTANT_NONE;
}

static int64_t clamp_us(int64_t v, int64_t min, int64_t max)
{
	if (v > max)
		return max;
	return v < min ? min : v;
}

int64_t health_timeout_us(const struct health *h,
			  const struct check_settings *check)
{
	const struct latency *lat = &h->latency;
	int64_t t;
	unsigned i;

	if (h->state == HEALTH_DOWN || h->state == HEALTH_UNKNOWN ||
	    latency_known(lat) < KNOWN_ENOUGH)
		return check->timeout_us;
	t = 3 * latency_percentile_us(lat, 95);
	if (t < 2 * lat->latest_us)
		t = 2 * lat->latest_us;
	t = clamp_us(t, check->timeout_min_us, check->timeout_us);
	for (i = 0; i < h->silent && t < check->timeout_us; i++)
		t *= 2;
	return clamp_us(t, check->timeout_min_us, check->timeout_us);
}

int64_t health_interval_us(const struct health *h,
			   const struct check_settings *check)
{
	switch (h->state) {
	case HEALTH_UNKNOWN:
		return check->fast_interval_us;
	case HEALTH_DOWN:
		/* Enough, and yet DOWN: it is held back. */
		return h->good > 0 && h->good < check->rise
			       ? check->fast_interval_us
			       : check->down_interval_us;
	case HEALTH_UP:
	case HEALTH_DEGRADED:
	case HEALTH_RECOVERING:
		return h->bad > 0 ? check->fast_interval_us
				  : check->interval_us;
	default:
		return check->interval_us;
	}
}

size_t health_table(char *buf, size_t size)
{
	size_t used = 0;
	unsigned s, in;

#define ADD(...)                                                               \
	used += (size_t)snprintf(buf + (used < size ? used : size),            \
				 used < size ? size - used : 0, __VA_ARGS__)
	ADD("| state |");
	for (in = 0; in < HEALTH_INPUTS; in++)
		ADD(" %s |", inputs[in]);
	ADD("\n| --- |");
	for (in = 0; in < HEALTH_INPUTS; in++)
		ADD(" --- |");
	ADD("\n");
	for (s = 0; s < HEALTH_STATES; s++) {
		ADD("| %s |", states[s].name);
		for (in = 0; in < HEALTH_INPUTS; in++) {
			const struct cell *c = &table[s][in];

			ADD(" %s |", c->next == s ? "." : states[c->next].name);
		}
		ADD("\n");
	}
#undef ADD
	return used;
}
