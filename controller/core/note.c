#include "controller/core/note.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "controller/core/incident.h"

static const struct {
	const char *name;
	enum note_level level;
} kinds[NOTE_KINDS] = {
	[NOTE_STARTED] = { "started", NOTE_INFO },
	[NOTE_STOPPING] = { "stopping", NOTE_INFO },
	[NOTE_RELOADED] = { "reloaded", NOTE_INFO },
	[NOTE_TARGET] = { "target", NOTE_NOTICE },
	[NOTE_STALL] = { "stall", NOTE_WARNING },
	[NOTE_DOUBT_BEGUN] = { "doubt_begun", NOTE_WARNING },
	[NOTE_DOUBT_SPENT] = { "doubt_spent", NOTE_WARNING },
	[NOTE_DOUBT_OVER] = { "doubt_over", NOTE_NOTICE },
	[NOTE_WITHDRAW] = { "withdraw", NOTE_NOTICE },
	[NOTE_WITHDRAWN] = { "withdrawn", NOTE_NOTICE },
	[NOTE_HELD] = { "held", NOTE_WARNING },
	[NOTE_HELD_BACK] = { "held_back", NOTE_WARNING },
	[NOTE_AFFECTED] = { "affected", NOTE_WARNING },
	[NOTE_RESET] = { "reset", NOTE_NOTICE },
	[NOTE_PANIC] = { "panic", NOTE_ERR },
	[NOTE_PANIC_OVER] = { "panic_over", NOTE_NOTICE },
	[NOTE_RESTORED] = { "restored", NOTE_NOTICE },
	[NOTE_DRIFT] = { "drift", NOTE_WARNING },
	[NOTE_OPERATOR] = { "operator", NOTE_NOTICE },
	[NOTE_OPERATOR_OVER] = { "operator_over", NOTE_NOTICE },
	[NOTE_HAPROXY_UP] = { "haproxy_up", NOTE_NOTICE },
	[NOTE_HAPROXY_DOWN] = { "haproxy_down", NOTE_ERR },
	[NOTE_HAPROXY_REFUSED] = { "haproxy_refused", NOTE_ERR },
	[NOTE_HAPROXY_ABSENT] = { "haproxy_absent", NOTE_ERR },
	[NOTE_SERVER_ADDED] = { "server_added", NOTE_NOTICE },
	[NOTE_SERVER_MOVED] = { "server_moved", NOTE_NOTICE },
	[NOTE_SERVER_REMOVED] = { "server_removed", NOTE_NOTICE },
	[NOTE_SERVER_STAYS] = { "server_stays", NOTE_ERR },
	[NOTE_SERVER_LEFT] = { "server_left", NOTE_WARNING },
	[NOTE_INCIDENT_OPENED] = { "incident_opened", NOTE_WARNING },
	[NOTE_INCIDENT_RAISED] = { "incident_raised", NOTE_ERR },
	[NOTE_INCIDENT_CLOSED] = { "incident_closed", NOTE_NOTICE },
	[NOTE_INCIDENT_MERGED] = { "incident_merged", NOTE_NOTICE },
	[NOTE_MAINTENANCE_ON] = { "maintenance_on", NOTE_NOTICE },
	[NOTE_MAINTENANCE_OFF] = { "maintenance_off", NOTE_NOTICE },
	[NOTE_STORE_FAILED] = { "store_failed", NOTE_ERR },
	[NOTE_STORE_OK] = { "store_ok", NOTE_NOTICE },
	[NOTE_CHECKS_LATE] = { "checks_late", NOTE_WARNING },
	[NOTE_NODE_STANDS] = { "node_stands", NOTE_INFO },
	[NOTE_NODE_WON] = { "node_won", NOTE_INFO },
	[NOTE_NODE_PRIMARY] = { "node_primary", NOTE_NOTICE },
	[NOTE_NODE_FOLLOWS] = { "node_follows", NOTE_INFO },
	[NOTE_NODE_STEPS_DOWN] = { "node_steps_down", NOTE_WARNING },
	[NOTE_NODE_RELEASED] = { "node_released", NOTE_NOTICE },
	[NOTE_NODE_OVERRUN] = { "node_overrun", NOTE_ERR },
	[NOTE_NODE_FAILOVER] = { "node_failover", NOTE_WARNING },
	[NOTE_NODE_SWITCHOVER] = { "node_switchover", NOTE_NOTICE },
	[NOTE_NODE_UP] = { "node_up", NOTE_NOTICE },
	[NOTE_NODE_DOWN] = { "node_down", NOTE_WARNING },
	[NOTE_NODE_MISCONFIGURED] = { "node_misconfigured", NOTE_ERR },
	[NOTE_NODE_DRIFTS] = { "node_drifts", NOTE_ERR },
	[NOTE_NODE_DISK_FAILED] = { "node_disk_failed", NOTE_ERR },
	[NOTE_NODE_DISK_OK] = { "node_disk_ok", NOTE_NOTICE },
	[NOTE_NODE_TWO_LEADERS] = { "node_two_leaders", NOTE_ERR },
	[NOTE_NODE_TROUBLE] = { "node_trouble", NOTE_ERR },
	[NOTE_NODE_ADDRESS] = { "node_address", NOTE_WARNING },
	[NOTE_NODE_KEEP] = { "cluster_maintenance", NOTE_NOTICE },
	[NOTE_GROUP_ADOPTED] = { "group_adopted", NOTE_NOTICE },
	[NOTE_GROUP_AMBIGUOUS] = { "group_ambiguous", NOTE_ERR },
	[NOTE_GROUP_HELD] = { "group_held", NOTE_WARNING },
	[NOTE_GROUP_UNFIT] = { "group_unfit", NOTE_WARNING },
	[NOTE_GROUP_BEGUN] = { "group_failover_begun", NOTE_WARNING },
	[NOTE_GROUP_PROMOTING] = { "group_promoting", NOTE_NOTICE },
	[NOTE_GROUP_NOT_PROMOTED] = { "group_not_promoted", NOTE_ERR },
	[NOTE_GROUP_DONE] = { "group_failover", NOTE_WARNING },
	[NOTE_GROUP_ABANDONED] = { "group_failover_abandoned", NOTE_WARNING },
	[NOTE_GROUP_STUCK] = { "group_stuck", NOTE_ERR },
	[NOTE_GROUP_RETURNED] = { "group_old_primary", NOTE_WARNING },
	[NOTE_GROUP_REJOINED] = { "group_rejoined", NOTE_NOTICE },
	[NOTE_GROUP_NOT_REJOINED] = { "group_not_rejoined", NOTE_ERR },
};

