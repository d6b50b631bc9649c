/* The inside of a simulated cluster, shared by the files that make it up. */
#ifndef BASCULE_DRILL_SIM_CLUSTER_WORLD_H
#define BASCULE_DRILL_SIM_CLUSTER_WORLD_H

#include "controller/core/election.h"
#include "controller/core/guard.h"
#include "controller/core/hard.h"
#include "controller/core/rng.h"
#include "controller/core/rule.h"
#include "drill/sim/cluster.h"

#define FOREVER_US  INT64_MAX
#define SLOTS_MAX   4096
#define SLOT_BYTES  640
#define QUEUE_MAX   16384
#define CHANGES_MAX 65536

enum what {
	WHAT_MESSAGE,  /* arg: slot */
	WHAT_WAKE,     /* the daemon's timer */
	WHAT_STORED,   /* arg: 1 done, 0 failed */
	WHAT_ROUTE,    /* the next route order */
	WHAT_PROMOTE,  /* promote work begins: check, then act */
	WHAT_ADD,      /* the promote hook adds the address */
	WHAT_PROMOTED, /* arg: 1 done, 0 failed */
	WHAT_DEMOTED,  /* the release has done its work outside */
	WHAT_RELEASED, /* ... and the daemon hears of it */
	WHAT_LOCAL,    /* obstacles have changed */
	WHAT_MOVER,    /* look after groups on the move */
	WHAT_START,
	WHAT_GUARD_WAKE,
	WHAT_GUARD_PIPE,
	WHAT_GUARD_KILLED,
	WHAT_GUARD_RELEASED,
	WHAT_GUARD_RESIGN,
	WHAT_GUARD_NEW,
	WHAT_STOP_HOOK,
	WHAT_MEND, /* arg: what for a span ends, see cluster_fault.c */
	WHAT_STEP, /* arg: index */
	WHAT_VERDICT,
	WHAT_FLOOR /* and more: cluster_floor.h */
};

struct cluster_floor;

struct happening {
	int64_t at_us;
	uint64_t order;
	uint32_t what, arg;
	uint32_t node;
	uint32_t life; /* of the process that it belongs to */
};

struct sim_route {
	uint64_t id;
	int group;
	int instance; /* 0: withdraw */
	struct instant not_after;
	bool checked;
};

struct machine {
	/* Its clock: offset + t + t * ppm / 10^6. */
	int64_t offset_us, ppm;

	/* The daemon. */
	struct election *election; /* owned; NULL while dead */
	uint32_t life;             /* counts the daemons; stale events differ */
	int64_t thaw_us;           /* frozen until then */
	int64_t wake_us;           /* when its timer is set */
	struct instant wake_for;
	unsigned obstacles;
	int64_t freeze_act_us; /* freeze so long at the next act */
	bool stays_dead;
	int64_t start_us; /* not before */
	int64_t lease_us; /* at its next start */
	struct instant hurried;

	/* Its disk. */
	uint8_t disk[HARD_BYTES_MAX], writing[HARD_BYTES_MAX];
	size_t disk_size, writing_size;
	uint64_t store_id; /* 0: no write under way */
	int64_t slow_us;   /* 0: as usual */
	int64_t stored_us; /* when the last write ends */
	bool fails;

	/* What it does outside. */
	struct sim_route orders[32];
	unsigned order_first, order_count;
	uint64_t promote_id, release_id;
	struct instant promote_not_after;
	bool promote_checked, release_routes;
	uint32_t child_life;
	bool child;
	bool active;                /* what promote adds is there */
	int routes[CLUSTER_GROUPS]; /* instance, or 0 */
	bool keeps; /* the file of what to withdraw is not there */

	/* The guard. */
	struct guard guard;
	struct guard_page page;
	bool guard_alive;
	uint32_t guard_life;
	struct instant guard_for;
	unsigned guard_sent;
	bool hook_pending;
	bool unreleased; /* until the next start has released */
	bool resigned;   /* the page's lease, by the guard */

	/* The one who moves groups, while primary. */
	bool withdrawn[CLUSTER_GROUPS];
	int64_t mover_us;
};

struct slot {
	uint32_t size, next;
	uint8_t bytes[SLOT_BYTES];
};

/* How the world is on a good day; drawn at the start. */
struct weather {
	int64_t delay_min_us, delay_span_us;
	unsigned loss, doubled, late; /* per mille */
	int64_t late_span_us;
	int64_t disk_min_us, disk_span_us;
	int64_t timer_span_us;
	unsigned full_release, failing_promote; /* per mille */
	int64_t promote_span_us, mover_span_us;
};

