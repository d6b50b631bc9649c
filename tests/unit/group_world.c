#include "tests/unit/group_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "a", "b", "c" };
static const char *const nodes[] = { "na", "nb", "nc" };

void feed(struct world *w, struct group_event ev)
{
	ev.now = w->now;
	group_step(w->group, &ev, &w->out);
}

const struct group_action *find(const struct world *w,
				enum group_action_kind kind)
{
	unsigned i;

	for (i = 0; i < w->out.count; i++)
		if (w->out.list[i].kind == kind)
			return &w->out.list[i];
	return NULL;
}

const struct group_action *order(const struct world *w,
				 enum database_order_kind kind)
{
	unsigned i;

	for (i = 0; i < w->out.count; i++)
		if (w->out.list[i].kind == GROUP_ORDER &&
		    w->out.list[i].order.kind == kind)
			return &w->out.list[i];
	return NULL;
}

const struct group_note *note(const struct world *w, enum group_note_kind kind)
{
	unsigned i;

	for (i = 0; i < w->out.count; i++)
		if (w->out.list[i].kind == GROUP_SAY &&
		    w->out.list[i].note.kind == kind)
			return &w->out.list[i].note;
	return NULL;
}

void tick(struct world *w)
{
	feed(w, (struct group_event){ .kind = GROUP_TICK });
}

void tell_facts(struct world *w, unsigned i)
{
	w->now.us += MS;
	feed(w, (struct group_event){ .kind = GROUP_FACTS,
				      .instance = i,
				      .asked = w->now,
				      .facts = &w->facts[i] });
}

void tell_health(struct world *w, unsigned i, bool down)
{
	feed(w, (struct group_event){ .kind = GROUP_HEALTH,
				      .instance = i,
				      .health = { .down = down,
						  .suspect = down,
						  .confirmed = down } });
}

void answer(struct world *w, uint64_t id, const char *why)
{
	feed(w, (struct group_event){ .kind = why == NULL ? GROUP_DONE
							  : GROUP_FAILED,
				      .answer = { .id = id, .why = why } });
}

void answer_parted(struct world *w, uint64_t id)
{
	feed(w, (struct group_event){
			.kind = GROUP_FAILED,
			.answer = { .id = id, .why = "no", .parted = true } });
}

void commit(struct world *w)
{
	const struct group_action *act = find(w, GROUP_DECIDE);

	assert_non_null(act);
	w->document = act->document;
	feed(w, (struct group_event){ .kind = GROUP_DOCUMENT,
				      .document = &w->document });
}

void withdrawn(struct world *w)
{
	w->now.us += MS;
	feed(w, (struct group_event){ .kind = GROUP_WITHDRAWN });
}

static void make(struct world *w)
{
	struct group_settings set = { .name = "db",
				      .count = COUNT,
				      .fresh_us = 10 * SECOND };
	unsigned i;

	*w = (struct world){ .here = w->here };
	w->now.us = SECOND;
	w->failover = (struct failover_settings){
		.mode = FAILOVER_AUTOMATIC,
		.promote_timeout_us = SECOND,
		.cooldown_us = MINUTE,
	};
	set.failover = &w->failover;
	for (i = 0; i < COUNT; i++) {
		set.list[i].name = names[i];
		set.list[i].host = "10.0.0.1";
		set.list[i].port = (uint16_t)(5000 + i);
		w->facts[i] = (struct database_facts){
			.role = i == A ? DATABASE_PRIMARY : DATABASE_REPLICA,
			.writable = i == A,
			.system = 7,
			.received = { 1, 1000 - 100 * i },
			.applied = { 1, 1000 - 100 * i },
			.source_up = i != A,
			.source_port = i != A ? 5000 : 0,
		};
		if (i != A)
			strcpy(w->facts[i].source_host, "10.0.0.1");
	}
	for (i = 0; w->here != NULL && i < COUNT; i++) {
		set.list[i].node = nodes[i];
		set.list[i].hosted = strcmp(nodes[i], w->here) == 0;
	}
	w->group = group_new(&set);
	assert_non_null(w->group);
	feed(w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
}

void begin(struct world *w)
{
	w->here = NULL;
	make(w);
}

static void become_steady(struct world *w)
{
	tell_facts(w, B);
	tell_facts(w, C);
	tell_facts(w, A);
	commit(w);
	assert_non_null(note(w, GROUP_NOTE_ADOPTED));
}

void begin_on(struct world *w, const char *here)
{
	w->here = here;
	make(w);
	w->failover.rejoin = "/rejoin";
	become_steady(w);
}

void begin_steady(struct world *w)
{
	begin(w);
	become_steady(w);
}
