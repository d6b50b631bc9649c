/* A target of the simulated world: what it answers to a check, and when.
 *
 * It speaks the bytes that a real one would; whoever asks judges them.
 */
#ifndef BASCULE_DRILL_SIM_FAKE_TARGET_H
#define BASCULE_DRILL_SIM_FAKE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/rng.h"

enum fake_fault {
	FAKE_WELL,
	FAKE_REFUSED,  /* nothing listens: L4CON */
	FAKE_DROPPED,  /* the network swallows all: L4TOUT */
	FAKE_MUTE,     /* stopped: connects, never answers: L7TOUT */
	FAKE_STATUS,   /* answers 503: L7STS */
	FAKE_GARBAGE,  /* answers what is no HTTP: L7RSP */
	FAKE_HALF,     /* closes in the middle of an answer */
	FAKE_ENDLESS,  /* headers without end */
	FAKE_HUGE,     /* a body of 2 GB */
	FAKE_BYTEWISE, /* a good answer, byte by byte */
	FAKE_FAULTS
};

/* "L4CON" and the like as in a scenario; FAKE_FAULTS when unknown. */
enum fake_fault fake_fault_find(const char *name);

/* Whether the fault makes checks fail. */
bool fake_fault_fails(enum fake_fault fault);

struct fake_target {
	enum fake_fault fault;
	int64_t latency_us;    /* of a usual answer */
	int64_t flap_us;       /* fails and heals so often; 0: not at all */
	struct instant since;  /* of the present behaviour */
	struct instant failed; /* when it began to fail last; or NONE */
};

void fake_target_init(struct fake_target *target, struct instant now);

/* Behave otherwise from now on. */
void fake_target_set(struct fake_target *target, enum fake_fault fault,
		     struct instant now);

/* How long the next answer takes: half to one and a half of the latency. */
int64_t fake_target_takes_us(const struct fake_target *target, struct rng *rng);

/* What comes: @ret_bytes (constant) in pieces of @ret_piece bytes, and then,
 * if @ret_close, the end of the connection.  Returns false when nothing comes
 * at all; then @ret_refused tells a refusal from silence. */
bool fake_target_answer(const struct fake_target *target,
			const char **ret_bytes, size_t *ret_size,
			size_t *ret_piece, bool *ret_close, bool *ret_refused);

#endif
