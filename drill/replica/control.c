#include "drill/replica/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MAX 1024
#define BODY_MAX 1024

struct reply {
	int status;
	char body[BODY_MAX];
};

/* The sentences of fault_parse() quote what was sent: keep it from ending
 * the string.
 */
static void reply_error(struct reply *reply, int status, const char *why)
{
	char safe[ERR_TEXT_MAX];

	snprintf(safe, sizeof(safe), "%s", why);
	for (char *p = safe; *p != '\0'; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '\'';
	reply->status = status;
	snprintf(reply->body, sizeof(reply->body), "{\"error\":\"%s\"}\n",
		 safe);
}

static void reply_fault(struct reply *reply, const struct listener *listener)
{
	const struct fault *fault = &listener->fault;
	char form[FAULT_TEXT_MAX];

	fault_print(fault, form);
	reply->status = 200;
	snprintf(reply->body, sizeof(reply->body),
		 "{\"kind\":\"%s\",\"scope\":\"%s\",\"code\":%d,"
		 "\"ms\":%" PRId64 ",\"up_ms\":%" PRId64 ",\"down_ms\":%" PRId64
		 ",\"port\":%u,\"since_us\":%" PRId64 ",\"fault\":\"%s\"}\n",
		 fault_kind_name(fault->kind),
		 fault->health_only ? "health" : "all", fault->code,
		 fault->delay_us / MS, fault->up_us / MS, fault->down_us / MS,
		 endpoint_port(&listener->endpoint), fault->since.us, form);
}

/* Query and body together, as one form. */
static int join_form(const struct request *req, char form[static FORM_MAX])
{
	if (req->query.len + req->body.len + 2 > FORM_MAX)
		return -EMSGSIZE;
	snprintf(form, FORM_MAX, "%.*s&%.*s", (int)req->query.len,
		 req->query.len > 0 ? req->query.text : "", (int)req->body.len,
		 req->body.len > 0 ? req->body.text : "");
	return 0;
}

static void switch_fault(struct listener *asked, const struct request *req,
			 struct reply *reply)
{
	struct listener *listener;
	struct err err = { 0 };
	char form[FORM_MAX];
	struct fault fault;

	if (join_form(req, form) < 0) {
		reply_error(reply, 400, "the fault is too long");
		return;
	}
	if (fault_parse(form, &fault, &err) < 0) {
		reply_error(reply, 400, err.text);
		return;
	}
	if (fault_bars(fault.kind) && !asked->control) {
		reply_error(reply, 409,
			    "that kind closes this listener to new "
			    "connections: switch it on the one of --control");
		return;
	}
	if (server_set_fault(asked->server, &fault, &listener, &err) < 0) {
		reply_error(reply, 409, err.text);
		return;
	}
	reply_fault(reply, listener);
}

/* "port=7001" in the query picks one of several listeners. */
static void show_fault(struct server *server, const struct request *req,
		       struct reply *reply)
{
	struct listener *listener;
	char query[32] = "";
	int64_t port = 0;

	if (req->query.len > 0 && req->query.len < sizeof(query))
		memcpy(query, req->query.text, req->query.len);
	if (strncmp(query, "port=", 5) == 0 &&
	    arg_number(query + 5, 1, 65535, &port, NULL) < 0)
		port = -1;
	listener = port < 0 ? NULL : server_find(server, (unsigned)port);
	if (listener == NULL)
		reply_error(reply, 404, "nothing listens on that port");
	else
		reply_fault(reply, listener);
}

int control_fault(struct listener *asked, const struct request *req,
		  bool loopback, struct answer *ret_answer)
{
	struct reply reply = { 0 };

	if (req->method != REQUEST_POST)
		show_fault(asked->server, req, &reply);
	else if (!loopback)
		reply_error(&reply, 403, "faults are switched from loopback");
	else
		switch_fault(asked, req, &reply);
	return answer_build(ret_answer, reply.status, "application/json",
			    reply.body, strlen(reply.body), !req->keep_alive);
}

int control_metrics(struct server *server, bool close,
		    struct answer *ret_answer)
{
	unsigned listeners[FAULT_KINDS] = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int r;

	for (unsigned i = 0; i < server->listeners_len; i++)
		listeners[server->listeners[i].fault.kind]++;
	out = open_memstream(&text, &len);
	if (out == NULL)
		return -ENOMEM;
	tally_print(&server->tally, listeners, out);
	r = fclose(out) == 0 ? 0 : -ENOMEM;
	if (r == 0)
		r = answer_build(ret_answer, 200, "text/plain; version=0.0.4",
				 text, len, close);
	free(text);
	return r;
}
