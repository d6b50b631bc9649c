/* The door of the checks: what a reload keeps, drops and leaves alone.
 *
 * A server on the same loop counts its connections and answers, or holds its
 * answers back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks/checks_io.h"
#include "controller/io/address.h"

#define CONNS_MAX   16
#define TARGETS_MAX 4
#define ANSWER      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct server {
	struct ev_loop *ev;
	ev_io listener;
	ev_io conns[CONNS_MAX];
	unsigned count; /* connections ever accepted */
	unsigned heard; /* questions */
	bool mute;
	uint16_t port;
};

/* Settings on the heap, to be freed as a reload frees the old ones. */
struct file {
	struct settings set;
	struct service_settings services[2];
	struct target_settings targets[TARGETS_MAX];
	struct status_range status;
	char path[16];
};

struct world {
	struct loop *loop;
	struct checks *checks;
	struct server server;
	struct file *file;
	unsigned done, wanted;
	unsigned target[8];
	uint64_t id[8];
	enum result_code code[8];
	ev_timer timer;
};

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
	else
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

/* Two services of two targets each, all at @port. */
static struct file *file_new(uint16_t port)
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

static void on_done(void *arg, unsigned target, uint64_t id,
		    const struct result *res)
{
	struct world *w = arg;

	w->target[w->done] = target;
	w->id[w->done] = id;
	w->code[w->done] = res->code;
	if (++w->done == w->wanted)
		loop_stop(w->loop);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	if (w == NULL || loop_new(&w->loop, NULL) < 0)
		return -1;
	server_open(&w->server, loop_ev(w->loop));
	w->file = file_new(w->server.port);
	return checks_new(&w->checks, w->loop, &w->file->set, on_done, w, NULL);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	checks_free(w->checks);
	server_close(&w->server);
	loop_free(w->loop);
	free(w->file);
	free(w);
	return 0;
}

static void run(struct world *w, unsigned wanted)
{
	w->wanted = w->done + wanted;
	loop_run(w->loop);
}

static void ask(struct world *w, unsigned target)
{
	unsigned before = w->done;

	checks_start(w->checks, target, 7, SECOND, false);
	run(w, 1);
	assert_int_equal(w->target[before], target);
	assert_int_equal(w->code[before], RESULT_L7OK);
}

static void reload(struct world *w, struct file *file, const unsigned *old)
{
	assert_int_equal(checks_reload(w->checks, &file->set, old, NULL), 0);
	memset(w->file, 0xa5, sizeof(*w->file));
	free(w->file);
	w->file = file;
}

static void a_reload_keeps_connections_wherever_they_go(void **state)
{
	static const unsigned old[] = { 3, 2, 0, 1 };
	struct world *w = *state;

	ask(w, 0);
	ask(w, 3);
	assert_int_equal(w->server.count, 2);
	reload(w, file_new(w->server.port), old);
	ask(w, 2);
	ask(w, 0);
	assert_int_equal(w->server.count, 2);
}

static void another_question_takes_another_connection(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 2);
	file->services[0].check.path = "/other";
	reload(w, file, old);
	ask(w, 0);
	assert_int_equal(w->server.count, 3);
	ask(w, 2);
	assert_int_equal(w->server.count, 3);
}

static void another_address_takes_another_connection(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 1);
	file->targets[0].host = "127.0.0.2";
	reload(w, file, old);
	checks_start(w->checks, 0, 8, SECOND, false);
	run(w, 1);
	assert_int_equal(w->code[2], RESULT_L4CON);
	ask(w, 1);
	assert_int_equal(w->server.count, 2);
}

/* A target from elsewhere comes without its connection, and works. */
static void services_may_be_merged(void **state)
{
	static const unsigned old[] = { 0, 2 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 2);
	file->set.service_count = 1;
	file->set.target_count = 2;
	reload(w, file, old);
	ask(w, 0);
	ask(w, 1);
	assert_int_equal(w->server.count, 3);
}

/* Start a question that is heard and not answered. */
static void ask_mute(struct world *w, unsigned target)
{
	w->server.mute = true;
	checks_start(w->checks, target, 100 + target, 10 * SECOND, false);
	loop_run(w->loop);
	assert_int_equal(w->done, 0);
	w->server.mute = false;
}

static void server_answer(struct world *w, unsigned conn)
{
	assert_int_equal(
		write(w->server.conns[conn].fd, ANSWER, strlen(ANSWER)),
		strlen(ANSWER));
}

