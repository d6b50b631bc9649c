/* Who merely reports that another service is down. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static const unsigned on_shop[] = { SHOP };

static void answer_who_is_asked(struct core_world *w)
{
	unsigned i;

	for (i = WEB1; i <= WEB2; i++)
		if (w->checks[i] != 0)
			core_answer(w, i, RESULT_L7OK);
}

/* api depends on shop; all is well. */
static void begin(struct core_world *w)
{
	core_init(w);
	w->services[API].depends = on_shop;
	w->services[API].depends_count = 1;
	core_begin(w, NULL);
}

static void shop_dies(struct core_world *w)
{
	core_answers(w, WEB1, 2, RESULT_L4CON);
	core_answers(w, WEB2, 2, RESULT_L4CON);
}

static enum health_state state_of(const struct core_world *w, unsigned target)
{
	return ctl_target(w->ctl, target).health->state;
}

static unsigned said_affected(const struct core_world *w)
{
	unsigned i, n = 0;

	for (i = 0; i < w->count; i++)
		n += w->log[i].kind == ACTION_NOTE &&
		     w->log[i].note.kind == NOTE_AFFECTED;
	return n;
}

static void who_reports_is_excused_until_it_answers(void **state)
{
	struct service_view view;
	struct core_world w;

	(void)state;
	begin(&w);
	shop_dies(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	core_answers(&w, API2, 3, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_UP);
	view = ctl_service(w.ctl, API);
	assert_int_equal(view.excused, 2);
	assert_int_equal(view.root, SHOP);
	assert_null(view.incident);
	assert_true(ctl_target(w.ctl, API1).excused);
	assert_int_equal(ctl_target(w.ctl, API1).root, SHOP);
	assert_int_equal(ctl_target(w.ctl, API1).grace_us, 0);
	core_answer(&w, API1, RESULT_L7OK);
	assert_false(ctl_target(w.ctl, API1).excused);
	assert_int_equal(ctl_service(w.ctl, API).excused, 1);
	core_done(&w);
}

static void that_a_service_is_affected_is_said_once(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	shop_dies(&w);
	core_forget(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	core_answers(&w, API2, 5, RESULT_L7STS);
	assert_int_equal(said_affected(&w), 1);
	assert_string_equal(core_note(&w, NOTE_AFFECTED)->note.text, "shop");
	assert_int_equal(core_note(&w, NOTE_AFFECTED)->note.incident,
			 ctl_service(w.ctl, SHOP).incident->number);
	core_done(&w);
}

static void one_that_dies_itself_is_at_fault_itself(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	shop_dies(&w);
	core_answers(&w, API1, 2, RESULT_L4CON);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void whose_fault_it_is_is_asked_at_once(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	while (w.checks[API1] == 0)
		core_wait(&w, 1 * MS);
	answer_who_is_asked(&w);
	core_answer(&w, API1, RESULT_L7STS);
	assert_true(w.checks[WEB1] != 0 && w.checks[WEB2] != 0);
	core_done(&w);
}

static void until_that_is_answered_nobody_is_condemned(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_UP);
	answer_who_is_asked(&w);
	core_answer(&w, API1, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void one_that_is_merely_asked_is_not_said_to_be_down(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	/* An incident, but enough are left. */
	core_answers(&w, WEB2, 2, RESULT_L4CON);
	assert_non_null(ctl_service(w.ctl, SHOP).incident);
	core_forget(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	assert_int_equal(said_affected(&w), 0);
	core_done(&w);
}

static void afterwards_there_is_a_grace_and_counts_begin_anew(void **state)
{
	struct core_world w;
	struct instant end;

	(void)state;
	begin(&w);
	shop_dies(&w);
	core_answers(&w, API1, 5, RESULT_L7STS);
	core_answers(&w, WEB1, 2, RESULT_L7OK);
	end = instant_add(w.now, 10 * SECOND);
	while (instant_before(instant_add(w.now, 200 * MS), end)) {
		core_answer(&w, API1, RESULT_L7STS);
		assert_int_equal(state_of(&w, API1), HEALTH_UP);
		assert_int_equal(ctl_service(w.ctl, API).root, SHOP);
		assert_int_equal(ctl_target(w.ctl, API1).root, SHOP);
		assert_int_equal(ctl_target(w.ctl, API1).grace_us,
				 instant_diff_us(w.now, end));
	}
	core_wait(&w, 300 * MS);
	core_answers(&w, API1, 2, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_UP);
	core_answer(&w, API1, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void in_its_grace_it_is_said_that_the_other_was_down(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	shop_dies(&w);
	core_answers(&w, WEB1, 2, RESULT_L7OK);
	core_forget(&w);
	core_answer(&w, API1, RESULT_L7STS);
	answer_who_is_asked(&w);
	assert_int_equal(said_affected(&w), 0);
	core_answers(&w, API1, 3, RESULT_L7STS);
	assert_int_equal(said_affected(&w), 1);
	assert_in_range(core_note(&w, NOTE_AFFECTED)->note.span_us, 9 * SECOND,
			10 * SECOND);
	core_done(&w);
}

static void a_short_doubt_gives_no_grace(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	core_answer(&w, WEB1, RESULT_L7STS);
	core_answer(&w, WEB2, RESULT_L7STS);
	core_answer(&w, WEB1, RESULT_L7OK);
	core_answer(&w, WEB2, RESULT_L7OK);
	core_answer(&w, API1, RESULT_L7STS);
	answer_who_is_asked(&w);
	core_answers(&w, API1, 2, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void in_its_slow_start_one_that_reports_is_excused(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].depends = on_shop;
	w.services[API].depends_count = 1;
	w.services[API].slow_start_us = MINUTE;
	core_begin(&w, NULL);
	core_answers(&w, API1, 2, RESULT_L4CON);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(state_of(&w, API1), HEALTH_RECOVERING);
	shop_dies(&w);
	core_answer(&w, API1, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_RECOVERING);
	core_done(&w);
}

/* api depends on cache (web1), that on disk (web2). */
static void the_root_is_blamed_and_not_who_reports_it(void **state)
{
	enum { CACHE = 1, DISK, SERVICES };
	static const unsigned on_disk[] = { DISK };
	struct service_settings services[SERVICES];
	struct core_world w;

	(void)state;
	core_init(&w);
	services[API] = w.services[API];
	services[CACHE] = services[DISK] = w.services[SHOP];
	services[API].depends = on_shop;
	services[CACHE].depends = on_disk;
	services[API].depends_count = services[CACHE].depends_count = 1;
	services[CACHE].name = "cache";
	services[DISK].name = "disk";
	services[CACHE].target_count = services[DISK].target_count = 1;
	services[DISK].first_target = WEB2;
	w.targets[WEB2].service = DISK;
	w.set.services = services;
	w.set.service_count = SERVICES;
	core_begin(&w, NULL);
	core_answers(&w, WEB2, 2, RESULT_L4CON);
	core_answers(&w, WEB1, 3, RESULT_L7STS);
	core_answers(&w, API1, 3, RESULT_L7STS);
	assert_int_equal(ctl_service(w.ctl, CACHE).root, DISK);
	assert_int_equal(ctl_service(w.ctl, API).root, DISK);
	assert_string_equal(core_note(&w, NOTE_AFFECTED)->note.text, "disk");
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reports_is_excused_until_it_answers),
		cmocka_unit_test(that_a_service_is_affected_is_said_once),
		cmocka_unit_test(one_that_dies_itself_is_at_fault_itself),
		cmocka_unit_test(whose_fault_it_is_is_asked_at_once),
		cmocka_unit_test(until_that_is_answered_nobody_is_condemned),
		cmocka_unit_test(
			one_that_is_merely_asked_is_not_said_to_be_down),
		cmocka_unit_test(
			afterwards_there_is_a_grace_and_counts_begin_anew),
		cmocka_unit_test(
			in_its_grace_it_is_said_that_the_other_was_down),
		cmocka_unit_test(a_short_doubt_gives_no_grace),
		cmocka_unit_test(in_its_slow_start_one_that_reports_is_excused),
		cmocka_unit_test(the_root_is_blamed_and_not_who_reports_it),
	};

	return cmocka_run_group_tests_name("ctl depends", tests, NULL, NULL);
}
