/* One connection of the load, with at most one request under way on it. */
#ifndef BASCULE_DRILL_LOAD_CONN_H
#define BASCULE_DRILL_LOAD_CONN_H

#include "controller/core/instant.h"
#include "drill/load/outcome.h"
#include "drill/load/reply.h"

#include <ev.h>
#include <stdbool.h>
#include <sys/socket.h>

struct conn;

/* Where requests go, and the bytes of one. */
struct target {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char *request; /* owned */
	size_t request_len;
};

/* What the owner of a connection is told.  It may free the connection. */
struct conn_calls {
	/* The request came to its end; conn_can_stay() tells whether the
	 * connection can take another one. */
	void (*ended)(void *arg, struct conn *conn, enum outcome_kind kind,
		      int status);
	/* The server closed it between two requests. */
	void (*lost)(void *arg, struct conn *conn);
	void *arg; /* borrowed */
};

struct conn {
	ev_io io;
	struct ev_loop *ev;             /* borrowed */
	const struct target *target;    /* borrowed */
	const struct conn_calls *calls; /* borrowed */
	struct conn *prev, *next;       /* the owner's */
	int64_t n;                      /* the owner's: number of the request */
	struct instant intended;        /* the owner's */
	bool busy;
	bool connecting;
	size_t sent;
	struct reply reply;
};

/* Without a socket yet; NULL when memory lacks. */
struct conn *conn_new(struct ev_loop *ev, const struct target *target,
		      const struct conn_calls *calls);

/* Closes it; nothing is told of a request under way. */
void conn_free(struct conn *conn);

/* Send the target's request, connecting first if need be.  0 when it is under
 * way, or a negative errno: then free the connection.
 */
int conn_request(struct conn *conn);

/* Whether another request can follow the one that ended. */
bool conn_can_stay(const struct conn *conn);

#endif
