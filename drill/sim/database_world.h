/* Databases on a simulated cluster (cluster_floor.h): instances that
 * replicate, a HAProxy and a client on each node, and the controller of each
 * node, which is the shipped one: its checks, orders and routes go to them.
 *
 * A row is a write.  Rows form a tree, since each knows the one before it: an
 * instance is its last row, and has all that lead to it.  An instance's
 * position is the depth of that row, ROW_BYTES each.
 */
#ifndef BASCULE_DRILL_SIM_DATABASE_WORLD_H
#define BASCULE_DRILL_SIM_DATABASE_WORLD_H

#include "controller/core/ctl.h"
#include "drill/sim/cluster_floor.h"

#define INSTANCES   3
#define NOBODY      INSTANCES
#define ROWS_MAX    (1u << 18)
#define ROW_BYTES   100
#define JOBS_MAX    64
#define WAITING_MAX 16
#define ORDERS_MAX  256
#define RESTING_US  (30 * SECOND) /* after the last fault */

enum database_engine {
	ENGINE_NONE,
	/* A timeline for each primary; one that ran becomes a replica by the
	 * rejoin hook alone; a fence outlives the process. */
	ENGINE_POSTGRESQL,
	/* It starts read-only; whose data parted does not follow. */
	ENGINE_MARIADB,
	/* It starts as a writable primary; whose data parted is overwritten. */
	ENGINE_REDIS,
	ENGINES
};

enum database_what {
	DB_WAKE = WHAT_FLOOR, /* a controller's timer */
	DB_ASKED,             /* at an instance; node | instance << 8, token */
	DB_ANSWER,            /* back at the node */
	DB_TIMEOUT,
	DB_HINT,  /* node | instance << 8: its connection ended */
	DB_ORDER, /* arg: order, at a HAProxy */
	DB_ORDERED,
	DB_POLL, /* node: look what HAProxy does */
	DB_STORED,
	DB_TOLD, /* arg: job, at an instance; life: its serial */
	DB_TOLD_DONE,
	DB_TOLD_LATE,
	DB_HOOKED,
	DB_TICK,     /* node: its client */
	DB_WRITE,    /* node | instance << 8, life: serial, at the instance */
	DB_ACK,      /* node, arg: row, life: serial */
	DB_UP,       /* instance: its process starts */
	DB_READY,    /* ... and serves */
	DB_CONNECT,  /* instance: a replica looks for its source */
	DB_COPIED,   /* instance: a whole copy is there */
	DB_WAL,      /* instance, arg: row, life: stream */
	DB_APPLIED,  /* likewise */
	DB_WAL_ACK,  /* instance, arg: row, life: stream: at its source */
	DB_PROMOTED, /* instance, arg: job */
	DB_VERDICT
};

struct row {
	uint32_t parent, depth;
	uint32_t timeline;
	uint32_t stamp;   /* of the take-over that looked at it last */
	int64_t acked_us; /* 0: not acknowledged */
};

/* A commit that waits for replicas. */
struct waiting {
	uint32_t row, serial;
	unsigned client;
};

struct server {
	bool host, up; /* the machine; the process */
	bool ready;    /* ... serves */
	bool stays_dead;
	int64_t thaw_us;    /* frozen until then */
	int64_t disk_us;    /* nothing is synced until then */
	int64_t slow_us;    /* so late it applies */
	int64_t touched_us; /* something was wrong with it */
	uint32_t life;      /* counts its processes */
	enum database_role role;
	bool fenced, read_only, unready, promoting;
	uint32_t head, applied;
	uint64_t system;
	unsigned source; /* or NOBODY */
	bool streaming;
	bool sending; /* to it, by its source */
	/* It received for long enough to be seen from the one that is routed
	 * to; since when. */
	bool linked;
	int64_t linked_us;
	uint32_t stream; /* counts its connections */
	uint32_t acked[INSTANCES];
	struct waiting waiting[WAITING_MAX];
	unsigned waiting_count;
	enum database_order_kind told;
	int64_t told_us;
	unsigned told_count;
	int64_t took_writes_us; /* when it could take writes last */
};

