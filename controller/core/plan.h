/* Who succeeds the primary of a group of databases, and why not the others.
 *
 * Pure.  A plan can be printed before it runs; the same function chooses when
 * it does.  The most advanced replica wins, then the higher priority, then the
 * order of the configuration: a rule that every node applies alike, so that
 * candidates never step back for each other.
 */
#ifndef BASCULE_CORE_PLAN_H
#define BASCULE_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/settings.h"

#define PLAN_INSTANCES_MAX 16
#define PLAN_NOBODY        UINT32_MAX

enum plan_reject {
	PLAN_FIT,
	PLAN_IS_LEFT,      /* it is the one that is being left */
	PLAN_UNKNOWN,      /* nothing fresh is known of it */
	PLAN_DOWN,         /* its checks fail */
	PLAN_MAINTENANCE,  /* somebody works on it */
	PLAN_LOADING,      /* alive, but does not serve yet */
	PLAN_REJOINING,    /* a hook is still at work on it */
	PLAN_NO_REPLICA,   /* it does not replicate */
	PLAN_FOREIGN,      /* the data of another cluster */
	PLAN_DIVERGED,     /* an older or another history */
	PLAN_BEHIND,       /* further than max_lag */
	PLAN_MAY_LACK,     /* no-loss: may lack acknowledged writes */
	PLAN_FAILED,       /* could not be promoted just now */
	PLAN_NOT_ASKED_FOR /* another one was named */
};

/* What is known of an instance when a plan is made. */
struct plan_instance {
	const struct database_facts *facts; /* NULL: nothing fresh */
	unsigned priority;
	bool down, maintenance, failed, rejoining;
	/* It was seen to take something from the one to be left, and not to
	 * although it could. */
	bool linked, apart;
	/* The one to be left did not name it among its replicas any more, when
	 * it had written so much.  Not of one that no commit waited for. */
	bool absent;
	struct database_position absent_at;
};

struct plan_question {
	const struct failover_settings *set;
	struct plan_instance list[PLAN_INSTANCES_MAX];
	unsigned count;
	unsigned leaving; /* index */
	unsigned asked;   /* index of the one that a person wants, or NOBODY */
	/* What the one being left said last; NULL if it never spoke. */
	const struct database_facts *last;
};

struct plan {
	unsigned leaving, successor; /* index, or PLAN_NOBODY */
	unsigned count;
	enum plan_reject reject[PLAN_INSTANCES_MAX];
	/* How far behind what the one being left is known to have written. */
	uint64_t behind[PLAN_INSTANCES_MAX];
	bool behind_known; /* it has spoken, and of this history */
	bool strange;      /* the successor may be of another one */
};

struct plan plan_make(const struct plan_question *ask);

/* Why an instance is not fit, as a clause: "its checks fail". */
const char *plan_reject_text(enum plan_reject reject);

/* What a person can do about it, or NULL: what its checks say tells that, or
 * time does. */
const char *plan_reject_remedy(enum plan_reject reject);

#endif
