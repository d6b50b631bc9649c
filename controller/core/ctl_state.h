/* The controller from the inside: shared by the ctl*.c files alone.
 *
 * ctl.c steps and answers questions; ctl_checks.c asks targets and judges
 * answers; ctl_rotation.c says who is in rotation and brings HAProxy there;
 * ctl_haproxy.c hears what HAProxy shows and answers; ctl_incidents.c keeps the
 * incidents; ctl_admin.c does what people want; ctl_begin.c starts and reloads.
 */
#ifndef BASCULE_CORE_CTL_STATE_H
#define BASCULE_CORE_CTL_STATE_H

#include "controller/core/ctl.h"
#include "controller/core/rng.h"
#include "controller/core/schedule.h"
#include "controller/core/server.h"

/* A step this much later than asked means that this node stood still. */
#define STALL_US (200 * MS)
/* HAProxy is told without a written claim when the disk takes longer. */
#define STORE_PATIENCE_US (20 * MS)
#define RETRY_US_MIN      (1 * SECOND)
#define RETRY_US_MAX      (60 * SECOND)
#define RAMP_STEPS        10

struct target {
	struct health health;
	const char *why;       /* of the last transition; static text */
	uint64_t check;        /* id of the check under way, 0 if none */
	bool stale;            /* ... and its answer will not count */
	bool waiting;          /* for a place among the checks under way */
	uint32_t next_waiting; /* target index; NOTE_NONE ends the queue */
	struct instant asked;
	uint64_t checks;
	struct wish wish;
	bool out;      /* leaves the rotation, as far as we are concerned */
	bool held;     /* should be out, but the governor forbids it */
	bool kept_out; /* by an operator, at some HAProxy */
	bool told_out; /* NOTE_WITHDRAWN was given */
	bool told_in;  /* NOTE_RESTORED was given, or was never due */
	bool dirty;    /* its servers are to be compared */
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
	unsigned rotating; /* targets in rotation */
	unsigned held;
	struct incident incident; /* number 0: none open */
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
	struct instant epoch;      /* phases of checks count from here */
	struct target *targets;    /* owned */
	struct service *services;  /* owned */
	struct haproxy *haproxies; /* owned */
	struct server *servers;    /* owned: [haproxy * targets + target] */
	uint32_t *dirty;           /* owned: ring of target indices */
	unsigned dirty_first, dirty_count;
	struct schedule *schedule;      /* owned */
	struct maintenance maintenance; /* of the whole node */
	uint64_t maintenance_store, maintenance_token;
	uint32_t last_incident;
	bool store_ok;
	unsigned storing; /* claims waiting for the disk */
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
unsigned slot_node_expiry(const struct ctl *ctl);
unsigned slot_count(const struct settings *set);

/* The most actions that one unit of work (one target compared, one check
 * asked, one result judged) can bring. */
unsigned ctl_unit(const struct ctl *ctl);
bool ctl_room(const struct ctl *ctl);

/* Action ids say what they are about, so that an answer needs no table. */
enum id_kind { ID_CHECK = 1, ID_ORDER, ID_CLAIM, ID_INCIDENT, ID_MAINTENANCE };
uint64_t ctl_id(struct ctl *ctl, enum id_kind kind, unsigned haproxy,
		unsigned target);
enum id_kind id_kind(uint64_t id);
unsigned id_haproxy(uint64_t id);
unsigned id_target(uint64_t id);

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

/* ctl_checks.c */
void checks_due(struct ctl *ctl, unsigned target);
void checks_evidence(struct ctl *ctl, const struct event *ev);
void checks_stalled(struct ctl *ctl, int64_t late_us);
void checks_schedule(struct ctl *ctl, unsigned target);
/* Move a target's health by @in and let everything follow. */
void checks_move(struct ctl *ctl, unsigned target, enum health_input in);

/* ctl_rotation.c */
void rotation_changed(struct ctl *ctl, unsigned target);
void rotation_dirty(struct ctl *ctl, unsigned target);
void rotation_work(struct ctl *ctl);
void rotation_phase(struct ctl *ctl, unsigned target);
struct server *rotation_server(const struct ctl *ctl, unsigned haproxy,
			       unsigned target);

/* ctl_haproxy.c */
void haproxy_seen(struct ctl *ctl, const struct haproxy_seen *seen);
void haproxy_ordered(struct ctl *ctl, uint64_t id, const char *failed);
void haproxy_retry(struct ctl *ctl, unsigned haproxy);
void haproxy_claimed(struct ctl *ctl, uint64_t id);
void haproxy_store_late(struct ctl *ctl);

/* ctl_incidents.c */
void incidents_down(struct ctl *ctl, unsigned target);
void incidents_update(struct ctl *ctl, unsigned service);
void incidents_acted(struct ctl *ctl, unsigned service);
unsigned incidents_serving(const struct ctl *ctl, unsigned service);

/* ctl_admin.c */
void admin_event(struct ctl *ctl, const struct admin *admin);
void admin_stored(struct ctl *ctl, uint64_t id, const char *failed);
void admin_expired(struct ctl *ctl, unsigned target);
/* Whether failures of the target are to have no consequences. */
bool admin_holds(const struct ctl *ctl, unsigned target);
/* A look at the target's maintenance: moves it in or out, drains it on. */
void admin_phase(struct ctl *ctl, unsigned target);
void admin_restore(struct ctl *ctl, const struct maintenance *m);

/* ctl_begin.c */
void begin_start(struct ctl *ctl, const struct stored *stored);
void begin_reload(struct ctl *ctl, const struct event *ev);

/* Report what the store answered; says a change of its health once. */
void ctl_store_answered(struct ctl *ctl, const char *failed);

#endif
