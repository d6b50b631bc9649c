/* The daemon of the simulated node: the same ten lines as the live one. */
#include "drill/sim/world_state.h"

#include <stdlib.h>
#include <string.h>

#include "haproxy/servers.h"

#define STEPS_AT_ONCE 100
#define TIMER_LATE_US 100

/* --- what came out ------------------------------------------------------- */

static void carry_out(struct world *w, const struct action *act)
{
	struct node *n = &w->node;
	struct link *link;

	switch (act->kind) {
	case ACTION_CHECK:
		asks_begin(w, act->check.target, act->id, act->check.timeout_us,
			   act->check.fresh);
		break;
	case ACTION_HAPROXY:
		link = &n->links[act->haproxy.haproxy];
		runtime_order(link->rt, w->now, act->id, &act->haproxy);
		link->ordered = true;
		break;
	case ACTION_STORE:
		disk_order(&w->disk, act->id, &act->store, n->set, w->now);
		world_disk_pump(w);
		break;
	case ACTION_NOTE:
		w->notes[act->note.kind]++;
		break;
	default:
		break;
	}
}

static void say_event(struct world *w, const struct event *ev)
{
	char text[WORLD_LINE_MAX];

	if (!w->silent)
		world_line(w, "%s",
			   event_text(ev, w->node.set, text, sizeof(text)));
}

static void say_action(struct world *w, const struct action *act)
{
	char text[WORLD_LINE_MAX];

	if (!w->silent)
		world_line(w, "  %s",
			   action_text(act, w->node.set, text, sizeof(text)));
}

static void step(struct world *w, struct event *ev)
{
	struct node *n = &w->node;
	unsigned i;

	ev->now = w->now;
	ev->wall_us = WORLD_WALL_US + w->now.us + w->wall_by_us;
	w->steps++;
	say_event(w, ev);
	ctl_step(n->ctl, ev, &n->actions);
	rules_step(w);
	for (i = 0; i < n->actions.count; i++) {
		say_action(w, &n->actions.list[i]);
		rules_action(w, &n->actions.list[i]);
		carry_out(w, &n->actions.list[i]);
	}
}

static void arm(struct world *w)
{
	struct node *n = &w->node;
	struct instant due = ctl_deadline(n->ctl);

	if (instant_is_never(due) || due.us == n->armed.us)
		return;
	n->armed = due;
	n->timer = ++w->token;
	due = instant_max(due, w->now);
	due = instant_add(due, (int64_t)rng_below(&w->rng, TIMER_LATE_US));
	world_put(w, HAPPENS_DEADLINE, due, 0, 0, n->timer);
}

void node_feed(struct world *w, struct event *ev)
{
	struct event more = { .kind = EVENT_DEADLINE };
	int i;

	step(w, ev);
	for (i = 0; i < STEPS_AT_ONCE; i++) {
		if (!instant_reached(w->now, ctl_deadline(w->node.ctl)))
			break;
		step(w, &more);
	}
	arm(w);
}

void node_flush(struct world *w)
{
	unsigned h;

	for (h = 0; w->node.runs && h < w->node.set->haproxy_count; h++)
		while (w->node.links[h].ordered) {
			w->node.links[h].ordered = false;
			link_pump(w, h);
		}
}

/* --- what goes in -------------------------------------------------------- */

static void stored(struct world *w, const struct happening *h)
{
	struct event ev = { .kind = EVENT_ACTION_DONE };

	ev.action.id = h->token;
	if (h->a != 0) {
		ev.kind = EVENT_ACTION_FAILED;
		strcpy(ev.action.text, "the disk is full");
	}
	node_feed(w, &ev);
}

void node_hear(struct world *w, const struct happening *h)
{
	struct event ev = { .kind = EVENT_DEADLINE };

	switch ((enum happening_kind)h->kind) {
	case HAPPENS_DEADLINE:
		if (h->token != w->node.timer)
			break;
		w->node.armed = INSTANT_NONE;
		node_feed(w, &ev);
		break;
	case HAPPENS_ANSWER:
		asks_answer(w, h);
		break;
	case HAPPENS_TIMEOUT:
		asks_timeout(w, h);
		break;
	case HAPPENS_HINT:
		asks_hint(w, h);
		break;
	case HAPPENS_STORED:
		stored(w, h);
		break;
	default:
		link_node(w, h);
		break;
	}
}

/* --- beginning and end --------------------------------------------------- */

static struct http_question **questions_new(const struct settings *set)
{
	struct http_question **list =
		sim_alloc(set->service_count, sizeof(*list));
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (http_question_new(&list[i], &set->services[i].check, NULL) <
		    0)
			abort();
	return list;
}

static void questions_free(struct http_question **list,
			   const struct settings *set)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		http_question_free(list[i]);
	free(list);
}

