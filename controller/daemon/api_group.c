#include "controller/daemon/api_group.h"

#include "controller/daemon/api.h"
#include "controller/daemon/api_json.h"

const char *api_phase_name(enum phase phase)
{
	static const char *const names[] = {
		[PHASE_STEADY] = "steady",
		[PHASE_FENCING] = "fencing",
		[PHASE_PROMOTING] = "promoting",
	};

	return names[phase];
}

bool api_decides(const struct daemon_view *view)
{
	const struct cluster_settings *cluster = view->set->cluster;

	return cluster == NULL ||
	       (view->cluster.known && view->cluster.primary == cluster->self);
}

static const char *mode_name(enum failover_mode mode)
{
	static const char *const names[] = {
		[FAILOVER_OBSERVE] = "observe",
		[FAILOVER_MANUAL] = "manual",
		[FAILOVER_AUTOMATIC] = "automatic",
	};

	return names[mode];
}

static json_t *name_doc(const struct daemon_view *view, unsigned target)
{
	return target == NOTE_NONE
		       ? json_null()
		       : api_string(view->set->targets[target].name);
}

static json_t *text_doc(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : api_string(text);
}

static void decided(json_t *doc, const struct document_group *group)
{
	json_object_set_new(doc, "epoch",
			    json_integer((json_int_t)group->epoch));
	json_object_set_new(doc, "phase",
			    json_string(api_phase_name(group->phase)));
	json_object_set_new(doc, "primary", text_doc(group->primary));
	json_object_set_new(doc, "leaving", text_doc(group->leaving));
	json_object_set_new(doc, "reason", text_doc(group->reason));
	json_object_set_new(doc, "since", api_wall(group->since_wall_us));
}

json_t *api_group(const struct daemon_view *view, unsigned service)
{
	/* What a group is before anything was decided. */
	static const struct document_group nothing = { .epoch = 0 };
	const struct failover_settings *set =
		view->set->services[service].failover;
	struct ctl_group_view group;
	json_t *doc;

	if (!ctl_group_look(view->ctl, service, &group))
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "mode", json_string(mode_name(set->mode)));
	json_object_set_new(doc, "durability",
			    json_string(set->durability == DURABILITY_NO_LOSS
						? "no-loss"
						: "availability"));
	decided(doc, group.document != NULL ? group.document : &nothing);
	if (group.document == NULL)
		json_object_set_new(doc, "phase", json_null());
	json_object_set_new(doc, "routed", name_doc(view, group.routed));
	json_object_set_new(doc, "busy", json_boolean(group.busy));
	json_object_set_new(doc, "held", text_doc(group.held));
	return doc;
}

/* ---- an instance ---- */

static json_t *source_doc(const struct database_facts *facts)
{
	if (facts->source_host[0] == '\0')
		return json_null();
	return json_sprintf("%s:%u", facts->source_host,
			    (unsigned)facts->source_port);
}

static json_t *count_doc(uint64_t count)
{
	return json_integer((json_int_t)count);
}

/* A replica that its primary's commits wait for. */
static bool is_synchronous(const struct daemon_view *view, unsigned target,
			   const struct database_facts *facts)
{
	const struct database_facts *source;
	struct ctl_group_view group;
	unsigned i;

	if (!ctl_group_look(view->ctl, view->set->targets[target].service,
			    &group) ||
	    group.primary == NOTE_NONE || group.primary == target)
		return false;
	source = ctl_facts(view->ctl, group.primary);
	for (i = 0; source != NULL && i < source->replica_count &&
		    i < DATABASE_REPLICAS_MAX;
	     i++)
		if (settings_text_same(source->replicas[i].name, facts->name))
			return source->replicas[i].streaming &&
			       source->replicas[i].synchronous;
	return false;
}

