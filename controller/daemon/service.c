#include "controller/daemon/service.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

struct service_manager {
	struct loop *loop; /* borrowed */
	ev_timer watchdog;
};

static void on_watchdog(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
	sd_notify(0, "WATCHDOG=1");
}

struct service_manager *service_new(struct loop *loop)
{
	struct service_manager *manager = calloc(1, sizeof(*manager));
	uint64_t span_us = 0;
	double third_s;

	if (manager == NULL)
		return NULL;
	manager->loop = loop;
	if (sd_watchdog_enabled(0, &span_us) <= 0)
		return manager;
	third_s = (double)span_us / 3e6;
	ev_timer_init(&manager->watchdog, on_watchdog, third_s, third_s);
	ev_timer_start(loop_ev(loop), &manager->watchdog);
	return manager;
}

void service_free(struct service_manager *manager)
{
	if (manager == NULL)
		return;
	ev_timer_stop(loop_ev(manager->loop), &manager->watchdog);
	free(manager);
}

void service_ready(struct service_manager *manager)
{
	(void)manager;
	sd_notify(0, "READY=1");
}

void service_reloading(struct service_manager *manager)
{
	(void)manager;
	sd_notify(0, "RELOADING=1");
}

void service_stopping(struct service_manager *manager)
{
	(void)manager;
	sd_notify(0, "STOPPING=1");
}

void service_status(struct service_manager *manager, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	(void)manager;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sd_notifyf(0, "STATUS=%s", line);
}
