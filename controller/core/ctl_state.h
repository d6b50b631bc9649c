/* The controller from the inside: shared by the ctl*.c files alone.
 *
 * ctl.c steps, ctl_view.c answers questions; ctl_checks.c asks targets and
 * judges answers, ctl_hints.c follows hints; ctl_rotation.c says who is in
 * rotation, ctl_mend.c brings HAProxy there; ctl_panic.c says what is done when
 * more is bad than may leave, ctl_return.c when one may come back;
 * ctl_readers.c says who is read from beside the primary of a group;
 * ctl_haproxy.c hears what HAProxy shows and answers; ctl_incidents.c keeps the
 * incidents, ctl_share.c makes them the same on all nodes, ctl_node.c keeps
 * those of the nodes; ctl_doubt.c asks whether it is this node that is ill;
 * ctl_admin.c does what people want; ctl_begin.c starts, ctl_reload.c goes over
 * to other settings.
 */
#ifndef BASCULE_CORE_CTL_STATE_H
#define BASCULE_CORE_CTL_STATE_H

#include "controller/core/ctl.h"
#include "controller/core/flap.h"
#include "controller/core/quorum.h"
#include "controller/core/rng.h"
#include "controller/core/schedule.h"
#include "controller/core/self.h"
#include "controller/core/server.h"

/* A step this much later than asked means that this node stood still; while
 * questions are under way it asks for one so often, to notice. */
#define STALL_US (200 * MS)
#define PULSE_US (100 * MS)
/* HAProxy is told without a written claim when the disk takes longer. */
#define STORE_PATIENCE_US (20 * MS)
#define RETRY_US_MIN      (1 * SECOND)
#define RETRY_US_MAX      (60 * SECOND)
#define RAMP_STEPS        10

/* What became of the withdrawal of a target that is DOWN. */
enum leaving {
	LEAVING_NOT,
	LEAVING_HELD,
	LEAVING_OUT,
	LEAVING_PENDING,
	LEAVINGS
};

/* What a target adds to the counts of its service. */
struct part {
	enum health_state state;
	enum leaving leaving;
	bool serves;
	bool bad;     /* it should leave */
	bool sound;   /* it serves, and answered well the last time */
	bool drained; /* by an operator's word */
};

/* What an earlier run of the daemon left of a target that is not judged yet. */
enum last_left {
	LAST_NOTHING,
	LAST_LIGHT, /* it was recovering, with a small weight */
	LAST_OUT    /* it was withdrawn */
};

struct target {
	struct health health;
	const char *why;  /* of the last transition; static text */
	uint64_t check;   /* id of the check under way, 0 if none */
	bool stale;       /* ... and its answer will not count */
	bool excused;     /* ... and its silence will not */
	bool again;       /* ... and it is to be asked once more after it */
	uint64_t row;     /* id of the first in the row of silence, or 0 */
	bool hinted;      /* the next one is due to a hint */
	bool habit;       /* ... of a kind that may be a habit */
	bool on_habit;    /* and so is the one under way */
	bool off_phase;   /* the last one was: the next counts from it */
	uint8_t harmless; /* such hints in a row that came to nothing */
	int64_t habit_us; /* how long such hints wait for the last one */
	struct instant habit_at; /* when that was followed */
	bool waiting;            /* for a place among the checks under way */
	uint32_t next_waiting;   /* target index; NOTE_NONE ends the queue */
	struct instant asked;
	uint64_t checks;
	struct wish wish;
	bool held;         /* should leave, but at some HAProxy it may not */
	struct part part;  /* as the service has counted it */
	bool told_leaving; /* NOTE_WITHDRAW was given */
	bool told_out;     /* NOTE_WITHDRAWN was given */
	bool told_in;      /* NOTE_RESTORED was given, or was never due */
	bool consulted;    /* its next answer is waited for by dependents */
	bool reporting;    /* bad only since what it depends on is down */
	bool on_trial;     /* RECOVERING by hand: one good answer is wanted */
	bool told_back;    /* NOTE_HELD_BACK was given */
	uint8_t left;      /* enum last_left */
	bool dirty;        /* its servers are to be compared */
	struct flap flap;
	struct instant detected; /* when it went DOWN last */
	struct result cause;     /* and by what evidence */
	struct maintenance maintenance;
	uint64_t maintenance_store; /* id of the STORE under way */
	uint64_t maintenance_token; /* whom to answer; 0: nobody */
};

