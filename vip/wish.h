/* What is wanted of a virtual address, and what follows from what is there. */
#ifndef BASCULE_VIP_WISH_H
#define BASCULE_VIP_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"

struct vip_wish {
	bool wanted;
	struct instant until; /* the end of the lease that it is wanted for */
	struct instant
		renew; /* when a quarter of the kernel's lifetime is over */
	struct instant grace; /* somebody else is to add it before; or NONE */
};

enum vip_mend { VIP_AGREES, VIP_MEND_ADD, VIP_MEND_REMOVE };

/* Wanted until @until, and not there yet.  @grace: NONE, or until when whoever
 * else is to add it has time for that. */
void vip_wish_take(struct vip_wish *wish, struct instant until,
		   struct instant grace);

/* All is there: from now on it is renewed and mended. */
void vip_wish_fulfilled(struct vip_wish *wish);

/* Whether somebody else's time to add it is over without that. */
bool vip_wish_overdue(const struct vip_wish *wish, struct instant now);

/* The lifetime that the kernel is to be given, so that the address is gone when
 * the lease is over; it knows whole seconds only, so it is one at least.  0
 * when nothing is left of the lease. */
uint32_t vip_wish_lifetime_s(const struct vip_wish *wish, struct instant now);

/* It was given, and so: when to give it anew. */
void vip_wish_renewed(struct vip_wish *wish, struct instant now,
		      uint32_t lifetime_s);
bool vip_wish_renewable(const struct vip_wish *wish, struct instant now);

/* What to do about an address that the interface @shows, or does not.  Nothing
 * is added for a lease that is over. */
enum vip_mend vip_wish_judge(const struct vip_wish *wish, bool shows,
			     struct instant now);

/* How long to wait after the announcement @number, the first being 0, for the
 * next one; 0: it was the last. */
int64_t vip_announce_gap_us(unsigned number);

#endif
