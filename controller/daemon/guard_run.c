#include "controller/daemon/guard_run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "controller/daemon/recipe.h"
#include "controller/daemon/release.h"
#include "controller/daemon/routes_file.h"
#include "controller/io/loop.h"

#define SAID_MAX         600
#define NS_PER_US        1000
#define NS_PER_S         1000000000LL
#define RELEASES_MAX     3
#define RELEASE_GAP_MS   200 /* between tries */
#define RESIGN_ROUNDS    5
#define RESIGN_BYTES_MAX 1024
#define RESIGN_GAP_MS    5

/* Static, so that the stack stays small and is all there from the start. */
static struct guard_sheet sheet;
static const struct guard_run *self;
static bool under_journal;

/* A line to standard error, whole or, if nobody reads there, not at all. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[SAID_MAX];
	size_t used;
	va_list ap;
	ssize_t n;

	n = snprintf(line, sizeof(line),
		     "%sguard: ", under_journal ? "<4>" : "");
	used = (size_t)n;
	va_start(ap, fmt);
	vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	used = strlen(line);
	line[used++] = '\n';
	if (poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0)
		n = write(STDERR_FILENO, line, used);
	(void)n;
}

static void pause_ms(long ms)
{
	const struct timespec span = { .tv_nsec = ms * 1000000 };

	nanosleep(&span, NULL);
}

static struct guard_page look(void)
{
	guard_page_read(self->map, &sheet);
	return guard_page_of(&sheet);
}

/* As the loop does it: by a relative timer, since the kernel's clock is slewed
 * and ours is not. */
