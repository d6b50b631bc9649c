/* Ending the sessions of leaving workers: what is asked, and when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "haproxy/leavers.h"

#define TEXT_MAX 65536

/* As HAProxy 2.6 says it. */
#define PROMPT "master> "
#define HEAD                                                                   \
	"#<PID>          <type>          <reloads>       <uptime>        "     \
	"<version>      \n30008           master          1 [failed: 0]   "    \
	"0d00h00m02s     2.6.12-1+deb12u4\n# workers\n30090           worker " \
	"         0               0d00h00m01s     2.6.12-1+deb12u4\n"
#define OLD(pid)                                                               \
	pid "           worker          1               0d00h00m02s     "      \
	    "2.6.12-1+deb12u4\n"
#define PROGRAMS "# programs\n\n" PROMPT
#define SESSION(id, backend, server)                                           \
	id ": proto=tcpv4 src=127.0.0.1:36608 fe=fe be=" backend               \
	   " srv=" server " ts=00 epoch=0 age=1s calls=3 rate=0 cpu=0 lat=0 "  \
	   "rq[f=c40000h,i=0,an=8000h,rx=19s,wx=,ax=] exp=0s rc=0 c_exp=\n"
#define CLI                                                                    \
	"0x559e5c23be10: proto=sockpair src=unix:2 fe=GLOBAL be=<NONE> "       \
	"srv=<none> ts=00 epoch=0 age=0s\n\n" PROMPT

struct world {
	struct leavers *lv;
	struct instant now;
	bool any, connected;
	unsigned connects, clears;
	char told[TEXT_MAX], sent[TEXT_MAX];
};

static void add(char *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(char *to, const char *fmt, ...)
{
	size_t used = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + used, TEXT_MAX - used, fmt, ap);
	va_end(ap);
}

static bool on_any(void *arg)
{
	return ((struct world *)arg)->any;
}

static bool on_wanted(void *arg, const char *backend, const char *server)
{
	(void)arg;
	return strcmp(backend, "be") == 0 && strcmp(server, "s1") == 0;
}

static void on_ended(void *arg, long pid, unsigned sessions)
{
	add(((struct world *)arg)->told, "%ld: %u\n", pid, sessions);
}

static void on_failed(void *arg, const char *why)
{
	add(((struct world *)arg)->told, "%s\n", why != NULL ? why : "fine");
}

static void on_cleared(void *arg)
{
	((struct world *)arg)->clears++;
}

static void settle(struct world *w)
{
	const char *data;
	size_t size;

	for (;;) {
		switch (leavers_next(w->lv, w->now)) {
		case LEAVERS_CLOSE:
			w->connected = false;
			break;
		case LEAVERS_CONNECT:
			w->connects++;
			w->connected = true;
			leavers_connected(w->lv, w->now);
			break;
		case LEAVERS_WAIT:
			size = leavers_output(w->lv, &data);
			add(w->sent, "%.*s", (int)size, data);
			leavers_sent(w->lv, size);
			return;
		}
	}
}

static void hear(struct world *w, const char *text)
{
	leavers_input(w->lv, w->now, text, strlen(text));
	settle(w);
}

static void open_world(struct world *w)
{
	const struct leavers_doors doors = { .arg = w,
					     .any = on_any,
					     .wanted = on_wanted,
					     .ended = on_ended,
					     .failed = on_failed,
					     .cleared = on_cleared };

	memset(w, 0, sizeof(*w));
	w->now = (struct instant){ 100 * SECOND };
	w->any = true;
	w->lv = leavers_new(&doors);
	assert_non_null(w->lv);
}

/* Poked, and it knows that these leave. */
static void begin(struct world *w, const char *workers)
{
	open_world(w);
	leavers_poke(w->lv, w->now);
	settle(w);
	hear(w, PROMPT);
	w->sent[0] = '\0';
	hear(w, workers);
}

static struct world world;

static int tear_down(void **state)
{
	(void)state;
	leavers_free(world.lv);
	return 0;
}

