/* What is known of a database instance, and what it can be told.
 *
 * The three databases differ in how they say it; here it has one shape, so
 * that choosing, fencing and promoting are one piece of code.  A position is
 * where an instance stands in the history of its data:
 *
 *            timeline                       offset
 * PostgreSQL the timeline                   bytes of WAL (LSN)
 * MariaDB    the GTID domain                the GTID's sequence number
 * Redis      0                              the replication offset
 *
 * MariaDB's domain is no order: positions of two domains do not compare.  Nor
 * do those of two histories that parted; `system` and `history` tell.
 */
#ifndef BASCULE_CORE_DATABASE_H
#define BASCULE_CORE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/instant.h"

#define DATABASE_REPLICAS_MAX 8
#define DATABASE_NAME_MAX     64
#define DATABASE_HISTORY_MAX  128

enum database_role { DATABASE_UNKNOWN, DATABASE_PRIMARY, DATABASE_REPLICA };

struct database_position {
	uint64_t timeline, offset;
};

/* A replica as its primary sees it. */
struct database_replica {
	char name[DATABASE_NAME_MAX]; /* as its facts' name */
	struct database_position acknowledged;
	bool streaming;
	bool synchronous; /* commits wait for it */
};

struct database_facts {
	enum database_role role;
	bool writable; /* takes writes of ordinary users now */
	bool loading;  /* alive, but does not serve yet */
	/* Galera: wsrep_ready is off; Redis: a whole copy is taken in. */
	bool unready;
	/* Whose data it is: PostgreSQL's system identifier, a hash of what
	 * stands for it elsewhere; 0 where nothing does. */
	uint64_t system;
	/* Another one after each start of the server: a hash of run_id, of
	 * the start time. */
	uint64_t start;
	/* What was received and what of it is applied (a primary: both what
	 * was written). */
	struct database_position received, applied;
	/* The history in the database's own words, to be compared and shown:
	 * "2", "0-1-9,0-2-11", "7e2d...:1058". */
	char history[DATABASE_HISTORY_MAX];
	/* By which its primary knows it: application_name, server id, or
	 * address and port. */
	char name[DATABASE_NAME_MAX];
	/* Of a replica. */
	char source_host[DATABASE_NAME_MAX]; /* whom it follows; "" nobody */
	uint16_t source_port;
	bool source_up; /* data flows from it, or could: the link is open */
	int64_t lag_us; /* behind its source in time; -1 not known */
	bool halted;    /* an error ended the applying of what it receives */
	bool errant;    /* it has writes of its own, which its source lacks */
	/* Of a primary. */
	bool durable; /* no commit is acknowledged before `quorum` of the
			 synchronous replicas have it */
	unsigned quorum;
	unsigned replica_count; /* may be more than are listed */
	struct database_replica replicas[DATABASE_REPLICAS_MAX];
};

/* What an instance can be told.  Each order is safe to repeat. */
enum database_order_kind {
	DATABASE_PROMOTE,  /* be the primary; done when it takes writes */
	DATABASE_FOLLOW,   /* be a replica of source */
	DATABASE_FENCE,    /* take no more writes, end the writers' sessions */
	DATABASE_UNFENCE,  /* take writes again, as primary */
	DATABASE_CATCH_UP, /* done when position is applied */
	DATABASE_CANARY,   /* write one row, or set one key, and sync it */
	DATABASE_ORDERS
};

struct database_order {
	enum database_order_kind kind;
	unsigned target; /* index */
	unsigned source; /* FOLLOW: index of the target to follow */
	struct database_position position; /* CATCH_UP */
	uint64_t epoch;     /* of the group; written where the database has
			       room for it, as CANARY's row */
	int64_t timeout_us; /* from now */
};

/* Programs of the operator's. */
enum database_hook { DATABASE_HOOK_FENCE, DATABASE_HOOK_REJOIN };

const char *database_role_name(enum database_role role);
const char *database_order_name(enum database_order_kind kind);

/* Less than, equal to or greater than 0 as @a is behind, at, before @b.
 * Within one lineage only. */
static inline int database_position_compare(struct database_position a,
					    struct database_position b)
{
	if (a.timeline != b.timeline)
		return a.timeline < b.timeline ? -1 : 1;
	return (a.offset > b.offset) - (a.offset < b.offset);
}

#endif
