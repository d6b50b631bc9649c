/* What can befall the simulated world, by its word in a scenario. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/play_words.h"

static void wrong(struct cue *cue, const char *what)
{
	world_break(cue->play->world, "%s:%u: %s", cue->play->sc->name,
		    cue->line->line, what);
}

static const char *word(const struct cue *cue, unsigned i)
{
	return i < cue->line->count ? cue->line->words[i] : "";
}

static unsigned target(struct cue *cue, unsigned i)
{
	unsigned t = world_target(cue->play->world, word(cue, i));

	if (t == NOTE_NONE)
		wrong(cue, "no such target");
	return t;
}

static unsigned haproxy(struct cue *cue, unsigned i)
{
	unsigned h;

	if (word(cue, i)[0] == '\0')
		return 0;
	h = world_haproxy(cue->play->world, word(cue, i));
	if (h == NOTE_NONE)
		wrong(cue, "no such haproxy");
	return h;
}

static int64_t span(struct cue *cue, unsigned i)
{
	int64_t us = 0;

	if (!scenario_span(word(cue, i), &us))
		wrong(cue, "a span of time is missing");
	return us;
}

static enum fake_fault fault(struct cue *cue, unsigned i)
{
	enum fake_fault f = fake_fault_find(word(cue, i));

	if (f == FAKE_FAULTS)
		wrong(cue, "no such fault of a target");
	return f;
}

/* fail NAME FAULT */
static void do_fail(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);
	enum fake_fault f = fault(cue, 2);

	if (world_broken(w)[0] == '\0')
		world_fail(w, t, f);
}

/* fail_all FAULT, heal_all */
static void do_all(struct world *w, struct cue *cue)
{
	enum fake_fault f = cue->line->count > 1 ? fault(cue, 1) : FAKE_WELL;
	unsigned i;

	for (i = 0; i < world_settings(w)->target_count; i++)
		if (world_broken(w)[0] == '\0')
			world_fail(w, i, f);
}

static void do_heal(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);

	if (t != NOTE_NONE)
		world_fail(w, t, FAKE_WELL);
}

/* slow NAME SPAN */
static void do_slow(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);
	int64_t us = span(cue, 2);

	if (t != NOTE_NONE)
		world_slow(w, t, us);
}

/* idle NAME SPAN */
static void do_idle(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);
	int64_t us = span(cue, 2);

	if (t != NOTE_NONE)
		world_idle(w, t, us);
}

/* lose NAME PERCENT, lose_all PERCENT */
static void do_lose(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);

	if (t != NOTE_NONE)
		world_lose(w, t, (unsigned)atoi(word(cue, 2)));
}

static void do_lose_all(struct world *w, struct cue *cue)
{
	unsigned i;

	for (i = 0; i < world_settings(w)->target_count; i++)
		world_lose(w, i, (unsigned)atoi(word(cue, 1)));
}

/* self [lag SPAN] [cpu PERCENT] [loss PERCENT] [carrier lost] */
static void do_self(struct world *w, struct cue *cue)
{
	struct self_facts facts = { 0 };
	unsigned i, percent;

	for (i = 1; i + 1 < cue->line->count; i += 2) {
		percent = (unsigned)atoi(word(cue, i + 1));
		if (strcmp(word(cue, i), "lag") == 0)
			facts.lag_us = span(cue, i + 1);
		else if (strcmp(word(cue, i), "cpu") == 0)
			facts.cpu_percent = percent;
		else if (strcmp(word(cue, i), "loss") == 0)
			facts.loss_percent = percent;
		else if (strcmp(word(cue, i), "carrier") == 0)
			facts.carrier_lost = true;
		else
			wrong(cue, "not lag, cpu, loss or carrier");
	}
	world_learn(w, &facts);
}

/* flap NAME FAULT SPAN */
static void do_flap(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);
	enum fake_fault f = fault(cue, 2);
	int64_t us = span(cue, 3);

	if (world_broken(w)[0] == '\0')
		world_flap(w, t, f, us);
}

static void do_freeze(struct world *w, struct cue *cue)
{
	world_freeze(w, span(cue, 2));
}

static void start_again(struct world *w, void *arg)
{
	(void)arg;
	world_start(w);
}

/* kill node [SPAN]: for so long, else until `start node` */
static void do_kill(struct world *w, struct cue *cue)
{
	world_kill(w);
	if (cue->line->count > 2)
		world_call(w, instant_add(world_now(w), span(cue, 2)),
			   start_again, NULL);
}

static void do_stop(struct world *w, struct cue *cue)
{
	(void)cue;
	world_stop(w);
}

static void do_start(struct world *w, struct cue *cue)
{
	(void)cue;
	world_start(w);
}

