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
 * @rotating: targets of the service in use at a HAProxy, this one included.
 * Returns NULL if it may, else the rule that forbids it, as a sentence.
 */
const char *governor_withdraw(const struct service_settings *svc,
			      unsigned rotating);

#endif
