/* The incidents of the last weeks in memory, and what follows from them:
 * availability and the mean times of each service.
 *
 * Records that were merged into another one are kept, but count for nothing;
 * those of the nodes (INCIDENT_NODE) are kept, and belong to no service.
 *
 * Fed with every incident as it is told to the store, so that it works with
 * no disk at all.  Bounded: the oldest go first.
 */
#ifndef BASCULE_DAEMON_WINDOW_H
#define BASCULE_DAEMON_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/incident.h"
#include "controller/core/settings.h"

struct window;

/* What has become of an incident since it was last told. */
struct window_news {
	bool opened, raised, acted, closed;
};

struct window_figures {
	unsigned incidents;  /* that touch the window */
	double availability; /* 0 to 1; negative: nothing observed */
	/* Microseconds, negative where nothing is known. */
	int64_t mttd_us, mttr_us, mtbf_us;
	int64_t observed_us;
};

/* @began_wall_us: where the record begins.  NULL when memory is out. */
struct window *window_new(const struct settings *set, int64_t began_wall_us);
void window_free(struct window *win);

/* The record begins earlier than was thought. */
void window_began(struct window *win, int64_t wall_us);

/* Take over what was stored: closed ones, oldest first, or open ones. */
void window_restore(struct window *win, const struct incident *list,
		    size_t count);

/* An incident was opened, changed or closed. */
struct window_news window_incident(struct window *win,
				   const struct incident *inc);

/* The record with that number, or NULL; valid until the next change. */
const struct incident *window_find(const struct window *win, uint32_t number);

/* New settings; incidents follow their service by name. */
void window_reload(struct window *win, const struct settings *old,
		   const struct settings *set);

/* Figures of @service; computed anew at most once a second. */
const struct window_figures *window_service(struct window *win,
					    unsigned service,
					    struct instant now,
					    int64_t wall_us);

/* Where the record begins within the history: wall time. */
int64_t window_from_us(const struct window *win, int64_t wall_us);

/* All that is known, oldest first, open ones included. */
const struct incident *window_list(const struct window *win, size_t *ret_count);

#endif
