/* What happened: incidents, events, and streams of events. */
#include "controller/daemon/web_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/config/value.h"
#include "controller/daemon/api.h"
#include "controller/daemon/api_json.h"
#include "controller/daemon/window.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     10000
#define FOLLOW_LIMIT  1000
#define MEMORY_LIMIT  1000
#define BEAT_US       (15 * SECOND)

/* ---- arguments ---- */

/* "2026-11-20T17:05:22.123456Z" -> wall_us. */
static bool parse_time(const char *text, int64_t *ret_wall_us)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t us = 0, unit = SECOND;

	if (rest == NULL)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9' && unit > 1; rest++)
			us += (*rest - '0') * (unit /= 10);
	if (strcmp(rest, "Z") != 0)
		return false;
	*ret_wall_us = (int64_t)timegm(&tm) * SECOND + us;
	return true;
}

static bool read_since(struct web_request *req, struct store_question *q)
{
	const char *text = web_argument(req, "since");
	struct err err = { 0 };
	int64_t span_us;

	if (text == NULL || parse_time(text, &q->since_wall_us))
		return true;
	if (value_duration(text, &span_us, &err) < 0) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "since: a span or a point in time is wanted,"
				 " as 1h or 2026-11-20T17:05:22Z");
		return false;
	}
	q->since_wall_us = web_view(req->web)->wall_us - span_us;
	return true;
}

static bool read_number(struct web_request *req, const char *name,
			const char *text, int64_t most, int64_t *ret_value)
{
	char *end;
	long long value;

	if (text == NULL)
		return true;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 ||
	    value > most) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "%s: a number from 0 to %lld is wanted", name,
				 (long long)most);
		return false;
	}
	*ret_value = value;
	return true;
}

/* Reads what both have in common; false: the answer is made already. */
static bool read_question(struct web_request *req, struct store_question *q)
{
	int64_t limit = LIMIT_DEFAULT;

	q->after = -1;
	if (!read_since(req, q) ||
	    !read_number(req, "limit", web_argument(req, "limit"), LIMIT_MAX,
			 &limit))
		return false;
	q->limit = (size_t)limit;
	return true;
}

/* ---- answers ---- */

static void finish(struct web_request *req, struct buffer *text)
{
	if (!text->failed)
		web_answer_text(req, MHD_HTTP_OK, "application/json", text->buf,
				text->used);
	buffer_done(text);
}

static void answer_incidents(struct web_request *req, const char *json,
			     bool more, bool complete)
{
	const struct daemon_view *view = web_view(req->web);
	char from[API_TIME_MAX];
	struct buffer text = { 0 };

	api_time(window_from_us(view->window, view->wall_us), from,
		 sizeof(from));
	buffer_add(&text, "{\"incidents\":[");
	buffer_add(&text, json);
	buffer_printf(&text, "],\"more\":%s,\"complete\":%s,\"from\":\"%s\"}",
		      more ? "true" : "false", complete ? "true" : "false",
		      from);
	finish(req, &text);
}

/* Without the store: what is in memory, newest first. */
static void incidents_from_memory(struct web_request *req)
{
	const struct daemon_view *view = web_view(req->web);
	const struct store_question *q = &req->question;
	size_t limit = q->limit < MEMORY_LIMIT ? q->limit : MEMORY_LIMIT;
	const struct incident *list;
	struct buffer text = { 0 };
	const char *service;
	size_t count, n = 0;
	json_t *doc;

	list = window_list(view->window, &count);
	buffer_add(&text, "");
	for (; count > 0 && n < limit; count--) {
		const struct incident *inc = &list[count - 1];

		service = api_incident_service(view->set, inc);
		if (inc->merged_into != 0 ||
		    (q->service[0] != '\0' &&
		     strcmp(service, q->service) != 0) ||
		    (!incident_open(inc) &&
		     inc->recovered_wall_us < q->since_wall_us))
			continue;
		doc = api_incident_here(view, inc);
		if (n++ > 0)
			buffer_add(&text, ",\n");
		api_dump(doc, &text);
	}
	if (text.buf != NULL)
		answer_incidents(req, text.buf, count > 0, false);
	buffer_done(&text);
}

