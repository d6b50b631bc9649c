/* Whatever a runtime socket says: no crash, and every order is answered once.
 *
 * The input is what HAProxy says after the connection is made, cut in two at
 * its first byte's place.
 */
#include <stdint.h>
#include <stdlib.h>

#include "haproxy/runtime.h"

#define ORDERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 2 },
	{ .name = "two",
	  .backend = "two",
	  .first_target = 2,
	  .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1", .service = 0 },
	{ .name = "s2", .service = 0 },
	{ .name = "s1", .service = 1 },
};
static const struct settings set = {
	.services = services,
	.service_count = 2,
	.targets = targets,
	.target_count = 3,
};
static const struct server_order orders[ORDERS] = {
	{ .target = 0,
	  .state = SERVER_MAINT,
	  .weight_percent = 50,
	  .end_sessions = true },
	{ .target = 1, .state = SERVER_DRAIN },
	{ .target = 2, .weight_percent = 100 },
	{ .target = 0, .state = SERVER_READY },
};

static unsigned answered[ORDERS];

static void on_seen(void *arg, const struct haproxy_seen *seen)
{
	(void)arg;
	if (seen->kind == HAPROXY_SERVER && seen->target >= set.target_count)
		abort();
}

static void on_done(void *arg, uint64_t id, const char *failed, int64_t took_us)
{
	(void)arg;
	(void)failed;
	(void)took_us;
	if (id >= ORDERS || answered[id]++ != 0)
		abort();
}

/* What the owner of a socket does after each call. */
static void settle(struct runtime *rt, struct instant now)
{
	const char *out;

	while (runtime_next(rt, now) == RUNTIME_CLOSE)
		;
	runtime_sent(rt, runtime_output(rt, now, &out));
}

static void hear(struct runtime *rt, struct instant now, const uint8_t *data,
		 size_t size)
{
	runtime_input(rt, now, data, size);
	settle(rt, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size > 0 ? data[0] % size : 0;
	struct servers *servers = servers_new(&set);
	struct runtime *rt = runtime_new(servers, 0, on_seen, on_done, NULL);
	struct instant now = { SECOND };
	unsigned i;

	for (i = 0; i < ORDERS; i++) {
		answered[i] = 0;
		runtime_order(rt, now, i, &orders[i]);
	}
	if (runtime_next(rt, now) != RUNTIME_CONNECT)
		abort();
	runtime_connected(rt, now);
	settle(rt, now);
	hear(rt, now, data, cut);
	hear(rt, now, data + cut, size - cut);
	/* The end: it hangs, and then it is gone. */
	now = instant_add(now, RUNTIME_ANSWER_US + 1 * MS);
	runtime_tick(rt, now);
	settle(rt, now);
	runtime_lost(rt, now, "closed");
	now = instant_add(now, 1 * MINUTE);
	if (runtime_next(rt, now) == RUNTIME_CONNECT)
		runtime_lost(rt, now, "refused");
	runtime_tick(rt, now);
	for (i = 0; i < ORDERS; i++)
		if (answered[i] != 1)
			abort();
	runtime_free(rt);
	servers_free(servers);
	return 0;
}
