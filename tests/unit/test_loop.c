/* The loop: one clock reading a wake-up, deadlines, posted and late tasks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "controller/io/loop.h"

struct world {
	struct loop *loop;
	struct instant due, seen[4];
	char order[32];
	unsigned used, wanted;
};

static int set_up(void **state)
{
	static struct world w;
	struct err err;

	w = (struct world){ 0 };
	*state = &w;
	return loop_new(&w.loop, &err);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	loop_free(w->loop);
	return 0;
}

static void write_order(struct world *w, char c)
{
	w->order[w->used++] = c;
	if (w->used == w->wanted)
		loop_stop(w->loop);
}

static void write_a(void *arg)
{
	write_order(arg, 'a');
}

static void write_b(void *arg)
{
	write_order(arg, 'b');
}

static void write_c_after_b(void *arg)
{
	struct world *w = arg;

	loop_after(w->loop, write_b, w);
	write_order(w, 'c');
}

static void note_now(void *arg)
{
	struct world *w = arg;

	w->seen[w->used] = loop_now(w->loop);
	write_order(w, 'n');
}

static void clock_never_goes_back(void **state)
{
	struct instant last = loop_clock(), next;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		next = loop_clock();
		assert_true(next.us >= last.us);
		last = next;
	}
}

static void calls_the_deadline_when_it_has_come(void **state)
{
	struct world *w = *state;
	struct instant due = instant_add(loop_now(w->loop), 3 * MS);

	w->wanted = 1;
	loop_on_deadline(w->loop, note_now, w);
	loop_arm(w->loop, due);
	loop_run(w->loop);
	assert_true(instant_reached(w->seen[0], due));
	assert_int_equal(loop_lag_us(w->loop),
			 instant_diff_us(due, w->seen[0]));
}

static void a_deadline_in_the_past_comes_at_once(void **state)
{
	struct world *w = *state;
	struct instant start = loop_clock();

	w->wanted = 1;
	loop_on_deadline(w->loop, note_now, w);
	loop_arm(w->loop, instant_add(start, -HOUR));
	loop_run(w->loop);
	assert_true(instant_diff_us(start, loop_clock()) < MINUTE);
	assert_true(loop_lag_us(w->loop) >= HOUR);
}

static void rearm_from_the_deadline(void *arg)
{
	struct world *w = arg;

	w->seen[w->used] = loop_now(w->loop);
	loop_arm(w->loop, instant_add(loop_now(w->loop), 2 * MS));
	write_order(w, 'd');
}

static void a_deadline_can_arm_the_next(void **state)
{
	struct world *w = *state;

	w->wanted = 3;
	loop_on_deadline(w->loop, rearm_from_the_deadline, w);
	loop_arm(w->loop, loop_now(w->loop));
	loop_run(w->loop);
	assert_true(instant_diff_us(w->seen[0], w->seen[2]) >= 4 * MS);
}

static void arm_and_disarm(void *arg)
{
	struct world *w = arg;

	loop_arm(w->loop, loop_now(w->loop));
	loop_arm(w->loop, INSTANT_NEVER);
	write_order(w, 'x');
}

static void stop_by_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(ev, EVBREAK_ALL);
}

static void a_disarmed_deadline_does_not_come(void **state)
{
	struct world *w = *state;
	ev_timer timer;

	loop_on_deadline(w->loop, write_a, w);
	assert_int_equal(loop_post(w->loop, arm_and_disarm, w), 0);
	ev_timer_init(&timer, stop_by_timer, 0.02, 0.);
	ev_timer_start(loop_ev(w->loop), &timer);
	loop_run(w->loop);
	assert_string_equal(w->order, "x");
}

static void posted_tasks_run_in_order(void **state)
{
	struct world *w = *state;

	w->wanted = 3;
	assert_int_equal(loop_post(w->loop, write_b, w), 0);
	assert_int_equal(loop_post(w->loop, write_a, w), 0);
	assert_int_equal(loop_post(w->loop, write_b, w), 0);
	loop_run(w->loop);
	assert_string_equal(w->order, "bab");
}

static void *post_ten(void *arg)
{
	struct world *w = arg;
	int i;

	for (i = 0; i < 10; i++)
		if (loop_post(w->loop, write_a, w) < 0)
			break;
	return NULL;
}

static void another_thread_may_post(void **state)
{
	struct world *w = *state;
	pthread_t threads[2];

	w->wanted = 20;
	assert_int_equal(pthread_create(&threads[0], NULL, post_ten, w), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, post_ten, w), 0);
	loop_run(w->loop);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(w->used, 20);
}

static void late_tasks_run_after_the_others(void **state)
{
	struct world *w = *state;

	w->wanted = 3;
	assert_int_equal(loop_post(w->loop, write_c_after_b, w), 0);
	assert_int_equal(loop_post(w->loop, write_a, w), 0);
	loop_run(w->loop);
	assert_string_equal(w->order, "cab");
}

static void write_c_and_cancel_b(void *arg)
{
	struct world *w = arg;

	loop_after(w->loop, write_b, w);
	loop_after(w->loop, write_a, w);
	loop_after_cancel(w->loop, write_b, w);
	write_order(w, 'c');
}

static void a_late_task_can_be_cancelled(void **state)
{
	struct world *w = *state;

	w->wanted = 2;
	assert_int_equal(loop_post(w->loop, write_c_and_cancel_b, w), 0);
	loop_run(w->loop);
	assert_string_equal(w->order, "ca");
}

static void one_wake_up_has_one_instant(void **state)
{
	struct world *w = *state;

	w->wanted = 3;
	assert_int_equal(loop_post(w->loop, note_now, w), 0);
	assert_int_equal(loop_post(w->loop, note_now, w), 0);
	assert_int_equal(loop_post(w->loop, note_now, w), 0);
	loop_run(w->loop);
	assert_int_equal(w->seen[0].us, w->seen[1].us);
	assert_int_equal(w->seen[1].us, w->seen[2].us);
	assert_true(loop_wall_us(w->loop) > 0);
}

static void tasks_left_behind_are_dropped(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_post(w->loop, write_a, w), 0);
	assert_int_equal(w->used, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_never_goes_back),
		TEST(calls_the_deadline_when_it_has_come),
		TEST(a_deadline_in_the_past_comes_at_once),
		TEST(a_deadline_can_arm_the_next),
		TEST(a_disarmed_deadline_does_not_come),
		TEST(posted_tasks_run_in_order),
		TEST(another_thread_may_post),
		TEST(late_tasks_run_after_the_others),
		TEST(a_late_task_can_be_cancelled),
		TEST(one_wake_up_has_one_instant),
		TEST(tasks_left_behind_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