struct cluster {
	const struct cluster_script *script; /* borrowed for the run */
	struct cluster_result *result;       /* borrowed for the run */
	const struct cluster_floor *floor;   /* NULL: none */
	void (*trace)(void *arg, const char *line);
	void *trace_arg;

	int64_t now_us;
	uint64_t order, step_order; /* the next one; that of the first step */
	struct rng rng;
	struct weather weather;
	unsigned loss; /* besides the weather's */
	unsigned hurry;
	int cut[CLUSTER_NODES][CLUSTER_NODES]; /* from, to: how often */
	uint32_t cut_life;
	bool split_armed, crash_armed;
	struct cluster_step split, crash;
	int mute[CLUSTER_NODES]; /* kind of message that is lost, or 0 */

	struct election_settings settings[CLUSTER_NODES];
	struct machine machines[CLUSTER_NODES];
	struct election_actions out;

	struct happening queue[QUEUE_MAX];
	unsigned queue_count;
	struct slot slots[SLOTS_MAX];
	uint32_t slot_free;

	/* The ledger: each decision has a number, and the one before it. */
	uint32_t parent[CHANGES_MAX];
	uint32_t changes, committed;

	int64_t quiet_us;   /* of the last fault, or FOREVER */
	int64_t well_us;    /* first time all was well after it */
	int64_t longest_us; /* lease that any node ever ran with */
	struct document scratch;
};

/* cluster.c */
void cluster_say(struct cluster *cl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void cluster_at(struct cluster *cl, int64_t at_us, unsigned what, unsigned node,
		uint32_t life, uint32_t arg);
int64_t cluster_below(struct cluster *cl, int64_t bound);
bool cluster_chance(struct cluster *cl, unsigned per_mille);

/* cluster_net.c */
void net_init(struct cluster *cl);
void net_send(struct cluster *cl, unsigned from, unsigned to,
	      const struct message *msg);
void net_arrive(struct cluster *cl, unsigned to, uint32_t slot);
bool net_linked(const struct cluster *cl, unsigned a, unsigned b);

/* cluster_daemon.c */
struct instant daemon_clock(const struct cluster *cl, unsigned node);
int64_t daemon_real_us(const struct cluster *cl, unsigned node,
		       struct instant at);
bool daemon_frozen(const struct cluster *cl, unsigned node);
void daemon_feed(struct cluster *cl, unsigned node, struct election_event *ev);
void daemon_start(struct cluster *cl, unsigned node);
void daemon_die(struct cluster *cl, unsigned node);
void daemon_happens(struct cluster *cl, const struct happening *h);
void daemon_local(struct cluster *cl, unsigned node, unsigned obstacle,
		  bool on);

/* cluster_outside.c */
void outside_promote(struct cluster *cl, unsigned node);
void outside_route(struct cluster *cl, unsigned node);
void outside_clear(struct cluster *cl, unsigned node, bool routes);
void outside_kill_children(struct cluster *cl, unsigned node);
void outside_release(struct cluster *cl, unsigned node);
void outside_happens(struct cluster *cl, const struct happening *h);
void outside_mover(struct cluster *cl, unsigned node);
void outside_decide(struct cluster *cl, unsigned node, struct document *doc);

/* cluster_guard.c */
void guard_arm(struct cluster *cl, unsigned node);
void guard_begin(struct cluster *cl, unsigned node);
void guard_happens(struct cluster *cl, const struct happening *h);

/* cluster_fault.c */
void fault_step(struct cluster *cl, const struct cluster_step *step);
void fault_mend(struct cluster *cl, const struct happening *h);
void fault_document(struct cluster *cl, unsigned node);
void fault_committed(struct cluster *cl, unsigned node);
unsigned fault_primary(const struct cluster *cl);
void fault_mend_later(struct cluster *cl, const struct cluster_step *step,
		      unsigned node);

/* cluster_judge.c */
void judge_wrong(struct cluster *cl, enum cluster_wrong wrong, const char *fmt,
		 ...) __attribute__((format(printf, 3, 4)));
void judge_active(struct cluster *cl, unsigned node);
void judge_route(struct cluster *cl, unsigned node, int group);
void judge_leader(struct cluster *cl, unsigned node);
void judge_withdrawn(struct cluster *cl, unsigned node, int group);
void judge_primary(struct cluster *cl, unsigned node);
void judge_committed(struct cluster *cl, unsigned node);
uint32_t judge_change(struct cluster *cl, uint32_t parent);
void judge_well(struct cluster *cl);
void judge_verdict(struct cluster *cl);
int64_t judge_bound_us(const struct cluster *cl);

/* cluster_script.c */
bool cluster_step_is_of_databases(const struct cluster_step *step);

#endif
