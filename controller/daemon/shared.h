/* Shared: the records of incidents that nodes tell each other.
 *
 * A new version is told at the end of the wake-up that wrote it.  Once a
 * second everything open is told, and a few of the closed ones in turn, so
 * that what was lost, or written while a node was away, arrives as well.
 */
#ifndef BASCULE_DAEMON_SHARED_H
#define BASCULE_DAEMON_SHARED_H

#include "controller/core/ctl.h"
#include "controller/core/event.h"
#include "controller/core/message.h"
#include "controller/daemon/window.h"

struct shared;

/* Send this as one message, at most MESSAGE_INCIDENTS_BYTES_MAX. */
typedef void (*shared_send_fn)(void *arg, const uint8_t *body, size_t size);

/* NULL when memory is out.  @set is borrowed until shared_reload(). */
struct shared *shared_new(const struct settings *set);
void shared_free(struct shared *shared);
void shared_reload(struct shared *shared, const struct settings *set);

/* There is a new version of @inc, or it was found. */
void shared_changed(struct shared *shared, const struct incident *inc);

/* Tell what has changed, and what is due of @win. */
void shared_tell(struct shared *shared, const struct window *win,
		 struct instant now, shared_send_fn send, void *arg);

/* When shared_tell() is wanted. */
struct instant shared_deadline(const struct shared *shared);

/* Whether everything open is to be told again. */
bool shared_refresh_due(const struct shared *shared, struct instant now);

/* What of @msg is newer than what @win has; borrowed until the next call or
 * change of @win. */
struct incidents_heard shared_hear(struct shared *shared,
				   const struct window *win, unsigned node,
				   const struct message *msg,
				   struct instant now);

/* What is open in @win, but not what @ctl holds as open: to be heard once
 * more.  Borrowed likewise. */
struct incidents_heard shared_strays(struct shared *shared,
				     const struct window *win,
				     const struct ctl *ctl);

#endif
