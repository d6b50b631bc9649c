#include "controller/io/curl_multi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/io/tcp.h"

struct multi {
	struct ev_loop *ev; /* borrowed */
	CURLM *curl;        /* owned */
	ev_timer timer;
	struct held **held; /* owned: by descriptor; NULL: not watched */
	int held_size;
};

/* One socket of libcurl's; the struct is ours, the socket is not. */
struct channel {
	struct multi *multi;
	ev_io io;
};

int multi_fd(const struct transfer *transfer)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (transfer->easy != NULL)
		curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd == CURL_SOCKET_BAD ? -1 : fd;
}

static void multi_tell(struct multi *multi)
{
	struct transfer *transfer;
	CURLMsg *msg;
	CURLcode code;
	int left;

	while ((msg = curl_multi_info_read(multi->curl, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
				  (char **)&transfer);
		/* Not known any more once it is removed. */
		transfer->kept_fd = multi_fd(transfer);
		curl_multi_remove_handle(multi->curl, msg->easy_handle);
		transfer->easy = NULL;
		transfer->fn(transfer->arg, code);
	}
}

static void multi_act(struct multi *multi, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(multi->curl, fd, what, &running);
	multi_tell(multi);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	struct channel *channel = w->data;
	int what = 0;

	(void)ev;
	if ((events & EV_READ) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & EV_WRITE) != 0)
		what |= CURL_CSELECT_OUT;
	multi_act(channel->multi, w->fd, what);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	multi_act(w->data, CURL_SOCKET_TIMEOUT, 0);
}

static void channel_free(struct channel *channel)
{
	ev_io_stop(channel->multi->ev, &channel->io);
	free(channel);
}

static struct channel *channel_new(struct multi *multi, curl_socket_t fd)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->multi = multi;
	ev_init(&channel->io, on_io);
	channel->io.data = channel;
	curl_multi_assign(multi->curl, fd, channel);
	return channel;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *multi_arg,
		     void *channel_arg)
{
	struct channel *channel = channel_arg;
	struct multi *multi = multi_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (channel != NULL)
			channel_free(channel);
		curl_multi_assign(multi->curl, fd, NULL);
		return 0;
	}
	if (channel == NULL)
		channel = channel_new(multi, fd);
	if (channel == NULL)
		return -1;
	if ((what & CURL_POLL_IN) != 0)
		events |= EV_READ;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EV_WRITE;
	ev_io_stop(multi->ev, &channel->io);
	ev_io_set(&channel->io, fd, events);
	ev_io_start(multi->ev, &channel->io);
	return 0;
}

/* Milliseconds, of which there may be less than a thousand; 0 means soon, and
 * not from within this call. */
static int on_timeout(CURLM *curl, long timeout_ms, void *multi_arg)
{
	struct multi *multi = multi_arg;

	(void)curl;
	ev_timer_stop(multi->ev, &multi->timer);
	if (timeout_ms < 0)
		return 0;
	ev_timer_set(&multi->timer, (double)timeout_ms / 1e3, 0.);
	ev_timer_start(multi->ev, &multi->timer);
	return 0;
}

struct multi *multi_new(struct loop *loop)
{
	struct multi *multi = calloc(1, sizeof(*multi));

	if (multi == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		free(multi);
		return NULL;
	}
	multi->curl = curl_multi_init();
	if (multi->curl == NULL) {
		curl_global_cleanup();
		free(multi);
		return NULL;
	}
	multi->ev = loop_ev(loop);
	ev_init(&multi->timer, on_timer);
	multi->timer.data = multi;
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	return multi;
}

void multi_free(struct multi *multi)
{
	if (multi == NULL)
		return;
	curl_multi_cleanup(multi->curl);
	ev_timer_stop(multi->ev, &multi->timer);
	curl_global_cleanup();
	free(multi->held);
	free(multi);
}

void multi_keep(struct multi *multi, unsigned connections)
{
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)connections);
}

static int on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)purpose;
	return tcp_set_options(fd, 0) < 0 ? CURL_SOCKOPT_ERROR
					  : CURL_SOCKOPT_OK;
}

/* libcurl closes what it keeps when it likes. */
static int on_close(void *arg, curl_socket_t fd)
{
	struct multi *multi = arg;

	if (fd < multi->held_size && multi->held[fd] != NULL)
		multi_let_go(multi->held[fd]);
	return close(fd);
}

int multi_start(struct multi *multi, struct transfer *transfer, CURL *easy,
		multi_fn fn, void *arg)
{
	transfer->easy = easy;
	transfer->fn = fn;
	transfer->arg = arg;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)transfer);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
	if (curl_multi_add_handle(multi->curl, easy) == CURLM_OK)
		return 0;
	transfer->easy = NULL;
	return -ENOMEM;
}

void multi_stop(struct multi *multi, struct transfer *transfer)
{
	if (transfer->easy == NULL)
		return;
	curl_multi_remove_handle(multi->curl, transfer->easy);
	transfer->easy = NULL;
}

bool multi_look(struct multi *multi, struct transfer *transfer)
{
	struct pollfd look = { .fd = multi_fd(transfer), .events = POLLIN };

	if (look.fd < 0 || poll(&look, 1, 0) <= 0)
		return false;
	multi_act(multi, look.fd, CURL_CSELECT_IN);
	return true;
}

/* Bytes on an idle connection are the announcement of its end, too: they are
 * sealed, and libcurl alone could read them. */
static void on_held(struct ev_loop *ev, ev_io *w, int events)
{
	struct held *held = w->data;
	held_fn fn = held->fn;
	void *arg = held->arg;
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	int error = n < 0 ? errno : 0;

	(void)ev;
	(void)events;
	if (error == EAGAIN || error == EINTR)
		return;
	multi_let_go(held);
	fn(arg, error);
}

static int held_make_room(struct multi *multi, int fd)
{
	int size = multi->held_size, i;
	struct held **grown;

	if (fd < size)
		return 0;
	size = 2 * fd + 16;
	grown = realloc(multi->held, (size_t)size * sizeof(struct held *));
	if (grown == NULL)
		return -ENOMEM;
	for (i = multi->held_size; i < size; i++)
		grown[i] = NULL;
	multi->held = grown;
	multi->held_size = size;
	return 0;
}

void multi_let_go(struct held *held)
{
	struct multi *multi = held->multi;

	if (multi == NULL)
		return;
	ev_io_stop(multi->ev, &held->io);
	multi->held[held->io.fd] = NULL;
	held->multi = NULL;
}

int multi_hold(struct multi *multi, struct held *held,
	       const struct transfer *transfer, held_fn fn, void *arg)
{
	int fd = transfer->kept_fd;

	multi_let_go(held);
	if (fd < 0)
		return 0;
	if (held_make_room(multi, fd) < 0)
		return -ENOMEM;
	held->multi = multi;
	held->fn = fn;
	held->arg = arg;
	ev_io_init(&held->io, on_held, fd, EV_READ);
	held->io.data = held;
	multi->held[fd] = held;
	ev_io_start(multi->ev, &held->io);
	return 0;
}
