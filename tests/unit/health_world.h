/* One target's health, fed by hand: checks each second, 100 ms while they
 * count, timeouts of 20 to 500 ms, fall 3, rise 2. */
#ifndef BASCULE_TESTS_HEALTH_WORLD_H
#define BASCULE_TESTS_HEALTH_WORLD_H

#include "controller/core/health.h"

struct world {
	struct health h;
	struct check_settings check;
	struct health_doubt doubt;
	unsigned loss;
	struct instant now;
};

void world_init(struct world *w);

/* Up, with answers of 1 ms. */
void world_up(struct world *w);

/* An answer 100 ms after the one before, digested and followed or not. */
enum health_input digest(struct world *w, enum result_code code,
			 int64_t latency_us);
void judge(struct world *w, enum result_code code, int64_t latency_us);
void judge_times(struct world *w, unsigned times, enum result_code code,
		 int64_t latency_us);

#endif
