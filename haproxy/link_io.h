/* One runtime socket on the loop: a conversation carried over a connection. */
#ifndef BASCULE_HAPROXY_LINK_IO_H
#define BASCULE_HAPROXY_LINK_IO_H

#include "controller/core/settings.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"
#include "haproxy/runtime.h"

struct link;

/* What a link needs of its owner; everything is borrowed. */
struct link_owner {
	struct loop *loop;
	struct resolver *resolver;
	runtime_seen_fn seen;
	runtime_done_fn done;
	void *arg;
};

/* A link to @where (borrowed), not connected yet: link_wake() begins.  The
 * callbacks come from the loop.  Returns NULL when memory is out. */
struct link *link_new(const struct link_owner *owner,
		      const struct servers *servers,
		      const struct haproxy_settings *where, unsigned haproxy);
void link_free(struct link *link);

const struct haproxy_settings *link_where(const struct link *link);

/* Look what is to be done, as soon as the present callback is over. */
void link_wake(struct link *link);

void link_order(struct link *link, uint64_t id,
		const struct server_order *order);

/* Go on under new settings, in which it stands at @where, the same place. */
void link_move(struct link *link, struct runtime_views *views,
	       const struct haproxy_settings *where, unsigned haproxy);

#endif
