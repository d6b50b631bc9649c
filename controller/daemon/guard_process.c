#include "controller/daemon/guard_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/guard_run.h"

#define LOCK_WAIT_US  (15 * SECOND) /* for the guard of a daemon before */
#define KILL_WAIT_US  (1 * SECOND)
#define READY_WAIT_MS 2000
#define LEAVE_WAIT_MS 500
#define GAP_S         0.1 /* between guards that die at once */
#define PING_S        0.25
#define PINGS_MAX     4 /* unanswered: it is stuck */

struct guard_process {
	struct guard_parts parts;
	struct guard_page_map *map; /* owned, as are the descriptors */
	struct guard_sheet sheet;   /* what is on the page */
	struct instant due;         /* the earliest that the guard knows of */
	int page, self;             /* the file; a pidfd of this process */
	int socket, guard;          /* -1 without a guard */
	bool ready;
	struct loop *loop; /* borrowed; NULL until watched */
	void (*fn)(void *arg, bool alive);
	void *arg;
	ev_io words;
	ev_timer again, ping;
	unsigned unanswered;
};

/* Another daemon that lives is said at once; a guard that is at work, or one
 * that is stuck, is waited for. */
static int take_page(struct guard_process *guard, struct err *err)
{
	struct guard_sheet old;
	int r;

	guard->page = guard_page_open(guard->parts.folder, err);
	if (guard->page < 0)
		return guard->page;
	if (guard_page_lock(guard->page, loop_clock()) == 0)
		return 0;
	r = guard_page_load(guard->page, &old);
	if (r == 0 && group_leader_lives(&old.daemon))
		return err_set(err, -EBUSY,
			       "another basculed runs here (process %d)",
			       old.daemon.id);
	if (guard_page_lock(guard->page,
			    instant_add(loop_clock(), LOCK_WAIT_US)) == 0)
		return 0;
	return err_set(err, -EBUSY,
		       "the guard of an earlier basculed (process %d) has not "
		       "ended: see what its on_demote waits for",
		       r == 0 ? old.guard.id : 0);
}

static int end_leftovers(struct guard_process *guard, struct err *err)
{
	struct guard_sheet old;

	if (guard_page_load(guard->page, &old) < 0)
		return 0;
	if (guard_page_end_groups(&old,
				  instant_add(loop_clock(), KILL_WAIT_US)))
		return 0;
	return err_set(err, -EBUSY,
		       "a hook of an earlier basculed cannot be killed");
}