struct service {
	unsigned inflight;
	uint32_t waiting_first, waiting_last; /* NOTE_NONE: none */
	bool told_waiting;
	/* Targets, counted. */
	unsigned held;
	unsigned states[HEALTH_STATES], leavings[LEAVINGS], serving;
	unsigned bad, drained, sound, consulted, excused;
	bool ailing;               /* too few are sound */
	bool was_down;             /* and that was more than a doubt */
	struct instant well_again; /* when it ceased to be; NONE if never */
	uint32_t affected_by;      /* the incident that was named last */
	bool panic;                /* more is bad than may leave */
	bool review;               /* its incident is to be looked at */
	struct incident incident;  /* number 0: none open */
	/* Of one that another node records: when all was withdrawn here, and
	 * when that was told last; or NONE. */
	struct instant acted, acted_told;
};

/* The servers of one service at one HAProxy. */
struct pool {
	unsigned rotating;  /* in use, and not leaving */
	unsigned withdrawn; /* by us */
	unsigned known;     /* looked at; nobody is judged before all are */
};

struct haproxy {
	bool up, known;   /* known: it was up or down at least once */
	unsigned refused; /* servers whose last command failed */
	int64_t retry_us; /* the next backoff */
	uint64_t commands, failures, drifts;
	unsigned absent;
	char why[EVENT_TEXT_MAX];
};

struct ctl {
	const struct settings *set; /* borrowed */
	struct rng rng;
	uint64_t sequence;         /* of action ids */
	uint64_t carried;          /* up to it, they name older indices */
	struct instant epoch;      /* phases of checks count from here */
	struct target *targets;    /* owned */
	struct service *services;  /* owned */
	struct haproxy *haproxies; /* owned */
	struct server *servers;    /* owned: [haproxy * targets + target] */
	struct pool *pools;        /* owned: [haproxy * services + service] */
	uint32_t *dirty;           /* owned: ring of target indices */
	unsigned dirty_first, dirty_count;
	struct ctl_group **groups;           /* owned: [service], NULL: none */
	struct group_actions *group_actions; /* owned: of the step under way */
	bool groups_dirty;
	struct schedule *schedule; /* owned */
	struct quorum *quorum;     /* owned */
	struct self *self;         /* owned */
	enum self_doubt doubt;     /* as was acted on */
	bool doubt_spent, doubt_told;
	struct instant doubt_since;
	struct maintenance maintenance; /* of the whole node */
	enum document_keep keep;        /* of the whole cluster */
	uint64_t maintenance_store, maintenance_token;
	/* The highest number ever heard of, and what is open of the nodes. */
	uint32_t last_incident;
	struct incident node_incident; /* number 0: none */
	unsigned primary;              /* or NOTE_NONE */
	uint64_t term;
	struct instant alone; /* since when no primary is known */
	bool store_ok;
	unsigned storing;  /* claims waiting for the disk */
	unsigned inflight; /* checks under way */
	unsigned loss;     /* share of all trips to targets (loss.h) */
	struct instant stall_at;
	int64_t stall_us;
	struct instant armed; /* what ctl_deadline() said last */
	bool running;
	/* The step under way. */
	struct instant now;
	int64_t wall_us;
	struct actions *out;
};

/* What the schedule's slots stand for. */
enum slot_kind { SLOT_CHECK, SLOT_PHASE, SLOT_EXPIRY, SLOT_TARGET_KINDS };

static inline unsigned slot_of(enum slot_kind kind, unsigned target)
{
	return target * SLOT_TARGET_KINDS + (unsigned)kind;
}

unsigned slot_retry(const struct ctl *ctl, unsigned haproxy);
unsigned slot_store(const struct ctl *ctl);
unsigned slot_group(const struct ctl *ctl, unsigned service);
unsigned slot_node_expiry(const struct ctl *ctl);
unsigned slot_alone(const struct ctl *ctl);
unsigned slot_count(const struct settings *set);

