/* Whether requests stand at a server of HAProxy's that it does not answer.
 *
 * Fed with each look at the server's counters.  Silence begins with the first
 * look that shows more new sessions than new answers, and ends with an answer
 * or with the last session.  How long it may last is learned from the silences
 * that ended well: a server that thinks for a second is no news.
 *
 * Pure; nothing is allocated.
 */
#ifndef BASCULE_HAPROXY_UNANSWERED_H
#define BASCULE_HAPROXY_UNANSWERED_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"

#define UNANSWERED_MIN_US   (5 * MS)
#define UNANSWERED_USUAL_US (1 * SECOND) /* the longest that is learned */

struct unanswered {
	struct instant since; /* of the silence; or NONE */
	uint32_t lasted_us;   /* ... at the last look */
	uint32_t usual_us;    /* the longest lately that ended in an answer */
	bool told;
};

void unanswered_init(struct unanswered *silence);

/* A look: @began sessions and @answered answers are new, and there are
 * sessions (@busy).  Returns true once in each silence, when it lasts longer
 * than is usual. */
bool unanswered_look(struct unanswered *silence, uint32_t began,
		     uint32_t answered, bool busy, struct instant now);

/* It teaches nothing: the server was taken out of use meanwhile. */
void unanswered_end(struct unanswered *silence);

/* When the next look may tell of it; NEVER when there is none, or it is told.
 */
struct instant unanswered_due(const struct unanswered *silence);

#endif