/* A line under construction: what does not fit is cut. */
struct line {
	char *buf;
	size_t size, used;
};

static void add(struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (l->used >= l->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->used, l->size - l->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->used += (size_t)n;
}

const char *note_kind_name(enum note_kind kind)
{
	return kinds[kind].name;
}

bool note_of_node(enum note_kind kind)
{
	return kind >= NOTE_NODE_STANDS && kind <= NOTE_NODE_KEEP;
}

enum note_level note_level(const struct note *note)
{
	if (note->kind == NOTE_TARGET && note->to == HEALTH_DOWN)
		return NOTE_WARNING;
	return kinds[note->kind].level;
}

static const char *severity_name(enum severity severity)
{
	static const char *const names[] = { "", "P1", "P2", "P3", "P4" };

	return names[severity];
}

static void add_target(struct line *l, const struct note *n,
		       const struct settings *set)
{
	const struct target_settings *t;

	if (n->target == NOTE_NONE || n->target >= set->target_count)
		return;
	t = &set->targets[n->target];
	add(l, "target %s/%s", set->services[t->service].name, t->name);
}

static const char *haproxy_name(const struct note *n,
				const struct settings *set)
{
	if (n->haproxy == NOTE_NONE || n->haproxy >= set->haproxy_count)
		return "?";
	return set->haproxies[n->haproxy].name;
}

static const char *service_name(const struct note *n,
				const struct settings *set)
{
	if (n->service == NOTE_NONE || n->service >= set->service_count)
		return "?";
	return set->services[n->service].name;
}

static void add_span(struct line *l, int64_t span_us)
{
	if (span_us < 10 * SECOND)
		add(l, "%" PRId64 ".%03" PRId64 " ms", span_us / MS,
		    span_us % MS);
	else
		add(l, "%" PRId64 ".%" PRId64 " s", span_us / SECOND,
		    span_us % SECOND / (100 * MS));
}

static void add_evidence(struct line *l, const struct note *n)
{
	char text[RESULT_TEXT_MAX + 60];

	add(l, " (%s)", result_text(&n->result, text, sizeof(text)));
}

static void add_affected(struct line *l, const struct note *n)
{
	add(l, ": reports that service %s %s down, and ", n->text,
	    n->span_us > 0 ? "was" : "is");
	if (n->span_us > 0) {
		add(l, "has ");
		add_span(l, n->span_us);
		add(l, " left to connect to it again");
	} else {
		add(l, "stays in rotation");
	}
	add(l, ": part of incident %" PRIu32, n->incident);
}

static void add_about_target(struct line *l, const struct note *n,
			     const struct settings *set)
{
	add_target(l, n, set);
	switch (n->kind) {
	case NOTE_TARGET:
		add(l, " %s -> %s: %s", health_state_name(n->from),
		    health_state_name(n->to), n->text);
		if (n->count > 0)
			add_evidence(l, n);
		break;
	case NOTE_WITHDRAW:
		add(l, ": withdrawing it from HAProxy (%s)", n->text);
		break;
	case NOTE_WITHDRAWN:
		add(l, ": out of every HAProxy, ");
		add_span(l, n->span_us);
		add(l, " after it was seen");
		break;
	case NOTE_HELD:
		add(l, ": kept in rotation: %s", n->text);
		break;
	case NOTE_RESET:
		add(l, ": reset by hand: %s", n->text);
		break;
	case NOTE_AFFECTED:
		add_affected(l, n);
		break;
	case NOTE_HELD_BACK:
		add(l, ": answers again, but is held back for ");
		add_span(l, n->span_us);
		add(l, ": %s", n->text);
		if (n->count > 1)
			add(l, ", %u withdrawals of late", n->count);
		break;
	case NOTE_RESTORED:
		add(l, ": back in every HAProxy");
		break;
	case NOTE_DRIFT:
		add(l, ": haproxy %s has it otherwise (%s); put right",
		    haproxy_name(n, set), n->text);
		break;
	case NOTE_OPERATOR:
		add(l, ": an operator took it out of haproxy %s (%s); left so",
		    haproxy_name(n, set), n->text);
		break;
	case NOTE_OPERATOR_OVER:
		add(l, ": haproxy %s has it back from its operator",
		    haproxy_name(n, set));
		break;
	case NOTE_SERVER_ADDED:
		add(l, ": added to haproxy %s, which did not know it",
		    haproxy_name(n, set));
		break;
	case NOTE_SERVER_MOVED:
		add(l, ": haproxy %s has its new address",
		    haproxy_name(n, set));
		break;
	default:
		add(l, ": haproxy %s does not know it: %s",
		    haproxy_name(n, set), n->text);
		break;
	}
}

static void add_left(struct line *l, const struct note *n)
{
	add(l,
	    ": server %s %s, and the configuration no longer has it: ", n->text,
	    n->count == LEFT_WEIGHT ? "keeps the weight of a recovery"
				    : "stays withdrawn by us");
	if (n->count == LEFT_WEIGHT)
		add(l, "`set server %s weight 100%%` undoes it", n->text);
	else
		add(l, "`set server %s %s`%s brings it back", n->text,
		    n->count == LEFT_AGENT ? "agent up" : "state ready",
		    n->count == LEFT_EITHER
			    ? " (`agent up`, if an agent check asked us)"
			    : "");
}

static void add_about_haproxy(struct line *l, const struct note *n,
			      const struct settings *set)
{
	add(l, "haproxy %s", haproxy_name(n, set));
	if (n->kind == NOTE_HAPROXY_UP)
		add(l, "%s",
		    n->count > 0 ? ": a new process answers" : ": answers");
	else if (n->kind == NOTE_HAPROXY_DOWN)
		add(l, ": does not answer: %s", n->text);
	else if (n->kind == NOTE_SERVER_REMOVED)
		add(l,
		    ": removed server %s, which the configuration no"
		    " longer has",
		    n->text);
	else if (n->kind == NOTE_SERVER_STAYS)
		add(l, ": does not remove server %s", n->text);
	else if (n->kind == NOTE_SERVER_LEFT)
		add_left(l, n);
	else
		add(l, ": refused a command: %s", n->text);
}

static const char *lost_node(const struct note *n, const struct settings *set)
{
	return set->cluster != NULL && n->node < set->cluster->node_count
		       ? set->cluster->nodes[n->node].name
		       : "?";
}

static void add_about_incident(struct line *l, const struct note *n,
			       const struct settings *set)
{
	add(l, "incident %" PRIu32 " ", n->incident);
	if (n->service == INCIDENT_NODE)
		add(l, "node %s", severity_name(n->severity));
	else
		add(l, "service %s %s", service_name(n, set),
		    severity_name(n->severity));
	if (n->kind == NOTE_INCIDENT_MERGED) {
		add(l, " is the same as incident %u", n->count);
	} else if (n->service == INCIDENT_NODE &&
		   n->kind == NOTE_INCIDENT_OPENED) {
		add(l, " opened: %s%s",
		    n->text[0] != '\0' ? n->text : "the primary is lost: ",
		    n->text[0] != '\0' ? "" : lost_node(n, set));
	} else if (n->service == INCIDENT_NODE &&
		   n->kind == NOTE_INCIDENT_RAISED) {
		add(l, " raised: %s", n->text);
	} else if (n->kind == NOTE_INCIDENT_OPENED) {
		add(l, " opened: ");
		add_target(l, n, set);
		add(l, " is down");
		add_evidence(l, n);
	} else if (n->kind == NOTE_INCIDENT_RAISED) {
		add(l, " raised: %u targets serve: %s", n->count, n->text);
	} else {
		add(l, " closed after ");
		add_span(l, n->span_us);
		add(l, ": %s", n->text);
	}
}

static const char *target_name(unsigned target, const struct settings *set)
{
	return target < set->target_count ? set->targets[target].name : "?";
}

/* MariaDB's positions count transactions. */
static void add_loss(struct line *l, const struct note *n,
		     const struct settings *set)
{
	bool counts = n->service < set->service_count &&
		      set->services[n->service].check.type == CHECK_MYSQL;

	add(l, "; at least %" PRIu64, n->group.loss_bytes);
	if (n->group.loss_most_known)
		add(l, " and at most about %" PRIu64, n->group.loss_most);
	add(l, " %s may be lost", counts ? "transactions" : "bytes");
}

static void add_failover(struct line *l, const struct note *n,
			 const struct settings *set)
{
	add(l, ": %s is the primary after %s, epoch %" PRIu64 ", in ",
	    target_name(n->group.to, set), target_name(n->group.from, set),
	    n->term);
	add_span(l, n->span_us);
	add(l, ": %s", n->text);
	if (n->count == 0 && n->group.loss_known)
		add_loss(l, n, set);
}

static void add_about_group(struct line *l, const struct note *n,
			    const struct settings *set)
{
	const char *from = target_name(n->group.from, set);
	const char *to = target_name(n->group.to, set);

	add(l, "group %s", service_name(n, set));
	switch (n->kind) {
	case NOTE_GROUP_ADOPTED:
		add(l, ": %s is found as primary and stays it", to);
		break;
	case NOTE_GROUP_BEGUN:
		add(l, ": %s is left: %s", from, n->text);
		break;
	case NOTE_GROUP_PROMOTING:
		add(l, ": promoting %s, epoch %" PRIu64, to, n->term);
		break;
	case NOTE_GROUP_NOT_PROMOTED:
		add(l, ": %s could not be promoted: %s", to, n->text);
		break;
	case NOTE_GROUP_DONE:
		add_failover(l, n, set);
		break;
	case NOTE_GROUP_ABANDONED:
		add(l, ": %s stays the primary: %s", from, n->text);
		break;
	case NOTE_GROUP_RETURNED:
		add(l, ": %s: %s; it is told to stop", from, n->text);
		break;
	case NOTE_GROUP_REJOINED:
		add(l, ": %s follows %s again", from, to);
		break;
	case NOTE_GROUP_NOT_REJOINED:
		add(l, ": %s does not follow %s: %s", from, to, n->text);
		break;
	case NOTE_GROUP_UNFIT:
		add(l, ": %s is not fit to succeed %s: %s", to, from, n->text);
		if (n->result.code != RESULT_L7OK)
			add_evidence(l, n);
		break;
	case NOTE_GROUP_HELD:
		add(l, ": no failover: %s", n->text);
		break;
	default:
		add(l, ": %s", n->text);
		break;
	}
}

static void add_about_maintenance(struct line *l, const struct note *n,
				  const struct settings *set)
{
	if (n->target == NOTE_NONE)
		add(l, "node %s", set->node);
	else
		add_target(l, n, set);
	add(l, ": maintenance %s%s%s",
	    n->kind == NOTE_MAINTENANCE_ON ? "begins" : "ends",
	    n->text[0] != '\0' ? ": " : "", n->text);
}

static void add_about_node(struct line *l, const struct note *n,
			   const struct settings *set)
{
	if (note_of_node(n->kind)) {
		add(l, "%s", n->text);
		return;
	}
	switch (n->kind) {
	case NOTE_STARTED:
	case NOTE_RELOADED:
		add(l, "node %s %s: %u services, %u targets, %u haproxies",
		    set->node, kinds[n->kind].name, set->service_count,
		    set->target_count, set->haproxy_count);
		break;
	case NOTE_STOPPING:
		add(l, "node %s stopping: HAProxy stays as it is", set->node);
		break;
	case NOTE_STALL:
		add(l, "node %s stood still for ", set->node);
		add_span(l, n->span_us);
		add(l, ": what was under way is forgotten, nobody is judged");
		break;
	case NOTE_PANIC:
		add(l, "service %s: panic: %u targets are down, %s",
		    service_name(n, set), n->count, n->text);
		break;
	case NOTE_PANIC_OVER:
		add(l, "service %s: panic is over", service_name(n, set));
		break;
	case NOTE_DOUBT_BEGUN:
		add(l, "node %s doubts itself: %s; silence withdraws nobody",
		    set->node, n->text);
		break;
	case NOTE_DOUBT_SPENT:
		add(l, "node %s doubts itself for ", set->node);
		add_span(l, n->span_us);
		add(l, ": what persists counts all the same (%s)", n->text);
		break;
	case NOTE_DOUBT_OVER:
		add(l, "node %s doubts itself no more, after ", set->node);
		add_span(l, n->span_us);
		break;
	case NOTE_STORE_FAILED:
		add(l, "store: not kept: %s; checks and actions go on",
		    n->text);
		break;
	case NOTE_STORE_OK:
		add(l, "store: keeps again what it is told");
		break;
	default:
		add(l,
		    "service %s: checks wait for one another: %u at once is"
		    " the limit",
		    service_name(n, set), n->count);
		break;
	}
}

const char *note_text(const struct note *note, const struct settings *set,
		      char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size };

	if (size > 0)
		buf[0] = '\0';
	switch (note->kind) {
	case NOTE_TARGET:
	case NOTE_WITHDRAW:
	case NOTE_WITHDRAWN:
	case NOTE_HELD:
	case NOTE_HELD_BACK:
	case NOTE_RESET:
	case NOTE_AFFECTED:
	case NOTE_RESTORED:
	case NOTE_DRIFT:
	case NOTE_OPERATOR:
	case NOTE_OPERATOR_OVER:
	case NOTE_HAPROXY_ABSENT:
	case NOTE_SERVER_ADDED:
	case NOTE_SERVER_MOVED:
		add_about_target(&l, note, set);
		break;
	case NOTE_HAPROXY_UP:
	case NOTE_HAPROXY_DOWN:
	case NOTE_HAPROXY_REFUSED:
	case NOTE_SERVER_REMOVED:
	case NOTE_SERVER_STAYS:
	case NOTE_SERVER_LEFT:
		add_about_haproxy(&l, note, set);
		break;
	case NOTE_INCIDENT_OPENED:
	case NOTE_INCIDENT_RAISED:
	case NOTE_INCIDENT_CLOSED:
	case NOTE_INCIDENT_MERGED:
		add_about_incident(&l, note, set);
		break;
	case NOTE_MAINTENANCE_ON:
	case NOTE_MAINTENANCE_OFF:
		add_about_maintenance(&l, note, set);
		break;
	default:
		if (note->kind >= NOTE_GROUP_ADOPTED)
			add_about_group(&l, note, set);
		else
			add_about_node(&l, note, set);
		break;
	}
	return buf;
}
