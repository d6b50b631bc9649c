/* What HAProxy itself counted of our servers, and what that says of targets.
 *
 * Bytes in, facts out: the owner asks `show stat BACKEND 4 -1` when
 * counters_due(), hands over the answer line by line, and gets a hint for each
 * target that new errors speak against.  A hint is no verdict: it is a reason
 * to ask that target at once.
 *
 * - Connections that failed or were tried again, and answers that broke off,
 *   speak against a server.  Failures while it has a queue do not, unless they
 *   were tried again: whoever waits too long is counted there, too.  Clients
 *   that go away are counted elsewhere.
 * - 5xx speak against a server only if their share among its last answers is
 *   clearly above that of its siblings in the same time: a database that all
 *   of them share accuses nobody.
 * - Requests that stand unanswered for longer than is usual speak against a
 *   server (unanswered.h); the next look comes as soon as it may tell.
 * - A server in maintenance is not spoken of.
 *
 * A round reads each backend once.  The pause after it makes all of it at
 * most one part in COUNTERS_SHARE of HAProxy's time, by the measured length of
 * the answers.  Counts that fall began anew, and counts of 32 bits and more
 * may wrap.  Nothing is allocated after counters_new().
 */
#ifndef BASCULE_HAPROXY_COUNTERS_H
#define BASCULE_HAPROXY_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/instant.h"
#include "haproxy/servers.h"

#define COUNTERS_SHARE        50 /* of HAProxy's time, at most 1 in 50 */
#define COUNTERS_PAUSE_MAX    (10 * SECOND)
#define COUNTERS_WINDOW_US    (250 * MS) /* half-life of what was answered */
#define COUNTERS_SIBLINGS_MIN 3          /* answers in it, to compare with */
#define COUNTERS_QUIET_US     (100 * MS) /* between two hints of one target */

struct counters;

/* Something speaks against a target; @hint is valid for the call. */
typedef void (*counters_hint_fn)(void *arg, const struct hint *hint);

/* Count for the targets of @servers (borrowed).  Returns NULL when memory is
 * out. */
struct counters *counters_new(const struct servers *servers);
void counters_free(struct counters *cnt);

/* Ask each @interval_us; 0: never. */
void counters_every(struct counters *cnt, int64_t interval_us);

/* Another process, or a connection that was away: what was counted before is
 * compared with nothing, and what was asked is not awaited. */
void counters_reset(struct counters *cnt);

/* The server of @target stands in HAProxy's backend number @backend. */
void counters_place(struct counters *cnt, unsigned target, unsigned backend);

/* When to ask next; NEVER while an answer is awaited or nothing is known. */
struct instant counters_due(const struct counters *cnt);

/* The number of the backend to ask about now; 0: of none, look at
 * counters_due() again. */
unsigned counters_ask(struct counters *cnt, struct instant now);

/* One line of the answer, which is cut into words. */
void counters_line(struct counters *cnt, char *line);

/* The answer is complete, and took HAProxy @took_us. */
void counters_answered(struct counters *cnt, struct instant now,
		       int64_t took_us, counters_hint_fn hint, void *arg);

#endif
