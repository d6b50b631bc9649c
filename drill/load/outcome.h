/* What became of one request, and its line in the trace.
 *
 * Pure.  A trace is text, a request a line, in the order of the intended
 * starts:
 *
 *	INTENDED_US LATENCY_US KIND STATUS URL
 *
 * INTENDED_US is an instant of the daemon's clock (controller/io/loop.h),
 * LATENCY_US counts from it to the whole answer or to the failure, KIND is
 * "ok" or the word for the failure, STATUS is 0 without an answer, URL counts
 * the --url options from 0.  Lines that begin with # are comments.
 */
#ifndef BASCULE_DRILL_LOAD_OUTCOME_H
#define BASCULE_DRILL_LOAD_OUTCOME_H

#include "controller/core/instant.h"

#include <stdint.h>

/* Room for one line and its end. */
#define OUTCOME_LINE_MAX 128

enum outcome_kind {
	OUTCOME_OK,       /* a whole answer, status 200 to 399 */
	OUTCOME_REFUSED,  /* nobody listens */
	OUTCOME_RESET,    /* connection reset before the whole answer */
	OUTCOME_CLOSED,   /* connection closed before the whole answer */
	OUTCOME_TIMEOUT,  /* no whole answer in time */
	OUTCOME_HTTP_5XX, /* a whole answer with such a status */
	OUTCOME_HTTP_4XX,
	OUTCOME_GARBLED, /* not HTTP */
	OUTCOME_OTHER,   /* another error of the network, or of ours */
	OUTCOME_FULL,    /* not sent: too many in flight */
	OUTCOME_LATE,    /* not sent: we ourselves were late by the timeout */
	OUTCOME_KINDS,
};

struct outcome {
	struct instant intended;
	int64_t latency_us;
	enum outcome_kind kind;
	int status;   /* 0: no answer */
	unsigned url; /* index */
};

/* The word in traces and reports. */
const char *outcome_kind_name(enum outcome_kind kind);

/* The kind of a whole answer with @status. */
enum outcome_kind outcome_of_status(int status);

/* The kind of the error @code, a positive errno. */
enum outcome_kind outcome_of_errno(int code);

/* The line of @outcome, with its newline. */
void outcome_print(const struct outcome *outcome,
		   char line[static OUTCOME_LINE_MAX]);

/* Read a line: 1 and @ret_outcome, 0 for a comment or an empty line, -EINVAL
 * for anything else.
 */
int outcome_parse(const char *line, struct outcome *ret_outcome);

#endif
