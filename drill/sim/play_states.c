/* What can be asked of the simulated world, by its word in a scenario. */
#include <stdlib.h>
#include <string.h>

#include "drill/sim/play_words.h"

/* About each name that follows the word, or about the world. */
typedef bool (*state_fn)(struct play *play, const char *name);

static struct target_view view(struct play *play, const char *name)
{
	unsigned t = world_target(play->world, name);

	if (t == NOTE_NONE)
		world_break(play->world, "no such target: %s", name);
	return ctl_target(world_ctl(play->world), t == NOTE_NONE ? 0 : t);
}

static bool health_is(struct play *play, const char *name,
		      enum health_state state)
{
	return world_ctl(play->world) != NULL &&
	       view(play, name).health->state == state;
}

static bool is_up(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_UP);
}

static bool is_down(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_DOWN);
}

static bool is_degraded(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_DEGRADED);
}

static bool is_recovering(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_RECOVERING);
}

static bool is_maint(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_MAINT);
}

static bool is_unknown(struct play *play, const char *name)
{
	return health_is(play, name, HEALTH_UNKNOWN);
}

static bool is_held(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && view(play, name).held;
}

static bool is_held_back(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL &&
	       !instant_is_none(view(play, name).held_back);
}

static bool is_excused(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && view(play, name).excused;
}

static bool is_kept(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && view(play, name).operator_hold;
}

/* Where it is at all HAProxies that run; there must be one. */
static bool everywhere(struct play *play, const char *name,
		       bool (*fits)(enum server_state state, unsigned weight))
{
	unsigned t = world_target(play->world, name), h, weight = 0, n = 0;

	if (t == NOTE_NONE)
		return false;
	for (h = 0; h < world_settings(play->world)->haproxy_count; h++) {
		enum server_state state =
			world_server(play->world, h, t, &weight);

		if (state == SERVER_ABSENT)
			continue;
		if (!fits(state, weight))
			return false;
		n++;
	}
	return n > 0;
}

static bool out(enum server_state state, unsigned weight)
{
	(void)weight;
	return state == SERVER_MAINT || state == SERVER_DRAIN;
}

static bool drains(enum server_state state, unsigned weight)
{
	(void)weight;
	return state == SERVER_DRAIN;
}

static bool stops(enum server_state state, unsigned weight)
{
	(void)weight;
	return state == SERVER_MAINT;
}

static bool in(enum server_state state, unsigned weight)
{
	(void)weight;
	return state == SERVER_READY;
}

static bool full(enum server_state state, unsigned weight)
{
	return state == SERVER_READY && weight == 100;
}

static bool is_by_agent(struct play *play, const char *name)
{
	unsigned t = world_target(play->world, name), h;

	if (t == NOTE_NONE)
		return false;
	for (h = 0; h < world_settings(play->world)->haproxy_count; h++)
		if (!world_by_agent(play->world, h, t))
			return false;
	return true;
}

static bool is_withdrawn(struct play *play, const char *name)
{
	return everywhere(play, name, out);
}

static bool is_drained(struct play *play, const char *name)
{
	return everywhere(play, name, drains);
}

static bool is_stopped(struct play *play, const char *name)
{
	return everywhere(play, name, stops);
}

static bool is_serving(struct play *play, const char *name)
{
	return everywhere(play, name, in);
}

static bool is_full(struct play *play, const char *name)
{
	return everywhere(play, name, full);
}

/* light NAME: in use with less than half its weight */
static bool some(enum server_state state, unsigned weight)
{
	return state == SERVER_READY && weight < 50;
}

static bool is_light(struct play *play, const char *name)
{
	return everywhere(play, name, some);
}

static struct service_view service(struct play *play, const char *name)
{
	const struct settings *set = world_settings(play->world);
	const unsigned found = settings_find_service(set, name);

	if (found != SETTINGS_NONE)
		return ctl_service(world_ctl(play->world), found);
	world_break(play->world, "no such service: %s", name);
	return (struct service_view){ 0 };
}

static bool has_incident(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL &&
	       service(play, name).incident != NULL;
}

static bool panics(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && service(play, name).panic;
}

static bool is_whole(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && !has_incident(play, name);
}

static bool haproxy_up(struct play *play, const char *name)
{
	unsigned h = world_haproxy(play->world, name);

	return h != NOTE_NONE && world_ctl(play->world) != NULL &&
	       ctl_haproxy(world_ctl(play->world), h).up;
}

static bool haproxy_down(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && !haproxy_up(play, name);
}

static bool store_good(struct play *play, const char *name)
{
	(void)name;
	return world_ctl(play->world) != NULL &&
	       ctl_store_ok(world_ctl(play->world));
}

static bool store_bad(struct play *play, const char *name)
{
	return world_ctl(play->world) != NULL && !store_good(play, name);
}

static bool stalled(struct play *play, const char *name)
{
	(void)name;
	return world_notes(play->world, NOTE_STALL) > 0;
}

static bool settled(struct play *play, const char *name)
{
	(void)name;
	return world_unsettled(play->world) == NULL;
}

/* open NUMBER: so many incidents are open on the disk */
static bool open_are(struct play *play, const char *name)
{
	return disk_open_incidents(world_the_disk(play->world)) ==
	       (unsigned)atoi(name);
}

static const struct {
	const char *word;
	state_fn fn;
} states[] = {
	{ "up", is_up },
	{ "down", is_down },
	{ "degraded", is_degraded },
	{ "recovering", is_recovering },
	{ "maint", is_maint },
	{ "unknown", is_unknown },
	{ "held", is_held },
	{ "excused", is_excused },
	{ "held_back", is_held_back },
	{ "kept", is_kept },
	{ "withdrawn", is_withdrawn },
	{ "drained", is_drained },
	{ "stopped", is_stopped },
	{ "serving", is_serving },
	{ "full", is_full },
	{ "by_agent", is_by_agent },
	{ "light", is_light },
	{ "incident", has_incident },
	{ "whole", is_whole },
	{ "panic", panics },
	{ "haproxy_up", haproxy_up },
	{ "haproxy_down", haproxy_down },
	{ "store_good", store_good },
	{ "store_bad", store_bad },
	{ "stalled", stalled },
	{ "settled", settled },
	{ "open", open_are },
};

static state_fn find(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].word, word) == 0)
			return states[i].fn;
	return NULL;
}

bool play_state_known(const char *word)
{
	return find(word) != NULL;
}

bool play_is(struct play *play, const struct scenario_line *line)
{
	state_fn fn = find(line->words[0]);
	unsigned i;

	if (line->count == 1)
		return fn(play, "");
	for (i = 1; i < line->count; i++)
		if (!fn(play, line->words[i]))
			return false;
	return true;
}