/* haproxy NAME VERB */
static void do_haproxy(struct world *w, struct cue *cue)
{
	static const char *const verbs[] = {
		[HAPROXY_RELOAD] = "reload",  [HAPROXY_KILL] = "kill",
		[HAPROXY_START] = "start",    [HAPROXY_HANG] = "hang",
		[HAPROXY_GO_ON] = "continue", [HAPROXY_FORBID] = "forbid",
		[HAPROXY_PERMIT] = "permit",
	};
	unsigned h = haproxy(cue, 1), i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (h != NOTE_NONE && strcmp(verbs[i], word(cue, 2)) == 0) {
			world_haproxy_fault(w, h, i);
			return;
		}
	wrong(cue, "no such fault of a haproxy");
}

/* operator maint|drain|ready NAME [HAPROXY] */
static void do_operator(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 2), h = haproxy(cue, 3);
	enum server_state state = SERVER_READY;

	if (strcmp(word(cue, 1), "maint") == 0)
		state = SERVER_MAINT;
	else if (strcmp(word(cue, 1), "drain") == 0)
		state = SERVER_DRAIN;
	else if (strcmp(word(cue, 1), "ready") != 0)
		wrong(cue, "not maint, drain or ready");
	if (t != NOTE_NONE && h != NOTE_NONE)
		world_operate(w, h, t, state);
}

/* disk ok|full|hung, disk slow SPAN */
static void do_disk(struct world *w, struct cue *cue)
{
	const char *how = word(cue, 1);

	if (strcmp(how, "ok") == 0)
		world_disk(w, DISK_WELL, 2 * MS);
	else if (strcmp(how, "full") == 0)
		world_disk(w, DISK_FULL, 2 * MS);
	else if (strcmp(how, "hung") == 0)
		world_disk(w, DISK_HUNG, 2 * MS);
	else if (strcmp(how, "slow") == 0)
		world_disk(w, DISK_WELL, span(cue, 2));
	else
		wrong(cue, "not ok, full, hung or slow");
}

/* clock SPAN: set forward, or back by a negative one */
static void do_clock(struct world *w, struct cue *cue)
{
	world_set_clock(w, span(cue, 1));
}

/* maintenance on|off NAME|node [drain] [for SPAN] */
static void do_maintenance(struct world *w, struct cue *cue)
{
	struct maintenance m = { .target = NOTE_NONE,
				 .on = strcmp(word(cue, 1), "on") == 0,
				 .until = INSTANT_NEVER,
				 .reason = "a drill" };
	unsigned i;

	if (strcmp(word(cue, 2), "node") != 0) {
		m.target = target(cue, 2);
		if (m.target == NOTE_NONE)
			return;
	}
	for (i = 3; i < cue->line->count; i++)
		if (strcmp(word(cue, i), "drain") == 0)
			m.drain = true;
		else if (strcmp(word(cue, i), "for") == 0)
			m.until = instant_add(world_now(w), span(cue, ++i));
	m.until_wall_us = instant_is_never(m.until) ? 0 : 1;
	world_maintain(w, &m);
}

/* reset NAME */
static void do_reset(struct world *w, struct cue *cue)
{
	unsigned t = target(cue, 1);

	if (t != NOTE_NONE)
		world_reset(w, t);
}

/* services NAME COUNT targets ...: for the next reload */
static void do_services(struct world *w, struct cue *cue)
{
	struct scenario_line line = *cue->line;
	struct err err;

	(void)w;
	if (stage_service(&cue->play->stage, &line.words[1], line.count - 1,
			  &err) < 0)
		wrong(cue, err.text);
}

static void do_reload(struct world *w, struct cue *cue)
{
	struct play *p = cue->play;
	struct err err;

	if (p->set_count == PLAY_SETTINGS_MAX) {
		wrong(cue, "too many reloads");
		return;
	}
	if (stage_settings(&p->stage, &p->sets[p->set_count], &err) < 0) {
		wrong(cue, err.text);
		return;
	}
	world_reload(w, p->sets[p->set_count++]);
}

static const struct {
	const char *verb;
	void (*fn)(struct world *w, struct cue *cue);
} faults[] = {
	{ "fail", do_fail },
	{ "fail_all", do_all },
	{ "heal", do_heal },
	{ "heal_all", do_all },
	{ "slow", do_slow },
	{ "idle", do_idle },
	{ "self", do_self },
	{ "lose", do_lose },
	{ "lose_all", do_lose_all },
	{ "flap", do_flap },
	{ "freeze", do_freeze },
	{ "kill", do_kill },
	{ "stop", do_stop },
	{ "start", do_start },
	{ "haproxy", do_haproxy },
	{ "operator", do_operator },
	{ "disk", do_disk },
	{ "clock", do_clock },
	{ "maintenance", do_maintenance },
	{ "services", do_services },
	{ "reset", do_reset },
	{ "reload", do_reload },
};

bool play_fault_known(const char *verb)
{
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(faults[i].verb, verb) == 0)
			return true;
	return false;
}

void play_fault(struct world *w, void *arg)
{
	struct cue *cue = arg;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(faults[i].verb, cue->line->words[0]) == 0)
			faults[i].fn(w, cue);
}
