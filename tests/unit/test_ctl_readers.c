/* Who is read from beside the primary of a group. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

/* The instances, and their places among the readers. */
enum { A, B, C, READ_A, READ_B, READ_C, TARGETS };

#define LIMIT 1000

struct world {
	struct core_world core;
	struct service_settings services[2];
	struct target_settings targets[TARGETS];
	struct failover_settings failover;
	struct database_facts facts[3];
	struct document doc;
};

static void init(struct world *w)
{
	static const char *const names[] = { "a", "b", "c" };
	unsigned i;

	memset(w, 0, sizeof(*w));
	core_init(&w->core);
	w->failover = (struct failover_settings){
		.mode = FAILOVER_AUTOMATIC,
		.max_lag_bytes = LIMIT,
		.readers = "be_read",
	};
	w->services[0] = w->services[1] = w->core.services[API];
	w->services[0].name = "db";
	w->services[0].failover = &w->failover;
	w->services[1].name = "db/readers";
	w->services[1].backend = "be_read";
	w->services[1].readers_of = 1;
	w->services[1].min_up = 0;
	w->services[1].sessions = SESSIONS_END;
	w->services[1].first_target = READ_A;
	for (i = 0; i < TARGETS; i++)
		w->targets[i] = (struct target_settings){
			.name = names[i % 3],
			.address = "10.0.0.1:5432",
			.host = "10.0.0.1",
			.port = (uint16_t)(5432 + i % 3),
			.service = i >= READ_A,
		};
	for (i = 0; i < 3; i++)
		w->facts[i] = (struct database_facts){
			.role = i == A ? DATABASE_PRIMARY : DATABASE_REPLICA,
			.writable = i == A,
			.system = 7,
			.start = 1 + i,
			.received = { 1, 10000 },
			.applied = { 1, 10000 },
			.source_port = i == A ? 0 : 5432,
			.source_up = true,
		};
	strcpy(w->facts[B].source_host, "10.0.0.1");
	strcpy(w->facts[C].source_host, "10.0.0.1");
	w->core.set.services = w->services;
	w->core.set.service_count = 2;
	w->core.set.targets = w->targets;
	w->core.set.target_count = TARGETS;
}

static void decide(struct world *w, const char *primary, enum phase phase)
{
	struct event ev = { .kind = EVENT_DOCUMENT, .document = &w->doc };

	w->doc.group_count = 1;
	w->doc.groups[0].epoch++;
	strcpy(w->doc.groups[0].name, "db");
	strcpy(w->doc.groups[0].primary, primary);
	w->doc.groups[0].phase = phase;
	core_feed(&w->core, &ev);
}

/* All three answer, and say what they are. */
static void hear_all(struct world *w)
{
	struct event ev = { .kind = EVENT_DATABASE };
	unsigned i;

	for (i = A; i <= C; i++) {
		ev.database.target = i;
		ev.database.facts = &w->facts[i];
		core_feed(&w->core, &ev);
		core_answer(&w->core, i, RESULT_L7OK);
	}
	core_settle(&w->core);
	core_settle(&w->core);
}

static void rounds(struct world *w, unsigned count)
{
	while (count-- > 0)
		hear_all(w);
}

static void begin(struct world *w)
{
	core_start(&w->core, NULL);
	core_see_all(&w->core, 0, SERVER_READY);
	hear_all(w);
	decide(w, "a", PHASE_STEADY);
	rounds(w, 3);
}

static enum server_state server(struct world *w, unsigned target)
{
	return ctl_server(w->core.ctl, 0, target);
}

static void lag(struct world *w, unsigned instance, uint64_t bytes)
{
	w->facts[instance].applied.offset = 10000 - bytes;
}

static void replicas_are_read_from_and_the_primary_is_not(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	assert_int_equal(server(&w, READ_A), SERVER_MAINT);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	assert_int_equal(server(&w, READ_C), SERVER_READY);
	assert_int_equal(ctl_target(w.core.ctl, READ_A).health->state,
			 HEALTH_UP);
	core_done(&w.core);
}

