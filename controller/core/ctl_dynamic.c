/* Servers that a HAProxy does not know, added to it at runtime.
 *
 * It comes into being in maintenance, and that it is ours was written down
 * before: so it is brought into use like any other server of ours, once its
 * target answers.  A new process of HAProxy has lost it, and gets it again; if
 * such a process has it all the same, then by its configuration, and it is
 * ours no longer.
 */
#include "controller/core/ctl_state.h"

bool dynamic_allowed(const struct ctl *ctl, unsigned target)
{
	return ctl_service_of(ctl, target)->add_servers &&
	       ctl->targets[target].health.state != HEALTH_MAINT;
}

void dynamic_order(struct ctl *ctl, unsigned haproxy, unsigned target)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	struct action *act;

	if (!instant_reached(ctl->now, srv->retry))
		return;
	srv->order = ctl_id(ctl, ID_ORDER, haproxy, target);
	srv->ordered = SERVER_UNKNOWN;
	srv->ordered_weight = 0;
	srv->ordered_agent = false;
	srv->adding = true;
	srv->settled = false;
	ctl->haproxies[haproxy].commands++;
	act = ctl_emit(ctl, ACTION_HAPROXY, srv->order);
	act->haproxy = (struct server_order){
		.haproxy = haproxy,
		.target = target,
		.add = true,
	};
}

void dynamic_ordered(struct ctl *ctl, unsigned haproxy, unsigned target,
		     bool done)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	bool absent = srv->seen == SERVER_ABSENT;
	struct note *note;

	if (!srv->adding)
		return;
	srv->adding = false;
	if (!done)
		return;
	srv->misplaced = false;
	srv->vanished = false;
	if (absent) {
		ctl->haproxies[haproxy].absent--;
		srv->seen = SERVER_MAINT;
		srv->bits = true; /* ours, though it may obey the agent */
		srv->weight_percent = 100;
	}
	note = ctl_note_target(
		ctl, absent ? NOTE_SERVER_ADDED : NOTE_SERVER_MOVED, target);
	note->haproxy = haproxy;
}

void dynamic_lost(struct ctl *ctl, unsigned haproxy)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++) {
		struct server *srv = mend_server(ctl, haproxy, i);

		srv->vanished = srv->vanished || srv->added;
	}
}

void dynamic_seen(struct ctl *ctl, const struct haproxy_seen *seen)
{
	struct server *srv = mend_server(ctl, seen->haproxy, seen->target);

	srv->misplaced = seen->misplaced;
	if (seen->state == SERVER_ABSENT || !srv->vanished)
		return;
	srv->vanished = false;
	srv->added = false;
	mend_rewrite(ctl, seen->haproxy, seen->target);
}
