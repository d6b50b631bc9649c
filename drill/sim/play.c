#include "drill/sim/play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"
#include "drill/sim/play_words.h"
#include "drill/sim/queue.h"

/* --- before -------------------------------------------------------------- */

static bool note_kind_find(const char *name, enum note_kind *ret_kind)
{
	unsigned kind;

	for (kind = 0; kind < NOTE_KINDS; kind++)
		if (strcmp(note_kind_name(kind), name) == 0) {
			*ret_kind = kind;
			return true;
		}
	return false;
}

static bool known(const struct scenario_line *l)
{
	enum note_kind kind;

	switch (l->kind) {
	case SCENARIO_AT:
		return play_fault_known(l->words[0]);
	case SCENARIO_WITHIN:
	case SCENARIO_NEVER:
		return play_state_known(l->words[0]);
	case SCENARIO_COUNT:
		return note_kind_find(l->words[0], &kind);
	default:
		return true;
	}
}

int play_check(const struct scenario *sc, struct err *err)
{
	size_t i;

	for (i = 0; i < sc->count; i++)
		if (!known(&sc->lines[i]))
			return err_set(err, -EINVAL, "%s:%u: no such word: %s",
				       sc->name, sc->lines[i].line,
				       sc->lines[i].words[0]);
	return 0;
}

static int build_stage(const struct scenario *sc, struct stage *stage,
		       struct err *err)
{
	struct scenario_line *l;
	unsigned k;
	size_t i;

	for (i = 0; i < sc->count; i++) {
		l = &sc->lines[i];
		if (l->kind == SCENARIO_SERVICES &&
		    stage_service(stage, l->words, l->count, err) < 0)
			return -EINVAL;
		stage->agents = stage->agents || l->kind == SCENARIO_AGENTS;
		if (l->kind != SCENARIO_HAPROXIES)
			continue;
		for (k = 0; k < l->count && k < STAGE_HAPROXIES; k++)
			strcpy(stage->haproxies[stage->haproxy_count++],
			       l->words[k]);
	}
	if (stage->haproxy_count == 0)
		strcpy(stage->haproxies[stage->haproxy_count++], "lb");
	return 0;
}

/* The HAProxies know all servers that any later reload will name. */
static int build_haproxies(const struct scenario *sc, const struct stage *first,
			   struct stage *all, struct err *err)
{
	struct stage later = *first;
	size_t i;

	*all = *first;
	for (i = 0; i < sc->count; i++) {
		struct scenario_line l = sc->lines[i];

		if (l.kind != SCENARIO_AT ||
		    strcmp(l.words[0], "services") != 0)
			continue;
		if (stage_service(&later, &l.words[1], l.count - 1, err) < 0)
			return -EINVAL;
		stage_join(all, &later);
	}
	return 0;
}

/* --- while it plays ------------------------------------------------------ */

static struct instant at(int64_t us)
{
	static const struct instant epoch = { 1000 * SECOND };

	return us > DAY * 10000 ? INSTANT_NEVER : instant_add(epoch, us);
}

static void look(struct world *w, void *arg)
{
	struct play *p = arg;
	struct instant now = world_now(w);
	size_t i;

	for (i = 0; i < p->sc->count; i++) {
		const struct scenario_line *l = &p->sc->lines[i];
		struct cue *cue = &p->cues[i];

		if (cue->met || instant_before(now, at(l->from_us)) ||
		    instant_before(at(l->to_us), now))
			continue;
		if (l->kind == SCENARIO_WITHIN)
			cue->met = play_is(p, l);
		else if (l->kind == SCENARIO_NEVER &&
			 instant_before(now, at(l->to_us)) && play_is(p, l))
			world_break(w, "%s:%u: never %s %s", p->sc->name,
				    l->line, l->words[0], l->words[1]);
	}
}

/* The end of a WITHIN. */
static void due(struct world *w, void *arg)
{
	struct cue *cue = arg;
	const struct scenario_line *l = cue->line;

	look(w, cue->play);
	if (!cue->met)
		world_break(w, "%s:%u: not %s %s in time", cue->play->sc->name,
			    l->line, l->words[0], l->words[1]);
}

