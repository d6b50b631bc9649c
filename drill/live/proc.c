#include "drill/live/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: from here on nothing may allocate. */
static void become(const char *const argv[], int log, int out, pid_t parent)
{
	/* Whatever ends the drill ends its processes too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(log, STDERR_FILENO);
	dup2(out >= 0 ? out : log, STDOUT_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

int proc_start(const char *const argv[], const char *log, bool want_out,
	       struct proc *ret_proc, struct err *err)
{
	pid_t pid, parent = getpid();
	int fds[2] = { -1, -1 };
	int fd, r = 0;

	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", log, strerror(errno));
	if (want_out && pipe2(fds, O_CLOEXEC) < 0) {
		r = err_set(err, -errno, "pipe: %s", strerror(errno));
		goto done;
	}
	pid = fork();
	if (pid == 0)
		become(argv, fd, fds[1], parent);
	if (pid < 0) {
		r = err_set(err, -errno, "fork: %s", strerror(errno));
		goto done;
	}
	ret_proc->pid = pid;
	ret_proc->out = fds[0];
	fds[0] = -1;
done:
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	close(fd);
	return r;
}

int proc_line(struct proc *proc, int wait_ms, char *buf, size_t size,
	      struct err *err)
{
	struct pollfd p = { .fd = proc->out, .events = POLLIN };
	size_t used = 0;

	while (used + 1 < size) {
		if (poll(&p, 1, wait_ms) <= 0)
			return err_set(err, -ETIMEDOUT,
				       "a program said nothing in %d ms",
				       wait_ms);
		if (read(proc->out, buf + used, 1) != 1)
			return err_set(err, -EPIPE,
				       "a program ended at its start");
		if (buf[used] == '\n')
			break;
		used++;
	}
	buf[used] = '\0';
	return 0;
}

void proc_signal(const struct proc *proc, int number)
{
	if (proc->pid > 0)
		kill(proc->pid, number);
}

static bool gone(pid_t pid, int wait_ms)
{
	int i;

	for (i = 0; i <= wait_ms; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return true;
		usleep(1000);
	}
	return false;
}

bool proc_ended(struct proc *proc)
{
	if (proc->pid <= 0 || waitpid(proc->pid, NULL, WNOHANG) == 0)
		return false;
	if (proc->out >= 0)
		close(proc->out);
	proc->pid = 0;
	proc->out = -1;
	return true;
}

void proc_end(struct proc *proc, int number, int wait_ms)
{
	if (proc->pid > 0) {
		kill(proc->pid, number);
		kill(proc->pid, SIGCONT);
		if (!gone(proc->pid, wait_ms)) {
			kill(proc->pid, SIGKILL);
			waitpid(proc->pid, NULL, 0);
		}
	}
	if (proc->out >= 0)
		close(proc->out);
	proc->pid = 0;
	proc->out = -1;
}
