/* Incidents: from the first target that goes down until a service is whole;
 * over restarts and reloads; and the maintenance that excuses. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static void begin(struct core_world *w, const struct stored *stored)
{
	unsigned i;

	core_start(w, stored);
	core_see_all(w, 0, SERVER_READY);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(w, i, RESULT_L7OK);
	core_settle(w);
}

static const struct incident *incident(struct core_world *w, unsigned service)
{
	return ctl_service(w->ctl, service).incident;
}

static void outage_is_the_time_with_too_few(void **state)
{
	struct incident inc = { .outage_since = INSTANT_NONE };

	(void)state;
	incident_serving(&inc, 2, 1, (struct instant){ 10 });
	assert_false(inc.total);
	incident_serving(&inc, 0, 1, (struct instant){ 20 });
	incident_serving(&inc, 0, 1, (struct instant){ 25 });
	assert_true(inc.total);
	incident_serving(&inc, 1, 1, (struct instant){ 50 });
	incident_serving(&inc, 0, 1, (struct instant){ 60 });
	incident_serving(&inc, 1, 1, (struct instant){ 65 });
	assert_int_equal(inc.outage_us, 35);
}

static void spans_that_are_not_known_are_negative(void **state)
{
	struct incident inc = { .onset_min = { 100 },
				.detected = { 300 },
				.acted = INSTANT_NONE,
				.recovered = INSTANT_NONE };

	(void)state;
	assert_int_equal(incident_detection_us(&inc), 200);
	assert_int_equal(incident_action_us(&inc), -1);
	assert_int_equal(incident_recovery_us(&inc), -1);
	inc.acted = (struct instant){ 350 };
	inc.recovered = (struct instant){ 1100 };
	assert_int_equal(incident_action_us(&inc), 50);
	assert_int_equal(incident_recovery_us(&inc), 1000);
}

static void opens_with_its_onset_and_closes_when_whole(void **state)
{
	const struct incident *inc;
	struct instant down;
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	down = w.now;
	inc = incident(&w, API);
	assert_int_equal(inc->number, 1);
	assert_int_equal(inc->target, API1);
	assert_int_equal(inc->severity, SEVERITY_P2);
	assert_int_equal(inc->cause.code, RESULT_L7STS);
	assert_true(inc->onset_min.us < inc->onset_max.us);
	assert_true(inc->onset_max.us < down.us);
	assert_int_equal(inc->detected.us, down.us);
	assert_int_equal(inc->detected_wall_us, CORE_WALL + down.us);
	assert_int_equal(inc->onset_max_wall_us, CORE_WALL + inc->onset_max.us);
	assert_null(incident(&w, SHOP));
	core_settle(&w);
	core_settle(&w);
	assert_false(instant_is_none(incident(&w, API)->acted));
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_null(incident(&w, API));
	inc = &core_store(&w, STORE_INCIDENT)->store.incident;
	assert_int_equal(inc->recovered.us, w.now.us);
	assert_false(inc->maintenance);
	core_done(&w);
}

static void is_raised_when_too_few_serve(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	for (i = API1; i <= API3; i++) {
		assert_null(core_note(&w, NOTE_INCIDENT_RAISED));
		core_answers(&w, i, 3, RESULT_L7STS);
	}
	assert_non_null(core_note(&w, NOTE_INCIDENT_RAISED));
	assert_int_equal(incident(&w, API)->severity, SEVERITY_P1);
	assert_int_equal(incident(&w, API)->targets_down_max, 3);
	core_settle(&w);
	assert_true(incident(&w, API)->held);
	core_done(&w);
}

static void one_that_was_open_goes_on_and_is_not_doubled(void **state)
{
	const struct incident open = { .number = 7,
				       .service = API,
				       .target = API1,
				       .severity = SEVERITY_P2,
				       .detected = { 5 },
				       .acted = INSTANT_NONE,
				       .recovered = INSTANT_NONE,
				       .outage_since = INSTANT_NONE };
	const struct stored stored = { .incidents = &open,
				       .incident_count = 1,
				       .last_incident = 9 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].check.start_period_us = 5 * SECOND;
	core_start(&w, &stored);
	/* API1 fails within its start period: that does not make whole. */
	core_answers(&w, API2, 1, RESULT_L7OK);
	core_answers(&w, API3, 1, RESULT_L7OK);
	core_answers(&w, API1, 5, RESULT_L7STS);
	assert_int_equal(incident(&w, API)->number, 7);
	core_wait(&w, 6 * SECOND);
	core_answers(&w, API1, 3, RESULT_L7STS);
	assert_int_equal(incident(&w, API)->number, 7);
	assert_null(core_note(&w, NOTE_INCIDENT_OPENED));
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_null(incident(&w, API));
	core_answers(&w, WEB1, 3, RESULT_L7STS);
	core_answers(&w, WEB1, 3, RESULT_L7STS);
	assert_int_equal(incident(&w, SHOP)->number, 10);
	core_done(&w);
}