static void answer_events(struct web_request *req, const char *json,
			  int64_t last, bool more, bool complete)
{
	struct buffer text = { 0 };

	buffer_add(&text, "{\"events\":[");
	buffer_add(&text, json);
	buffer_printf(&text, "],\"last\":%lld,\"more\":%s,\"complete\":%s}",
		      (long long)last, more ? "true" : "false",
		      complete ? "true" : "false");
	finish(req, &text);
}

/* The @i-th of the events in memory, oldest first. */
static const struct web_recent *recent_at(const struct web *web, unsigned i)
{
	unsigned first = web->recent_next + WEB_RECENT_MAX - web->recent_count;

	return &web->recent[(first + i) % WEB_RECENT_MAX];
}

static bool recent_wanted(const struct web_recent *event,
			  const struct store_question *q)
{
	return q->after >= 0 ? event->id > q->after
			     : event->wall_us >= q->since_wall_us;
}

/* Events in memory that @q asks for, as the store would give them. */
static void events_from_memory(struct web_request *req, struct buffer *text,
			       int64_t *ret_last)
{
	const struct store_question *q = &req->question;
	const struct web *web = req->web;
	unsigned i, first = 0;
	bool any = false;

	*ret_last = q->after > 0 ? q->after : 0;
	if (q->after < 0 && web->recent_count > q->limit)
		first = web->recent_count - (unsigned)q->limit;
	buffer_add(text, "");
	for (i = first; i < web->recent_count; i++) {
		const struct web_recent *event = recent_at(web, i);

		if (!recent_wanted(event, q))
			continue;
		if (any)
			buffer_add(text, ",\n");
		buffer_add(text, event->json);
		any = true;
		*ret_last = event->id;
	}
}

/* ---- streams ---- */

static void put_sse(struct buffer *text, int64_t id, const char *kind,
		    const char *json, size_t size)
{
	buffer_printf(text, "id: %lld\nevent: %s\ndata: ", (long long)id, kind);
	buffer_put(text, json, size);
	buffer_add(text, "\n\n");
}

/* Stored events stand one on each line and begin as api_event() makes them. */
static void put_stored(struct buffer *text, const char *json)
{
	long long id;
	char kind[32];
	size_t size;

	while (*json != '\0') {
		size = strcspn(json, "\n");
		if (sscanf(json,
			   "{\"id\":%lld,\"time\":\"%*[^\"]\",\"kind\":\"%31["
			   "^\"]\"",
			   &id, kind) == 2)
			put_sse(text, id, kind, json,
				size - (size > 0 && json[size - 1] == ','));
		json += size + (json[size] == '\n');
	}
}

/* Put what came since the last event sent into the buffer; false when more
 * has come than is kept: the client asks again from its last one. */
static bool follow_fill(struct web_request *req)
{
	const struct web *web = req->web;
	const struct web_recent *event;
	unsigned i = web->recent_count;

	while (i > 0 && recent_at(web, i - 1)->id > req->sent)
		i--;
	if (i == 0 && web->recent_count == WEB_RECENT_MAX)
		return false;
	for (; i < web->recent_count; i++) {
		event = recent_at(web, i);
		put_sse(&req->head, event->id, event->kind, event->json,
			strlen(event->json));
		req->sent = event->id;
	}
	if (req->head.used == 0 && req->beat)
		buffer_add(&req->head, ":\n\n");
	req->beat = false;
	return !req->head.failed;
}

static ssize_t follow_read(void *arg, uint64_t at, char *buf, size_t size)
{
	struct web_request *req = arg;
	size_t left;

	(void)at;
	if (req->head_sent == req->head.used) {
		buffer_reset(&req->head);
		req->head_sent = 0;
		if (!follow_fill(req))
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	left = req->head.used - req->head_sent;
	if (left == 0 && req->door->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left == 0) {
		MHD_suspend_connection(req->connection);
		req->suspended = true;
		return 0;
	}
	if (left > size)
		left = size;
	memcpy(buf, req->head.buf + req->head_sent, left);
	req->head_sent += left;
	req->spoke = loop_now(req->web->loop);
	return (ssize_t)left;
}

static void follow_begin(struct web_request *req)
{
	req->response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, 16384, follow_read, req, NULL);
	if (req->response == NULL)
		return;
	MHD_add_response_header(req->response, "Content-Type",
				"text/event-stream");
	MHD_add_response_header(req->response, "Cache-Control", "no-store");
	/* At once, so that the client sees that it is connected. */
	if (req->head.used == 0)
		buffer_add(&req->head, ":\n\n");
	req->status = MHD_HTTP_OK;
	req->spoke = loop_now(req->web->loop);
}

