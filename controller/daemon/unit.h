/* A systemd unit, started or stopped over D-Bus, until its job has ended.
 *
 * Whoever waits does it in a way of his own: in the loop by unit_fd(),
 * unit_events() and unit_wait_us(), or with unit_wait() alone.  What the
 * manager may be asked is systemd/bascule.rules' matter.
 */
#ifndef BASCULE_DAEMON_UNIT_H
#define BASCULE_DAEMON_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"

#define UNIT_PREFIX "unit:"

enum unit_verb { UNIT_START, UNIT_STOP };

struct unit;

/* Connect and ask.  @name is a unit's full name.  Returns 0 or -errno. */
int unit_ask(struct unit **ret_unit, enum unit_verb verb, const char *name,
	     struct err *err);

/* Hang up; a job under way goes on.  Accepts NULL. */
void unit_free(struct unit *unit);

int unit_fd(struct unit *unit);

/* POLLIN, POLLOUT: what to wait for. */
int unit_events(struct unit *unit);

/* How long at most until unit_work() wants a turn; -1: for ever. */
int64_t unit_wait_us(struct unit *unit);

/* Take what is there.  Returns -EINPROGRESS until the job has ended; then 0,
 * or another -errno and @err.  A unit that is not there counts as stopped. */
int unit_work(struct unit *unit, struct err *err);

/* The same until it has ended, -ETIME when it has not by @until. */
int unit_wait(struct unit *unit, struct instant until, struct err *err);

#endif
