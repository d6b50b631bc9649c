/* The runtime sockets of all HAProxies, on the loop: one persistent
 * connection to each, UNIX or TCP. */
#ifndef BASCULE_HAPROXY_RUNTIME_IO_H
#define BASCULE_HAPROXY_RUNTIME_IO_H

#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/settings.h"
#include "controller/io/loop.h"
#include "haproxy/removals.h"

struct haproxies;

/* What a HAProxy shows; @seen is valid for the call. */
typedef void (*haproxies_event_fn)(void *arg, const struct haproxy_seen *seen);

/* How order @id ended, exactly once for each: @failed_why is NULL when HAProxy
 * acknowledged it.  @took_us counts from the order. */
typedef void (*haproxies_done_fn)(void *arg, uint64_t id,
				  const char *failed_why, int64_t took_us);

/* What a HAProxy's counters say of a target; valid for the call. */
typedef void (*haproxies_hint_fn)(void *arg, const struct hint *hint);

/* Begin to connect to the HAProxies of @set, which is borrowed until it is
 * replaced by haproxies_reload() or all is freed.  The callbacks come from the
 * loop, never from within a function of this header; they may give orders. */
int haproxies_new(struct haproxies **ret_haproxies, struct loop *loop,
		  const struct settings *set, haproxies_event_fn event,
		  haproxies_done_fn done, haproxies_hint_fn hint, void *arg,
		  struct err *err);

/* Change a server.  At most one order for each target and HAProxy may be
 * under way. */
void haproxies_order(struct haproxies *haproxies, uint64_t id,
		     const struct server_order *order);

/* How the removal of a server ended, valid for the call; see removals.h. */
typedef void (*haproxies_removed_fn)(void *arg, unsigned haproxy,
				     const struct removal *removal,
				     const char *failed);

/* Remove these servers of @haproxy, and none that were named before.  @list is
 * copied; @removed comes from the loop.  Returns 0 or -ENOMEM, and then goes
 * on with those named before. */
int haproxies_remove(struct haproxies *haproxies, unsigned haproxy,
		     const struct removal *list, size_t count,
		     haproxies_removed_fn removed, void *arg);

/* Go over to @set, whole or not at all.  A HAProxy that keeps name and address
 * keeps its connection; orders under way are still answered, but for those of
 * a HAProxy that is gone, which are forgotten.  Afterwards the state of every
 * server is reported anew. */
int haproxies_reload(struct haproxies *haproxies, const struct settings *set,
		     struct err *err);

/* Orders under way are forgotten. */
void haproxies_free(struct haproxies *haproxies);

#endif
