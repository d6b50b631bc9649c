/* Of no use without them; the makefile says so for the rest of the program. */
#ifndef BASCULE_MUTANTS
#define BASCULE_MUTANTS
#endif

#include "controller/core/rule.h"
#include "drill/sim/mutants.h"

/* The rules of groups of databases: docs/databases.md. */

#define OFF(NAME) ((uint64_t)1 << RULE_##NAME)

const struct mutant mutants[] = {
	{ "no-fencing-wait", OFF(GROUP_WAIT),
	  "promotes while the one that is left may still be routed" },
	{ "any-replica", OFF(PLAN_NO_LOSS),
	  "no-loss: promotes one that may lack acknowledged writes" },
	{ "not-the-best", OFF(PLAN_BEST),
	  "promotes by priority, whatever the positions" },
	{ "never-linked", OFF(PLAN_APART),
	  "compares one that never took anything from that primary" },
	{ "moving-positions", OFF(GROUP_STILL),
	  "compares positions from before the writes ended" },
	{ "asked-before", OFF(GROUP_ASKED),
	  "takes answers to questions from before for new ones" },
	{ "no-catch-up", OFF(GROUP_CATCH_UP),
	  "hands over before the successor has all" },
	{ "no-verify", OFF(GROUP_VERIFY),
	  "routes to the successor before it took a write" },
	{ "no-epoch", OFF(GROUP_EPOCH) | OFF(DECIDE_FOLLOWS),
	  "promotes under the same epoch (and decisions may go back)" },
	{ "stale-decision", OFF(DECIDE_OFFICE) | OFF(DECIDE_FOLLOWS),
	  "writes what it wanted in an earlier office" },
	{ "withdrawn-forgotten", OFF(GROUP_WITHDRAWN_FIRST),
	  "forgets what it heard right before its office" },
	{ "one-node", OFF(GROUP_CONFIRM),
	  "leaves a primary that it alone finds down" },
	{ "stale-estimate", OFF(GROUP_HEARD),
	  "estimates the loss from facts however old" },
	{ "follow-endlessly", OFF(GROUP_PATIENCE),
	  "tells a replica without a link to follow, again and again" },
	{ "old-reign", OFF(GROUP_REIGN),
	  "judges by what the primary said in an earlier reign" },
	{ "any-answer", OFF(GROUP_ANSWER),
	  "takes the answer to something else for the one it waits for" },
	{ "held-back", OFF(GROUP_HELD_BACK),
	  "one that is held back for flapping counts as down" },
};

const unsigned mutant_count = sizeof(mutants) / sizeof(mutants[0]);
