/* RULE(NAME): true, in everything that is shipped.
 *
 * The name stands where a rule of docs/protocol.md is obeyed, so that code
 * and page can be read side by side.  The simulator is also built with
 * BASCULE_MUTANTS, which lets it break one rule after the other and show that
 * each is missed: drill/sim/mutants.c names and explains them.
 */
#ifndef BASCULE_CORE_RULE_H
#define BASCULE_CORE_RULE_H

#include <stdint.h>

enum rule {
	RULE_PROMISE,
	RULE_PROMISE_DRIFT,
	RULE_PROMISE_BOOT,
	RULE_PROMISE_LONGEST,
	RULE_PROMISE_OWN,
	RULE_LEASE_SENT,
	RULE_LEASE_QUORUM,
	RULE_LEASE_THIS_TERM,
	RULE_VOTE_ONCE,
	RULE_VOTE_IN_OFFICE,
	RULE_VOTE_POSITION,
	RULE_VOTE_SYNC,
	RULE_ACK_SYNC,
	RULE_DOCUMENT_SYNC,
	RULE_COMMIT,
	RULE_PRIMARY_COMMIT,
	RULE_REWRITE,
	RULE_QUORUM,
	RULE_RESIGN_RELEASED,
	RULE_RESIGN_TERM,
	RULE_RESIGN_LEADER,
	RULE_KILL_FIRST,
	RULE_WAIT,
	RULE_WAIT_ECHO,
	RULE_WAIT_OFFICE,
	RULE_WAIT_DRIFT,
	RULE_WAIT_FORMER,
	RULE_WAIT_BOOT,
	RULE_WAIT_LONGEST,
	RULE_ROUTE_STEADY,
	RULE_ROUTE_COMMITTED,
	RULE_ROUTE_END,
	RULE_ROUTE_EACH,
	RULE_GUARD,
	RULE_GUARD_ROUTES,
	RULE_COMEBACK,
	RULE_PRE_VOTE,
	RULE_TERMS,
	RULE_DEAF,
	RULE_AHEAD,
	RULE_KEEP_STILL,
	RULE_KEEP_COMMITTED,
	RULE_KEEP_WAIT,
	RULE_FORMER_TERM,
	RULE_FORMER_LEASE,
	RULE_FORMER_TOLD,
	/* Of groups of databases: docs/databases.md. */
	RULE_DECIDE_FOLLOWS,
	RULE_DECIDE_OFFICE,
	RULE_GROUP_WITHDRAWN_FIRST,
	RULE_GROUP_ASKED,
	RULE_GROUP_STILL,
	RULE_PLAN_NO_LOSS,
	RULES
};

/* Bit: enum rule.  It exists in the simulator's build with mutants only. */
extern uint64_t rules_off;

#ifdef BASCULE_MUTANTS

#define RULE(NAME) ((rules_off >> RULE_##NAME & 1) == 0)

#else

#define RULE(NAME) 1

#endif
#endif
