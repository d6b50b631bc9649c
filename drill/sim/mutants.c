/* Of no use without them; the makefile says so for the rest of the program. */
#ifndef BASCULE_MUTANTS
#define BASCULE_MUTANTS
#endif

#include "drill/sim/mutants.h"

#include <string.h>

#include "controller/core/rule.h"

uint64_t rules_off;

#define OFF(NAME) ((uint64_t)1 << RULE_##NAME)

const struct mutant mutants[] = {
	{ "promise", OFF(PROMISE), "1: a follower promises nothing" },
	{ "promise-drift", OFF(PROMISE_DRIFT), "1: a promise without drift" },
	{ "promise-boot", OFF(PROMISE_BOOT), "1: no promise after a start" },
	{ "promise-longest", OFF(PROMISE_LONGEST),
	  "1: after a start, of the present lease only" },
	{ "promise-own", OFF(PROMISE_OWN),
	  "1: stands against its own promise" },
	{ "lease-received", OFF(LEASE_SENT),
	  "2: a lease from when the answer was received" },
	{ "lease-one-ack", OFF(LEASE_QUORUM), "2: a lease by one answer" },
	{ "lease-old-ack", OFF(LEASE_THIS_TERM),
	  "2: answers from before winning count" },
	{ "vote-twice", OFF(VOTE_ONCE), "4: votes twice in a term" },
	{ "vote-in-office", OFF(VOTE_IN_OFFICE),
	  "4: votes while leading or releasing" },
	{ "vote-position", OFF(VOTE_POSITION), "4: votes for who knows less" },
	{ "vote-sync", OFF(VOTE_SYNC) | OFF(PROMISE_BOOT),
	  "4: answers before the vote is synced (and 1: no boot promise)" },
	{ "ack-sync", OFF(ACK_SYNC) | OFF(PROMISE_BOOT),
	  "disk: acknowledges before the term is synced (and 1: no boot "
	  "promise)" },
	{ "document-sync", OFF(DOCUMENT_SYNC),
	  "disk: reports a document before it is synced" },
	{ "decide-uncommitted", OFF(COMMIT),
	  "7: acts on what is not committed" },
	{ "primary-uncommitted", OFF(PRIMARY_COMMIT),
	  "6: primary without a committed document" },
	{ "no-rewrite", OFF(REWRITE),
	  "6: does not write the document in its own term" },
	{ "quorum", OFF(QUORUM), "a quorum less one" },
	{ "resign-early", OFF(RESIGN_RELEASED),
	  "8: resigns before the release" },
	{ "resign-any-term", OFF(RESIGN_TERM),
	  "9: obeys a RESIGN of any term" },
	{ "resign-follower", OFF(RESIGN_LEADER),
	  "9: a follower's guard resigns, and is obeyed" },
	{ "release-first", OFF(KILL_FIRST),
	  "8: releases before it kills promote work" },
	{ "no-wait", OFF(WAIT), "10: does not wait for withdrawals" },
	{ "wait-no-echo", OFF(WAIT_ECHO), "10: waits from o only" },
	{ "wait-no-office", OFF(WAIT_OFFICE), "10: waits from a only" },
	{ "wait-no-drift", OFF(WAIT_DRIFT), "10: waits without drift" },
	{ "wait-not-former", OFF(WAIT_FORMER),
	  "10: the former primary counts as withdrawn at o" },
	{ "wait-not-restarted", OFF(WAIT_BOOT),
	  "10: who has started anew counts as withdrawn" },
	{ "wait-not-longest", OFF(WAIT_LONGEST),
	  "10: waits for the present routing lease only" },
	{ "route-any-phase", OFF(ROUTE_STEADY), "10: routes in any phase" },
	{ "route-uncommitted", OFF(ROUTE_COMMITTED),
	  "10: routes by what is not committed" },
	{ "route-endless", OFF(ROUTE_END), "10: routes without end" },
	{ "route-each", OFF(ROUTE_EACH),
	  "10: what is being withdrawn gets a longer lease as well" },
	{ "no-guard", OFF(GUARD), "no guard" },
	{ "guard-no-routes", OFF(GUARD_ROUTES),
	  "the guard does not watch routes" },
	{ "comeback", OFF(COMEBACK), "8: leads again in a term it left" },
	{ "no-pre-vote", OFF(PRE_VOTE), "3: no pre-votes" },
	{ "terms", OFF(TERMS), "5: higher terms are not learned" },
	{ "deaf-winner", OFF(DEAF),
	  "6: stays leader without becoming primary" },
	{ "ahead", OFF(AHEAD),
	  "6: a document of a lower term is refused from anybody" },
	{ "keep-moves", OFF(KEEP_STILL),
	  "13: groups move in the cluster's maintenance" },
	{ "keep-uncommitted", OFF(KEEP_COMMITTED),
	  "13: keeps by what may not be committed" },
	{ "keep-no-wait", OFF(KEEP_WAIT),
	  "13: ends without waiting for each node" },
	{ "former-term", OFF(FORMER_TERM),
	  "10: any earlier primary counts as the last one" },
	{ "former-lease", OFF(FORMER_LEASE),
	  "10: a former primary that resigned early routes no more" },
	{ "former-told", OFF(FORMER_TOLD),
	  "10: what voters say of running leases is not heard" },
};

const unsigned mutant_count = sizeof(mutants) / sizeof(mutants[0]);

const struct mutant *mutant_find(const char *name)
{
	unsigned i;

	for (i = 0; i < mutant_count; i++)
		if (strcmp(mutants[i].name, name) == 0)
			return &mutants[i];
	return NULL;
}
