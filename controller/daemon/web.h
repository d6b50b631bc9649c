/* The web: docs/api.md over TCP (reading only) and on the control socket.
 *
 * libmicrohttpd without threads: its epoll descriptor is watched by the loop.
 * Long documents are made while they are sent, questions to the store and
 * changes suspend their connection, so that no client holds up the loop.
 */
#ifndef BASCULE_DAEMON_WEB_H
#define BASCULE_DAEMON_WEB_H

#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/note.h"
#include "controller/daemon/view.h"
#include "controller/io/loop.h"

struct web;

struct web_doors {
	void *arg;
	/* The daemon as it is now, its times filled in; borrowed until the
	 * next call. */
	const struct daemon_view *(*view)(void *arg);
	/* A person wants something; web_reply() answers, maybe within. */
	void (*admin)(void *arg, const struct admin *admin);
	/* A person wants another primary: the node @to, or CLUSTER_NOBODY for
	 * the best one.  web_switched() answers, or web_reply() with an error;
	 * maybe within.  NULL: nobody can be asked. */
	void (*switchover)(void *arg, uint64_t token, unsigned to);
	void (*say)(void *arg, enum note_level level, const char *text);
	/* Lines that the log has dropped, for the metrics. */
	uint64_t (*log_dropped)(void *arg);
};

/* Listens nowhere yet. */
int web_new(struct web **ret_web, struct loop *loop,
	    const struct web_doors *doors, struct err *err);

/* Ends every connection and removes the control socket. */
void web_free(struct web *web);

/* Listen (in place of what was listened on before, which stays on failure).
 * @host NULL: not at all. */
int web_listen(struct web *web, const char *host, uint16_t port,
	       struct err *err);
int web_control(struct web *web, const char *path, struct err *err);

/* An event has happened: for those that follow.  @json is copied. */
void web_event(struct web *web, int64_t id, int64_t wall_us, const char *kind,
	       const char *json);

/* The answer to an admin. */
void web_reply(struct web *web, uint64_t token, int error, const char *text);

/* The answer to a switchover that succeeded: nodes by name, and how long
 * there was no primary. */
void web_switched(struct web *web, uint64_t token, const char *from,
		  const char *to, int64_t span_us);

#endif
