/* The trace file: one line for each request (outcome.h), written while the
 * load runs and read back for a window of it.
 */
#ifndef BASCULE_DRILL_LOAD_TRACE_H
#define BASCULE_DRILL_LOAD_TRACE_H

#include "controller/core/err.h"
#include "drill/load/figures.h"

struct trace;

/* 0, or a negative errno and a sentence. */
int trace_create(const char *path, struct trace **ret_trace, struct err *err);

/* Complete lines reach the file at least once a second.  A failure to write
 * is kept for trace_close().
 */
void trace_add(struct trace *trace, const struct outcome *outcome);

/* Frees @trace; NULL is fine. */
int trace_close(struct trace *trace, struct err *err);

/* The figures of those requests of the trace at @path that were intended from
 * @from until before @to.  INSTANT_NONE and INSTANT_NEVER: from the first,
 * to behind the last.  The window is the run: gaps reach up to its ends.
 */
int trace_read(const char *path, struct instant from, struct instant to,
	       int64_t slow_us, struct figures *ret_figures,
	       struct instant *ret_end, struct err *err);

#endif
