#include "controller/io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_WAIT_MS 100 /* for what was killed to be gone */
#define READS_MAX    32  /* of a pipe in one go */

struct child {
	struct child **slot; /* the owner's */
	struct ev_loop *ev;  /* borrowed */
	child_fn fn;         /* NULL once it was called */
	void *arg;
	pid_t pid;
	int pid_fd, out_fd; /* owned; -1 when closed, as the next */
	int gate_fd;        /* of one that waits for child_go() */
	ev_io exit, out;
	ev_timer deadline;
	size_t used;
	bool last; /* the last of the output is kept, not the first */
	char output[CHILD_OUTPUT_MAX];
};

static void child_free(struct child *child)
{
	ev_io_stop(child->ev, &child->exit);
	ev_io_stop(child->ev, &child->out);
	ev_timer_stop(child->ev, &child->deadline);
	if (child->pid_fd >= 0)
		close(child->pid_fd);
	if (child->out_fd >= 0)
		close(child->out_fd);
	if (child->gate_fd >= 0)
		close(child->gate_fd);
	if (child->slot != NULL)
		*child->slot = NULL;
	free(child);
}

static void child_report(struct child *child, enum child_end end, int value)
{
	const struct child_outcome outcome = { end, value, child->output };
	child_fn fn = child->fn;

	child->fn = NULL;
	child->output[child->used] = '\0';
	if (fn != NULL)
		fn(child->arg, &outcome);
}

static void make_room(struct child *child)
{
	size_t half = sizeof(child->output) / 2;

	if (!child->last || child->used < sizeof(child->output) - 1)
		return;
	memmove(child->output, child->output + child->used - half, half);
	child->used = half;
}

/* Take what is there.  What is beyond the first bytes is read all the same, or
 * the program would wait for us; one that never stops has its turns. */
static void child_read(struct child *child)
{
	char rest[CHILD_OUTPUT_MAX];
	size_t room = 0;
	ssize_t n = 0;
	int turn;

	for (turn = 0; turn < READS_MAX; turn++) {
		make_room(child);
		room = sizeof(child->output) - 1 - child->used;
		if (room > 0)
			n = read(child->out_fd, child->output + child->used,
				 room);
		else
			n = read(child->out_fd, rest, sizeof(rest));
		if (n <= 0)
			break;
		if (room > 0)
			child->used += (size_t)n;
	}
	if (n == 0)
		ev_io_stop(child->ev, &child->out);
}

static void on_output(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	child_read(w->data);
}

