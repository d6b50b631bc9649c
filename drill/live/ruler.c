#include "drill/live/ruler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define OP_RUNNING 2    /* srv_op_state */
#define ADMIN_OUT  0x2f /* srv_admin_state: maintenance and drain */
#define ANSWER_MAX 16384

static int dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 30 }; /* machines stand still */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

/* Send @command and read up to the next prompt. */
static int ask(struct ruler *ruler, const char *command, char *buf, size_t size,
	       struct err *err)
{
	size_t used = 0, length = strlen(command);
	ssize_t n;

	if (send(ruler->fd, command, length, MSG_NOSIGNAL) != (ssize_t)length)
		return err_set(err, -EPIPE, "%s: HAProxy has gone",
			       ruler->socket);
	while (used + 1 < size) {
		n = recv(ruler->fd, buf + used, size - 1 - used, 0);
		/* It has a deadline: a stop of ours ends it. */
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, -EPIPE, "%s: no answer",
				       ruler->socket);
		used += (size_t)n;
		buf[used] = '\0';
		if (used >= 3 && strcmp(buf + used - 3, "\n> ") == 0)
			return 0;
	}
	return err_set(err, -EMSGSIZE, "%s: too long an answer", ruler->socket);
}

int ruler_open(struct ruler *ruler, const char *socket, const char *backend,
	       int wait_ms, struct err *err)
{
	char buf[64];
	int fd = -1;

	for (; fd < 0 && wait_ms > 0; wait_ms -= 10) {
		fd = dial(socket);
		if (fd < 0)
			usleep(10000);
	}
	if (fd < 0)
		return err_set(err, fd, "%s: HAProxy does not answer", socket);
	*ruler = (struct ruler){ .fd = fd,
				 .socket = socket,
				 .backend = backend };
	return ask(ruler, "prompt\n", buf, sizeof(buf), err);
}

void ruler_close(struct ruler *ruler)
{
	if (ruler->fd >= 0)
		close(ruler->fd);
	ruler->fd = -1;
}

static void read_line(const char *line, const char *const names[],
		      unsigned count, unsigned *used)
{
	char name[64];
	int op, admin;
	unsigned i;

	if (sscanf(line, "%*d %*s %*d %63s %*s %d %d", name, &op, &admin) != 3)
		return;
	for (i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0 && op == OP_RUNNING &&
		    (admin & ADMIN_OUT) == 0)
			*used |= 1u << i;
}

int ruler_look(struct ruler *ruler, const char *const names[], unsigned count,
	       unsigned *ret_used, struct err *err)
{
	char command[128], answer[ANSWER_MAX], *line, *rest;
	unsigned used = 0;
	int r;

	snprintf(command, sizeof(command), "show servers state %s\n",
		 ruler->backend);
	r = ask(ruler, command, answer, sizeof(answer), err);
	if (r < 0)
		return r;
	for (line = strtok_r(answer, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		read_line(line, names, count, &used);
	*ret_used = used;
	return 0;
}
