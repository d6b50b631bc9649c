/* Sealed datagrams between the nodes of a cluster.
 *
 * Each datagram goes to every address that a peer lists, so that one network
 * may fail; a peer hears the same bytes once for each that works.  Nothing
 * blocks and nothing is repeated: what the kernel does not take is counted and
 * gone.  What arrives and is authentic is handed over whole with the instant
 * of a clock reading that was made after it was received; everything else
 * costs a counter.  A wake-up takes at most LINK_ROUND datagrams from each
 * address, so that a flood cannot hold up timers.
 */
#ifndef BASCULE_IO_LINK_H
#define BASCULE_IO_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"
#include "controller/io/ends.h"
#include "controller/io/link_guard.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"
#include "controller/io/seal.h"

#define LINK_ROUND 64

struct link;

struct link_peer {
	const char *name;
	const struct end_text *addresses;
	unsigned address_count;
};

/* Texts and lists are borrowed for link_new() only. */
struct link_settings {
	const char *cluster;
	const struct secret *key;   /* borrowed for the link's life */
	struct resolver *resolver;  /* so is this */
	struct link_guard *guard;   /* and this; told where peers are;
				       or NULL */
	const struct end_text *own; /* to listen at */
	unsigned own_count;
	const struct link_peer *peers;
	unsigned peer_count;
};

/* @bytes are borrowed for the call, which must not free the link. */
typedef void (*link_fn)(void *arg, const uint8_t *bytes, size_t size,
			struct instant received);

struct link_counts {
	uint64_t received[SEAL_VERDICTS]; /* by what was found */
	uint64_t overrun;     /* dropped by the kernel: nobody read them */
	uint64_t sent;        /* taken by the kernel, one an address */
	uint64_t congested;   /* not taken: its buffers are full */
	uint64_t unreachable; /* not taken: no route, no such address */
};

/* Listen at every own address.  An address given by name is listened at once
 * it is resolved; link_trouble() tells what goes wrong then. */
int link_new(struct link **ret_link, struct loop *loop,
	     const struct link_settings *set, link_fn fn, void *arg,
	     struct err *err);
void link_free(struct link *link);

/* Seal @size bytes, at most SEAL_PLAIN_MAX, and send them to @peer, an index
 * into the settings' list. */
void link_send(struct link *link, unsigned peer, const void *bytes,
	       size_t size);

struct link_counts link_counts(const struct link *link);

/* Why an own address is not listened at, or a peer's name is not known; "" if
 * all is well. */
const char *link_trouble(struct link *link);

#endif