static void say(struct guard_process *guard, char word)
{
	if (guard->socket >= 0)
		send(guard->socket, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void publish(struct guard_process *guard)
{
	guard_page_write(guard->map, &guard->sheet);
}

static struct instant deadline(const struct guard_process *guard)
{
	const struct guard_page page = guard_page_of(&guard->sheet);
	struct guard watching;

	guard_init(&watching, guard->parts.budget_us);
	return guard_deadline(&watching, &page);
}

/* The new guard reads the page after this, so it knows what is due now. */
static int launch(struct guard_process *guard)
{
	struct guard_run run = { .parts = &guard->parts,
				 .map = guard->map,
				 .daemon = guard->self,
				 .page = guard->page };
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	guard->socket = ends[0];
	run.socket = ends[1];
	guard->due = deadline(guard);
	pid = fork();
	if (pid == 0)
		guard_run(&run);
	close(ends[1]);
	if (pid < 0)
		return -errno;
	guard->guard = pidfd_open(pid, 0);
	guard->sheet.guard = group_of(pid);
	publish(guard);
	return guard->guard < 0 ? -errno : 0;
}

/* It is ready, or it is gone, and then it is waited for.  Returns its word. */
static int hear(struct guard_process *guard)
{
	char word;
	ssize_t n = recv(guard->socket, &word, 1, MSG_DONTWAIT);

	if (n == 1)
		return word;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? -EAGAIN : -EPIPE;
}

static void bury(struct guard_process *guard)
{
	siginfo_t info;

	if (guard->loop != NULL)
		ev_io_stop(loop_ev(guard->loop), &guard->words);
	if (guard->guard >= 0) {
		pidfd_send_signal(guard->guard, SIGKILL, NULL, 0);
		waitid(P_PIDFD, (id_t)guard->guard, &info, WEXITED);
		close(guard->guard);
	}
	if (guard->socket >= 0)
		close(guard->socket);
	guard->guard = guard->socket = -1;
	guard->ready = false;
}

static int await_ready(struct guard_process *guard, struct err *ret_warning,
		       struct err *err)
{
	struct pollfd word = { .fd = guard->socket, .events = POLLIN };
	int r = poll(&word, 1, READY_WAIT_MS) > 0 ? hear(guard) : -ETIME;

	if (r < 0)
		return err_set(err, r, "the guard does not start");
	guard->ready = true;
	if (r == GUARD_SAYS_UNLOCKED)
		err_set(ret_warning, -ENOMEM,
			"the guard's memory is not locked: raise "
			"LimitMEMLOCK=");
	return 0;
}

int guard_process_start(struct guard_process **ret_guard,
			const struct guard_parts *parts,
			struct err *ret_warning, struct err *err)
{
	struct guard_process *guard = calloc(1, sizeof(*guard));
	int r;

	if (guard == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	guard->parts = *parts;
	guard->page = guard->self = guard->socket = guard->guard = -1;
	guard->sheet.lease_end_us = guard->sheet.routing_end_us =
		INSTANT_NONE.us;
	guard->sheet.daemon = group_of(getpid());
	ret_warning->text[0] = '\0';
	r = take_page(guard, err);
	if (r == 0)
		r = end_leftovers(guard, err);
	if (r == 0)
		r = guard_page_map(guard->page, &guard->sheet, &guard->map,
				   err);
	if (r < 0)
		goto fail;
	guard->self = pidfd_open(getpid(), 0);
	r = launch(guard);
	if (r < 0)
		err_set(err, r, "no guard: %s", strerror(-r));
	else
		r = await_ready(guard, ret_warning, err);
	if (r < 0)
		goto fail;
	*ret_guard = guard;
	return 0;
fail:
	guard_process_free(guard, true);
	return r;
}

static void on_again(struct ev_loop *ev, ev_timer *w, int events);

static void listen_to(struct guard_process *guard)
{
	ev_io_set(&guard->words, guard->socket, EV_READ);
	ev_io_start(loop_ev(guard->loop), &guard->words);
}

static void tell_change(struct guard_process *guard)
{
	if (guard->fn != NULL)
		guard->fn(guard->arg, guard->ready);
}

/* One that dies before it is ready is not made again at once, or nothing else
 * would be done any more. */
static void relaunch(struct guard_process *guard)
{
	if (launch(guard) == 0) {
		listen_to(guard);
		return;
	}
	bury(guard);
	ev_timer_stop(loop_ev(guard->loop), &guard->again);
	ev_timer_init(&guard->again, on_again, GAP_S, 0.);
	guard->again.data = guard;
	ev_timer_start(loop_ev(guard->loop), &guard->again);
}

static void on_again(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	relaunch(w->data);
}

static void on_words(struct ev_loop *ev, ev_io *w, int events)
{
	struct guard_process *guard = w->data;
	int word = hear(guard);
	bool was_ready = guard->ready;

	(void)events;
	if (word == -EAGAIN)
		return;
	guard->unanswered = 0;
	if (word == GUARD_HEARS_PING)
		return;
	if (word >= 0) {
		guard->ready = true;
		tell_change(guard);
		return;
	}
	bury(guard);
	if (was_ready) {
		tell_change(guard);
		relaunch(guard);
		return;
	}
	ev_timer_init(&guard->again, on_again, GAP_S, 0.);
	guard->again.data = guard;
	ev_timer_start(ev, &guard->again);
}

/* One that is stuck guards nothing.  Its end is heard like any other. */
static void on_ping(struct ev_loop *ev, ev_timer *w, int events)
{
	struct guard_process *guard = w->data;

	(void)ev;
	(void)events;
	if (guard->guard < 0)
		return;
	if (guard->unanswered++ < PINGS_MAX)
		say(guard, GUARD_HEARS_PING);
	else
		pidfd_send_signal(guard->guard, SIGKILL, NULL, 0);
}

void guard_process_watch(struct guard_process *guard, struct loop *loop,
			 void (*fn)(void *arg, bool alive), void *arg)
{
	guard->loop = loop;
	guard->fn = fn;
	guard->arg = arg;
	ev_init(&guard->words, on_words);
	ev_init(&guard->again, on_again);
	ev_timer_init(&guard->ping, on_ping, PING_S, PING_S);
	guard->words.data = guard->again.data = guard->ping.data = guard;
	ev_timer_start(loop_ev(loop), &guard->ping);
	listen_to(guard);
}

/* It sees the end of this process by its socket. */
static void leave_it_behind(struct guard_process *guard)
{
	if (guard->loop != NULL)
		ev_io_stop(loop_ev(guard->loop), &guard->words);
	close(guard->guard);
}

static void send_away(struct guard_process *guard)
{
	struct pollfd end = { .fd = guard->guard, .events = POLLIN };

	if (guard->guard >= 0) {
		say(guard, GUARD_HEARS_LEAVE);
		poll(&end, 1, LEAVE_WAIT_MS);
	}
	bury(guard);
}

void guard_process_free(struct guard_process *guard, bool released)
{
	if (guard == NULL)
		return;
	if (released || guard->guard < 0)
		send_away(guard);
	else
		leave_it_behind(guard);
	if (guard->loop != NULL) {
		ev_timer_stop(loop_ev(guard->loop), &guard->again);
		ev_timer_stop(loop_ev(guard->loop), &guard->ping);
	}
	guard_page_unmap(guard->map);
	if (guard->self >= 0)
		close(guard->self);
	if (guard->page >= 0)
		close(guard->page);
	free(guard);
}

/* The guard looks again by itself when what it knew is due; what comes earlier
 * than that it has to be told. */
void guard_process_tell(struct guard_process *guard,
			const struct guard_page *page)
{
	struct instant due;

	guard->sheet.lease_end_us = page->lease_end.us;
	guard->sheet.routing_end_us = page->routing_end.us;
	guard->sheet.term = page->term;
	guard->sheet.boot = page->boot;
	guard->sheet.digest = page->digest;
	guard->sheet.node = page->node;
	guard->sheet.successor = page->successor;
	guard->sheet.leader = page->leader;
	publish(guard);
	due = deadline(guard);
	if (instant_before(due, guard->due))
		say(guard, GUARD_HEARS_LOOK);
	guard->due = due;
}

int guard_process_add(struct guard_process *guard,
		      const struct process_group *group)
{
	struct process_group *groups = guard->sheet.groups;
	unsigned i;

	for (i = 0; i < GUARD_GROUPS_MAX; i++)
		if (groups[i].id == 0) {
			groups[i] = *group;
			publish(guard);
			return 0;
		}
	return -ENOSPC;
}

void guard_process_remove(struct guard_process *guard, int32_t id)
{
	struct process_group *groups = guard->sheet.groups;
	unsigned i;

	for (i = 0; i < GUARD_GROUPS_MAX; i++)
		if (groups[i].id == id)
			groups[i] = (struct process_group){ 0 };
	publish(guard);
}
