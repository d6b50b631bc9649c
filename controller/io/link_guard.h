/* The link as the guard has it: a few words to all peers, when the daemon is
 * dead.
 *
 * Made by the daemon before it forks its guard, in memory that both share:
 * sockets, key and the peers' addresses, which the daemon's link keeps fresh
 * as names are resolved.  A daemon that dies in the middle of that leaves the
 * list that stood before.  What the guard calls allocates nothing, takes no
 * lock and is safe right after a fork of a process with threads.
 */
#ifndef BASCULE_IO_LINK_GUARD_H
#define BASCULE_IO_LINK_GUARD_H

#include <stddef.h>

#include "controller/core/err.h"
#include "controller/io/address.h"
#include "controller/io/secret.h"

#define LINK_GUARD_ADDRESSES_MAX 64

struct link_guard;

/* @key is copied.  Its memory is locked here; a lock does not outlive a fork,
 * so the guard locks all of its own. */
int link_guard_prepare(struct link_guard **ret_guard, const char *cluster,
		       const struct secret *key, struct err *err);

/* For this process; what another one holds of it stays. */
void link_guard_free(struct link_guard *guard);

/* The sockets that link_guard_send() needs, for a guard that closes all others;
 * returns how many, at most @size. */
unsigned link_guard_sockets(const struct link_guard *guard, int *ret_fds,
			    unsigned size);

/* In the daemon: these are the peers' addresses from now on; those above the
 * maximum are left out. */
void link_guard_tell(struct link_guard *guard, const struct address *list,
		     unsigned count);

/* In the guard: seal @bytes and send them to every address.  Returns to how
 * many the kernel took it. */
unsigned link_guard_send(struct link_guard *guard, const void *bytes,
			 size_t size);

#endif
