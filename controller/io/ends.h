/* Where somebody is: hosts and ports as given, and what they resolve to now. */
#ifndef BASCULE_IO_ENDS_H
#define BASCULE_IO_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/io/address.h"
#include "controller/io/dial.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"

/* As given. */
struct end_text {
	const char *host; /* numeric, no brackets, or a name */
	uint16_t port;
};

struct end {
	struct dial_to to;
	struct resolver_waiter waiter;
	char *host; /* owned */
	void *arg;  /* whose it is */
};

struct ends {
	struct end *list; /* owned */
	unsigned count;
};

/* Watch @list, which is copied.
 *
 * @answered: called with the struct end whose name was asked for, after
 *            end_wait(); not for numeric hosts.
 * Undone by ends_done(), also after a failure.
 */
int ends_init(struct ends *ends, struct resolver *resolver,
	      const struct end_text *list, unsigned count, loop_fn answered,
	      void *arg, struct err *err);
void ends_done(struct ends *ends);

/* How many addresses are known, and one of them, with its port. */
unsigned end_count(const struct end *end);
struct address end_address(const struct end *end, unsigned i);

bool end_has(const struct end *end, const struct address *addr);

/* Tell of the next answer. */
void end_wait(struct end *end);

/* Why nothing is known of it; NULL if something is, or may be soon. */
const char *end_trouble(const struct end *end);

#endif
