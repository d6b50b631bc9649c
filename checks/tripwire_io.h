/* A tripwire: a connection that a check has opened and that is held without a
 * word until the next one, so that its end is heard.  What the other side
 * sends is thrown away.
 */
#ifndef BASCULE_CHECKS_TRIPWIRE_IO_H
#define BASCULE_CHECKS_TRIPWIRE_IO_H

#include "checks/probe_io.h"

struct tripwire {
	struct probe *probe; /* borrowed */
	ev_io io;
	int fd; /* owned; -1: none is held */
};

void tripwire_init(struct tripwire *wire, struct probe *probe);

/* Hold @fd, which is owned from here on, in place of what was held before; or
 * end it at once when the settings want no tether. */
void tripwire_hold(struct tripwire *wire, int fd);

/* End what is held, if anything, without a hint. */
void tripwire_drop(struct tripwire *wire);

#endif
