/* Servers that a HAProxy does not know, and may be given. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/core_world.h"

/* All targets up; all servers ready, but for api1's, which is missing. */
static void begin(struct core_world *w)
{
	unsigned i;

	core_init(w);
	w->services[API].add_servers = true;
	core_start(w, NULL);
	core_link_again(w, 0);
	for (i = 0; i < CORE_TARGETS; i++)
		core_see(w, 0, i, i == API1 ? SERVER_ABSENT : SERVER_READY,
			 100);
}

/* Carry out the last order of api1, or fail it. */
static void answer_order(struct core_world *w, const char *failed)
{
	core_acted(w, core_order(w, API1)->id, failed);
}

static void store_claims(struct core_world *w)
{
	core_acted(w, core_store(w, STORE_CLAIM)->id, NULL);
}

/* Added and in use. */
static void add(struct core_world *w)
{
	store_claims(w);
	answer_order(w, NULL);
	core_answer(w, API1, RESULT_L7OK);
	core_settle(w);
	core_settle(w);
	assert_int_equal(ctl_server(w->ctl, 0, API1), SERVER_READY);
	assert_true(ctl_added(w->ctl, 0, API1));
	core_forget(w);
}

static void misplace(struct core_world *w, unsigned target)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_SERVER,
					    .target = target,
					    .state = SERVER_READY,
					    .weight_percent = 100,
					    .misplaced = true };
	core_feed(w, &ev);
}

static void it_is_ours_on_disk_before_it_exists(void **state)
{
	const struct action *act;
	struct core_world w;

	(void)state;
	begin(&w);
	act = core_store(&w, STORE_CLAIM);
	assert_non_null(act);
	assert_true(act->store.claim.added);
	assert_false(act->store.claim.weight_only);
	assert_null(core_order(&w, API1));
	store_claims(&w);
	assert_true(core_order(&w, API1)->haproxy.add);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_UNKNOWN);
	core_done(&w);
}

static void it_is_used_once_its_target_answers(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	store_claims(&w);
	answer_order(&w, NULL);
	assert_non_null(core_note(&w, NOTE_SERVER_ADDED));
	assert_null(core_note(&w, NOTE_HAPROXY_ABSENT));
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_MAINT);
	assert_int_equal(ctl_haproxy(w.ctl, 0).absent, 0);
	core_forget(&w);
	core_wait(&w, 10 * MS);
	assert_null(core_order(&w, API1));
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_false(core_order(&w, API1)->haproxy.add);
	assert_null(core_note(&w, NOTE_OPERATOR));
	core_done(&w);
}

static void that_it_was_added_stays_written_down(void **state)
{
	const struct action *act;
	struct core_world w;

	(void)state;
	begin(&w);
	store_claims(&w);
	answer_order(&w, NULL);
	core_answer(&w, API1, RESULT_L7OK);
	answer_order(&w, NULL);
	assert_null(core_store(&w, STORE_UNCLAIM));
	act = core_store(&w, STORE_CLAIM);
	assert_true(act->store.claim.added);
	assert_true(act->store.claim.weight_only);
	core_done(&w);
}

static void nothing_is_added_unless_allowed(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_start(&w, NULL);
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_ABSENT, 100);
	assert_null(core_store(&w, STORE_CLAIM));
	assert_non_null(core_note(&w, NOTE_HAPROXY_ABSENT));
	core_done(&w);
}

static void nothing_is_added_in_maintenance(void **state)
{
	const struct maintenance m = { .target = API1,
				       .on = true,
				       .until = INSTANT_NEVER };
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_admin(&w, &m, 1);
	core_settle(&w);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_ABSENT, 100);
	core_settle(&w);
	core_wait(&w, 2 * SECOND);
	assert_null(core_order(&w, API1));
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_ABSENT);
	core_done(&w);
}

static void a_new_process_gets_it_again(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_ABSENT, 100);
	store_claims(&w);
	assert_true(core_order(&w, API1)->haproxy.add);
	assert_null(core_note(&w, NOTE_DRIFT));
	answer_order(&w, NULL);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_done(&w);
}

