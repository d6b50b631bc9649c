/* The agent-check responder: tells HAProxy's agent checks which servers are
 * withdrawn.
 *
 * One door for each HAProxy that has agent_listen.  A question
 * (haproxy/agent.h) is answered at once with what the controller wishes, and
 * the connection closed; one that nobody can answer is closed without a word,
 * which changes nothing in HAProxy.  So a new HAProxy process is told at its
 * first checks, before it is found here that there is a new one.
 *
 * A connection is closed that says nothing for RESPONDER_PATIENCE_US, says
 * what is no question, or is the oldest of RESPONDER_WAITING_MAX when one more
 * comes: neither slow nor hostile clients hold up anybody.
 */
#ifndef BASCULE_DAEMON_RESPONDER_H
#define BASCULE_DAEMON_RESPONDER_H

#include <stdint.h>

#include "controller/core/ctl.h"
#include "controller/core/err.h"
#include "controller/core/settings.h"
#include "controller/io/loop.h"

#define RESPONDER_PATIENCE_US (1 * SECOND)
#define RESPONDER_WAITING_MAX 128 /* connections of one door, unanswered */

struct responder;

/* What is to be said about @target of @haproxy, and why: static text. */
typedef void (*responder_ask_fn)(void *arg, unsigned haproxy, unsigned target,
				 enum agent_word *ret_word,
				 const char **ret_why);

/* Listen for the HAProxies of @set, which is borrowed until it is replaced by
 * responder_reload() or all is freed.  A failure names the line of the
 * settings. */
int responder_new(struct responder **ret_responder, struct loop *loop,
		  const struct settings *set, responder_ask_fn ask, void *arg,
		  struct err *err);
void responder_free(struct responder *responder);

/* A reload in two halves, of which only the first can fail: open the doors
 * that are new in @set, then go over to it.  A door whose address stays is
 * not closed meanwhile. */
struct responder_change;
int responder_prepare(struct responder *responder, const struct settings *set,
		      struct responder_change **ret_change, struct err *err);
void responder_apply(struct responder *responder,
		     struct responder_change *change,
		     const struct settings *set);
/* What was prepared and not applied; NULL is fine. */
void responder_drop(struct responder_change *change);

#endif
