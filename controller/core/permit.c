#include "controller/core/permit.h"

#include <string.h>

static bool is_named(const struct permit_question *ask)
{
	return ask->document->phase != PHASE_FENCING &&
	       strcmp(ask->document->primary, ask->instance) == 0;
}

/* It takes no writes, and will not take any before its next answer: one that
 * loads its data, or fails its checks, may come back as anything. */
static bool is_harmless(const struct permit_question *ask)
{
	return ask->facts != NULL && !ask->facts->writable &&
	       !ask->facts->loading && !ask->doubted;
}

/* Whether a primary that is well is being told to stop: until then its
 * replicas take in what it has written, over the same door. */
static bool is_leaving(const struct permit_question *ask)
{
	return ask->document->phase == PHASE_FENCING && ask->facts != NULL &&
	       !ask->doubted;
}

enum permit permit_judge(const struct permit_question *ask, struct instant now)
{
	if (instant_is_none(ask->lease) || instant_reached(now, ask->lease))
		return PERMIT_KEEP;
	/* Before anything is decided all are looked at, and none was left. */
	if (ask->document == NULL || is_named(ask) || is_harmless(ask))
		return PERMIT_OPEN;
	if (strcmp(ask->document->leaving, ask->instance) == 0)
		return is_leaving(ask) ? PERMIT_KEEP : PERMIT_SHUT;
	return ask->facts != NULL && ask->facts->writable ? PERMIT_SHUT
							  : PERMIT_KEEP;
}
