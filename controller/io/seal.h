/* Sealed datagrams: nobody without the cluster key can read or write one.
 *
 *	bytes  0  "bsc", format version
 *	       4  cluster id: the first 8 bytes of its name's BLAKE2b hash
 *	      12  length of the plaintext, big-endian
 *	      14  nonce, random
 *	      38  ciphertext, tag: XChaCha20-Poly1305 over the plaintext, with
 *	          bytes 0 to 13 and the cluster's name as associated data
 *
 * What is not for us is told apart by its first bytes, before any
 * cryptography; these kinds are for counting, an enemy may feign any of them.
 * A daemon that speaks another version is told from an enemy and dropped all
 * the same.  Replays are the core's business.  Nothing here allocates after
 * seal_init(), and seal_close() and seal_open() may be called from a signal
 * handler or after a fork.
 */
#ifndef BASCULE_IO_SEAL_H
#define BASCULE_IO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/io/secret.h"

#define SEAL_VERSION      1
#define SEAL_PLAIN_MAX    9216 /* the longest message has a little less */
#define SEAL_OVERHEAD     54
#define SEAL_BYTES_MAX    (SEAL_PLAIN_MAX + SEAL_OVERHEAD)
#define SEAL_HEADER_BYTES 14
#define SEAL_CLUSTER_MAX  255 /* bytes of its name, without the NUL */

/* Plain memory, so that it can stand where it is locked or shared.  The key is
 * not in it. */
struct seal {
	const struct secret *key; /* borrowed */
	/* Associated data: header, then the cluster's name. */
	uint8_t context[SEAL_HEADER_BYTES + SEAL_CLUSTER_MAX];
	size_t context_size;
};

enum seal_verdict {
	SEAL_FINE,
	SEAL_MALFORMED,   /* not of this program at all */
	SEAL_OTHER,       /* another version's */
	SEAL_FOREIGN,     /* another cluster's */
	SEAL_OVERSIZED,   /* longer than any message */
	SEAL_TRUNCATED,   /* less than it says */
	SEAL_UNAUTHENTIC, /* another key, or changed on the way */
	SEAL_VERDICTS
};

/* A word for metrics and logs. */
const char *seal_verdict_name(enum seal_verdict verdict);

/* Returns 0, -EINVAL for a key or name of the wrong length, -ENOSYS if
 * libsodium does not work here. */
int seal_init(struct seal *seal, const char *cluster, const struct secret *key,
	      struct err *err);

/* Seal @size bytes, at most SEAL_PLAIN_MAX.  Returns the bytes written. */
size_t seal_close(const struct seal *seal, const void *bytes, size_t size,
		  uint8_t ret_sealed[SEAL_BYTES_MAX]);

/* Open a datagram from anybody.
 *
 * @size: its length; may be more than SEAL_BYTES_MAX, of which only the first
 *        ones are there then.
 * @ret_size: of the plaintext.  Both outputs are written on SEAL_FINE; the
 *            buffer's content is undefined otherwise.
 */
enum seal_verdict seal_open(const struct seal *seal, const uint8_t *sealed,
			    size_t size, uint8_t ret_bytes[SEAL_PLAIN_MAX],
			    size_t *ret_size);

#endif
