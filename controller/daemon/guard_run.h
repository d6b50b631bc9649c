/* The guard process from the inside: see guard_process.h. */
#ifndef BASCULE_DAEMON_GUARD_RUN_H
#define BASCULE_DAEMON_GUARD_RUN_H

#include "controller/daemon/guard_page.h"
#include "controller/daemon/guard_process.h"

/* What daemon and guard say to each other, one byte a packet. */
#define GUARD_SAYS_READY    'r'
#define GUARD_SAYS_UNLOCKED 'u' /* ready, but its memory is not locked */
#define GUARD_HEARS_LOOK    'l' /* the page wants something earlier */
#define GUARD_HEARS_LEAVE   'x' /* end without doing anything */
#define GUARD_HEARS_PING    'p' /* to be said back */

struct guard_run {
	const struct guard_parts *parts;  /* borrowed from the daemon's copy */
	const struct guard_page_map *map; /* shared with the daemon */
	int socket;                       /* to the daemon */
	int daemon;                       /* pidfd */
	int page;                         /* the file: kept for its lock */
};

/* Be the guard.  Right after fork(); allocates nothing, takes no lock, and
 * does not return. */
_Noreturn void guard_run(const struct guard_run *run);

#endif
