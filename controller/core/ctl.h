/* The controller: an event goes in, a list of things to do comes out. */
#ifndef BASCULE_CORE_CTL_H
#define BASCULE_CORE_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/group.h"
#include "controller/core/health.h"
#include "controller/core/incident.h"
#include "controller/core/permit.h"
#include "controller/core/plan.h"
#include "controller/core/settings.h"

struct ctl;

/* Make a controller for @set, which is borrowed until ctl_free().  The same
 * settings, seed and events give the same actions on every machine.  Returns
 * NULL when memory is out; nothing is allocated later. */
struct ctl *ctl_new(const struct settings *set, uint64_t seed);

void ctl_free(struct ctl *ctl);

/* Feed one event to the controller and collect what must be done about it.
 *
 * Reads no clock, does no I/O, allocates nothing.
 *
 * @ev:  borrowed for the call; ev->now never goes back.
 * @out: overwritten; at most ACTIONS_MAX entries.  When more is due,
 *       ctl_deadline() is at once and the next step brings the rest.
 *
 * The first event is START, or SETTINGS after a reload.  Evidence for a check
 * that was asked before a stall, or under earlier settings of the target, is
 * dropped.
 */
void ctl_step(struct ctl *ctl, const struct event *ev, struct actions *out);

/* When the next EVENT_DEADLINE is wanted; INSTANT_NEVER if none is. */
struct instant ctl_deadline(const struct ctl *ctl);

/* What is known, for status and metrics: borrowed, valid until the next step.
 */
struct target_view {
	const struct health *health;
	const char *why;     /* of the last transition; "" at start */
	bool in_rotation;    /* not withdrawn by us, not kept out by anybody */
	bool withdrawn;      /* we want it out of every HAProxy */
	bool held;           /* it should be withdrawn, but a rule forbids it */
	const char *held_by; /* that rule, as a sentence; "" when not held */
	struct instant held_back; /* DOWN until then at least; or NONE */
	const char *held_back_by; /* why */
	uint32_t flaps;           /* of late */
	uint32_t flap_penalty;    /* now; FLAP_ONE is one flap */
	bool excused;       /* it only reports that its dependency is down */
	unsigned root;      /* ... that one, or NOTE_NONE */
	int64_t grace_us;   /* ... was down: so long it may still report it */
	bool operator_hold; /* an operator's maintenance at some HAProxy */
	bool awaited;       /* an earlier run withdrew it; not judged yet */
	bool drained;       /* planned withdrawal */
	unsigned weight_percent;               /* wanted */
	uint64_t checks;                       /* since start */
	const struct maintenance *maintenance; /* NULL if none */
};

struct target_view ctl_target(const struct ctl *ctl, unsigned target);

struct service_view {
	unsigned serving; /* targets that answer and are in rotation */
	unsigned down, maint;
	bool panic;         /* more is bad than may leave */
	unsigned excused;   /* stay, since their dependency is down */
	unsigned root;      /* that service's index, or NOTE_NONE */
	unsigned held_back; /* recovered, but kept out for some time */
	const struct incident *incident; /* NULL when none is open */
};

struct service_view ctl_service(const struct ctl *ctl, unsigned service);

/* The open incident of @service, or of INCIDENT_NODE; NULL: none. */
const struct incident *ctl_incident(const struct ctl *ctl, unsigned service);

struct haproxy_view {
	bool up;
	const char *why; /* when not up */
	uint64_t commands, failures, drifts;
	unsigned absent;    /* targets it does not know */
	unsigned differing; /* servers that are not as wanted right now */
	/* Targets that it knows, and of these those whose server is withdrawn
	 * by the agent's word instead of by maintenance. */
	unsigned servers, agents;
};

struct haproxy_view ctl_haproxy(const struct ctl *ctl, unsigned haproxy);

/* Whether @haproxy answers: as ctl_haproxy(), but cheap. */
bool ctl_haproxy_up(const struct ctl *ctl, unsigned haproxy);

