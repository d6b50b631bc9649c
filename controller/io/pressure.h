/* Pressure stall information: how much of the time work waits for a resource.
 *
 * A kernel without it, or one that does not let us read it, shows none.
 */
#ifndef BASCULE_IO_PRESSURE_H
#define BASCULE_IO_PRESSURE_H

#include "controller/core/instant.h"

enum pressure_kind {
	PRESSURE_CPU,
	PRESSURE_MEMORY,
	PRESSURE_IO,
	PRESSURE_KINDS
};

struct pressure {
	int fds[PRESSURE_KINDS]; /* owned; -1: not there */
	int64_t total_us[PRESSURE_KINDS];
	struct instant at; /* of the totals; or NONE */
};

/* @folder: "/proc/pressure". */
void pressure_init(struct pressure *pressure, const char *folder);
void pressure_done(struct pressure *pressure);

/* Since the last look: in what part of the time some work waited, percent.
 * Zero at the first look. */
void pressure_look(struct pressure *pressure, struct instant now,
		   unsigned ret_percent[PRESSURE_KINDS]);

#endif
