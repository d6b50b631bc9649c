/* What forbids an action.
 *
 * The rules here protect a service from its protector: they are asked before
 * every withdrawal and answer with the name of the rule that forbids it.
 */
#ifndef BASCULE_CORE_GOVERNOR_H
#define BASCULE_CORE_GOVERNOR_H

#include "controller/core/settings.h"

/* May one more target of @svc leave the rotation?
 *
 * @rotating:  targets of the service in use at a HAProxy, this one included.
 * @withdrawn: targets that we keep out there, this one included.
 * Returns NULL if it may, else the rule that forbids it, as a sentence.
 */
const char *governor_withdraw(const struct service_settings *svc,
			      unsigned rotating, unsigned withdrawn);

/* So many targets we may keep out at once: max_withdrawn percent, rounded
 * down, but one at least, as Envoy's max_ejection_percent. */
unsigned governor_withdrawable(const struct service_settings *svc);

/* So many have to serve: min_up, but one at least. */
unsigned governor_wanted(const struct service_settings *svc);

/* Is @svc in panic: so many are bad that they cannot all leave?
 *
 * @serving: targets that serve.
 * @bad:     targets that should leave since they are down.
 * @drained: targets that we keep out by an operator's word.
 */
bool governor_panics(const struct service_settings *svc, unsigned serving,
		     unsigned bad, unsigned drained);

#endif
