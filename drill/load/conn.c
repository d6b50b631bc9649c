#include "drill/load/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_MAX 65536

static void watch(struct conn *conn, int events)
{
	if (ev_is_active(&conn->io) &&
	    (conn->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(conn->ev, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	ev_io_start(conn->ev, &conn->io);
}

static void end_request(struct conn *conn, enum outcome_kind kind)
{
	conn->busy = false;
	conn->calls->ended(conn->calls->arg, conn, kind, conn->reply.status);
}

/* How the connecting ended: 0 or a negative errno. */
static int check_connected(struct conn *conn)
{
	socklen_t len = sizeof(int);
	int code = 0;

	if (getsockopt(conn->io.fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		return -errno;
	if (code == 0)
		conn->connecting = false;
	return -code;
}

/* 0, also when the socket can take no more now, or a negative errno. */
static int send_rest(struct conn *conn)
{
	const struct target *target = conn->target;
	ssize_t n;

	n = send(conn->io.fd, target->request + conn->sent,
		 target->request_len - conn->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > 0)
		conn->sent += (size_t)n;
	watch(conn,
	      conn->sent < target->request_len ? EV_READ | EV_WRITE : EV_READ);
	return 0;
}

static void receive(struct conn *conn)
{
	static char buf[READ_MAX];
	ssize_t n;
	int r;

	n = recv(conn->io.fd, buf, sizeof(buf), 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end_request(conn, outcome_of_errno(errno));
		return;
	}
	r = n > 0 ? reply_feed(&conn->reply, buf, (size_t)n)
		  : reply_end(&conn->reply);
	if (r > 0)
		end_request(conn, outcome_of_status(conn->reply.status));
	else if (r < 0)
		end_request(conn, n > 0 ? OUTCOME_GARBLED : OUTCOME_CLOSED);
}

static void on_ready(struct ev_loop *ev, ev_io *io, int revents)
{
	struct conn *conn = io->data;
	int r = 0;

	(void)ev;
	if (!conn->busy) {
		conn->calls->lost(conn->calls->arg, conn);
		return;
	}
	if (conn->connecting)
		r = check_connected(conn);
	if (r == 0 && (revents & EV_WRITE))
		r = send_rest(conn);
	if (r < 0)
		end_request(conn, outcome_of_errno(-r));
	else if (revents & EV_READ)
		receive(conn);
}

struct conn *conn_new(struct ev_loop *ev, const struct target *target,
		      const struct conn_calls *calls)
{
	struct conn *conn;

	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return NULL;
	conn->ev = ev;
	conn->target = target;
	conn->calls = calls;
	ev_io_init(&conn->io, on_ready, -1, EV_READ);
	conn->io.data = conn;
	return conn;
}

void conn_free(struct conn *conn)
{
	if (conn == NULL)
		return;
	ev_io_stop(conn->ev, &conn->io);
	if (conn->io.fd >= 0)
		close(conn->io.fd);
	free(conn);
}

/* On loopback it is usually connected, or refused, when this returns. */
static int open_connection(struct conn *conn)
{
	const struct target *target = conn->target;
	const int yes = 1;
	int fd;

	fd = socket(target->addr.ss_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	ev_io_set(&conn->io, fd, EV_READ);
	if (connect(fd, (const struct sockaddr *)&target->addr,
		    target->addr_len) == 0)
		return 0;
	conn->connecting = true;
	return errno == EINPROGRESS ? 0 : -errno;
}

int conn_request(struct conn *conn)
{
	int r;

	reply_init(&conn->reply);
	conn->sent = 0;
	conn->busy = true;
	if (conn->io.fd < 0) {
		r = open_connection(conn);
		if (r < 0)
			return r;
	}
	return send_rest(conn);
}

bool conn_can_stay(const struct conn *conn)
{
	return conn->reply.state == REPLY_WHOLE && conn->reply.keep_alive;
}
