/* One runtime socket on the loop: a conversation carried over a connection. */
#ifndef BASCULE_HAPROXY_LINK_IO_H
#define BASCULE_HAPROXY_LINK_IO_H

#include "controller/core/settings.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"
#include "haproxy/runtime.h"

struct runtime_link;

/* What a link needs of its owner; everything is borrowed. */
struct runtime_link_owner {
	struct loop *loop;
	struct resolver *resolver;
	runtime_seen_fn seen;
	runtime_done_fn done;
	runtime_hint_fn hint; /* or NULL */
	struct dynamic_places places;
	void *arg;
};

/* A link to @where (borrowed), not connected yet: runtime_link_wake() begins.
 * The callbacks come from the loop.  Returns NULL when memory is out. */
struct runtime_link *runtime_link_new(const struct runtime_link_owner *owner,
				      const struct servers *servers,
				      const struct haproxy_settings *where,
				      unsigned haproxy);
void runtime_link_free(struct runtime_link *link);

const struct haproxy_settings *
runtime_link_where(const struct runtime_link *link);

/* Look what is to be done, as soon as the present callback is over. */
void runtime_link_wake(struct runtime_link *link);

void runtime_link_order(struct runtime_link *link, uint64_t id,
			const struct server_order *order);

/* As runtime_remove(). */
void runtime_link_remove(struct runtime_link *link, struct removals *removals,
			 runtime_removed_fn removed, void *arg);

/* Go on under new settings, in which it stands at @where, the same place. */
void runtime_link_move(struct runtime_link *link, struct runtime_views *views,
		       const struct haproxy_settings *where, unsigned haproxy);

#endif
