/* Bytes that nobody else may see.
 *
 * They stand in memory of their own that is not swapped, not in a core dump,
 * between unreadable pages, and wiped before it is given back.
 */
#ifndef BASCULE_IO_SECRET_H
#define BASCULE_IO_SECRET_H

#include <stddef.h>

struct secret {
	size_t size;
	unsigned char *bytes; /* owned */
};

/* @size bytes of zero.  Returns NULL when memory is out. */
struct secret *secret_new(size_t size);

/* Wipes it.  NULL is fine. */
void secret_free(struct secret *secret);

#endif