struct ask {
	uint32_t token, life; /* of the instance that answers */
	uint64_t id;
	struct instant since;
	bool open, reached;
	struct result result;
	bool has_facts;
	struct database_facts facts;
};

/* An order to an instance or a hook. */
struct job {
	uint32_t serial, life; /* of the daemon */
	uint64_t id;
	unsigned node;
	bool failed, parted;
	bool hook;
	struct database_order order;
	const char *why;
};

struct haproxy_job {
	uint32_t life, haproxy_life;
	uint64_t id;
	unsigned node, instance;
	enum server_state state;
};

struct sim_haproxy {
	bool up;
	uint32_t life;
	bool ready[INSTANCES];
	uint32_t sessions[INSTANCES]; /* counts: what has ended differs */
	int64_t busy_us;
};

struct kept {
	struct route_order order;
	char group[DOCUMENT_NAME_MAX + 1], instance[DOCUMENT_NAME_MAX + 1];
	struct instant not_after;
};

/* What a node's daemon is besides its election. */
struct driver {
	struct settings set;
	struct cluster_settings cluster;
	struct ctl *ctl; /* owned; NULL while dead */
	int64_t wake_us, started_us;
	bool started, stepping;
	struct position told;
	struct kept routes[8];
	unsigned route_count;
	bool withdrawn;
	struct document_group wanted;
	bool wants;
	uint64_t routed[16];
	bool routed_done[16];
	unsigned routed_count;
	const struct message *observed;
	unsigned observer;
	unsigned changed; /* bits: targets to tell of */
	int64_t refresh_us;
	unsigned primary;
	uint64_t term;
	uint32_t heard;
	int64_t failed_us[INSTANCES]; /* a check of it did */
	bool held[INSTANCES]; /* a connection, to the process of that life */
	uint32_t held_life[INSTANCES];
	enum server_state seen[INSTANCES]; /* as it was told last */
	struct ask asks[INSTANCES];
};

struct client {
	uint32_t serial;
	bool waits;
	int64_t give_up_us;
	unsigned instance;
	uint32_t session;
};

struct databases {
	struct settings *set; /* owned */
	struct row *rows;     /* owned */
	uint32_t row_count;
	uint32_t *acked; /* owned: rows, in the order of acknowledgement */
	uint32_t acked_count, judged;
	uint32_t stamp;
	struct server servers[INSTANCES];
	struct driver drivers[CLUSTER_NODES];
	struct sim_haproxy haproxies[CLUSTER_NODES];
	struct client clients[CLUSTER_NODES];
	struct job jobs[JOBS_MAX];
	uint32_t serial;
	struct haproxy_job orders[ORDERS_MAX];
	uint32_t order_next;
	struct actions actions;
	int64_t now_us;
	uint32_t token;
	/* By node and instance, by two instances: how often they are cut. */
	int cut[CLUSTER_NODES][INSTANCES];
	int part[INSTANCES][INSTANCES];
	int64_t answer_us; /* of checks, besides */
	int64_t delay_us, period_us, promote_us, start_us, connect_us;
	bool cancels;
	bool emptied; /* an instance came back without its data */
	/* The judge's. */
	struct document_group document; /* as committed last */
	bool decided;
	bool kept;       /* the cluster is in maintenance */
	unsigned routed; /* the last instance that was routed anew */
	uint32_t base;   /* the row that it had then */
	uint32_t last_acked;
	int64_t fencing_us, promoting_us;
	unsigned decider, left;
	/* By node: when it believed that what is left is withdrawn. */
	uint32_t heads[CLUSTER_NODES][INSTANCES];
	uint32_t lost;  /* at the last take-over */
	bool estimated; /* ... and how much it was said to be */
	uint64_t estimate;
	int64_t lost_since_us; /* the first beyond that was acknowledged */
	int64_t quiet_us, well_us, acked_us;
	unsigned dead; /* the instance that stays so, or NOBODY */
};

