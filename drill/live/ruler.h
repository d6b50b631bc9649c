/* The ruler: what a HAProxy does with its servers, asked at its own runtime
 * socket every few milliseconds.
 *
 * Both sides of a comparison are measured with it, so that neither is taken
 * at its own word.  An answer is at most one question late.
 */
#ifndef BASCULE_DRILL_LIVE_RULER_H
#define BASCULE_DRILL_LIVE_RULER_H

#include <stdbool.h>

#include "controller/core/err.h"

#define RULER_SERVERS_MAX 16

struct ruler {
	int fd;
	const char *socket;  /* borrowed */
	const char *backend; /* borrowed */
};

/* Connect to the runtime socket, waiting up to @wait_ms for it. */
int ruler_open(struct ruler *ruler, const char *socket, const char *backend,
	       int wait_ms, struct err *err);
void ruler_close(struct ruler *ruler);

/* Bit i of @ret_used: HAProxy sends requests to the server named NAMES[i]. */
int ruler_look(struct ruler *ruler, const char *const names[], unsigned count,
	       unsigned *ret_used, struct err *err);

#endif
