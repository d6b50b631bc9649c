#include <stdlib.h>
#include <string.h>

#include "drill/sim/database_world.h"

/* The databases as what stands on a simulated cluster. */

struct databases db;

static void draw_weather(struct cluster *cl)
{
	static const int64_t delays_us[] = { 200, 1000, 5000, 20000 };
	static const int64_t periods_us[] = { 10 * MS, 30 * MS, 100 * MS };
	static const int64_t spans_us[] = { 20 * MS, 200 * MS, 800 * MS };

	db.delay_us = delays_us[cluster_below(cl, 4)];
	db.answer_us = cluster_chance(cl, 300) ? 80 * MS : 1;
	db.period_us = periods_us[cluster_below(cl, 3)];
	db.promote_us = spans_us[cluster_below(cl, 3)];
	db.start_us = spans_us[cluster_below(cl, 3)];
	db.connect_us = spans_us[cluster_below(cl, 3)];
}

static void begin(struct cluster *cl)
{
	struct settings *set = db.set;
	struct row *rows = db.rows;
	uint32_t *acked = db.acked;
	unsigned i;

	for (i = 0; i < CLUSTER_NODES; i++)
		ctl_free(db.drivers[i].ctl);
	if (rows == NULL) {
		rows = calloc(ROWS_MAX, sizeof(*rows));
		acked = calloc(ROWS_MAX, sizeof(*acked));
		if (rows == NULL || acked == NULL)
			abort();
	}
	memset(&db, 0, sizeof(db));
	db.set = set;
	db.rows = rows;
	db.acked = acked;
	db.routed = db.dead = NOBODY;
	db.quiet_us = db.well_us = FOREVER_US;
	database_settings(cl);
	draw_weather(cl);
	server_begin(cl);
	for (i = 0; i < cl->script->nodes; i++) {
		db.haproxies[i].up = true;
		client_begin(cl, i);
	}
}

static void happens(struct cluster *cl, const struct happening *h)
{
	db.now_us = cl->now_us;
	switch ((enum database_what)h->what) {
	case DB_ASKED:
	case DB_ANSWER:
	case DB_TIMEOUT:
		ask_happens(cl, h);
		break;
	case DB_WAKE:
	case DB_HINT:
	case DB_STORED:
		driver_happens(cl, h);
		break;
	case DB_ORDER:
	case DB_ORDERED:
	case DB_POLL:
		haproxy_happens(cl, h);
		break;
	case DB_TOLD:
	case DB_TOLD_DONE:
	case DB_TOLD_LATE:
	case DB_HOOKED:
		database_order_happens(cl, h);
		break;
	case DB_TICK:
	case DB_ACK:
		client_happens(cl, h);
		break;
	case DB_WRITE:
		server_write(cl, h);
		break;
	case DB_VERDICT:
		database_verdict(cl);
		break;
	default:
		server_happens(cl, h);
	}
}

static const struct cluster_floor floor_of_databases = {
	.name = "databases",
	.rest_us = RESTING_US,
	.begin = begin,
	.start = driver_start,
	.die = driver_die,
	.power = database_power,
	.act = driver_act,
	.stepped = driver_stepped,
	.clear = haproxy_clear,
	.happens = happens,
	.step = database_step,
	.mend = database_mend,
	.heal = database_heal,
	.quiet = database_quiet,
	.draw = database_draw,
	.draw_settings = database_draw_settings,
};

const struct cluster_floor *cluster_floor(void)
{
	return &floor_of_databases;
}