void node_start(struct world *w)
{
	struct node *n = &w->node;
	struct event ev = { .kind = EVENT_START };
	struct stored stored_now;
	unsigned i;

	n->life++;
	n->runs = true;
	n->lost = false;
	n->set = w->set;
	n->frozen = INSTANT_NONE;
	n->armed = INSTANT_NONE;
	n->started = w->now;
	n->ctl = ctl_new(n->set, rng_next(&w->rng));
	n->servers = servers_new(n->set);
	n->questions = questions_new(n->set);
	if (n->ctl == NULL || n->servers == NULL)
		abort();
	world_map_targets(w, n->set);
	world_look(w);
	memset(n->asks, 0, w->machine_count * sizeof(*n->asks));
	rules_begin(w, n->set);
	for (i = 0; i < n->set->haproxy_count; i++) {
		link_init(w, i);
		n->links[i].ordered = true;
	}
	stored_now = disk_stored(&w->disk, n->set, false);
	ev.stored = &stored_now;
	node_feed(w, &ev);
	disk_forget(&stored_now);
	node_flush(w);
}

static void drop(struct world *w)
{
	struct node *n = &w->node;
	unsigned i;

	for (i = 0; i < n->set->haproxy_count; i++)
		link_done(w, i);
	questions_free(n->questions, n->set);
	servers_free(n->servers);
	ctl_free(n->ctl);
	n->ctl = NULL;
	n->runs = false;
}

void node_end(struct world *w, bool kill)
{
	struct event ev = { .kind = EVENT_STOP };

	if (!kill) {
		node_feed(w, &ev);
		w->disk.in_commit =
			w->disk.health == DISK_WELL ? w->disk.queue_count : 0;
		disk_commit(&w->disk);
	}
	disk_lose_queue(&w->disk);
	drop(w);
}

/* --- other settings ------------------------------------------------------ */

static bool unchanged(const struct settings *set, unsigned i,
		      const struct settings *old, unsigned j)
{
	const struct check_settings *a =
		&set->services[set->targets[i].service].check;
	const struct check_settings *b =
		&old->services[old->targets[j].service].check;

	return a->interval_us == b->interval_us &&
	       a->timeout_us == b->timeout_us &&
	       strcmp(set->targets[i].address, old->targets[j].address) == 0;
}

/* Which of the old targets go on unchanged. */
static unsigned *kept_targets(struct world *w, const struct settings *set)
{
	const struct settings *old = w->node.set;
	unsigned *kept = sim_alloc(set->target_count, sizeof(*kept));
	unsigned *of = w->machine_of, i, j;

	w->machine_of = NULL;
	world_map_targets(w, set);
	for (i = 0; i < set->target_count; i++) {
		kept[i] = NOTE_NONE;
		for (j = 0; j < old->target_count; j++)
			if (of[j] == w->machine_of[i] &&
			    unchanged(set, i, old, j))
				kept[i] = j;
	}
	free(of);
	return kept;
}

static void forget_asks(struct world *w, const struct settings *set,
			const unsigned *kept)
{
	unsigned i;

	for (i = 0; i < w->machine_count; i++)
		if (w->machines[i].target == NOTE_NONE)
			w->node.asks[i] = (struct asks){ 0 };
	for (i = 0; i < set->target_count; i++)
		if (kept[i] == NOTE_NONE)
			w->node.asks[w->machine_of[i]] = (struct asks){ 0 };
}

static struct servers *move_links(struct world *w, const struct settings *set)
{
	struct servers *servers = servers_new(set);
	unsigned i;

	for (i = 0; i < set->haproxy_count; i++) {
		struct runtime_views *views = runtime_views_new(servers);

		if (views == NULL)
			abort();
		runtime_move(w->node.links[i].rt, views, i, w->now);
		runtime_views_free(views);
		w->node.links[i].ordered = true;
	}
	return servers;
}

void node_reload(struct world *w, const struct settings *set)
{
	struct node *n = &w->node;
	struct event ev = { .kind = EVENT_SETTINGS };
	const struct settings *old = n->set;
	struct ctl *old_ctl = n->ctl;
	struct servers *old_servers = n->servers;
	struct http_question **old_questions = n->questions;
	struct stored all = disk_stored(&w->disk, set, true);
	unsigned *kept = kept_targets(w, set);

	n->ctl = ctl_new(set, rng_next(&w->rng));
	n->servers = move_links(w, set);
	n->questions = questions_new(set);
	n->set = set;
	world_look(w);
	n->started = w->now;
	if (n->ctl == NULL)
		abort();
	forget_asks(w, set, kept);
	rules_begin(w, set);
	ev.settings.previous = old_ctl;
	ev.settings.stored = &all;
	ev.settings.kept = kept;
	node_feed(w, &ev);
	ctl_free(old_ctl);
	servers_free(old_servers);
	questions_free(old_questions, old);
	disk_forget(&all);
	free(kept);
	node_flush(w);
}