void web_unfollow(struct web_request *req)
{
	if (req->following)
		req->web->followers--;
	req->following = false;
	buffer_done(&req->head);
}

void web_follow_all(struct web *web)
{
	struct instant now = loop_now(web->loop);
	struct web_request *req;

	for (req = web->requests; req != NULL; req = req->next) {
		if (!req->following || req->response == NULL)
			continue;
		req->beat = instant_diff_us(req->spoke, now) >= BEAT_US;
		if (req->beat || req->sent < web->last_event ||
		    req->door->closing)
			web_resume(req);
	}
}

/* ---- asking the store ---- */

static void on_answer(void *arg, const struct store_answer *answer)
{
	struct web_request *req = arg;
	struct buffer memory = { 0 };
	const char *json = answer->json;
	int64_t last = answer->last;

	req->ticket = 0;
	if (req->question.kind == STORE_INCIDENTS) {
		if (answer->error != NULL)
			incidents_from_memory(req);
		else
			answer_incidents(req, json, answer->more, true);
		web_resume(req);
		return;
	}
	if (answer->error != NULL) {
		events_from_memory(req, &memory, &last);
		json = memory.buf;
	}
	if (json != NULL && req->follow) {
		put_stored(&req->head, json);
		if (last > req->sent)
			req->sent = last;
		follow_begin(req);
	} else if (json != NULL) {
		answer_events(req, json, last, answer->more,
			      answer->error == NULL);
	}
	buffer_done(&memory);
	web_resume(req);
}

static void ask(struct web_request *req)
{
	static const struct store_answer none = { .error = "no store" };

	req->store = web_view(req->web)->store;
	if (req->store == NULL)
		on_answer(req, &none);
	else
		req->ticket =
			store_ask(req->store, &req->question, on_answer, req);
}

void web_incidents(struct web_request *req)
{
	const char *service = web_argument(req, "service");

	req->question.kind = STORE_INCIDENTS;
	if (!read_question(req, &req->question))
		return;
	snprintf(req->question.service, sizeof(req->question.service), "%s",
		 service != NULL ? service : "");
	ask(req);
}

/* Without a beginning a stream begins now, else with what is stored. */
static void follow(struct web_request *req, bool from_now)
{
	if (req->web->followers >= WEB_FOLLOWERS_MAX) {
		web_answer_error(req, MHD_HTTP_SERVICE_UNAVAILABLE,
				 "%u streams are open already",
				 WEB_FOLLOWERS_MAX);
		return;
	}
	req->web->followers++;
	req->following = true;
	req->follow = true;
	if (from_now) {
		req->sent = req->web->last_event;
		follow_begin(req);
		return;
	}
	if (req->question.limit > FOLLOW_LIMIT)
		req->question.limit = FOLLOW_LIMIT;
	ask(req);
}

void web_events(struct web_request *req)
{
	const char *follow_text = web_argument(req, "follow");
	const char *after = web_argument(req, "after");
	const char *seen = MHD_lookup_connection_value(
		req->connection, MHD_HEADER_KIND, "Last-Event-ID");
	bool stream = web_header_has(req, "Accept", "text/event-stream") ||
		      (follow_text != NULL && strcmp(follow_text, "0") != 0);

	req->question.kind = STORE_EVENTS;
	if (stream && seen != NULL)
		after = seen;
	if (!read_question(req, &req->question) ||
	    !read_number(req, "after", after, INT64_MAX, &req->question.after))
		return;
	if (stream)
		follow(req,
		       after == NULL && web_argument(req, "since") == NULL);
	else
		ask(req);
}
