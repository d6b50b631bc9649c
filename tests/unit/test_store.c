/* The store: what is kept and comes back, and what is asked. */

#include "tests/unit/store_world.h"

#include <stdio.h>
#include <string.h>

#include "controller/daemon/store_sql.h"

/* Field by field: what lies between them may differ. */
static void assert_same_incident(const struct incident *a,
				 const struct incident *b)
{
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->target, b->target);
	assert_int_equal(a->term, b->term);
	assert_int_equal(a->revision, b->revision);
	assert_int_equal(a->merged_into, b->merged_into);
	assert_int_equal(a->nodes, b->nodes);
	assert_int_equal(a->severity, b->severity);
	assert_int_equal(a->cause.code, b->cause.code);
	assert_int_equal(a->cause.status, b->cause.status);
	assert_int_equal(a->cause.latency_us, b->cause.latency_us);
	assert_string_equal(a->cause.text, b->cause.text);
	assert_int_equal(a->targets_down_max, b->targets_down_max);
	assert_int_equal(a->total, b->total);
	assert_int_equal(a->held, b->held);
	assert_int_equal(a->maintenance, b->maintenance);
	/* Instants and microseconds from here on. */
	assert_memory_equal(&a->onset_min, &b->onset_min,
			    sizeof(*a) - offsetof(struct incident, onset_min));
}

static void gives_back_what_was_stored(void **state)
{
	struct store_order claim = { .kind = STORE_CLAIM,
				     .claim = { 0, SHOP_API1, true, false } };
	struct store_order hold = { .kind = STORE_MAINTENANCE,
				    .maintenance = { .target = API3,
						     .on = true,
						     .drain = true,
						     .until_wall_us =
							     WALL + 60 * SECOND,
						     .reason = "disk" } };
	struct store_order open = incident_order(17, true);
	struct store_order closed = incident_order(16, false);
	const struct incident *past;
	const struct stored *st;
	struct world w;
	size_t n;

	(void)state;
	world_init(&w);
	store_begin(&w);
	assert_int_equal(
		store_load(w.store, loop_now(w.loop), WALL)->last_incident, 0);
	write_order(&w, 1, &claim);
	write_order(&w, 2, &hold);
	write_order(&w, 3, &closed);
	write_order(&w, 4, &open);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 10000 }, WALL + 10000);
	assert_int_equal(st->claim_count, 1);
	assert_int_equal(st->claims[0].haproxy, 0);
	assert_int_equal(st->claims[0].target, SHOP_API1);
	assert_true(st->claims[0].weight_only);
	assert_int_equal(st->maintenance_count, 1);
	assert_int_equal(st->maintenances[0].target, API3);
	assert_true(st->maintenances[0].drain);
	assert_int_equal(st->maintenances[0].until.us, 60 * SECOND);
	assert_string_equal(st->maintenances[0].reason, "disk");
	assert_int_equal(st->incident_count, 1);
	assert_same_incident(&st->incidents[0], &open.incident);
	assert_int_equal(st->last_incident, 17);
	past = store_closed(w.store, &n);
	assert_int_equal(n, 1);
	assert_int_equal(past[0].number, 16);
	assert_int_equal(past[0].recovered.us, 9000);
	world_done(&w);
}

static void servers_that_were_added_are_known_by_name_too(void **state)
{
	struct store_order added = { .kind = STORE_CLAIM,
				     .claim = { 0, API2, true, true } };
	const struct stored_server *list;
	struct stored_server gone;
	const char *name;
	struct world w;
	size_t n;

	(void)state;
	world_init(&w);
	store_begin(&w);
	store_load(w.store, loop_now(w.loop), WALL);
	write_order(&w, 1, &added);
	store_again(&w);
	assert_true(
		store_load(w.store, loop_now(w.loop), WALL)->claims[0].added);
	assert_true(store_load(w.store, loop_now(w.loop), WALL)
			    ->claims[0]
			    .weight_only);
	store_left(w.store, &n);
	assert_int_equal(n, 0);
	/* Its target is gone. */
	name = w.sample.targets[API2].name;
	w.sample.targets[API2].name = "other";
	store_again(&w);
	assert_int_equal(
		store_load(w.store, loop_now(w.loop), WALL)->claim_count, 0);
	list = store_left(w.store, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].backend, "be_api");
	assert_string_equal(list[0].target, name);
	gone = list[0];
	store_forget_server(w.store, &gone);
	store_again(&w);
	store_load(w.store, loop_now(w.loop), WALL);
	store_left(w.store, &n);
	assert_int_equal(n, 0);
	world_done(&w);
}

