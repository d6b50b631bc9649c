/* What the nodes of a cluster think of a target, counted.
 *
 * Each node tells the others which targets its own checks found DOWN; here
 * that is kept, and asked before a target is withdrawn.  A node's word counts
 * while the node is heard and for QUORUM_FRESH_US after it spoke of the target
 * last.
 */
#ifndef BASCULE_CORE_QUORUM_H
#define BASCULE_CORE_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

/* Everything is told anew each second: four may be lost. */
#define QUORUM_FRESH_US (5 * SECOND)

struct quorum;

/* For @set, whose cluster may be NULL: then this node alone counts.  NULL when
 * memory is out. */
struct quorum *quorum_new(const struct settings *set);
void quorum_free(struct quorum *quorum);

/* Node @node says that it finds @target down, or not, or whole.  Returns
 * whether that is another word than its last one. */
bool quorum_hear(struct quorum *quorum, unsigned node, unsigned target,
		 bool down, bool whole, struct instant now);

/* ... and whether it has something to say for or against @target. */
void quorum_hear_finding(struct quorum *quorum, unsigned node, unsigned target,
			 enum finding finding);

/* ... and that it answers nevertheless, since it is down for having gone too
 * often. */
void quorum_hear_held_back(struct quorum *quorum, unsigned node,
			   unsigned target, bool held_back);

/* The worst finding of another node that counts.
 *
 * @since: WELL counts only when it was said after that; or INSTANT_NONE.
 */
enum finding quorum_worst(const struct quorum *quorum, unsigned target,
			  struct instant since, struct instant now);

/* Bit i of @heard: node i is heard; this node's own bit does not matter.  What
 * a node said before it fell silent is forgotten: once it is heard again, its
 * next word counts, and not one from before it died. */
void quorum_set_heard(struct quorum *quorum, uint32_t heard);

/* Whether this node hears at least one other, or has none. */
bool quorum_in_touch(const struct quorum *quorum);

/* Whether there is no other node at all. */
bool quorum_alone(const struct quorum *quorum);

/* Whether @count nodes are more than half of all. */
bool quorum_majority(unsigned count, const struct quorum *quorum);

/* The other nodes that count and find @target down: bit i is node i. */
uint32_t quorum_finders(const struct quorum *quorum, unsigned target,
			struct instant now);

/* Whether another node that counts finds @target down. */
bool quorum_others_down(const struct quorum *quorum, unsigned target,
			struct instant now);

/* Whether another node that counts does not find @target whole: it is down
 * there, or still recovering. */
bool quorum_others_poor(const struct quorum *quorum, unsigned target,
			struct instant now);

/* Whether @target, which this node finds down, counts as down under @agree. */
bool quorum_agrees(const struct quorum *quorum, enum agree agree,
		   unsigned target, struct instant now);

/* How many nodes find it down, this one included if @own_down. */
unsigned quorum_count(const struct quorum *quorum, unsigned target,
		      bool own_down, struct instant now);

/* How many other nodes find it down, and get no answer from it. */
unsigned quorum_deaf(const struct quorum *quorum, unsigned target,
		     struct instant now);

#endif
