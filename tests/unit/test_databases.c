/* The door of the databases: one order at a time, each with its deadline. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "databases/databases_io.h"

#define TOLD_MAX 8

/* Settings on the heap, to be freed as a reload frees the old ones. */
struct file {
	struct settings set;
	struct service_settings service;
	struct failover_settings failover;
	struct target_settings targets[2];
};

struct world {
	struct loop *loop;
	struct resolver *resolver;
	struct databases *dbs;
	struct file *file;
	int listener; /* takes connections and never answers */
	uint16_t port;
	unsigned told, wanted;
	uint64_t id[TOLD_MAX];
	char why[TOLD_MAX][160];
	bool again; /* an answer brings another order */
};

static const struct database_order canary = { .kind = DATABASE_CANARY,
					      .timeout_us = 500 * MS };

static struct file *file_new(uint16_t port)
{
	struct file *file = calloc(1, sizeof(*file));
	unsigned i;

	assert_non_null(file);
	file->service = (struct service_settings){
		.name = "g",
		.check = { .type = CHECK_REDIS },
		.failover = &file->failover,
		.target_count = 2,
	};
	for (i = 0; i < 2; i++)
		file->targets[i] = (struct target_settings){
			.name = i == 0 ? "a" : "b",
			.host = "127.0.0.1",
			.port = port,
		};
	file->set = (struct settings){ .services = &file->service,
				       .service_count = 1,
				       .targets = file->targets,
				       .target_count = 2 };
	return file;
}

static void on_done(void *arg, uint64_t id, const char *failed_why, bool parted)
{
	struct world *w = arg;

	assert_false(parted);
	assert_true(w->told < TOLD_MAX);
	w->id[w->told] = id;
	strcpy(w->why[w->told], failed_why != NULL ? failed_why : "");
	w->told++;
	if (w->again) {
		w->again = false;
		databases_order(w->dbs, 99, &canary);
	}
	if (w->told == w->wanted)
		loop_stop(w->loop);
}

static void run(struct world *w, unsigned wanted)
{
	w->wanted = wanted;
	loop_run(w->loop);
	assert_int_equal(w->told, wanted);
}

static int set_up(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct world *w = calloc(1, sizeof(*w));
	socklen_t size = sizeof(addr);
	struct err err;

	assert_non_null(w);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		bind(w->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(w->listener, 8), 0);
	assert_int_equal(
		getsockname(w->listener, (struct sockaddr *)&addr, &size), 0);
	w->port = ntohs(addr.sin_port);
	w->file = file_new(w->port);
	assert_int_equal(loop_new(&w->loop, &err), 0);
	assert_int_equal(resolver_new(&w->resolver, w->loop, &err), 0);
	assert_int_equal(databases_new(&w->dbs, w->loop, w->resolver,
				       &w->file->set, on_done, w, &err),
			 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	databases_free(w->dbs);
	resolver_free(w->resolver);
	loop_free(w->loop);
	close(w->listener);
	free(w->file);
	free(w);
	return 0;
}

static void a_silent_server_costs_the_deadline(void **state)
{
	struct world *w = *state;
	/* What the timer counts from, which may be earlier than now. */
	struct instant begun = loop_now(w->loop);

	databases_order(w->dbs, 1, &canary);
	assert_int_equal(w->told, 0);
	run(w, 1);
	assert_int_equal(w->id[0], 1);
	assert_string_equal(w->why[0], "no answer within 500 ms");
	assert_true(instant_diff_us(begun, loop_clock()) >= 499 * MS);
}

static void a_refused_connection_is_told_at_once(void **state)
{
	struct world *w = *state;

	close(w->listener);
	w->listener = -1;
	databases_order(w->dbs, 1, &canary);
	run(w, 1);
	assert_string_equal(w->why[0], "cannot connect: Connection refused");
}

static void the_last_of_those_that_wait_is_carried_out(void **state)
{
	struct world *w = *state;

	databases_order(w->dbs, 1, &canary);
	databases_order(w->dbs, 2, &canary);
	databases_order(w->dbs, 3, &canary);
	run(w, 3);
	assert_int_equal(w->id[0], 2);
	assert_string_equal(w->why[0], "another order came after it");
	assert_int_equal(w->id[1], 1);
	assert_int_equal(w->id[2], 3);
}

static void an_answer_may_bring_the_next_order(void **state)
{
	struct world *w = *state;

	w->again = true;
	databases_order(w->dbs, 1, &canary);
	run(w, 2);
	assert_int_equal(w->id[1], 99);
}

static void reload(struct world *w, struct file *file, const unsigned *old)
{
	struct databases_change *change;
	struct err err;

	assert_int_equal(
		databases_prepare(w->dbs, &file->set, old, &change, &err), 0);
	databases_apply(w->dbs, change);
	memset(w->file, 0xa5, sizeof(*w->file));
	free(w->file);
	w->file = file;
}

static void an_order_goes_on_over_a_reload(void **state)
{
	static const unsigned swapped[] = { 1, 0 };
	struct world *w = *state;

	databases_order(w->dbs, 1, &canary);
	reload(w, file_new(w->port), swapped);
	databases_order(w->dbs, 2, &canary);
	run(w, 2);
	assert_string_equal(w->why[0], "no answer within 500 ms");
	assert_string_equal(w->why[1], "no answer within 500 ms");
}

static void orders_for_who_is_gone_fail(void **state)
{
	static const unsigned none[] = { UINT_MAX, UINT_MAX };
	struct world *w = *state;

	databases_order(w->dbs, 1, &canary);
	databases_order(w->dbs, 2, &canary);
	reload(w, file_new(w->port), none);
	run(w, 2);
	assert_string_equal(w->why[0], "the settings have changed");
	assert_string_equal(w->why[1], "the settings have changed");
	/* The new one is another desk. */
	databases_order(w->dbs, 3, &canary);
	run(w, 3);
	assert_int_equal(w->id[2], 3);
}

static void a_change_that_is_dropped_changes_nothing(void **state)
{
	static const unsigned none[] = { UINT_MAX, UINT_MAX };
	struct databases_change *change;
	struct world *w = *state;
	struct file *file = file_new(w->port);
	struct err err;

	databases_order(w->dbs, 1, &canary);
	assert_int_equal(
		databases_prepare(w->dbs, &file->set, none, &change, &err), 0);
	databases_drop(change);
	free(file);
	run(w, 1);
	assert_string_equal(w->why[0], "no answer within 500 ms");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_silent_server_costs_the_deadline),
		CASE(a_refused_connection_is_told_at_once),
		CASE(the_last_of_those_that_wait_is_carried_out),
		CASE(an_answer_may_bring_the_next_order),
		CASE(an_order_goes_on_over_a_reload),
		CASE(orders_for_who_is_gone_fail),
		CASE(a_change_that_is_dropped_changes_nothing),
	};

	return cmocka_run_group_tests_name("databases", tests, NULL, NULL);
}
