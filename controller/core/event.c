#include "controller/core/event.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const event_kinds[EVENT_KINDS] = {
	[EVENT_START] = "START",
	[EVENT_DEADLINE] = "DEADLINE",
	[EVENT_EVIDENCE] = "EVIDENCE",
	[EVENT_HINT] = "HINT",
	[EVENT_DATABASE] = "DATABASE",
	[EVENT_HAPROXY_SEEN] = "HAPROXY_SEEN",
	[EVENT_ACTION_DONE] = "ACTION_DONE",
	[EVENT_ACTION_FAILED] = "ACTION_FAILED",
	[EVENT_INTERRUPTED] = "INTERRUPTED",
	[EVENT_ADMIN] = "ADMIN",
	[EVENT_SETTINGS] = "SETTINGS",
	[EVENT_OBSERVED] = "OBSERVED",
	[EVENT_PRIMARY] = "PRIMARY",
	[EVENT_INCIDENTS] = "INCIDENTS",
	[EVENT_PEERS] = "PEERS",
	[EVENT_SELF] = "SELF",
	[EVENT_DOCUMENT] = "DOCUMENT",
	[EVENT_WITHDRAWN] = "WITHDRAWN",
	[EVENT_ROUTE] = "ROUTE",
	[EVENT_STOP] = "STOP",
};

static const char *const hint_kinds[HINT_KINDS] = {
	[HINT_TETHER_CLOSED] = "tether_closed",
	[HINT_TETHER_RESET] = "tether_reset",
	[HINT_PROCESS_GONE] = "process_gone",
	[HINT_UNIT_DOWN] = "unit_down",
	[HINT_HAPROXY_ERRORS] = "haproxy_errors",
	[HINT_HAPROXY_5XX] = "haproxy_5xx",
	[HINT_HAPROXY_PENDING] = "haproxy_pending",
};

static const char *const action_kinds[ACTION_KINDS] = {
	[ACTION_CHECK] = "CHECK",     [ACTION_HAPROXY] = "HAPROXY",
	[ACTION_HOOK] = "HOOK",       [ACTION_DECIDE] = "DECIDE",
	[ACTION_ROUTED] = "ROUTED",   [ACTION_DATABASE] = "DATABASE",
	[ACTION_STORE] = "STORE",     [ACTION_NOTE] = "NOTE",
	[ACTION_OBSERVE] = "OBSERVE", [ACTION_FOUND] = "FOUND",
	[ACTION_REPLY] = "REPLY",
};

static const char *const server_states[] = {
	[SERVER_UNKNOWN] = "UNKNOWN", [SERVER_ABSENT] = "ABSENT",
	[SERVER_READY] = "READY",     [SERVER_DRAIN] = "DRAIN",
	[SERVER_MAINT] = "MAINT",
};

static const char *const store_kinds[] = {
	[STORE_CLAIM] = "claim",       [STORE_UNCLAIM] = "unclaim",
	[STORE_INCIDENT] = "incident", [STORE_MAINTENANCE] = "maintenance",
	[STORE_FALL] = "fall",
};

const char *event_kind_name(enum event_kind kind)
{
	return event_kinds[kind];
}

const char *hint_kind_name(enum hint_kind kind)
{
	return hint_kinds[kind];
}

const char *action_kind_name(enum action_kind kind)
{
	return action_kinds[kind];
}

const char *server_state_name(enum server_state state)
{
	return server_states[state];
}

static const char *target_name(const struct settings *set, unsigned target)
{
	return target < set->target_count ? set->targets[target].name : "node";
}

static const char *haproxy_name(const struct settings *set, unsigned haproxy)
{
	return haproxy < set->haproxy_count ? set->haproxies[haproxy].name
					    : "?";
}

static void seen_text(const struct haproxy_seen *seen,
		      const struct settings *set, char *buf, size_t size)
{
	const char *name = haproxy_name(set, seen->haproxy);

	if (seen->kind == HAPROXY_LINK_UP)
		snprintf(buf, size, "%s up%s", name,
			 seen->fresh ? " fresh" : "");
	else if (seen->kind == HAPROXY_LINK_DOWN)
		snprintf(buf, size, "%s down %s", name, seen->text);
	else
		snprintf(buf, size, "%s %s %s %u%%%s%s%s%s", name,
			 target_name(set, seen->target),
			 server_state_name(seen->state), seen->weight_percent,
			 seen->agent ? " agent" : "",
			 seen->theirs ? " theirs" : "",
			 seen->stopped ? " stopped" : "",
			 seen->misplaced ? " misplaced" : "");
}

static void self_text(const struct self_facts *facts, char *buf, size_t size)
{
	snprintf(buf, size,
		 "lag %" PRId64 " us, canary %" PRId64
		 " us, cpu %u%%, memory %u%%, io %u%%, loss %u%%%s",
		 facts->lag_us, facts->canary_us, facts->cpu_percent,
		 facts->memory_percent, facts->io_percent, facts->loss_percent,
		 facts->carrier_lost ? ", no carrier" : "");
}

