/* Servers that were added at runtime and are to go again.
 *
 * Each is put in maintenance at once, keeps its sessions for as long as it was
 * granted, loses them, and is deleted when HAProxy lets go of it.  No I/O: the
 * owner sends what removals_next() says and tells the last answer.
 */
#ifndef BASCULE_HAPROXY_REMOVALS_H
#define BASCULE_HAPROXY_REMOVALS_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/instant.h"
#include "controller/core/settings.h"

#define REMOVALS_AGAIN_US  (100 * MS)    /* while it has connections */
#define REMOVALS_REFUSE_US (60 * SECOND) /* after HAProxy refused */

struct removal {
	char backend[SETTINGS_NAME_MAX + 1], name[SETTINGS_NAME_MAX + 1];
	int64_t grace_us; /* for its sessions */
};

struct removals;

/* How one ended: @failed is NULL when the server is gone.  Else HAProxy has
 * refused, which is said once, and will be asked again. */
typedef void (*removals_fn)(void *arg, const struct removal *removal,
			    const char *failed);

/* @list is copied.  Returns NULL when memory is out. */
struct removals *removals_new(const struct removal *list, size_t count);
void removals_free(struct removals *rem);

/* When to ask for the next; NEVER while one is asked for or none is left. */
struct instant removals_due(const struct removals *rem);

/* What to do about now, or NULL.  @ret_end_sessions: its time is over.  Then
 * removals_answered() is due, or removals_forget(). */
const struct removal *removals_next(struct removals *rem, struct instant now,
				    bool *ret_end_sessions);

/* What `del server` was answered. */
void removals_answered(struct removals *rem, struct instant now,
		       const char *answer, removals_fn fn, void *arg);

/* No answer will come: ask again. */
void removals_forget(struct removals *rem);

/* The process that had them is gone, and they with it. */
void removals_gone(struct removals *rem, removals_fn fn, void *arg);

#endif
