#include "controller/core/quorum.h"

#include <stdlib.h>

struct opinion {
	struct instant at; /* NONE: never heard */
	bool down, whole, held_back;
	enum finding finding;
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

/* NULL: it is nobody's word, or of nothing. */
static struct opinion *opinion_at(struct quorum *quorum, unsigned node,
				  unsigned target)
{
	if (node >= quorum->nodes || node == quorum->self ||
	    target >= quorum->targets)
		return NULL;
	return &quorum->opinions[node * quorum->targets + target];
}

bool quorum_hear(struct quorum *quorum, unsigned node, unsigned target,
		 bool down, bool whole, struct instant now)
{
	struct opinion *o = opinion_at(quorum, node, target);
	bool other;

	if (o == NULL)
		return false;
	other = instant_is_none(o->at) || o->down != down || o->whole != whole;
	o->at = now;
	o->down = down;
	o->whole = whole;
	o->held_back = false;
	return other;
}

void quorum_hear_held_back(struct quorum *quorum, unsigned node,
			   unsigned target, bool held_back)
{
	struct opinion *o = opinion_at(quorum, node, target);

	if (o != NULL)
		o->held_back = held_back;
}

void quorum_hear_finding(struct quorum *quorum, unsigned node, unsigned target,
			 enum finding finding)
{
	struct opinion *o = opinion_at(quorum, node, target);

	if (o != NULL)
		o->finding = finding;
}

static void forget(struct quorum *quorum, unsigned node)
{
	unsigned i;

	for (i = 0; i < quorum->targets; i++)
		quorum->opinions[node * quorum->targets + i] =
			(struct opinion){ .at = INSTANT_NONE };
}

void quorum_set_heard(struct quorum *quorum, uint32_t heard)
{
	uint32_t gone;
	unsigned i;

	heard &= ~(UINT32_C(1) << quorum->self);
	gone = quorum->heard & ~heard;
	for (i = 0; i < quorum->nodes; i++)
		if (gone >> i & 1)
			forget(quorum, i);
	quorum->heard = heard;
}

bool quorum_in_touch(const struct quorum *quorum)
{
	return quorum->nodes == 1 || quorum->heard != 0;
}

/* What @node says of @target, or NULL when its word does not count. */
static const struct opinion *opinion_of(const struct quorum *quorum,
					unsigned node, unsigned target,
					struct instant now)
{
	const struct opinion *o;

	if ((quorum->heard >> node & 1) == 0)
		return NULL;
	o = &quorum->opinions[node * quorum->targets + target];
	if (instant_is_none(o->at) ||
	    instant_diff_us(o->at, now) > QUORUM_FRESH_US)
		return NULL;
	return o;
}

static bool finds_down(const struct quorum *quorum, unsigned node,
		       unsigned target, struct instant now)
{
	const struct opinion *o = opinion_of(quorum, node, target, now);

	return o != NULL && o->down;
}

enum finding quorum_worst(const struct quorum *quorum, unsigned target,
			  struct instant since, struct instant now)
{
	enum finding worst = FINDING_NONE;
	const struct opinion *o;
	unsigned i;

	for (i = 0; i < quorum->nodes; i++) {
		o = opinion_of(quorum, i, target, now);
		if (o == NULL || o->finding <= worst ||
		    (o->finding == FINDING_WELL &&
		     !instant_before(since, o->at)))
			continue;
		worst = o->finding;
	}
	return worst;
}

bool quorum_alone(const struct quorum *quorum)
{
	return quorum->nodes == 1;
}

bool quorum_majority(unsigned count, const struct quorum *quorum)
{
	return count > quorum->nodes / 2;
}

uint32_t quorum_finders(const struct quorum *quorum, unsigned target,
			struct instant now)
{
	uint32_t nodes = 0;
	unsigned i;

	for (i = 0; i < quorum->nodes; i++)
		if (finds_down(quorum, i, target, now))
			nodes |= UINT32_C(1) << i;
	return nodes;
}

unsigned quorum_count(const struct quorum *quorum, unsigned target,
		      bool own_down, struct instant now)
{
	unsigned i, count = own_down;

	for (i = 0; i < quorum->nodes; i++)
		count += finds_down(quorum, i, target, now);
	return count;
}

unsigned quorum_deaf(const struct quorum *quorum, unsigned target,
		     struct instant now)
{
	const struct opinion *o;
	unsigned i, count = 0;

	for (i = 0; i < quorum->nodes; i++) {
		o = opinion_of(quorum, i, target, now);
		count += o != NULL && o->down && !o->held_back;
	}
	return count;
}

bool quorum_others_down(const struct quorum *quorum, unsigned target,
			struct instant now)
{
	return quorum_count(quorum, target, false, now) > 0;
}

bool quorum_others_poor(const struct quorum *quorum, unsigned target,
			struct instant now)
{
	const struct opinion *o;
	unsigned i;

	for (i = 0; i < quorum->nodes; i++) {
		o = opinion_of(quorum, i, target, now);
		if (o != NULL && !o->whole)
			return true;
	}
	return false;
}

bool quorum_agrees(const struct quorum *quorum, enum agree agree,
		   unsigned target, struct instant now)
{
	if (agree != AGREE_MAJORITY)
		return true;
	return quorum_majority(quorum_count(quorum, target, true, now), quorum);
}