static void places_are_never_asked(void **state)
{
	struct event ev = { .kind = EVENT_ADMIN };
	struct world w;
	unsigned i;

	(void)state;
	init(&w);
	begin(&w);
	ev.admin.kind = ADMIN_RESET;
	ev.admin.maintenance.target = READ_B;
	core_feed(&w.core, &ev);
	core_wait(&w.core, 5 * SECOND);
	for (i = 0; i < w.core.count; i++)
		assert_true(w.core.log[i].kind != ACTION_CHECK ||
			    w.core.log[i].check.target < READ_A);
	core_done(&w.core);
}

static void one_that_lags_leaves_by_a_claim_and_its_sessions_end(void **state)
{
	struct event ev = { .kind = EVENT_DATABASE };
	const struct action *act;
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	lag(&w, B, LIMIT + 1);
	rounds(&w, 2);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	ev.database.target = B;
	ev.database.facts = &w.facts[B];
	core_feed(&w.core, &ev);
	core_answer(&w.core, B, RESULT_L7OK);
	act = core_store(&w.core, STORE_CLAIM);
	assert_non_null(act);
	assert_int_equal(act->store.claim.target, READ_B);
	core_acted(&w.core, act->id, NULL);
	act = core_order(&w.core, READ_B);
	assert_non_null(act);
	assert_int_equal(act->haproxy.state, SERVER_MAINT);
	assert_true(act->haproxy.end_sessions);
	assert_null(core_order(&w.core, B));
	/* Its group's service is whole: it can be promoted, if it must. */
	assert_null(ctl_incident(w.core.ctl, 0));
	assert_null(ctl_incident(w.core.ctl, 1));
	core_done(&w.core);
}

static void one_that_follows_another_is_not_read_from(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	w.facts[C].source_port = 5433;
	rounds(&w, 3);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	assert_int_equal(server(&w, READ_C), SERVER_MAINT);
	core_done(&w.core);
}

static void lag_about_the_limit_does_not_flap(void **state)
{
	struct world w;
	unsigned i;

	(void)state;
	init(&w);
	begin(&w);
	for (i = 0; i < 20; i++) {
		lag(&w, B, i % 2 == 0 ? LIMIT + 1 : LIMIT);
		hear_all(&w);
		assert_int_equal(server(&w, READ_B), SERVER_READY);
	}
	lag(&w, B, LIMIT + 1);
	rounds(&w, 3);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	for (i = 0; i < 20; i++) {
		lag(&w, B, LIMIT - i % 2 * LIMIT / 5);
		hear_all(&w);
		assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	}
	lag(&w, B, LIMIT - LIMIT / 4);
	rounds(&w, 2);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	core_done(&w.core);
}

static void readers_min_up_keeps_the_last_but_never_the_primary(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	w.services[1].min_up = 2;
	core_start(&w.core, NULL);
	core_see_all(&w.core, 0, SERVER_READY);
	core_see(&w.core, 0, READ_C, SERVER_MAINT, 100);
	hear_all(&w);
	decide(&w, "a", PHASE_STEADY);
	rounds(&w, 3);
	assert_int_equal(server(&w, READ_A), SERVER_MAINT);
	lag(&w, B, LIMIT + 1);
	rounds(&w, 4);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	assert_true(ctl_target(w.core.ctl, READ_B).held);
	core_done(&w.core);
}

static void without_it_the_last_leaves_too(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	lag(&w, B, LIMIT + 1);
	lag(&w, C, LIMIT + 1);
	rounds(&w, 4);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	assert_int_equal(server(&w, READ_C), SERVER_MAINT);
	core_done(&w.core);
}

static void one_that_dies_leaves_with_its_instance(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	core_answers(&w.core, B, 3, RESULT_L7STS);
	core_settle(&w.core);
	core_settle(&w.core);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	assert_non_null(ctl_incident(w.core.ctl, 0));
	assert_null(ctl_incident(w.core.ctl, 1));
	rounds(&w, 3);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	core_done(&w.core);
}

