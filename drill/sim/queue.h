/* What is going to happen: a queue of events by time, equal times in the
 * order in which they were put. */
#ifndef BASCULE_DRILL_SIM_QUEUE_H
#define BASCULE_DRILL_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/instant.h"

/* One thing that will happen; what the fields mean, @kind says. */
struct happening {
	struct instant at;
	uint64_t order; /* of putting */
	int kind;
	unsigned life; /* of the node: a dead one's are void */
	unsigned a, b;
	uint64_t token;
	void *data; /* owned, @size bytes, or NULL */
	size_t size;
};

struct queue {
	struct happening *heap; /* owned */
	size_t count, room;
	uint64_t order;
};

void queue_init(struct queue *q);
void queue_done(struct queue *q);

/* Put a copy; @what->order is set here, @what->data goes over. */
void queue_put(struct queue *q, const struct happening *what);

/* When the next one happens; NEVER when none does. */
struct instant queue_next(const struct queue *q);

/* Take the next one out; the caller frees its data.  There must be one. */
struct happening queue_take(struct queue *q);

/* Memory or the end: a simulation has no use for half of it. */
void *sim_alloc(size_t count, size_t size);
void *sim_again(void *old, size_t count, size_t size);

#endif
