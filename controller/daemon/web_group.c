/* What is asked about groups of databases: another primary, or what would be
 * done if one were asked for. */
#include "controller/daemon/web_state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/near.h"
#include "controller/daemon/api.h"
#include "controller/daemon/api_group.h"

/* Another primary of a group. */
struct change {
	unsigned service, to; /* to: target, or NOTE_NONE: the best */
	struct ctl_group_view view;
};

static bool is_group(const struct settings *set, unsigned service)
{
	return set->services[service].failover != NULL;
}

/* Refuse @name, with the nearest of @count names if one is near. */
static void answer_unknown(struct web_request *req, const char *what,
			   const char *name, const char *const *names,
			   unsigned count)
{
	unsigned best = near_bound(name), i, far;
	const char *nearest = NULL;

	for (i = 0; i < count; i++) {
		far = near_distance(name, names[i]);
		if (far < best) {
			best = far;
			nearest = names[i];
		}
	}
	web_answer_error(req, MHD_HTTP_NOT_FOUND, "no %s %s%s%s%s", what, name,
			 nearest != NULL ? ": did you mean " : "",
			 nearest != NULL ? nearest : "",
			 nearest != NULL ? "?" : "");
}

static void answer_no_group(struct web_request *req, const char *name)
{
	const struct settings *set = web_view(req->web)->set;
	const char **names = calloc(set->service_count + 1, sizeof(*names));
	unsigned i, count = 0, service;

	if (api_find_service(set, name, &service) == 0)
		web_answer_error(req, MHD_HTTP_CONFLICT,
				 "%s is no group of databases: it has no "
				 "failover block",
				 name);
	for (i = 0; names != NULL && i < set->service_count; i++)
		if (is_group(set, i))
			names[count++] = set->services[i].name;
	if (req->response == NULL)
		answer_unknown(req, "group", name, names, count);
	free(names);
}

static bool find_group(struct web_request *req, const char *name,
		       struct change *ret_change)
{
	const struct daemon_view *view = web_view(req->web);
	unsigned service;

	if (api_find_service(view->set, name, &service) < 0 ||
	    !ctl_group_look(view->ctl, service, &ret_change->view)) {
		answer_no_group(req, name);
		return false;
	}
	ret_change->service = service;
	return true;
}

static bool find_successor(struct web_request *req, const char *name,
			   struct change *ret_change)
{
	const struct settings *set = web_view(req->web)->set;
	const struct service_settings *svc =
		&set->services[ret_change->service];
	const char *names[PLAN_INSTANCES_MAX];
	char what[100];
	unsigned i;

	ret_change->to = NOTE_NONE;
	if (name == NULL)
		return true;
	for (i = 0; i < svc->target_count; i++) {
		names[i] = set->targets[svc->first_target + i].name;
		if (strcmp(names[i], name) == 0)
			ret_change->to = svc->first_target + i;
	}
	if (ret_change->to != NOTE_NONE)
		return true;
	snprintf(what, sizeof(what), "target of %.63s called", svc->name);
	answer_unknown(req, what, name, names, svc->target_count);
	return false;
}

void web_plan(struct web_request *req)
{
	const char *group = web_argument(req, "group");
	struct change change;

	if (group == NULL)
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "group is missing: ?group=NAME");
	else if (find_group(req, group, &change) &&
		 find_successor(req, web_argument(req, "to"), &change))
		web_answer_json(req, MHD_HTTP_OK,
				api_plan(web_view(req->web), change.service,
					 change.to));
}

/* Only the primary node decides; say which that is. */
static bool may_decide(struct web_request *req)
{
	const struct daemon_view *view = web_view(req->web);
	unsigned primary = view->cluster.primary;

	if (api_decides(view))
		return true;
	if (view->cluster.known && primary != CLUSTER_NOBODY)
		web_answer_error(req, MHD_HTTP_CONFLICT,
				 "this node does not decide: ask at the "
				 "primary node, %s",
				 view->set->cluster->nodes[primary].name);
	else
		web_answer_error(req, MHD_HTTP_CONFLICT,
				 "there is no primary node now, and nobody "
				 "else decides");
	return false;
}

/* What is under way is told with its names. */
static bool is_quiet(struct web_request *req, const struct change *change)
{
	const struct document_group *doc = change->view.document;

	if (doc == NULL || doc->phase == PHASE_STEADY)
		return true;
	web_answer_error(req, MHD_HTTP_CONFLICT,
			 "a failover is under way: %s is being left (%s)",
			 doc->leaving, api_phase_name(doc->phase));
	return false;
}

static bool change_read(struct web_request *req, json_t *body,
			struct change *ret_change)
{
	json_t *group = json_object_get(body, "group");
	json_t *to = json_object_get(body, "to");

	if (!json_is_string(group) ||
	    (to != NULL && !json_is_null(to) && !json_is_string(to))) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "group and to: names are wanted");
		return false;
	}
	return find_group(req, json_string_value(group), ret_change) &&
	       find_successor(req, json_string_value(to), ret_change) &&
	       may_decide(req) && is_quiet(req, ret_change);
}

/* All of its steps may take their time. */
static int64_t patience_us(const struct settings *set, unsigned service)
{
	int64_t routing_us =
		set->cluster != NULL ? set->cluster->routing_lease_us : 0;

	return WEB_PATIENCE_US + routing_us + GROUP_FENCE_US +
	       GROUP_CATCH_UP_US +
	       2 * set->services[service].failover->promote_timeout_us;
}

static void ask(struct web_request *req, const struct change *change)
{
	const struct settings *set = web_view(req->web)->set;
	struct admin admin = { .kind = ADMIN_SWITCHOVER };
	const struct document_group *doc = change->view.document;
	struct web *web = req->web;

	req->group = strdup(set->services[change->service].name);
	snprintf(req->from, sizeof(req->from), "%s",
		 doc != NULL ? doc->primary : "");
	req->patience_us = patience_us(set, change->service);
	req->token = ++web->token;
	req->tokens = req->pending = 1;
	admin.token = req->token;
	admin.switchover.service = change->service;
	admin.switchover.to = change->to;
	web->doors.admin(web->doors.arg, &admin);
}

void web_group_switchover(struct web_request *req, json_t *body)
{
	const struct settings *set = web_view(req->web)->set;
	struct change change;
	char text[200];

	if (!change_read(req, body, &change))
		return;
	snprintf(text, sizeof(text), "another primary of %.63s%s%.63s",
		 set->services[change.service].name,
		 change.to != NOTE_NONE ? ": " : "",
		 change.to != NOTE_NONE ? set->targets[change.to].name : "");
	web_say_who(req, text);
	ask(req, &change);
}

void web_group_switched(struct web_request *req, json_t *doc)
{
	const struct daemon_view *view = web_view(req->web);
	struct ctl_group_view group;
	unsigned service;

	json_object_set_new(doc, "group", api_string(req->group));
	if (api_find_service(view->set, req->group, &service) < 0 ||
	    !ctl_group_look(view->ctl, service, &group) ||
	    group.document == NULL)
		return;
	json_object_set_new(doc, "from", api_string(req->from));
	json_object_set_new(doc, "to", api_string(group.document->primary));
	json_object_set_new(doc, "epoch",
			    json_integer((json_int_t)group.document->epoch));
	json_object_set_new(
		doc, "seconds",
		json_real((double)instant_diff_us(req->since, view->now) /
			  (double)SECOND));
	if (strcmp(req->from, group.document->primary) != 0)
		json_object_set_new(doc, "text",
				    json_sprintf("%s was the primary of %s, "
						 "%s is now",
						 req->from, req->group,
						 group.document->primary));
}
