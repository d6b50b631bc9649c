/* Three controllers that hear each other's findings, records and observations
 * as their daemons would carry them, each with a clock of its own.
 */
#ifndef BASCULE_TESTS_SHARE_WORLD_H
#define BASCULE_TESTS_SHARE_WORLD_H

#include "tests/unit/core_world.h"

#define NODES    3
#define BOOK_MAX 32

/* What a node has stored: the last version of each number. */
struct book {
	struct incident list[BOOK_MAX];
	unsigned count, opened; /* opened: notes of it */
};

struct share_world {
	struct core_world w[NODES];
	struct cluster_settings cluster[NODES];
	struct book books[NODES];
	struct incident found[NODES]; /* to be told, */
	bool finds[NODES];            /* ... if there is something */
	unsigned read[NODES];         /* of the world's log */
	bool cut[NODES];              /* hears nobody */
	bool dead[NODES];
};

extern struct share_world share; /* too large for the stack */

/* Around each test: all nodes hear each other and the first is primary. */
int share_setup(void **state);
int share_setup_proxied(void **state); /* n1 and n3 have a HAProxy */
int share_teardown(void **state);

/* A node's checks find a target down, and well again. */
void share_fails(unsigned node, unsigned target);
void share_recovers(unsigned node, unsigned target);

/* Read what a node has said; tell everything until nothing is new; the same
 * while time passes. */
void share_note_down(unsigned node);
void share_talk(void);
void share_wait(int64_t span_us);

/* Who hears whom has changed, and @primary is it for all that hear it, or
 * nobody when it is NODES.  @loss: of the one before, or NULL. */
void share_agree_on(unsigned primary, uint64_t term,
		    const struct node_loss *loss);

/* What a node has stored: by number, how many that are incidents still, and
 * the only one. */
const struct incident *share_find_in(const struct book *book, uint32_t number);
unsigned share_entries(const struct book *book);
const struct incident *share_only(unsigned node);

/* All nodes have this one, and all say the same of it. */
void share_assert_same(uint32_t number);

#endif
