/* Is it the targets, or is it this node? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/self.h"

enum { A1, A2, A3, B1, B2, LOCAL, TARGETS };

struct world {
	struct settings set;
	struct service_settings services[2];
	struct target_settings targets[TARGETS];
	struct self *self;
	struct instant now;
};

static int setup(void **state)
{
	static const char *const hosts[TARGETS] = { "10.0.0.1", "10.0.0.2",
						    "10.0.0.3", "10.0.0.4",
						    "10.0.0.5", "127.0.0.1" };
	static struct world w;
	unsigned i;

	w = (struct world){ .now = { 100 * SECOND } };
	for (i = 0; i < TARGETS; i++)
		w.targets[i] = (struct target_settings){ .host = hosts[i],
							 .service = i >= B1 };
	w.set = (struct settings){ .targets = w.targets,
				   .target_count = TARGETS,
				   .services = w.services,
				   .service_count = 2,
				   .doubt_us = 10 * SECOND };
	w.self = self_new(&w.set);
	assert_non_null(w.self);
	for (i = 0; i < TARGETS; i++)
		self_seen(w.self, i, SELF_ANSWERED, w.now);
	w.now = instant_add(w.now, SECOND);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	self_free(w->self);
	return 0;
}

static void seen(struct world *w, unsigned target, enum self_sign sign)
{
	self_seen(w->self, target, sign, w->now);
}

static void pass(struct world *w, int64_t span_us)
{
	w->now = instant_add(w->now, span_us);
}

static enum self_accused judge(struct world *w, unsigned target,
			       enum self_sign sign, struct instant onset,
			       enum self_others others)
{
	return self_judge(w->self, target, sign, onset, others, w->now);
}

/* All five on the network fall silent; the instant of the first. */
static struct instant all_silent(struct world *w)
{
	struct instant onset = w->now;
	unsigned i;

	for (i = A1; i <= B2; i++) {
		seen(w, i, SELF_SILENT);
		pass(w, MS);
	}
	return onset;
}

static bool is_sick(const struct world *w)
{
	return self_level(w->self, w->now) == SELF_SICK;
}

static void the_table_is_total_and_as_written(void **state)
{
	/* Columns: alone, cut, well, same.  T: target, N: node, W: wait. */
	static const char *const silent[SELF_FATES] = {
		[SELF_FEW] = "TTTT",
		[SELF_ASKING] = "WWWT",
		[SELF_MOST] = "TNNT",
		[SELF_ALL] = "NNNT",
	};
	static const char letters[] = {
		[SELF_TARGET] = 'T', [SELF_WAIT] = 'W', [SELF_NODE] = 'N'
	};
	unsigned fate, others, sign;

	(void)state;
	for (fate = 0; fate < SELF_FATES; fate++)
		for (others = 0; others < SELF_OTHERS; others++)
			assert_int_equal(
				letters[self_table(SELF_SILENT,
						   (enum self_fate)fate,
						   (enum self_others)others)],
				silent[fate][others]);
	for (sign = SELF_BAD; sign <= SELF_HANGS; sign++)
		for (fate = 0; fate < SELF_FATES; fate++)
			for (others = 0; others < SELF_OTHERS; others++)
				assert_int_equal(
					self_table((enum self_sign)sign,
						   (enum self_fate)fate,
						   (enum self_others)others),
					fate == SELF_MOST && others == SELF_WELL
						? SELF_NODE
						: SELF_TARGET);
}

static void one_that_is_silent_alone_is_to_blame(void **state)
{
	struct world *w = *state;
	struct instant onset = w->now;

	seen(w, A1, SELF_SILENT);
	pass(w, MS);
	seen(w, A2, SELF_ANSWERED);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
	assert_false(is_sick(w));
}

static void the_first_one_waits_until_another_host_was_asked(void **state)
{
	struct world *w = *state;
	struct instant onset = w->now;

	seen(w, A1, SELF_SILENT);
	pass(w, 20 * MS);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_WAIT);
	assert_false(is_sick(w));
	pass(w, SELF_ASKING_US);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
}

static void when_nothing_answers_the_node_is_to_blame(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w);

	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_NODE);
	assert_true(is_sick(w));
	pass(w, SELF_SETTLE_US);
	assert_false(is_sick(w));
}