static void replication(json_t *doc, const struct group_instance_view *it)
{
	const struct database_facts *facts = it->facts;
	bool replica = facts->role == DATABASE_REPLICA;

	json_object_set_new(doc, "source", source_doc(facts));
	json_object_set_new(doc, "source_up",
			    replica ? json_boolean(facts->source_up)
				    : json_null());
	json_object_set_new(doc, "follows", json_boolean(it->follows));
	json_object_set_new(doc, "lag_bytes",
			    replica && it->behind_known ? count_doc(it->behind)
							: json_null());
	json_object_set_new(doc, "lag_seconds",
			    replica ? api_span(facts->lag_us) : json_null());
	json_object_set_new(doc, "replicas",
			    replica ? json_null()
				    : json_integer(facts->replica_count));
}

json_t *api_database(const struct daemon_view *view, unsigned target)
{
	struct group_instance_view it;
	json_t *doc;

	if (!ctl_instance_look(view->ctl, target, &it) || it.facts == NULL)
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "role",
			    json_string(database_role_name(it.facts->role)));
	json_object_set_new(doc, "primary", json_boolean(it.primary));
	json_object_set_new(doc, "writable", json_boolean(it.facts->writable));
	json_object_set_new(doc, "loading", json_boolean(it.facts->loading));
	json_object_set_new(doc, "timeline",
			    count_doc(it.facts->received.timeline));
	json_object_set_new(doc, "received",
			    count_doc(it.facts->received.offset));
	json_object_set_new(doc, "applied",
			    count_doc(it.facts->applied.offset));
	json_object_set_new(doc, "history", text_doc(it.facts->history));
	json_object_set_new(
		doc, "synchronous",
		json_boolean(is_synchronous(view, target, it.facts)));
	json_object_set_new(
		doc, "reads",
		json_boolean(ctl_instance_reads(view->ctl, target)));
	replication(doc, &it);
	return doc;
}

json_t *api_unfit(const struct daemon_view *view, unsigned target)
{
	unsigned service = view->set->targets[target].service;
	unsigned i = target - view->set->services[service].first_target;
	struct ctl_group_view group;
	enum plan_reject reject;

	/* Before there is a primary nobody is to succeed it. */
	if (!ctl_group_look(view->ctl, service, &group) ||
	    group.document == NULL)
		return json_null();
	reject = ctl_group_plan(view->ctl, service, NOTE_NONE).reject[i];
	return reject == PLAN_FIT || reject == PLAN_IS_LEFT
		       ? json_null()
		       : json_string(plan_reject_text(reject));
}

json_t *api_door(const struct daemon_view *view, unsigned target)
{
	const struct door_fact *door =
		cluster_facts_door(&view->cluster, target);
	int64_t left_us;
	json_t *doc;

	if (door == NULL)
		return json_null();
	left_us = door_left_us(door, view->now);
	doc = json_object();
	json_object_set_new(doc, "guarded", json_boolean(door->guarded));
	json_object_set_new(doc, "open",
			    json_boolean(!door->guarded || left_us > 0));
	json_object_set_new(doc, "left_seconds",
			    api_span(left_us > 0 ? left_us : -1));
	return doc;
}

/* ---- a plan ---- */

static json_t *candidate_doc(const struct daemon_view *view,
			     const struct plan *plan, unsigned first,
			     unsigned i)
{
	const struct target_settings *target = &view->set->targets[first + i];
	const struct database_facts *facts = ctl_facts(view->ctl, first + i);
	bool fit = plan->reject[i] == PLAN_FIT;
	json_t *doc = json_object();

	json_object_set_new(doc, "name", api_string(target->name));
	json_object_set_new(doc, "priority", json_integer(target->priority));
	json_object_set_new(doc, "timeline",
			    facts != NULL ? count_doc(facts->received.timeline)
					  : json_null());
	json_object_set_new(doc, "position",
			    facts != NULL ? count_doc(facts->received.offset)
					  : json_null());
	json_object_set_new(doc, "behind_bytes",
			    facts != NULL && plan->behind_known
				    ? count_doc(plan->behind[i])
				    : json_null());
	json_object_set_new(doc, "fit", json_boolean(fit));
	json_object_set_new(doc, "chosen", json_boolean(plan->successor == i));
	json_object_set_new(
		doc, "why",
		fit ? json_null()
		    : json_string(plan_reject_text(plan->reject[i])));
	return doc;
}

