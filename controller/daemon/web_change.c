/* What changes something: maintenance, another primary. */
#include "controller/daemon/web_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "controller/config/value.h"
#include "controller/daemon/api.h"

/* What a body asks for. */
struct wish {
	struct maintenance m; /* the target is filled in for each */
	unsigned first, count;
	unsigned service; /* NOTE_NONE: one target, or the node */
	bool node;
	enum admin_kind kind;
	const char *what; /* the name, for the log */
};

/* ---- reading the body ---- */

static bool wish_name(struct web_request *req, json_t *body, struct wish *wish)
{
	const struct settings *set = web_view(req->web)->set;
	const char *target = json_string_value(json_object_get(body, "target"));
	const char *service =
		json_string_value(json_object_get(body, "service"));
	json_t *node = json_object_get(body, "node"), *names = NULL, *doc;
	unsigned found;
	int r;

	wish->node = json_is_true(node) ||
		     (json_is_string(node) &&
		      strcmp(json_string_value(node), set->node) == 0);
	wish->what = target != NULL    ? target
		     : service != NULL ? service
				       : "the node";
	if ((target != NULL) + (service != NULL) + wish->node != 1) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "one of target, service and node is wanted");
		return false;
	}
	wish->count = 1;
	if (wish->node)
		return true;
	if (service != NULL) {
		r = api_find_service(set, service, &found);
		if (r == 0) {
			wish->service = found;
			wish->first = set->services[found].first_target;
			wish->count = set->services[found].target_count;
		}
	} else {
		r = api_find_target(set, target, &wish->first, &names);
	}
	if (r == -ENOENT)
		web_answer_error(req, MHD_HTTP_NOT_FOUND, "no %s %s",
				 service != NULL ? "service" : "target",
				 wish->what);
	if (r == -EEXIST) {
		doc = json_object();
		json_object_set_new(doc, "error",
				    json_string("several targets are called"
						" so"));
		json_object_set_new(doc, "candidates", names);
		web_answer_json(req, MHD_HTTP_CONFLICT, doc);
	}
	return r == 0;
}

static bool wish_span(struct web_request *req, json_t *body, struct wish *wish)
{
	const struct daemon_view *view = web_view(req->web);
	json_t *value = json_object_get(body, "for");
	struct err err = { 0 };
	int64_t span_us = 0;

	wish->m.until = INSTANT_NEVER;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value) ||
	    value_duration(json_string_value(value), &span_us, &err) < 0 ||
	    span_us <= 0) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST, "for: %s",
				 err.text[0] != '\0'
					 ? err.text
					 : "a span is wanted, as \"30m\"");
		return false;
	}
	wish->m.until = instant_add(view->now, span_us);
	wish->m.until_wall_us = view->wall_us + span_us;
	return true;
}

/* A drain is refused whole: half of it is nobody's wish. */
static bool wish_drain(struct web_request *req, const struct wish *wish)
{
	const struct settings *set = web_view(req->web)->set;
	const char *why = NULL;

	if (!wish->m.on || !wish->m.drain)
		return true;
	if (wish->node)
		why = "a node is not drained: name a service or a target";
	else if (wish->service != NOTE_NONE &&
		 set->services[wish->service].min_up > 0)
		why = "min_up allows no withdrawal of a whole service: name"
		      " its targets";
	if (why != NULL)
		web_answer_error(req, MHD_HTTP_CONFLICT, "%s", why);
	return why == NULL;
}

static bool wish_read(struct web_request *req, json_t *body, struct wish *wish)
{
	json_t *on = json_object_get(body, "on");
	json_t *drain = json_object_get(body, "drain");
	json_t *reason = json_object_get(body, "reason");

	if (!json_is_boolean(on)) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "on: true or false is wanted");
		return false;
	}
	if ((drain != NULL && !json_is_boolean(drain) &&
	     !json_is_null(drain)) ||
	    (reason != NULL && !json_is_string(reason) &&
	     !json_is_null(reason))) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "drain is true or false, reason is a text");
		return false;
	}
	wish->m.on = json_is_true(on);
	wish->m.drain = json_is_true(drain);
	if (json_is_string(reason))
		snprintf(wish->m.reason, sizeof(wish->m.reason), "%s",
			 json_string_value(reason));
	return wish_span(req, body, wish) && wish_name(req, body, wish) &&
	       wish_drain(req, wish);
}

/* ---- carrying it out ---- */