static void stored_things_of_other_settings_are_dropped(void **state)
{
	const struct incident open = { .number = 7, .service = 99 };
	const struct claim claims[] = { { .haproxy = 99 }, { .target = 99 } };
	const struct stored stored = { .incidents = &open,
				       .incident_count = 1,
				       .claims = claims,
				       .claim_count = 2 };
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, &stored);
	assert_null(incident(&w, API));
	core_done(&w);
}

static struct maintenance hold(unsigned target, bool on)
{
	return (struct maintenance){ .target = target,
				     .on = on,
				     .until = INSTANT_NEVER,
				     .reason = "disk" };
}

static void maintenance_closes_and_excuses(void **state)
{
	struct maintenance on = hold(API1, true), off = hold(API1, false);
	const struct incident *inc;
	struct instant end;
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_admin(&w, &on, 5);
	inc = &core_store(&w, STORE_INCIDENT)->store.incident;
	assert_true(inc->maintenance);
	core_settle(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	assert_null(incident(&w, API));
	core_admin(&w, &off, 6);
	end = w.now;
	core_answers(&w, API1, 3, RESULT_L7STS);
	inc = incident(&w, API);
	assert_int_equal(inc->number, 2);
	assert_true(inc->onset_min.us >= end.us);
	core_done(&w);
}

static void an_answer_waits_for_the_disk(void **state)
{
	struct maintenance on = hold(API1, true), off = hold(API1, false);
	const struct action *store;
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	core_admin(&w, &off, 4);
	assert_int_equal(core_reply(&w)->reply.error, 0);
	core_forget(&w);
	core_admin(&w, &on, 5);
	assert_null(core_reply(&w));
	assert_non_null(ctl_target(w.ctl, API1).maintenance);
	store = core_store(&w, STORE_MAINTENANCE);
	/* A second word comes before the disk has answered the first. */
	core_admin(&w, &off, 6);
	assert_int_equal(core_reply(&w)->reply.token, 5);
	assert_int_equal(core_reply(&w)->reply.error, -ECANCELED);
	core_forget(&w);
	core_acted(&w, store->id, NULL);
	assert_null(core_reply(&w));
	core_admin(&w, &on, 7);
	core_acted(&w, core_store(&w, STORE_MAINTENANCE)->id, "full");
	assert_int_equal(core_reply(&w)->reply.token, 7);
	assert_int_equal(core_reply(&w)->reply.error, -EIO);
	core_forget(&w);
	on.target = 99;
	core_admin(&w, &on, 8);
	assert_int_equal(core_reply(&w)->reply.error, -ENOENT);
	core_done(&w);
}

static void the_whole_node_holds_and_goes_on(void **state)
{
	struct maintenance on = hold(NOTE_NONE, true),
			   off = hold(NOTE_NONE, false);
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	core_admin(&w, &on, 5);
	core_acted(&w, core_store(&w, STORE_MAINTENANCE)->id, NULL);
	assert_non_null(ctl_maintenance(w.ctl));
	assert_int_equal(core_reply(&w)->reply.error, 0);
	for (i = 0; i < CORE_TARGETS; i++)
		assert_int_equal(ctl_target(w.ctl, i).health->state,
				 HEALTH_MAINT);
	assert_int_equal(ctl_service(w.ctl, API).serving, 3);
	core_answers(&w, API1, 5, RESULT_L7STS);
	assert_null(core_order(&w, API1));
	assert_int_equal(ctl_service(w.ctl, API).serving, 2);
	core_admin(&w, &off, 6);
	assert_null(ctl_maintenance(w.ctl));
	core_answers(&w, API1, 3, RESULT_L7STS);
	assert_int_equal(ctl_target(w.ctl, API1).health->state, HEALTH_DOWN);
	core_done(&w);
}

static void a_drain_of_the_last_one_is_refused(void **state)
{
	struct maintenance on = hold(WEB1, true);
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	on.drain = true;
	core_answers(&w, WEB2, 3, RESULT_L7STS);
	core_settle(&w);
	core_settle(&w);
	core_admin(&w, &on, 5);
	assert_int_equal(core_reply(&w)->reply.error, -EPERM);
	assert_null(ctl_target(w.ctl, WEB1).maintenance);
	core_done(&w);
}

static void a_maintenance_ends_at_its_time(void **state)
{
	struct maintenance on = hold(API1, true);
	struct core_world w;

	(void)state;
	core_init(&w);
	begin(&w, NULL);
	on.until = instant_add(w.now, 10 * SECOND);
	on.until_wall_us = 1;
	core_admin(&w, &on, 5);
	core_settle(&w);
	core_wait(&w, 9 * SECOND);
	assert_non_null(ctl_target(w.ctl, API1).maintenance);
	core_wait(&w, 1 * SECOND);
	assert_null(ctl_target(w.ctl, API1).maintenance);
	assert_false(core_store(&w, STORE_MAINTENANCE)->store.maintenance.on);
	core_done(&w);
}

/* --- reload -------------------------------------------------------------- */

/* Go over to the settings of @next, of which only services, targets and
 * haproxies were changed. */
static void reload(struct core_world *w, struct core_world *next,
		   const unsigned *kept)
{
	struct event ev = { .kind = EVENT_SETTINGS };
	struct ctl *old = w->ctl;

	ev.settings.previous = old;
	ev.settings.kept = kept;
	next->now = w->now;
	memcpy(next->checks, w->checks, sizeof(next->checks));
	next->ctl = ctl_new(&next->set, 2);
	assert_non_null(next->ctl);
	core_feed(next, &ev);
	core_done(w);
}

static void a_reload_keeps_what_is_known_by_name(void **state)
{
	static const unsigned kept[] = { API2, API1, API3, WEB1, WEB2 };
	struct core_world w, next;
	const struct action *claim, *order;

	(void)state;
	core_init(&w);
	core_init(&next);
	next.targets[API1].name = "api2";
	next.targets[API2].name = "api1";
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	claim = core_store(&w, STORE_CLAIM);
	/* The claim is being written; api1 becomes number 1. */
	reload(&w, &next, kept);
	assert_int_equal(ctl_target(next.ctl, API2).health->state, HEALTH_DOWN);
	assert_int_equal(ctl_target(next.ctl, API1).health->state, HEALTH_UP);
	assert_int_equal(incident(&next, API)->target, API2);
	core_see_all(&next, 0, SERVER_READY);
	assert_null(core_order(&next, API2));
	core_acted(&next, claim->id, NULL);
	order = core_order(&next, API2);
	assert_int_equal(order->haproxy.state, SERVER_MAINT);
	core_done(&next);
}

static void a_reload_waits_for_orders_under_way(void **state)
{
	static const unsigned kept[] = { API2, API1, API3, WEB1, WEB2 };
	struct core_world w, next;
	uint64_t id;

	(void)state;
	core_init(&w);
	core_init(&next);
	next.targets[API1].name = "api2";
	next.targets[API2].name = "api1";
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	id = core_order(&w, API1)->id;
	reload(&w, &next, kept);
	core_see(&next, 0, API2, SERVER_READY, 100);
	assert_null(core_order(&next, API2));
	core_acted(&next, id, NULL);
	assert_int_equal(ctl_server(next.ctl, 0, API2), SERVER_MAINT);
	assert_non_null(core_note(&next, NOTE_WITHDRAWN));
	core_done(&next);
}

/* Two are on their way out when the third fails and the settings change. */
static void a_reload_knows_who_is_leaving(void **state)
{
	struct core_world w, next;

	(void)state;
	core_init(&w);
	core_init(&next);
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	core_answers(&w, API2, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	reload(&w, &next, NULL);
	core_answers(&next, API3, 3, RESULT_L7STS);
	core_see(&next, 0, API3, SERVER_READY, 100);
	/* min_up is asked once all servers are seen. */
	assert_null(core_store(&next, STORE_CLAIM));
	core_see(&next, 0, API1, SERVER_READY, 100);
	core_see(&next, 0, API2, SERVER_READY, 100);
	assert_true(ctl_target(next.ctl, API3).held);
	assert_null(core_store(&next, STORE_CLAIM));
	core_done(&next);
}

static void a_reload_keeps_claims(void **state)
{
	struct core_world w, next;

	(void)state;
	core_init(&w);
	core_init(&next);
	begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_settle(&w);
	reload(&w, &next, NULL);
	core_see(&next, 0, API1, SERVER_MAINT, 100);
	core_answers(&next, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&next, API1)->haproxy.state, SERVER_READY);
	core_done(&next);
}

static void a_reload_answers_who_waits(void **state)
{
	struct maintenance on = hold(API1, true), other = hold(WEB2, true);
	struct core_world w, next;
	uint64_t id;

	(void)state;
	core_init(&w);
	core_init(&next);
	next.set.target_count = WEB2;
	next.services[SHOP].target_count = 1;
	begin(&w, NULL);
	core_admin(&w, &on, 5);
	id = core_store(&w, STORE_MAINTENANCE)->id;
	core_admin(&w, &other, 6);
	reload(&w, &next, NULL);
	assert_int_equal(core_reply(&next)->reply.token, 6);
	assert_int_equal(core_reply(&next)->reply.error, -ENOENT);
	core_forget(&next);
	core_acted(&next, id, NULL);
	assert_int_equal(core_reply(&next)->reply.token, 5);
	assert_non_null(ctl_target(next.ctl, API1).maintenance);
	core_done(&next);
}

static void a_reload_closes_what_it_removes(void **state)
{
	struct core_world w, next;
	const struct incident *inc;

	(void)state;
	core_init(&w);
	core_init(&next);
	next.set.service_count = 1;
	next.set.target_count = WEB1;
	next.services[API].target_count = 2;
	next.set.target_count = API3;
	begin(&w, NULL);
	core_answers(&w, WEB1, 3, RESULT_L7STS);
	core_answers(&w, API3, 3, RESULT_L7STS);
	reload(&w, &next, NULL);
	/* The service is gone, and the target that was down in the other. */
	assert_null(incident(&next, API));
	inc = &core_store(&next, STORE_INCIDENT)->store.incident;
	assert_false(incident_open(inc));
	core_done(&next);
}

static void a_changed_question_is_asked_anew(void **state)
{
	struct core_world w, next;

	(void)state;
	core_init(&w);
	core_init(&next);
	next.targets[API1].address = "10.0.0.9:80";
	next.haproxies[0].name = "other";
	begin(&w, NULL);
	core_answers(&w, API2, 3, RESULT_L7STS);
	core_settle(&w);
	reload(&w, &next, NULL);
	assert_int_equal(ctl_target(next.ctl, API1).health->state,
			 HEALTH_UNKNOWN);
	assert_int_equal(ctl_target(next.ctl, API2).health->state, HEALTH_DOWN);
	assert_false(ctl_haproxy(next.ctl, 0).up);
	core_done(&next);
}

static void a_long_reload_is_a_stall(void **state)
{
	struct core_world w, next;

	(void)state;
	core_init(&w);
	core_init(&next);
	begin(&w, NULL);
	w.now = instant_add(w.now, 3 * SECOND);
	reload(&w, &next, NULL);
	assert_non_null(core_note(&next, NOTE_STALL));
	core_done(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outage_is_the_time_with_too_few),
		cmocka_unit_test(spans_that_are_not_known_are_negative),
		cmocka_unit_test(opens_with_its_onset_and_closes_when_whole),
		cmocka_unit_test(is_raised_when_too_few_serve),
		cmocka_unit_test(one_that_was_open_goes_on_and_is_not_doubled),
		cmocka_unit_test(stored_things_of_other_settings_are_dropped),
		cmocka_unit_test(maintenance_closes_and_excuses),
		cmocka_unit_test(an_answer_waits_for_the_disk),
		cmocka_unit_test(the_whole_node_holds_and_goes_on),
		cmocka_unit_test(a_drain_of_the_last_one_is_refused),
		cmocka_unit_test(a_maintenance_ends_at_its_time),
		cmocka_unit_test(a_reload_keeps_what_is_known_by_name),
		cmocka_unit_test(a_reload_waits_for_orders_under_way),
		cmocka_unit_test(a_reload_knows_who_is_leaving),
		cmocka_unit_test(a_reload_keeps_claims),
		cmocka_unit_test(a_reload_answers_who_waits),
		cmocka_unit_test(a_reload_closes_what_it_removes),
		cmocka_unit_test(a_changed_question_is_asked_anew),
		cmocka_unit_test(a_long_reload_is_a_stall),
	};

	return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
