/* What the driver finds out about its own node. */
#include "controller/daemon/run_state.h"

#include <errno.h>

static void on_facts(void *arg, const struct self_facts *facts)
{
	struct event ev = { .kind = EVENT_SELF };

	ev.self = *facts;
	run_feed(arg, &ev);
}

static unsigned on_loss(void *arg)
{
	struct run *run = arg;

	return cluster_loss_percent(run->cluster);
}

int run_watch_self(struct run *run, struct err *err)
{
	const struct self_watch_doors doors = { .facts = on_facts,
						.loss_percent = on_loss,
						.arg = run };

	run->self = self_watch_new(run->loop, &doors);
	if (run->self == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	self_watch_reload(run->self, run->set);
	return 0;
}
