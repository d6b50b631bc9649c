#include "controller/daemon/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api_group.h"
#include "controller/daemon/api_json.h"
#include "controller/daemon/log.h"

/* ---- words ---- */

int api_find_service(const struct settings *set, const char *name,
		     unsigned *ret_service)
{
	const unsigned found = settings_find_service(set, name);

	if (found == SETTINGS_NONE)
		return -ENOENT;
	*ret_service = found;
	return 0;
}

/* Whether @target is meant by @name, with or without its service. */
static bool target_called(const struct settings *set, unsigned target,
			  const char *name)
{
	const struct target_settings *t = &set->targets[target];
	const char *service = set->services[t->service].name;
	size_t n = strlen(service);

	if (strcmp(t->name, name) == 0 &&
	    set->services[t->service].readers_of == 0)
		return true;
	return strncmp(name, service, n) == 0 && name[n] == '/' &&
	       strcmp(name + n + 1, t->name) == 0;
}

static json_t *full_name(const struct settings *set, unsigned target)
{
	const struct target_settings *t = &set->targets[target];

	return json_sprintf("%s/%s", set->services[t->service].name, t->name);
}

int api_find_target(const struct settings *set, const char *name,
		    unsigned *ret_target, json_t **ret_candidates)
{
	json_t *names = json_array();
	unsigned i, found = 0;

	for (i = 0; i < set->target_count; i++) {
		if (!target_called(set, i, name))
			continue;
		json_array_append_new(names, full_name(set, i));
		if (found++ == 0)
			*ret_target = i;
	}
	if (found > 1) {
		*ret_candidates = names;
		return -EEXIST;
	}
	json_decref(names);
	return found == 1 ? 0 : -ENOENT;
}

/* ---- health ---- */

unsigned api_unjudged(const struct daemon_view *view)
{
	const struct health *h;
	unsigned i, n = 0;

	for (i = 0; i < view->set->target_count; i++) {
		if (view->set->services[view->set->targets[i].service]
			    .readers_of > 0)
			continue;
		h = ctl_target(view->ctl, i).health;
		n += !h->judged && h->state != HEALTH_MAINT;
	}
	return n;
}

/* Checks of a health document as they are added. */
struct checks {
	json_t *all; /* owned */
	bool ok;
};

static void check_add(struct checks *checks, const char *name, const char *why)
{
	json_t *check = json_object();
	bool ok = why[0] == '\0';

	json_object_set_new(check, "ok", json_boolean(ok));
	json_object_set_new(check, "why", api_string(why));
	json_object_set_new(checks->all, name, check);
	checks->ok = checks->ok && ok;
}

static void check_targets(struct checks *checks, const struct daemon_view *view,
			  bool started)
{
	unsigned n = started ? 0 : api_unjudged(view);
	char why[80] = "";

	if (n > 0)
		snprintf(why, sizeof(why),
			 "%u of %u targets were not judged yet", n,
			 view->set->target_count);
	check_add(checks, "targets", why);
}

static void check_haproxies(struct checks *checks,
			    const struct daemon_view *view)
{
	char name[SETTINGS_NAME_MAX + 16];
	struct haproxy_view h;
	unsigned i;

	for (i = 0; i < view->set->haproxy_count; i++) {
		h = ctl_haproxy(view->ctl, i);
		snprintf(name, sizeof(name), "haproxy:%s",
			 view->set->haproxies[i].name);
		check_add(checks, name,
			  h.up               ? ""
			  : h.why[0] != '\0' ? h.why
					     : "not reached yet");
	}
}

/* One node of one is a quorum; nothing known is nothing missing yet. */
static void check_quorum(struct checks *checks, const struct daemon_view *view)
{
	const struct cluster_settings *cluster = view->set->cluster;
	const struct cluster_facts *facts = &view->cluster;
	bool missing = facts->known && !facts->quorum;
	unsigned i, heard = 1;
	char why[80] = "";

	if (cluster == NULL)
		return;
	for (i = 0; i < cluster->node_count; i++)
		heard += i != cluster->self && facts->nodes[i].up;
	if (missing)
		snprintf(why, sizeof(why),
			 "%u of %u nodes, this one included, are no quorum",
			 heard, cluster->node_count);
	check_add(checks, "quorum", why);
}

