/* One server: wanted against seen, and whose doing it is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/server.h"

static const struct wish ready = { SERVER_READY, 100 };
static const struct wish ramp = { SERVER_READY, 30 };
static const struct wish drain = { SERVER_DRAIN, 0 };
static const struct wish maint = { SERVER_MAINT, 0 };
static const struct wish leave = { SERVER_UNKNOWN, 0 };

static struct server server(enum server_state seen, unsigned weight,
			    enum server_claim claim)
{
	return (struct server){ .seen = seen,
				.weight_percent = weight,
				.claim = claim };
}

static void assert_todo(struct server srv, struct wish wish,
			struct server_todo wanted)
{
	struct server_todo todo = server_compare(&srv, wish);

	assert_int_equal(todo.step, wanted.step);
	assert_int_equal(todo.claim, wanted.claim);
	assert_int_equal(todo.state, wanted.state);
	assert_int_equal(todo.weight_percent, wanted.weight_percent);
}

static struct server_todo step(enum server_step step)
{
	return (struct server_todo){ .step = step };
}

static struct server_todo claim(enum server_claim claim)
{
	return (struct server_todo){ .step = SERVER_CLAIM, .claim = claim };
}

static struct server_todo order(enum server_state state, unsigned weight)
{
	return (struct server_todo){ .step = SERVER_ORDER,
				     .state = state,
				     .weight_percent = weight };
}

static void claims_before_it_withdraws(void **state)
{
	(void)state;
	assert_todo(server(SERVER_READY, 100, CLAIM_NONE), maint,
		    claim(CLAIM_OUT));
	assert_todo(server(SERVER_READY, 100, CLAIM_WEIGHT), maint,
		    claim(CLAIM_OUT));
	assert_todo(server(SERVER_READY, 100, CLAIM_OUT), maint,
		    order(SERVER_MAINT, 0));
	assert_todo(server(SERVER_READY, 100, CLAIM_OUT), drain,
		    order(SERVER_DRAIN, 0));
	assert_todo(server(SERVER_DRAIN, 100, CLAIM_OUT), maint,
		    order(SERVER_MAINT, 0));
}

static void waits_for_what_is_under_way(void **state)
{
	struct server srv = server(SERVER_READY, 100, CLAIM_NONE);

	(void)state;
	srv.storing = 1;
	assert_todo(srv, maint, step(SERVER_FINE));
	srv.storing = 0;
	srv.claim = CLAIM_OUT;
	srv.order = 1;
	assert_todo(srv, maint, step(SERVER_FINE));
	assert_todo(srv, ready, step(SERVER_FINE));
}

static void leaves_alone_what_somebody_else_took_out(void **state)
{
	const struct wish wishes[] = { ready, ramp, drain, maint, leave };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		assert_todo(server(SERVER_MAINT, 100, CLAIM_NONE), wishes[i],
			    step(SERVER_KEEP));
		assert_todo(server(SERVER_DRAIN, 100, CLAIM_NONE), wishes[i],
			    step(SERVER_KEEP));
		assert_todo(server(SERVER_MAINT, 30, CLAIM_WEIGHT), wishes[i],
			    step(SERVER_KEEP));
	}
}

static void does_nothing_about_what_it_does_not_see(void **state)
{
	(void)state;
	assert_todo(server(SERVER_UNKNOWN, 0, CLAIM_OUT), ready,
		    step(SERVER_FINE));
	assert_todo(server(SERVER_ABSENT, 0, CLAIM_OUT), maint,
		    step(SERVER_FINE));
}

static void brings_back_what_is_ours_and_gives_up_the_claim(void **state)
{
	(void)state;
	assert_todo(server(SERVER_MAINT, 100, CLAIM_OUT), ready,
		    order(SERVER_READY, 100));
	assert_todo(server(SERVER_DRAIN, 100, CLAIM_OUT), ramp,
		    order(SERVER_READY, 30));
	assert_todo(server(SERVER_READY, 100, CLAIM_OUT), ready,
		    step(SERVER_UNCLAIM));
	assert_todo(server(SERVER_READY, 100, CLAIM_OUT), leave,
		    step(SERVER_UNCLAIM));
	assert_todo(server(SERVER_READY, 100, CLAIM_NONE), ready,
		    step(SERVER_FINE));
}

/* While only the weight is ours, an operator's maintenance is not. */
static void keeps_but_the_weight_while_it_ramps(void **state)
{
	(void)state;
	assert_todo(server(SERVER_READY, 10, CLAIM_OUT), ramp,
		    claim(CLAIM_WEIGHT));
	assert_todo(server(SERVER_READY, 30, CLAIM_OUT), ramp,
		    claim(CLAIM_WEIGHT));
	assert_todo(server(SERVER_READY, 30, CLAIM_OUT), leave,
		    claim(CLAIM_WEIGHT));
	assert_todo(server(SERVER_READY, 10, CLAIM_WEIGHT), ramp,
		    order(SERVER_UNKNOWN, 30));
	assert_todo(server(SERVER_READY, 30, CLAIM_WEIGHT), ramp,
		    step(SERVER_FINE));
	assert_todo(server(SERVER_READY, 30, CLAIM_WEIGHT), ready,
		    order(SERVER_UNKNOWN, 100));
	assert_todo(server(SERVER_READY, 100, CLAIM_WEIGHT), ready,
		    step(SERVER_UNCLAIM));
	assert_todo(server(SERVER_READY, 100, CLAIM_NONE), ramp,
		    claim(CLAIM_WEIGHT));
}