static void forgets_what_was_taken_back(void **state)
{
	struct store_order order = { .kind = STORE_CLAIM,
				     .claim = { 0, API1, false, false } };
	struct store_order hold = { .kind = STORE_MAINTENANCE,
				    .maintenance = { .target = NOTE_NONE,
						     .on = true } };
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	write_order(&w, 2, &hold);
	order.kind = STORE_UNCLAIM;
	write_order(&w, 3, &order);
	hold.maintenance.on = false;
	write_order(&w, 4, &hold);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->claim_count, 0);
	assert_int_equal(st->maintenance_count, 0);
	world_done(&w);
}

static void node_maintenance_without_an_end_stays(void **state)
{
	struct store_order hold = { .kind = STORE_MAINTENANCE,
				    .maintenance = { .target = NOTE_NONE,
						     .on = true } };
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &hold);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->maintenance_count, 1);
	assert_int_equal(st->maintenances[0].target, NOTE_NONE);
	assert_true(instant_is_never(st->maintenances[0].until));
	world_done(&w);
}

static void moves_instants_of_another_boot_and_keeps_the_spans(void **state)
{
	struct store_order open = incident_order(1, true);
	const struct incident *inc;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &open);
	store_close(w.store);
	exec_sql(&w, "UPDATE incidents SET boot_id = 'another'");
	store_begin(&w);
	inc = store_load(w.store, (struct instant){ 500 }, WALL + 3000 + 100)
		      ->incidents;
	assert_int_equal(inc->detected.us, 400);
	assert_int_equal(inc->onset_min.us, 400 - 2000);
	assert_int_equal(inc->acted.us, 400 + 1000);
	assert_true(instant_is_none(inc->recovered));
	world_done(&w);
}

static void drops_names_that_are_gone_and_says_so(void **state)
{
	struct store_order claim = { .kind = STORE_CLAIM,
				     .claim = { 0, API2, false, false } };
	struct store_order open = incident_order(5, true);
	const struct stored_server *list;
	const struct stored *st;
	struct world w;
	size_t n;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &claim);
	write_order(&w, 2, &open);
	store_close(w.store);
	w.sample.targets[API2].name = "other";
	w.sample.services[SAMPLE_API].name = "renamed";
	store_begin(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->claim_count, 0);
	assert_int_equal(st->incident_count, 0);
	assert_int_equal(st->last_incident, 5);
	/* The claim, to whoever asks; the incident, at once. */
	list = store_left(w.store, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].backend, "be_api");
	assert_false(list[0].added || list[0].weight_only);
	assert_int_equal(w.said, 1);
	ask(&w,
	    (struct store_question){ .kind = STORE_INCIDENTS, .limit = 10 });
	assert_non_null(strstr(w.json, "\"number\":5"));
	assert_non_null(strstr(w.json, "\"open\":false"));
	world_done(&w);
}

static void an_incident_outlives_the_target_that_opened_it(void **state)
{
	struct store_order open = incident_order(5, true);
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 2, &open);
	store_close(w.store);
	w.sample.targets[API2].name = "other";
	store_begin(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incident_count, 1);
	assert_int_equal(st->incidents[0].target, NOTE_NONE);
	open.incident.target = NOTE_NONE;
	open.incident.service = NOTE_NONE;
	open.incident.recovered_wall_us = WALL + 9000;
	write_order(&w, 3, &open);
	ask(&w,
	    (struct store_question){ .kind = STORE_INCIDENTS, .limit = 10 });
	assert_non_null(
		strstr(w.json,
		       "\"number\":5,\"service\":\"api\",\"target\":\"api2\""));
	world_done(&w);
}

static void a_number_is_never_given_twice(void **state)
{
	struct store_order closed = incident_order(40, false);
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &closed);
	store_close(w.store);
	exec_sql(&w, "DELETE FROM incidents");
	store_begin(&w);
	assert_int_equal(
		store_load(w.store, (struct instant){ 1 }, WALL)->last_incident,
		40);
	world_done(&w);
}

