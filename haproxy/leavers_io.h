/* The master sockets of all HAProxies, on the loop: the sessions of leaving
 * workers to withdrawn servers end (leavers.h). */
#ifndef BASCULE_HAPROXY_LEAVERS_IO_H
#define BASCULE_HAPROXY_LEAVERS_IO_H

#include <stdbool.h>

#include "controller/core/settings.h"
#include "controller/io/loop.h"

struct masters;

struct masters_doors {
	void *arg;
	/* Whether sessions to the target's server are to be ended there. */
	bool (*ends)(void *arg, unsigned haproxy, unsigned target);
	/* @sessions of worker @pid were ended. */
	void (*ended)(void *arg, unsigned haproxy, long pid, unsigned sessions);
	/* Leaving workers cannot be reached: one sentence; NULL: they can
	 * again.  Told when it changes. */
	void (*failed)(void *arg, unsigned haproxy, const char *why);
	/* What masters_clear() says is true now. */
	void (*cleared)(void *arg);
};

/* For the HAProxies of @set (borrowed) that have a master socket.  Looks at
 * each once, then when it is poked.  Returns NULL when memory is out. */
struct masters *masters_new(struct loop *loop, const struct settings *set,
			    const struct masters_doors *doors);
void masters_free(struct masters *masters);

/* A HAProxy has another process, or sessions of a server there are to be
 * ended from now on. */
void masters_poke(struct masters *masters, unsigned haproxy);

/* Whether no leaving worker has a session that is to be ended, as far as its
 * HAProxy has a master socket that answers (leavers_clear()). */
bool masters_clear(const struct masters *masters);

#endif
