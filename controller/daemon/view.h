/* What the daemon shows of itself: everything that status, health and metrics
 * are made from, borrowed from the driver that keeps it current. */
#ifndef BASCULE_DAEMON_VIEW_H
#define BASCULE_DAEMON_VIEW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/core/ctl.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

struct metrics;
struct store;
struct window;

#define CLUSTER_NOBODY UINT_MAX

#define CLUSTER_OBSTACLES_MAX 10

/* What is known of a node of the cluster, this one or another. */
struct node_facts {
	bool up; /* heard; this node itself always is */
	bool eligible, misconfigured;
	/* Words of docs/api.md, literals: NULL is "unknown"; the obstacles
	 * end with NULL. */
	const char *role;
	const char *obstacles[CLUSTER_OBSTACLES_MAX + 1];
	unsigned promised_to;     /* or CLUSTER_NOBODY */
	struct instant promised;  /* until then; NONE: no promise */
	struct instant lease_end; /* of the leader; else NONE */
	int64_t rtt_us;           /* negative: not known */
};

/* Datagrams between the nodes that came to one end, a literal. */
struct datagram_fact {
	const char *result;
	uint64_t total;
};

#define CLUSTER_DATAGRAMS_MAX 16

/* The door of an instance that this node hosts (controller/io/door.h). */
struct door_fact {
	unsigned target;
	bool guarded; /* false: in the cluster's maintenance none is */
	struct instant open_until; /* at most; NONE: shut */
};

#define DOOR_FACTS_MAX 32

/* How what the interface shows was other than the election says. */
enum vip_difference {
	VIP_LOST,    /* gone from the primary: added again */
	VIP_LEFT,    /* on a node that is not primary: removed */
	VIP_CLAIMED, /* another machine says that it has one of ours */
	VIP_DIFFERENCES
};

/* What is known of the virtual address here. */
struct vip_facts {
	bool known; /* false: none is configured */
	bool held;  /* all addresses are on the interface */
	bool carrier;
	uint64_t differences[VIP_DIFFERENCES];
};

/* What this node knows of its cluster; nodes by their index in the settings'
 * cluster. */
struct cluster_facts {
	bool known; /* false: a cluster of one, or too early to say */
	bool quorum;
	uint64_t term;
	unsigned primary, leader; /* or CLUSTER_NOBODY */
	/* Until then this node may route what it routes; NONE: nothing. */
	struct instant routing_end;
	/* The cluster's maintenance: NULL, or a word of docs/api.md; and, of a
	 * primary, the nodes (bits) that its end waits for. */
	const char *maintenance;
	uint32_t waits_for;
	bool kept; /* it is in force here: routes need no lease */
	struct vip_facts vip;
	struct node_facts nodes[SETTINGS_NODES_MAX];
	/* Those with a result; in a fixed order. */
	struct datagram_fact datagrams[CLUSTER_DATAGRAMS_MAX];
	unsigned door_count;
	struct door_fact doors[DOOR_FACTS_MAX];
};

/* Nothing is known yet. */
void cluster_facts_init(struct cluster_facts *facts);

/* The door of @target, or NULL; and how long it stays open at most. */
const struct door_fact *cluster_facts_door(const struct cluster_facts *facts,
					   unsigned target);
int64_t door_left_us(const struct door_fact *door, struct instant now);

struct daemon_view {
	const struct settings *set;
	const struct ctl *ctl;
	struct store *store; /* NULL: none yet */
	struct window *window;
	struct metrics *metrics;
	struct instant now, started;
	struct cluster_facts cluster;
	int64_t wall_us, started_wall_us;
	int64_t lag_us;      /* of the loop, the worst of the last 10 s */
	unsigned generation; /* grows when set and ctl are replaced */
};

#endif
