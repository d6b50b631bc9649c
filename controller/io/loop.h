/* The event loop: libev, and the only place that reads a clock.
 *
 * The clock is CLOCK_MONOTONIC_RAW + (CLOCK_BOOTTIME - CLOCK_MONOTONIC): not
 * slewed by NTP, and time spent suspended counts (docs/architecture.md).
 * It is read once per wake-up; every callback of one wake-up sees the same
 * loop_now().  One thread runs the loop; loop_post() alone may be called from
 * others.
 */
#ifndef BASCULE_IO_LOOP_H
#define BASCULE_IO_LOOP_H

#include <ev.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"

struct loop;

/* A task for the loop's thread.  @arg is the poster's. */
typedef void (*loop_fn)(void *arg);

/* A loop of its own (not libev's default one).  Owned by the caller.  SIGPIPE
 * is ignored from here on: a connection that was closed is an error code like
 * any other, for OpenSSL too, which has no other way. */
int loop_new(struct loop **ret_loop, struct err *err);
void loop_free(struct loop *loop);

/* For watchers; io watchers and ev_timers (relative spans) are fine, libev's
 * ev_now() is wall time and is never used for instants. */
struct ev_loop *loop_ev(struct loop *loop);

/* The instant of this wake-up, and the wall time beside it. */
struct instant loop_now(const struct loop *loop);
int64_t loop_wall_us(const struct loop *loop);

/* Read the clock anew in the middle of a wake-up: for measuring latencies and
 * right before an act that carries a not_after; never for decisions. */
struct instant loop_clock(void);

/* Have @fn called at @due (CLOCK_BOOTTIME timerfd, absolute); a later call
 * replaces the earlier; INSTANT_NEVER disarms.  @fn is set once. */
void loop_on_deadline(struct loop *loop, loop_fn fn, void *arg);
void loop_arm(struct loop *loop, struct instant due);

/* Run @fn in the loop's thread, soon; callable from any thread.  Returns 0 or
 * -ENOMEM.  Tasks run in the order of posting. */
int loop_post(struct loop *loop, loop_fn fn, void *arg);

/* Run @fn once at the end of this wake-up, before the loop sleeps again. */
void loop_after(struct loop *loop, loop_fn fn, void *arg);

/* Forget what loop_after() was told with this @fn and @arg. */
void loop_after_cancel(struct loop *loop, loop_fn fn, void *arg);

/* How late the present wake-up found its earliest due timer, microseconds. */
int64_t loop_lag_us(const struct loop *loop);

/* Run until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
