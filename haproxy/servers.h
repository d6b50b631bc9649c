/* Which target a server of HAProxy is, and what HAProxy's lines say.
 *
 * A server is known by its backend's name and its own, which is the target's.
 * Two services may point at one backend and have a target of the same name:
 * then one server is several targets.
 */
#ifndef BASCULE_HAPROXY_SERVERS_H
#define BASCULE_HAPROXY_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/event.h"
#include "controller/core/settings.h"

#define SERVERS_NONE (~0U)

struct servers;

/* Index the targets of @set (borrowed) that have a backend.  Returns NULL
 * when memory is out. */
struct servers *servers_new(const struct settings *set);
void servers_free(struct servers *srv);

/* The targets that are server @name of @backend: the one after @previous,
 * first with SERVERS_NONE.  SERVERS_NONE: no more. */
unsigned servers_find(const struct servers *srv, const char *backend,
		      const char *name, unsigned previous);

/* The target's backend; NULL when it has none, or when HAProxy would not take
 * its name or the target's: letters, digits, and "-_.:" are what it takes. */
const char *servers_backend(const struct servers *srv, unsigned target);
const char *servers_name(const struct servers *srv, unsigned target);
/* The backend as configured, whatever its name; NULL when there is none. */
const char *servers_routed(const struct servers *srv, unsigned target);
unsigned servers_count(const struct servers *srv); /* targets in all */
const struct settings *servers_settings(const struct servers *srv);

/* A line of `show servers state`. */
struct server_line {
	const char *backend, *name; /* borrowed from the line */
	unsigned backend_id;        /* HAProxy's own number */
	unsigned admin;             /* bits of srv_admin_state */
	unsigned weight, configured_weight;
	bool running;        /* HAProxy sends it requests, or would */
	bool agent;          /* its agent check is there and enabled */
	unsigned agent_port; /* where that asks; 0: at the server itself */
	bool checked;        /* it has a check of HAProxy's own */
	unsigned health;     /* of that check, while it passes; else 0 */
	const char *address; /* numeric, "-" where it has none */
	long port;           /* -1 where none is shown */
};

/* Read such a line, cutting it into words.  Returns false for a line that is
 * none. */
bool server_line_read(char *line, struct server_line *ret_line);

/* READY, DRAIN or MAINT. */
enum server_state server_line_state(const struct server_line *line);

/* The number that @text begins with, at most @max; -1 if it is none. */
long servers_number(const char *text, long max);

/* The weight that is @percent of @configured: at least 1, so that a server
 * that is to get a little does not get nothing; 0 if that is configured. */
unsigned servers_weight(unsigned percent, unsigned configured);

#endif
