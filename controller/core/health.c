#include "controller/core/health.h"

#include <assert.h>
#include <stdio.h>

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
		[HEALTH_DOUBT] = STAY(HEALTH_UNKNOWN),
		[HEALTH_FAIL] = STAY(HEALTH_UNKNOWN),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_ALIVE] = STAY(HEALTH_UNKNOWN),
		[HEALTH_RAMPED] = STAY(HEALTH_UNKNOWN),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_UNKNOWN),
		[HEALTH_RESET] = STAY(HEALTH_UNKNOWN),
		[HEALTH_BACK] = GO(HEALTH_RECOVERING, "well again since the last run"),
	},
	[HEALTH_UP] = {
		[HEALTH_PASS] = STAY(HEALTH_UP),
		[HEALTH_RISE] = STAY(HEALTH_UP),
		[HEALTH_POOR] = STAY(HEALTH_UP),
		[HEALTH_SINK] = GO(HEALTH_DEGRADED, "poor answers"),
		[HEALTH_DOUBT] = STAY(HEALTH_UP),
		[HEALTH_FAIL] = STAY(HEALTH_UP),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_ALIVE] = STAY(HEALTH_UP),
		[HEALTH_RAMPED] = STAY(HEALTH_UP),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_UP),
		[HEALTH_RESET] = STAY(HEALTH_UP),
		[HEALTH_BACK] = STAY(HEALTH_UP),
	},
	[HEALTH_DEGRADED] = {
		[HEALTH_PASS] = STAY(HEALTH_DEGRADED),
		[HEALTH_RISE] = GO(HEALTH_UP, "checks pass"),
		[HEALTH_POOR] = STAY(HEALTH_DEGRADED),
		[HEALTH_SINK] = STAY(HEALTH_DEGRADED),
		[HEALTH_DOUBT] = STAY(HEALTH_DEGRADED),
		[HEALTH_FAIL] = STAY(HEALTH_DEGRADED),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "checks failed"),
		[HEALTH_ALIVE] = STAY(HEALTH_DEGRADED),
		[HEALTH_RAMPED] = STAY(HEALTH_DEGRADED),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_DEGRADED),
		[HEALTH_RESET] = STAY(HEALTH_DEGRADED),
		[HEALTH_BACK] = STAY(HEALTH_DEGRADED),
	},
	[HEALTH_DOWN] = {
		[HEALTH_PASS] = STAY(HEALTH_DOWN),
		[HEALTH_RISE] = GO(HEALTH_RECOVERING, "checks pass"),
		[HEALTH_POOR] = STAY(HEALTH_DOWN),
		[HEALTH_SINK] = STAY(HEALTH_DOWN),
		[HEALTH_DOUBT] = STAY(HEALTH_DOWN),
		[HEALTH_FAIL] = STAY(HEALTH_DOWN),
		[HEALTH_FALL] = STAY(HEALTH_DOWN),
		[HEALTH_ALIVE] = GO(HEALTH_DEGRADED, "answered after all"),
		[HEALTH_RAMPED] = STAY(HEALTH_DOWN),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_DOWN),
		[HEALTH_RESET] = GO(HEALTH_RECOVERING, "reset by hand"),
		[HEALTH_BACK] = STAY(HEALTH_DOWN),
	},
	[HEALTH_RECOVERING] = {
		[HEALTH_PASS] = STAY(HEALTH_RECOVERING),
		[HEALTH_RISE] = STAY(HEALTH_RECOVERING),
		[HEALTH_POOR] = STAY(HEALTH_RECOVERING),
		[HEALTH_SINK] = STAY(HEALTH_RECOVERING),
		[HEALTH_DOUBT] = STAY(HEALTH_RECOVERING),
		[HEALTH_FAIL] = GO(HEALTH_DOWN, "failed on trial"),
		[HEALTH_FALL] = GO(HEALTH_DOWN, "failed on trial"),
		[HEALTH_ALIVE] = STAY(HEALTH_RECOVERING),
		[HEALTH_RAMPED] = GO(HEALTH_UP, "recovered"),
		[HEALTH_HOLD] = GO(HEALTH_MAINT, "maintenance"),
		[HEALTH_FREE] = STAY(HEALTH_RECOVERING),
		[HEALTH_RESET] = STAY(HEALTH_RECOVERING),
		[HEALTH_BACK] = STAY(HEALTH_RECOVERING),
	},
	[HEALTH_MAINT] = {
		[HEALTH_PASS] = STAY(HEALTH_MAINT),
		[HEALTH_RISE] = STAY(HEALTH_MAINT),
		[HEALTH_POOR] = STAY(HEALTH_MAINT),
		[HEALTH_SINK] = STAY(HEALTH_MAINT),
		[HEALTH_DOUBT] = STAY(HEALTH_MAINT),
		[HEALTH_FAIL] = STAY(HEALTH_MAINT),
		[HEALTH_FALL] = STAY(HEALTH_MAINT),
		[HEALTH_ALIVE] = STAY(HEALTH_MAINT),
		[HEALTH_RAMPED] = STAY(HEALTH_MAINT),
		[HEALTH_HOLD] = STAY(HEALTH_MAINT),
		[HEALTH_FREE] = GO(HEALTH_UNKNOWN, "maintenance is over"),
		[HEALTH_RESET] = STAY(HEALTH_MAINT),
		[HEALTH_BACK] = STAY(HEALTH_MAINT),
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
	[HEALTH_DOUBT] = "DOUBT",   [HEALTH_FAIL] = "FAIL",
	[HEALTH_FALL] = "FALL",     [HEALTH_ALIVE] = "ALIVE",
	[HEALTH_RAMPED] = "RAMPED", [HEALTH_HOLD] = "HOLD",
	[HEALTH_FREE] = "FREE",     [HEALTH_RESET] = "RESET",
	[HEALTH_BACK] = "BACK",
};

const char *health_state_name(enum health_state state)
{
	return states[state].name;
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

bool health_counts(const struct health *h)
{
	return h->state != HEALTH_DOWN && h->state != HEALTH_MAINT;
}

void health_end_row(struct health *h)
{
	h->first_bad = INSTANT_NONE;
	h->bad = 0;
	h->counted = 0;
	h->silent = 0;
	h->refused = 0;
	h->mute = 0;
	h->lost = 0;
	h->again = false;
	h->reversible = false;
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
	h->served = 0;
	h->again = h->again && health_counts(h);
	if (!health_counts(h))
		evidence_end(&h->evidence);
	return c->why;
}

void health_forget(struct health *h)
{
	health_end_row(h);
	h->good = 0;
	h->poor = 0;
	h->served = 0;
	evidence_end(&h->evidence);
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
