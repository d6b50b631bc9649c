/* Names to addresses, off the loop.
 *
 * getaddrinfo() blocks, so one thread asks for everybody.  A watched name is
 * asked again every RESOLVER_FRESH_S seconds, and sooner, with a growing
 * pause, after a failure; the last good answer is kept for as long as the
 * name is watched.  Everything here is called in the loop's thread.
 */
#ifndef BASCULE_IO_RESOLVER_H
#define BASCULE_IO_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/err.h"
#include "controller/io/address.h"
#include "controller/io/loop.h"

#define RESOLVER_FRESH_S       60. /* until a good answer is asked anew */
#define RESOLVER_ADDRESSES_MAX 8   /* kept of one name, in the order given */

struct resolver;
struct resolver_name;

/* Someone who wants to know when the next answer, good or not, is there.
 * Owned by whoever waits. */
struct resolver_waiter {
	struct resolver_waiter *next, **link; /* link: NULL when not waiting */
	loop_fn fn;
	void *arg;
};

/* The thread starts with the first name. */
int resolver_new(struct resolver **ret_resolver, struct loop *loop,
		 struct err *err);

/* Does not wait for a lookup under way: the thread ends after it. */
void resolver_free(struct resolver *resolver);

/* Watch @host and ask for it at once; the same name may be watched many
 * times.  Returns 0 or a negative errno. */
int resolver_watch(struct resolver *resolver, const char *host,
		   struct resolver_name **ret_name, struct err *err);
void resolver_unwatch(struct resolver_name *name);

/* The last good answer, owned by @name, until the loop runs again; port 0.
 * Returns how many there are, 0 if there was none yet. */
unsigned resolver_addresses(const struct resolver_name *name,
			    const struct address **ret_list);

/* Whether the very first answer is still to come. */
bool resolver_pending(const struct resolver_name *name);

/* Why the last lookup failed; "" if it did not. */
const char *resolver_why(const struct resolver_name *name);

/* Ask again soon: the addresses known do not answer. */
void resolver_hurry(struct resolver_name *name);

void resolver_wait(struct resolver_name *name, struct resolver_waiter *waiter);
void resolver_leave(struct resolver_waiter *waiter);

#endif
