#include "drill/replica/conn.h"

#include "drill/replica/meet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of CONN_FILL_LEN, before other connections have their turn. */
#define PUSHES_MAX 8

static struct server *server_of(const struct conn *conn)
{
	return conn->listener->server;
}

static void conn_free(struct conn *conn)
{
	struct server *server = server_of(conn);

	ev_io_stop(server->ev, &conn->io);
	ev_timer_stop(server->ev, &conn->timer);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		conn->listener->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	server->tally.open--;
	close(conn->io.fd);
	free(conn->in);
	answer_done(&conn->answer);
	free(conn);
}

static int take_buffer(struct conn *conn)
{
	struct server *server = server_of(conn);

	conn->in = server->spare;
	server->spare = NULL;
	if (conn->in == NULL)
		conn->in = malloc(REQUEST_MAX);
	return conn->in != NULL ? 0 : -ENOMEM;
}

static void give_buffer(struct conn *conn)
{
	struct server *server = server_of(conn);

	if (server->spare == NULL)
		server->spare = conn->in;
	else
		free(conn->in);
	conn->in = NULL;
}

/* Poll for what can be used: bytes in while there is room for them, and room
 * to send while something waits for it.
 */
static void arm(struct conn *conn)
{
	struct ev_loop *loop = server_of(conn)->ev;
	int events = 0;

	if (conn->in_len < REQUEST_MAX)
		events |= EV_READ;
	if (conn->phase == CONN_SENDING && !conn->drips)
		events |= EV_WRITE;
	if ((conn->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	ev_io_start(loop, &conn->io);
}

/* Returns 1 when @conn->out could go on, 0 when the socket is full, or a
 * negative errno.
 */
static int send_some(struct conn *conn, size_t len)
{
	ssize_t n;

	n = send(conn->io.fd, conn->out, len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	conn->out += n;
	conn->out_len -= (size_t)n;
	return (size_t)n == len;
}

static bool refill(struct conn *conn)
{
	int64_t len = CONN_FILL_LEN;

	if (conn->fill_left == 0)
		return false;
	if (len > conn->fill_left)
		len = conn->fill_left;
	if (conn->fill_left != CONN_ENDLESS)
		conn->fill_left -= len;
	conn->out = conn->filler;
	conn->out_len = (size_t)len;
	return true;
}

/* All is sent: ready for the next request. */
static void end_answer(struct conn *conn)
{
	ev_timer_stop(server_of(conn)->ev, &conn->timer);
	answer_done(&conn->answer);
	conn->phase = CONN_READING;
	conn->drips = false;
	conn->waited = false;
}

/* Send what can be sent now; as send_some(), 1 when all of it is. */
static int push(struct conn *conn)
{
	int r;

	for (int i = 0; i < PUSHES_MAX; i++) {
		r = send_some(conn, conn->out_len);
		if (r <= 0)
			return r;
		if (refill(conn))
			continue;
		if (conn->close_behind)
			return -ECONNRESET;
		end_answer(conn);
		return 1;
	}
	return 0;
}

/* The first byte goes at once, the others by the timer. */
static int start_dripping(struct conn *conn)
{
	double delay = (double)conn->listener->fault.delay_us / SECOND;

	ev_timer_set(&conn->timer, delay, delay);
	ev_timer_start(server_of(conn)->ev, &conn->timer);
	return send_some(conn, 1) < 0 ? -ECONNRESET : 0;
}

static void drop_request(struct conn *conn, size_t size)
{
	conn->in_len -= size;
	memmove(conn->in, conn->in + size, conn->in_len);
}

/* One request from the buffer: 1 when it is answered and sent, 0 when more
 * has to happen first, negative when the connection has to be closed.
 */
static int serve_one(struct conn *conn)
{
	struct request req;
	int r;

	r = request_parse(conn->in, conn->in_len, &req);
	if (r == 0)
		return 0;
	if (r < 0) {
		r = meet_nonsense(conn);
		conn->in_len = 0;
	} else {
		r = meet_request(conn, &req);
		if (conn->phase == CONN_SENDING)
			drop_request(conn, req.size);
	}
	if (r < 0 || conn->phase != CONN_SENDING)
		return r;
	return conn->drips ? start_dripping(conn) : push(conn);
}

/* Answer what the buffer holds, as far as that goes now. */
static int serve(struct conn *conn)
{
	int r = 1;

	while (r > 0 && conn->phase == CONN_READING && conn->in_len > 0)
		r = serve_one(conn);
	if (r < 0)
		return r;
	if (conn->in != NULL && conn->in_len == 0)
		give_buffer(conn);
	arm(conn);
	return 0;
}

static int receive(struct conn *conn)
{
	ssize_t n;

	if (conn->in == NULL && take_buffer(conn) < 0)
		return -ENOMEM;
	n = recv(conn->io.fd, conn->in + conn->in_len,
		 REQUEST_MAX - conn->in_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0 && conn->in_len < REQUEST_MAX)
		return -ECONNRESET;
	conn->in_len += (size_t)n;
	return 0;
}

static void on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct conn *conn = io->data;
	int r = 0;

	(void)loop;
	if (revents & EV_READ)
		r = receive(conn);
	if (r == 0 && (revents & EV_WRITE) && conn->phase == CONN_SENDING &&
	    !conn->drips)
		r = push(conn);
	if (r >= 0)
		r = serve(conn);
	if (r < 0)
		conn_free(conn);
}

static int on_waited(struct conn *conn)
{
	conn->waited = true;
	conn->phase = CONN_READING;
	return serve(conn);
}

static int drip(struct conn *conn)
{
	int r;

	r = send_some(conn, 1);
	if (r < 0 || conn->out_len > 0)
		return r;
	if (conn->close_behind)
		return -ECONNRESET;
	end_answer(conn);
	return serve(conn);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct conn *conn = timer->data;
	int r;

	(void)loop;
	(void)revents;
	r = conn->phase == CONN_WAITING ? on_waited(conn) : drip(conn);
	if (r < 0)
		conn_free(conn);
}

int conn_new(struct listener *listener, int fd, bool loopback)
{
	struct conn *conn;

	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return -ENOMEM;
	conn->listener = listener;
	conn->loopback = loopback;
	conn->next = listener->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	listener->conns = conn;
	ev_io_init(&conn->io, on_ready, fd, EV_READ);
	conn->io.data = conn;
	ev_timer_init(&conn->timer, on_timer, 0., 0.);
	conn->timer.data = conn;
	ev_io_start(listener->server->ev, &conn->io);
	listener->server->tally.accepted++;
	listener->server->tally.open++;
	return 0;
}

void conn_free_all(struct listener *listener)
{
	while (listener->conns != NULL)
		conn_free(listener->conns);
}

/* Nothing is answered from here, since an answer may switch faults again. */
static void switched(struct conn *conn)
{
	if (conn->fill_left > 0) {
		conn_free(conn);
		return;
	}
	if (conn->phase != CONN_WAITING || ev_is_active(&conn->timer))
		return;
	ev_timer_set(&conn->timer, 0., 0.);
	ev_timer_start(server_of(conn)->ev, &conn->timer);
}

void conn_fault_switched(struct listener *listener)
{
	struct conn *conn, *next;

	for (conn = listener->conns; conn != NULL; conn = next) {
		next = conn->next;
		switched(conn);
	}
}
