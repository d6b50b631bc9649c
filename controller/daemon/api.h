/* The documents of docs/api.md, made from a view of the daemon.
 *
 * Pure: nothing is changed and nothing is asked of anybody.  What is returned
 * is the caller's; NULL means that memory is out.
 */
#ifndef BASCULE_DAEMON_API_H
#define BASCULE_DAEMON_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/core/incident.h"
#include "controller/core/note.h"
#include "controller/daemon/buffer.h"
#include "controller/daemon/view.h"

/* ---- health ---- */

enum api_probe { API_LIVE, API_READY, API_STARTED };

/* How many targets were never judged (and are not in maintenance). */
unsigned api_unjudged(const struct daemon_view *view);

/* The health document; @started: every target was judged once, now or
 * earlier.  @ret_ok: whether all is well. */
json_t *api_health(const struct daemon_view *view, enum api_probe probe,
		   bool started, bool *ret_ok);

/* ---- status ---- */

/* The status document is made piece by piece: fill in view and start, give
 * the struct to api_status_piece() until it returns false. */
struct api_status {
	const struct daemon_view *view; /* may be renewed between pieces */
	bool started;                   /* as for api_health() */
	unsigned step, service, target;
};

bool api_status_piece(void *status, struct buffer *to);

json_t *api_target(const struct daemon_view *view, unsigned target);

/* ---- what happened ---- */

/* @target: NULL when it is watched no longer; @nodes parted by commas. */
json_t *api_incident(const struct incident *inc, const char *service,
		     const char *target, const char *nodes, struct instant now);

/* The same of one whose indices are those of the view's settings. */
json_t *api_incident_here(const struct daemon_view *view,
			  const struct incident *inc);

/* The name of the service of @inc, which must be one of @set or the nodes. */
const char *api_incident_service(const struct settings *set,
				 const struct incident *inc);

/* The name of the target that opened @inc, or NULL. */
const char *api_opener(const struct settings *set, const struct incident *inc);

/* One event as text, ready for the store and for streams. */
char *api_event(const struct note *note, int64_t id, const struct settings *set,
		const char *text);

/* ---- words ---- */

/* The largest microsecond time for people, 2026-11-20T17:05:22.123456Z. */
#define API_TIME_MAX 40
const char *api_time(int64_t wall_us, char *buf, size_t size);

/* Any bytes as a JSON string: what is no UTF-8 becomes '?'. */
json_t *api_string(const char *text);

/* A target called "api1" or "api/api1" -> its index.  Returns 0, -ENOENT, or
 * -EEXIST when several are called so; @ret_candidates is a JSON array of
 * these then, and is untouched otherwise. */
int api_find_target(const struct settings *set, const char *name,
		    unsigned *ret_target, json_t **ret_candidates);

/* -ENOENT when there is none. */
int api_find_service(const struct settings *set, const char *name,
		     unsigned *ret_service);

#endif
