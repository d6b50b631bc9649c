#include "controller/io/curl_multi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct multi {
	struct ev_loop *ev; /* borrowed */
	CURLM *curl;        /* owned */
	ev_timer timer;
};

/* One socket of libcurl's; the struct is ours, the socket is not. */
struct channel {
	struct multi *multi;
	ev_io io;
};

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
	free(multi);
}

void multi_keep(struct multi *multi, unsigned connections)
{
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)connections);
}

int multi_start(struct multi *multi, struct transfer *transfer, CURL *easy,
		multi_fn fn, void *arg)
{
	transfer->easy = easy;
	transfer->fn = fn;
	transfer->arg = arg;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)transfer);
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
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct pollfd look = { .events = POLLIN };

	if (transfer->easy == NULL)
		return false;
	curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
	look.fd = fd;
	if (fd == CURL_SOCKET_BAD || poll(&look, 1, 0) <= 0)
		return false;
	multi_act(multi, fd, CURL_CSELECT_IN);
	return true;
}