static bool child_has_ended(const struct child *child)
{
	siginfo_t info = { 0 };

	return waitid(P_PIDFD, (id_t)child->pid_fd, &info,
		      WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* Its number belongs to the leader until it is waited for: until then, and no
 * longer, the group can be killed by it. */
static void child_reap(struct child *child)
{
	siginfo_t info = { 0 };

	if (child->out_fd >= 0)
		child_read(child);
	kill(-child->pid, SIGKILL);
	waitid(P_PIDFD, (id_t)child->pid_fd, &info, WEXITED | WNOHANG);
	child_report(child,
		     info.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_KILLED,
		     info.si_status);
	child_free(child);
}

static void on_exit_seen(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	if (child_has_ended(w->data))
		child_reap(w->data);
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int events)
{
	struct child *child = w->data;

	(void)ev;
	(void)events;
	if (child_has_ended(child)) {
		child_reap(child);
		return;
	}
	kill(-child->pid, SIGKILL);
	child_read(child);
	child_report(child, CHILD_TIMED_OUT, 0);
}

/* A process group of its own, and no trace of our signals and files. */
static int child_spawn(struct child *child, const char *const *argv,
		       char *const *envp, int out_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out_fd, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&child->pid, argv[0], &files, &attr,
			 (char *const *)argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* In the child: whatever was ignored or blocked here is not so there. */
static void forget_signals(void)
{
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, which is the copy of a process with threads: only what is
 * safe in a signal handler.  The end of the gate is the end of the parent. */
static void wait_and_run(const int *gate, int out_fd, const char *const *argv,
			 char *const *envp)
{
	const char *why;
	char go;

	setpgid(0, 0);
	forget_signals();
	close(gate[1]);
	if (read(gate[0], &go, 1) != 1)
		_exit(127);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(out_fd, 1);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
	execvpe(argv[0], (char *const *)argv, envp);
	why = strerrordesc_np(errno);
	if (why != NULL && write(1, why, strlen(why)) < 0)
		_exit(126);
	_exit(127);
}

static int child_fork(struct child *child, const char *const *argv,
		      char *const *envp, int out_fd)
{
	int gate[2], r = 0;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	child->pid = fork();
	if (child->pid == 0)
		wait_and_run(gate, out_fd, argv, envp);
	if (child->pid < 0)
		r = -errno;
	close(gate[0]);
	child->gate_fd = gate[1];
	if (r == 0)
		setpgid(child->pid, child->pid);
	return r;
}

static int child_run(struct child *child, const char *const *argv,
		     char *const *envp, bool held)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child->out_fd = fds[0];
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	else if (held)
		r = child_fork(child, argv, envp, fds[1]);
	else
		r = child_spawn(child, argv, envp, fds[1]);
	close(fds[1]);
	if (r < 0)
		return r;
	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd >= 0)
		return 0;
	r = -errno;
	kill(-child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	return r;
}

static int child_new(struct child **slot, struct loop *loop,
		     const char *const *argv, char *const *envp,
		     int64_t timeout_us, child_fn fn, void *arg, bool held)
{
	struct child *child = calloc(1, sizeof(*child));
	int r;

	if (child == NULL)
		return -ENOMEM;
	child->ev = loop_ev(loop);
	child->fn = fn;
	child->arg = arg;
	child->last = held;
	child->pid_fd = child->out_fd = child->gate_fd = -1;
	ev_init(&child->exit, on_exit_seen);
	ev_init(&child->out, on_output);
	ev_timer_init(&child->deadline, on_deadline, (double)timeout_us / 1e6,
		      0.);
	child->exit.data = child->out.data = child->deadline.data = child;
	r = child_run(child, argv, envp, held);
	if (r < 0) {
		child_free(child);
		return r;
	}
	ev_io_set(&child->exit, child->pid_fd, EV_READ);
	ev_io_start(child->ev, &child->exit);
	ev_io_set(&child->out, child->out_fd, EV_READ);
	ev_io_start(child->ev, &child->out);
	ev_timer_start(child->ev, &child->deadline);
	child->slot = slot;
	*slot = child;
	return 0;
}

int child_start(struct child **slot, struct loop *loop, const char *const *argv,
		char *const *envp, int64_t timeout_us, child_fn fn, void *arg)
{
	return child_new(slot, loop, argv, envp, timeout_us, fn, arg, false);
}

int child_hold(struct child **slot, struct loop *loop, const char *const *argv,
	       char *const *envp, int64_t timeout_us, child_fn fn, void *arg)
{
	return child_new(slot, loop, argv, envp, timeout_us, fn, arg, true);
}

/* One that was killed before has closed its end: its report says so. */
void child_go(struct child *child)
{
	ssize_t n = write(child->gate_fd, "", 1);

	(void)n;
	close(child->gate_fd);
	child->gate_fd = -1;
}

pid_t child_group(const struct child *child)
{
	return child->pid;
}

void child_stop(struct child **slot)
{
	struct child *child = *slot;
	struct pollfd exit;

	if (child == NULL)
		return;
	exit = (struct pollfd){ .fd = child->pid_fd, .events = POLLIN };
	child->fn = NULL;
	kill(-child->pid, SIGKILL);
	if (poll(&exit, 1, STOP_WAIT_MS) > 0)
		child_reap(child);
	else
		child_free(child);
}
