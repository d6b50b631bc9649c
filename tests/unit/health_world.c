#include "tests/unit/health_world.h"

static const struct check_settings check = {
	.interval_us = 1 * SECOND,
	.fast_interval_us = 100 * MS,
	.down_interval_us = 2 * SECOND,
	.timeout_us = 500 * MS,
	.timeout_min_us = 20 * MS,
	.slow_after_us = 250 * MS,
	.fall = 3,
	.rise = 2,
	.lost = 10,
	.lost_max = 64,
	.lost_interval_us = 8 * MS,
};

void world_init(struct world *w)
{
	w->check = check;
	w->loss = 0;
	w->doubt = (struct health_doubt){ .patience = 1, .loss = &w->loss };
	w->now = (struct instant){ 1000 * SECOND };
	health_init(&w->h, w->now);
}

/* An answer 100 ms after the one before. */
enum health_input digest(struct world *w, enum result_code code,
			 int64_t latency_us)
{
	struct result res = result_make(code, 0, latency_us, NULL);

	w->now = instant_add(w->now, 100 * MS);
	return health_digest(&w->h, &w->check, &res, &w->doubt, w->now);
}

void judge(struct world *w, enum result_code code, int64_t latency_us)
{
	enum health_input in = digest(w, code, latency_us);

	if (in != HEALTH_INPUTS)
		health_move(&w->h, in, w->now);
}

void judge_times(struct world *w, unsigned times, enum result_code code,
		 int64_t latency_us)
{
	while (times-- > 0)
		judge(w, code, latency_us);
}

void world_up(struct world *w)
{
	world_init(w);
	judge_times(w, 100, RESULT_L7OK, MS);
}
