#include "controller/io/link_guard.h"

#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "controller/io/datagram.h"
#include "controller/io/key.h"
#include "controller/io/seal.h"

struct addresses {
	unsigned count;
	struct address list[LINK_GUARD_ADDRESSES_MAX];
};

struct link_guard {
	struct datagram_out out;
	struct seal seal;
	struct secret key; /* its bytes are the next member */
	unsigned char key_bytes[KEY_BYTES];
	/* The daemon writes the one that does not stand, then turns over. */
	struct addresses addresses[2];
	_Atomic unsigned standing;
	uint8_t sealed[SEAL_BYTES_MAX]; /* the guard's */
};

int link_guard_prepare(struct link_guard **ret_guard, const char *cluster,
		       const struct secret *key, struct err *err)
{
	struct link_guard *guard =
		mmap(NULL, sizeof(*guard), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (guard == MAP_FAILED)
		return err_set(err, -ENOMEM, "no memory for the guard: %s",
			       strerror(errno));
	sodium_mlock(guard, sizeof(*guard));
	guard->out = (struct datagram_out){ -1, -1 };
	guard->key = (struct secret){ KEY_BYTES, guard->key_bytes };
	r = seal_init(&guard->seal, cluster, key, err);
	if (r == 0)
		r = datagram_out_open(&guard->out, err);
	if (r < 0) {
		link_guard_free(guard);
		return r;
	}
	memcpy(guard->key_bytes, key->bytes, KEY_BYTES);
	guard->seal.key = &guard->key;
	*ret_guard = guard;
	return 0;
}

void link_guard_free(struct link_guard *guard)
{
	if (guard == NULL)
		return;
	datagram_out_close(&guard->out);
	munmap(guard, sizeof(*guard));
}

void link_guard_tell(struct link_guard *guard, const struct address *list,
		     unsigned count)
{
	unsigned next = 1 - atomic_load(&guard->standing);
	struct addresses *to = &guard->addresses[next];

	if (count > LINK_GUARD_ADDRESSES_MAX)
		count = LINK_GUARD_ADDRESSES_MAX;
	to->count = count;
	if (count > 0)
		memcpy(to->list, list, count * sizeof(*list));
	atomic_store(&guard->standing, next);
}

unsigned link_guard_send(struct link_guard *guard, const void *bytes,
			 size_t size)
{
	unsigned standing = atomic_load(&guard->standing), taken = 0;
	const struct addresses *to = &guard->addresses[standing];

	if (size > SEAL_PLAIN_MAX)
		return 0;
	size = seal_close(&guard->seal, bytes, size, guard->sealed);
	for (unsigned i = 0; i < to->count; i++)
		taken += datagram_send(&guard->out, &to->list[i], guard->sealed,
				       size) == 0;
	return taken;
}

unsigned link_guard_sockets(const struct link_guard *guard, int *ret_fds,
			    unsigned size)
{
	const int fds[] = { guard->out.in, guard->out.in6 };
	unsigned i, count = 0;

	for (i = 0; i < 2 && count < size; i++)
		if (fds[i] >= 0)
			ret_fds[count++] = fds[i];
	return count;
}
