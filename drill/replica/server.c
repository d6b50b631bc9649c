#include "drill/replica/server.h"

#include "controller/io/loop.h"
#include "drill/replica/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG       4096
#define ACCEPTS_MAX   64
#define PAUSE_SECONDS 0.1

static void start_accepting(struct listener *listener)
{
	if (listener->fd >= 0 && !fault_bars(listener->fault.kind))
		ev_io_start(listener->server->ev, &listener->io);
}

/* Out of descriptors or memory: leave the waiting connections to the kernel
 * for a moment instead of spinning on them.
 */
static void pause_accepting(struct server *server)
{
	for (unsigned i = 0; i < server->listeners_len; i++)
		ev_io_stop(server->ev, &server->listeners[i].io);
	ev_io_stop(server->ev, &server->control.io);
	ev_timer_set(&server->pause, PAUSE_SECONDS, 0.);
	ev_timer_start(server->ev, &server->pause);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct server *server = timer->data;

	(void)loop;
	(void)revents;
	for (unsigned i = 0; i < server->listeners_len; i++)
		start_accepting(&server->listeners[i]);
	start_accepting(&server->control);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *listener = io->data;
	struct endpoint peer;

	(void)loop;
	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd;

		peer.addr_len = sizeof(peer.addr);
		fd = accept4(listener->fd, (struct sockaddr *)&peer.addr,
			     &peer.addr_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 &&
		    conn_new(listener, fd, endpoint_is_loopback(&peer)) == 0)
			continue;
		if (fd >= 0 || errno == EMFILE || errno == ENFILE ||
		    errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(listener->server);
		if (fd >= 0)
			close(fd);
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		return;
	}
}

static void listener_init(struct listener *listener)
{
	for (unsigned i = 0; i < LISTENER_FILLERS; i++)
		listener->fillers[i] = -1;
}

int server_init(struct server *server, struct loop *loop, const char *name,
		const char *version)
{
	memset(server, 0, sizeof(*server));
	server->loop = loop;
	server->ev = loop_ev(loop);
	server->control.server = server;
	server->control.fd = -1;
	listener_init(&server->control);
	ev_io_init(&server->control.io, on_acceptable, -1, EV_READ);
	ev_timer_init(&server->pause, on_pause_over, 0., 0.);
	server->pause.data = server;
	return pages_init(&server->pages, name, version);
}

static void stop_filling(struct listener *listener)
{
	for (unsigned i = 0; i < LISTENER_FILLERS; i++) {
		if (listener->fillers[i] >= 0)
			close(listener->fillers[i]);
		listener->fillers[i] = -1;
	}
}

