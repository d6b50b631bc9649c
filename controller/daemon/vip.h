/* The virtual address: what the primary node has and no other.
 *
 * The one door for office, whoever it is that puts the addresses there: a row
 * of drivers stands behind it.  What the interface shows is compared with what
 * the election says whenever the kernel tells of a change; a difference is
 * told, counted and mended.  Every function takes NULL for no address.
 *
 * Guard and `basculed --release` remove the addresses by the recipe
 * (release.h), and the kernel does when nobody renews them.
 */
#ifndef BASCULE_DAEMON_VIP_H
#define BASCULE_DAEMON_VIP_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"
#include "controller/daemon/view.h"
#include "controller/io/loop.h"

struct vip;

struct vip_parts {
	struct loop *loop;              /* borrowed, as are all */
	const struct vip_settings *set; /* for life */
	/* The interface has a carrier, or has none; also once at the start. */
	void (*carrier)(void *arg, bool there);
	/* keepalived says what it does, in words. */
	void (*says)(void *arg, const char *text);
	/* The interface was other than wanted, in words. */
	void (*differs)(void *arg, const char *text);
	void *arg;
};

/* Nothing is changed on the machine yet.  @set NULL: *ret_vip is NULL. */
int vip_new(struct vip **ret_vip, const struct vip_parts *parts,
	    struct err *err);

/* The addresses stay as they are. */
void vip_free(struct vip *vip);

/* Listen from now on, and tell of the carrier. */
void vip_watch(struct vip *vip);

/* Have the addresses until @until, or as vip_keep() says.
 *
 * Returns 0, -ETIME when that has passed, -ENETDOWN without a carrier, or
 * another -errno, all with @err; then none is left.
 */
int vip_take(struct vip *vip, struct instant until, struct err *err);

/* The lease lasts until @until: cheap, to be called often. */
void vip_keep(struct vip *vip, struct instant until);

/* Have them no longer.  Returns 0 or -errno with @err: then it is not known to
 * be so, and is to be tried again. */
int vip_drop(struct vip *vip, struct err *err);

/* Tell the network once more where they are, if they are here. */
void vip_announce(struct vip *vip);

/* What status and metrics say. */
void vip_look(const struct vip *vip, struct vip_facts *ret_facts);

#endif