static void a_check_under_way_goes_on_under_its_new_index(void **state)
{
	static const unsigned old[] = { 1, 0, 3, 2 };
	struct world *w = *state;

	ask_mute(w, 2);
	reload(w, file_new(w->server.port), old);
	server_answer(w, 0);
	run(w, 1);
	assert_int_equal(w->target[0], 3);
	assert_int_equal(w->id[0], 102);
	assert_int_equal(w->code[0], RESULT_L7OK);
}

static void stop_by_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(ev, EVBREAK_ALL);
}

static void assert_nothing_comes(struct world *w)
{
	unsigned before = w->done;

	ev_timer_init(&w->timer, stop_by_timer, 0.05, 0.);
	ev_timer_start(loop_ev(w->loop), &w->timer);
	loop_run(w->loop);
	assert_int_equal(w->done, before);
}

static void a_check_of_a_removed_target_is_dropped_silently(void **state)
{
	static const unsigned old[] = { 0, 1, UINT_MAX, 3 };
	struct world *w = *state;

	ask_mute(w, 2);
	reload(w, file_new(w->server.port), old);
	assert_nothing_comes(w);
	ask(w, 2);
	assert_int_equal(w->server.count, 2);
}

/* Refused at once, and not yet reported when the reload comes. */
static void a_report_not_yet_made_is_dropped_with_its_target(void **state)
{
	static const unsigned kept[] = { 0, 1, 2, 3 };
	static const unsigned gone[] = { UINT_MAX, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	file->targets[0].host = "no address";
	file->services[0].check.type = CHECK_EXEC;
	file->services[0].check.command =
		(const char *const[]){ "/nowhere/check", NULL };
	reload(w, file, kept);
	checks_start(w->checks, 0, 1, SECOND, false);
	checks_start(w->checks, 1, 2, SECOND, false);
	file = file_new(w->server.port);
	reload(w, file, gone);
	assert_nothing_comes(w);
	ask(w, 0);
	ask(w, 1);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
	static const unsigned old[] = { 3, 2, UINT_MAX, 1 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);
	struct err err;

	ask(w, 0);
	ask(w, 1);
	file->services[1].check.body_regex = "(";
	assert_true(checks_reload(w->checks, &file->set, old, &err) < 0);
	assert_string_equal(err.text, "service service: body_regex: "
				      "Unmatched ( or \\(");
	free(file);
	ask(w, 0);
	ask(w, 1);
	assert_int_equal(w->server.count, 2);
}

static void a_missing_file_is_an_error_at_once(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);
	struct err err;

	file->services[1].check.type = CHECK_HTTPS;
	file->services[1].check.verify = true;
	file->services[1].check.ca_file = "/nowhere/ca.pem";
	assert_true(checks_reload(w->checks, &file->set, old, &err) < 0);
	assert_non_null(strstr(err.text, "ca_file /nowhere/ca.pem: "));
	free(file);
	ask(w, 0);
}

static void checks_under_way_end_with_the_checks(void **state)
{
	struct world *w = *state;

	ask_mute(w, 0);
	checks_start(w->checks, 1, 1, SECOND, false);
	checks_start(w->checks, 2, 1, SECOND, false);
}

static void ask_again(void *arg, unsigned target, uint64_t id,
		      const struct result *res)
{
	struct world *w = arg;

	on_done(w, target, id, res);
	if (w->done < w->wanted)
		checks_start(w->checks, target, id + 1, SECOND, id % 2 == 0);
}

static void a_report_may_start_the_next_check(void **state)
{
	struct world *w = *state;

	checks_free(w->checks);
	assert_int_equal(checks_new(&w->checks, w->loop, &w->file->set,
				    ask_again, w, NULL),
			 0);
	checks_start(w->checks, 0, 0, SECOND, false);
	run(w, 4);
	assert_int_equal(w->id[3], 3);
	assert_int_equal(w->server.count, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reload_keeps_connections_wherever_they_go),
		TEST(another_question_takes_another_connection),
		TEST(another_address_takes_another_connection),
		TEST(services_may_be_merged),
		TEST(a_check_under_way_goes_on_under_its_new_index),
		TEST(a_check_of_a_removed_target_is_dropped_silently),
		TEST(a_report_not_yet_made_is_dropped_with_its_target),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(a_missing_file_is_an_error_at_once),
		TEST(checks_under_way_end_with_the_checks),
		TEST(a_report_may_start_the_next_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