extern struct databases db;

/* database_row.c */
uint32_t row_add(uint32_t parent, uint32_t timeline);
bool row_leads_to(uint32_t row, uint32_t head);
uint32_t row_common(uint32_t a, uint32_t b);

/* database_server.c */
bool server_alive(const struct cluster *cl, unsigned i);
bool server_writable(const struct cluster *cl, unsigned i);
bool server_linked(const struct cluster *cl, unsigned node, unsigned i);
bool server_paired(const struct cluster *cl, unsigned a, unsigned b);
void server_kill(struct cluster *cl, unsigned i);
void server_start(struct cluster *cl, unsigned i, int64_t after_us);
void server_follow(struct cluster *cl, unsigned i, unsigned source);
void server_promote(struct cluster *cl, unsigned i);
void server_write(struct cluster *cl, const struct happening *h);
void server_facts(const struct cluster *cl, unsigned i,
		  struct database_facts *ret_facts);
void server_happens(struct cluster *cl, const struct happening *h);
bool server_linked_long(unsigned i);
void server_begin(struct cluster *cl);
int64_t database_delay(struct cluster *cl);

/* database_order.c */
void database_order(struct cluster *cl, unsigned node, uint64_t id,
		    const struct database_order *order);
void database_hook(struct cluster *cl, unsigned node, uint64_t id,
		   enum database_hook hook, unsigned target, unsigned source);
void database_order_happens(struct cluster *cl, const struct happening *h);

/* database_node.c */
void driver_start(struct cluster *cl, unsigned node);
void driver_die(struct cluster *cl, unsigned node);
void driver_act(struct cluster *cl, unsigned node,
		const struct election_action *act);
void driver_stepped(struct cluster *cl, unsigned node);
void driver_feed(struct cluster *cl, unsigned node, struct event *ev);
void driver_answer(struct cluster *cl, unsigned node, uint64_t id,
		   const char *failed, bool parted);
void driver_happens(struct cluster *cl, const struct happening *h);
void driver_hint(struct cluster *cl, unsigned instance, uint32_t life);

/* database_ask.c */
void ask_begin(struct cluster *cl, unsigned node, const struct action *act);
void ask_happens(struct cluster *cl, const struct happening *h);

/* database_haproxy.c */
void haproxy_order(struct cluster *cl, unsigned node, const struct action *act);
void haproxy_clear(struct cluster *cl, unsigned node);
void haproxy_start(struct cluster *cl, unsigned node);
void haproxy_happens(struct cluster *cl, const struct happening *h);
void client_begin(struct cluster *cl, unsigned node);
void client_happens(struct cluster *cl, const struct happening *h);

/* database_judge.c */
void database_routed(struct cluster *cl, unsigned node, unsigned instance);
void database_acked(struct cluster *cl, uint32_t row, unsigned instance);
void database_decided(struct cluster *cl, const struct document_group *group);
void database_committed(struct cluster *cl, unsigned node,
			const struct document_group *group);
void database_withdrawn(struct cluster *cl, unsigned node);
void database_noted(struct cluster *cl, unsigned node, const struct note *note);
void database_quiet(struct cluster *cl, const struct cluster_step *step);
void database_verdict(struct cluster *cl);

/* database_fault.c */
void database_step(struct cluster *cl, const struct cluster_step *step);
void database_mend(struct cluster *cl, const struct cluster_step *step,
		   unsigned one, unsigned other);
void database_heal(struct cluster *cl);
void database_power(struct cluster *cl, unsigned node, bool on);

/* database_draw.c */
void database_draw(struct cluster_script *script, struct rng *rng,
		   int64_t *at_us);
void database_draw_settings(struct cluster_script *script, struct rng *rng);

/* database_settings.c */
int database_settings(struct cluster *cl);
const char *instance_name(unsigned i);
unsigned instance_named(const char *name);

#endif
