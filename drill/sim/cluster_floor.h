/* What may stand on a simulated cluster: it hears what the elections want and
 * has faults of its own.
 *
 * Everything happens within cluster_run(): a floor asks for its events by
 * cluster_at(), whose `what` is WHAT_FLOOR or more, and says what is wrong by
 * judge_wrong().  Without one, groups are moved about by cluster_outside.c.
 */
#ifndef BASCULE_DRILL_SIM_CLUSTER_FLOOR_H
#define BASCULE_DRILL_SIM_CLUSTER_FLOOR_H

#include "drill/sim/cluster_world.h"

struct cluster_floor {
	const char *name; /* of what it is about: "databases" */
	int64_t rest_us;  /* from the last fault of a round to its end */
	/* A run begins: the machines are there, nobody has started. */
	void (*begin)(struct cluster *cl);
	/* The daemon of a node, before its election starts; and its end. */
	void (*start)(struct cluster *cl, unsigned node);
	void (*die)(struct cluster *cl, unsigned node);
	/* The whole machine. */
	void (*power)(struct cluster *cl, unsigned node, bool on);
	/* Of a step of the election: an action; and all are carried out. */
	void (*act)(struct cluster *cl, unsigned node,
		    const struct election_action *act);
	void (*stepped)(struct cluster *cl, unsigned node);
	/* All routes of a node are withdrawn, by whomever. */
	void (*clear)(struct cluster *cl, unsigned node);
	void (*happens)(struct cluster *cl, const struct happening *h);
	/* Faults: one step, the end of one, the end of all. */
	void (*step)(struct cluster *cl, const struct cluster_step *step);
	void (*mend)(struct cluster *cl, const struct cluster_step *step,
		     unsigned one, unsigned other);
	void (*heal)(struct cluster *cl);
	void (*quiet)(struct cluster *cl, const struct cluster_step *step);
	/* Draw one at script->steps[script->step_count]; *at_us grows by how
	 * long it takes to do. */
	void (*draw)(struct cluster_script *script, struct rng *rng,
		     int64_t *at_us);
	void (*draw_settings)(struct cluster_script *script, struct rng *rng);
};

/* The one of this program; NULL: none. */
const struct cluster_floor *cluster_floor(void);

#endif
