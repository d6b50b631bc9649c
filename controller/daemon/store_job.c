/* Orders and notes become jobs: rows by name. */
#include "controller/daemon/store_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_set(char *buf, const char *name)
{
	snprintf(buf, DB_NAME_MAX, "%s", name != NULL ? name : "");
}

static void fill_claim(struct row_claim *row, const struct claim *claim,
		       const struct settings *set)
{
	const struct target_settings *target = &set->targets[claim->target];
	const struct service_settings *svc = &set->services[target->service];

	name_set(row->haproxy, set->haproxies[claim->haproxy].name);
	name_set(row->backend, svc->backend);
	name_set(row->target, target->name);
	name_set(row->service, svc->name);
	row->weight_only = claim->weight_only;
	row->added = claim->added;
}

struct job *job_of_removal(const struct stored_server *server)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->kind = JOB_UNCLAIM;
	name_set(job->claim.haproxy, server->haproxy);
	name_set(job->claim.backend, server->backend);
	name_set(job->claim.target, server->target);
	return job;
}

static void fill_lost_node(struct row_incident *row, const struct incident *inc,
			   const struct cluster_settings *cluster)
{
	name_set(row->service, INCIDENT_NODE_NAME);
	if (cluster != NULL && inc->target < cluster->node_count)
		name_set(row->target, cluster->nodes[inc->target].name);
}

static void fill_incident(struct row_incident *row, const struct incident *inc,
			  const struct settings *set, const char *boot)
{
	/* A reload may have taken out what it speaks of. */
	if (inc->service == INCIDENT_NODE)
		fill_lost_node(row, inc, set->cluster);
	else if (inc->service != NOTE_NONE)
		name_set(row->service, set->services[inc->service].name);
	if (inc->service != INCIDENT_NODE && inc->target != NOTE_NONE)
		name_set(row->target, set->targets[inc->target].name);
	incident_nodes_text(inc->nodes, set->cluster, row->nodes,
			    sizeof(row->nodes));
	snprintf(row->boot, sizeof(row->boot), "%s", boot);
	row->inc = *inc;
}

static void fill_maintenance(struct row_maintenance *row,
			     const struct maintenance *maint,
			     const struct settings *set, int64_t wall_us)
{
	const struct target_settings *target;

	if (maint->target != NOTE_NONE) {
		target = &set->targets[maint->target];
		name_set(row->service, set->services[target->service].name);
		name_set(row->target, target->name);
	}
	row->on = maint->on;
	row->drain = maint->drain;
	row->until_wall_us = maint->until_wall_us;
	row->since_wall_us = wall_us;
	snprintf(row->reason, sizeof(row->reason), "%s", maint->reason);
}

static void fill_fall(struct row_fall *row, const struct fall *fall,
		      const struct settings *set, const char *boot)
{
	const struct target_settings *target = &set->targets[fall->target];

	name_set(row->service, set->services[target->service].name);
	name_set(row->target, target->name);
	snprintf(row->boot, sizeof(row->boot), "%s", boot);
	row->penalty = fall->penalty;
	row->count = fall->count;
	row->at_us = fall->at.us;
	row->wall_us = fall->wall_us;
}

static const enum job_kind order_jobs[] = {
	[STORE_CLAIM] = JOB_CLAIM,       [STORE_UNCLAIM] = JOB_UNCLAIM,
	[STORE_INCIDENT] = JOB_INCIDENT, [STORE_MAINTENANCE] = JOB_MAINTENANCE,
	[STORE_FALL] = JOB_FALL,
};

struct job *job_of_order(const struct store_order *order,
			 const struct settings *set, const char *boot,
			 int64_t wall_us)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->kind = order_jobs[order->kind];
	if (order->kind == STORE_INCIDENT)
		fill_incident(&job->incident, &order->incident, set, boot);
	else if (order->kind == STORE_MAINTENANCE)
		fill_maintenance(&job->maintenance, &order->maintenance, set,
				 wall_us);
	else if (order->kind == STORE_FALL)
		fill_fall(&job->fall, &order->fall, set, boot);
	else
		fill_claim(&job->claim, &order->claim, set);
	return job;
}

/* Copy @text behind the job; NULL stays NULL. */
static const char *string_put(char **end, const char *text)
{
	const char *at = *end;

	if (text == NULL)
		return NULL;
	*end = stpcpy(*end, text) + 1;
	return at;
}

struct job *job_of_note(const struct note *note, const struct settings *set,
			const char *boot, const char *text, const char *json)
{
	const char *service = NULL, *target = NULL, *haproxy = NULL;
	struct job *job;
	char *end;

	if (note->service < set->service_count)
		service = set->services[note->service].name;
	else if (note->service == INCIDENT_NODE)
		service = INCIDENT_NODE_NAME;
	if (note->target < set->target_count)
		target = set->targets[note->target].name;
	if (note->haproxy < set->haproxy_count)
		haproxy = set->haproxies[note->haproxy].name;
	job = calloc(1, sizeof(*job) + strlen(text) + strlen(json) +
				strlen(boot) + 3 * DB_NAME_MAX + 3);
	if (job == NULL)
		return NULL;
	end = job->strings;
	job->kind = JOB_EVENT;
	job->event = (struct row_event){
		.wall_us = note->wall_us,
		.instant_us = note->now.us,
		.level = (int)note_level(note),
		.incident = note->incident,
		.kind = note_kind_name(note->kind),
		.boot = string_put(&end, boot),
		.service = string_put(&end, service),
		.target = string_put(&end, target),
		.haproxy = string_put(&end, haproxy),
		.text = string_put(&end, text),
		.json = string_put(&end, json),
	};
	return job;
}
