/* The hard state: what a node must find again after a crash, as bytes.
 *
 * The encoding names its format and carries a checksum: a file that was cut
 * or mixed is refused, never guessed at.
 */
#ifndef BASCULE_CORE_HARD_H
#define BASCULE_CORE_HARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/document.h"
#include "controller/core/err.h"

#define HARD_BYTES_MAX (DOCUMENT_BYTES_MAX + 64)

struct hard_state {
	uint64_t term;
	uint32_t voted_for; /* node id, 0: nobody in this term */
	/* It was missing once and has not been made good since: the node does
	 * not know how it voted and what it held. */
	bool blank;
	int64_t longest_lease_us; /* that this node ever ran with */
	/* ... or that a peer it heard ever did; 0 from a file that an older
	 * program wrote. */
	int64_t longest_routing_us;
	struct document document;
};

/* Returns the bytes written, or 0 when @size is too small; HARD_BYTES_MAX is
 * always enough. */
size_t hard_encode(const struct hard_state *hard, uint8_t *buf, size_t size);

/* As document_decode(); a file of an older program is read, too. */
int hard_decode(const uint8_t *buf, size_t size, struct hard_state *ret_hard,
		struct err *err);

#endif
