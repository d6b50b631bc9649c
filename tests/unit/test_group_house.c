/* An old primary behind its door, which only the node that hosts it reaches;
 * and one that was behind a shut door only for want of a lease. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

/* On the node of b, out of office: a is the primary. */
static void begin_out(struct world *w)
{
	begin_on(w, "nb");
	w->failover.door = true;
	feed(w, (struct group_event){ .kind = GROUP_OFFICE });
}

static void say_writable(struct world *w, unsigned i)
{
	w->facts[i].role = DATABASE_PRIMARY;
	w->facts[i].writable = true;
	w->facts[i].source_host[0] = '\0';
	tell_facts(w, i);
}

static void who_hosts_an_old_primary_tells_it_to_stop(void **state)
{
	struct world w;

	(void)state;
	begin_out(&w);
	say_writable(&w, B);
	assert_int_equal(order(&w, DATABASE_FENCE)->order.target, B);
	/* Once, until it is answered. */
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void it_is_asked_when_that_is_done(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_out(&w);
	say_writable(&w, B);
	id = order(&w, DATABASE_FENCE)->id;
	w.facts[B].writable = false;
	answer(&w, id, NULL);
	assert_int_equal(find(&w, GROUP_ASK)->ask, B);
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void nobody_else_does(void **state)
{
	struct world w;

	(void)state;
	begin_out(&w);
	say_writable(&w, C);
	assert_null(find(&w, GROUP_ORDER));
	/* Nor its own node the primary; nor without a door. */
	say_writable(&w, A);
	assert_null(find(&w, GROUP_ORDER));
	w.failover.door = false;
	say_writable(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void one_in_maintenance_is_left_alone(void **state)
{
	struct world w;

	(void)state;
	begin_out(&w);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = B,
				       .health = { .maintenance = true } });
	say_writable(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void go_down(struct world *w, bool host_up)
{
	feed(w, (struct group_event){ .kind = GROUP_HEALTH,
				      .instance = A,
				      .health = { .down = true,
						  .suspect = true,
						  .confirmed = true,
						  .certain = true,
						  .host_up = host_up } });
}

/* In office at a node that hosts none of them. */
static void begin_office(struct world *w)
{
	begin_on(w, "nx");
	w->failover.door = true;
	w->now.us += MINUTE;
	tell_facts(w, B);
	tell_facts(w, C);
}

static void a_door_that_opens_now_is_waited_for(void **state)
{
	struct world w;

	(void)state;
	begin_office(&w);
	go_down(&w, true);
	assert_null(find(&w, GROUP_DECIDE));
	assert_non_null(strstr(note(&w, GROUP_NOTE_HELD)->text, "door"));
	/* As long as an answer is fresh; the replicas go on answering. */
	w.now.us += 9 * SECOND;
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_null(find(&w, GROUP_DECIDE));
	w.now = group_deadline(w.group);
	tick(&w);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void one_whose_node_is_gone_is_left_at_once(void **state)
{
	struct world w;

	(void)state;
	begin_office(&w);
	go_down(&w, false);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_hosts_an_old_primary_tells_it_to_stop),
		cmocka_unit_test(it_is_asked_when_that_is_done),
		cmocka_unit_test(nobody_else_does),
		cmocka_unit_test(one_in_maintenance_is_left_alone),
		cmocka_unit_test(a_door_that_opens_now_is_waited_for),
		cmocka_unit_test(one_whose_node_is_gone_is_left_at_once),
	};

	return cmocka_run_group_tests_name("group_house", tests, NULL, NULL);
}
