/* The page that the daemon shows its guard: a file in the runtime folder.
 *
 * A file, so that it outlives both: a successor, and `basculed --release`,
 * read there which hooks were running.  The daemon alone writes, the guard
 * reads through a mapping of the same file.
 *
 * The file holds two sheets and a turn.  The daemon writes the sheet whose
 * turn it is not, then turns over: a daemon that is killed or stopped while it
 * writes leaves the other sheet whole, where a plain seqlock would leave its
 * guard with nothing to read, at the very moment when it is needed.  The
 * reader copies the sheet of the turn and reads the turn again: only when it
 * is unchanged was the copy not written into.
 *
 * The lock on the file (flock) belongs to the open file that daemon and guard
 * share, so it is free when both are dead, and not before.
 */
#ifndef BASCULE_DAEMON_GUARD_PAGE_H
#define BASCULE_DAEMON_GUARD_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/guard.h"
#include "controller/core/instant.h"
#include "controller/daemon/group.h"

#define GUARD_PAGE_NAME     "guard.page"
#define GUARD_GROUPS_MAX    8
#define GUARD_PAGE_PATH_MAX 256

/* All that is on the page.  Of fixed sizes, since it is a file. */
struct guard_sheet {
	int64_t lease_end_us, routing_end_us; /* instants; NONE as there */
	uint64_t term, boot, digest;
	uint32_t node, successor;
	uint32_t leader, unused; /* leader: 0 or 1 */
	struct process_group daemon, guard;
	struct process_group groups[GUARD_GROUPS_MAX]; /* of hooks that run */
};

struct guard_page_map; /* the file, mapped */

/* Open or make the file in @folder.  Returns the descriptor or -errno with
 * @err. */
int guard_page_open(const char *folder, struct err *err);

/* Wait for the lock until @until.  Returns 0, or -EBUSY when somebody else
 * has it still. */
int guard_page_lock(int fd, struct instant until);

/* Read what a daemon before left there, without trusting it.
 *
 * Returns 0, -ENODATA when there is nothing, or -EBADMSG when it is not what
 * this version writes.
 */
int guard_page_load(int fd, struct guard_sheet *ret_sheet);

/* Map the file and begin it anew with @sheet. */
int guard_page_map(int fd, const struct guard_sheet *sheet,
		   struct guard_page_map **ret_map, struct err *err);
void guard_page_unmap(struct guard_page_map *map);

/* In the daemon, one thread. */
void guard_page_write(struct guard_page_map *map,
		      const struct guard_sheet *sheet);

/* In the guard.  Tries for as long as the daemon writes faster than this
 * copies, which is not long. */
void guard_page_read(const struct guard_page_map *map,
		     struct guard_sheet *ret_sheet);

/* What of it decides. */
struct guard_page guard_page_of(const struct guard_sheet *sheet);

/* End the groups of all hooks on @sheet.  Returns false when one of them lived
 * still at @until. */
bool guard_page_end_groups(const struct guard_sheet *sheet,
			   struct instant until);

#endif
