/* Events and actions: all that goes into the core and all that comes out.
 *
 * Strings and arrays in an event are borrowed for the call; actions are plain
 * values without pointers, except replies, whose text is inside.
 */
#ifndef BASCULE_CORE_EVENT_H
#define BASCULE_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/document.h"
#include "controller/core/incident.h"
#include "controller/core/instant.h"
#include "controller/core/note.h"
#include "controller/core/result.h"
#include "controller/core/self.h"

#define ACTIONS_MAX    256
#define EVENT_TEXT_MAX 120

struct ctl;

/* What we wrote down about a server of a HAProxy before we touched it: its
 * maintenance, drain or weight is ours to take back. */
struct claim {
	unsigned haproxy, target; /* index */
	bool weight_only; /* maintenance or drain there is not our doing */
	bool added; /* the server itself is: its process did not know it */
};

/* When a target was withdrawn last, and how often of late (flap.h). */
struct fall {
	unsigned target; /* index */
	uint32_t penalty, count;
	struct instant at;
	int64_t wall_us;
};

/* What to leave alone, by whose word, until when. */
struct maintenance {
	unsigned target; /* index, or NOTE_NONE: the whole node */
	bool on;
	bool drain;            /* take it out of HAProxy, sessions first */
	int64_t until_wall_us; /* 0: until it is ended */
	struct instant until;  /* the same; NEVER when 0 */
	char reason[EVENT_TEXT_MAX];
};

/* What the store kept; indices as in the present settings. */
struct stored {
	const struct claim *claims;
	size_t claim_count;
	const struct maintenance *maintenances;
	size_t maintenance_count;
	const struct fall *falls;
	size_t fall_count;
	const struct incident *incidents; /* the open ones */
	size_t incident_count;
	uint32_t last_incident; /* the highest number ever used */
};

/* A server of HAProxy as its runtime socket shows it. */
enum server_state {
	SERVER_UNKNOWN, /* not seen yet */
	SERVER_ABSENT,  /* that HAProxy has no such backend or server */
	SERVER_READY,
	SERVER_DRAIN,
	SERVER_MAINT
};

enum haproxy_seen_kind {
	HAPROXY_LINK_UP,   /* it answers; all is to be seen anew */
	HAPROXY_LINK_DOWN, /* it does not; text says why */
	HAPROXY_SERVER     /* one server's state; sent when it changed */
};

struct haproxy_seen {
	enum haproxy_seen_kind kind;
	unsigned haproxy;
	/* HAPROXY_LINK_UP */
	bool fresh; /* another process than before: its state is new */
	/* HAPROXY_SERVER */
	unsigned target;
	enum server_state state;
	unsigned weight_percent; /* of the configured weight */
	bool agent;     /* it obeys the word of our agent-check responder */
	bool theirs;    /* ... and is in maintenance or drain all the same */
	bool stopped;   /* in no maintenance, not running, and an agent's word
			   may be why: which is not shown */
	bool misplaced; /* its address or port is not the target's */
	char text[EVENT_TEXT_MAX];
};

/* Something seen of a target without asking it: a reason to ask at once.  To
 * be told each time: hints that come by habit are sorted out here. */
enum hint_kind {
	HINT_TETHER_CLOSED,   /* the connection held to it was closed */
	HINT_TETHER_RESET,    /* ... or reset; error says how */
	HINT_PROCESS_GONE,    /* the process that it names has ended */
	HINT_UNIT_DOWN,       /* the systemd unit that it names is not active */
	HINT_HAPROXY_ERRORS,  /* HAProxy counted failed connections, answers */
	HINT_HAPROXY_5XX,     /* ... or more 5xx than from its siblings */
	HINT_HAPROXY_PENDING, /* requests stand there unanswered */
	HINT_KINDS
};

struct hint {
	unsigned target;
	enum hint_kind kind;
	int error; /* errno where one is known, or 0 */
};

/* What another node's checks say of targets. */
enum finding {
	FINDING_NONE, /* it abstains: it doubts itself, or has not asked */
	FINDING_WELL,
	FINDING_FAILING, /* its last question was in vain: not a verdict */
	FINDING_DOWN
};

