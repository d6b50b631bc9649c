/* The driver: carries events to the core and its actions into the world.
 *
 * It puts the parts together (checks, HAProxies, store, log, metrics, web) and
 * holds the only two things that they all need: the settings in force and the
 * controller that runs under them.  Everything happens in the loop's thread.
 */
#ifndef BASCULE_DAEMON_RUN_H
#define BASCULE_DAEMON_RUN_H

#include "controller/core/err.h"
#include "controller/core/settings.h"

struct run;

/* Make all parts for @set.
 *
 * @file: of the configuration, read again at a reload; borrowed.
 * @set:  owned by the run from here on, also when this fails.
 */
int run_new(struct run **ret_run, const char *file, struct settings *set,
	    struct err *err);

/* Run until SIGTERM or SIGINT; SIGHUP reloads. */
void run_loop(struct run *run);

/* Accepts NULL. */
void run_free(struct run *run);

#endif
