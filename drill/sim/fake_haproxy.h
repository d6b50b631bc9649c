/* A HAProxy for the simulated world: its runtime socket, in memory.
 *
 * Takes the same bytes as the real one and answers with the same, as far as
 * this project asks: `prompt`, `set timeout cli`, `show info`, `show servers
 * state`, `set server ... state|agent|weight|addr`, `shutdown sessions server`,
 * `add server`, `del server`.  Its servers are the settings' targets that have
 * a backend, without checks of HAProxy's own; no others can be added.
 *
 * A reload begins another process, which has lost all runtime state, and
 * leaves open connections with the old one, as the real one does.
 */
#ifndef BASCULE_DRILL_SIM_FAKE_HAPROXY_H
#define BASCULE_DRILL_SIM_FAKE_HAPROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/instant.h"
#include "controller/core/settings.h"

struct fake_haproxy;

/* One server, of the process that runs: free to look at and to change. */
struct fake_server {
	const char *backend, *name, *host; /* borrowed from the settings */
	unsigned port, backend_id, id;
	unsigned configured_admin, configured_weight; /* after a start */
	unsigned admin, weight;                       /* now */
	unsigned health;    /* of checks it has not; 0 once its state was set */
	unsigned ended;     /* how often its sessions were ended */
	bool static_weight; /* its backend balances by a static algorithm */
	bool absent;        /* its configuration lacks it */
	bool added;         /* to this process, at runtime */
	bool deleted;       /* from this process */
	bool busy;          /* it has sessions, until they are ended */
	unsigned agent_port; /* where its agent check asks; 0: it has none */
	bool agent_down;     /* by what an agent said last */
	/* Where this process has it, if not as configured. */
	char address[64];
	unsigned moved_port;
};

/* It runs at once.  Returns NULL when memory is out. */
struct fake_haproxy *fake_haproxy_new(const struct settings *set,
				      struct instant now);
void fake_haproxy_free(struct fake_haproxy *fake);

/* Whether the process that runs has it. */
bool fake_haproxy_has(const struct fake_server *server);

struct fake_server *fake_haproxy_server(struct fake_haproxy *fake,
					const char *backend, const char *name);

/* From now on its servers have an agent check, which asks at @port. */
void fake_haproxy_agents(struct fake_haproxy *fake, unsigned port);

/* --- what befalls it ----------------------------------------------------- */

void fake_haproxy_reload(struct fake_haproxy *fake, struct instant now);
void fake_haproxy_kill(struct fake_haproxy *fake);
void fake_haproxy_start(struct fake_haproxy *fake, struct instant now);
/* While it hangs it accepts connections and answers nothing. */
void fake_haproxy_hang(struct fake_haproxy *fake, struct instant now,
		       bool hangs);
/* From now on commands that change something need a level it does not give. */
void fake_haproxy_forbid(struct fake_haproxy *fake, bool forbids);

/* --- its runtime socket -------------------------------------------------- */

/* Returns a connection's number, -ECONNREFUSED when it does not run, or
 * -EAGAIN when there are too many. */
int fake_haproxy_connect(struct fake_haproxy *fake);
void fake_haproxy_close(struct fake_haproxy *fake, int conn);

void fake_haproxy_write(struct fake_haproxy *fake, struct instant now, int conn,
			const char *data, size_t size);

/* Take what it says, at most @size bytes.  @ret_eof: it says no more and has
 * closed the connection. */
size_t fake_haproxy_read(struct fake_haproxy *fake, int conn, char *data,
			 size_t size, bool *ret_eof);

/* What an operator does over a connection of his own. */
void fake_haproxy_operate(struct fake_haproxy *fake, struct instant now,
			  const char *command);

#endif
