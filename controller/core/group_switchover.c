/* A person wants another primary. */
#include "controller/core/group_state.h"

#include <errno.h>
#include <stdio.h>

static void say_why(enum plan_reject reject, const char *name, char *buf,
		    size_t size)
{
	const char *remedy = plan_reject_remedy(reject);

	snprintf(buf, size, "%s: %s%s%s", name, plan_reject_text(reject),
		 remedy != NULL ? ": " : "", remedy != NULL ? remedy : "");
}

void group_switchover(struct group *g, unsigned to)
{
	char text[GROUP_TEXT_MAX];
	struct plan plan;
	unsigned primary;

	if (!g->office) {
		group_reply(g, -EPERM, "this node is not the primary node");
		return;
	}
	if (!g->known || g->document.phase != PHASE_STEADY || g->deciding) {
		group_reply(g, -EBUSY,
			    g->known ? "a failover is under way"
				     : "it has no primary yet");
		return;
	}
	primary = group_find(g, g->document.primary);
	if (primary == to) {
		group_reply(g, 0, "it is the primary already");
		return;
	}
	plan = group_plan(g, to);
	if (plan.successor == PLAN_NOBODY) {
		if (to == PLAN_NOBODY)
			snprintf(text, sizeof(text),
				 "no replica is fit: --dry-run says why");
		else
			say_why(plan.reject[to], group_name(g, to), text,
				sizeof(text));
		group_reply(g, -EINVAL, text);
		return;
	}
	g->asked = to;
	group_begin(g, GROUP_SWITCHOVER_REASON);
}
