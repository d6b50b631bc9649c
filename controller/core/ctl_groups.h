/* Groups of databases within the controller, from the inside: shared by the
 * ctl_groups*.c files alone. */
#ifndef BASCULE_CORE_CTL_GROUPS_H
#define BASCULE_CORE_CTL_GROUPS_H

#include "controller/core/ctl_state.h"
#include "controller/core/group.h"

/* What the machine was told of an instance last, and what it waits for. */
struct member {
	bool down, confirmed, certain, suspect, maintenance;
	bool called, at_work; /* group.h */
	uint32_t rejoins;     /* the nodes that say so: bit i is node i */
	bool told_rejoins;    /* so do we, and the others were told */
	bool host_up;
	bool told_held_back;
	bool dirty;
	uint64_t order, order_of; /* ctl's id, and the machine's */
	uint64_t hook, hook_of;
};

struct ctl_group {
	uint32_t heard;        /* nodes, likewise */
	struct group *machine; /* owned */
	unsigned first, count; /* targets */
	unsigned readers; /* the first of their places there, or NOTE_NONE */
	struct member members[PLAN_INSTANCES_MAX];
	bool office;
	const char *forbids; /* as told; static text */
	/* Which target is routed, or NOTE_NONE; and the election's order that
	 * waits until it is so, 0: none. */
	unsigned routed;
	uint64_t route;
	bool told;  /* the election has said what to route, or not to */
	bool dirty; /* a member is */
};

/* The group that @service is, or NULL. */
static inline struct ctl_group *groups_of(const struct ctl *ctl,
					  unsigned service)
{
	return service < ctl->set->service_count ? ctl->groups[service] : NULL;
}

/* Whether the primary node calls for this one to rejoin @target, and whether
 * another one, which hosts it, says that it does. */
bool groups_calls(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target);
bool groups_works(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target);
/* Whether the node that hosts it is heard, or is this one. */
bool groups_hears(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target);

/* ctl_groups_health.c: what is known of the health of instance @i, as an event.
 * Returns whether it is news to the machine. */
bool groups_found(struct ctl *ctl, struct ctl_group *grp, unsigned i,
		  struct group_event *ret_ev);

#endif
