/* Views: what this node's checks see, told to the other nodes, and what they
 * tell.
 *
 * A change is told at the end of the wake-up that found it, everything once a
 * second: a datagram may be lost.  Targets are known to each other by a hash
 * of "SERVICE/TARGET".
 */
#ifndef BASCULE_DAEMON_VIEWS_H
#define BASCULE_DAEMON_VIEWS_H

#include <stdbool.h>

#include "controller/core/ctl.h"
#include "controller/core/event.h"
#include "controller/core/message.h"

struct views;

/* Send these as one message, at most MESSAGE_OBSERVATIONS_MAX of them. */
typedef void (*views_send_fn)(void *arg, const struct observation *list,
			      unsigned count);

/* NULL when memory is out.  @set is borrowed until views_reload(). */
struct views *views_new(const struct settings *set);
void views_free(struct views *views);

/* Returns 0 or -ENOMEM, and then nothing has changed. */
int views_reload(struct views *views, const struct settings *set);

/* @target has changed, or all have when it is NOTE_NONE: told with the next
 * views_tell(). */
void views_changed(struct views *views, unsigned target);

/* Tell what has changed, or everything once a second is over. */
void views_tell(struct views *views, const struct ctl *ctl, struct instant now,
		views_send_fn send, void *arg);

/* When views_tell() is wanted without any change. */
struct instant views_deadline(const struct views *views);

/* What another node said, in terms of the settings; owned by @views until the
 * next call. */
struct observed views_hear(struct views *views, unsigned node,
			   const struct message *msg);

#endif
