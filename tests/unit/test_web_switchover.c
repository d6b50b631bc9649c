/* A person's wish for another primary, of the nodes or of a group of
 * databases, over the control socket. */

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
static struct failover_settings failover = { .promote_timeout_us = SECOND };

static const struct daemon_view *on_view(void *arg)
{
	(void)arg;
	return &w.view.view;
}

static void on_admin(void *arg, const struct admin *admin)
{
	(void)arg;
	assert_int_equal(admin->kind, ADMIN_SWITCHOVER);
	assert_int_equal(admin->switchover.service, API);
	w.asked++;
	w.token = admin->token;
	w.to = admin->switchover.to;
	loop_stop(w.loop);
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
static void request(const char *head, const char *body)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char bytes[512];
	int n;

	strcpy(addr.sun_path, w.path);
	w.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w.fd >= 0);
	assert_int_equal(connect(w.fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	n = snprintf(bytes, sizeof(bytes),
		     "%s HTTP/1.1\r\nHost: b\r\n"
		     "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
		     head, strlen(body), body);
	assert_int_equal(send(w.fd, bytes, (size_t)n, 0), n);
	ev_io_init(&w.io, on_readable, w.fd, EV_READ);
	ev_io_start(loop_ev(w.loop), &w.io);
	loop_run(w.loop);
}

static void wish(const char *body)
{
	request("POST /api/v1/switchover", body);
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

/* ---- a group of databases: service api, whose primary is api1 ---- */

static void decide(enum phase phase, const char *primary)
{
	struct document doc = { .position = { 1, 1 }, .group_count = 1 };
	struct event ev = { .kind = EVENT_DOCUMENT };
	struct document_group *group = &doc.groups[0];

	strcpy(group->name, "api");
	strcpy(group->primary, primary);
	strcpy(group->leaving, phase == PHASE_STEADY ? "" : "api1");
	group->epoch = 3;
	group->phase = phase;
	ev.document = &doc;
	core_feed(&w.view.core, &ev);
}

static int set_up_group(void **state)
{
	int r = set_up(state);

	core_done(&w.view.core);
	core_init(&w.view.core);
	w.view.core.services[API].failover = &failover;
	core_start(&w.view.core, NULL);
	w.view.view.ctl = w.view.core.ctl;
	decide(PHASE_STEADY, "api1");
	return r;
}

static void an_instance_is_asked_for_and_said(void **state)
{
	(void)state;
	wish("{\"group\": \"api\", \"to\": \"api3\"}");
	assert_int_equal(w.asked, 1);
	assert_int_equal(w.to, API3);
	assert_non_null(strstr(w.said, "wants another primary of api: api3"));
}

static void success_tells_of_which_group(void **state)
{
	json_t *doc;

	(void)state;
	wish("{\"group\": \"api\"}");
	assert_int_equal(w.to, NOTE_NONE);
	decide(PHASE_STEADY, "api2");
	web_reply(w.web, w.token, 0, "api2");
	loop_run(w.loop);
	doc = answered("200");
	assert_string_equal(view_text(doc, "group"), "api");
	assert_string_equal(view_text(doc, "from"), "api1");
	assert_string_equal(view_text(doc, "to"), "api2");
	assert_string_equal(view_text(doc, "text"),
			    "api1 was the primary of api, api2 is now");
	json_decref(doc);
}

static void an_unknown_group_is_named_right(void **state)
{
	(void)state;
	wish("{\"group\": \"apj\"}");
	assert_refused("404", "no group apj: did you mean api?");
	assert_int_equal(w.asked, 0);
}

static void an_unknown_instance_is_named_right(void **state)
{
	(void)state;
	wish("{\"group\": \"api\", \"to\": \"web2\"}");
	assert_refused("404", "no target of api called web2");
	assert_int_equal(w.asked, 0);
}

static void a_service_without_failover_is_no_group(void **state)
{
	(void)state;
	wish("{\"group\": \"shop\"}");
	assert_refused("409", "shop is no group of databases: it has no "
			      "failover block");
}

static void another_node_decides_and_is_named(void **state)
{
	(void)state;
	w.view.core.set.cluster = &cluster;
	cluster.self = 0;
	w.view.view.cluster.known = true;
	w.view.view.cluster.primary = 1;
	wish("{\"group\": \"api\"}");
	assert_refused("409", "this node does not decide: ask at the primary "
			      "node, n2");
	assert_int_equal(w.asked, 0);
}

static void a_failover_under_way_is_told(void **state)
{
	(void)state;
	decide(PHASE_FENCING, "api1");
	wish("{\"group\": \"api\"}");
	assert_refused("409", "a failover is under way: api1 is being left "
			      "(fencing)");
	assert_int_equal(w.asked, 0);
}

static void a_plan_is_shown_and_nothing_is_asked(void **state)
{
	json_t *doc;

	(void)state;
	request("GET /api/v1/plan?group=api", "");
	doc = answered("200");
	assert_string_equal(view_text(doc, "primary"), "api1");
	assert_true(json_is_null(view_get(doc, "successor")));
	assert_string_equal(view_text(doc, "candidates.0.name"), "api2");
	assert_int_equal(w.asked, 0);
	json_decref(doc);
}

#define GROUP_CASE(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up_group, tear_down)
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
		GROUP_CASE(an_instance_is_asked_for_and_said),
		GROUP_CASE(success_tells_of_which_group),
		GROUP_CASE(an_unknown_group_is_named_right),
		GROUP_CASE(an_unknown_instance_is_named_right),
		GROUP_CASE(a_service_without_failover_is_no_group),
		GROUP_CASE(another_node_decides_and_is_named),
		GROUP_CASE(a_failover_under_way_is_told),
		GROUP_CASE(a_plan_is_shown_and_nothing_is_asked),
	};

	return cmocka_run_group_tests_name("web_switchover", tests, NULL, NULL);
}