struct opinion_heard {
	unsigned target;
	bool down;
	bool held_back; /* ... and answers */
	bool whole;     /* neither DOWN nor still RECOVERING */
	bool rejoins;   /* group.h: it is to be, or is being, rejoined */
	enum finding finding;
};

struct observed {
	unsigned node;                    /* index in the cluster */
	const struct opinion_heard *list; /* borrowed */
	unsigned count;
};

/* A record of an incident as another node has it, newer than ours; or, without
 * a number, what that node's checks found. */
struct incident_heard {
	struct incident incident; /* instants as on this node */
	/* What this node has closed itself: its own version of the record, and
	 * another number for the same outage.  Borrowed; NULL: none. */
	const struct incident *known, *same;
};

struct incidents_heard {
	unsigned node;                     /* whose word it is */
	const struct incident_heard *list; /* borrowed */
	unsigned count;
};

/* The primary node before this one that was lost. */
struct node_loss {
	unsigned node; /* index, or NOTE_NONE: nothing was lost */
	/* The last sign of it, the first one missed, and when this node stood
	 * for election because of it; of one that gave up for want of a quorum,
	 * when that was last heard, the first that it missed, and when it gave
	 * up. */
	struct instant onset_min, onset_max, detected;
	struct instant gone; /* since then nobody served */
	bool late;    /* nobody served for longer than the lease explains */
	bool gave_up; /* it lives, and left office by itself */
};

/* Who is primary, as this node knows it. */
struct primary_seen {
	unsigned primary; /* index, or NOTE_NONE */
	uint64_t term;
	bool whole; /* every node is heard, and was since it is primary */
	struct node_loss loss; /* when this node has just become primary */
};

/* RESET: of the maintenance only the target is looked at.  KEEP is the
 * cluster's, and never comes to the controller. */
enum admin_kind {
	ADMIN_MAINTENANCE,
	ADMIN_RESET,
	ADMIN_SWITCHOVER,
	ADMIN_KEEP
};

struct admin {
	enum admin_kind kind;
	uint64_t token; /* given back with the reply */
	union {
		struct maintenance maintenance;
		struct {
			unsigned service; /* a group of databases */
			unsigned to;      /* target, NOTE_NONE: the best */
		} switchover;
		enum document_keep keep;
	};
};

/* What the election lets this node route; answered by ACTION_ROUTED. */
struct route_order {
	uint64_t id;
	const char *group;    /* borrowed, as is instance */
	const char *instance; /* "": nothing any more */
};

enum event_kind {
	EVENT_START,         /* the first one: with what was stored */
	EVENT_DEADLINE,      /* ctl_deadline() has come */
	EVENT_EVIDENCE,      /* a check ended */
	EVENT_HINT,          /* a target was seen without being asked */
	EVENT_DATABASE,      /* what a check found a database to be */
	EVENT_HAPROXY_SEEN,  /* what a HAProxy shows */
	EVENT_ACTION_DONE,   /* an action with an id has succeeded */
	EVENT_ACTION_FAILED, /* ... or not; text says why */
	EVENT_ADMIN,         /* a person wants something */
	EVENT_SETTINGS,      /* first event of a new ctl after a reload */
	EVENT_OBSERVED,      /* another node says what it sees */
	EVENT_PEERS,         /* which nodes are heard has changed */
	EVENT_PRIMARY,       /* who is primary, or how whole the cluster */
	EVENT_INCIDENTS,     /* another node's records of incidents */
	EVENT_SELF,          /* what the daemon found out about its node */
	EVENT_DOCUMENT,      /* what the nodes agreed on has changed */
	EVENT_WITHDRAWN,     /* nobody routes to what a group leaves */
	EVENT_ROUTE,         /* another instance of a group is to be routed */
	EVENT_INTERRUPTED,   /* a rejoin hook was killed with its daemon */
	EVENT_STOP,
	EVENT_KINDS
};