static void an_answer_ends_the_blame_but_silence_counts_later(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w);

	judge(w, A1, SELF_SILENT, onset, SELF_ALONE);
	seen(w, A1, SELF_ANSWERED);
	seen(w, A2, SELF_ANSWERED);
	seen(w, A3, SELF_ANSWERED);
	/* Still in doubt: others may need a moment longer. */
	assert_int_equal(judge(w, B1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_NODE);
	pass(w, SELF_SETTLE_US);
	seen(w, A2, SELF_ANSWERED);
	assert_int_equal(judge(w, B1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
}

/* Cut off while one was silent already: who answered before says nothing. */
static void an_answer_at_the_beginning_of_the_silence_is_none(void **state)
{
	struct world *w = *state;
	struct instant onset = w->now;

	seen(w, A1, SELF_SILENT);
	pass(w, MS);
	seen(w, A2, SELF_ANSWERED);
	seen(w, B1, SELF_ANSWERED);
	pass(w, 100 * MS);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_WAIT);
	seen(w, A2, SELF_SILENT);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_NODE);
}

static void doubt_has_an_end(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w), end;

	end = instant_add(w->now, w->set.doubt_us);
	while (instant_before(w->now, end)) {
		assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
				 SELF_NODE);
		assert_false(self_spent(w->self, w->now));
		pass(w, 100 * MS);
	}
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
	assert_true(is_sick(w));
	assert_true(self_spent(w->self, w->now));
}

static void doubt_that_was_spent_comes_back_after_a_rest(void **state)
{
	struct world *w = *state;
	unsigned i;

	for (i = 0; i < 101; i++) {
		self_stalled(w->self, SECOND, w->now);
		pass(w, 100 * MS);
	}
	assert_true(self_spent(w->self, w->now));
	pass(w, SELF_SETTLE_US + w->set.doubt_us - SECOND);
	self_stalled(w->self, SECOND, w->now);
	assert_true(self_spent(w->self, w->now));
	pass(w, SELF_SETTLE_US + w->set.doubt_us);
	self_stalled(w->self, SECOND, w->now);
	assert_true(is_sick(w));
	assert_false(self_spent(w->self, w->now));
}

static void a_node_that_is_cut_off_blames_itself_for_ever(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w);
	unsigned i;

	for (i = 0; i < 1000; i++) {
		assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_CUT),
				 SELF_NODE);
		pass(w, 100 * MS);
	}
	assert_false(self_spent(w->self, w->now));
}

static void a_node_that_is_cut_off_needs_no_second_host(void **state)
{
	struct world *w = *state;
	unsigned i;

	for (i = A2; i <= B2; i++)
		seen(w, i, SELF_NONE);
	seen(w, A1, SELF_SILENT);
	assert_int_equal(judge(w, A1, SELF_SILENT, w->now, SELF_ALONE),
			 SELF_TARGET);
	assert_int_equal(judge(w, A1, SELF_SILENT, w->now, SELF_CUT),
			 SELF_NODE);
}

static void without_a_carrier_it_is_cut_off(void **state)
{
	struct world *w = *state;
	struct self_facts facts = { .carrier_lost = true };
	struct instant onset = w->now;

	self_learn(w->self, &facts, w->now);
	seen(w, A1, SELF_SILENT);
	seen(w, A2, SELF_SILENT);
	seen(w, A3, SELF_SILENT);
	pass(w, MS);
	/* On this machine under an address of its own. */
	seen(w, B1, SELF_ANSWERED);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_WELL),
			 SELF_NODE);
	facts.carrier_lost = false;
	self_learn(w->self, &facts, w->now);
	pass(w, SELF_SETTLE_US);
	seen(w, B1, SELF_ANSWERED);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
}

static void what_others_find_too_is_no_doing_of_ours(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w);

	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_WELL),
			 SELF_NODE);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_SAME),
			 SELF_TARGET);
}

static void most_that_others_see_well_accuse_the_node(void **state)
{
	struct world *w = *state;
	struct instant onset = w->now;

	seen(w, A1, SELF_SILENT);
	seen(w, A2, SELF_SILENT);
	seen(w, B1, SELF_SILENT);
	pass(w, MS);
	seen(w, A3, SELF_ANSWERED);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_WELL),
			 SELF_NODE);
}

