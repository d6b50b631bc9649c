/* http: a question and an answer over a connection that is held.
 *
 * A question that was silent keeps its connection, for it may be answered
 * after all, while the next one goes over a connection of its own: at most
 * two a target, and the second only for as long as there is doubt.
 */

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks/http_answer.h"
#include "checks/probe_io.h"
#include "controller/io/tcp.h"

struct http_plan {
	struct plan plan;
	struct http_question *ask; /* owned */
};

enum tether_state {
	TETHER_NONE,    /* no connection */
	TETHER_DIALING, /* dial has it */
	TETHER_SENDING, /* the request did not fit at once */
	TETHER_READING,
	TETHER_IDLE,  /* held for the next question */
	TETHER_ENDING /* the other side is about to close it */
};

/* One connection, with the question on it. */
struct tether {
	struct probe *probe; /* borrowed: whose it is */
	struct dial dial;
	ev_io io;
	int fd; /* owned; -1 when not connected */
	enum tether_state state;
	bool reused;          /* this question is not the connection's first */
	uint8_t retransmits;  /* before this question */
	unsigned carried;     /* questions that this connection has carried */
	unsigned sent;        /* bytes of the request */
	uint64_t id;          /* of the question */
	struct instant asked; /* when it was asked */
	struct http_answer answer;
};

struct http_probe {
	struct probe probe;
	struct tether *now;  /* owned; NULL before the first question */
	struct tether *late; /* owned; of a question reported as silent */
};

static struct http_probe *http_of(struct probe *probe)
{
	return (struct http_probe *)probe;
}

static bool tether_is_late(const struct tether *t)
{
	return http_of(t->probe)->late == t;
}

static const struct http_question *tether_ask(const struct tether *t)
{
	return ((struct http_plan *)t->probe->plan)->ask;
}

static int http_plan_new(struct checks *checks,
			 const struct check_settings *check,
			 struct plan **ret_plan, struct err *err)
{
	struct http_plan *plan = calloc(1, sizeof(*plan));
	int r;