static void arm(int timer, struct instant due)
{
	struct itimerspec spec = { 0 };
	int64_t left_ns;

	if (!instant_is_never(due)) {
		left_ns = instant_diff_us(loop_clock(), due) * NS_PER_US;
		if (left_ns < 1)
			left_ns = 1;
		spec.it_value.tv_sec = (time_t)(left_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(left_ns % NS_PER_S);
	}
	timerfd_settime(timer, 0, &spec, NULL);
}

/* Wait for the timer or the daemon. */
static enum guard_event hear(int timer)
{
	struct pollfd fds[] = { { .fd = self->socket, .events = POLLIN },
				{ .fd = timer, .events = POLLIN } };
	uint64_t count;
	char word;
	ssize_t n;

	if (poll(fds, 2, -1) < 0)
		return GUARD_TICK;
	if (fds[1].revents != 0 && read(timer, &count, sizeof(count)) < 0)
		return GUARD_TICK;
	if (fds[0].revents == 0)
		return GUARD_TICK;
	n = recv(self->socket, &word, 1, MSG_DONTWAIT);
	if (n == 1 && word == GUARD_HEARS_LEAVE)
		_exit(0);
	if (n == 1 && word == GUARD_HEARS_PING)
		send(self->socket, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return GUARD_PIPE_CLOSED;
	return GUARD_TICK;
}

/* How long to wait for the dead: while the lease has time for it, and a little
 * when not.  What is killed runs nothing more, but may be within a call. */
static struct instant patience(void)
{
	int64_t budget_us = self->parts->budget_us;
	struct instant lease_end = { sheet.lease_end_us };

	return instant_max(instant_add(loop_clock(), budget_us / 4),
			   instant_add(lease_end, -budget_us / 2));
}

/* The daemon first: then its page does not change any more, and names every
 * hook, since none runs before it is written there. */
static void kill_all(void)
{
	pidfd_send_signal(self->daemon, SIGKILL, NULL, 0);
	if (!group_await(self->daemon, patience()))
		say("the daemon is killed and not yet dead");
	look();
	if (!guard_page_end_groups(&sheet, patience()))
		say("a hook is killed and not yet dead");
}

/* What was not released is not resigned: then the lease has to run out. */
static bool release(void)
{
	struct err err;
	int i, r = 0;

	for (i = 0; i < RELEASES_MAX; i++) {
		if (i > 0)
			pause_ms(RELEASE_GAP_MS);
		r = release_run(self->parts->folder, "guard", &err);
		if (r >= 0)
			return true;
		say("the release failed: %s", err.text);
	}
	return false;
}

/* Each time another message, so that one that was late is not taken for one
 * that was sent twice. */
static void resign(const struct guard_page *page)
{
	static uint8_t bytes[RESIGN_BYTES_MAX];
	struct message msg;
	unsigned round;
	size_t size;

	for (round = 0; round < RESIGN_ROUNDS; round++) {
		if (self->parts->resign == NULL)
			return;
		if (round > 0)
			pause_ms(RESIGN_GAP_MS);
		guard_resign(page, loop_clock(), round, &msg);
		size = message_encode(&msg, bytes, sizeof(bytes));
		if (size > 0)
			self->parts->resign(self->parts->arg, bytes, size);
	}
}

static void act(struct guard *guard, const char *why)
{
	struct instant began = loop_clock(), released;
	struct guard_page page;
	enum guard_action next;

	kill_all();
	page = guard_page_of(&sheet);
	next = guard_step(guard, GUARD_KILLED, &page, loop_clock());
	if (next != GUARD_RELEASE || !release())
		return;
	released = loop_clock();
	next = guard_step(guard, GUARD_RELEASED, &page, released);
	if (next == GUARD_RESIGN)
		resign(&page);
	say("%s: released within %lld us%s", why,
	    (long long)instant_diff_us(began, released),
	    next == GUARD_RESIGN ? ", and resigned" : "");
}

/* Descriptors that are the daemon's alone: a listening socket that lived on
 * here would be in the way of its successor. */
static void close_others(void)
{
	int keep[GUARD_KEEP_MAX + 3], low = STDERR_FILENO + 1, next;
	unsigned i, count = 0;

	keep[count++] = self->socket;
	keep[count++] = self->daemon;
	keep[count++] = self->page;
	for (i = 0; i < self->parts->keep_count; i++)
		keep[count++] = self->parts->keep[i];
	for (;;) {
		next = INT_MAX;
		for (i = 0; i < count; i++)
			if (keep[i] >= low && keep[i] < next)
				next = keep[i];
		if (next > low)
			close_range((unsigned)low, (unsigned)next - 1, 0);
		if (next == INT_MAX)
			return;
		low = next + 1;
	}
}

/* The terminal's signals, and those of a service manager that stops all of the
 * service, are for the daemon; it is the daemon's end that ends the guard. */
static void settle(void)
{
	static const int ignored[] = { SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
				       SIGPIPE, SIGUSR1, SIGUSR2 };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_NAME, "bascule-guard");
	close_others();
}

/* Of what is never touched nothing is held: the guard may be the copy of a
 * large daemon.  What it needs to act it touches once before it is ready. */
static bool lock_memory(void)
{
	bool locked = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
	const struct process_group me = group_of(getpid());
	struct recipe recipe;

	look();
	recipe_read(self->parts->folder, &recipe, NULL);
	routes_file_prepare();
	group_leader_lives(&me);
	return locked;
}

_Noreturn void guard_run(const struct guard_run *run)
{
	enum guard_event ev = GUARD_TICK;
	struct guard_page page;
	struct guard guard;
	int timer;
	char word;

	self = run;
	under_journal = run->parts->under_journal;
	settle();
	guard_init(&guard, run->parts->budget_us);
	timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer < 0)
		_exit(1);
	word = lock_memory() ? GUARD_SAYS_READY : GUARD_SAYS_UNLOCKED;
	send(run->socket, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (;;) {
		page = look();
		if (guard_step(&guard, ev, &page, loop_clock()) == GUARD_KILL)
			break;
		arm(timer, guard_deadline(&guard, &page));
		ev = hear(timer);
	}
	act(&guard, ev == GUARD_PIPE_CLOSED ? "the daemon has ended"
					    : "the daemon was late and killed");
	_exit(0);
}
