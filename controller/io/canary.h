/* Canary: the daemon asks itself over TCP on loopback, through its own loop.
 *
 * A late answer is nobody's fault but ours: this process or this machine does
 * not get round to its work.
 */
#ifndef BASCULE_IO_CANARY_H
#define BASCULE_IO_CANARY_H

#include "controller/io/loop.h"

struct canary;

/* It answered, @took_us after the question. */
typedef void (*canary_fn)(void *arg, int64_t took_us);

/* NULL when there is no loopback, or memory is out: then it is done without.
 */
struct canary *canary_new(struct loop *loop, canary_fn fn, void *arg);
void canary_free(struct canary *canary);

/* Ask, unless the last question still waits for its answer. */
void canary_ask(struct canary *canary);

/* For how long a question has been waiting; 0 if none is. */
int64_t canary_waits_us(const struct canary *canary);

#endif
