#include "controller/io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000
#define NS_PER_S  1000000000LL

struct task {
	loop_fn fn;
	void *arg; /* the poster's */
};

struct posted {
	struct posted *next;
	struct task task;
};

struct loop {
	struct ev_loop *ev; /* owned */
	struct instant now;
	int64_t wall_us;
	int64_t lag_us;

	struct instant due;    /* as wanted by loop_arm() */
	struct instant timing; /* what the timerfd is set to */
	struct task deadline;
	int timer_fd; /* owned */
	ev_io timer;

	ev_check check;
	ev_prepare prepare;
	struct task *after; /* owned */
	size_t after_count, after_size;

	ev_async async;
	pthread_mutex_t lock;  /* of the two below */
	struct posted *posted; /* owned */
	struct posted **posted_end;
};

/* How much BOOTTIME is ahead of MONOTONIC, nanoseconds, never too much.  It
 * grows with a suspend and by nothing else. */
static _Atomic int64_t suspended_ns = INT64_MIN;

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* The two clocks cannot be read at once, and a thread may lose the processor
 * between them: the difference taken in the pessimistic order is at most the
 * true one, so that keeping the largest never lets time go back. */
struct instant loop_clock(void)
{
	int64_t boot = clock_ns(CLOCK_BOOTTIME);
	int64_t ahead = boot - clock_ns(CLOCK_MONOTONIC);
	int64_t known = atomic_load(&suspended_ns);

	while (known < ahead &&
	       !atomic_compare_exchange_weak(&suspended_ns, &known, ahead))
		;
	if (ahead < known)
		ahead = known;
	return (struct instant){ (clock_ns(CLOCK_MONOTONIC_RAW) + ahead) /
				 NS_PER_US };
}

static void loop_read_clock(struct loop *loop)
{
	loop->now = instant_max(loop->now, loop_clock());
	loop->wall_us = clock_ns(CLOCK_REALTIME) / NS_PER_US;
}

/* First thing of a wake-up. */
static void on_check(struct ev_loop *ev, ev_check *w, int events)
{
	struct loop *loop = w->data;

	(void)ev;
	(void)events;
	loop_read_clock(loop);
	loop->lag_us = 0;
	if (instant_reached(loop->now, loop->due))
		loop->lag_us = instant_diff_us(loop->due, loop->now);
}

/* The timer's clock is slewed and ours is not, so it may be early: then it is
 * set again for the rest. */
static void on_timer(struct ev_loop *ev, ev_io *w, int events)
{
	struct loop *loop = w->data;
	uint64_t expirations;

	(void)ev;
	(void)events;
	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	loop->timing = INSTANT_NEVER;
	if (!instant_reached(loop->now, loop->due))
		return;
	loop->due = INSTANT_NEVER;
	if (loop->deadline.fn != NULL)
		loop->deadline.fn(loop->deadline.arg);
}

/* Set the timerfd to what is wanted: once for each wake-up.  Relative, so
 * that only one clock is read; time spent suspended counts all the same. */
