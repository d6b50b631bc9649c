/* A cluster of one: the document on this machine's disk.
 *
 * Without a cluster block this node decides alone, but what it decided about
 * groups of databases must outlive it all the same: epoch, primary and phase
 * are synced before they are acted upon, in the file that a cluster would use.
 * There are no leases: this node's own routes are all there are.
 */
#ifndef BASCULE_DAEMON_ALONE_H
#define BASCULE_DAEMON_ALONE_H

#include "controller/core/document.h"
#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/io/loop.h"

struct alone;

struct alone_parts {
	struct loop *loop; /* borrowed */
	/* As in cluster.h; called at the end of a wake-up. */
	void (*document)(void *arg, const struct document *doc);
	void (*withdrawn)(void *arg, const char *group);
	void (*route)(void *arg, const struct route_order *order);
	/* The disk does not keep it; "" when it does again. */
	void (*trouble)(void *arg, const char *why);
	void *arg;
};

/* @folder: the state folder.  A damaged file is an error with a remedy: a
 * guess would be about which database to write to. */
int alone_new(struct alone **ret_alone, const char *folder,
	      const struct alone_parts *parts, struct err *err);

/* NULL is fine. */
void alone_free(struct alone *alone);

/* Write @want into the document; document() follows when it is on disk. */
void alone_decide(struct alone *alone, const struct document_group *want);

/* The order @id to route was carried out. */
void alone_routed(struct alone *alone, uint64_t id, bool done);

#endif
