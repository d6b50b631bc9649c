/* The conversation with one HAProxy over its runtime socket.
 *
 * No I/O here: the owner carries bytes between this and a socket, asks
 * runtime_next() what to do with it after each call, and comes back with
 * runtime_tick() at runtime_deadline().  Facts and outcomes go out through
 * two callbacks, which may give orders (runtime_order()) but do nothing else
 * to the conversation that calls them.
 *
 * One connection is kept, in `prompt` mode.  `show info` each 50 ms finds a
 * reload (a connection goes on reaching the worker that leaves), `show
 * servers state` each second finds what others changed.  Orders are carried
 * out in the order given, in batches: the servers' states are read, each order
 * is compared with what its giver knew, then the commands go out in one
 * stream.  So an order never overwrites a change that its giver had not seen:
 * it fails, and the change was told before.  While no order waits, what HAProxy
 * counted is read, if it is wanted (counters.h).  What HAProxy acknowledged is
 * not told again as a fact.  LINK_UP and LINK_DOWN void what was ordered
 * before: those orders fail too.
 *
 * Nothing is allocated after runtime_new(), but by runtime_views_new().
 */
#ifndef BASCULE_HAPROXY_RUNTIME_H
#define BASCULE_HAPROXY_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/instant.h"
#include "haproxy/dynamic.h"
#include "haproxy/removals.h"
#include "haproxy/servers.h"

#define RUNTIME_INFO_US      (50 * MS)    /* between two looks for a reload */
#define RUNTIME_STATE_US     (1 * SECOND) /* between two looks for changes */
#define RUNTIME_ANSWER_US    (1 * SECOND) /* unanswered so long: it hangs */
#define RUNTIME_GRACE_US     (100 * MS)   /* a lost link may come back unsaid */
#define RUNTIME_LEAVING_US   (1 * SECOND) /* so may one to a leaving worker */
#define RUNTIME_QUICK_US     (10 * MS)    /* between two tries meanwhile */
#define RUNTIME_RETRY_US_MIN (50 * MS)
#define RUNTIME_RETRY_US_MAX (5 * SECOND)

struct runtime;

/* What became known; @seen is valid for the call. */
typedef void (*runtime_seen_fn)(void *arg, const struct haproxy_seen *seen);

/* How order @id ended, said once for each: @failed is NULL when HAProxy
 * acknowledged all of it, else why not.  @took_us counts from the order. */
typedef void (*runtime_done_fn)(void *arg, uint64_t id, const char *failed,
				int64_t took_us);

/* Talk to haproxy number @haproxy about @servers (borrowed).  Returns NULL
 * when memory is out. */
struct runtime *runtime_new(const struct servers *servers, unsigned haproxy,
			    runtime_seen_fn seen, runtime_done_fn done,
			    void *arg);

/* Outstanding orders are forgotten. */
void runtime_free(struct runtime *rt);

/* Tell what HAProxy's counters say of targets, too; they are read as often as
 * the settings have it.  @hint is valid for the call. */
typedef void (*runtime_hint_fn)(void *arg, const struct hint *hint);
void runtime_on_hint(struct runtime *rt, runtime_hint_fn hint, void *arg);

/* Where targets are that have a name for an address; copied. */
void runtime_find(struct runtime *rt, const struct dynamic_places *places);

/* How the removal of a server ended, valid for the call; see removals.h.  Not
 * told anew after a reload of ours. */
typedef void (*runtime_removed_fn)(void *arg, unsigned haproxy,
				   const struct removal *removal,
				   const char *failed);

/* Remove these servers, owned from now on, instead of those that are left of
 * the last call; NULL: none.  @removed may do nothing to the conversation. */
void runtime_remove(struct runtime *rt, struct removals *removals,
		    runtime_removed_fn removed, void *arg);

enum runtime_step {
	RUNTIME_WAIT,    /* send the output, read, come back at the deadline */
	RUNTIME_CONNECT, /* connect, then say runtime_connected() or _lost() */
	RUNTIME_CLOSE    /* close the connection and ask again */
};

/* What the owner has to do with the connection; each is said once. */
enum runtime_step runtime_next(struct runtime *rt, struct instant now);

void runtime_connected(struct runtime *rt, struct instant now);

/* There is no connection (any more): one sentence why. */
void runtime_lost(struct runtime *rt, struct instant now, const char *why);

void runtime_input(struct runtime *rt, struct instant now, const void *data,
		   size_t size);

/* What is to be sent; @ret_data is valid until the next call.  The owner says
 * runtime_sent() how much of it the socket took. */
size_t runtime_output(struct runtime *rt, struct instant now,
		      const char **ret_data);
void runtime_sent(struct runtime *rt, size_t size);

/* When to tick; INSTANT_NONE: at once. */
struct instant runtime_deadline(const struct runtime *rt);
void runtime_tick(struct runtime *rt, struct instant now);

/* Change a server.  Never answered from within: an order that cannot be
 * carried out fails at the next tick, and the deadline is at once then. */
void runtime_order(struct runtime *rt, struct instant now, uint64_t id,
		   const struct server_order *order);

/* A reload in two halves, of which only the first can fail: make room for
 * @servers (borrowed), then go over to them, as haproxy number @haproxy.
 * Orders under way keep their ids and are still answered; those for a target
 * that is gone fail.  The state of every server is then told anew.  @views
 * holds what was used until now afterwards; the servers used until now are
 * needed no more. */
struct runtime_views;
struct runtime_views *runtime_views_new(const struct servers *servers);
void runtime_views_free(struct runtime_views *views);
void runtime_move(struct runtime *rt, struct runtime_views *views,
		  unsigned haproxy, struct instant now);

#endif