static void add_step(json_t *list, const char *what, int64_t deadline_us)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "step", json_string(what));
	json_object_set_new(doc, "deadline_seconds",
			    api_span(deadline_us > 0 ? deadline_us : -1));
	json_array_append_new(list, doc);
}

/* How long a node may route that no longer hears the others. */
static int64_t routing_lease_us(const struct settings *set)
{
	return set->cluster == NULL ? 0 : set->cluster->routing_lease_us;
}

static json_t *steps_doc(const struct daemon_view *view,
			 const struct failover_settings *set)
{
	json_t *list = json_array();

	add_step(list, "fence: decide that the primary is left", 0);
	add_step(list, "fence: every HAProxy routes to nobody, sessions end",
		 routing_lease_us(view->set));
	add_step(list, "fence: tell the primary to take no more writes",
		 GROUP_FENCE_US);
	add_step(list, "catch up: the successor applies all of it",
		 GROUP_CATCH_UP_US);
	add_step(list, "commit: decide on the successor, with the next epoch",
		 0);
	add_step(list, "promote: the successor becomes the primary",
		 set->promote_timeout_us);
	add_step(list, "verify: it takes a write", set->promote_timeout_us);
	add_step(list, "route: every HAProxy routes to it", 0);
	add_step(list, "repoint: the others follow it", GROUP_RETRY_US);
	return list;
}

json_t *api_plan(const struct daemon_view *view, unsigned service, unsigned to)
{
	const struct service_settings *svc = &view->set->services[service];
	struct plan plan = ctl_group_plan(view->ctl, service, to);
	json_t *doc = json_object(), *list = json_array();
	struct ctl_group_view group;
	unsigned i;

	ctl_group_look(view->ctl, service, &group);
	for (i = 0; i < svc->target_count; i++)
		if (svc->first_target + i != group.primary)
			json_array_append_new(
				list, candidate_doc(view, &plan,
						    svc->first_target, i));
	json_object_set_new(doc, "group", api_string(svc->name));
	json_object_set_new(doc, "epoch",
			    group.document == NULL
				    ? json_null()
				    : count_doc(group.document->epoch));
	json_object_set_new(doc, "primary", name_doc(view, group.primary));
	json_object_set_new(
		doc, "successor",
		plan.successor == PLAN_NOBODY
			? json_null()
			: name_doc(view, svc->first_target + plan.successor));
	json_object_set_new(doc, "candidates", list);
	json_object_set_new(doc, "steps", steps_doc(view, svc->failover));
	return doc;
}

/* ---- an event ---- */

static json_t *instance_doc(const struct settings *set, uint32_t target)
{
	return target < set->target_count
		       ? api_string(set->targets[target].name)
		       : json_null();
}

void api_group_event(json_t *doc, const struct note *note,
		     const struct settings *set)
{
	const struct note_group *group = &note->group;
	json_t *steps;

	json_object_set_new(doc, "from", instance_doc(set, group->from));
	json_object_set_new(doc, "to", instance_doc(set, group->to));
	json_object_set_new(doc, "epoch", count_doc(note->term));
	json_object_set_new(doc, "planned", json_boolean(note->count != 0));
	if (note->kind != NOTE_GROUP_DONE)
		return;
	steps = json_object();
	json_object_set_new(steps, "withdrawn_seconds",
			    api_span(group->withdrawn_us));
	json_object_set_new(steps, "frozen_seconds",
			    api_span(group->frozen_us));
	json_object_set_new(steps, "promoted_seconds",
			    api_span(group->promoted_us));
	json_object_set_new(doc, "steps", steps);
	json_object_set_new(doc, "lost_bytes_estimate",
			    group->loss_known ? count_doc(group->loss_bytes)
					      : json_null());
	json_object_set_new(doc, "lost_bytes_most",
			    group->loss_most_known ? count_doc(group->loss_most)
						   : json_null());
}
