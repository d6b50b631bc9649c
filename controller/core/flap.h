/* How often a target came and went of late.
 *
 * Route flap damping, RFC 2439: each withdrawal adds one flap to a penalty
 * that halves with every flap_half_life.  Above flap_limit the target is kept
 * out, after it has recovered, until the penalty is half of that limit, and
 * never longer than flap_max.  A first withdrawal is never delayed, nor any
 * other.  (RFC 7196 says why the limit should not be low.)
 */
#ifndef BASCULE_CORE_FLAP_H
#define BASCULE_CORE_FLAP_H

#include "controller/core/settings.h"

#define FLAP_ONE 1000 /* the penalty of one flap */

struct flap {
	uint32_t penalty; /* right after the last withdrawal */
	uint32_t count;   /* withdrawals since it was last forgotten */
};

/* The penalty @after_us after the last withdrawal. */
uint32_t flap_penalty(const struct flap *flap,
		      const struct service_settings *svc, int64_t after_us);

/* Another withdrawal, @after_us after the last one. */
void flap_add(struct flap *flap, const struct service_settings *svc,
	      int64_t after_us);

/* How long after the last withdrawal the target may not come back; 0 if it
 * may at any time. */
int64_t flap_hold_us(const struct flap *flap,
		     const struct service_settings *svc);

#endif
