/* The writers' sessions of leaving workers, for whoever has no loop: see
 * haproxy/leavers.h for the conversation, routes_file.h for who asks. */
#ifndef BASCULE_DAEMON_ROUTES_LEAVERS_H
#define BASCULE_DAEMON_ROUTES_LEAVERS_H

#include "controller/core/err.h"
#include "controller/core/instant.h"

/* Make what a conversation needs; without it the first one does.  -ENOMEM. */
int routes_leavers_prepare(void);

/* Through the master socket at @path, end the sessions of all leaving workers
 * to @servers ("BACKEND/SERVER BACKEND/SERVER ...").  Waits.
 *
 * Returns 0 when none is left, or nobody listens there: who has no master has
 * no leaving worker.  Otherwise -errno by @until. */
int routes_leavers_end(const char *path, const char *servers,
		       struct instant until, struct err *err);

#endif