	(void)checks;
	if (plan == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = http_question_new(&plan->ask, check, err);
	if (r < 0) {
		free(plan);
		return r;
	}
	*ret_plan = &plan->plan;
	return 0;
}

static void http_plan_free(struct plan *plan)
{
	http_question_free(((struct http_plan *)plan)->ask);
	free(plan);
}

static void http_plan_rebind(struct plan *plan,
			     const struct check_settings *check)
{
	((struct http_plan *)plan)->ask->check = check;
}

static void tether_watch(struct tether *t, int events)
{
	struct ev_loop *ev = loop_ev(checks_loop(t->probe->checks));

	if (ev_is_active(&t->io) &&
	    (t->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(ev, &t->io);
	ev_io_set(&t->io, t->fd, events);
	ev_io_start(ev, &t->io);
}

static void tether_close(struct tether *t)
{
	ev_io_stop(loop_ev(checks_loop(t->probe->checks)), &t->io);
	dial_stop(&t->dial);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->state = TETHER_NONE;
}

/* What a regular expression looks at, for as long as this answer takes. */
static int tether_body(struct tether *t)
{
	char *kept = t->answer.body.kept;

	if (t->probe->plan->check->body_regex != NULL && kept == NULL) {
		kept = malloc(HTTP_KEPT_SIZE);
		if (kept == NULL)
			return -ENOMEM;
	}
	http_answer_init(&t->answer, kept);
	return 0;
}

static void tether_forget_body(struct tether *t)
{
	free(t->answer.body.kept);
	t->answer.body.kept = NULL;
}

static void tether_free(struct tether *t)
{
	if (t == NULL)
		return;
	tether_close(t);
	tether_forget_body(t);
	free(t);
}

static void tether_drop_late(struct probe *probe)
{
	tether_free(http_of(probe)->late);
	http_of(probe)->late = NULL;
}

/* A question that was silent has its answer: tell it, and let go of what it
 * came over, unless there is nothing else to hold. */
static void tether_tell_late(struct tether *t, const struct result *res)
{
	struct http_probe *http = http_of(t->probe);
	uint64_t id = t->id;

	http->late = NULL;
	if (t->state == TETHER_IDLE &&
	    (http->now == NULL || http->now->state == TETHER_NONE)) {
		tether_free(http->now);
		http->now = t;
	} else {
		tether_free(t);
	}
	probe_late(&http->probe, id, res);
}

static void tether_done(struct tether *t, struct result *res)
{
	tether_forget_body(t);
	if (tether_is_late(t)) {
		tether_tell_late(t, res);
		return;
	}
	if (result_verdict(res->code) == VERDICT_PASS)
		tether_drop_late(t->probe);
	probe_done(t->probe, res);
}

static void tether_fail(struct tether *t, enum result_code code, int status,
			const char *text)
{
	struct result res;

	res = result_make(code, status, instant_diff_us(t->asked, loop_clock()),
			  text);
	tether_close(t);
	tether_done(t, &res);
}

static void tether_dial(struct tether *t)
{
	tether_close(t);
	t->reused = false;
	t->carried = 0;
	t->retransmits = 0;
	t->state = TETHER_DIALING;
	dial_start(&t->dial, probe_left_us(t->probe));
}

/* Who closes first has the remains of the connection for a minute: where it is
 * not to be held, that is left to the server, which was asked to or has said
 * that it will. */
static void tether_judge(struct tether *t, bool whole)
{
	const struct http_answer *ans = &t->answer;
	struct result res;

	res = http_judge(tether_ask(t), ans->status, &ans->body,
			 instant_diff_us(t->asked, loop_clock()));
	probe_count_retransmits(&res, t->fd, &t->retransmits);
	if (!whole)
		tether_close(t);
	else if (http_answer_reusable(ans) && t->probe->plan->check->tether)
		t->state = TETHER_IDLE;
	else
		t->state = TETHER_ENDING;
	tether_done(t, &res);
}

/* What was silent until now ended without an answer.  When it is our kernel
 * that has given up, that is the same silence and nothing new. */
static void tether_lost_late(struct tether *t, int error)
{
	struct probe *probe = t->probe;

	tether_drop_late(probe);
	if (error == 0)
		probe_hint(probe, HINT_TETHER_CLOSED, 0);
	else if (error == ECONNRESET || error == EPIPE)
		probe_hint(probe, HINT_TETHER_RESET, error);
}

/* The other side closed or reset.  On a connection that was idle before, this
 * says only that it does not keep idle connections: ask again on a new one. */
static void tether_lost(struct tether *t, int error)
{
	if (tether_is_late(t) && !t->answer.begun) {
		tether_lost_late(t, error);
		return;
	}
	if (t->reused && !t->answer.begun) {
		tether_dial(t);
		return;
	}
	if (error != 0)
		tether_fail(t, RESULT_L7RSP, error, strerror(error));
	else if (http_answer_end(&t->answer) == HTTP_BAD)
		tether_fail(t, RESULT_L7RSP, t->answer.status, t->answer.why);
	else
		tether_judge(t, false);
}

/* A server that writes head and body apart waits for our acknowledgement in
 * between, and the kernel would hold that back for 40 ms. */
static void tether_acknowledge(struct tether *t)
{
	int on = 1;

	setsockopt(t->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* Take what has come; an answer may be complete with it. */
static void tether_take(struct tether *t, const char *buf, size_t size)
{
	size_t used;

	switch (http_answer_feed(&t->answer, tether_ask(t), buf, size, &used)) {
	case HTTP_MORE:
		tether_acknowledge(t);
		break;
	case HTTP_DONE:
		tether_judge(t, used == size && t->state == TETHER_READING);
		break;
	case HTTP_BAD:
		tether_fail(t, RESULT_L7RSP, t->answer.status, t->answer.why);
		break;
	}
}

static void tether_read(struct tether *t)
{
	char *buf = checks_scratch(t->probe->checks);
	ssize_t n = recv(t->fd, buf, PROBE_SCRATCH, MSG_DONTWAIT);

	if (n > 0) {
		tether_take(t, buf, (size_t)n);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		tether_lost(t, errno);
	} else if (n == 0) {
		tether_lost(t, 0);
	}
}

static void tether_send(struct tether *t)
{
	char *buf = checks_scratch(t->probe->checks);
	size_t size;
	ssize_t n;

	size = http_question_write(tether_ask(t), probe_host(t->probe),
				   t->probe->to.port, buf, PROBE_SCRATCH);
	if (size == 0) {
		tether_fail(t, RESULT_SOCKERR, 0, "the request is too long");
		return;
	}
	n = send(t->fd, buf + t->sent, size - t->sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		tether_lost(t, errno);
		return;
	}
	t->sent += n > 0 ? (unsigned)n : 0;
	t->state = t->sent < size ? TETHER_SENDING : TETHER_READING;
	tether_watch(t, t->sent < size ? EV_READ | EV_WRITE : EV_READ);
}

static void tether_question(struct tether *t)
{
	if (tether_body(t) < 0) {
		tether_fail(t, RESULT_SOCKERR, ENOMEM, "out of memory");
		return;
	}
	t->carried++;
	t->sent = 0;
	tether_send(t);
}

static void on_dialed(void *arg, int fd)
{
	struct tether *t = arg;

	if (fd < 0) {
		t->state = TETHER_NONE;
		tether_forget_body(t);
		probe_report_dial(t->probe, fd);
		return;
	}
	t->fd = fd;
	tether_question(t);
}

/* Closed, reset, or speaks without being asked. */
static void tether_ended(struct tether *t)
{
	bool held = t->state == TETHER_IDLE;
	int error = tcp_take_error(t->fd);

	tether_close(t);
	if (held)
		probe_hint(t->probe,
			   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED,
			   error);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	struct tether *t = w->data;

	(void)ev;
	if (t->state == TETHER_IDLE || t->state == TETHER_ENDING)
		tether_ended(t);
	else if ((events & EV_WRITE) != 0 && t->state == TETHER_SENDING)
		tether_send(t);
	else
		tether_read(t);
}

static struct tether *tether_new(struct probe *probe)
{
	struct tether *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->probe = probe;
	t->fd = -1;
	dial_init(&t->dial, checks_loop(probe->checks), &probe->to, on_dialed,
		  t);
	ev_init(&t->io, on_io);
	t->io.data = t;
	return t;
}

static void http_start(struct probe *probe)
{
	const struct check_settings *check = probe->plan->check;
	struct http_probe *http = http_of(probe);
	struct tether *t = http->now;

	if (t == NULL)
		t = http->now = tether_new(probe);
	if (t == NULL) {
		probe_report(probe, RESULT_SOCKERR, ENOMEM, "out of memory");
		return;
	}
	t->id = probe->id;
	t->asked = probe->asked;
	if (t->state != TETHER_IDLE || probe->fresh ||
	    (check->fresh_every > 0 && t->carried >= check->fresh_every)) {
		tether_dial(t);
		return;
	}
	t->reused = true;
	tether_question(t);
}

static bool http_look(struct probe *probe)
{
	struct tether *t = http_of(probe)->now;
	struct pollfd look = { .fd = t->fd, .events = POLLIN };

	if (t->state == TETHER_DIALING)
		return dial_look(&t->dial);
	if (poll(&look, 1, 0) <= 0)
		return false;
	tether_read(t);
	return true;
}

/* Who keeps silent: the kernel over there acknowledges for a process that
 * hangs, and nobody does for a machine that is gone. */
static const char *tether_silence(const struct tether *t, enum reach reach)
{
	if (t->answer.begun)
		return "the answer has stopped";
	if (reach == REACH_UNKNOWN)
		return NULL;
	return reach == REACH_UNACKNOWLEDGED
		       ? "not even acknowledged: host or network"
		       : "acknowledged, but no answer";
}

/* What was asked may still be answered, but for the second of two. */
static void http_expire(struct probe *probe)
{
	struct http_probe *http = http_of(probe);
	struct tether *t = http->now;
	enum reach reach;

	if (t->state == TETHER_DIALING) {
		tether_close(t);
		tether_forget_body(t);
		probe_report_silence(probe, RESULT_L4TOUT, REACH_NOT_CONNECTED,
				     NULL);
		return;
	}
	reach = probe_reach(t->fd);
	probe_report_silence(probe, RESULT_L7TOUT, reach,
			     tether_silence(t, reach));
	http->now = NULL;
	if (http->late == NULL)
		http->late = t;
	else
		tether_free(t);
}

static void http_stop(struct probe *probe)
{
	struct http_probe *http = http_of(probe);

	tether_drop_late(probe);
	tether_free(http->now);
	http->now = NULL;
}

const struct kind http_kind = {
	.dials = true,
	.probe_size = sizeof(struct http_probe),
	.plan_new = http_plan_new,
	.plan_free = http_plan_free,
	.plan_rebind = http_plan_rebind,
	.start = http_start,
	.look = http_look,
	.expire = http_expire,
	.stop = http_stop,
};
