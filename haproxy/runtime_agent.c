/* Servers that obey our agent-check responder: whose they are, and what of
 * its word can be seen.
 *
 * `show servers state` does not show what an agent said.  A server that is
 * stopped while its own check passes is down by its agent; one whose check
 * fails may be or not: then what we said last counts.  An earlier daemon may
 * have said something: that such a server is stopped is told, and whoever has
 * the claims knows why. */
#include "haproxy/runtime_state.h"

/* Our responder is who its agent check asks. */
static bool is_ours(const struct runtime *rt, const struct server_line *line)
{
	const struct settings *set = servers_settings(rt->servers);

	return line->agent && line->agent_port != 0 &&
	       rt->haproxy < set->haproxy_count &&
	       set->haproxies[rt->haproxy].agent_port == line->agent_port;
}

static bool is_out(unsigned state)
{
	return state == SERVER_DRAIN || state == SERVER_MAINT;
}

/* A passing check sets its health to one value, unless the server is still
 * rising. */
static bool down_by_agent(struct view *v, const struct server_line *line)
{
	if (line->running && line->health > 0)
		v->passing = (uint16_t)line->health;
	if (line->running)
		return false;
	if (!line->checked)
		return true;
	return line->health > 0 && line->health == v->passing;
}

enum server_state runtime_agent_look(const struct runtime *rt, struct view *v,
				     const struct server_line *line)
{
	enum server_state state = server_line_state(line);
	bool down = down_by_agent(v, line);

	v->agent = is_ours(rt, line);
	v->theirs = v->agent && state != SERVER_READY;
	v->stopped = line->agent && state == SERVER_READY && !line->running &&
		     (v->agent ? v->said == SERVER_UNKNOWN
			       : v->said != SERVER_READY);
	if (!v->agent || v->theirs || line->running)
		return state;
	if (is_out(v->said))
		return (enum server_state)v->said;
	return down ? SERVER_MAINT : SERVER_READY;
}

void runtime_agent_forget(struct view *v)
{
	v->said = SERVER_UNKNOWN;
	v->passing = 0;
}
