/* The open-loop client: starts a request at every arrival, whatever became of
 * the ones before, and tells what each came to.
 *
 * A request is failed when its whole answer is not there a timeout after its
 * intended start.  None is sent anew: what fails is counted as a client would
 * have felt it.
 */
#ifndef BASCULE_DRILL_LOAD_CLIENT_H
#define BASCULE_DRILL_LOAD_CLIENT_H

#include "controller/core/err.h"
#include "controller/io/loop.h"
#include "drill/load/journal.h"
#include "drill/load/url.h"

#include <stdbool.h>

/* Arrivals within one timeout; what is remembered of them is allocated. */
#define CLIENT_PENDING_MAX 1000000

struct client_settings {
	const struct url *urls; /* borrowed; used in rotation */
	unsigned urls_len;
	int64_t rate;        /* a second */
	int64_t duration_us; /* 0: until client_stop() */
	int64_t timeout_us;
	unsigned flight_max; /* requests at once */
	bool keep;           /* connections serve one request after another */
};

struct client;

/* Names are resolved here, which may block.  @fn is told every outcome in the
 * order of the intended starts.  @loop is stopped after the last.
 */
int client_new(struct loop *loop, const struct client_settings *settings,
	       journal_fn fn, void *arg, struct client **ret_client,
	       struct err *err);
void client_free(struct client *client);

/* The first arrival is now, the others follow while the loop runs. */
void client_start(struct client *client);

/* No more arrivals; those in flight may come to their end. */
void client_stop(struct client *client);

/* Begin and end of the time in which requests were intended. */
struct instant client_begin(const struct client *client);
struct instant client_end(const struct client *client);

/* Requests in flight, so without an outcome yet. */
unsigned client_in_flight(const struct client *client);

#endif
