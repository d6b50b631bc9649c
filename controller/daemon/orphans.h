/* Orphans: servers that we withdrew and that a reload took out of the
 * configuration.  They stay withdrawn, and stay ours: when a later reload
 * brings them back, so do their claims.  Those that we added to HAProxy are
 * removed from it; until that is done, they are orphans like the others.  The
 * others are said, since nobody looks after them any more. */
#ifndef BASCULE_DAEMON_ORPHANS_H
#define BASCULE_DAEMON_ORPHANS_H

#include <stddef.h>

#include "controller/core/ctl.h"
#include "controller/core/settings.h"
#include "controller/daemon/store.h"
#include "haproxy/removals.h"

struct orphan;

struct orphans {
	struct orphan *list; /* owned */
	size_t count;
};

void orphans_done(struct orphans *orphans);

/* Remember the claims of @ctl, which runs under @set, as names.  Returns 0 or
 * -ENOMEM, and then nothing has changed. */
int orphans_add(struct orphans *orphans, const struct ctl *ctl,
		const struct settings *set);

/* Those that @set knows, as claims; they are orphans no longer.
 *
 * @ret_claims: the caller's to free.  Returns 0 or -ENOMEM.
 */
int orphans_take(struct orphans *orphans, const struct settings *set,
		 struct claim **ret_claims, size_t *ret_count);

/* Take in what an earlier daemon left.  Returns 0 or -ENOMEM. */
int orphans_add_stored(struct orphans *orphans,
		       const struct stored_server *list, size_t count);

/* Those that were added to @haproxy.
 *
 * @ret_list: the caller's to free.  Returns 0 or -ENOMEM.
 */
int orphans_added(const struct orphans *orphans, const char *haproxy,
		  struct removal **ret_list, size_t *ret_count);

/* One that is nobody's from now on; borrowed. */
struct orphan_left {
	const char *haproxy, *backend, *name;
	enum note_left how;
};

/* The next one that stays as we made it and was not asked for yet; false: there
 * is none. */
bool orphans_next(struct orphans *orphans, struct orphan_left *ret_left);

/* A server is gone from @haproxy. */
void orphans_drop(struct orphans *orphans, const char *haproxy,
		  const struct removal *removal);

#endif
