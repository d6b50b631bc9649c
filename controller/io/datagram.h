/* UDP sockets: bound ones to receive, one of each family to send.
 *
 * Nothing here blocks.  What is sent leaves from the address that the kernel's
 * routes choose at that moment, so that several networks need no pairing.
 */
#ifndef BASCULE_IO_DATAGRAM_H
#define BASCULE_IO_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/io/address.h"

struct datagram_out {
	int in, in6; /* owned; -1: the machine has no such family */
};

/* Returns a socket bound to @addr, which the machine may get later, or a
 * negative errno. */
int datagram_bind(const struct address *addr, struct err *err);

/* How many datagrams the kernel dropped because nobody read @fd. */
uint64_t datagram_overrun(int fd);

/* Fails only if there is neither IPv4 nor IPv6. */
int datagram_out_open(struct datagram_out *out, struct err *err);
void datagram_out_close(struct datagram_out *out);

/* Returns 0 or -errno; may be called from a signal handler. */
int datagram_send(const struct datagram_out *out, const struct address *to,
		  const void *bytes, size_t size);

#endif
