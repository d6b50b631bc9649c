/* The pages that are made anew for each request: /fault and /metrics. */
#ifndef BASCULE_DRILL_REPLICA_CONTROL_H
#define BASCULE_DRILL_REPLICA_CONTROL_H

#include "drill/replica/server.h"

/* GET /fault shows, POST /fault (from loopback only) switches.
 *
 * The answer is JSON: {"kind", "scope", ..., "since_us"} where since_us is
 * the instant at which the fault was switched on, on the clock of the traces;
 * or {"error"}.  @asked is where the request came in: refuse is taken on the
 * control listener only, which alone outlives it.  Returns 0 and an answer to
 * be freed, or -ENOMEM.
 */
int control_fault(struct listener *asked, const struct request *req,
		  bool loopback, struct answer *ret_answer);

/* Prometheus text; 0 or -ENOMEM. */
int control_metrics(struct server *server, bool close,
		    struct answer *ret_answer);

#endif