static void check_loop(struct checks *checks, const struct daemon_view *view)
{
	char why[80] = "";

	if (view->lag_us > API_LAG_MAX_US)
		snprintf(why, sizeof(why), "the loop was %lld ms late",
			 (long long)(view->lag_us / MS));
	check_add(checks, "loop", why);
}

json_t *api_health(const struct daemon_view *view, enum api_probe probe,
		   bool started, bool *ret_ok)
{
	struct checks checks = { json_object(), true };
	json_t *doc;

	if (probe == API_LIVE) {
		check_loop(&checks, view);
	} else {
		check_add(&checks, "settings", "");
		check_targets(&checks, view, started);
	}
	if (probe == API_READY) {
		if (view->store != NULL)
			check_add(&checks, "store",
				  store_state(view->store).why);
		check_haproxies(&checks, view);
		check_quorum(&checks, view);
	}
	doc = json_object();
	json_object_set_new(doc, "status",
			    json_string(checks.ok ? "ok" : "failing"));
	json_object_set_new(doc, "checks", checks.all);
	*ret_ok = checks.ok;
	return doc;
}

/* ---- what happened ---- */

const char *api_incident_service(const struct settings *set,
				 const struct incident *inc)
{
	if (inc->service == INCIDENT_NODE)
		return INCIDENT_NODE_NAME;
	return set->services[inc->service].name;
}

const char *api_opener(const struct settings *set, const struct incident *inc)
{
	const struct cluster_settings *cluster = set->cluster;

	if (inc->service == INCIDENT_NODE)
		return cluster != NULL && inc->target < cluster->node_count
			       ? cluster->nodes[inc->target].name
			       : NULL;
	return inc->target < set->target_count ? set->targets[inc->target].name
					       : NULL;
}

static json_t *names_doc(const char *names)
{
	json_t *list = json_array();
	size_t length;

	for (; *names != '\0'; names += length + (names[length] == ',')) {
		length = strcspn(names, ",");
		json_array_append_new(list, json_stringn(names, length));
	}
	return list;
}

json_t *api_incident(const struct incident *inc, const char *service,
		     const char *target, const char *nodes, struct instant now)
{
	int64_t outage_us = inc->outage_us;
	json_t *doc = json_object();

	if (incident_open(inc) && !instant_is_none(inc->outage_since))
		outage_us += instant_diff_us(inc->outage_since, now);
	json_object_set_new(doc, "number", json_integer(inc->number));
	json_object_set_new(doc, "service", api_string(service));
	json_object_set_new(doc, "target",
			    target != NULL ? api_string(target) : json_null());
	json_object_set_new(doc, "severity", api_severity(inc->severity));
	json_object_set_new(doc, "open", json_boolean(incident_open(inc)));
	json_object_set_new(doc, "cause", api_result(&inc->cause));
	json_object_set_new(doc, "onset_min", api_wall(inc->onset_min_wall_us));
	json_object_set_new(doc, "onset_max", api_wall(inc->onset_max_wall_us));
	json_object_set_new(doc, "detected", api_wall(inc->detected_wall_us));
	json_object_set_new(doc, "acted", api_wall(inc->acted_wall_us));
	json_object_set_new(doc, "recovered", api_wall(inc->recovered_wall_us));
	json_object_set_new(doc, "detection_seconds",
			    api_span(incident_detection_us(inc)));
	json_object_set_new(doc, "action_seconds",
			    api_span(incident_action_us(inc)));
	json_object_set_new(doc, "recovery_seconds",
			    api_span(incident_recovery_us(inc)));
	json_object_set_new(doc, "outage_seconds", api_span(outage_us));
	json_object_set_new(doc, "targets_down_max",
			    json_integer(inc->targets_down_max));
	json_object_set_new(doc, "total", json_boolean(inc->total));
	json_object_set_new(doc, "held", json_boolean(inc->held));
	json_object_set_new(doc, "maintenance", json_boolean(inc->maintenance));
	json_object_set_new(doc, "nodes", names_doc(nodes));
	return doc;
}

