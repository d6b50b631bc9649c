/* What load balancers ask with their own checks: may writes go to an instance,
 * may it be read from.  Answered by its status: 200, or 503 and why not. */
#include "controller/daemon/web_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"

struct place {
	unsigned service, target;
	struct ctl_group_view group;
	struct group_instance_view it;
};

/* ---- whom it is about ---- */

static bool find_in_group(const struct daemon_view *view, const char *name,
			  size_t size, struct place *at)
{
	const struct settings *set = view->set;
	const struct service_settings *svc = &set->services[at->service];
	unsigned i;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		if (strlen(set->targets[i].name) == size &&
		    memcmp(set->targets[i].name, name, size) == 0) {
			at->target = i;
			return true;
		}
	return false;
}

static bool find_group(const struct daemon_view *view, const char *name,
		       size_t size, struct place *at)
{
	const struct settings *set = view->set;
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (set->services[i].failover != NULL &&
		    strlen(set->services[i].name) == size &&
		    memcmp(set->services[i].name, name, size) == 0) {
			at->service = i;
			return true;
		}
	return false;
}

/* The instance of a group that this node hosts. */
static bool find_hosted(const struct daemon_view *view, const char *group,
			struct place *at)
{
	const struct settings *set = view->set;
	unsigned i, found = 0;

	for (i = 0; i < set->target_count; i++) {
		const struct service_settings *svc =
			&set->services[set->targets[i].service];

		if (svc->failover == NULL ||
		    !settings_text_same(set->targets[i].node, set->node) ||
		    (group != NULL && strcmp(svc->name, group) != 0))
			continue;
		at->service = set->targets[i].service;
		at->target = i;
		found++;
	}
	return found == 1;
}

/* "/GROUP/TARGET", or "" for the one that this node hosts.  False: the refusal
 * is answered. */
static bool find_place(struct web_request *req, struct place *at)
{
	const struct daemon_view *view = web_view(req->web);
	const char *group = req->rest[0] == '/' ? req->rest + 1 : "";
	const char *slash = strchr(group, '/');

	if (group[0] == '\0') {
		if (!find_hosted(view, web_argument(req, "group"), at)) {
			web_answer_error(req, MHD_HTTP_NOT_FOUND,
					 "which instance? of one that has "
					 "node = \"%s\" there is not exactly "
					 "one: add ?group=NAME, or ask for "
					 "/GROUP/TARGET",
					 view->set->node);
			return false;
		}
	} else if (slash == NULL ||
		   !find_group(view, group, (size_t)(slash - group), at)) {
		web_answer_error(req, MHD_HTTP_NOT_FOUND,
				 "no such group of databases here");
		return false;
	} else if (!find_in_group(view, slash + 1, strlen(slash + 1), at)) {
		web_answer_error(req, MHD_HTTP_NOT_FOUND,
				 "no such target in that group");
		return false;
	}
	return ctl_group_look(view->ctl, at->service, &at->group) &&
	       ctl_instance_look(view->ctl, at->target, &at->it);
}

/* ---- whether ---- */

/* Whether what it routes stays without a lease. */
static bool is_held(const struct daemon_view *view, const struct place *at)
{
	const struct failover_settings *set =
		view->set->services[at->service].failover;

	return set->on_quorum_loss == QUORUM_LOSS_HOLD || view->cluster.kept;
}

/* Why this node may not route writes to it, or NULL.  By what was decided and
 * by the lease alone: whether it answers is the asker's to see. */
static const char *no_route(const struct daemon_view *view,
			    const struct place *at)
{
	const struct document_group *doc = at->group.document;

	if (doc == NULL)
		return "no primary is decided on yet";
	if (doc->phase != PHASE_STEADY)
		return "the group is between two primaries";
	if (!at->it.primary)
		return "another instance is the primary";
	if (at->group.routed != at->target)
		return "this node has not got, or has lost, the word to route "
		       "to it";
	if (view->set->cluster != NULL && !is_held(view, at) &&
	    (instant_is_none(view->cluster.routing_end) ||
	     instant_reached(view->now, view->cluster.routing_end)))
		return "this node's routing lease is over";
	return NULL;
}

