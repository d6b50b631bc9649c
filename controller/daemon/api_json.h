/* How points in time, spans, results and the like look in our documents;
 * shared by the api*.c files alone. */
#ifndef BASCULE_DAEMON_API_JSON_H
#define BASCULE_DAEMON_API_JSON_H

#include <jansson.h>

#include "controller/core/event.h"
#include "controller/core/result.h"
#include "controller/daemon/buffer.h"
#include "controller/daemon/store.h"
#include "controller/daemon/view.h"

/* Microseconds are all that is measured: 15 digits hold 30 years of them. */
#define API_DUMP       (JSON_COMPACT | JSON_REAL_PRECISION(15))
#define API_LAG_MAX_US (1 * SECOND)

json_t *api_wall(int64_t wall_us); /* 0: null */
json_t *api_span(int64_t span_us); /* negative: null */
json_t *api_severity(enum severity severity);
json_t *api_result(const struct result *res);

/* @when as wall time, null for NONE and NEVER; @m NULL: null. */
json_t *api_wall_at(const struct daemon_view *view, struct instant when);
json_t *api_maintenance(const struct daemon_view *view,
			const struct maintenance *m);

/* Add @doc to @to and give it back. */
void api_dump(json_t *doc, struct buffer *to);

#endif
