/* Agent checks: the HAProxies of the simulated world ask the daemon about their
 * servers, and believe what it says. */
#include "drill/sim/world_state.h"

#include <stdlib.h>

#define FRESH_US (2 * MS) /* a new process asks so soon */

static bool answers(const struct world *w, unsigned haproxy)
{
	const struct sim_haproxy *h = &w->haproxies[haproxy];

	return w->node.runs && !world_frozen(w) && h->runs && !h->hangs &&
	       haproxy < w->node.set->haproxy_count;
}

static void ask(struct world *w, unsigned haproxy, unsigned target)
{
	struct fake_server *s =
		w->machines[w->machine_of[target]].servers[haproxy];
	enum agent_word word;
	const char *why;

	if (s == NULL || !fake_haproxy_has(s) || s->agent_port == 0 ||
	    s->agent_port != w->node.set->haproxies[haproxy].agent_port)
		return;
	word = ctl_agent(w->node.ctl, haproxy, target, &why);
	if (word != AGENT_SILENT)
		s->agent_down = word == AGENT_DOWN;
}

void agents_ask(struct world *w, const struct happening *h)
{
	struct rules_before *before;
	unsigned i;

	if (h->token != 0)
		world_put(w, HAPPENS_AGENT, instant_add(w->now, w->agents_us),
			  h->a, 0, h->token);
	if (!answers(w, h->a))
		return;
	before = link_snapshot(w, h->a);
	for (i = 0; i < w->node.set->target_count; i++)
		ask(w, h->a, i);
	rules_commanded(w, h->a, before, false);
	free(before);
}

void agents_fresh(struct world *w, unsigned haproxy)
{
	if (w->agents_us > 0)
		world_put(w, HAPPENS_AGENT, instant_add(w->now, FRESH_US),
			  haproxy, 0, 0);
}

bool world_by_agent(const struct world *w, unsigned haproxy, unsigned target)
{
	const struct fake_server *s =
		w->machines[w->machine_of[target]].servers[haproxy];

	return s != NULL && s->agent_down && s->admin == s->configured_admin;
}

void world_agents(struct world *w, int64_t inter_us)
{
	unsigned h;

	w->agents_us = inter_us;
	for (h = 0; inter_us > 0 && h < w->haproxy_set->haproxy_count; h++) {
		fake_haproxy_agents(w->haproxies[h].fake,
				    w->haproxy_set->haproxies[h].agent_port);
		world_put(w, HAPPENS_AGENT, instant_add(w->now, inter_us), h, 0,
			  1);
	}
}
