/* A group of databases, a, b and c, fed by hand. */
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
	const char *here; /* this node, NULL: they have none of their own */
};

void feed(struct world *w, struct group_event ev);

/* What came of the last event; NULL: no such thing. */
const struct group_action *find(const struct world *w,
				enum group_action_kind kind);
const struct group_action *order(const struct world *w,
				 enum database_order_kind kind);
const struct group_note *note(const struct world *w, enum group_note_kind kind);

void tick(struct world *w);
void tell_facts(struct world *w, unsigned i);
void tell_health(struct world *w, unsigned i, bool down);
/* An order or hook is done, or failed. */
void answer(struct world *w, uint64_t id, const char *why);
/* It failed since its history has parted. */
void answer_parted(struct world *w, uint64_t id);
/* What was decided is committed. */
void commit(struct world *w);
void withdrawn(struct world *w);

void begin(struct world *w);
/* a is the primary, adopted. */
void begin_steady(struct world *w);
/* Each runs on a node of its own, na, nb, nc; this one is @here. */
void begin_on(struct world *w, const char *here);

#endif
