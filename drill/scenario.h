/* The language of scenarios: what is there, what befalls it, and what must
 * follow.  One line a statement, # begins a comment:
 *
 *	services api 3 targets min_up 1 interval 1s
 *	haproxies lb1 lb2
 *	at 10s        fail api1 L4CON
 *	at 20s..30s   kill node          (somewhen between, by the seed)
 *	within 400ms of 10s  down api1
 *	from 10s to 30s      never down api2
 *	count stall 1
 *	incidents 1
 *	end 120s
 *
 * A statement is only read here; whoever plays it knows its world.
 */
#ifndef BASCULE_DRILL_SCENARIO_H
#define BASCULE_DRILL_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"

#define SCENARIO_WORDS    24
#define SCENARIO_WORD_MAX 64

enum scenario_kind {
	SCENARIO_SERVICES,  /* NAME COUNT targets [KEY VALUE]... */
	SCENARIO_HAPROXIES, /* NAME... */
	SCENARIO_AGENTS,    /* SPAN */
	SCENARIO_SEEDS,     /* how many stories to tell */
	SCENARIO_AT,        /* a fault: VERB [WORD]... */
	SCENARIO_WITHIN,    /* must become true: STATE [NAME]... */
	SCENARIO_NEVER,     /* must not become true: STATE [NAME]... */
	SCENARIO_COUNT,     /* NOTE NUMBER: at the end */
	SCENARIO_INCIDENTS, /* NUMBER: at the end */
	SCENARIO_UNSETTLED, /* the end need not be at rest */
	SCENARIO_END
};

struct scenario_line {
	enum scenario_kind kind;
	unsigned line;
	/* AT: between them.  WITHIN, NEVER: from and to. */
	int64_t from_us, to_us;
	unsigned count; /* of words */
	char words[SCENARIO_WORDS][SCENARIO_WORD_MAX];
};

struct scenario {
	char name[128];
	struct scenario_line *lines; /* owned */
	size_t count;
	int64_t end_us;
	unsigned seeds;
};

/* Read the scenario @text; @name is for messages, which begin with
 * NAME:LINE.  Returns 0, -EINVAL or -ENOMEM. */
int scenario_parse(const char *name, const char *text,
		   struct scenario **ret_scenario, struct err *err);
void scenario_free(struct scenario *scenario);

/* "400ms", "10s", "-1h".  Returns false when it is none. */
bool scenario_span(const char *word, int64_t *ret_us);

#endif
