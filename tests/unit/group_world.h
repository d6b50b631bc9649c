/* One group of databases a, b and c, fed by hand: a is the primary, b is 100
 * bytes behind it, c 200. */
#ifndef BASCULE_TESTS_GROUP_WORLD_H
#define BASCULE_TESTS_GROUP_WORLD_H

#include "controller/core/group.h"

enum { A, B, C, COUNT };

struct world {
	struct failover_settings failover;
	struct group *group;
	struct group_actions out;
	struct instant now;
	struct document_group document; /* name "": none */
	struct database_facts facts[COUNT];
};

void feed(struct world *w, struct group_event ev);

/* What came out of the last step, the first of it; or NULL. */
const struct group_action *find(const struct world *w,
				enum group_action_kind kind);
const struct group_action *order(const struct world *w,
				 enum database_order_kind kind);
const struct group_note *note(const struct world *w, enum group_note_kind kind);

/* 1 ms later. */
void tell_facts(struct world *w, unsigned i);
void tell_health(struct world *w, unsigned i, bool down);
void answer(struct world *w, uint64_t id, const char *why);
/* What was decided is committed. */
void commit(struct world *w);
void withdrawn(struct world *w);

/* In office; a person's settings are w->failover. */
void begin(struct world *w);
/* a is the primary, adopted. */
void begin_steady(struct world *w);

#endif
