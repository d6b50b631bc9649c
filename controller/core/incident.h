/* Incidents: the time a service spent not whole, and why.
 *
 * An incident belongs to a service: opened by its first target that goes
 * DOWN, raised to the total severity when fewer than min_up (at least one)
 * are left, closed when no target is DOWN or RECOVERING any more.  The loss of
 * the primary node is one too, of INCIDENT_NODE.
 *
 * In a cluster one node, the recorder, writes the record and the others take
 * it over.  Of two versions the newer one counts (incident_newer()).  Where
 * two nodes that could not hear each other opened one each for the same
 * outage, the lower number takes the other over (incident_absorb()), and the
 * record of the higher one only says into which it was merged.
 */
#ifndef BASCULE_CORE_INCIDENT_H
#define BASCULE_CORE_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

/* In place of a service's index: the nodes themselves; the target is then the
 * index of the node that was lost.  And how that is called. */
#define INCIDENT_NODE      (UINT32_MAX - 1)
#define INCIDENT_NODE_NAME "node"

struct incident {
	uint32_t number;  /* from 1, never used twice in a cluster; 0: none */
	uint32_t service; /* index; NOTE_NONE once a reload removed it */
	uint32_t target;  /* the one that opened it, likewise */
	/* The version: the term of the primary that wrote it, 0 of a node that
	 * had none; and how often it was written. */
	uint64_t term;
	uint32_t revision;
	uint32_t merged_into; /* a number: this is no incident any more */
	uint32_t nodes;       /* bit i: node i saw it; 0 without a cluster */
	enum severity severity;
	struct result cause;       /* the evidence that completed the verdict */
	unsigned targets_down_max; /* the most that were DOWN at once */
	bool total;       /* fewer than min_up were left at some time */
	bool held;        /* min_up kept a dead server in rotation */
	bool maintenance; /* closed because its targets went into maintenance */
	/* Points in time; NONE where it has not happened. */
	struct instant onset_min, onset_max, detected, acted, recovered;
	/* The same for people, 0 where it has not happened. */
	int64_t onset_min_wall_us, onset_max_wall_us, detected_wall_us,
		acted_wall_us, recovered_wall_us;
	int64_t outage_us;           /* time with fewer than min_up serving */
	struct instant outage_since; /* NONE when enough serve */
};

static inline bool incident_open(const struct incident *inc)
{
	return inc->number != 0 && instant_is_none(inc->recovered);
}

/* The lowest number above @last that only @node gives: in a cluster the last
 * digit tells the nodes apart (from 1), alone (@nodes 1) they follow one
 * another. */
uint32_t incident_next_number(uint32_t last, unsigned node, unsigned nodes);

/* Whether @a is a newer version than @b of the same record. */
bool incident_newer(const struct incident *a, const struct incident *b);

/* Whether two numbers stand for one outage: the same service at the same time,
 * by two nodes that did not know of each other's. */
bool incident_same(const struct incident *a, const struct incident *b);

/* Make one of two: @into, which has the lower number, lasts from the earlier
 * beginning to the later end, and @other refers to it. */
void incident_absorb(struct incident *into, struct incident *other);

/* What another node found belongs to @inc: it began then, if that is earlier,
 * and what was found first is its cause.  Returns whether that changed it. */
bool incident_precede(struct incident *inc, const struct incident *finding);

/* @when as wall time, on the clock by which the detection was written down, so
 * that spans are right although nodes' clocks differ. */
int64_t incident_wall_us(const struct incident *inc, struct instant when);

/* Names of the nodes that saw it, parted by commas; and the same read back,
 * without the names that are no node's.  @cluster may be NULL. */
const char *incident_nodes_text(uint32_t nodes,
				const struct cluster_settings *cluster,
				char *buf, size_t size);
uint32_t incident_nodes_read(const char *text,
			     const struct cluster_settings *cluster);

/* Account @serving targets from @now on: starts or ends outage time. */
void incident_serving(struct incident *inc, unsigned serving, unsigned wanted,
		      struct instant now);

/* Spans for people; negative when not known yet.  Detection is counted from
 * the earliest possible onset, so it errs to the long side. */
int64_t incident_detection_us(const struct incident *inc);
int64_t incident_action_us(const struct incident *inc);
int64_t incident_recovery_us(const struct incident *inc);

#endif