static void does_nothing_until_it_is_poked(void **state)
{
	(void)state;
	open_world(&world);
	settle(&world);
	assert_int_equal(world.connects, 0);
	assert_true(instant_is_never(leavers_deadline(world.lv)));
}

static void goes_when_nobody_leaves(void **state)
{
	(void)state;
	begin(&world, "\n" HEAD PROGRAMS);
	assert_string_equal(world.sent, "");
	assert_false(world.connected);
	assert_true(instant_is_never(leavers_deadline(world.lv)));
}

static void ends_the_sessions_to_withdrawn_servers_alone(void **state)
{
	(void)state;
	begin(&world, HEAD "# old workers\n" OLD("30022") PROGRAMS);
	assert_string_equal(world.sent, "@!30022 show sess\n");
	world.sent[0] = '\0';
	hear(&world, SESSION("0x559e5c1301a0", "be",
			     "s1") SESSION("0x559e5c22b870", "be", "s2")
			     SESSION("0x559e5c22fff0", "other", "s1")
				     SESSION("0x559e5c234770", "be", "s1") CLI);
	assert_string_equal(world.sent,
			    "@!30022 shutdown session 0x559e5c1301a0\n"
			    "@!30022 shutdown session 0x559e5c234770\n");
	hear(&world, "\n" PROMPT);
	assert_true(world.connected);
	hear(&world, "\n" PROMPT);
	assert_string_equal(world.told, "30022: 2\n");
	assert_false(world.connected);
}

static void every_leaving_worker_has_its_turn(void **state)
{
	(void)state;
	begin(&world, HEAD "# old workers\n" OLD("30022") OLD("7") PROGRAMS);
	hear(&world, CLI);
	assert_string_equal(world.sent, "@!30022 show sess\n@!7 show sess\n");
	hear(&world, SESSION("0x1", "be", "s1") CLI);
	hear(&world, "\n" PROMPT);
	assert_string_equal(world.told, "7: 1\n");
	assert_false(world.connected);
}

static void single_bytes_change_nothing(void **state)
{
	static const char said[] = HEAD "# old workers\n" OLD("30022")
		PROGRAMS SESSION("0x1", "be", "s1") CLI;
	size_t i;

	(void)state;
	begin(&world, "");
	for (i = 0; said[i] != '\0'; i++) {
		leavers_input(world.lv, world.now, &said[i], 1);
		settle(&world);
	}
	assert_string_equal(world.sent, "@!30022 show sess\n"
					"@!30022 shutdown session 0x1\n");
}

static void many_sessions_end_in_portions(void **state)
{
	char text[200];
	unsigned i, n;
	const char *at;

	(void)state;
	begin(&world, HEAD "# old workers\n" OLD("30022") PROGRAMS);
	world.sent[0] = '\0';
	for (i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "0x%x: fe=fe be=be srv=s1 ts=0\n",
			 i + 1);
		leavers_input(world.lv, world.now, text, strlen(text));
	}
	hear(&world, CLI);
	for (i = 0; world.connects == 1; i++) {
		for (n = 0, at = world.sent;
		     (at = strstr(at, "shutdown")) != NULL; at++)
			n++;
		assert_int_equal(n, 32);
		world.sent[0] = '\0';
		for (; n > 0; n--)
			hear(&world, "\n" PROMPT);
	}
	assert_int_equal(i, LEAVERS_SESSIONS_MAX / 32);
	assert_string_equal(world.told, "30022: 512\n");
	/* There are more: the next round is under way. */
	assert_false(leavers_clear(world.lv));
	hear(&world, PROMPT);
	hear(&world, HEAD PROGRAMS);
	assert_true(leavers_clear(world.lv));
	assert_int_equal(world.clears, 1);
}

