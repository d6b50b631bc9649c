/* One side of the comparison: runs its faults one after the other on a stage
 * of its own and writes down what came of them. */
#ifndef BASCULE_DRILL_LIVE_CONTEST_H
#define BASCULE_DRILL_LIVE_CONTEST_H

#include "drill/live/stage.h"
#include "drill/live/witness.h"
#include "report/drill.h"

struct contest_fault {
	/* KILL, KILL_ALL, PAUSE, STATUS or KILL_NODE */
	enum drill_fault_type type;
	unsigned times;
};

struct contest {
	const char *name; /* "bascule" or "baseline" */
	struct stage_settings settings;
	const struct contest_fault *faults; /* ended by times 0 */
	unsigned seed;
	struct drill_report *report; /* borrowed: runs are added */
	struct err err;              /* when it could not go on */
	int result;                  /* 0 or a negative errno */
	/* inside */
	struct stage stage;
	struct witness witness;
	unsigned done, total;
};

/* Run it all, telling progress on stdout; the outcome is in @contest. */
void contest_run(struct contest *contest);

#endif
