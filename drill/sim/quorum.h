/* What the program quorum and its mutants' part share. */
#ifndef BASCULE_DRILL_SIM_QUORUM_H
#define BASCULE_DRILL_SIM_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "drill/sim/cluster.h"

/* Simulated time of one seed. */
#define QUORUM_LENGTH_US (5 * MINUTE)

struct quorum_options {
	double hours;
	uint64_t seed;
	unsigned nodes; /* 0: drawn */
	unsigned seeds; /* of each scenario */
	const char *json, *commit, *run, *folder, *mutant;
	bool trace, mutants;
};

double quorum_cpu_s(void);

/* Shrink @script, which went wrong as @result says, and write it to @path
 * with @breaks as the rule without which it fails. */
int quorum_write_failure(struct cluster *cl, struct cluster_script *script,
			 const struct cluster_result *result,
			 const char *breaks, const char *path);

/* quorum_hunt.c, of the program with mutants: catch each of them.  Returns
 * the exit status. */
int quorum_hunt(struct cluster *cl, const struct quorum_options *opt);

/* Break the rules of the mutant @name, "" for none; -ENOENT if unknown. */
int quorum_break(const char *name);

#endif