static void looks_again_while_somebody_leaves_and_it_is_of_use(void **state)
{
	unsigned rounds;

	(void)state;
	begin(&world, HEAD "# old workers\n" OLD("30022") PROGRAMS);
	hear(&world, CLI);
	for (rounds = 0; rounds < 10; rounds++) {
		struct instant due = leavers_deadline(world.lv);

		assert_in_range(instant_diff_us(world.now, due),
				LEAVERS_PAUSE_US_MIN, LEAVERS_PAUSE_US_MAX);
		world.now = due;
		settle(&world);
		hear(&world, PROMPT);
		hear(&world, HEAD "# old workers\n" OLD("30022") PROGRAMS);
		hear(&world, CLI);
	}
	assert_int_equal(world.connects, 11);
	/* Everything is back. */
	world.any = false;
	world.now = leavers_deadline(world.lv);
	settle(&world);
	hear(&world, PROMPT);
	world.sent[0] = '\0';
	hear(&world, HEAD "# old workers\n" OLD("30022") PROGRAMS);
	assert_string_equal(world.sent, "");
	assert_true(instant_is_never(leavers_deadline(world.lv)));
}

static void a_poke_during_a_round_begins_another(void **state)
{
	(void)state;
	begin(&world, "");
	leavers_poke(world.lv, world.now);
	hear(&world, HEAD PROGRAMS);
	assert_int_equal(world.connects, 2);
	/* What was found before it was poked says nothing. */
	assert_false(leavers_clear(world.lv));
	hear(&world, PROMPT);
	hear(&world, HEAD PROGRAMS);
	assert_true(leavers_clear(world.lv));
	assert_int_equal(world.clears, 1);
}

static void a_moment_without_a_master_is_not_told(void **state)
{
	(void)state;
	open_world(&world);
	leavers_poke(world.lv, world.now);
	settle(&world);
	leavers_lost(world.lv, world.now, "gone");
	settle(&world);
	assert_false(world.connected);
	world.now = leavers_deadline(world.lv);
	settle(&world);
	assert_true(world.connected);
	assert_string_equal(world.told, "");
}

static void a_master_that_does_not_come_back_is_told_once(void **state)
{
	struct instant end;

	(void)state;
	open_world(&world);
	leavers_poke(world.lv, world.now);
	end = instant_add(world.now, 20 * SECOND);
	while (instant_before(world.now, end)) {
		settle(&world);
		leavers_tick(world.lv, world.now);
		settle(&world);
		world.now = instant_max(
			instant_add(world.now, MS),
			instant_min(leavers_deadline(world.lv), end));
	}
	assert_string_equal(world.told, "the master does not answer\n");
	/* Nobody can be asked: that must not hold up a failover for ever. */
	assert_true(leavers_clear(world.lv) && leavers_failing(world.lv));
	settle(&world);
	hear(&world, PROMPT);
	hear(&world, HEAD PROGRAMS);
	assert_string_equal(world.told, "the master does not answer\nfine\n");
	assert_true(leavers_clear(world.lv) && !leavers_failing(world.lv));
}

static void nonsense_ends_nobody(void **state)
{
	char line[3000];

	(void)state;
	begin(&world, HEAD "# old workers\nx\n-5 w\n" OLD("30022") PROGRAMS);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	world.sent[0] = '\0';
	leavers_input(world.lv, world.now, line, strlen(line));
	hear(&world, "\n0x: be=be\nbe=be srv=s1\n0x12 be=be srv=s1\n"
		     "0x1111111111111111111111111111111: be=be srv=s1\n"
		     "Can't find the target PID matching the prefix '@!30022'\n"
		     "\n" PROMPT);
	assert_string_equal(world.sent, "");
	assert_string_equal(world.told, "");
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(does_nothing_until_it_is_poked),
		CASE(goes_when_nobody_leaves),
		CASE(ends_the_sessions_to_withdrawn_servers_alone),
		CASE(every_leaving_worker_has_its_turn),
		CASE(single_bytes_change_nothing),
		CASE(many_sessions_end_in_portions),
		CASE(looks_again_while_somebody_leaves_and_it_is_of_use),
		CASE(a_poke_during_a_round_begins_another),
		CASE(a_moment_without_a_master_is_not_told),
		CASE(a_master_that_does_not_come_back_is_told_once),
		CASE(nonsense_ends_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
