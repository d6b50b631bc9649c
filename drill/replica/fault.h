/* The faults of a replica: what they are called, and whom they hit when.
 *
 * Pure.  A fault is written as a form, "kind=slow&ms=300&scope=health":
 *
 *	none				all is well
 *	status&code=503			that status to every request
 *	slow&ms=300			the answer comes that much later
 *	mute				no answer while the fault lasts
 *	flap&up_ms=500&down_ms=500	status code=503 for down_ms, well for
 *					up_ms, and again; begins with down
 *	unhealthy			200, but the body says "unhealthy"
 *	garbage				bytes that are not HTTP, then close
 *	half				half an answer, then close
 *	endless-headers			headers without end
 *	huge				a body of 2 GiB
 *	bytes&ms=10			the answer byte by byte, one each ms
 *	refuse				listener and its connections closed
 *	full				no new connection: the queue is full;
 *					held ones are answered
 *
 * scope=health hits /health only, scope=all (the default) every path but
 * /fault.
 */
#ifndef BASCULE_DRILL_REPLICA_FAULT_H
#define BASCULE_DRILL_REPLICA_FAULT_H

#include "controller/core/err.h"
#include "controller/core/instant.h"

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,
	FAULT_SLOW,
	FAULT_MUTE,
	FAULT_FLAP,
	FAULT_UNHEALTHY,
	FAULT_GARBAGE,
	FAULT_HALF,
	FAULT_ENDLESS_HEADERS,
	FAULT_HUGE,
	FAULT_BYTES,
	FAULT_REFUSE,
	FAULT_FULL,
	FAULT_KINDS,
};

/* Room for the longest fault_print(). */
#define FAULT_TEXT_MAX 160

struct fault {
	enum fault_kind kind;
	bool health_only;
	int code;         /* FAULT_STATUS, FAULT_FLAP */
	int64_t delay_us; /* FAULT_SLOW; of one byte: FAULT_BYTES */
	int64_t up_us;    /* FAULT_FLAP */
	int64_t down_us;
	unsigned port;        /* the one listener it is for; 0: all */
	struct instant since; /* set by whoever switches it */
};

/* Read a form.  Unknown or misplaced words are errors that name the right
 * ones; -EINVAL then, and @ret_fault is untouched.
 */
int fault_parse(const char *form, struct fault *ret_fault, struct err *err);

/* As fault_parse() reads it, without port. */
void fault_print(const struct fault *fault, char text[static FAULT_TEXT_MAX]);

const char *fault_kind_name(enum fault_kind kind);

/* Whether it keeps new connections out, and so also who would end it. */
bool fault_bars(enum fault_kind kind);

/* What a request meets at @now: FAULT_NONE, or the kind that hits it.  A
 * flapping fault is FAULT_STATUS or FAULT_NONE.
 */
enum fault_kind fault_at(const struct fault *fault, bool health,
			 struct instant now);

#endif
