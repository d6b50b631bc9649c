#include "controller/daemon/local_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controller/daemon/group.h"

#define RETRY_S 1.

/* A file's time and a process's are taken from clocks of different grain. */
#define SLACK_US (1 * SECOND)

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/* When process @pid was started, as wall time; INT64_MIN: not to be known. */
static int64_t process_started_us(int pid)
{
	const struct process_group process = group_of(pid);
	int64_t age_us;

	if (process.id == 0)
		return INT64_MIN;
	age_us = clock_us(CLOCK_BOOTTIME) -
		 (int64_t)process.born * SECOND / sysconf(_SC_CLK_TCK);
	return clock_us(CLOCK_REALTIME) - age_us;
}

static int read_pid(const char *pidfile, int64_t *ret_written_us,
		    struct err *err)
{
	char text[32], *end;
	struct stat st;
	ssize_t n = -1;
	long pid;
	int fd, r;

	/* Not to be held up where somebody has put a pipe. */
	fd = open(pidfile, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = read(fd, text, sizeof(text) - 1);
	r = -errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(err, r, "%s: %s", pidfile, strerror(-r));
	text[n] = '\0';
	pid = strtol(text, &end, 10);
	if (end == text || pid <= 0 || pid > INT_MAX ||
	    (*end != '\0' && strchr(" \t\r\n", *end) == NULL))
		return err_set(err, -EINVAL, "%s holds no process id", pidfile);
	*ret_written_us =
		st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec / 1000;
	return (int)pid;
}

static bool has_ended(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 0) > 0;
}

int process_open(const char *pidfile, int *ret_pid, struct err *err)
{
	int64_t written_us = 0, started_us;
	int pid = read_pid(pidfile, &written_us, err);
	int fd, r;

	if (pid < 0)
		return pid;
	fd = pidfd_open(pid, 0);
	if (fd < 0) {
		r = -errno;
		return err_set(err, r, "%s: process %d: %s", pidfile, pid,
			       strerror(-r));
	}
	/* It lives after this was read, so this was read of it. */
	started_us = process_started_us(pid);
	if (has_ended(fd))
		r = err_set(err, -ESRCH, "%s: process %d has ended", pidfile,
			    pid);
	else if (started_us > written_us + SLACK_US)
		r = err_set(err, -ESTALE,
			    "%s is older than process %d, which is another "
			    "one",
			    pidfile, pid);
	else
		r = 0;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_pid = pid;
	return fd;
}

static void watch_begin(struct process_watch *watch)
{
	struct ev_loop *ev = loop_ev(watch->loop);
	struct err err = { 0 };
	int fd = process_open(watch->pidfile, &watch->pid, &err);

	if (fd < 0) {
		ev_timer_start(ev, &watch->retry);
		if (!watch->told)
			watch->say(watch->arg, 0, err.text);
		watch->told = true;
		return;
	}
	watch->fd = fd;
	ev_io_set(&watch->io, fd, EV_READ);
	ev_io_start(ev, &watch->io);
	watch->say(watch->arg, watch->pid, NULL);
	watch->told = false;
}

static void watch_end(struct process_watch *watch)
{
	ev_io_stop(loop_ev(watch->loop), &watch->io);
	ev_timer_stop(loop_ev(watch->loop), &watch->retry);
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

static void on_ended(struct ev_loop *ev, ev_io *w, int events)
{
	struct process_watch *watch = w->data;

	(void)ev;
	(void)events;
	watch_end(watch);
	watch->gone(watch->arg);
	watch_begin(watch);
}

static void on_retry(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	watch_begin(w->data);
}

void process_watch_start(struct process_watch *watch)
{
	watch->fd = -1;
	ev_init(&watch->io, on_ended);
	ev_timer_init(&watch->retry, on_retry, RETRY_S, 0.);
	watch->io.data = watch->retry.data = watch;
	watch_begin(watch);
}

void process_watch_stop(struct process_watch *watch)
{
	watch_end(watch);
}
