/* systemd units whose end is told, over one connection to the system bus. */
#ifndef BASCULE_DAEMON_LOCAL_UNIT_H
#define BASCULE_DAEMON_LOCAL_UNIT_H

#include "controller/io/loop.h"

struct unit_watches;

/* Unit @number is not active any more; @state is its ActiveState. */
typedef void (*unit_down_fn)(void *arg, unsigned number, const char *state);

/* The bus was found, or is lost: @why, or NULL. */
typedef void (*unit_bus_fn)(void *arg, const char *why);

/* @names: borrowed, @count of them, at least one; a name's number is its
 * place.  Without a bus, or when it is lost, it is tried again each second.
 * Returns 0 or -ENOMEM. */
int unit_watches_new(struct unit_watches **ret_watches, struct loop *loop,
		     const char *const *names, unsigned count,
		     unit_down_fn down, unit_bus_fn bus, void *arg);

/* Accepts NULL. */
void unit_watches_free(struct unit_watches *watches);

#endif