static void answers_questions_about_events(void **state)
{
	struct world w;
	int64_t i;

	(void)state;
	world_init(&w);
	store_begin(&w);
	for (i = 1; i <= 5; i++)
		write_event(&w, i);
	ask(&w, (struct store_question){
			.kind = STORE_EVENTS, .after = -1, .limit = 2 });
	assert_string_equal(w.json, "{\"id\":4},\n{\"id\":5}");
	assert_true(w.more);
	assert_int_equal(w.last, 5);
	ask(&w, (struct store_question){
			.kind = STORE_EVENTS, .after = 2, .limit = 2 });
	assert_string_equal(w.json, "{\"id\":3},\n{\"id\":4}");
	assert_int_equal(w.last, 4);
	ask(&w, (struct store_question){ .kind = STORE_EVENTS,
					 .since_wall_us = 4,
					 .after = -1,
					 .limit = 10 });
	assert_string_equal(w.json, "{\"id\":4},\n{\"id\":5}");
	assert_false(w.more);
	ask(&w, (struct store_question){
			.kind = STORE_EVENTS, .after = 5, .limit = 2 });
	assert_string_equal(w.json, "");
	assert_int_equal(w.last, 5);
	store_again(&w);
	assert_int_equal(store_last_event(w.store), 5);
	world_done(&w);
}

static void answers_questions_about_incidents(void **state)
{
	struct store_order one = incident_order(1, false);
	struct store_order two = incident_order(2, true);
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	two.incident.service = SAMPLE_SHOP;
	write_order(&w, 1, &one);
	write_order(&w, 2, &two);
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS, .limit = 1 });
	assert_ptr_equal(strstr(w.json, "{\"number\""), w.json);
	assert_non_null(strstr(w.json, "\"number\":2,\"service\":\"shop\""));
	assert_null(strstr(w.json, "\"number\":1"));
	assert_true(w.more);
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS,
					 .limit = 9,
					 .service = "api" });
	assert_non_null(strstr(w.json, "\"number\":1,\"service\":\"api\""));
	assert_null(strstr(w.json, "\"number\":2"));
	assert_non_null(strstr(w.json, "\"cause\":{\"code\":\"L4CON\""));
	assert_non_null(strstr(w.json, "\"text\":\"connection refused\""));
	world_done(&w);
}

static void a_forgotten_question_is_not_answered(void **state)
{
	struct store_question question = { .kind = STORE_EVENTS, .limit = 1 };
	struct store_order open = incident_order(1, true);
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	store_forget(w.store, store_ask(w.store, &question, on_answer, &w));
	write_order(&w, 1, &open);
	assert_false(w.answered);
	world_done(&w);
}

static int64_t pruned(struct db *db, int64_t before_us, int64_t events_max)
{
	struct err err = { 0 };

	return db_prune(db, before_us, events_max, 3, &err);
}

static void old_rows_go_in_small_bites(void **state)
{
	struct store_order closed = incident_order(1, false);
	struct store_order open = incident_order(2, true);
	struct db_contents contents;
	struct err err = { 0 };
	char path[100];
	struct world w;
	struct db *db;
	int64_t i;

	(void)state;
	world_init(&w);
	store_begin(&w);
	for (i = 1; i <= 10; i++)
		write_event(&w, i);
	write_order(&w, 1, &closed);
	write_order(&w, 2, &open);
	store_close(w.store);
	w.store = NULL;
	snprintf(path, sizeof(path), "%s/bascule.db", w.sample.dir);
	assert_int_equal(db_open(&db, path, WALL, &err), 0);
	/* Of wall time 1 to 10 those before 6, three at once. */
	assert_int_equal(pruned(db, 6, 100), 3);
	assert_int_equal(pruned(db, 6, 100), 2);
	assert_int_equal(pruned(db, 6, 100), 0);
	/* Five are left, two are kept. */
	assert_int_equal(pruned(db, 0, 2), 3);
	assert_int_equal(pruned(db, 0, 2), 0);
	/* Of the incidents the closed one alone. */
	assert_int_equal(pruned(db, INT64_MAX, 100), 2 + 1);
	assert_int_equal(db_load(db, 0, 10, &contents, &err), 0);
	assert_int_equal(contents.incident_count, 1);
	assert_int_equal(contents.incidents[0].inc.number, 2);
	assert_int_equal(contents.last_incident, 2);
	db_contents_done(&contents);
	db_close(db);
	world_done(&w);
}

/* A cluster of two, for the incidents of its nodes. */
static void join(struct world *w)
{
	static struct node_settings nodes[] = { { .name = "n1" },
						{ .name = "n2" } };
	static struct cluster_settings cluster = { .nodes = nodes,
						   .node_count = 2 };

	w->sample.set.cluster = &cluster;
}