struct event {
	enum event_kind kind;
	struct instant now;
	int64_t wall_us;
	union {
		const struct stored *stored; /* START */
		struct {
			unsigned target;
			uint64_t check; /* the CHECK action's id */
			struct result result;
		} evidence;
		struct hint hint;
		struct {
			unsigned target;
			const struct database_facts *facts; /* borrowed */
		} database;
		struct haproxy_seen haproxy;
		struct {
			uint64_t id;
			char text[EVENT_TEXT_MAX]; /* of a failure */
			bool parted;               /* of a database: group.h */
		} action;
		unsigned interrupted; /* target */
		struct admin admin;
		struct observed observed;
		uint32_t heard; /* PEERS: bit i is node i */
		struct primary_seen primary;
		struct incidents_heard incidents;
		struct self_facts self;
		const struct document *document; /* borrowed */
		const char *withdrawn;           /* group; borrowed */
		struct route_order route;
		/* SETTINGS: the ctl that ran until now, whose state is moved
		 * over by name and which is of no use afterwards; and what is
		 * stored, for targets that it did not have.  @kept: for each
		 * new target the old index when nothing of it changed, so
		 * that its check under way goes on; else NOTE_NONE. */
		struct {
			struct ctl *previous;
			const struct stored *stored;
			const unsigned *kept;
		} settings;
	};
};

enum action_kind {
	ACTION_CHECK,    /* ask a target; answered by EVENT_EVIDENCE */
	ACTION_HAPROXY,  /* change a server; answered by DONE or FAILED */
	ACTION_DATABASE, /* tell a database; answered by DONE or FAILED */
	ACTION_HOOK,     /* run a program for one; answered likewise */
	ACTION_DECIDE,   /* write this of a group into the document */
	ACTION_ROUTED,   /* what the election ordered is so */
	ACTION_STORE,    /* write down; answered by DONE or FAILED */
	ACTION_NOTE,     /* tell */
	ACTION_OBSERVE,  /* tell the other nodes what is seen of a target */
	ACTION_FOUND,    /* tell them that it is down, and since when */
	ACTION_REPLY,    /* answer an ADMIN event */
	ACTION_KINDS
};

/* In the order in which a HAProxy must hear them. */
struct server_order {
	unsigned haproxy, target;
	enum server_state state; /* READY, DRAIN, MAINT; UNKNOWN: as it is */
	unsigned weight_percent; /* 0: as it is */
	bool agent;        /* by the agent's word: no maintenance, no drain */
	bool end_sessions; /* of the withdrawn server */
	/* Make it exist, in maintenance; where it does, give it the target's
	 * address.  Goes without any of the above. */
	bool add;
};

enum store_kind {
	STORE_CLAIM,
	STORE_UNCLAIM,
	STORE_INCIDENT,
	STORE_MAINTENANCE,
	STORE_FALL
};

struct store_order {
	enum store_kind kind;
	bool heard; /* an incident that another node has recorded */
	union {
		struct claim claim;
		struct incident incident;
		struct maintenance maintenance;
		struct fall fall;
	};
};

struct action {
	enum action_kind kind;
	uint64_t id; /* 0: nobody waits for the outcome */
	union {
		struct {
			unsigned target;
			int64_t timeout_us; /* from now */
			bool fresh;         /* over a new connection */
		} check;
		struct server_order haproxy;
		struct database_order database;
		struct {
			enum database_hook hook;
			unsigned target, source; /* source: NOTE_NONE: none */
			uint64_t epoch;
		} hook;
		struct document_group decide;
		struct {
			bool done;
		} routed; /* its id is the order's */
		struct store_order store;
		struct note note;
		struct {
			unsigned target; /* or NOTE_NONE: of all */
		} observe;
		struct incident found; /* without a number */
		struct {
			uint64_t token;
			int error; /* 0 or a negative errno */
			char text[EVENT_TEXT_MAX];
		} reply;
	};
};

struct actions {
	unsigned count;
	struct action list[ACTIONS_MAX];
};

const char *event_kind_name(enum event_kind kind);
const char *hint_kind_name(enum hint_kind kind);
const char *action_kind_name(enum action_kind kind);
const char *server_state_name(enum server_state state);

/* An event or action as one line, for record, replay and trace hashes:
 * stable between versions of the compiler and of this program.  @set gives
 * the names.  Returns @buf. */
const char *event_text(const struct event *ev, const struct settings *set,
		       char *buf, size_t size);
const char *action_text(const struct action *act, const struct settings *set,
			char *buf, size_t size);

#endif
