/* What the daemon shows of itself: everything that status, health and metrics
 * are made from, borrowed from the driver that keeps it current. */
#ifndef BASCULE_DAEMON_VIEW_H
#define BASCULE_DAEMON_VIEW_H

#include "controller/core/ctl.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

struct metrics;
struct store;
struct window;

struct daemon_view {
	const struct settings *set;
	const struct ctl *ctl;
	struct store *store; /* NULL: none yet */
	struct window *window;
	struct metrics *metrics;
	struct instant now, started;
	int64_t wall_us, started_wall_us;
	int64_t lag_us;      /* of the loop, the worst of the last 10 s */
	unsigned generation; /* grows when set and ctl are replaced */
};

#endif