static void leaves_a_weight_that_an_operator_chose(void **state)
{
	(void)state;
	assert_todo(server(SERVER_READY, 50, CLAIM_NONE), ready,
		    step(SERVER_FINE));
}

static void does_not_drain_what_is_in_maintenance(void **state)
{
	(void)state;
	assert_todo(server(SERVER_MAINT, 100, CLAIM_OUT), drain,
		    step(SERVER_FINE));
	assert_todo(server(SERVER_MAINT, 100, CLAIM_OUT), maint,
		    step(SERVER_FINE));
}

/* After a lost order the server may leave late: it is told again, and what
 * is written down stays until it is known. */
static void in_doubt_it_tells_again(void **state)
{
	struct server srv = server(SERVER_READY, 100, CLAIM_OUT);

	(void)state;
	srv.doubt = true;
	assert_todo(srv, ready, order(SERVER_READY, 100));
	assert_todo(srv, leave, step(SERVER_FINE));
	assert_false(server_taken(&srv, SERVER_MAINT));
}

static void knows_when_somebody_else_took_a_server_out(void **state)
{
	struct server srv = server(SERVER_READY, 100, CLAIM_OUT);

	(void)state;
	assert_true(server_taken(&srv, SERVER_MAINT));
	assert_true(server_taken(&srv, SERVER_DRAIN));
	assert_false(server_taken(&srv, SERVER_READY));
	assert_false(server_taken(&srv, SERVER_ABSENT));
	srv.seen = SERVER_DRAIN;
	assert_true(server_taken(&srv, SERVER_MAINT));
	srv.seen = SERVER_MAINT;
	assert_true(server_taken(&srv, SERVER_DRAIN));
	assert_false(server_taken(&srv, SERVER_MAINT));
	srv.seen = SERVER_UNKNOWN;
	assert_false(server_taken(&srv, SERVER_MAINT));
	srv.claim = CLAIM_WEIGHT;
	assert_true(server_taken(&srv, SERVER_MAINT));
}

/* One that was in use the last time was not taken out by a claim alone. */
static void knows_that_nobody_did_what_is_written_down(void **state)
{
	struct server srv = server(SERVER_READY, 100, CLAIM_OUT);

	(void)state;
	server_forget(&srv);
	assert_int_equal(srv.seen, SERVER_UNKNOWN);
	assert_true(server_taken(&srv, SERVER_MAINT));
	assert_true(server_taken(&srv, SERVER_DRAIN));
	assert_false(server_taken(&srv, SERVER_READY));
	/* Once more, before it is seen again. */
	server_forget(&srv);
	assert_true(server_taken(&srv, SERVER_MAINT));
	srv.doubt = true;
	assert_false(server_taken(&srv, SERVER_MAINT));
	srv.doubt = false;
	srv.seen = SERVER_MAINT;
	server_forget(&srv);
	assert_false(server_taken(&srv, SERVER_MAINT));
}

static void knows_what_is_on_its_way_out(void **state)
{
	struct server srv = server(SERVER_READY, 100, CLAIM_OUT);

	(void)state;
	assert_false(server_ordered_out(&srv));
	srv.order = 1;
	srv.ordered = SERVER_READY;
	assert_false(server_ordered_out(&srv));
	srv.ordered = SERVER_MAINT;
	assert_true(server_ordered_out(&srv));
	srv = server(SERVER_DRAIN, 100, CLAIM_NONE);
	assert_true(server_is_out(srv.seen));
	assert_false(server_in_use(&srv));
}

static struct server obedient(enum server_state seen, enum server_claim claim,
			      enum server_state pushed)
{
	struct server srv = server(seen, 100, claim);

	srv.agent = true;
	srv.pushed = (uint8_t)pushed;
	return srv;
}

