/* Process groups, known for certain and ended for certain.
 *
 * A number alone is not enough: what was written down may have ended long ago
 * and its number be somebody else's.  So a group is its leader's number and
 * when that process was born.  Nothing here allocates.
 */
#ifndef BASCULE_DAEMON_GROUP_H
#define BASCULE_DAEMON_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "controller/core/instant.h"

struct process_group {
	uint64_t born; /* clock ticks since the machine started */
	int32_t id;    /* of the leader; 0: none */
	int32_t unused;
};

/* The group that @leader leads, or the process that it is. */
struct process_group group_of(pid_t leader);

/* Whether that very process lives (a zombie does not). */
bool group_leader_lives(const struct process_group *group);

/* Kill all of it, and wait until all are dead.
 *
 * Returns false when that was not so by @until.
 */
bool group_end(const struct process_group *group, struct instant until);

/* Wait until the process of @pid_fd is dead, or until @until. */
bool group_await(int pid_fd, struct instant until);

#endif
