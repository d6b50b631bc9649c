/* A simulated cluster: whole nodes under a virtual clock, from one seed.
 *
 * The election and the guard are the shipped code; what stands around them
 * (network, processes, disks, clocks, operators, what promote work and routes
 * do outside) is simulated, and goes wrong as the script says.  After every
 * event the claim of docs/protocol.md is checked.
 */
#ifndef BASCULE_DRILL_SIM_CLUSTER_H
#define BASCULE_DRILL_SIM_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/election.h"
#include "controller/core/err.h"

#define CLUSTER_NODES     5
#define CLUSTER_GROUPS    2
#define CLUSTER_INSTANCES 3 /* of each group; numbered from 1 */
#define CLUSTER_STEPS_MAX 4096
#define CLUSTER_TEXT_MAX  200

/* Nodes that are known only when the step is due. */
#define CLUSTER_PRIMARY  100
#define CLUSTER_FOLLOWER 101
#define CLUSTER_ANY      102

enum cluster_step_kind {
	STEP_KILL,       /* the daemon; it starts again after span, 0: never */
	STEP_KILL_BOTH,  /* daemon and guard; the stop hook runs, or, with
			    value 1 and if there is time, the next start */
	STEP_POWER,      /* the whole machine */
	STEP_FREEZE,     /* the daemon, for span */
	STEP_FREEZE_ACT, /* ... between the next check and its act */
	STEP_GUARD,      /* the guard dies, a new one comes after span */
	STEP_START,
	STEP_WIPE,         /* the machine loses its state and starts anew */
	STEP_CUT,          /* from node to other, one way, for span; 0: stays */
	STEP_HEAL,         /* every link and all loss */
	STEP_ISOLATE,      /* all links of node, both ways, for span */
	STEP_LINK,         /* isolate node, and link other with it after span */
	STEP_SPLIT,        /* node and other against the rest, for span */
	STEP_SPLIT_COMMIT, /* the same with the primary's next document */
	STEP_CRASH_COMMIT, /* some node loses its power and the primary its
			      links with the next commit, for span */
	STEP_MUTE,        /* node's messages of kind value are lost, for span */
	STEP_LOSS,        /* value per mille, of all messages, for span */
	STEP_SLOW,        /* node's disk: a write takes value us, for span */
	STEP_FAIL,        /* node's disk: no write succeeds, for span */
	STEP_HAND_OVER,   /* to node, or any */
	STEP_MAINTENANCE, /* of node, for span */
	STEP_CHECKS,      /* of node do not pass, for span */
	STEP_MOVE,        /* group value away from its instance */
	STEP_KEEP,        /* the cluster's maintenance: value 1 on, 0 off */
	STEP_LEASE,       /* value: another lease; all restart, span apart */
	STEP_HURRY,       /* value per mille of the standing delays are 0 */
	STEP_QUIET,       /* the last fault: all is mended but the nodes whose
			     bits are in value stay dead, and the link between
			     node and other is cut if they differ */
	/* Of databases; node is an instance, or the group's primary or one of
	 * its replicas, where it is not said otherwise. */
	STEP_DB_KILL,    /* its process; it starts again after span, 0: never */
	STEP_DB_EMPTY,   /* the same, and its data are gone */
	STEP_DB_HOST,    /* its machine: nothing answers, for span */
	STEP_DB_FREEZE,  /* for span */
	STEP_DB_DISK,    /* nothing is synced, for span */
	STEP_DB_SLOW,    /* it applies value us late, for span */
	STEP_DB_CUT,     /* other, a node, and it do not reach each other */
	STEP_DB_PART,    /* other, an instance, and it do not */
	STEP_DB_ISOLATE, /* nobody reaches it, but value 1: node of the same
			    number, and its HAProxy */
	STEP_DB_SWITCHOVER,  /* to node, or any */
	STEP_DB_MAINTENANCE, /* of node, for span */
	STEP_DB_CANCEL,      /* clients cancel waits for replicas, for span */
	STEP_KINDS
};

struct cluster_step {
	int64_t at_us, span_us, value;
	enum cluster_step_kind kind;
	unsigned node, other;
};

struct cluster_script {
	uint64_t seed; /* of the world and of each node */
	unsigned nodes;
	bool witness; /* the last node is one */
	bool preempt;
	int64_t heartbeat_us, lease_us, routing_lease_us;
	int64_t drift_ppm; /* that the clocks have; the nodes allow 20000 */
	/* Of databases. */
	unsigned engine;     /* enum database_engine of database_world.h */
	bool no_loss, apart; /* apart: on machines of their own */
	bool canary;
	int64_t cooldown_us;
	int64_t end_us;
	unsigned step_count;
	struct cluster_step steps[CLUSTER_STEPS_MAX]; /* none before another */
	char breaks[40]; /* the rule without which it fails; or "" */
};

enum cluster_wrong {
	WRONG_NOTHING,
	WRONG_TWO_PRIMARIES,
	WRONG_TWO_LEASES,
	WRONG_TWO_ROUTES,
	WRONG_LOST, /* a committed document */
	WRONG_TWO_LEADERS,
	WRONG_STUCK,      /* no primary in time, or not followed */
	WRONG_WRITE_LOST, /* an acknowledged one, against the promise */
	WRONG_ESTIMATE,   /* of what was lost */
	WRONG_PLAN,       /* a step without the one before it */
	WRONG_IDLE,       /* nobody takes writes although somebody could */
	WRONG_KINDS
};

#define CLUSTER_RECOVERIES_MAX 512

struct cluster_result {
	enum cluster_wrong wrong;
	char text[CLUSTER_TEXT_MAX];
	int64_t at_us; /* when it went wrong, or the end */
	uint64_t hash; /* of all that happened */
	uint64_t events, messages, elections, moves, commits, drifts;
	/* After each quiet: how long until all was well, in per mille of the
	 * bound. */
	unsigned recovery_count;
	unsigned recoveries[CLUSTER_RECOVERIES_MAX];
	/* Of databases: rows acknowledged, and of these lost; take-overs. */
	uint64_t rows, rows_lost, failovers, switchovers;
};

struct cluster;

/* NULL when memory is out; may be run again and again. */
struct cluster *cluster_new(void);
void cluster_free(struct cluster *cl);

/* Where to print what happens; NULL: nowhere. */
void cluster_trace(struct cluster *cl, void (*line)(void *arg, const char *),
		   void *arg);

void cluster_run(struct cluster *cl, const struct cluster_script *script,
		 struct cluster_result *ret_result);

/* A script from one seed: faults every few seconds, quiet now and then.
 *
 * @nodes: 0: drawn too. */
void cluster_draw(struct cluster_script *script, uint64_t seed, unsigned nodes,
		  int64_t length_us);

/* Make @script shorter while it goes wrong in the same way; each attempt is
 * made under @seeds seeds.  Returns the number of attempts. */
unsigned cluster_shrink(struct cluster *cl, struct cluster_script *script,
			enum cluster_wrong wrong, unsigned seeds);

/* Set to 0 what its kind of step does not use. */
void cluster_step_tidy(struct cluster_step *step);

/* Scripts as text. */
size_t cluster_script_print(const struct cluster_script *script, char *buf,
			    size_t size);
int cluster_script_read(const char *text, struct cluster_script *ret_script,
			struct err *err);

const char *cluster_wrong_name(enum cluster_wrong wrong);

#endif