/* Connections of our own, which wait to be accepted. */
static int fill_queue(struct listener *listener)
{
	const struct endpoint *to = &listener->endpoint;
	int fd;

	if (listen(listener->fd, 0) < 0)
		return -errno;
	for (unsigned i = 0; i < LISTENER_FILLERS; i++) {
		fd = socket(to->addr.ss_family,
			    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		listener->fillers[i] = fd;
		if (connect(fd, (const struct sockaddr *)&to->addr,
			    to->addr_len) < 0 &&
		    errno != EINPROGRESS)
			return -errno;
	}
	return 0;
}

static void listener_close(struct listener *listener)
{
	stop_filling(listener);
	ev_io_stop(listener->server->ev, &listener->io);
	conn_free_all(listener);
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}

void server_done(struct server *server)
{
	ev_timer_stop(server->ev, &server->pause);
	for (unsigned i = 0; i < server->listeners_len; i++)
		listener_close(&server->listeners[i]);
	listener_close(&server->control);
	free(server->listeners);
	free(server->spare);
	pages_done(&server->pages);
	memset(server, 0, sizeof(*server));
}

static int open_bound(struct endpoint *endpoint)
{
	const int yes = 1;
	int fd, r;

	fd = socket(endpoint->addr.ss_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	/* What is accepted here inherits it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&endpoint->addr, endpoint->addr_len) ==
		    0 &&
	    getsockname(fd, (struct sockaddr *)&endpoint->addr,
			&endpoint->addr_len) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* A port that the kernel chose is lost when a socket stops listening, one
 * that was asked for is kept: so port 0 is asked for by its number too, while
 * the first socket still holds it.
 */
static int open_socket(struct endpoint *endpoint)
{
	bool chosen = endpoint_port(endpoint) == 0;
	int fd, holder, r;

	fd = open_bound(endpoint);
	if (fd >= 0 && chosen) {
		holder = fd;
		fd = open_bound(endpoint);
		close(holder);
	}
	if (fd < 0 || listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int listener_open(struct listener *listener, struct server *server,
			 const struct endpoint *endpoint, struct err *err)
{
	char text[ENDPOINT_TEXT_MAX];
	int fd;

	listener_init(listener);
	listener->endpoint = *endpoint;
	listener->fault.since = loop_clock();
	fd = open_socket(&listener->endpoint);
	if (fd < 0) {
		endpoint_print(endpoint, text);
		return err_set(err, fd, "cannot listen on %s: %s", text,
			       strerror(-fd));
	}
	listener->fd = fd;
	listener->server = server;
	ev_io_init(&listener->io, on_acceptable, fd, EV_READ);
	listener->io.data = listener;
	start_accepting(listener);
	return 0;
}

int server_listen(struct server *server, const struct endpoint *first,
		  unsigned ports, struct err *err)
{
	unsigned port = endpoint_port(first);
	struct endpoint endpoint = *first;
	int r;

	if (ports > 1 && (port == 0 || port + ports - 1 > 65535))
		return err_set(err, -EINVAL,
			       "%u ports from port %u on: they must lie "
			       "between 1 and 65535",
			       ports, port);
	server->listeners = calloc(ports, sizeof(*server->listeners));
	if (server->listeners == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < ports; i++) {
		endpoint_set_port(&endpoint, port + i);
		r = listener_open(&server->listeners[i], server, &endpoint,
				  err);
		if (r < 0)
			return r;
		server->listeners_len++;
	}
	return 0;
}

int server_listen_control(struct server *server,
			  const struct endpoint *endpoint, struct err *err)
{
	server->control.control = true;
	return listener_open(&server->control, server, endpoint, err);
}

struct listener *server_find(struct server *server, unsigned port)
{
	unsigned first;

	if (server->listeners_len == 0)
		return NULL;
	first = endpoint_port(&server->listeners[0].endpoint);
	if (port == 0)
		return &server->listeners[0];
	if (port < first || port >= first + server->listeners_len)
		return NULL;
	return &server->listeners[port - first];
}

/* The socket stays bound, so nobody else can take its port meanwhile. */
static int bar(struct listener *listener, enum fault_kind kind)
{
	ev_io_stop(listener->server->ev, &listener->io);
	if (kind == FAULT_FULL)
		return fill_queue(listener);
	if (shutdown(listener->fd, SHUT_RD) < 0)
		return -errno;
	conn_free_all(listener);
	return 0;
}

static int unbar(struct listener *listener)
{
	stop_filling(listener);
	if (listen(listener->fd, BACKLOG) < 0)
		return -errno;
	start_accepting(listener);
	return 0;
}

static int set_one(struct listener *listener, const struct fault *fault)
{
	enum fault_kind was = listener->fault.kind;
	int r = 0;

	listener->fault = *fault;
	if (was != fault->kind && fault_bars(was))
		r = unbar(listener);
	if (r == 0 && was != fault->kind && fault_bars(fault->kind))
		r = bar(listener, fault->kind);
	if (r == 0)
		conn_fault_switched(listener);
	return r;
}

int server_set_fault(struct server *server, const struct fault *fault,
		     struct listener **ret_listener, struct err *err)
{
	struct listener *first = server_find(server, fault->port);
	unsigned count = fault->port == 0 ? server->listeners_len : 1;
	struct fault timed = *fault;
	int r;

	if (first == NULL)
		return err_set(err, -EINVAL, "nothing listens on port %u",
			       fault->port);
	if (fault_bars(fault->kind) && server->control.fd < 0)
		return err_set(err, -EINVAL,
			       "kind %s needs a replica started with "
			       "--control, or there is no way back",
			       fault_kind_name(fault->kind));
	timed.since = loop_clock();
	for (unsigned i = 0; i < count; i++) {
		r = set_one(&first[i], &timed);
		if (r < 0)
			return err_set(err, r, "cannot switch port %u: %s",
				       endpoint_port(&first[i].endpoint),
				       strerror(-r));
	}
	if (ret_listener != NULL)
		*ret_listener = first;
	return 0;
}
