/* The status document, made piece by piece. */
#include "controller/daemon/api.h"

#include "controller/core/worst.h"
#include "controller/daemon/api_cluster.h"
#include "controller/daemon/api_group.h"
#include "controller/daemon/api_json.h"
#include "controller/daemon/window.h"

/* ---- a service ---- */

enum standing { WELL, UNKNOWN, DEGRADED, OUTAGE };

static const char *const standing_names[] = {
	[WELL] = "well",
	[UNKNOWN] = "unknown",
	[DEGRADED] = "degraded",
	[OUTAGE] = "outage",
};

static enum standing service_standing(const struct daemon_view *view,
				      unsigned service)
{
	const struct service_settings *svc = &view->set->services[service];
	struct service_view s = ctl_service(view->ctl, service);
	unsigned i, unknown = 0;
	const struct health *h;
	bool poor = false;

	for (i = 0; i < svc->target_count; i++) {
		h = ctl_target(view->ctl, svc->first_target + i).health;
		unknown += h->state == HEALTH_UNKNOWN || !h->judged;
		poor = poor || h->state == HEALTH_DOWN ||
		       h->state == HEALTH_RECOVERING ||
		       h->state == HEALTH_DEGRADED;
	}
	/* Without a verdict nobody is taken for down: incidents do not either.
	 */
	if (s.serving + unknown < (svc->min_up > 0 ? svc->min_up : 1))
		return svc->readers_of > 0 ? DEGRADED : OUTAGE;
	if (poor || s.incident != NULL || s.excused > 0)
		return DEGRADED;
	return unknown > 0 ? UNKNOWN : WELL;
}

static void service_figures(json_t *doc, const struct daemon_view *view,
			    unsigned service)
{
	const struct window_figures *fig =
		window_service(view->window, service, view->now, view->wall_us);

	json_object_set_new(doc, "availability",
			    fig->availability < 0
				    ? json_null()
				    : json_real(fig->availability));
	json_object_set_new(doc, "incidents_in_window",
			    json_integer(fig->incidents));
	json_object_set_new(doc, "mttd_seconds", api_span(fig->mttd_us));
	json_object_set_new(doc, "mttr_seconds", api_span(fig->mttr_us));
	json_object_set_new(doc, "mtbf_seconds", api_span(fig->mtbf_us));
	json_object_set_new(doc, "window_seconds", api_span(fig->observed_us));
}

static json_t *worst_doc(const struct check_settings *check)
{
	struct worst worst = worst_of(check);
	json_t *doc = json_object();

	json_object_set_new(doc, "refused_seconds", api_span(worst.refused_us));
	json_object_set_new(doc, "answer_seconds", api_span(worst.answer_us));
	json_object_set_new(doc, "silence_seconds", api_span(worst.silence_us));
	json_object_set_new(doc, "listener_seconds",
			    api_span(worst.listener_us));
	json_object_set_new(doc, "strained_seconds",
			    api_span(worst.strained_us));
	return doc;
}

static json_t *objective_doc(const struct objective *obj)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "availability",
			    obj->availability_percent > 0
				    ? json_real(obj->availability_percent / 100)
				    : json_null());
	json_object_set_new(doc, "mttd_seconds",
			    api_span(obj->mttd_us > 0 ? obj->mttd_us : -1));
	json_object_set_new(doc, "mttr_seconds",
			    api_span(obj->mttr_us > 0 ? obj->mttr_us : -1));
	return doc;
}

static json_t *service_doc(const struct daemon_view *view, unsigned service)
{
	const struct service_settings *svc = &view->set->services[service];
	struct service_view s = ctl_service(view->ctl, service);
	enum standing standing = service_standing(view, service);
	json_t *doc = json_object();

	json_object_set_new(doc, "name", api_string(svc->name));
	json_object_set_new(doc, "state",
			    json_string(standing_names[standing]));
	json_object_set_new(doc, "check",
			    json_string(check_type_name(svc->check.type)));
	json_object_set_new(doc, "backend",
			    svc->backend != NULL ? api_string(svc->backend)
						 : json_null());
	json_object_set_new(doc, "targets_total",
			    json_integer(svc->target_count));
	json_object_set_new(doc, "serving", json_integer(s.serving));
	json_object_set_new(doc, "down", json_integer(s.down));
	json_object_set_new(doc, "maint", json_integer(s.maint));
	json_object_set_new(doc, "min_up", json_integer(svc->min_up));
	json_object_set_new(doc, "panic", json_boolean(s.panic));
	json_object_set_new(doc, "excused", json_integer(s.excused));
	json_object_set_new(
		doc, "root",
		s.root != NOTE_NONE
			? api_string(view->set->services[s.root].name)
			: json_null());
	json_object_set_new(doc, "severity",
			    api_severity(s.incident != NULL
						 ? s.incident->severity
						 : (enum severity)0));
	json_object_set_new(doc, "incident",
			    s.incident != NULL
				    ? json_integer(s.incident->number)
				    : json_null());
	service_figures(doc, view, service);
	json_object_set_new(doc, "worst_detection", worst_doc(&svc->check));
	json_object_set_new(doc, "objective", objective_doc(&svc->objective));
	json_object_set_new(doc, "group", api_group(view, service));
	json_object_set_new(
		doc, "readers_of",
		svc->readers_of > 0
			? api_string(
				  view->set->services[svc->readers_of - 1].name)
			: json_null());
	return doc;
}

