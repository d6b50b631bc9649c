#include "controller/core/worst.h"

#include "controller/core/health.h"
#include "controller/core/self.h"

static int64_t longer_us(int64_t a_us, int64_t b_us)
{
	return a_us > b_us ? a_us : b_us;
}

/* Each so many checks one goes over a new connection. */
static unsigned fresh_every(const struct check_settings *check)
{
	switch (check->type) {
	case CHECK_HTTP:
	case CHECK_HTTPS:
		return check->tether ? check->fresh_every : 1;
	case CHECK_POSTGRESQL:
	case CHECK_MYSQL:
	case CHECK_REDIS:
		return check->fresh_every;
	default:
		return 1;
	}
}

/* Questions in a hurry after the first, while this node has all the patience
 * that it may have. */
static int64_t trips_us(const struct check_settings *check)
{
	unsigned trips = check->lost > check->fall ? check->lost : check->fall;
	int64_t each_us = health_hurry_us(check) * SELF_PATIENCE_MAX;

	if (each_us > check->timeout_us)
		each_us = check->timeout_us;
	return (trips + SELF_PATIENCE_MAX - 2) * each_us;
}

static int64_t strained_us(const struct check_settings *check)
{
	int64_t more_us = health_excuse_us(check) + check->timeout_us;

	more_us = longer_us(more_us, trips_us(check));
	return check->timeout_us + more_us;
}

/* Of a row of silence, once it has begun. */
static int64_t silent_us(const struct check_settings *check)
{
	int64_t rest = check->fall - 1;

	return longer_us(rest * (check->fast_interval_us + check->timeout_us),
			 (check->lost - 1) * health_hurry_us(check)) +
	       check->timeout_us;
}

struct worst worst_of(const struct check_settings *check)
{
	int64_t interval_us = check->interval_us;
	int64_t silence_us = silent_us(check);
	struct worst worst;

	worst.answer_us = interval_us +
			  (int64_t)(check->fall - 1) * check->fast_interval_us;
	/* A program has no refusal that would be certain. */
	worst.refused_us =
		check->type == CHECK_EXEC ? worst.answer_us : interval_us;
	worst.silence_us = interval_us + silence_us;
	worst.listener_us = fresh_every(check) * interval_us + silence_us;
	worst.strained_us =
		interval_us + longer_us(silence_us, strained_us(check));
	return worst;
}