void web_say_who(struct web_request *req, const char *what)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred who = { .pid = 0, .uid = (uid_t)-1 };
	socklen_t size = sizeof(who);
	char text[400];

	if (info != NULL)
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &who,
			   &size);
	snprintf(text, sizeof(text), "uid %d (pid %d) wants %s", (int)who.uid,
		 (int)who.pid, what);
	req->web->doors.say(req->web->doors.arg, NOTE_NOTICE, text);
}

static void say_wish(struct web_request *req, const struct wish *wish)
{
	char text[320];

	snprintf(text, sizeof(text), "maintenance %s for %.80s%s%s",
		 wish->m.on ? "on" : "off", wish->what,
		 wish->m.reason[0] != '\0' ? ": " : "", wish->m.reason);
	web_say_who(req, text);
}

/* All are asked before the first answer counts: it may come at once. */
static void wish_ask(struct web_request *req, const struct wish *wish)
{
	struct web *web = req->web;
	struct admin admin = { .kind = wish->kind, .maintenance = wish->m };
	unsigned i;

	req->token = web->token + 1;
	req->tokens = req->pending = wish->count;
	web->token += wish->count;
	for (i = 0; i < wish->count; i++) {
		admin.token = req->token + i;
		admin.maintenance.target =
			wish->node ? NOTE_NONE : wish->first + i;
		web->doors.admin(web->doors.arg, &admin);
	}
}

/* The body as an object, or NULL and the refusal is answered. */
static json_t *body_read(struct web_request *req)
{
	json_t *body = req->body.used > 0 ? json_loadb(req->body.buf,
						       req->body.used, 0, NULL)
					  : NULL;

	if (json_is_object(body))
		return body;
	json_decref(body);
	web_answer_error(req, MHD_HTTP_BAD_REQUEST, "a JSON object is wanted");
	return NULL;
}

void web_reset(struct web_request *req)
{
	struct wish wish = { .service = NOTE_NONE, .kind = ADMIN_RESET };
	json_t *body = body_read(req);
	char text[200];

	if (body != NULL && wish_name(req, body, &wish)) {
		if (wish.node) {
			web_answer_error(req, MHD_HTTP_BAD_REQUEST,
					 "a service or a target is wanted");
		} else {
			snprintf(text, sizeof(text), "a reset of %.80s",
				 wish.what);
			web_say_who(req, text);
			wish_ask(req, &wish);
		}
	}
	json_decref(body);
}

/* Of the cluster: only on, force and reason mean something. */
static void keep_ask(struct web_request *req, json_t *body)
{
	const struct cluster_settings *set = web_view(req->web)->set->cluster;
	const char *reason = json_string_value(json_object_get(body, "reason"));
	struct admin admin = { .kind = ADMIN_KEEP };
	json_t *on = json_object_get(body, "on");
	char text[200];

	if (set == NULL) {
		web_answer_error(req, MHD_HTTP_CONFLICT,
				 "this node is a cluster of one: its routes "
				 "stay when it is stopped");
		return;
	}
	if (!json_is_boolean(on) || json_object_get(body, "for") != NULL ||
	    json_object_get(body, "drain") != NULL) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "on: true or false is wanted, and of a "
				 "cluster neither for nor drain");
		return;
	}
	admin.keep = json_is_true(on) ? KEEP_ON : KEEP_ENDS;
	if (!json_is_true(on) && json_is_true(json_object_get(body, "force")))
		admin.keep = KEEP_OFF;
	snprintf(text, sizeof(text), "maintenance %s for the cluster%s%s%.100s",
		 json_is_true(on) ? "on" : "off",
		 admin.keep == KEEP_OFF ? ", waiting for no node" : "",
		 reason != NULL ? ": " : "", reason != NULL ? reason : "");
	web_say_who(req, text);
	req->token = ++req->web->token;
	req->tokens = req->pending = 1;
	admin.token = req->token;
	req->web->doors.admin(req->web->doors.arg, &admin);
}

void web_maintenance(struct web_request *req)
{
	json_t *body = body_read(req);
	struct wish wish = { .service = NOTE_NONE };

	if (body != NULL && json_is_true(json_object_get(body, "cluster")))
		keep_ask(req, body);
	else if (body != NULL && wish_read(req, body, &wish)) {
		say_wish(req, &wish);
		wish_ask(req, &wish);
	}
	json_decref(body);
}

/* ---- another primary ---- */

