/* What keeps a group from having a primary, in words. */
#include "controller/core/group_state.h"

#include <stdio.h>

_Static_assert(PLAN_NOT_ASKED_FOR < 32, "a bit for each of them");

static void say_unfit(struct group *g, unsigned leaving, unsigned i,
		      enum plan_reject reject)
{
	const char *remedy = plan_reject_remedy(reject);
	struct instance *it = &g->list[i];
	char text[GROUP_TEXT_MAX];

	if ((it->told_unfit & UINT32_C(1) << reject) != 0)
		return;
	it->told_unfit |= UINT32_C(1) << reject;
	snprintf(text, sizeof(text), "%s%s%s", plan_reject_text(reject),
		 remedy != NULL ? ": " : "", remedy != NULL ? remedy : "");
	group_note(g, GROUP_NOTE_UNFIT, leaving, i, text);
}

void group_say_unfit(struct group *g, const struct plan *plan)
{
	unsigned i;

	for (i = 0; i < plan->count; i++)
		if (plan->reject[i] != PLAN_FIT && i != plan->leaving)
			say_unfit(g, plan->leaving, i, plan->reject[i]);
}

const char *group_complaint(struct group *g, unsigned primary)
{
	const struct database_facts *facts = group_facts(g, primary);
	const struct instance *it = &g->list[primary];
	unsigned i;

	for (i = 0; i < g->set.count; i++)
		g->list[i].told_unfit = 0;
	/* What it was before it was promoted is no word of it. */
	if (facts == NULL || facts->role != DATABASE_REPLICA || it->gone ||
	    it->maintenance ||
	    (!instant_is_none(g->moved_at) &&
	     instant_before(it->asked, g->moved_at)))
		return "";
	return "the primary says that it is a replica: hand over (switchover), "
	       "or promote it";
}