static void loop_set_timer(struct loop *loop)
{
	struct itimerspec spec = { 0 };
	int64_t left_ns;

	if (loop->timing.us == loop->due.us)
		return;
	if (!instant_is_never(loop->due)) {
		left_ns = instant_diff_us(loop_clock(), loop->due) * NS_PER_US;
		if (left_ns < 1)
			left_ns = 1;
		spec.it_value.tv_sec = (time_t)(left_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(left_ns % NS_PER_S);
	}
	timerfd_settime(loop->timer_fd, 0, &spec, NULL);
	loop->timing = loop->due;
}

/* Last thing before the loop sleeps.  A task may ask for another one, which
 * runs in the same round. */
static void on_prepare(struct ev_loop *ev, ev_prepare *w, int events)
{
	struct loop *loop = w->data;
	size_t i;

	(void)ev;
	(void)events;
	for (i = 0; i < loop->after_count; i++)
		if (loop->after[i].fn != NULL)
			loop->after[i].fn(loop->after[i].arg);
	loop->after_count = 0;
	loop_set_timer(loop);
}

static struct posted *posted_take(struct loop *loop)
{
	struct posted *list;

	pthread_mutex_lock(&loop->lock);
	list = loop->posted;
	loop->posted = NULL;
	loop->posted_end = &loop->posted;
	pthread_mutex_unlock(&loop->lock);
	return list;
}

static void on_async(struct ev_loop *ev, ev_async *w, int events)
{
	struct posted *list = posted_take(w->data);
	struct posted *next;

	(void)ev;
	(void)events;
	for (; list != NULL; list = next) {
		next = list->next;
		list->task.fn(list->task.arg);
		free(list);
	}
}

static void loop_start_watchers(struct loop *loop)
{
	ev_check_init(&loop->check, on_check);
	loop->check.data = loop;
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
	ev_prepare_init(&loop->prepare, on_prepare);
	loop->prepare.data = loop;
	ev_set_priority(&loop->prepare, EV_MINPRI);
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_async_init(&loop->async, on_async);
	loop->async.data = loop;
	ev_async_start(loop->ev, &loop->async);
	ev_io_init(&loop->timer, on_timer, loop->timer_fd, EV_READ);
	loop->timer.data = loop;
	ev_io_start(loop->ev, &loop->timer);
}

int loop_new(struct loop **ret_loop, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (loop == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	loop->due = loop->timing = INSTANT_NEVER;
	loop->now = INSTANT_NONE;
	loop->posted_end = &loop->posted;
	loop->timer_fd = -1;
	pthread_mutex_init(&loop->lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (loop->ev == NULL) {
		r = err_set(err, -ENOSYS, "the event loop cannot use epoll");
		goto fail;
	}
	loop->timer_fd =
		timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0) {
		r = err_set(err, -errno, "no timer: %s", strerror(errno));
		goto fail;
	}
	loop_start_watchers(loop);
	loop_read_clock(loop);
	*ret_loop = loop;
	return 0;
fail:
	loop_free(loop);
	return r;
}

static void loop_stop_watchers(struct loop *loop)
{
	ev_check_stop(loop->ev, &loop->check);
	ev_prepare_stop(loop->ev, &loop->prepare);
	ev_async_stop(loop->ev, &loop->async);
	ev_io_stop(loop->ev, &loop->timer);
}

/* Tasks that were posted and not run are dropped. */
void loop_free(struct loop *loop)
{
	struct posted *list, *next;

	if (loop == NULL)
		return;
	if (loop->timer_fd >= 0) {
		loop_stop_watchers(loop);
		close(loop->timer_fd);
	}
	if (loop->ev != NULL)
		ev_loop_destroy(loop->ev);
	for (list = posted_take(loop); list != NULL; list = next) {
		next = list->next;
		free(list);
	}
	pthread_mutex_destroy(&loop->lock);
	free(loop->after);
	free(loop);
}

struct ev_loop *loop_ev(struct loop *loop)
{
	return loop->ev;
}

struct instant loop_now(const struct loop *loop)
{
	return loop->now;
}

int64_t loop_wall_us(const struct loop *loop)
{
	return loop->wall_us;
}

int64_t loop_lag_us(const struct loop *loop)
{
	return loop->lag_us;
}

void loop_on_deadline(struct loop *loop, loop_fn fn, void *arg)
{
	loop->deadline = (struct task){ fn, arg };
}

void loop_arm(struct loop *loop, struct instant due)
{
	loop->due = due;
}

int loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	struct posted *posted = malloc(sizeof(*posted));

	if (posted == NULL)
		return -ENOMEM;
	posted->next = NULL;
	posted->task = (struct task){ fn, arg };
	pthread_mutex_lock(&loop->lock);
	*loop->posted_end = posted;
	loop->posted_end = &posted->next;
	pthread_mutex_unlock(&loop->lock);
	ev_async_send(loop->ev, &loop->async);
	return 0;
}

/* Without memory there is nobody to tell: libev aborts then, and so do we. */
void loop_after(struct loop *loop, loop_fn fn, void *arg)
{
	size_t size = loop->after_size != 0 ? 2 * loop->after_size : 16;
	struct task *after;

	if (loop->after_count == loop->after_size) {
		after = realloc(loop->after, size * sizeof(*after));
		if (after == NULL)
			abort();
		loop->after = after;
		loop->after_size = size;
	}
	loop->after[loop->after_count++] = (struct task){ fn, arg };
}

void loop_after_cancel(struct loop *loop, loop_fn fn, void *arg)
{
	size_t i;

	for (i = 0; i < loop->after_count; i++)
		if (loop->after[i].fn == fn && loop->after[i].arg == arg)
			loop->after[i].fn = NULL;
}

void loop_run(struct loop *loop)
{
	loop_read_clock(loop);
	ev_run(loop->ev, 0);
}

void loop_stop(struct loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}