static void pushes_an_agents_word_once(void **state)
{
	(void)state;
	assert_todo(obedient(SERVER_READY, CLAIM_NONE, SERVER_UNKNOWN), maint,
		    claim(CLAIM_OUT));
	assert_todo(obedient(SERVER_READY, CLAIM_OUT, SERVER_UNKNOWN), maint,
		    order(SERVER_MAINT, 0));
	/* A check heard the responder first. */
	assert_todo(obedient(SERVER_MAINT, CLAIM_NONE, SERVER_UNKNOWN), maint,
		    claim(CLAIM_OUT));
	assert_todo(obedient(SERVER_MAINT, CLAIM_OUT, SERVER_UNKNOWN), maint,
		    order(SERVER_MAINT, 0));
	assert_todo(obedient(SERVER_MAINT, CLAIM_OUT, SERVER_MAINT), maint,
		    step(SERVER_FINE));
	assert_todo(obedient(SERVER_DRAIN, CLAIM_OUT, SERVER_DRAIN), drain,
		    step(SERVER_FINE));
	assert_todo(obedient(SERVER_DRAIN, CLAIM_OUT, SERVER_DRAIN), maint,
		    order(SERVER_MAINT, 0));
	/* Somebody said "agent up". */
	assert_todo(obedient(SERVER_READY, CLAIM_OUT, SERVER_MAINT), maint,
		    order(SERVER_MAINT, 0));
}

static void takes_an_agents_word_back_even_unseen(void **state)
{
	(void)state;
	assert_todo(obedient(SERVER_MAINT, CLAIM_OUT, SERVER_MAINT), ready,
		    order(SERVER_READY, 100));
	/* After a restart, while HAProxy's own check hides the agent's. */
	assert_todo(obedient(SERVER_READY, CLAIM_OUT, SERVER_UNKNOWN), ready,
		    order(SERVER_READY, 100));
	assert_todo(obedient(SERVER_READY, CLAIM_OUT, SERVER_READY), ready,
		    step(SERVER_UNCLAIM));
	/* Nobody else's word is an agent's. */
	assert_todo(obedient(SERVER_MAINT, CLAIM_NONE, SERVER_UNKNOWN), ready,
		    order(SERVER_READY, 100));
}

static void keeps_what_an_agent_said_while_nothing_is_wished(void **state)
{
	(void)state;
	assert_todo(obedient(SERVER_MAINT, CLAIM_OUT, SERVER_UNKNOWN), leave,
		    step(SERVER_FINE));
	assert_todo(obedient(SERVER_READY, CLAIM_OUT, SERVER_UNKNOWN), leave,
		    step(SERVER_FINE));
}

static void an_operators_bits_beside_an_agent_are_his(void **state)
{
	const struct wish wishes[] = { ready, ramp, drain, maint, leave };
	struct server srv = obedient(SERVER_MAINT, CLAIM_OUT, SERVER_MAINT);
	size_t i;

	(void)state;
	srv.theirs = true;
	for (i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		assert_todo(srv, wishes[i], step(SERVER_KEEP));
	assert_false(server_taken(&srv, SERVER_DRAIN));
}

static void
our_own_maintenance_from_before_an_agent_goes_as_it_came(void **state)
{
	struct server srv = obedient(SERVER_MAINT, CLAIM_OUT, SERVER_UNKNOWN);

	(void)state;
	srv.theirs = true;
	srv.bits = true;
	assert_false(server_by_agent(&srv));
	assert_todo(srv, ready, order(SERVER_READY, 100));
	assert_todo(srv, maint, step(SERVER_FINE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_before_it_withdraws),
		cmocka_unit_test(waits_for_what_is_under_way),
		cmocka_unit_test(leaves_alone_what_somebody_else_took_out),
		cmocka_unit_test(does_nothing_about_what_it_does_not_see),
		cmocka_unit_test(
			brings_back_what_is_ours_and_gives_up_the_claim),
		cmocka_unit_test(keeps_but_the_weight_while_it_ramps),
		cmocka_unit_test(leaves_a_weight_that_an_operator_chose),
		cmocka_unit_test(does_not_drain_what_is_in_maintenance),
		cmocka_unit_test(in_doubt_it_tells_again),
		cmocka_unit_test(knows_when_somebody_else_took_a_server_out),
		cmocka_unit_test(knows_that_nobody_did_what_is_written_down),
		cmocka_unit_test(knows_what_is_on_its_way_out),
		cmocka_unit_test(pushes_an_agents_word_once),
		cmocka_unit_test(takes_an_agents_word_back_even_unseen),
		cmocka_unit_test(
			keeps_what_an_agent_said_while_nothing_is_wished),
		cmocka_unit_test(an_operators_bits_beside_an_agent_are_his),
		cmocka_unit_test(
			our_own_maintenance_from_before_an_agent_goes_as_it_came),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