/* ---- the node ---- */

/* By which way servers are withdrawn there: as far as it shows any. */
static const char *mode_name(const struct haproxy_view *h)
{
	if (!h->up || h->servers == 0)
		return "unknown";
	if (h->agents == 0)
		return "maint";
	return h->agents == h->servers ? "agent" : "mixed";
}

static json_t *haproxies_doc(const struct daemon_view *view)
{
	json_t *list = json_array(), *doc;
	const struct haproxy_settings *set;
	struct haproxy_view h;
	unsigned i;

	for (i = 0; i < view->set->haproxy_count; i++) {
		set = &view->set->haproxies[i];
		h = ctl_haproxy(view->ctl, i);
		doc = json_object();
		json_object_set_new(doc, "name", api_string(set->name));
		json_object_set_new(
			doc, "address",
			set->socket != NULL
				? api_string(set->socket)
				: json_sprintf("%s:%u", set->host,
					       (unsigned)set->port));
		json_object_set_new(doc, "up", json_boolean(h.up));
		json_object_set_new(doc, "why", api_string(h.up ? "" : h.why));
		json_object_set_new(doc, "commands",
				    json_integer((json_int_t)h.commands));
		json_object_set_new(doc, "failures",
				    json_integer((json_int_t)h.failures));
		json_object_set_new(doc, "drifts",
				    json_integer((json_int_t)h.drifts));
		json_object_set_new(doc, "absent", json_integer(h.absent));
		json_object_set_new(doc, "differing",
				    json_integer(h.differing));
		json_object_set_new(doc, "mode", json_string(mode_name(&h)));
		json_object_set_new(doc, "agents", json_integer(h.agents));
		json_array_append_new(list, doc);
	}
	return list;
}

/* The services that suffer from it. */
static json_t *affected_doc(const struct daemon_view *view, unsigned root)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < view->set->service_count; i++)
		if (view->set->services[i].depends_count > 0 &&
		    ctl_service(view->ctl, i).root == root)
			json_array_append_new(
				list, api_string(view->set->services[i].name));
	return list;
}

static json_t *incidents_doc(const struct daemon_view *view)
{
	json_t *list = json_array();
	const struct incident *inc;
	json_t *doc;
	unsigned i;

	inc = ctl_incident(view->ctl, INCIDENT_NODE);
	if (inc != NULL)
		json_array_append_new(list, api_incident_here(view, inc));
	for (i = 0; i < view->set->service_count; i++) {
		inc = ctl_incident(view->ctl, i);
		if (inc == NULL)
			continue;
		doc = api_incident_here(view, inc);
		json_object_set_new(doc, "affected", affected_doc(view, i));
		json_array_append_new(list, doc);
	}
	return list;
}

static json_t *store_doc(const struct daemon_view *view)
{
	struct store_state state;
	json_t *doc;

	if (view->store == NULL)
		return json_null();
	state = store_state(view->store);
	doc = json_object();
	json_object_set_new(doc, "ok", json_boolean(state.ok));
	json_object_set_new(doc, "why", api_string(state.why));
	json_object_set_new(doc, "path", api_string(state.path));
	json_object_set_new(doc, "queue", json_integer(state.queue));
	json_object_set_new(doc, "dropped",
			    json_integer((json_int_t)state.dropped));
	return doc;
}

static json_t *stall_doc(const struct daemon_view *view)
{
	int64_t span_us = 0;
	struct instant at = ctl_last_stall(view->ctl, &span_us);
	json_t *doc;

	if (instant_is_none(at))
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "at", api_wall_at(view, at));
	json_object_set_new(doc, "seconds", api_span(span_us));
	return doc;
}