/* The most actions that one unit of work (one target compared, one check
 * asked, one result judged) can bring. */
unsigned ctl_unit(const struct ctl *ctl);
bool ctl_room(const struct ctl *ctl);

/* Action ids say what they are about, so that an answer needs no table. */
enum id_kind {
	ID_CHECK = 1,
	ID_ORDER,
	ID_CLAIM,
	ID_INCIDENT,
	ID_MAINTENANCE,
	ID_DATABASE,
	ID_HOOK
};
uint64_t ctl_id(struct ctl *ctl, enum id_kind kind, unsigned haproxy,
		unsigned target);
enum id_kind id_kind(uint64_t id);
unsigned id_haproxy(uint64_t id);
unsigned id_target(uint64_t id);
/* Whether @id is from before the last reload. */
bool id_carried(const struct ctl *ctl, uint64_t id);

/* Append an action; the caller made sure of room. */
struct action *ctl_emit(struct ctl *ctl, enum action_kind kind, uint64_t id);

/* Append a note about nothing yet: the caller fills it in. */
struct note *ctl_note(struct ctl *ctl, enum note_kind kind);
struct note *ctl_note_target(struct ctl *ctl, enum note_kind kind,
			     unsigned target);
void note_say(struct note *note, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

const struct service_settings *ctl_service_of(const struct ctl *ctl,
					      unsigned target);
struct service *ctl_service_state(struct ctl *ctl, unsigned target);

/* Every event ends a stall that began at the deadline it comes too late for.
 */
void ctl_notice_stall(struct ctl *ctl);

/* ctl_agree.c */
/* Whether the target counts as down, by this node's view or another's. */
bool agree_down(const struct ctl *ctl, unsigned target);
/* Why a target that is DOWN here may not leave the rotation; or NULL. */
const char *agree_forbids(const struct ctl *ctl, unsigned target);
/* A target has moved. */
void agree_moved(struct ctl *ctl, unsigned target);
/* An incident begins, if it is this node's to record, when the word of the
 * cluster is that the target is down.  @finding: another node's, or NULL. */
void agree_confirm(struct ctl *ctl, unsigned target,
		   const struct incident *finding);
/* The nodes that find the target down; none without a cluster. */
uint32_t agree_nodes(const struct ctl *ctl, unsigned target);
/* Whether no other node's word keeps the service's incident open. */
bool agree_whole(const struct ctl *ctl, unsigned service);
void agree_observed(struct ctl *ctl, const struct observed *observed);
void agree_peers(struct ctl *ctl, uint32_t heard);

/* ctl_doubt.c */
void doubt_carry(struct ctl *ctl, const struct ctl *old);
void doubt_learn(struct ctl *ctl, const struct self_facts *facts);
/* What becomes of @in, which @res gave: while it is this node that is to
 * blame, it condemns nobody. */
enum health_input doubt_temper(struct ctl *ctl, unsigned target,
			       enum health_input in, const struct result *res);
/* Doubt has begun or is over: tell it, and forget what was counted in it. */
void doubt_look(struct ctl *ctl);

/* ctl_checks.c */
void checks_due(struct ctl *ctl, unsigned target);
void checks_evidence(struct ctl *ctl, const struct event *ev);
/* Ask at once, whatever was planned. */
void checks_ask_now(struct ctl *ctl, unsigned target);
void checks_stalled(struct ctl *ctl, int64_t late_us);
void checks_schedule(struct ctl *ctl, unsigned target);
/* Move a target's health by @in and let everything follow. */
void checks_move(struct ctl *ctl, unsigned target, enum health_input in);

/* Take a check that is under way over from another ctl. */
void checks_carry(struct ctl *ctl, unsigned target, const struct target *was);

/* ctl_hints.c */
/* Ask at once, over a new connection; after the question under way. */
void hints_hear(struct ctl *ctl, const struct hint *hint);
/* Another node finds the target down. */
void hints_node(struct ctl *ctl, unsigned target, unsigned node);
/* The next question of a target that a hint was given of. */
void hints_schedule(struct ctl *ctl, unsigned target);
void hints_asked(struct ctl *ctl, unsigned target);
void hints_learn(struct ctl *ctl, unsigned target, const struct result *res);
/* Over a reload. */
void hints_carry(struct target *t, const struct target *was);

/* ctl_rotation.c */
void rotation_dirty(struct ctl *ctl, unsigned target);
void rotation_work(struct ctl *ctl);
void rotation_phase(struct ctl *ctl, unsigned target);
/* It has answered: a trial may be over. */
void rotation_heard(struct ctl *ctl, unsigned target);
/* Whether clients are answered by the target: it is well, or in maintenance
 * but answers in rotation, and nobody else keeps it out.  One that was not
 * judged yet is not. */
bool rotation_serves(const struct ctl *ctl, unsigned target);
/* Somebody came back: what was held may perhaps leave now. */
void rotation_look_at_held(struct ctl *ctl, unsigned service);
/* The rule that keeps a target that should leave in rotation, or NULL. */
const char *rotation_keeps(const struct ctl *ctl, unsigned target);
void rotation_set_held(struct ctl *ctl, unsigned target, bool held);

/* ctl_depends.c */
/* A bad answer that only reports what is another's fault condemns nobody. */
enum health_input depends_temper(struct ctl *ctl, unsigned target,
				 enum health_input in,
				 const struct result *res);
/* The target has answered, or its counts have changed. */
void depends_answered(struct ctl *ctl, unsigned target);
void depends_look(struct ctl *ctl, unsigned service);
/* The service that @service's excused targets suffer from, or NOTE_NONE; once
 * that is well again, what is left of their time to connect to it, else 0. */
unsigned depends_root(const struct ctl *ctl, unsigned service,
		      int64_t *ret_grace_us);

/* ctl_return.c */
/* The target is DOWN from now on: detected, counted and written down.  @again:
 * it was before this run, too. */
void return_fell(struct ctl *ctl, unsigned target, bool again);
/* What was written down of it. */
void return_restore(struct ctl *ctl, const struct fall *fall);
/* What @in does to a target that is not judged yet: one that an earlier run
 * withdrew comes back as from DOWN.  HEALTH_INPUTS: nothing yet. */
enum health_input return_first(struct ctl *ctl, unsigned target,
			       enum health_input in);
/* Whether an earlier run has withdrawn it, and it is not judged yet. */
bool return_awaited(const struct ctl *ctl, unsigned target);
/* Until when a target that is DOWN is held back, or NONE; and why. */
struct instant return_due(const struct ctl *ctl, unsigned target);
const char *return_why(const struct ctl *ctl, unsigned target);
/* Whether a target that has recovered is held back, which is said once. */
bool return_held(struct ctl *ctl, unsigned target);
/* The time for which it was held back may be over. */
void return_phase(struct ctl *ctl, unsigned target);
/* ctl_groups.c */
int groups_new(struct ctl *ctl); /* 0 or -ENOMEM */
void groups_free(struct ctl *ctl);
/* Whether the target is an instance of a group of databases. */
bool groups_has(const struct ctl *ctl, unsigned target);
void groups_due(struct ctl *ctl, unsigned service);
void groups_facts(struct ctl *ctl, unsigned target,
		  const struct database_facts *facts);
void groups_document(struct ctl *ctl, const struct document *doc);
void groups_withdrawn(struct ctl *ctl, const char *group);
void groups_switchover(struct ctl *ctl, const struct admin *admin);
/* An order or a hook was carried out, or was not. */
void groups_answered(struct ctl *ctl, uint64_t id, const char *failed,
		     bool parted);
/* A rejoin hook of the target was killed with its daemon. */
void groups_interrupted(struct ctl *ctl, unsigned target);
/* Node @node says whether @target is to be, or is being, rejoined. */
void groups_rejoins(struct ctl *ctl, unsigned node, unsigned target, bool on);
/* Bit i of @heard: node i is heard. */
void groups_heard(struct ctl *ctl, uint32_t heard);
/* What is thought of the target may have changed; who is primary may have. */
void groups_look(struct ctl *ctl, unsigned target);
void groups_office(struct ctl *ctl);
void groups_work(struct ctl *ctl);
void groups_route(struct ctl *ctl, const struct route_order *order);
/* Where the target of a group should be; false: it is of none. */
bool groups_wish(const struct ctl *ctl, unsigned target, struct wish *ret_wish);
/* Whether the election's order is carried out now. */
void groups_routed(struct ctl *ctl, unsigned service);
void groups_carry(struct ctl *ctl, unsigned service, const struct ctl *old,
		  unsigned from);

/* ctl_readers.c */
/* Whether the target is another's place among the readers of its group: it is
 * not asked, what the other answers is its evidence. */
bool readers_has(const struct ctl *ctl, unsigned target);
/* That place of an instance of a group, or NOTE_NONE. */
unsigned readers_place(const struct ctl *ctl, unsigned target);
/* Whether the place is that of the group's primary, which others write to. */
bool readers_leads(const struct ctl *ctl, unsigned target);
/* The instance has answered. */
void readers_heard(struct ctl *ctl, unsigned target);
/* The place is about to be compared: it goes down with its instance. */
void readers_follow(struct ctl *ctl, unsigned target);
/* Where it should be when that is not said by its health; false: it is. */
bool readers_wish(const struct ctl *ctl, unsigned target,
		  struct wish *ret_wish);
/* The group is moved: all its places are compared anew. */
void readers_look(struct ctl *ctl, unsigned service);

/* ctl_panic.c */
/* Look whether the service is in panic, after its counts have changed. */
void panic_look(struct ctl *ctl, unsigned service);
/* Whether all of the target's service are to be in rotation. */
bool panic_opens(const struct ctl *ctl, unsigned target);
/* Why a target that is bad is in rotation although it might leave; or NULL. */
const char *panic_keeps(const struct ctl *ctl, unsigned target);

/* ctl_mend.c */
struct server *mend_server(const struct ctl *ctl, unsigned haproxy,
			   unsigned target);
/* Do the next thing that brings the target's server where it is wished. */
void mend(struct ctl *ctl, unsigned haproxy, unsigned target);
/* Whether every HAProxy that answers has the target in (or out of) use. */
bool mend_everywhere(const struct ctl *ctl, unsigned target, bool in_use);
/* Whether no HAProxy that answers knows the target. */
bool mend_absent(const struct ctl *ctl, unsigned target);
/* Keep count of who is in use; to be called when that may have changed. */
void mend_count(struct ctl *ctl, unsigned haproxy, unsigned target);
/* The rule that forbids to take the target out of a HAProxy's pool, or NULL.
 */
const char *mend_forbidden(const struct ctl *ctl, unsigned haproxy,
			   unsigned target);
/* Whether some HAProxy has the target in use; if none answers, whether it
 * should. */
bool mend_rotating(const struct ctl *ctl, unsigned target);
/* Whether somebody else took the target out at some HAProxy. */
bool mend_kept(const struct ctl *ctl, unsigned target);
/* What was written down, or is being, about a server is void, but for its
 * weight where that is ours. */
void mend_disown(struct ctl *ctl, unsigned haproxy, unsigned target);
/* What is written down about a server is to be so anew. */
void mend_rewrite(struct ctl *ctl, unsigned haproxy, unsigned target);
/* A claim is written down, or is not waited for any longer. */
void mend_claimed(struct ctl *ctl, unsigned haproxy, unsigned target);

/* ctl_dynamic.c */
/* Whether the target's server may be added where it is missing. */
bool dynamic_allowed(const struct ctl *ctl, unsigned target);
/* Add the server, or move it to the target's address; and what came of it. */
void dynamic_order(struct ctl *ctl, unsigned haproxy, unsigned target);
void dynamic_ordered(struct ctl *ctl, unsigned haproxy, unsigned target,
		     bool done);
/* Another process answers: what was added is gone. */
void dynamic_lost(struct ctl *ctl, unsigned haproxy);
void dynamic_seen(struct ctl *ctl, const struct haproxy_seen *seen);

/* ctl_haproxy.c */
void haproxy_seen(struct ctl *ctl, const struct haproxy_seen *seen);
void haproxy_ordered(struct ctl *ctl, uint64_t id, const char *failed);
void haproxy_retry(struct ctl *ctl, unsigned haproxy);
void haproxy_claimed(struct ctl *ctl, uint64_t id);
void haproxy_store_late(struct ctl *ctl);

/* ctl_incidents.c */
/* Since when at the earliest the target has been bad. */
struct instant incidents_onset(const struct health *h);
/* Count the target anew; returns whether those that serve, or that should
 * leave, are others now. */
bool incidents_count(struct ctl *ctl, unsigned target);
/* Open one for the target's service, which has none. */
void incidents_down(struct ctl *ctl, unsigned target,
		    const struct incident *finding);
/* What this node's checks found of a target that is DOWN: an incident without
 * a number. */
struct incident incidents_finding(const struct ctl *ctl, unsigned target);
void incidents_update(struct ctl *ctl, unsigned service);
void incidents_acted(struct ctl *ctl, unsigned target);
/* Another node has withdrawn all that is down of @service. */
void incidents_hear_acted(struct ctl *ctl, unsigned service,
			  struct instant acted);
/* A note about @inc, to be filled in; and that of its end, whole. */
struct note *incidents_say(struct ctl *ctl, enum note_kind kind,
			   const struct incident *inc);
void incidents_say_closed(struct ctl *ctl, const struct incident *inc);

/* ctl_share.c */
bool share_is_primary(const struct ctl *ctl);
/* Whether it is this node that writes incidents: the primary, or one that has
 * known none for a while. */
bool share_recorder(const struct ctl *ctl);
uint32_t share_next_number(struct ctl *ctl);
uint32_t share_upcoming_number(const struct ctl *ctl);
/* Tell the recorder, when it is another node, that @target is DOWN. */
void share_find(struct ctl *ctl, unsigned target);
/* What is open of @service or INCIDENT_NODE; NULL: no such service. */
struct incident *share_incident(struct ctl *ctl, unsigned service);
/* Store a new version of @inc. */
void share_write(struct ctl *ctl, struct incident *inc);
/* All that is open is looked at again: others may see it otherwise. */
void share_review_open(struct ctl *ctl);
void share_set_primary(struct ctl *ctl, unsigned primary, uint64_t term);
/* The wait for a primary: begins, and is over. */
void share_arm(struct ctl *ctl);
void share_alone(struct ctl *ctl);
void share_heard(struct ctl *ctl, const struct incidents_heard *heard);

/* ctl_node.c */
void node_primary(struct ctl *ctl, const struct primary_seen *seen);

/* ctl_admin.c */
void admin_event(struct ctl *ctl, const struct admin *admin);
void admin_stored(struct ctl *ctl, uint64_t id, const char *failed);
void admin_expired(struct ctl *ctl, unsigned target);
/* Whether failures of the target are to have no consequences. */
bool admin_holds(const struct ctl *ctl, unsigned target);
/* The cluster's maintenance is another. */
void admin_keep(struct ctl *ctl, enum document_keep keep);
/* A look at the target's maintenance: moves it in or out, drains it on. */
void admin_phase(struct ctl *ctl, unsigned target);
void admin_restore(struct ctl *ctl, const struct maintenance *m);

/* What waits for the disk, or for the end of a maintenance, goes on. */
void admin_carry(struct ctl *ctl, struct ctl *old, unsigned target,
		 unsigned from);
/* Nothing came of it: the target is gone. */
void admin_gone(struct ctl *ctl, struct ctl *old);

/* ctl_begin.c */
void begin(struct ctl *ctl);
void begin_start(struct ctl *ctl, const struct stored *stored);
void begin_restore(struct ctl *ctl, const struct stored *stored);

/* ctl_reload.c */
void reload(struct ctl *ctl, const struct event *ev);

/* Report what the store answered; says a change of its health once. */
void ctl_store_answered(struct ctl *ctl, const char *failed);

#endif