static const char *no_reads(const struct place *at, uint64_t max_lag, char *buf,
			    size_t size)
{
	const struct database_facts *facts = at->it.facts;

	if (facts == NULL)
		return "nothing fresh is known of it";
	if (!at->it.whole)
		return "its checks fail, or it is in maintenance";
	if (facts->role != DATABASE_REPLICA)
		return "it is no replica";
	if (!at->it.follows)
		return "it does not follow the primary";
	if (!facts->source_up)
		return "it is not connected to its source";
	if (facts->loading || facts->unready)
		return "it does not serve yet";
	if (max_lag == UINT64_MAX)
		return NULL;
	if (!at->it.behind_known)
		return "how far it is behind is not known";
	if (at->it.unapplied <= max_lag)
		return NULL;
	snprintf(buf, size,
		 "it is %" PRIu64 " bytes behind, more than %" PRIu64,
		 at->it.unapplied, max_lag);
	return buf;
}

/* ---- answering ---- */

static void answer(struct web_request *req, const struct place *at,
		   const char *why)
{
	const struct daemon_view *view = web_view(req->web);
	const struct group_instance_view *it = &at->it;
	json_t *doc = json_object();

	json_object_set_new(doc, "ok", json_boolean(why == NULL));
	json_object_set_new(doc, "group",
			    api_string(view->set->services[at->service].name));
	json_object_set_new(doc, "target",
			    api_string(view->set->targets[at->target].name));
	json_object_set_new(
		doc, "epoch",
		at->group.document != NULL
			? json_integer((json_int_t)at->group.document->epoch)
			: json_null());
	json_object_set_new(doc, "role",
			    it->facts != NULL ? json_string(database_role_name(
							it->facts->role))
					      : json_null());
	json_object_set_new(doc, "lag_bytes",
			    it->behind_known && !it->primary
				    ? json_integer((json_int_t)it->unapplied)
				    : json_null());
	json_object_set_new(doc, "why",
			    why != NULL ? api_string(why) : json_null());
	web_answer_json(
		req, why == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
		doc);
}

void web_route(struct web_request *req)
{
	struct place at;

	if (find_place(req, &at))
		answer(req, &at, no_route(web_view(req->web), &at));
}

/* As Patroni takes it: bytes, or kB, MB, GB, TB of 1024. */
static bool read_lag(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kMGT";
	const char *unit;
	unsigned shift = 0;
	char *end;
	uint64_t bytes = strtoull(text, &end, 10);

	if (text[0] < '0' || text[0] > '9')
		return false;
	unit = *end != '\0' ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (strcmp(end, "") != 0 && strcmp(end, "B") != 0 &&
	    strcmp(end, "iB") != 0)
		return false;
	if (shift > 0 && bytes > UINT64_MAX >> shift)
		return false;
	*ret_bytes = bytes << shift;
	return true;
}

/* The bound that is asked for, else the group's own; UINT64_MAX: none. */
static bool max_lag(struct web_request *req, const struct place *at,
		    uint64_t *ret_bytes)
{
	const char *text = web_argument(req, "lag");

	*ret_bytes = web_view(req->web)
			     ->set->services[at->service]
			     .failover->max_lag_bytes;
	if (*ret_bytes == 0)
		*ret_bytes = UINT64_MAX;
	if (text == NULL)
		return true;
	if (!read_lag(text, ret_bytes)) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "lag: bytes are wanted, as 1048576 or 1MB");
		return false;
	}
	return true;
}

void web_replica(struct web_request *req)
{
	struct place at;
	uint64_t bytes;
	char why[100];

	if (find_place(req, &at) && max_lag(req, &at, &bytes))
		answer(req, &at, no_reads(&at, bytes, why, sizeof(why)));
}

void web_read_only(struct web_request *req)
{
	struct place at;
	uint64_t bytes;
	char why[100];

	if (!find_place(req, &at) || !max_lag(req, &at, &bytes))
		return;
	answer(req, &at,
	       no_route(web_view(req->web), &at) == NULL
		       ? NULL
		       : no_reads(&at, bytes, why, sizeof(why)));
}
