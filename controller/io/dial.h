/* TCP connections, opened without blocking.
 *
 * A name with several addresses is walked through in order, from the one that
 * worked last: at once when one refuses, after its share of the time when one
 * is silent.  The caller keeps the deadline and calls dial_stop() at its end.
 */
#ifndef BASCULE_IO_DIAL_H
#define BASCULE_IO_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/io/address.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"

/* Where to: a numeric address, or a watched name and a port. */
struct dial_to {
	struct address address;
	struct resolver_name *name; /* owned watch; NULL when numeric */
	uint16_t port;
};

/* Connected: @fd >= 0, non-blocking, now the caller's.  Else -errno.  May be
 * called from within dial_start(). */
typedef void (*dial_fn)(void *arg, int fd);

struct dial {
	struct loop *loop;        /* borrowed */
	const struct dial_to *to; /* borrowed */
	dial_fn fn;
	void *arg;
	ev_io io;
	ev_timer share;
	int fd; /* owned; -1 when nothing is under way */
	int error;
	int64_t span_us;
	uint8_t first, tried; /* in the list of the name's addresses */
};

/* Numeric hosts are parsed, others watched.  Undone by dial_to_done(). */
int dial_to_init(struct dial_to *to, struct resolver *resolver,
		 const char *host, uint16_t port, struct err *err);
void dial_to_done(struct dial_to *to);

/* How many addresses are known. */
unsigned dial_to_count(const struct dial_to *to);

void dial_init(struct dial *dial, struct loop *loop, const struct dial_to *to,
	       dial_fn fn, void *arg);

/* @span_us: how long the caller will wait; also how long the kernel may
 * retransmit what is sent later. */
void dial_start(struct dial *dial, int64_t span_us);

/* Look once more, without waiting, whether there is an outcome, and report
 * it.  Returns whether there was. */
bool dial_look(struct dial *dial);

/* Give up what is under way, if anything, without a report. */
void dial_stop(struct dial *dial);

/* The address in use or last used, with its port. */
struct address dial_address(const struct dial *dial);

#endif
