#include "controller/daemon/routes_leavers.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/io/loop.h"
#include "haproxy/leavers.h"

/* One conversation at a time. */
struct talk {
	struct leavers *leavers; /* for life */
	const char *path, *servers;
	int fd;      /* -1: none */
	bool nobody; /* listens there */
	int error;
};

static struct talk talk = { .fd = -1 };

static bool on_any(void *arg)
{
	(void)arg;
	return true;
}

/* Whether @word, with a space or the end behind it, is "BACKEND/SERVER". */
static bool is_word(const char *word, const char *backend, const char *server)
{
	size_t back = strlen(backend), serv = strlen(server);

	return strncmp(word, backend, back) == 0 && word[back] == '/' &&
	       strncmp(word + back + 1, server, serv) == 0 &&
	       (word[back + 1 + serv] == ' ' || word[back + 1 + serv] == '\0');
}

static bool on_wanted(void *arg, const char *backend, const char *server)
{
	const struct talk *t = arg;
	const char *word;

	for (word = t->servers; word != NULL; word = strchr(word, ' ')) {
		word += *word == ' ';
		if (is_word(word, backend, server))
			return true;
	}
	return false;
}

/* The caller hears of what is left alone. */
static void on_ended(void *arg, long pid, unsigned sessions)
{
	(void)arg;
	(void)pid;
	(void)sessions;
}

static void on_failed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
}

static void on_cleared(void *arg)
{
	(void)arg;
}

int routes_leavers_prepare(void)
{
	const struct leavers_doors doors = { .arg = &talk,
					     .any = on_any,
					     .wanted = on_wanted,
					     .ended = on_ended,
					     .failed = on_failed,
					     .cleared = on_cleared };

	if (talk.leavers == NULL)
		talk.leavers = leavers_new(&doors);
	return talk.leavers != NULL ? 0 : -ENOMEM;
}

static bool is_done(void)
{
	return talk.nobody ||
	       (leavers_clear(talk.leavers) && !leavers_failing(talk.leavers));
}

static void hang_up(void)
{
	if (talk.fd >= 0)
		close(talk.fd);
	talk.fd = -1;
}

static void lost(int error)
{
	hang_up();
	talk.error = error;
	talk.nobody = error == -ECONNREFUSED || error == -ENOENT;
	leavers_lost(talk.leavers, loop_clock(), "");
}

static void call(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", talk.path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		int error = -errno;

		if (fd >= 0)
			close(fd);
		lost(error);
		return;
	}
	talk.fd = fd;
	leavers_connected(talk.leavers, loop_clock());
}

static void speak(void)
{
	const char *data;
	size_t size = leavers_output(talk.leavers, &data);
	ssize_t n = send(talk.fd, data, size, MSG_NOSIGNAL);

	if (n >= 0)
		leavers_sent(talk.leavers, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		lost(-errno);
}

static void hear(void)
{
	char buf[4096];
	ssize_t n = recv(talk.fd, buf, sizeof(buf), 0);

	if (n > 0)
		leavers_input(talk.leavers, loop_clock(), buf, (size_t)n);
	else if (n == 0)
		lost(-EPIPE);
	else if (errno != EAGAIN && errno != EINTR)
		lost(-errno);
}

/* Wait for the peer, or for @until. */
static void wait_for_it(struct instant until)
{
	struct instant due = instant_min(leavers_deadline(talk.leavers), until);
	struct pollfd fd = { .fd = talk.fd, .events = POLLIN };
	const char *data;
	int64_t left_us;

	left_us = instant_diff_us(loop_clock(), due);
	if (talk.fd >= 0 && leavers_output(talk.leavers, &data) > 0)
		fd.events |= POLLOUT;
	if (poll(&fd, 1, left_us > 0 ? (int)(left_us / MS) + 1 : 0) <= 0)
		return;
	if ((fd.revents & POLLOUT) != 0)
		speak();
	if (talk.fd >= 0 && (fd.revents & ~POLLOUT) != 0)
		hear();
}

int routes_leavers_end(const char *path, const char *servers,
		       struct instant until, struct err *err)
{
	int error;

	if (routes_leavers_prepare() < 0)
		return err_set(err, -ENOMEM, "out of memory");
	talk.path = path;
	talk.servers = servers;
	talk.nobody = false;
	talk.error = -ETIMEDOUT;
	leavers_poke(talk.leavers, loop_clock());
	while (!is_done() && !instant_reached(loop_clock(), until)) {
		switch (leavers_next(talk.leavers, loop_clock())) {
		case LEAVERS_CLOSE:
			hang_up();
			break;
		case LEAVERS_CONNECT:
			call();
			break;
		case LEAVERS_WAIT:
			wait_for_it(until);
			leavers_tick(talk.leavers, loop_clock());
			break;
		}
	}
	if (is_done()) {
		hang_up();
		return 0;
	}
	error = talk.error;
	lost(error);
	return err_set(err, error, "%s: %s", path, strerror(-error));
}