/* The server of @target at @haproxy as last seen. */
enum server_state ctl_server(const struct ctl *ctl, unsigned haproxy,
			     unsigned target);

/* Whether something of @target at @haproxy is ours to take back.
 *
 * @ret_weight_only: its weight, and not that it is out of rotation.
 */
bool ctl_claimed(const struct ctl *ctl, unsigned haproxy, unsigned target,
		 bool *ret_weight_only);

/* Whether the server of @target was added to @haproxy by us. */
bool ctl_added(const struct ctl *ctl, unsigned haproxy, unsigned target);

/* Whether it is withdrawn by the word of its agent check, not by maintenance.
 */
bool ctl_by_agent(const struct ctl *ctl, unsigned haproxy, unsigned target);

/* What an agent check of HAProxy is to be told about a server. */
enum agent_word {
	AGENT_SILENT, /* nothing: not known yet, and what is so may stay */
	AGENT_UP,
	AGENT_DOWN
};

/* The word on @target at @haproxy: what is wished, and while nothing is, what
 * is written down to be withdrawn stays so.
 *
 * @ret_why: of AGENT_DOWN, static text. */
enum agent_word ctl_agent(const struct ctl *ctl, unsigned haproxy,
			  unsigned target, const char **ret_why);

/* Whether the sessions to the server of @target at @haproxy are to be ended,
 * wherever they are: we have it out, and the service wants it. */
bool ctl_ends_sessions(const struct ctl *ctl, unsigned haproxy,
		       unsigned target);

/* A group of databases. */
struct ctl_group_view {
	const struct document_group *document; /* NULL: nothing decided yet */
	unsigned primary, routed;              /* target, or NOTE_NONE */
	const char *held; /* why no failover although one is due; or NULL */
	bool busy;
};

/* False when @service is none. */
bool ctl_group_look(const struct ctl *ctl, unsigned service,
		    struct ctl_group_view *ret_view);

/* An instance of one; false when @target is none. */
bool ctl_instance_look(const struct ctl *ctl, unsigned target,
		       struct group_instance_view *ret_view);

/* What the other nodes are to hear of rejoining it (group_rejoins()). */
bool ctl_instance_rejoins(const struct ctl *ctl, unsigned target);

/* ... and whether it counts as down for having gone so often, and answers. */
bool ctl_instance_held_back(const struct ctl *ctl, unsigned target);

/* Whether it is to be read from (group_reads()). */
bool ctl_instance_reads(const struct ctl *ctl, unsigned target);

/* What is to become of the door of @target, which this node hosts, by @doc and
 * under the @lease that was given for it (permit.h). */
enum permit ctl_permit(const struct ctl *ctl, unsigned target,
		       const struct document *doc, struct instant lease,
		       struct instant now);

/* What a database said of itself last; NULL when nothing fresh is known. */
const struct database_facts *ctl_facts(const struct ctl *ctl, unsigned target);

/* The plan as it would be now, for the group @service; its indices count from
 * the service's first target.  @to: target, or NOTE_NONE. */
struct plan ctl_group_plan(const struct ctl *ctl, unsigned service,
			   unsigned to);

/* The node's own maintenance, or NULL. */
const struct maintenance *ctl_maintenance(const struct ctl *ctl);

/* The HAProxy that an ACTION_HAPROXY's id speaks of. */
unsigned ctl_order_haproxy(uint64_t id);

/* Whether the store keeps what it is told. */
bool ctl_store_ok(const struct ctl *ctl);

/* How late this node was at its last stall, and when; NONE if never. */
struct instant ctl_last_stall(const struct ctl *ctl, int64_t *ret_span_us);

/* Whether this node trusts what it sees. */
struct doubt_view {
	enum self_doubt level;
	bool spent;        /* it has doubted for too long: acts all the same */
	unsigned patience; /* timeouts are stretched by so much */
	struct instant since; /* of the level */
	char why[NOTE_TEXT_MAX];
};

struct doubt_view ctl_doubt(const struct ctl *ctl);

#endif
