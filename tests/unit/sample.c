#include "tests/unit/sample.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/core/instant.h"

static const struct status_range good_status = { 200, 399 };

static const struct check_settings check = {
	.type = CHECK_HTTP,
	.method = "GET",
	.path = "/health",
	.status = &good_status,
	.status_count = 1,
	.verify = true,
	.interval_us = 1 * SECOND,
	.fast_interval_us = 100 * MS,
	.down_interval_us = 1 * SECOND,
	.timeout_us = 500 * MS,
	.timeout_min_us = 20 * MS,
	.slow_after_us = 500 * MS,
	.fall = 3,
	.rise = 2,
	.fresh_every = 10,
};

static void service_set(struct service_settings *svc, const char *name,
			const char *backend, unsigned first, unsigned count)
{
	*svc = (struct service_settings){
		.name = name,
		.backend = backend,
		.check = check,
		.min_up = 1,
		.concurrency = count,
		.sessions = SESSIONS_END_WRITERS,
		.severity_partial = SEVERITY_P2,
		.severity_total = SEVERITY_P1,
		.objective = { 99.95, 1 * SECOND, 30 * SECOND },
		.first_target = first,
		.target_count = count,
	};
}

static void target_set(struct target_settings *target, const char *name,
		       const char *address, unsigned service)
{
	*target = (struct target_settings){
		.name = name,
		.address = address,
		.host = "10.0.0.11",
		.port = 5000,
		.service = service,
	};
}

void sample_init(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/bascule-test-XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		abort();
	service_set(&s->services[SAMPLE_API], "api", "be_api", API1, 3);
	service_set(&s->services[SAMPLE_SHOP], "shop", "be_shop", SHOP_WEB1, 2);
	target_set(&s->targets[API1], "api1", "10.0.0.11:5000", SAMPLE_API);
	target_set(&s->targets[API2], "api2", "10.0.0.12:5000", SAMPLE_API);
	target_set(&s->targets[API3], "api3", "10.0.0.13:5000", SAMPLE_API);
	target_set(&s->targets[SHOP_WEB1], "web1", "10.0.0.21:80", SAMPLE_SHOP);
	target_set(&s->targets[SHOP_API1], "api1", "10.0.0.22:80", SAMPLE_SHOP);
	s->haproxies[0] = (struct haproxy_settings){
		.name = "local", .socket = "/run/haproxy/admin.sock"
	};
	s->set = (struct settings){
		.file = "sample.conf",
		.node = "node1",
		.state_dir = s->dir,
		.history_us = 90 * DAY,
		.services = s->services,
		.service_count = SAMPLE_SERVICES,
		.targets = s->targets,
		.target_count = SAMPLE_TARGETS,
		.haproxies = s->haproxies,
		.haproxy_count = 1,
	};
}

static int remove_entry(const char *path, const struct stat *st, int flag,
			struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void sample_done(struct sample *s)
{
	nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
