#include "tests/unit/check_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/io/address.h"

#define PATIENCE_S 60.
#define ANSWER     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void on_question(struct ev_loop *ev, ev_io *w, int events)
{
	struct server *server = w->data;
	char buf[4096];
	ssize_t n = read(w->fd, buf, sizeof(buf));

	(void)events;
	if (n <= 0) {
		ev_io_stop(ev, w);
		return;
	}
	server->heard++;
	if (server->mute)
		ev_break(ev, EVBREAK_ALL);
	else if (!server->patient)
		assert_int_equal(write(w->fd, ANSWER, strlen(ANSWER)),
				 strlen(ANSWER));
}

static void on_connection(struct ev_loop *ev, ev_io *w, int events)
{
	struct server *server = w->data;
	int fd = accept(w->fd, NULL, NULL);
	ev_io *conn;

	(void)events;
	assert_true(fd >= 0 && server->count < CONNS_MAX);
	conn = &server->conns[server->count++];
	ev_io_init(conn, on_question, fd, EV_READ);
	conn->data = server;
	ev_io_start(ev, conn);
}

static void server_open(struct server *server, struct ev_loop *ev)
{
	struct address addr;
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(address_parse("127.0.0.1", 0, &addr));
	assert_int_equal(bind(fd, &addr.any, address_size(&addr)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, &addr.any, &size), 0);
	server->port = ntohs(addr.in.sin_port);
	server->ev = ev;
	ev_io_init(&server->listener, on_connection, fd, EV_READ);
	server->listener.data = server;
	ev_io_start(ev, &server->listener);
}

static void server_close(struct server *server)
{
	unsigned i;

	ev_io_stop(server->ev, &server->listener);
	close(server->listener.fd);
	for (i = 0; i < server->count; i++) {
		ev_io_stop(server->ev, &server->conns[i]);
		close(server->conns[i].fd);
	}
}

struct file *file_new(uint16_t port)
{
	struct file *file = calloc(1, sizeof(*file));
	unsigned i;

	assert_non_null(file);
	strcpy(file->path, "/health");
	file->status = (struct status_range){ 200, 299 };
	file->set.services = file->services;
	file->set.service_count = 2;
	file->set.targets = file->targets;
	file->set.target_count = TARGETS_MAX;
	for (i = 0; i < 2; i++) {
		file->services[i] = (struct service_settings){
			.name = "service",
			.check = { .type = CHECK_HTTP,
				   .method = "GET",
				   .tether = true,
				   .path = file->path,
				   .status = &file->status,
				   .status_count = 1 },
			.first_target = 2 * i,
			.target_count = 2,
		};
	}
	for (i = 0; i < TARGETS_MAX; i++)
		file->targets[i] = (struct target_settings){
			.name = "target",
			.host = "127.0.0.1",
			.port = port,
			.service = i / 2,
		};
	return file;
}

void check_world_done(void *arg, unsigned target, uint64_t id,
		      const struct result *res)
{
	struct world *w = arg;

	w->target[w->done % KEPT_MAX] = target;
	w->id[w->done % KEPT_MAX] = id;
	w->result[w->done % KEPT_MAX] = *res;
	if (++w->done == w->wanted)
		loop_stop(w->loop);
}

static void on_hint(void *arg, const struct hint *hint)
{
	struct world *w = arg;

	w->hint = *hint;
	w->hints++;
}

int check_world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	if (w == NULL || loop_new(&w->loop, NULL) < 0)
		return -1;
	server_open(&w->server, loop_ev(w->loop));
	w->file = file_new(w->server.port);
	if (checks_new(&w->checks, w->loop, &w->file->set, check_world_done, w,
		       NULL) < 0)
		return -1;
	checks_on_hint(w->checks, on_hint);
	return 0;
}

int check_world_tear_down(void **state)
{
	struct world *w = *state;

	checks_free(w->checks);
	server_close(&w->server);
	loop_free(w->loop);
	free(w->file);
	free(w);
	return 0;
}

static void stop_by_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(ev, EVBREAK_ALL);
}

static void run_for(struct world *w, double span_s)
{
	ev_timer_init(&w->timer, stop_by_timer, span_s, 0.);
	ev_timer_start(loop_ev(w->loop), &w->timer);
	loop_run(w->loop);
	ev_timer_stop(loop_ev(w->loop), &w->timer);
}

void check_world_run(struct world *w, unsigned wanted)
{
	w->wanted = w->done + wanted;
	run_for(w, PATIENCE_S);
	assert_int_equal(w->done, w->wanted);
}

void check_world_wait(struct world *w, double span_s)
{
	w->wanted = 0;
	run_for(w, span_s);
}

void check_world_wait_hint(struct world *w)
{
	int i;

	for (i = 0; w->hints == 0 && i < 6000; i++)
		check_world_wait(w, 0.01);
	assert_int_equal(w->hints, 1);
}

void check_world_ask_mute(struct world *w, unsigned target)
{
	w->server.mute = true;
	checks_start(w->checks, target, 100 + target, MINUTE, false);
	loop_run(w->loop);
	w->server.mute = false;
}

void check_world_ask_silent(struct world *w, unsigned target, uint64_t id)
{
	/* Heard means that it is there to be answered late. */
	w->server.patient = true;
	checks_start(w->checks, target, id, SILENT_US, w->server.heard > 0);
	check_world_run(w, 1);
	w->server.patient = false;
}

void server_answer(struct world *w, unsigned conn)
{
	assert_int_equal(
		write(w->server.conns[conn].fd, ANSWER, strlen(ANSWER)),
		strlen(ANSWER));
}

/* The descriptor stays, until the world ends. */
void server_drop(struct world *w, unsigned conn, bool reset)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = w->server.conns[conn].fd;

	ev_io_stop(w->server.ev, &w->server.conns[conn]);
	if (reset)
		assert_int_equal(connect(fd, &none, sizeof(none)), 0);
	else
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

bool server_dropped(struct world *w, unsigned conn)
{
	char byte;

	return recv(w->server.conns[conn].fd, &byte, 1, MSG_DONTWAIT) == 0;
}
