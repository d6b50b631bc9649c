/* For tests: a runtime conversation with a fake HAProxy, in virtual time.
 *
 * What the conversation tells is collected as text, one line each:
 * "up same", "down WHY", "be/s1 READY 100", "done 1", "failed 2 WHY".
 */
#ifndef BASCULE_TESTS_UNIT_TALK_H
#define BASCULE_TESTS_UNIT_TALK_H

#include "controller/core/instant.h"
#include "drill/sim/fake_haproxy.h"
#include "haproxy/runtime.h"

#define TALK_TOLD_MAX 65536

struct talk {
	const struct settings *set; /* borrowed */
	struct servers *servers;    /* owned */
	struct runtime *runtime;    /* owned */
	struct fake_haproxy *fake;  /* owned; NULL: the test is HAProxy */
	struct instant now;
	int conn;   /* -1: none */
	bool deaf;  /* we do not hear what HAProxy says */
	bool brief; /* HAProxy closes once its servers were told */
	unsigned connects;
	int64_t took_us; /* of the last order that was answered */
	char told[TALK_TOLD_MAX];
	char sent[TALK_TOLD_MAX]; /* what went to HAProxy */
};

/* With @fake: settle, so that the link is up.  Fails the test when it cannot.
 */
void talk_begin(struct talk *talk, const struct settings *set, bool fake);
void talk_end(struct talk *talk);

/* Carry bytes to and fro until nothing moves. */
void talk_settle(struct talk *talk);

/* HAProxy says @bytes: for a test that plays its part. */
void talk_hear(struct talk *talk, const char *bytes);

/* Let @span_us pass, with all deadlines in it. */
void talk_wait(struct talk *talk, int64_t span_us);

/* Forget what was told and sent. */
void talk_clear(struct talk *talk);

/* Order something of a target, given by "backend/name". */
void talk_order(struct talk *talk, uint64_t id, const char *server,
		enum server_state state, unsigned percent, bool end);

#endif
