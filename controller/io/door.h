/* The door of a machine's databases: ports that the kernel closes by itself.
 *
 * A table of nftables, `inet bascule_door_NODE`, holds the ports that are
 * guarded, and those of them that are open, each with a timeout.  At a port
 * that is not open, what comes in is refused by a reset and what would go out
 * is not sent, also of connections that were there before: an answer to a write
 * that was taken just before never reaches the client.  So nobody who reaches
 * the instance by TCP is told that a write is done, on this machine neither;
 * what this daemon's own user connects to over the loopback interface is let
 * through, so that the instance can be asked, and told to stop.
 *
 * Renewing takes a fraction of a millisecond, or several where there are many
 * other rules, and waits while somebody else loads his: a thread does it.  It
 * reads the clock right before, and again right after: a permission that was
 * given late, since the process stood still in between, is given anew or taken
 * back.  A renewal of one that has ended meanwhile fails.
 *
 * The table outlives this process.  Should somebody else remove it, it is made
 * again within a second.
 */
#ifndef BASCULE_IO_DOOR_H
#define BASCULE_IO_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"

#define DOOR_PLACES_MAX 32

/* A port to be guarded. */
struct door_place {
	uint16_t port;
	bool keep;            /* it stays as it is, open or shut */
	struct instant until; /* else: open until then; NONE: shut */
};

struct door;

/* Make the table of @node, or bring the one that is there up to date; what is
 * guarded and open stays so, and @ports are guarded too, before it returns.
 * Returns 0, or -errno with a remedy: -EPERM without CAP_NET_ADMIN. */
int door_new(struct door **ret_door, const char *node, const uint16_t *ports,
	     unsigned count, struct err *err);

/* Guard these ports and no others. */
void door_guard(struct door *door, const struct door_place *places,
		unsigned count);

/* Open a guarded port until then, or shut it at once (NONE). */
void door_set(struct door *door, uint16_t port, struct instant until);

/* Until when it is open at most; NONE: shut, or never opened by this. */
struct instant door_open_until(struct door *door, uint16_t port);

/* Why the kernel does not do as it is told, copied to @buf; "" if it does. */
void door_trouble(struct door *door, char *buf, unsigned size);

/* The table stays.  Accepts NULL. */
void door_free(struct door *door);

/* Of a table that nobody uses any more, or that is to be shut by whoever finds
 * the daemon dead.  Return 1, 0 when there is none, or -errno; -EPERM where
 * this process may not know. */
int door_remove(const char *node, struct err *err);
int door_shut_all(const char *node, struct err *err);

#endif
