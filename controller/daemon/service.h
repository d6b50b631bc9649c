/* The service manager: readiness, reload, stop and watchdog (sd_notify(3)).
 *
 * Not under systemd all of it does nothing.  The watchdog is fed from the
 * loop that does the work, so a loop that hangs is restarted.
 */
#ifndef BASCULE_DAEMON_SERVICE_H
#define BASCULE_DAEMON_SERVICE_H

#include "controller/io/loop.h"

struct service_manager;

/* Start feeding the watchdog, if one is wanted.  NULL: out of memory. */
struct service_manager *service_new(struct loop *loop);
void service_free(struct service_manager *manager);

void service_ready(struct service_manager *manager);
void service_reloading(struct service_manager *manager);
void service_stopping(struct service_manager *manager);

/* One line for `systemctl status`. */
void service_status(struct service_manager *manager, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