static void incidents_of_nodes_come_back(void **state)
{
	struct store_order order = incident_order(12, true);
	const struct incident *inc;
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	join(&w);
	store_begin(&w);
	order.incident.service = INCIDENT_NODE;
	order.incident.target = 1;
	order.incident.nodes = 3;
	order.incident.term = 8;
	order.incident.revision = 5;
	write_order(&w, 1, &order);
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS,
					 .limit = 9,
					 .service = "node" });
	assert_non_null(strstr(w.json, "\"service\":\"node\""));
	assert_non_null(strstr(w.json, "\"target\":\"n2\""));
	assert_non_null(strstr(w.json, "\"nodes\":[\"n1\",\"n2\"]"));
	store_again(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incident_count, 1);
	inc = st->incidents;
	assert_int_equal(inc->service, INCIDENT_NODE);
	assert_int_equal(inc->target, 1);
	assert_int_equal(inc->nodes, 3);
	assert_int_equal(inc->term, 8);
	assert_int_equal(inc->revision, 5);
	/* Without a cluster nobody would ever close it. */
	store_close(w.store);
	w.sample.set.cluster = NULL;
	store_begin(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incident_count, 0);
	world_done(&w);
}

static void what_was_merged_is_kept_but_not_shown(void **state)
{
	struct store_order order = incident_order(2, false);
	const struct incident *closed;
	struct world w;
	size_t count;

	(void)state;
	world_init(&w);
	store_begin(&w);
	order.incident.merged_into = 1;
	write_order(&w, 1, &order);
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS, .limit = 9 });
	assert_string_equal(w.json, "");
	store_again(&w);
	store_load(w.store, (struct instant){ 1 }, WALL);
	closed = store_closed(w.store, &count);
	assert_int_equal(count, 1);
	assert_int_equal(closed[0].merged_into, 1);
	world_done(&w);
}

#define FIRST_SCHEMA                                                           \
	"ALTER TABLE incidents DROP COLUMN term;"                              \
	"ALTER TABLE incidents DROP COLUMN revision;"                          \
	"ALTER TABLE incidents DROP COLUMN merged_into;"                       \
	"ALTER TABLE incidents DROP COLUMN nodes;"                             \
	"PRAGMA user_version = 1"

static void a_file_of_the_first_schema_is_brought_up(void **state)
{
	struct store_order order = incident_order(4, true);
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	store_close(w.store);
	exec_sql(&w, FIRST_SCHEMA);
	store_begin(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incident_count, 1);
	assert_int_equal(st->incidents[0].number, 4);
	assert_int_equal(st->incidents[0].revision, 0);
	order.incident.revision = 7;
	write_order(&w, 1, &order);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incidents[0].revision, 7);
	world_done(&w);
}

/* Also what is read beside it: a disk that is read-only, a damaged file. */
static void a_file_of_the_first_schema_can_be_read(void **state)
{
	struct store_order order = incident_order(4, true);
	struct db_contents contents;
	struct err err = { 0 };
	char path[100], next[100];
	struct db *db;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	store_close(w.store);
	w.store = NULL;
	exec_sql(&w, FIRST_SCHEMA);
	snprintf(path, sizeof(path), "%s/bascule.db", w.sample.dir);
	assert_int_equal(db_open_readonly(&db, path, &err), 0);
	assert_int_equal(db_load(db, 0, 10, &contents, &err), 0);
	assert_int_equal(contents.incident_count, 1);
	db_contents_done(&contents);
	db_close(db);
	snprintf(next, sizeof(next), "%s/next.db", w.sample.dir);
	assert_int_equal(db_open(&db, next, WALL, &err), 0);
	assert_true(db_salvage(db, path) > 0);
	assert_int_equal(db_load(db, 0, 10, &contents, &err), 0);
	assert_int_equal(contents.incident_count, 1);
	assert_int_equal(contents.incidents[0].inc.number, 4);
	db_contents_done(&contents);
	db_close(db);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_stored),
		cmocka_unit_test(servers_that_were_added_are_known_by_name_too),
		cmocka_unit_test(forgets_what_was_taken_back),
		cmocka_unit_test(node_maintenance_without_an_end_stays),
		cmocka_unit_test(
			moves_instants_of_another_boot_and_keeps_the_spans),
		cmocka_unit_test(drops_names_that_are_gone_and_says_so),
		cmocka_unit_test(
			an_incident_outlives_the_target_that_opened_it),
		cmocka_unit_test(a_number_is_never_given_twice),
		cmocka_unit_test(old_rows_go_in_small_bites),
		cmocka_unit_test(answers_questions_about_events),
		cmocka_unit_test(answers_questions_about_incidents),
		cmocka_unit_test(incidents_of_nodes_come_back),
		cmocka_unit_test(what_was_merged_is_kept_but_not_shown),
		cmocka_unit_test(a_file_of_the_first_schema_is_brought_up),
		cmocka_unit_test(a_file_of_the_first_schema_can_be_read),
		cmocka_unit_test(a_forgotten_question_is_not_answered),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
