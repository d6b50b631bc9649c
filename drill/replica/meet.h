/* What a request meets: its page, or the fault of the listener. */
#ifndef BASCULE_DRILL_REPLICA_MEET_H
#define BASCULE_DRILL_REPLICA_MEET_H

#include "drill/replica/conn.h"

/* Decide over @req, which stands at the front of @conn.  Leaves the
 * connection CONN_WAITING (with @conn->timer running, if it is only slow), or
 * CONN_SENDING with @conn->out and what belongs to it filled in.  0 or
 * -ENOMEM.
 */
int meet_request(struct conn *conn, const struct request *req);

/* The same for bytes that are no request; always ends in a closing answer. */
int meet_nonsense(struct conn *conn);

#endif
