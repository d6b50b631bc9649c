/* The driver's part in groups of databases: what was agreed goes to the
 * controller, what it orders goes to the databases. */
#include "controller/daemon/run_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void on_told(void *arg, uint64_t id, const char *failed_why, bool parted)
{
	struct event ev = { .kind = EVENT_ACTION_FAILED };

	if (!parted) {
		run_answered(arg, id, failed_why);
		return;
	}
	ev.action.id = id;
	ev.action.parted = true;
	snprintf(ev.action.text, sizeof(ev.action.text), "%s", failed_why);
	run_feed(arg, &ev);
}

static void on_hook_ended(void *arg, uint64_t id, const char *failed_why)
{
	run_answered(arg, id, failed_why);
}

int run_databases(struct run *run, struct err *err)
{
	int r = resolver_new(&run->resolver, run->loop, err);

	if (r < 0)
		return r;
	return databases_new(&run->databases, run->loop, run->resolver,
			     run->set, on_told, run, err);
}

void run_keep_word(struct run *run, const struct action *act)
{
	struct run_word *word = &run->words[run->word_count++];
	unsigned i;

	assert(run->word_count <= RUN_WORDS_MAX);
	word->id = act->id;
	word->decide = act->kind == ACTION_DECIDE;
	if (word->decide)
		word->group = act->decide;
	else
		word->done = act->routed.done;
	/* What is out now is out of leaving workers, too, before it is said. */
	for (i = 0; !word->decide && word->done && i < run->set->haproxy_count;
	     i++)
		masters_poke(run->masters, i);
}

static void say_word(struct run *run, const struct run_word *word)
{
	if (word->decide && run->cluster != NULL)
		cluster_decide(run->cluster, &word->group);
	else if (word->decide && run->alone != NULL)
		alone_decide(run->alone, &word->group);
	else if (!word->decide && run->cluster != NULL)
		cluster_routed(run->cluster, word->id, word->done);
	else if (!word->decide && run->alone != NULL)
		alone_routed(run->alone, word->id, word->done);
}

static struct run_word take_first(struct run_word *words, unsigned *count)
{
	struct run_word word = words[0];

	memmove(words, words + 1, --*count * sizeof(word));
	return word;
}

/* Nothing is withdrawn while a leaving worker still has sessions to it.  A
 * group waits for one answer at a time: with more than there is room for the
 * first is of no interest any more. */
static void hold(struct run *run, const struct run_word *word)
{
	if (run->held_count == RUN_WORDS_MAX)
		take_first(run->held, &run->held_count);
	run->held[run->held_count++] = *word;
}

/* What is said may come back as an event, and bring more of them. */
void run_say_words(struct run *run)
{
	bool clear = masters_clear(run->masters);
	struct run_word word;

	while (run->word_count > 0) {
		word = take_first(run->words, &run->word_count);
		if (word.decide || !word.done || clear)
			say_word(run, &word);
		else
			hold(run, &word);
		clear = masters_clear(run->masters);
	}
	while (run->held_count > 0 && clear) {
		word = take_first(run->held, &run->held_count);
		say_word(run, &word);
		clear = masters_clear(run->masters);
	}
}

void run_document(void *arg, const struct document *doc)
{
	struct event ev = { .kind = EVENT_DOCUMENT };

	ev.document = doc;
	run_feed(arg, &ev);
}

void run_withdrawn(void *arg, const char *group)
{
	struct event ev = { .kind = EVENT_WITHDRAWN };

	ev.withdrawn = group;
	run_feed(arg, &ev);
}

void run_route(void *arg, const struct route_order *order)
{
	struct event ev = { .kind = EVENT_ROUTE };

	ev.route = *order;
	run_feed(arg, &ev);
}

static void on_document_trouble(void *arg, const char *why)
{
	struct run *run = arg;

	log_line(run->log, why[0] != '\0' ? NOTE_ERR : NOTE_NOTICE,
		 "the document of the database groups: %s",
		 why[0] != '\0' ? why : "is kept again");
}

static bool has_groups(const struct settings *set)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (set->services[i].failover != NULL)
			return true;
	return false;
}

int run_stand_alone(struct run *run, const struct settings *set,
		    struct err *err)
{
	const struct alone_parts parts = { .loop = run->loop,
					   .document = run_document,
					   .withdrawn = run_withdrawn,
					   .route = run_route,
					   .trouble = on_document_trouble,
					   .arg = run };

	if (run->alone != NULL || !has_groups(set))
		return 0;
	return alone_new(&run->alone, set->state_dir, &parts, err);
}

/* What the note has no room for. */
static void on_hook_says(void *arg, const char *line)
{
	struct run *run = arg;

	log_line(run->log, NOTE_ERR, "%s", line);
}

struct group_hooks *run_hooks(struct run *run)
{
	const struct group_hooks_parts parts = { .loop = run->loop,
						 .guard = cluster_guard(
							 run->cluster),
						 .done = on_hook_ended,
						 .say = on_hook_says,
						 .arg = run };

	return group_hooks_new(&parts);
}

void run_take_up(struct run *run)
{
	struct event ev = { .kind = EVENT_INTERRUPTED };
	unsigned i;

	for (i = 0; i < run->set->target_count; i++) {
		ev.interrupted = i;
		if (group_hooks_began(run->set, i))
			run_feed(run, &ev);
	}
}

void run_hook(struct run *run, const struct action *act)
{
	unsigned service = run->set->targets[act->hook.target].service;
	struct group_hooks_why why = { .reason = "" };
	struct cluster_facts facts = { 0 };
	struct ctl_group_view group;

	if (ctl_group_look(run->ctl, service, &group) && group.document != NULL)
		why.reason = group.document->reason;
	cluster_facts_now(run->cluster, &facts);
	why.term = facts.term;
	group_hooks_start(run->hooks, run->set, act, &why);
}