const char *event_text(const struct event *ev, const struct settings *set,
		       char *buf, size_t size)
{
	char more[RESULT_TEXT_MAX + 160] = "", res[RESULT_TEXT_MAX + 60];

	switch (ev->kind) {
	case EVENT_EVIDENCE:
		snprintf(more, sizeof(more), "%s %s",
			 target_name(set, ev->evidence.target),
			 result_text(&ev->evidence.result, res, sizeof(res)));
		break;
	case EVENT_HINT:
		snprintf(more, sizeof(more), "%s %s %d",
			 target_name(set, ev->hint.target),
			 hint_kind_name(ev->hint.kind), ev->hint.error);
		break;
	case EVENT_ROUTE:
		snprintf(more, sizeof(more), "%s to %s", ev->route.group,
			 ev->route.instance);
		break;
	case EVENT_WITHDRAWN:
		snprintf(more, sizeof(more), "%s", ev->withdrawn);
		break;
	case EVENT_DATABASE:
		snprintf(more, sizeof(more), "%s %s %" PRIx64 "/%" PRIx64,
			 target_name(set, ev->database.target),
			 database_role_name(ev->database.facts->role),
			 ev->database.facts->applied.timeline,
			 ev->database.facts->applied.offset);
		break;
	case EVENT_HAPROXY_SEEN:
		seen_text(&ev->haproxy, set, more, sizeof(more));
		break;
	case EVENT_ACTION_DONE:
	case EVENT_ACTION_FAILED:
		snprintf(more, sizeof(more), "%" PRIx64 " %s%s", ev->action.id,
			 ev->action.text, ev->action.parted ? " (parted)" : "");
		break;
	case EVENT_INTERRUPTED:
		snprintf(more, sizeof(more), "%s",
			 target_name(set, ev->interrupted));
		break;
	case EVENT_OBSERVED:
		snprintf(more, sizeof(more), "node %u, %u targets",
			 ev->observed.node, ev->observed.count);
		break;
	case EVENT_PEERS:
		snprintf(more, sizeof(more), "%x", (unsigned)ev->heard);
		break;
	case EVENT_PRIMARY:
		snprintf(more, sizeof(more), "node %d, term %" PRIu64 "%s",
			 (int)ev->primary.primary, ev->primary.term,
			 ev->primary.whole ? ", whole" : "");
		break;
	case EVENT_INCIDENTS:
		snprintf(more, sizeof(more), "%u", ev->incidents.count);
		break;
	case EVENT_SELF:
		self_text(&ev->self, more, sizeof(more));
		break;
	case EVENT_ADMIN:
		snprintf(more, sizeof(more), "%s %s",
			 ev->admin.kind == ADMIN_RESET ? "reset"
			 : ev->admin.maintenance.on    ? "maintenance on"
						       : "maintenance off",
			 target_name(set, ev->admin.maintenance.target));
		break;
	default:
		break;
	}
	snprintf(buf, size, "%" PRId64 " %s %s", ev->now.us,
		 event_kind_name(ev->kind), more);
	return buf;
}

static void store_text(const struct store_order *order,
		       const struct settings *set, char *buf, size_t size)
{
	const char *kind = store_kinds[order->kind];

	if (order->kind == STORE_INCIDENT)
		snprintf(buf, size, "%s %" PRIu32 " %s", kind,
			 order->incident.number,
			 incident_open(&order->incident) ? "open" : "closed");
	else if (order->kind == STORE_MAINTENANCE)
		snprintf(buf, size, "%s %s %s", kind,
			 target_name(set, order->maintenance.target),
			 order->maintenance.on ? "on" : "off");
	else if (order->kind == STORE_FALL)
		snprintf(buf, size, "%s %s %" PRIu32 " x%" PRIu32, kind,
			 target_name(set, order->fall.target),
			 order->fall.penalty, order->fall.count);
	else
		snprintf(buf, size, "%s %s %s%s%s", kind,
			 haproxy_name(set, order->claim.haproxy),
			 target_name(set, order->claim.target),
			 order->claim.weight_only ? " weight" : "",
			 order->claim.added ? " added" : "");
}

const char *action_text(const struct action *act, const struct settings *set,
			char *buf, size_t size)
{
	char more[400] = "";

	switch (act->kind) {
	case ACTION_CHECK:
		snprintf(more, sizeof(more), "%s within %" PRId64 " us%s",
			 target_name(set, act->check.target),
			 act->check.timeout_us,
			 act->check.fresh ? " fresh" : "");
		break;
	case ACTION_HAPROXY:
		snprintf(more, sizeof(more), "%s %s %s %u%%%s%s%s",
			 haproxy_name(set, act->haproxy.haproxy),
			 target_name(set, act->haproxy.target),
			 server_state_name(act->haproxy.state),
			 act->haproxy.weight_percent,
			 act->haproxy.agent ? " agent" : "",
			 act->haproxy.end_sessions ? " end sessions" : "",
			 act->haproxy.add ? " add" : "");
		break;
	case ACTION_STORE:
		store_text(&act->store, set, more, sizeof(more));
		break;
	case ACTION_NOTE:
		note_text(&act->note, set, more, sizeof(more));
		break;
	case ACTION_HOOK:
		snprintf(more, sizeof(more), "%d %s %" PRIu64, act->hook.hook,
			 target_name(set, act->hook.target), act->hook.epoch);
		break;
	case ACTION_DECIDE:
		snprintf(more, sizeof(more), "%s %" PRIu64 " %s %d",
			 act->decide.name, act->decide.epoch,
			 act->decide.primary, act->decide.phase);
		break;
	case ACTION_ROUTED:
		snprintf(more, sizeof(more), "%d", act->routed.done);
		break;
	case ACTION_DATABASE:
		snprintf(more, sizeof(more), "%s %s %" PRIu64,
			 target_name(set, act->database.target),
			 database_order_name(act->database.kind),
			 act->database.epoch);
		break;
	case ACTION_OBSERVE:
		snprintf(more, sizeof(more), "%s",
			 target_name(set, act->observe.target));
		break;
	case ACTION_FOUND:
		snprintf(more, sizeof(more), "%s",
			 target_name(set, act->found.target));
		break;
	default:
		snprintf(more, sizeof(more), "%d %s", act->reply.error,
			 act->reply.text);
		break;
	}
	snprintf(buf, size, "%s %s", action_kind_name(act->kind), more);
	return buf;
}