static json_t *doubt_doc(const struct daemon_view *view)
{
	struct doubt_view doubt = ctl_doubt(view->ctl);
	json_t *doc;

	if (doubt.level == SELF_FINE)
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "level",
			    json_string(self_doubt_name(doubt.level)));
	json_object_set_new(doc, "why", api_string(doubt.why));
	json_object_set_new(doc, "since", api_wall_at(view, doubt.since));
	json_object_set_new(doc, "patience", json_integer(doubt.patience));
	json_object_set_new(
		doc, "acts",
		json_boolean(doubt.level != SELF_SICK || doubt.spent));
	return doc;
}

/* "store: the disk is full" for each check of /readyz that fails. */
static json_t *not_ready_doc(json_t *health)
{
	json_t *list = json_array(), *check;
	const char *name;

	json_object_foreach(json_object_get(health, "checks"), name, check)
	{
		if (!json_is_true(json_object_get(check, "ok")))
			json_array_append_new(
				list,
				json_sprintf("%s: %s", name,
					     json_string_value(json_object_get(
						     check, "why"))));
	}
	return list;
}

static enum standing node_standing(const struct daemon_view *view, bool ready)
{
	enum standing worst = WELL, standing;
	unsigned i;

	if (!ready || !api_cluster_well(view))
		worst = DEGRADED;

	for (i = 0; i < view->set->service_count; i++) {
		standing = service_standing(view, i);
		if (standing == UNKNOWN)
			standing = DEGRADED;
		if (standing > worst)
			worst = standing;
	}
	return worst;
}

static json_t *node_doc(const struct daemon_view *view, bool started)
{
	json_t *doc = json_object();
	bool ready = false;
	json_t *health = api_health(view, API_READY, started, &ready);
	enum standing standing = node_standing(view, ready);

	json_object_set_new(doc, "node", api_string(view->set->node));
	json_object_set_new(doc, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(doc, "time", api_wall(view->wall_us));
	json_object_set_new(doc, "started", api_wall(view->started_wall_us));
	json_object_set_new(
		doc, "uptime_seconds",
		api_span(instant_diff_us(view->started, view->now)));
	json_object_set_new(doc, "ready", json_boolean(ready));
	json_object_set_new(doc, "not_ready", not_ready_doc(health));
	json_object_set_new(doc, "summary",
			    json_string(standing_names[standing]));
	json_object_set_new(doc, "loop_lag_seconds", api_span(view->lag_us));
	json_object_set_new(doc, "stall", stall_doc(view));
	json_object_set_new(doc, "self_doubt", doubt_doc(view));
	json_object_set_new(doc, "maintenance",
			    api_maintenance(view, ctl_maintenance(view->ctl)));
	json_object_set_new(doc, "store", store_doc(view));
	json_object_set_new(doc, "cluster", api_cluster(view));
	json_object_set_new(doc, "haproxies", haproxies_doc(view));
	json_object_set_new(doc, "incidents", incidents_doc(view));
	json_decref(health);
	return doc;
}

/* ---- pieces ---- */

enum { STEP_NODE, STEP_SERVICE, STEP_TARGET, STEP_END };

/* Add @doc; with @key, as an object that is left open for one more member, a
 * list of that name. */
static void put_doc(struct buffer *to, json_t *doc, const char *key)
{
	api_dump(doc, to);
	if (key == NULL || to->used == 0)
		return;
	to->used--; /* the closing brace */
	buffer_printf(to, ",\"%s\":[", key);
}

static void service_piece(struct api_status *st, struct buffer *to)
{
	if (st->service == st->view->set->service_count) {
		buffer_add(to, "]}");
		st->step = STEP_END;
		return;
	}
	if (st->service > 0)
		buffer_add(to, ",");
	put_doc(to, service_doc(st->view, st->service), "targets");
	st->target = 0;
	st->step = STEP_TARGET;
}

static void target_piece(struct api_status *st, struct buffer *to)
{
	const struct service_settings *svc =
		&st->view->set->services[st->service];

	if (st->target == svc->target_count) {
		buffer_add(to, "]}");
		st->service++;
		st->step = STEP_SERVICE;
		return;
	}
	if (st->target > 0)
		buffer_add(to, ",");
	put_doc(to, api_target(st->view, svc->first_target + st->target), NULL);
	st->target++;
}

bool api_status_piece(void *status, struct buffer *to)
{
	struct api_status *st = status;

	switch (st->step) {
	case STEP_NODE:
		put_doc(to, node_doc(st->view, st->started), "services");
		st->step = STEP_SERVICE;
		break;
	case STEP_SERVICE:
		service_piece(st, to);
		break;
	case STEP_TARGET:
		target_piece(st, to);
		break;
	default:
		return false;
	}
	return st->step != STEP_END;
}