/* Read the node that is wanted; false: the refusal is answered. */
static bool successor_read(struct web_request *req, json_t *body,
			   unsigned *ret_to)
{
	const struct cluster_settings *set = web_view(req->web)->set->cluster;
	json_t *to = json_object_get(body, "to");
	unsigned i;

	if (to != NULL && !json_is_null(to) && !json_is_string(to)) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "to: the name of a node is wanted");
		return false;
	}
	if (set == NULL || set->node_count == 1 ||
	    req->web->doors.switchover == NULL) {
		web_answer_error(req, MHD_HTTP_CONFLICT,
				 "this node is a cluster of one: there is "
				 "nobody to hand over to");
		return false;
	}
	*ret_to = CLUSTER_NOBODY;
	if (!json_is_string(to))
		return true;
	for (i = 0; i < set->node_count; i++)
		if (strcmp(set->nodes[i].name, json_string_value(to)) == 0)
			*ret_to = i;
	if (*ret_to != CLUSTER_NOBODY)
		return true;
	web_answer_error(req, MHD_HTTP_NOT_FOUND, "no node %s",
			 json_string_value(to));
	return false;
}

void web_switchover(struct web_request *req)
{
	json_t *body = body_read(req);
	struct web *web = req->web;
	char text[120];
	unsigned to;

	if (body != NULL && json_object_get(body, "group") != NULL) {
		web_group_switchover(req, body);
	} else if (body != NULL && successor_read(req, body, &to)) {
		snprintf(text, sizeof(text), "another primary%s%s",
			 to != CLUSTER_NOBODY ? ": " : "",
			 to != CLUSTER_NOBODY
				 ? web_view(web)->set->cluster->nodes[to].name
				 : "");
		web_say_who(req, text);
		req->token = ++web->token;
		req->tokens = req->pending = 1;
		web->doors.switchover(web->doors.arg, req->token, to);
	}
	json_decref(body);
}

/* ---- answering ---- */

static void change_answer(struct web_request *req)
{
	json_t *doc;

	/* What is in force although it could not be kept was done. */
	if (req->error != 0 && req->error != -EIO) {
		web_answer_error(req, MHD_HTTP_CONFLICT, "%s", req->text);
		return;
	}
	doc = json_object();
	json_object_set_new(doc, "ok", json_true());
	json_object_set_new(doc, "text", api_string(req->text));
	if (req->group != NULL)
		web_group_switched(req, doc);
	web_answer_json(req, MHD_HTTP_OK, doc);
}

/* Who waits for the answer of @token; NULL: nobody any more. */
static struct web_request *waiting_for(struct web *web, uint64_t token)
{
	struct web_request *req;

	for (req = web->requests; req != NULL; req = req->next)
		if (req->pending > 0 && token >= req->token &&
		    token < req->token + req->tokens)
			break;
	return req;
}

void web_switched(struct web *web, uint64_t token, const char *from,
		  const char *to, int64_t span_us)
{
	struct web_request *req = waiting_for(web, token);
	json_t *doc;

	if (req == NULL)
		return;
	req->pending = 0;
	doc = json_object();
	json_object_set_new(doc, "ok", json_true());
	json_object_set_new(doc, "from", api_string(from));
	json_object_set_new(doc, "to", api_string(to));
	json_object_set_new(doc, "seconds",
			    json_real((double)span_us / (double)SECOND));
	json_object_set_new(
		doc, "text",
		json_sprintf("%s was primary, %s is now", from, to));
	web_answer_json(req, MHD_HTTP_OK, doc);
	web_resume(req);
}

void web_reply(struct web *web, uint64_t token, int error, const char *text)
{
	struct web_request *req = waiting_for(web, token);

	if (req == NULL)
		return;
	/* Of several refusals the first is told; else the last, since what had
	 * nothing to do answers before what is written down. */
	if (req->error == 0)
		snprintf(req->text, sizeof(req->text), "%s", text);
	if (req->error == 0)
		req->error = error;
	if (--req->pending > 0)
		return;
	change_answer(req);
	web_resume(req);
}

void web_change_time_out(struct web_request *req)
{
	if (req->pending == 0 ||
	    instant_diff_us(req->since, loop_now(req->web->loop)) <
		    req->patience_us)
		return;
	req->pending = 0;
	web_answer_error(req, MHD_HTTP_GATEWAY_TIMEOUT,
			 "no answer within %lld s; see the events",
			 (long long)(req->patience_us / SECOND));
	web_resume(req);
}
