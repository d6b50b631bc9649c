/* What is said to a Redis server to carry out an order.
 *
 * An order is a row of commands; the answer to each decides the next.  Every
 * order can be repeated at any time.
 *
 * A fenced primary refuses all writes with NOREPLICAS, because it wants
 * REDIS_FENCE replicas and more; what it wanted before is what is left when
 * that is taken away, so that any node, also after a restart, can undo it.
 * Being promoted or made a replica undoes it, too.  It does not outlive the
 * server's process.
 */
#ifndef BASCULE_DATABASES_REDIS_H
#define BASCULE_DATABASES_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/database.h"

#define REDIS_FENCE     2000000000 /* replicas */
#define REDIS_FENCE_LAG 1000000000 /* seconds, where no limit was set */
#define REDIS_ARGS_MAX  4
#define REDIS_ARG_MAX   300
#define REDIS_WHY_MAX   160
#define REDIS_CANARY    "bascule:canary"

/* What Redis answered. */
struct redis_answer {
	bool error;
	/* Of a status, error or string; the value, of CONFIG GET; "" for
	 * anything else. */
	const char *text;
};

enum redis_next {
	REDIS_SAY,   /* send argv */
	REDIS_LATER, /* the same after a moment */
	REDIS_DONE,
	REDIS_FAILED /* why */
};

struct redis_order {
	const struct database_order *what; /* borrowed */
	const char *host;                  /* FOLLOW: of the source; borrowed */
	uint16_t port;
	/* FOLLOW: how to log in there; NULL: as it is.  Borrowed. */
	const char *user, *password;

	/* What is to be sent. */
	int argc;
	const char *argv[REDIS_ARGS_MAX]; /* into args, or constant */
	char why[REDIS_WHY_MAX];
	/* Inside. */
	unsigned step;
	char args[REDIS_ARGS_MAX][REDIS_ARG_MAX];
};

/* The first five fields are filled in by the caller. */
enum redis_next redis_order_begin(struct redis_order *order);

/* The answer to what was sent last. */
enum redis_next redis_order_heard(struct redis_order *order,
				  const struct redis_answer *answer);

#endif
