/* What happened, as one record and as one line of text.
 *
 * The core does not log; it emits notes.  One function turns a note into
 * text, used by the journal, the event log and the drill's trace, so that
 * the trace tests what the operator reads.
 */
#ifndef BASCULE_CORE_NOTE_H
#define BASCULE_CORE_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/health.h"
#include "controller/core/instant.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

#define NOTE_NONE     SETTINGS_NONE /* it has no such target, service, ... */
#define NOTE_TEXT_MAX 96

enum note_kind {
	NOTE_STARTED,
	NOTE_STOPPING,
	NOTE_RELOADED,
	NOTE_TARGET, /* a target changed its state: from, to, why, result */
	NOTE_STALL,  /* this node stood still for span_us */
	NOTE_DOUBT_BEGUN, /* this node doubts itself: text says why */
	NOTE_DOUBT_SPENT, /* ... for too long: what persists counts */
	NOTE_DOUBT_OVER,
	NOTE_WITHDRAW,  /* HAProxy is told to stop using the target */
	NOTE_WITHDRAWN, /* the last HAProxy has acknowledged; span_us since
			   detected */
	NOTE_HELD,      /* a withdrawal is forbidden: text names the rule */
	NOTE_HELD_BACK, /* it has recovered, but stays out for span_us; count
			   flaps; text */
	NOTE_AFFECTED,  /* a target reports what service text is down for, and
			   stays; incident: that service's; span_us: that is
			   well again, and so long this may last */
	NOTE_RESET,     /* somebody closed the circuit by hand; text */
	NOTE_PANIC, /* more of a service is bad than may leave: count; text */
	NOTE_PANIC_OVER,
	NOTE_RESTORED, /* the last HAProxy uses the target again */
	NOTE_DRIFT,    /* HAProxy was found other than wanted; mended */
	NOTE_OPERATOR, /* a server is in an operator's maintenance: kept */
	NOTE_OPERATOR_OVER,
	NOTE_HAPROXY_UP, /* the runtime socket answers; a new process if count
			  */
	NOTE_HAPROXY_DOWN,
	NOTE_HAPROXY_REFUSED, /* a command was answered with an error */
	NOTE_HAPROXY_ABSENT,  /* backend or server missing there */
	NOTE_SERVER_ADDED,    /* to a HAProxy that did not know it */
	NOTE_SERVER_MOVED,    /* there, to the target's address */
	NOTE_SERVER_REMOVED,  /* from it: text names it */
	NOTE_SERVER_STAYS,    /* HAProxy refused to remove it: text */
	NOTE_SERVER_LEFT,     /* withdrawn there, and no target of ours any
				 more: text names it, count is a note_left */
	NOTE_INCIDENT_OPENED,
	NOTE_INCIDENT_RAISED,
	NOTE_INCIDENT_CLOSED,
	NOTE_INCIDENT_MERGED, /* it is the one with the number count */
	NOTE_MAINTENANCE_ON,
	NOTE_MAINTENANCE_OFF,
	NOTE_STORE_FAILED, /* the disk does not keep what it should; text */
	NOTE_STORE_OK,
	NOTE_CHECKS_LATE, /* a compartment is full; count checks waited */
	/* What the nodes agree on; text is the whole line. */
	NOTE_NODE_STANDS,
	NOTE_NODE_WON,
	NOTE_NODE_PRIMARY,
	NOTE_NODE_FOLLOWS,
	NOTE_NODE_STEPS_DOWN,
	NOTE_NODE_RELEASED,
	NOTE_NODE_OVERRUN,
	NOTE_NODE_FAILOVER,
	NOTE_NODE_SWITCHOVER,
	NOTE_NODE_UP,
	NOTE_NODE_DOWN,
	NOTE_NODE_MISCONFIGURED,
	NOTE_NODE_DRIFTS,
	NOTE_NODE_DISK_FAILED,
	NOTE_NODE_DISK_OK,
	NOTE_NODE_TWO_LEADERS,
	NOTE_NODE_TROUBLE,
	NOTE_NODE_ADDRESS, /* the virtual address was elsewhere than wanted */
	NOTE_NODE_KEEP,    /* the cluster's maintenance */
	/* Groups of databases, in the order of enum group_note_kind. */
	NOTE_GROUP_ADOPTED,
	NOTE_GROUP_AMBIGUOUS,
	NOTE_GROUP_HELD,
	NOTE_GROUP_UNFIT,
	NOTE_GROUP_BEGUN,
	NOTE_GROUP_PROMOTING,
	NOTE_GROUP_NOT_PROMOTED,
	NOTE_GROUP_DONE,
	NOTE_GROUP_ABANDONED,
	NOTE_GROUP_STUCK,
	NOTE_GROUP_RETURNED,
	NOTE_GROUP_REJOINED,
	NOTE_GROUP_NOT_REJOINED,
	NOTE_KINDS
};

/* syslog's levels, as journald wants them. */
enum note_level {
	NOTE_ERR = 3,
	NOTE_WARNING = 4,
	NOTE_NOTICE = 5,
	NOTE_INFO = 6,
	NOTE_DEBUG = 7
};

/* Of a group: targets or NOTE_NONE; spans since it was begun. */
struct note_group {
	uint32_t from, to;
	int64_t withdrawn_us, frozen_us, promoted_us;
	uint64_t loss_bytes, loss_most; /* at least, and about at most */
	bool loss_known, loss_most_known;
};

/* What it takes to undo what was done to a server that is left. */
enum note_left { LEFT_MAINT, LEFT_AGENT, LEFT_EITHER, LEFT_WEIGHT };

struct note {
	enum note_kind kind;
	struct instant now;
	int64_t wall_us;
	uint32_t service, target, haproxy; /* index or NOTE_NONE */
	uint32_t incident;                 /* number, 0 if none */
	uint32_t node; /* of a note of a node: index in the cluster */
	uint64_t term; /* and the term that it speaks of */
	enum health_state from, to;
	enum severity severity; /* of an incident; 0 if none */
	unsigned count;
	int64_t span_us;
	struct instant onset_min, onset_max; /* NONE where not known */
	struct result result;                /* the last evidence */
	struct note_group group;
	char text[NOTE_TEXT_MAX]; /* why */
};

/* "target_down", "incident_opened" ...: for JSON, metrics, filters. */
const char *note_kind_name(enum note_kind kind);

/* Whether the note speaks of a node: then node and term are set. */
bool note_of_node(enum note_kind kind);

enum note_level note_level(const struct note *note);

/* One line without a newline, NUL-terminated, cut to @size: who, from, to,
 * why and the last evidence.  Returns @buf. */
const char *note_text(const struct note *note, const struct settings *set,
		      char *buf, size_t size);

#endif