static void one_that_is_to_be_promoted_leaves_at_once(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	core_forget(&w.core);
	decide(&w, "b", PHASE_PROMOTING);
	core_settle(&w.core);
	core_settle(&w.core);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	assert_int_equal(server(&w, READ_C), SERVER_READY);
	core_done(&w.core);
	/* One that says so by itself, too. */
	init(&w);
	begin(&w);
	w.facts[C].role = DATABASE_PRIMARY;
	core_forget(&w.core);
	hear_all(&w);
	assert_int_equal(server(&w, READ_C), SERVER_MAINT);
	core_done(&w.core);
}

static void with_a_dead_primary_its_replicas_are_still_read_from(void **state)
{
	struct event ev = { .kind = EVENT_DATABASE };
	struct world w;
	unsigned i;

	(void)state;
	init(&w);
	w.failover.mode = FAILOVER_MANUAL;
	begin(&w);
	core_answers(&w.core, A, 3, RESULT_L7STS);
	w.facts[B].source_up = w.facts[C].source_up = false;
	for (i = 0; i < 10; i++) {
		ev.database.target = B + i % 2;
		ev.database.facts = &w.facts[B + i % 2];
		core_feed(&w.core, &ev);
		core_answer(&w.core, B + i % 2, RESULT_L7OK);
		core_settle(&w.core);
	}
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	assert_int_equal(server(&w, READ_C), SERVER_READY);
	/* With a living one a lost link is a reason. */
	core_answer(&w.core, A, RESULT_L7OK);
	rounds(&w, 6);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	core_done(&w.core);
}

static void maintenance_of_the_instance_is_that_of_its_place(void **state)
{
	struct maintenance m = {
		.target = B, .on = true, .until = INSTANT_NEVER, .drain = true
	};
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	w.services[0].drain_us = 2 * SECOND;
	core_admin(&w.core, &m, 1);
	core_settle(&w.core);
	core_settle(&w.core);
	assert_int_equal(server(&w, READ_B), SERVER_DRAIN);
	core_wait(&w.core, 3 * SECOND);
	core_settle(&w.core);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	m.on = false;
	core_admin(&w.core, &m, 2);
	rounds(&w, 3);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	core_done(&w.core);
}

static void an_operators_maintenance_of_a_reader_is_kept(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	begin(&w);
	core_see(&w.core, 0, READ_B, SERVER_MAINT, 100);
	rounds(&w, 4);
	assert_int_equal(server(&w, READ_B), SERVER_MAINT);
	assert_true(ctl_target(w.core.ctl, READ_B).operator_hold);
	core_done(&w.core);
}

static void observing_leaves_readers_alone(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	w.failover.mode = FAILOVER_OBSERVE;
	lag(&w, B, LIMIT + 1);
	begin(&w);
	rounds(&w, 4);
	assert_int_equal(server(&w, READ_A), SERVER_READY);
	assert_int_equal(server(&w, READ_B), SERVER_READY);
	core_done(&w.core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replicas_are_read_from_and_the_primary_is_not),
		cmocka_unit_test(places_are_never_asked),
		cmocka_unit_test(
			one_that_lags_leaves_by_a_claim_and_its_sessions_end),
		cmocka_unit_test(one_that_follows_another_is_not_read_from),
		cmocka_unit_test(lag_about_the_limit_does_not_flap),
		cmocka_unit_test(
			readers_min_up_keeps_the_last_but_never_the_primary),
		cmocka_unit_test(without_it_the_last_leaves_too),
		cmocka_unit_test(one_that_dies_leaves_with_its_instance),
		cmocka_unit_test(one_that_is_to_be_promoted_leaves_at_once),
		cmocka_unit_test(
			with_a_dead_primary_its_replicas_are_still_read_from),
		cmocka_unit_test(
			maintenance_of_the_instance_is_that_of_its_place),
		cmocka_unit_test(an_operators_maintenance_of_a_reader_is_kept),
		cmocka_unit_test(observing_leaves_readers_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
