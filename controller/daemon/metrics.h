/* What is counted, and how it reads for Prometheus.
 *
 * Counters live as long as the daemon: a reload moves them by name.  Gauges
 * are read from the view at the moment of the scrape.  The page is made piece
 * by piece, one series of one service, target or HAProxy at a time.
 */
#ifndef BASCULE_DAEMON_METRICS_H
#define BASCULE_DAEMON_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/note.h"
#include "controller/daemon/buffer.h"
#include "controller/daemon/view.h"
#include "controller/daemon/window.h"

struct metrics;

/* NULL when memory is out. */
struct metrics *metrics_new(const struct settings *set);
void metrics_free(struct metrics *m);

/* New settings; without memory for them everything starts at zero. */
void metrics_reload(struct metrics *m, const struct settings *set);

void metrics_note(struct metrics *m, const struct note *note);
void metrics_evidence(struct metrics *m, unsigned target,
		      const struct result *res);
void metrics_command(struct metrics *m, unsigned haproxy, int64_t took_us,
		     bool ok);
void metrics_incident(struct metrics *m, const struct incident *inc,
		      const struct window_news *news);

/* The primary node has moved, to this one: why, a literal word, and how long
 * there was none (negative: not known). */
void metrics_failover(struct metrics *m, const char *reason, int64_t span_us);

/* How late the loop was at this wake-up; and the worst of the last 10 s. */
void metrics_lag(struct metrics *m, struct instant now, int64_t lag_us);
int64_t metrics_lag_us(const struct metrics *m, struct instant now);

/* Fill in the first three and give it to metrics_piece() until that returns
 * false. */
struct metrics_page {
	const struct daemon_view *view; /* may be renewed between pieces */
	uint64_t log_dropped;
	bool openmetrics; /* else Prometheus text 0.0.4 */
	unsigned family, row;
	bool begun; /* the family's head is out */
};

bool metrics_piece(void *page, struct buffer *to);

#endif
