#include "haproxy/unanswered.h"

#define FORGOTTEN                                                              \
	64 /* one part in so many, with each look that saw answers             \
	    */

void unanswered_init(struct unanswered *silence)
{
	*silence = (struct unanswered){ .since = INSTANT_NONE };
}

static int64_t patience_us(const struct unanswered *silence)
{
	int64_t us = 2 * (int64_t)silence->usual_us;

	return us > UNANSWERED_MIN_US ? us : UNANSWERED_MIN_US;
}

/* What lasted for no further look is not learned: how often is looked would be
 * taken for how long answers take. */
static void learn(struct unanswered *silence)
{
	silence->usual_us -= silence->usual_us / FORGOTTEN;
	if (silence->lasted_us > silence->usual_us)
		silence->usual_us = silence->lasted_us;
}

void unanswered_end(struct unanswered *silence)
{
	silence->since = INSTANT_NONE;
	silence->lasted_us = 0;
	silence->told = false;
}

/* More new sessions than new answers: not all of them have theirs. */
static void begin(struct unanswered *silence, uint32_t began, uint32_t answered,
		  struct instant now)
{
	if (began > answered)
		silence->since = now;
}

static bool goes_on(struct unanswered *silence, struct instant now)
{
	int64_t us = instant_diff_us(silence->since, now);

	silence->lasted_us =
		(uint32_t)(us < UNANSWERED_USUAL_US ? us : UNANSWERED_USUAL_US);
	if (silence->told || us < patience_us(silence))
		return false;
	silence->told = true;
	return true;
}

bool unanswered_look(struct unanswered *silence, uint32_t began,
		     uint32_t answered, bool busy, struct instant now)
{
	if (answered > 0)
		learn(silence);
	if (answered > 0 || !busy)
		unanswered_end(silence);
	if (!busy)
		return false;
	if (!instant_is_none(silence->since))
		return goes_on(silence, now);
	begin(silence, began, answered, now);
	return false;
}

struct instant unanswered_due(const struct unanswered *silence)
{
	if (silence->told || instant_is_none(silence->since))
		return INSTANT_NEVER;
	return instant_add(silence->since, patience_us(silence));
}
