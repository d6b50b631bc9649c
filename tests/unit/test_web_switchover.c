/* A person's wish for another primary, over the control socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/daemon/web.h"
#include "tests/unit/view_world.h"

/* The daemon behind the doors, and a client of its control socket. */
struct web_world {
	struct view_world view;
	struct loop *loop;
	struct web *web;
	char path[64], said[400];
	unsigned asked, to; /* how often for a switchover, and to whom */
	uint64_t token;
	bool at_once; /* answer within the door */
	int fd;
	ev_io io;
	ev_timer patience;
	char answer[4096];
	size_t size;
};

static struct web_world w;

static struct node_settings nodes[] = { { .name = "n1" },
					{ .name = "n2" },
					{ .name = "n3" } };
static struct cluster_settings cluster = { .nodes = nodes, .node_count = 3 };

static const struct daemon_view *on_view(void *arg)
{
	(void)arg;
	return &w.view.view;
}

static void on_admin(void *arg, const struct admin *admin)
{
	(void)arg;
	(void)admin;
}

static void on_say(void *arg, enum note_level level, const char *text)
{
	(void)arg;
	(void)level;
	snprintf(w.said, sizeof(w.said), "%s", text);
}

static uint64_t on_log_dropped(void *arg)
{
	(void)arg;
	return 0;
}

static void on_switchover(void *arg, uint64_t token, unsigned to)
{
	(void)arg;
	w.asked++;
	w.token = token;
	w.to = to;
	if (w.at_once)
		web_reply(w.web, token, -EBUSY, "n2 is not eligible");
	else
		loop_stop(w.loop);
}

static void give_up(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(ev, EVBREAK_ALL);
}

static int set_up(void **state)
{
	const struct web_doors doors = { .view = on_view,
					 .admin = on_admin,
					 .switchover = on_switchover,
					 .say = on_say,
					 .log_dropped = on_log_dropped };
	struct err err = { 0 };

	(void)state;
	memset(&w, 0, sizeof(w));
	view_init(&w.view);
	w.view.core.set.cluster = &cluster;
	snprintf(w.path, sizeof(w.path), "/tmp/bascule-web-%d", (int)getpid());
	if (loop_new(&w.loop, &err) < 0 ||
	    web_new(&w.web, w.loop, &doors, &err) < 0 ||
	    web_control(w.web, w.path, &err) < 0)
		return -1;
	ev_timer_init(&w.patience, give_up, 10., 0.);
	ev_timer_start(loop_ev(w.loop), &w.patience);
	w.fd = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ev_io_stop(loop_ev(w.loop), &w.io);
	ev_timer_stop(loop_ev(w.loop), &w.patience);
	if (w.fd >= 0)
		close(w.fd);
	web_free(w.web);
	loop_free(w.loop);
	view_done(&w.view);
	return 0;
}

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
	ssize_t n =
		recv(w.fd, w.answer + w.size, sizeof(w.answer) - 1 - w.size, 0);

	(void)events;
	if (n > 0) {
		w.size += (size_t)n;
		return;
	}
	ev_io_stop(ev, io);
	loop_stop(w.loop);
}

/* Send the wish @body; runs until the door was asked, or, if it answered or
 * was not asked, until the answer is there.
 */
static void wish(const char *body)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char request[512];
	int n;

	strcpy(addr.sun_path, w.path);
	w.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w.fd >= 0);
	assert_int_equal(connect(w.fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	n = snprintf(request, sizeof(request),
		     "POST /api/v1/switchover HTTP/1.1\r\nHost: b\r\n"
		     "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	assert_int_equal(send(w.fd, request, (size_t)n, 0), n);
	ev_io_init(&w.io, on_readable, w.fd, EV_READ);
	ev_io_start(loop_ev(w.loop), &w.io);
	loop_run(w.loop);
}

/* The answer's body, once it is there; its status is @status. */
static json_t *answered(const char *status)
{
	const char *body = strstr(w.answer, "\r\n\r\n");
	json_t *doc;

	assert_int_equal(strncmp(w.answer, "HTTP/1.1 ", 9), 0);
	assert_int_equal(strncmp(w.answer + 9, status, 3), 0);
	assert_non_null(body);
	doc = json_loads(body, 0, NULL);
	assert_non_null(doc);
	return doc;
}

static void assert_refused(const char *status, const char *why)
{
	json_t *doc = answered(status);

	assert_string_equal(view_text(doc, "error"), why);
	json_decref(doc);
}

static void the_best_node_is_taken_unless_one_is_named(void **state)
{
	(void)state;
	wish("{}");
	assert_int_equal(w.asked, 1);
	assert_int_equal(w.to, CLUSTER_NOBODY);
	assert_non_null(strstr(w.said, "wants another primary"));
}

static void a_named_node_is_asked_for_and_said(void **state)
{
	(void)state;
	wish("{\"to\": \"n3\"}");
	assert_int_equal(w.asked, 1);
	assert_int_equal(w.to, 2);
	assert_non_null(strstr(w.said, "wants another primary: n3"));
}

static void success_tells_who_was_who_is_and_how_long(void **state)
{
	json_t *doc;

	(void)state;
	wish("{\"to\": \"n2\"}");
	assert_int_equal(w.size, 0);
	/* what nobody waits for is passed over */
	web_switched(w.web, w.token + 1, "n1", "n3", 1);
	web_switched(w.web, w.token, "n1", "n2", 48 * MS);
	loop_run(w.loop);
	doc = answered("200");
	assert_true(json_is_true(view_get(doc, "ok")));
	assert_string_equal(view_text(doc, "from"), "n1");
	assert_string_equal(view_text(doc, "to"), "n2");
	assert_true(json_real_value(view_get(doc, "seconds")) == 0.048);
	assert_string_equal(view_text(doc, "text"),
			    "n1 was primary, n2 is now");
	json_decref(doc);
}

static void a_refusal_is_told_with_its_reason(void **state)
{
	(void)state;
	w.at_once = true;
	wish("{\"to\": \"n2\"}");
	assert_refused("409", "n2 is not eligible");
}

static void an_unknown_node_is_not_asked_for(void **state)
{
	(void)state;
	wish("{\"to\": \"n4\"}");
	assert_refused("404", "no node n4");
	assert_int_equal(w.asked, 0);
}

static void a_wish_that_is_none_is_refused(void **state)
{
	(void)state;
	wish("{\"to\": 2}");
	assert_refused("400", "to: the name of a node is wanted");
	assert_int_equal(w.asked, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_best_node_is_taken_unless_one_is_named),
		CASE(a_named_node_is_asked_for_and_said),
		CASE(success_tells_who_was_who_is_and_how_long),
		CASE(a_refusal_is_told_with_its_reason),
		CASE(an_unknown_node_is_not_asked_for),
		CASE(a_wish_that_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("web_switchover", tests, NULL, NULL);
}
