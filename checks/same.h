/* Whether two checks ask the same: what a reload keeps, it may keep then. */
#ifndef BASCULE_CHECKS_SAME_H
#define BASCULE_CHECKS_SAME_H

#include <stdbool.h>

#include "controller/core/settings.h"

/* Equal in all that matters to the question, the judgement and the
 * connection; when it is asked does not matter. */
bool check_asks_same(const struct check_settings *a,
		     const struct check_settings *b);

#endif
