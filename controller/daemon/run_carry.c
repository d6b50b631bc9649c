/* What the controller wants goes to whoever does it. */
#include "controller/daemon/run_state.h"

void run_carry_out(struct run *run, const struct action *act)
{
	switch (act->kind) {
	case ACTION_CHECK:
		checks_start(run->checks, act->check.target, act->id,
			     act->check.timeout_us, act->check.fresh);
		break;
	case ACTION_HAPROXY:
		haproxies_order(run->haproxies, act->id, &act->haproxy);
		if (act->haproxy.end_sessions)
			masters_poke(run->masters, act->haproxy.haproxy);
		break;
	case ACTION_DATABASE:
		databases_order(run->databases, act->id, &act->database);
		break;
	case ACTION_HOOK:
		run_hook(run, act);
		break;
	case ACTION_DECIDE:
	case ACTION_ROUTED:
		run_keep_word(run, act);
		break;
	case ACTION_STORE:
		tell_store(run->tell, act->id, &act->store);
		if (run->shared != NULL && act->store.kind == STORE_INCIDENT &&
		    !act->store.heard)
			shared_changed(run->shared, &act->store.incident);
		break;
	case ACTION_NOTE:
		tell_note(run->tell, &act->note);
		if (act->note.kind == NOTE_GROUP_REJOINED)
			group_hooks_rejoined(run->set, act->note.group.from);
		break;
	case ACTION_OBSERVE:
		if (run->views != NULL)
			views_changed(run->views, act->observe.target);
		break;
	case ACTION_FOUND:
		if (run->shared != NULL)
			shared_changed(run->shared, &act->found);
		break;
	case ACTION_REPLY:
		tell_reply(run->tell, act->reply.token, act->reply.error,
			   act->reply.text);
		break;
	default:
		break;
	}
}
