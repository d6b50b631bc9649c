#include "drill/sim/queue.h"

#include <stdio.h>
#include <stdlib.h>

static void *must(void *memory)
{
	if (memory == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *sim_alloc(size_t count, size_t size)
{
	return must(calloc(count + 1, size));
}

void *sim_again(void *old, size_t count, size_t size)
{
	return must(reallocarray(old, count + 1, size));
}

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
}

void queue_done(struct queue *q)
{
	size_t i;

	for (i = 0; i < q->count; i++)
		free(q->heap[i].data);
	free(q->heap);
	*q = (struct queue){ 0 };
}

static bool before(const struct happening *a, const struct happening *b)
{
	if (a->at.us != b->at.us)
		return a->at.us < b->at.us;
	return a->order < b->order;
}

void queue_put(struct queue *q, const struct happening *what)
{
	struct happening h = *what;
	size_t i = q->count++;

	if (q->count > q->room) {
		q->room = 2 * q->count + 64;
		q->heap = sim_again(q->heap, q->room, sizeof(*q->heap));
	}
	h.order = q->order++;
	while (i > 0 && before(&h, &q->heap[(i - 1) / 2])) {
		q->heap[i] = q->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->heap[i] = h;
}

struct instant queue_next(const struct queue *q)
{
	return q->count == 0 ? INSTANT_NEVER : q->heap[0].at;
}

struct happening queue_take(struct queue *q)
{
	struct happening first = q->heap[0], last = q->heap[--q->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->count) {
		if (child + 1 < q->count &&
		    before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!before(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	return first;
}
