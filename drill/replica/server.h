/* The replica's listeners, their faults and what all connections share.
 *
 * One thread, one libev loop.  One process can listen on thousands of ports;
 * each has a fault of its own, so that one of them can fail alone.
 */
#ifndef BASCULE_DRILL_REPLICA_SERVER_H
#define BASCULE_DRILL_REPLICA_SERVER_H

#include "controller/core/err.h"
#include "controller/core/rng.h"
#include "drill/arg.h"
#include "drill/replica/fault.h"
#include "drill/replica/page.h"
#include "drill/replica/tally.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct loop;
struct server;

/* A queue of length 0 takes one connection; the second is a spare. */
#define LISTENER_FILLERS 2

struct listener {
	ev_io io;
	struct server *server; /* borrowed, its owner */
	struct endpoint endpoint;
	int fd;
	bool control; /* never hit by a fault */
	struct fault fault;
	struct conn *conns;            /* owned, a list */
	int fillers[LISTENER_FILLERS]; /* owned, what fills the queue */
};

struct server {
	struct loop *loop;  /* borrowed */
	struct ev_loop *ev; /* borrowed, of @loop */
	struct pages pages;
	struct tally tally;
	struct listener *listeners; /* owned, @listeners_len of them */
	unsigned listeners_len;
	struct listener control; /* fd -1: there is none */
	ev_timer pause;          /* of accepting, while descriptors lack */
	struct rng rng;          /* which payments fail */
	unsigned payment_errors; /* percent */
	char *spare;             /* owned: a request buffer not in use */
};

/* @loop stays the caller's; @name and @version are copied. */
int server_init(struct server *server, struct loop *loop, const char *name,
		const char *version);

/* Closes everything; harmless on a server that never listened. */
void server_done(struct server *server);

/* Listen on @ports ports, from that of @first on.  With one port, port 0
 * takes a free one; listener.endpoint then tells which.
 */
int server_listen(struct server *server, const struct endpoint *first,
		  unsigned ports, struct err *err);
int server_listen_control(struct server *server,
			  const struct endpoint *endpoint, struct err *err);

/* Switch every listener, or the one that fault->port names, to @fault, from
 * now on.  @ret_listener, if not NULL, is the first one it applies to.
 *
 * -EINVAL: no such port, or refuse without a control listener, from which
 * there would be no way back.
 */
int server_set_fault(struct server *server, const struct fault *fault,
		     struct listener **ret_listener, struct err *err);

/* The listener of @port, the first one for 0, NULL if there is none. */
struct listener *server_find(struct server *server, unsigned port);

#endif
