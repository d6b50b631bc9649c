/* When things are due: a heap of instants, one slot for each thing.
 *
 * Slots are numbered from 0; each is due at one instant or not at all.  Equal
 * instants come in the order in which they were set.  Nothing is allocated
 * after schedule_new().
 */
#ifndef BASCULE_CORE_SCHEDULE_H
#define BASCULE_CORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"

struct schedule;

/* NULL when memory is out. */
struct schedule *schedule_new(unsigned slots);
void schedule_free(struct schedule *sch);

/* Set when @slot is due; a later call replaces, NEVER takes it out. */
void schedule_set(struct schedule *sch, unsigned slot, struct instant due);

/* When @slot is due, or NEVER. */
struct instant schedule_get(const struct schedule *sch, unsigned slot);

/* The earliest instant, or NEVER. */
struct instant schedule_next(const struct schedule *sch);

/* Take out the earliest slot if it is due at @now. */
bool schedule_pop(struct schedule *sch, struct instant now, unsigned *ret_slot);

#endif