static void answers_of_one_service_are_never_doubted(void **state)
{
	struct world *w = *state;

	seen(w, A1, SELF_BAD);
	seen(w, A2, SELF_BAD);
	seen(w, A3, SELF_BAD);
	assert_int_equal(judge(w, A1, SELF_BAD, w->now, SELF_WELL),
			 SELF_TARGET);
	seen(w, B1, SELF_BAD);
	assert_int_equal(judge(w, A1, SELF_BAD, w->now, SELF_ALONE),
			 SELF_TARGET);
	assert_int_equal(judge(w, A1, SELF_BAD, w->now, SELF_WELL), SELF_NODE);
}

static void what_is_certain_counts_after_a_stall(void **state)
{
	struct world *w = *state;
	struct instant onset = w->now;

	self_stalled(w->self, 5 * SECOND, w->now);
	seen(w, A1, SELF_BAD);
	assert_int_equal(judge(w, A1, SELF_BAD, onset, SELF_ALONE),
			 SELF_TARGET);
	seen(w, A2, SELF_SILENT);
	pass(w, MS);
	seen(w, A3, SELF_ANSWERED);
	assert_int_equal(judge(w, A2, SELF_SILENT, onset, SELF_ALONE),
			 SELF_NODE);
}

static void loopback_shares_no_fate(void **state)
{
	struct world *w = *state;
	struct instant onset = all_silent(w);

	seen(w, LOCAL, SELF_ANSWERED);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_NODE);
	pass(w, SELF_SETTLE_US);
	seen(w, LOCAL, SELF_SILENT);
	assert_int_equal(judge(w, LOCAL, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
	assert_int_equal(self_witness(w->self, LOCAL), UINT32_MAX);
}

static void a_witness_is_of_another_host_and_well(void **state)
{
	struct world *w = *state;
	unsigned i, found;

	seen(w, A2, SELF_SILENT);
	for (i = 0; i < 20; i++) {
		found = self_witness(w->self, A1);
		assert_true(found == A3 || found == B1 || found == B2);
	}
	all_silent(w);
	assert_int_equal(self_witness(w->self, A1), UINT32_MAX);
}

static void strain_stretches_and_passes(void **state)
{
	struct world *w = *state;
	struct self_facts facts = { .lag_us = 45 * MS };
	char why[96];

	assert_int_equal(self_patience(w->self, w->now), 1);
	self_learn(w->self, &facts, w->now);
	assert_int_equal(self_level(w->self, w->now), SELF_STRAINED);
	assert_int_equal(self_patience(w->self, w->now), 3);
	assert_string_equal(self_why(w->self, w->now, why, sizeof(why)),
			    "its loop was 45 ms late");
	/* Less does not make it shorter. */
	facts = (struct self_facts){ .loss_percent = 5 };
	self_learn(w->self, &facts, w->now);
	assert_int_equal(self_patience(w->self, w->now), 3);
	assert_int_equal(self_deadline(w->self, w->now).us,
			 instant_add(w->now, SELF_STRAIN_US).us);
	pass(w, SELF_STRAIN_US);
	assert_int_equal(self_level(w->self, w->now), SELF_FINE);
	assert_int_equal(self_patience(w->self, w->now), 1);
	assert_string_equal(self_why(w->self, w->now, why, sizeof(why)), "");
}

static void each_fact_strains_from_its_bound_on(void **state)
{
	static const struct {
		struct self_facts facts;
		enum self_doubt level;
	} cases[] = {
		{ { .lag_us = 19 * MS }, SELF_FINE },
		{ { .lag_us = 20 * MS }, SELF_STRAINED },
		{ { .lag_us = 200 * MS }, SELF_SICK },
		{ { .canary_us = 20 * MS }, SELF_STRAINED },
		{ { .canary_us = 200 * MS }, SELF_SICK },
		/* What others wait for is no trouble until we are late. */
		{ { .cpu_percent = 100 }, SELF_FINE },
		{ { .lag_us = 5 * MS }, SELF_FINE },
		{ { .cpu_percent = 39, .lag_us = 5 * MS }, SELF_FINE },
		{ { .cpu_percent = 40, .lag_us = 4 * MS }, SELF_FINE },
		{ { .cpu_percent = 40, .lag_us = 5 * MS }, SELF_STRAINED },
		{ { .memory_percent = 10, .lag_us = 5 * MS }, SELF_STRAINED },
		{ { .io_percent = 60, .canary_us = 5 * MS }, SELF_STRAINED },
		{ { .loss_percent = 4 }, SELF_FINE },
		{ { .loss_percent = 5 }, SELF_STRAINED },
	};
	struct world *w = *state;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		self_learn(w->self, &cases[i].facts, w->now);
		assert_int_equal(self_level(w->self, w->now), cases[i].level);
		pass(w, MINUTE);
	}
}

