/* Sockets to listen on: TCP for everybody, UNIX for the operators. */
#ifndef BASCULE_DAEMON_LISTEN_H
#define BASCULE_DAEMON_LISTEN_H

#include <stdint.h>

#include "controller/core/err.h"

/* Listen at a numeric address, IPv4 or IPv6 ("::" takes both), or a name of
 * this machine.  An address that the machine does not have yet is fine.
 * Returns the descriptor, non-blocking, or a negative errno. */
int listen_tcp(const char *host, uint16_t port, struct err *err);

/* Listen at every address that @host has, @max at most, for bursts of
 * connections.  @key is named in errors.  Returns how many descriptors were
 * put into @fds, or a negative errno. */
int listen_tcp_all(const char *key, const char *host, uint16_t port, int *fds,
		   unsigned max, struct err *err);

/* Listen at @path, mode 0660 and, where it exists, group "bascule".  The
 * socket of a daemon that is dead is replaced, that of one that lives is
 * not: -EADDRINUSE. */
int listen_unix(const char *path, struct err *err);

#endif
