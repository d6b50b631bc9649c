#include "controller/core/quorum.h"

#include <stdlib.h>

struct opinion {
	struct instant at; /* NONE: never heard */
	bool down;
};

struct quorum {
	unsigned nodes, self, targets; /* nodes 1: no cluster */
	uint32_t heard;
	struct opinion *opinions; /* owned: [node * targets + target] */
};

struct quorum *quorum_new(const struct settings *set)
{
	struct quorum *q = calloc(1, sizeof(*q));
	size_t i, count;

	if (q == NULL)
		return NULL;
	q->nodes = set->cluster != NULL ? set->cluster->node_count : 1;
	q->self = set->cluster != NULL ? set->cluster->self : 0;
	q->targets = set->target_count;
	/* A cluster of one has nobody's opinions to keep. */
	count = q->nodes > 1 ? (size_t)q->nodes * q->targets : 0;
	q->opinions = calloc(count + 1, sizeof(*q->opinions));
	if (q->opinions == NULL) {
		free(q);
		return NULL;
	}
	for (i = 0; i < count; i++)
		q->opinions[i].at = INSTANT_NONE;
	return q;
}

void quorum_free(struct quorum *quorum)
{
	if (quorum == NULL)
		return;
	free(quorum->opinions);
	free(quorum);
}

void quorum_hear(struct quorum *quorum, unsigned node, unsigned target,
		 bool down, struct instant now)
{
	if (node >= quorum->nodes || node == quorum->self ||
	    target >= quorum->targets)
		return;
	quorum->opinions[node * quorum->targets + target] =
		(struct opinion){ now, down };
}

void quorum_set_heard(struct quorum *quorum, uint32_t heard)
{
	quorum->heard = heard & ~(UINT32_C(1) << quorum->self);
}

bool quorum_in_touch(const struct quorum *quorum)
{
	return quorum->nodes == 1 || quorum->heard != 0;
}

static bool finds_down(const struct quorum *quorum, unsigned node,
		       unsigned target, struct instant now)
{
	const struct opinion *o;

	if ((quorum->heard >> node & 1) == 0)
		return false;
	o = &quorum->opinions[node * quorum->targets + target];
	return o->down && !instant_is_none(o->at) &&
	       instant_diff_us(o->at, now) <= QUORUM_FRESH_US;
}

unsigned quorum_count(const struct quorum *quorum, unsigned target,
		      bool own_down, struct instant now)
{
	unsigned i, count = own_down;

	for (i = 0; i < quorum->nodes; i++)
		count += finds_down(quorum, i, target, now);
	return count;
}

bool quorum_others_down(const struct quorum *quorum, unsigned target,
			struct instant now)
{
	return quorum_count(quorum, target, false, now) > 0;
}

bool quorum_agrees(const struct quorum *quorum, enum agree agree,
		   unsigned target, struct instant now)
{
	if (agree != AGREE_MAJORITY)
		return true;
	return quorum_count(quorum, target, true, now) > quorum->nodes / 2;
}
