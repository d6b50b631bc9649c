#include "controller/io/canary.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct canary {
	struct loop *loop; /* borrowed */
	canary_fn fn;
	void *arg;
	int fds[2];           /* owned: who asks, who answers */
	struct instant asked; /* NONE: nothing is under way */
	ev_io watchers[2];
};

static int listen_on_loopback(struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		close(fd);
		return -1;
	}
	*ret_address = address;
	return fd;
}

/* The port is open for the blink of an eye: only our own connection is taken.
 * A connection on loopback is made at once, so nothing blocks. */
static int connect_pair(int fds[2])
{
	struct sockaddr_in address, ours, theirs;
	socklen_t size = sizeof(ours), theirs_size = sizeof(theirs);
	int listener = listen_on_loopback(&address), one = 1;

	fds[0] = fds[1] = -1;
	if (listener < 0)
		return -1;
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fds[0] >= 0 &&
	    connect(fds[0], (struct sockaddr *)&address, sizeof(address)) == 0)
		fds[1] = accept4(listener, (struct sockaddr *)&theirs,
				 &theirs_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	close(listener);
	if (fds[1] < 0 ||
	    getsockname(fds[0], (struct sockaddr *)&ours, &size) < 0 ||
	    ours.sin_port != theirs.sin_port)
		return -1;
	setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

/* Each end gives back what it gets, until it comes home. */
static void on_asked(struct ev_loop *ev, ev_io *w, int events)
{
	struct canary *canary = w->data;
	char byte;

	(void)ev;
	(void)events;
	if (recv(canary->fds[1], &byte, 1, MSG_DONTWAIT) == 1)
		send(canary->fds[1], &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_answered(struct ev_loop *ev, ev_io *w, int events)
{
	struct canary *canary = w->data;
	struct instant asked = canary->asked;
	char byte;

	(void)ev;
	(void)events;
	if (recv(canary->fds[0], &byte, 1, MSG_DONTWAIT) != 1 ||
	    instant_is_none(asked))
		return;
	canary->asked = INSTANT_NONE;
	canary->fn(canary->arg, instant_diff_us(asked, loop_clock()));
}

struct canary *canary_new(struct loop *loop, canary_fn fn, void *arg)
{
	struct canary *canary = calloc(1, sizeof(*canary));

	if (canary == NULL)
		return NULL;
	canary->loop = loop;
	canary->fn = fn;
	canary->arg = arg;
	canary->asked = INSTANT_NONE;
	ev_io_init(&canary->watchers[0], on_answered, -1, EV_READ);
	ev_io_init(&canary->watchers[1], on_asked, -1, EV_READ);
	if (connect_pair(canary->fds) < 0) {
		canary_free(canary);
		return NULL;
	}
	ev_io_set(&canary->watchers[0], canary->fds[0], EV_READ);
	ev_io_set(&canary->watchers[1], canary->fds[1], EV_READ);
	canary->watchers[0].data = canary->watchers[1].data = canary;
	ev_io_start(loop_ev(loop), &canary->watchers[0]);
	ev_io_start(loop_ev(loop), &canary->watchers[1]);
	return canary;
}

void canary_free(struct canary *canary)
{
	unsigned i;

	if (canary == NULL)
		return;
	for (i = 0; i < 2; i++) {
		if (ev_is_active(&canary->watchers[i]))
			ev_io_stop(loop_ev(canary->loop), &canary->watchers[i]);
		if (canary->fds[i] >= 0)
			close(canary->fds[i]);
	}
	free(canary);
}

void canary_ask(struct canary *canary)
{
	if (!instant_is_none(canary->asked))
		return;
	if (send(canary->fds[0], "?", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		canary->asked = loop_clock();
}

int64_t canary_waits_us(const struct canary *canary)
{
	if (instant_is_none(canary->asked))
		return 0;
	return instant_diff_us(canary->asked, loop_clock());
}
