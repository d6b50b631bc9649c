#include "drill/replica/meet.h"

#include "controller/io/loop.h"
#include "drill/replica/control.h"

#include <string.h>

#define HUGE_LEN ((int64_t)2 << 30)

static const char garbage[] = "\x16\x03\x07SSH-9.9\xff\xfe\x80 <<< this is "
			      "not HTTP >>>\r\n\x01\x02\x03\r\n\r\n";
static const char endless_head[] = "HTTP/1.1 200 OK\r\nServer: replica\r\n";
static const char huge_head[] = "HTTP/1.1 200 OK\r\n"
				"Content-Type: application/octet-stream\r\n"
				"Content-Length: 2147483648\r\n\r\n";

/* Whole header lines, so that it can be repeated. */
static const char *endless_filler(void)
{
	static const char line[] = "X-Filler: 0123456789abcdefghij\r\n";
	static char filler[CONN_FILL_LEN];

	_Static_assert(CONN_FILL_LEN % (sizeof(line) - 1) == 0,
		       "a line is cut in two");
	if (filler[0] == '\0')
		for (size_t i = 0; i < sizeof(filler); i += sizeof(line) - 1)
			memcpy(filler + i, line, sizeof(line) - 1);
	return filler;
}

static const char *huge_filler(void)
{
	static char filler[CONN_FILL_LEN];

	if (filler[0] == '\0')
		memset(filler, 'x', sizeof(filler));
	return filler;
}

static void send_text(struct conn *conn, const char *text, size_t len,
		      bool close)
{
	conn->out = text;
	conn->out_len = len;
	conn->close_behind = close;
	conn->phase = CONN_SENDING;
}

static void send_filled(struct conn *conn, const char *head, size_t head_len,
			const char *filler, int64_t fill_len)
{
	conn->filler = filler;
	conn->fill_left = fill_len;
	send_text(conn, head, head_len, false);
}

static void send_answer(struct conn *conn, const struct request *req,
			enum page page, const struct answer *answer)
{
	conn->listener->server->tally.requests[page][answer->status]++;
	send_text(conn, answer->text,
		  req->method == REQUEST_HEAD ? answer->head_len : answer->len,
		  !req->keep_alive);
}

static const struct answer *pay(struct server *server, bool close)
{
	if (rng_below(&server->rng, 100) < server->payment_errors)
		return &server->pages.refused_payment[close];
	return &server->pages.fixed[PAGE_PAYMENT][close];
}

static int send_page(struct conn *conn, const struct request *req,
		     enum page page)
{
	struct server *server = conn->listener->server;
	const struct answer *answer = &conn->answer;
	bool close = !req->keep_alive;
	int r = 0;

	if (page == PAGE_FAULT)
		r = control_fault(conn->listener, req, conn->loopback,
				  &conn->answer);
	else if (page == PAGE_METRICS)
		r = control_metrics(server, close, &conn->answer);
	else if (page == PAGE_PAYMENT)
		answer = pay(server, close);
	else
		answer = &server->pages.fixed[page][close];
	if (r == 0)
		send_answer(conn, req, page, answer);
	return r;
}

static int send_status(struct conn *conn, const struct request *req,
		       enum page page)
{
	static const char body[] = "{\"status\":\"unhealthy\","
				   "\"error\":\"an injected fault\"}\n";
	int r;

	r = answer_build(&conn->answer, conn->listener->fault.code,
			 "application/json", body, sizeof(body) - 1,
			 !req->keep_alive);
	if (r == 0)
		send_answer(conn, req, page, &conn->answer);
	return r;
}

static int send_half(struct conn *conn, const struct request *req,
		     enum page page)
{
	size_t head_len, len;
	int r;

	r = send_page(conn, req, page);
	if (r < 0)
		return r;
	len = conn->out_len;
	head_len =
		(size_t)((const char *)memmem(conn->out, len, "\r\n\r\n", 4) -
			 conn->out) +
		4;
	conn->out_len = head_len + (len - head_len) / 2;
	conn->close_behind = true;
	return 0;
}

static void hold(struct conn *conn, int64_t delay_us)
{
	conn->phase = CONN_WAITING;
	if (delay_us == 0)
		return;
	ev_timer_set(&conn->timer, (double)delay_us / SECOND, 0.);
	ev_timer_start(conn->listener->server->ev, &conn->timer);
}

static int meet_fault(struct conn *conn, const struct request *req,
		      enum page page, enum fault_kind kind)
{
	struct server *server = conn->listener->server;

	switch (kind) {
	case FAULT_STATUS:
		return send_status(conn, req, page);
	case FAULT_SLOW:
		hold(conn, conn->listener->fault.delay_us);
		return 0;
	case FAULT_MUTE:
		hold(conn, 0);
		return 0;
	case FAULT_UNHEALTHY:
		if (page != PAGE_HEALTH)
			return send_page(conn, req, page);
		send_answer(conn, req, page,
			    &server->pages.unhealthy[!req->keep_alive]);
		return 0;
	case FAULT_GARBAGE:
		send_text(conn, garbage, sizeof(garbage) - 1, true);
		return 0;
	case FAULT_HALF:
		return send_half(conn, req, page);
	case FAULT_ENDLESS_HEADERS:
		send_filled(conn, endless_head, sizeof(endless_head) - 1,
			    endless_filler(), CONN_ENDLESS);
		return 0;
	case FAULT_HUGE:
		send_filled(conn, huge_head, sizeof(huge_head) - 1,
			    huge_filler(), HUGE_LEN);
		return 0;
	case FAULT_BYTES:
		conn->drips = true;
		return send_page(conn, req, page);
	case FAULT_NONE:
	case FAULT_FLAP:   /* fault_at() says status or none */
	case FAULT_REFUSE: /* these hit connections, not requests */
	case FAULT_FULL:
	case FAULT_KINDS:
		break;
	}
	return send_page(conn, req, page);
}

int meet_request(struct conn *conn, const struct request *req)
{
	const struct fault *fault = &conn->listener->fault;
	enum page page = page_find(req->path);
	enum fault_kind kind = FAULT_NONE;
	struct instant now = fault->since;

	if (page == PAGE_FAULT || conn->listener->control)
		return send_page(conn, req, page);
	if (fault->kind == FAULT_FLAP)
		now = loop_now(conn->listener->server->loop);
	kind = fault_at(fault, page == PAGE_HEALTH, now);
	if (kind == FAULT_SLOW && conn->waited)
		kind = FAULT_NONE;
	if (kind == FAULT_NONE)
		return send_page(conn, req, page);
	conn->listener->server->tally.faults[kind]++;
	return meet_fault(conn, req, page, kind);
}

int meet_nonsense(struct conn *conn)
{
	static const char body[] = "{\"error\":\"not an HTTP request\"}\n";
	int r;

	conn->listener->server->tally.bad_requests++;
	r = answer_build(&conn->answer, 400, "application/json", body,
			 sizeof(body) - 1, true);
	if (r == 0)
		send_text(conn, conn->answer.text, conn->answer.len, true);
	return r;
}