static void look_now(struct world *w, void *arg)
{
	look(w, ((struct cue *)arg)->play);
}

static void cue_line(struct play *p, size_t i)
{
	const struct scenario_line *l = &p->sc->lines[i];
	struct cue *cue = &p->cues[i];
	int64_t from_us = l->from_us;

	*cue = (struct cue){ .play = p, .line = l };
	if (l->kind == SCENARIO_AT) {
		if (l->to_us > l->from_us)
			from_us += (int64_t)world_random(
				p->world, (uint64_t)(l->to_us - l->from_us));
		world_call(p->world, at(from_us), play_fault, cue);
	} else if (l->kind == SCENARIO_WITHIN) {
		world_call(p->world, at(l->from_us), look_now, cue);
		world_call(p->world, at(l->to_us), due, cue);
	}
}

/* --- the end ------------------------------------------------------------- */

static void judge_end(struct play *p)
{
	const struct scenario *sc = p->sc;
	const struct disk *disk = world_the_disk(p->world);
	bool settled = true;
	const char *what;
	size_t i;

	for (i = 0; i < sc->count; i++) {
		const struct scenario_line *l = &sc->lines[i];
		enum note_kind kind;

		if (l->kind == SCENARIO_UNSETTLED)
			settled = false;
		if (l->kind == SCENARIO_COUNT &&
		    note_kind_find(l->words[0], &kind) &&
		    world_notes(p->world, kind) != (unsigned)atoi(l->words[1]))
			world_break(p->world, "%s:%u: %u times %s", sc->name,
				    l->line, world_notes(p->world, kind),
				    l->words[0]);
		if (l->kind == SCENARIO_INCIDENTS &&
		    disk->incident_count != (size_t)atoi(l->words[0]))
			world_break(p->world, "%s:%u: %zu incidents", sc->name,
				    l->line, disk->incident_count);
	}
	what = settled ? world_unsettled(p->world) : NULL;
	if (what != NULL)
		world_break(p->world, "%s: at the end %s", sc->name, what);
}

/* How often agent checks ask; 0: there are none. */
static int64_t agents_us(const struct scenario *sc)
{
	size_t i;

	for (i = 0; i < sc->count; i++)
		if (sc->lines[i].kind == SCENARIO_AGENTS)
			return sc->lines[i].to_us;
	return 0;
}

static int begin(struct play *p, uint64_t seed, struct err *err)
{
	struct stage all = { 0 };
	int r;

	r = build_stage(p->sc, &p->stage, err);
	if (r < 0)
		return r;
	r = build_haproxies(p->sc, &p->stage, &all, err);
	if (r < 0)
		return r;
	r = stage_settings(&all, &p->sets[p->set_count++], err);
	if (r < 0)
		return r;
	r = stage_settings(&p->stage, &p->sets[p->set_count++], err);
	if (r < 0)
		return r;
	p->world = world_new(p->sets[1], p->sets[0], seed);
	world_agents(p->world, agents_us(p->sc));
	return 0;
}

static void end(struct play *p)
{
	unsigned i;

	world_free(p->world);
	for (i = 0; i < p->set_count; i++)
		settings_free(p->sets[i]);
	free(p->cues);
}

int play(const struct scenario *sc, uint64_t seed, world_line_fn line,
	 void *arg, struct played *ret_played, struct err *err)
{
	struct play p = { .sc = sc };
	size_t i;
	int r;

	p.cues = sim_alloc(sc->count, sizeof(*p.cues));
	r = begin(&p, seed, err);
	if (r < 0) {
		err_wrap(err, "%s", sc->name);
		end(&p);
		return r;
	}
	if (line != NULL)
		world_listen(p.world, line, arg);
	for (i = 0; i < sc->count; i++)
		cue_line(&p, i);
	world_watch(p.world, look, &p);
	if (world_run(p.world, at(sc->end_us)))
		judge_end(&p);
	snprintf(ret_played->why, sizeof(ret_played->why), "%s",
		 world_broken(p.world));
	ret_played->passed = ret_played->why[0] == '\0';
	ret_played->hash = world_hash(p.world);
	ret_played->steps = world_steps(p.world);
	end(&p);
	return 0;
}
