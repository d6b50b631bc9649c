/* Whatever `show stat` says: no crash, and hints of targets that exist. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/answer.h"
#include "haproxy/counters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 2 },
};
static struct target_settings targets[] = {
	{ .name = "s1" },
	{ .name = "s2" },
};
static const struct settings set = {
	.services = services,
	.service_count = 1,
	.targets = targets,
	.target_count = 2,
};

static void on_hint(void *arg, const struct hint *hint)
{
	(void)arg;
	if (hint->target >= set.target_count)
		abort();
}

static void answer(struct counters *cnt, struct instant now,
		   const uint8_t *data, size_t size)
{
	struct answer ans;
	size_t used;

	counters_ask(cnt, now);
	answer_init(&ans);
	while (size > 0) {
		if (answer_feed(&ans, (const char *)data, size, &used) ==
		    ANSWER_LINE)
			counters_line(cnt, ans.line);
		data += used;
		size -= used;
	}
	counters_answered(cnt, now, 1 * MS, on_hint, NULL);
	counters_ask(cnt, now);
}

/* The same bytes twice, and then their second half: counts rise and fall. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct servers *servers = servers_new(&set);
	struct counters *cnt = counters_new(servers);
	struct instant now = { SECOND };

	counters_every(cnt, 20 * MS);
	counters_place(cnt, 0, 1);
	answer(cnt, now, data, size);
	answer(cnt, instant_add(now, 1 * SECOND), data, size);
	answer(cnt, instant_add(now, 2 * SECOND), data + size / 2,
	       size - size / 2);
	counters_free(cnt);
	servers_free(servers);
	return 0;
}
