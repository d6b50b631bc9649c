/* What a Redis server says of itself: answers in, facts and a result out.
 *
 * A check asks PING, INFO replication and CONFIG GET min-replicas-to-write;
 * once for each connection INFO server; and, where a canary is wanted and due,
 * it sets a key on the primary.
 */
#ifndef BASCULE_CHECKS_REDIS_H
#define BASCULE_CHECKS_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/result.h"

#define REDIS_CANARY "bascule:canary"

/* An INFO replication text, which may be cut anywhere.  Of @facts what it says
 * is set, all else is left. */
void redis_take_replication(struct database_facts *facts, const char *text);

/* An INFO server text: which start of the server this is, and its port, 0 if
 * it is not there. */
void redis_take_server(struct database_facts *facts, const char *text,
		       uint16_t *ret_port);

/* How many replicas are near enough to count, by an INFO replication text; -1
 * where that is no condition for writes. */
int64_t redis_good_replicas(const char *text);

/* Whether a server that answers a command with this error is still well, needs
 * attention, or does not serve; @text is what to say of it. */
struct result redis_judge_error(const char *error, int64_t latency_us);

/* Why a good answer is no better: a primary that refuses writes, a replica
 * without its primary; NULL: it is well. */
const char *redis_concern(const struct database_facts *facts);

#endif
