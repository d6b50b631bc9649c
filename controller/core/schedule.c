#include "controller/core/schedule.h"

#include <assert.h>
#include <stdlib.h>

#define OUT UINT32_MAX

struct entry {
	struct instant due;
	uint64_t order; /* of setting: breaks ties the same way everywhere */
	uint32_t slot;
};

struct schedule {
	unsigned slots, count;
	uint64_t order;
	struct entry *heap; /* owned */
	uint32_t *place;    /* owned: slot -> index in heap, or OUT */
};

struct schedule *schedule_new(unsigned slots)
{
	struct schedule *sch = calloc(1, sizeof(*sch));
	unsigned i;

	if (sch == NULL)
		return NULL;
	sch->slots = slots;
	sch->heap = calloc(slots + 1u, sizeof(*sch->heap));
	sch->place = calloc(slots + 1u, sizeof(*sch->place));
	if (sch->heap == NULL || sch->place == NULL) {
		schedule_free(sch);
		return NULL;
	}
	for (i = 0; i < slots; i++)
		sch->place[i] = OUT;
	return sch;
}

void schedule_free(struct schedule *sch)
{
	if (sch == NULL)
		return;
	free(sch->heap);
	free(sch->place);
	free(sch);
}

static bool entry_before(const struct entry *a, const struct entry *b)
{
	if (a->due.us != b->due.us)
		return a->due.us < b->due.us;
	return a->order < b->order;
}

static void put(struct schedule *sch, unsigned i, struct entry e)
{
	sch->heap[i] = e;
	sch->place[e.slot] = i;
}

static void sift_up(struct schedule *sch, unsigned i)
{
	struct entry e = sch->heap[i];

	while (i > 0 && entry_before(&e, &sch->heap[(i - 1) / 2])) {
		put(sch, i, sch->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(sch, i, e);
}

static void sift_down(struct schedule *sch, unsigned i)
{
	struct entry e = sch->heap[i];
	unsigned child;

	while ((child = 2 * i + 1) < sch->count) {
		if (child + 1 < sch->count &&
		    entry_before(&sch->heap[child + 1], &sch->heap[child]))
			child++;
		if (!entry_before(&sch->heap[child], &e))
			break;
		put(sch, i, sch->heap[child]);
		i = child;
	}
	put(sch, i, e);
}

static void take_out(struct schedule *sch, unsigned i)
{
	sch->place[sch->heap[i].slot] = OUT;
	sch->count--;
	if (i == sch->count)
		return;
	put(sch, i, sch->heap[sch->count]);
	sift_up(sch, i);
	sift_down(sch, sch->place[sch->heap[i].slot]);
}

void schedule_set(struct schedule *sch, unsigned slot, struct instant due)
{
	assert(slot < sch->slots);
	if (sch->place[slot] != OUT)
		take_out(sch, sch->place[slot]);
	if (instant_is_never(due))
		return;
	put(sch, sch->count,
	    (struct entry){ .due = due, .order = sch->order++, .slot = slot });
	sift_up(sch, sch->count++);
}

struct instant schedule_get(const struct schedule *sch, unsigned slot)
{
	uint32_t i = sch->place[slot];

	return i == OUT ? INSTANT_NEVER : sch->heap[i].due;
}

struct instant schedule_next(const struct schedule *sch)
{
	return sch->count == 0 ? INSTANT_NEVER : sch->heap[0].due;
}

bool schedule_pop(struct schedule *sch, struct instant now, unsigned *ret_slot)
{
	if (sch->count == 0 || !instant_reached(now, sch->heap[0].due))
		return false;
	*ret_slot = sch->heap[0].slot;
	take_out(sch, 0);
	return true;
}