json_t *api_incident_here(const struct daemon_view *view,
			  const struct incident *inc)
{
	char nodes[SETTINGS_NODES_MAX * (SETTINGS_NAME_MAX + 1) + 1];

	incident_nodes_text(inc->nodes, view->set->cluster, nodes,
			    sizeof(nodes));
	return api_incident(inc, api_incident_service(view->set, inc),
			    api_opener(view->set, inc), nodes, view->now);
}

static json_t *service_name(const struct note *note, const struct settings *set)
{
	if (note->service == INCIDENT_NODE)
		return json_string(INCIDENT_NODE_NAME);
	return note->service < set->service_count
		       ? api_string(set->services[note->service].name)
		       : json_null();
}

static void event_names(json_t *doc, const struct note *note,
			const struct settings *set)
{
	json_object_set_new(doc, "service", service_name(note, set));
	json_object_set_new(
		doc, "target",
		note->target < set->target_count
			? api_string(set->targets[note->target].name)
			: json_null());
	json_object_set_new(
		doc, "haproxy",
		note->haproxy < set->haproxy_count
			? api_string(set->haproxies[note->haproxy].name)
			: json_null());
	json_object_set_new(doc, "incident",
			    note->incident != 0 ? json_integer(note->incident)
						: json_null());
}

/* Kinds that carry a span, and those that carry evidence. */

static bool has_span(enum note_kind kind)
{
	return kind == NOTE_STALL || kind == NOTE_WITHDRAWN ||
	       kind == NOTE_INCIDENT_CLOSED || kind == NOTE_GROUP_DONE;
}

static bool has_result(const struct note *note)
{
	return (note->kind == NOTE_TARGET && note->count > 0) ||
	       note->kind == NOTE_GROUP_UNFIT ||
	       note->kind == NOTE_INCIDENT_OPENED ||
	       note->kind == NOTE_INCIDENT_RAISED ||
	       note->kind == NOTE_INCIDENT_CLOSED;
}

static json_t *event_instant(const struct note *note, struct instant when)
{
	if (instant_is_none(when))
		return json_null();
	return api_wall(note->wall_us - instant_diff_us(when, note->now));
}

static void add_node(json_t *doc, const struct note *note,
		     const struct settings *set)
{
	const struct cluster_settings *cluster = set->cluster;

	json_object_set_new(
		doc, "node",
		cluster != NULL && note->node < cluster->node_count
			? api_string(cluster->nodes[note->node].name)
			: json_null());
	json_object_set_new(doc, "term", json_integer((json_int_t)note->term));
}

char *api_event(const struct note *note, int64_t id, const struct settings *set,
		const char *text)
{
	bool moved = note->kind == NOTE_TARGET;
	json_t *doc = json_object();
	char *out;

	json_object_set_new(doc, "id", json_integer(id));
	json_object_set_new(doc, "time", api_wall(note->wall_us));
	json_object_set_new(doc, "kind",
			    json_string(note_kind_name(note->kind)));
	json_object_set_new(doc, "level",
			    json_string(log_level_name(note_level(note))));
	event_names(doc, note, set);
	json_object_set_new(doc, "from",
			    moved ? json_string(health_state_name(note->from))
				  : json_null());
	json_object_set_new(doc, "to",
			    moved ? json_string(health_state_name(note->to))
				  : json_null());
	json_object_set_new(doc, "reason", api_string(note->text));
	if (note_of_node(note->kind))
		add_node(doc, note, set);
	if (note->kind >= NOTE_GROUP_ADOPTED)
		api_group_event(doc, note, set);
	json_object_set_new(doc, "severity", api_severity(note->severity));
	json_object_set_new(doc, "count", json_integer(note->count));
	json_object_set_new(doc, "seconds",
			    has_span(note->kind) ? api_span(note->span_us)
						 : json_null());
	json_object_set_new(doc, "onset_min",
			    event_instant(note, note->onset_min));
	json_object_set_new(doc, "onset_max",
			    event_instant(note, note->onset_max));
	json_object_set_new(doc, "result",
			    has_result(note) ? api_result(&note->result)
					     : json_null());
	json_object_set_new(doc, "text", api_string(text));
	out = json_dumps(doc, API_DUMP);
	json_decref(doc);
	return out;
}