static void with_no_time_for_doubt_there_is_none(void **state)
{
	struct world *w = *state;
	struct self_facts facts = { .lag_us = SECOND };
	struct instant onset = w->now;

	w->set.doubt_us = 0;
	self_learn(w->self, &facts, w->now);
	self_stalled(w->self, SECOND, w->now);
	assert_int_equal(self_level(w->self, w->now), SELF_FINE);
	seen(w, A1, SELF_SILENT);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_ALONE),
			 SELF_TARGET);
	onset = all_silent(w);
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_WELL),
			 SELF_TARGET);
	/* Cut off is cut off. */
	assert_int_equal(judge(w, A1, SELF_SILENT, onset, SELF_CUT), SELF_NODE);
}

static void a_result_is_read_for_who_gave_it(void **state)
{
	static const struct {
		struct result res;
		enum self_sign sign;
	} cases[] = {
		{ { .code = RESULT_L7OK }, SELF_ANSWERED },
		{ { .code = RESULT_L7OKC }, SELF_ANSWERED },
		{ { .code = RESULT_SOCKERR }, SELF_NONE },
		{ { .code = RESULT_L4CON, .status = 111 }, SELF_BAD },
		{ { .code = RESULT_L4CON, .status = 104 }, SELF_BAD },
		{ { .code = RESULT_L4CON, .status = 113 }, SELF_SILENT },
		{ { .code = RESULT_L4CON, .status = 101 }, SELF_SILENT },
		{ { .code = RESULT_L7STS, .status = 503 }, SELF_BAD },
		{ { .code = RESULT_L4TOUT }, SELF_SILENT },
		{ { .code = RESULT_L7TOUT }, SELF_HANGS },
		{ { .code = RESULT_L7TOUT, .reach = REACH_ACKNOWLEDGED },
		  SELF_HANGS },
		{ { .code = RESULT_L7TOUT, .reach = REACH_UNACKNOWLEDGED },
		  SELF_SILENT },
		{ { .code = RESULT_PROCTOUT }, SELF_SILENT },
		{ { .code = RESULT_PROCERR }, SELF_BAD },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(self_sign_of(&cases[i].res), cases[i].sign);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest self[] = {
		cmocka_unit_test(the_table_is_total_and_as_written),
		cmocka_unit_test(a_result_is_read_for_who_gave_it),
		CASE(one_that_is_silent_alone_is_to_blame),
		CASE(the_first_one_waits_until_another_host_was_asked),
		CASE(when_nothing_answers_the_node_is_to_blame),
		CASE(an_answer_ends_the_blame_but_silence_counts_later),
		CASE(an_answer_at_the_beginning_of_the_silence_is_none),
		CASE(doubt_has_an_end),
		CASE(doubt_that_was_spent_comes_back_after_a_rest),
		CASE(a_node_that_is_cut_off_blames_itself_for_ever),
		CASE(a_node_that_is_cut_off_needs_no_second_host),
		CASE(without_a_carrier_it_is_cut_off),
		CASE(what_others_find_too_is_no_doing_of_ours),
		CASE(most_that_others_see_well_accuse_the_node),
		CASE(answers_of_one_service_are_never_doubted),
		CASE(what_is_certain_counts_after_a_stall),
		CASE(loopback_shares_no_fate),
		CASE(a_witness_is_of_another_host_and_well),
		CASE(strain_stretches_and_passes),
		CASE(each_fact_strains_from_its_bound_on),
		CASE(with_no_time_for_doubt_there_is_none),
	};

	return cmocka_run_group_tests(self, NULL, NULL);
}
