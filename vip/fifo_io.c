#include "vip/fifo_io.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 256
#define FIFO_MODE      0600

struct fifo {
	struct loop *loop; /* borrowed */
	void (*fn)(void *arg, const struct fifo_line *line);
	void *arg;
	ev_io readable;
	size_t used;
	char buf[LINE_MAX_BYTES]; /* what is no whole line yet */
};

static void take_lines(struct fifo *fifo)
{
	char *begin = fifo->buf, *end = fifo->buf + fifo->used, *newline;
	struct fifo_line line;

	while ((newline = memchr(begin, '\n', (size_t)(end - begin))) != NULL) {
		if (fifo_parse(begin, (size_t)(newline - begin), &line))
			fifo->fn(fifo->arg, &line);
		begin = newline + 1;
	}
	fifo->used = (size_t)(end - begin);
	/* Longer than any line: none of keepalived's. */
	if (fifo->used == sizeof(fifo->buf))
		fifo->used = 0;
	memmove(fifo->buf, begin, fifo->used);
}

static void on_readable(struct ev_loop *ev, ev_io *w, int events)
{
	struct fifo *fifo = w->data;
	ssize_t n = read(w->fd, fifo->buf + fifo->used,
			 sizeof(fifo->buf) - fifo->used);

	(void)ev;
	(void)events;
	if (n <= 0)
		return;
	fifo->used += (size_t)n;
	take_lines(fifo);
}

/* Opened for writing, too: with no writer it would be readable for ever. */
static int open_fifo(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (mkfifo(path, FIFO_MODE) < 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return fd;
	close(fd);
	return err_set(err, -EINVAL, "%s: not a FIFO", path);
}

int fifo_new(struct fifo **ret_fifo, struct loop *loop, const char *path,
	     void (*fn)(void *arg, const struct fifo_line *line), void *arg,
	     struct err *err)
{
	struct fifo *fifo = calloc(1, sizeof(*fifo));
	int fd;

	if (fifo == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	fd = open_fifo(path, err);
	if (fd < 0) {
		free(fifo);
		return fd;
	}
	fifo->loop = loop;
	fifo->fn = fn;
	fifo->arg = arg;
	ev_io_init(&fifo->readable, on_readable, fd, EV_READ);
	fifo->readable.data = fifo;
	ev_io_start(loop_ev(loop), &fifo->readable);
	*ret_fifo = fifo;
	return 0;
}

void fifo_free(struct fifo *fifo)
{
	if (fifo == NULL)
		return;
	ev_io_stop(loop_ev(fifo->loop), &fifo->readable);
	close(fifo->readable.fd);
	free(fifo);
}
