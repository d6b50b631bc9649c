/* Telling: what happens goes to the log, the store, the metrics, the web.
 *
 * The driver's one door to all that people see.  Every note becomes one line
 * and one document here and nowhere else.
 */
#ifndef BASCULE_DAEMON_TELL_H
#define BASCULE_DAEMON_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/ctl.h"
#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/note.h"
#include "controller/daemon/log.h"
#include "controller/daemon/store.h"
#include "controller/daemon/view.h"
#include "controller/io/loop.h"

struct tell;
struct window;

struct tell_parts {
	struct loop *loop; /* borrowed, as are all */
	struct log *log;
	const struct settings *set;
	const struct ctl *ctl;
	/* A person wants something: an EVENT_ADMIN, whose ACTION_REPLY goes
	 * to tell_reply(). */
	void (*admin)(void *arg, const struct admin *admin);
	/* What is known of the cluster now, for status and metrics; and a
	 * person's wish for another primary, as web_doors say, answered by
	 * tell_switched() or tell_reply().  Both NULL: a cluster of one. */
	void (*look)(void *arg, struct cluster_facts *ret_facts);
	void (*switchover)(void *arg, uint64_t token, unsigned to);
	void *arg;
};

/* Make it and listen at the control socket and for HTTP; when another daemon
 * has the control socket, nothing of its is touched. */
int tell_new(struct tell **ret_tell, const struct tell_parts *parts,
	     struct err *err);
void tell_free(struct tell *tell);

/* Have a store, borrowed: store_load(), and what it brings is counted.  To be
 * called once, before the first event. */
const struct stored *tell_load(struct tell *tell, struct store *store);

/* The incidents that are known, as told to the store. */
const struct window *tell_window(const struct tell *tell);

/* Other settings and another controller are in force; what cannot be listened
 * at is said and stays as it was. */
void tell_reload(struct tell *tell, const struct settings *set,
		 const struct ctl *ctl);

/* ACTION_NOTE. */
void tell_note(struct tell *tell, const struct note *note);

/* ACTION_STORE: store_write(), and incidents are counted. */
void tell_store(struct tell *tell, uint64_t id,
		const struct store_order *order);

/* ACTION_REPLY. */
void tell_reply(struct tell *tell, uint64_t token, int error, const char *text);

/* A switchover has succeeded: nodes by name, and how long there was no
 * primary. */
void tell_switched(struct tell *tell, uint64_t token, const char *from,
		   const char *to, int64_t span_us);

/* This node became primary after another: metrics_failover(). */
void tell_failover(struct tell *tell, const char *reason, int64_t span_us);

/* A check has ended. */
void tell_evidence(struct tell *tell, unsigned target,
		   const struct result *res);

/* A HAProxy has answered an order, or not. */
void tell_command(struct tell *tell, unsigned haproxy, int64_t took_us,
		  bool ok);

/* For store_doors: its state has changed. */
void tell_store_changed(struct tell *tell, bool ok, const char *why);

#endif