static void what_a_new_process_has_is_not_ours(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_false(ctl_added(w.ctl, 0, API1));
	core_settle(&w);
	assert_null(core_order(&w, API1));
	core_see(&w, 0, API2, SERVER_READY, 100);
	core_see(&w, 0, API3, SERVER_READY, 100);
	core_answers(&w, API1, 3, RESULT_L4CON);
	assert_false(core_store(&w, STORE_CLAIM)->store.claim.added);
	core_done(&w);
}

static void that_it_is_ours_no_more_is_written_down(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_false(core_store(&w, STORE_CLAIM)->store.claim.added);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void the_same_process_keeps_it_over_a_lost_link(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_link(&w, 0, false);
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_true(ctl_added(w.ctl, 0, API1));
	core_done(&w);
}

static void an_order_whose_answer_was_lost_is_ours(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	store_claims(&w);
	core_answer(&w, API1, RESULT_L7OK);
	core_link(&w, 0, false);
	core_forget(&w);
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_null(core_note(&w, NOTE_OPERATOR));
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_done(&w);
}

static void a_refusal_is_said_once_and_tried_again(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	store_claims(&w);
	answer_order(&w, "Backend must use a dynamic load balancing");
	assert_non_null(core_note(&w, NOTE_HAPROXY_REFUSED));
	core_forget(&w);
	core_wait(&w, 500 * MS);
	assert_null(core_order(&w, API1));
	core_wait(&w, 1 * SECOND);
	assert_true(core_order(&w, API1)->haproxy.add);
	answer_order(&w, "Backend must use a dynamic load balancing");
	assert_null(core_note(&w, NOTE_HAPROXY_REFUSED));
	core_done(&w);
}

static void what_moved_is_followed_and_stays_in_use(void **state)
{
	struct core_world w;
	uint64_t id;

	(void)state;
	begin(&w);
	add(&w);
	misplace(&w, API1);
	assert_true(core_order(&w, API1)->haproxy.add);
	id = core_order(&w, API1)->id;
	core_forget(&w);
	core_acted(&w, id, NULL);
	assert_null(core_order(&w, API1));
	assert_non_null(core_note(&w, NOTE_SERVER_MOVED));
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_READY);
	core_forget(&w);
	core_wait(&w, 3 * SECOND);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void what_is_configured_is_never_moved(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	core_settle(&w);
	core_forget(&w);
	misplace(&w, API2);
	assert_null(core_order(&w, API2));
	core_done(&w);
}

static void an_operators_maintenance_of_it_stays(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	add(&w);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_non_null(core_note(&w, NOTE_OPERATOR));
	core_wait(&w, 3 * SECOND);
	assert_null(core_order(&w, API1));
	assert_null(core_store(&w, STORE_UNCLAIM));
	assert_true(ctl_added(w.ctl, 0, API1));
	core_done(&w);
}

static void a_restart_knows_what_was_added(void **state)
{
	const struct claim claims[] = { { .target = API1, .added = true } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].add_servers = true;
	core_start(&w, &stored);
	assert_true(ctl_added(w.ctl, 0, API1));
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_null(core_note(&w, NOTE_OPERATOR));
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_ours_on_disk_before_it_exists),
		cmocka_unit_test(it_is_used_once_its_target_answers),
		cmocka_unit_test(that_it_was_added_stays_written_down),
		cmocka_unit_test(nothing_is_added_unless_allowed),
		cmocka_unit_test(nothing_is_added_in_maintenance),
		cmocka_unit_test(a_new_process_gets_it_again),
		cmocka_unit_test(what_a_new_process_has_is_not_ours),
		cmocka_unit_test(that_it_is_ours_no_more_is_written_down),
		cmocka_unit_test(the_same_process_keeps_it_over_a_lost_link),
		cmocka_unit_test(an_order_whose_answer_was_lost_is_ours),
		cmocka_unit_test(a_refusal_is_said_once_and_tried_again),
		cmocka_unit_test(what_moved_is_followed_and_stays_in_use),
		cmocka_unit_test(what_is_configured_is_never_moved),
		cmocka_unit_test(an_operators_maintenance_of_it_stays),
		cmocka_unit_test(a_restart_knows_what_was_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
