/* Groups of databases within the controller: what is routed, and who says that
 * an instance is down. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/document.h"
#include "tests/unit/core_world.h"

struct world {
	struct core_world core;
	struct failover_settings failover;
	struct cluster_settings cluster;
	struct node_settings nodes[5];
	struct document document;
	struct database_facts facts[CORE_TARGETS];
};

static struct world w;

static void tell_facts(unsigned target)
{
	struct event ev = { .kind = EVENT_DATABASE };

	ev.database.target = target;
	ev.database.facts = &w.facts[target];
	core_feed(&w.core, &ev);
}

static void route(uint64_t id, const char *group, const char *instance)
{
	struct event ev = { .kind = EVENT_ROUTE };

	ev.route = (struct route_order){ id, group, instance };
	core_feed(&w.core, &ev);
}

static const struct action *find(enum action_kind kind)
{
	unsigned i;

	for (i = w.core.count; i-- > 0;)
		if (w.core.log[i].kind == kind)
			return &w.core.log[i];
	return NULL;
}

static struct document_group *entry(const char *name)
{
	unsigned i;

	for (i = 0; i < w.document.group_count; i++)
		if (strcmp(w.document.groups[i].name, name) == 0)
			return &w.document.groups[i];
	return &w.document.groups[w.document.group_count++];
}

/* What was decided last is in the document. */
static void commit(void)
{
	struct event ev = { .kind = EVENT_DOCUMENT };
	const struct action *act = find(ACTION_DECIDE);

	assert_non_null(act);
	*entry(act->decide.name) = act->decide;
	w.document.position.version++;
	ev.document = &w.document;
	core_forget(&w.core);
	core_feed(&w.core, &ev);
}

/* What another node decided: the next primary of @group, in place. */
static void decide(const char *group, const char *primary)
{
	struct event ev = { .kind = EVENT_DOCUMENT };
	struct document_group *grp = entry(group);

	grp->epoch++;
	grp->phase = PHASE_STEADY;
	snprintf(grp->primary, sizeof(grp->primary), "%s", primary);
	grp->leaving[0] = '\0';
	w.document.position.version++;
	ev.document = &w.document;
	core_forget(&w.core);
	core_feed(&w.core, &ev);
}

static void reload(void)
{
	struct event ev = { .kind = EVENT_SETTINGS };
	const unsigned kept[CORE_TARGETS] = { API1, API2, API3, WEB1, WEB2 };
	const struct stored stored = { 0 };
	struct ctl *before = w.core.ctl;

	w.core.ctl = ctl_new(&w.core.set, 2);
	assert_non_null(w.core.ctl);
	ev.settings.previous = before;
	ev.settings.stored = &stored;
	ev.settings.kept = kept;
	core_feed(&w.core, &ev);
	ctl_free(before);
}

/* The first instance of each group is its primary. */
static void find_out(unsigned target)
{
	const struct target_settings *t = &w.core.targets[target];
	unsigned first = w.core.services[t->service].first_target;
	struct database_facts *facts = &w.facts[target];

	*facts = (struct database_facts){
		.role = target == first ? DATABASE_PRIMARY : DATABASE_REPLICA,
		.writable = target == first,
		.system = 7,
		.received = { 1, 1000 },
		.applied = { 1, 1000 },
		.source_up = target != first,
		.source_port = target != first ? 5000 : 0,
	};
	snprintf(facts->name, sizeof(facts->name), "%s", t->name);
	if (target != first)
		strcpy(facts->source_host, "10.0.0.1");
}

static void init(void)
{
	unsigned i;

	memset(&w, 0, sizeof(w));
	core_init(&w.core);
	w.failover = (struct failover_settings){
		.mode = FAILOVER_AUTOMATIC,
		.promote_timeout_us = SECOND,
	};
	for (i = 0; i < CORE_TARGETS; i++) {
		w.core.targets[i].host = "10.0.0.1";
		w.core.targets[i].port = 5000;
		find_out(i);
	}
	w.core.services[API].failover = &w.failover;
}

/* @service is a group whose primary is known. */
static void adopt(unsigned service)
{
	const struct service_settings *svc = &w.core.services[service];
	unsigned i;

	for (i = 0; i < svc->target_count; i++)
		tell_facts(svc->first_target + i);
	commit();
}

static void routes_the_one_that_is_ordered_and_no_other(void **state)
{
	(void)state;
	init();
	core_begin(&w.core, NULL);
	assert_true(ctl_target(w.core.ctl, API1).withdrawn);
	route(77, "api", "api2");
	assert_true(ctl_target(w.core.ctl, API1).withdrawn);
	assert_false(ctl_target(w.core.ctl, API2).withdrawn);
	assert_true(ctl_target(w.core.ctl, API3).withdrawn);
	/* Done when each server is as it should be. */
	assert_null(find(ACTION_ROUTED));
	core_acted(&w.core, core_order(&w.core, API2)->id, NULL);
	assert_int_equal(find(ACTION_ROUTED)->id, 77);
	assert_true(find(ACTION_ROUTED)->routed.done);
	core_forget(&w.core);
	assert_false(ctl_ends_sessions(w.core.ctl, 0, API2));
	route(78, "api", "api3");
	core_acted(&w.core, core_order(&w.core, API3)->id, NULL);
	assert_null(find(ACTION_ROUTED));
	core_acted(&w.core, core_order(&w.core, API2)->id, NULL);
	assert_int_equal(find(ACTION_ROUTED)->id, 78);
	/* A leaving worker's, too, whatever the policy. */
	assert_true(ctl_ends_sessions(w.core.ctl, 0, API2));
	assert_false(ctl_ends_sessions(w.core.ctl, 0, API3));
	/* Its checks say nothing of that. */
	core_answers(&w.core, API3, 2, RESULT_L4CON);
	assert_false(ctl_target(w.core.ctl, API3).withdrawn);
	route(79, "api", "");
	assert_true(ctl_target(w.core.ctl, API3).withdrawn);
	core_done(&w.core);
}

static void nobody_routes_to_what_is_not_configured(void **state)
{
	(void)state;
	init();
	core_begin(&w.core, NULL);
	route(1, "elsewhere", "pg1");
	assert_int_equal(find(ACTION_ROUTED)->id, 1);
	assert_false(find(ACTION_ROUTED)->routed.done);
	route(2, "elsewhere", "");
	assert_true(find(ACTION_ROUTED)->routed.done);
	core_done(&w.core);
}

static void who_observes_leaves_haproxy_as_it_is(void **state)
{
	(void)state;
	init();
	w.failover.mode = FAILOVER_OBSERVE;
	core_begin(&w.core, NULL);
	route(1, "api", "api2");
	assert_null(core_order(&w.core, API1));
	assert_false(ctl_target(w.core.ctl, API1).withdrawn);
	core_done(&w.core);
}

static void what_is_routed_stays_so_over_a_reload(void **state)
{
	(void)state;
	init();
	core_begin(&w.core, NULL);
	route(77, "api", "api2");
	reload();
	core_settle(&w.core);
	assert_false(ctl_target(w.core.ctl, API2).withdrawn);
	core_see(&w.core, 0, API1, SERVER_MAINT, 100);
	core_see(&w.core, 0, API3, SERVER_MAINT, 100);
	assert_int_equal(find(ACTION_ROUTED)->id, 77);
	core_done(&w.core);
}

static void one_failover_at_a_time(void **state)
{
	struct ctl_group_view view;

	(void)state;
	init();
	w.core.services[SHOP].failover = &w.failover;
	core_begin(&w.core, NULL);
	adopt(API);
	adopt(SHOP);
	core_forget(&w.core);
	core_answers(&w.core, API1, 2, RESULT_L4CON);
	assert_string_equal(find(ACTION_DECIDE)->decide.name, "api");
	commit();
	core_answers(&w.core, WEB1, 2, RESULT_L4CON);
	tell_facts(WEB2);
	assert_true(ctl_group_look(w.core.ctl, SHOP, &view));
	assert_non_null(strstr(view.held, "another group's failover"));
	assert_null(find(ACTION_DECIDE));
	/* When the first is over the other one begins. */
	decide("api", "api2");
	assert_string_equal(find(ACTION_DECIDE)->decide.name, "shop");
	core_done(&w.core);
}

/* Before the first decision is written down. */
static void of_two_that_begin_together_one_goes_first(void **state)
{
	unsigned i, decisions = 0;

	(void)state;
	init();
	w.core.services[SHOP].failover = &w.failover;
	core_begin(&w.core, NULL);
	adopt(API);
	adopt(SHOP);
	core_forget(&w.core);
	core_answers(&w.core, WEB1, 2, RESULT_L4CON);
	core_answers(&w.core, API1, 2, RESULT_L4CON);
	tell_facts(API2);
	for (i = 0; i < w.core.count; i++)
		decisions += w.core.log[i].kind == ACTION_DECIDE;
	assert_int_equal(decisions, 1);
	assert_string_equal(find(ACTION_DECIDE)->decide.name, "shop");
	core_done(&w.core);
}

static void a_cooldown_lasts_over_a_reload(void **state)
{
	struct ctl_group_view view;

	(void)state;
	init();
	w.failover.cooldown_us = MINUTE;
	core_begin(&w.core, NULL);
	adopt(API);
	decide("api", "api2");
	reload();
	core_forget(&w.core);
	core_answers(&w.core, API2, 2, RESULT_L4CON);
	tell_facts(API3);
	assert_null(find(ACTION_DECIDE));
	assert_true(ctl_group_look(w.core.ctl, API, &view));
	assert_non_null(strstr(view.held, "cooldown"));
	core_done(&w.core);
}

/* Started in the cluster's maintenance: nobody has said yet what is routed. */
static void what_is_routed_stays_over_a_start_in_maintenance(void **state)
{
	struct event ev = { .kind = EVENT_DOCUMENT };

	(void)state;
	init();
	w.document.maintenance = KEEP_ON;
	ev.document = &w.document;
	core_start(&w.core, NULL);
	core_feed(&w.core, &ev);
	core_see_all(&w.core, 0, SERVER_READY);
	core_answers(&w.core, API1, 3, RESULT_L4CON);
	assert_null(core_order(&w.core, API1));
	assert_null(core_order(&w.core, API2));
	/* From then on it is as it was ordered. */
	route(77, "api", "api2");
	assert_null(core_order(&w.core, API2));
	assert_int_equal(core_order(&w.core, API1)->haproxy.state,
			 SERVER_MAINT);
	core_done(&w.core);
}

static void nobody_fails_over_in_the_clusters_maintenance(void **state)
{
	static const enum document_keep keeps[] = { KEEP_BEGINS, KEEP_ON,
						    KEEP_ENDS };
	struct event ev = { .kind = EVENT_DOCUMENT, .document = &w.document };
	unsigned i;

	(void)state;
	init();
	core_begin(&w.core, NULL);
	adopt(API);
	for (i = 0; i < 3; i++) {
		w.document.maintenance = keeps[i];
		core_feed(&w.core, &ev);
		core_forget(&w.core);
		core_answers(&w.core, API1, 3, RESULT_L4CON);
		tell_facts(API2);
		tell_facts(API3);
		assert_null(find(ACTION_DECIDE));
	}
	w.document.maintenance = KEEP_OFF;
	core_feed(&w.core, &ev);
	assert_non_null(find(ACTION_DECIDE));
	core_done(&w.core);
}

static void a_node_in_maintenance_begins_no_failover(void **state)
{
	const struct maintenance m = { .target = NOTE_NONE,
				       .on = true,
				       .until = INSTANT_NEVER };

	(void)state;
	init();
	core_begin(&w.core, NULL);
	adopt(API);
	core_admin(&w.core, &m, 1);
	core_answers(&w.core, API1, 2, RESULT_L4CON);
	tell_facts(API2);
	tell_facts(API3);
	assert_null(find(ACTION_DECIDE));
	core_done(&w.core);
}

static void one_in_maintenance_does_not_succeed(void **state)
{
	const struct maintenance m = { .target = API2,
				       .on = true,
				       .until = INSTANT_NEVER };
	struct plan plan;

	(void)state;
	init();
	core_begin(&w.core, NULL);
	adopt(API);
	assert_int_equal(ctl_group_plan(w.core.ctl, API, NOTE_NONE).successor,
			 API2);
	core_admin(&w.core, &m, 1);
	plan = ctl_group_plan(w.core.ctl, API, NOTE_NONE);
	assert_int_equal(plan.reject[API2], PLAN_MAINTENANCE);
	assert_int_equal(plan.successor, API3);
	core_done(&w.core);
}

static void doubt_begins_with_the_first_bad_answer(void **state)
{
	struct ctl_group_view view;

	(void)state;
	init();
	core_begin(&w.core, NULL);
	adopt(API);
	core_answer(&w.core, API1, RESULT_L7STS);
	tell_facts(API2);
	w.facts[API2].received.offset += 10;
	core_answer(&w.core, API1, RESULT_L7STS);
	while (w.core.checks[API1] == 0)
		core_wait(&w.core, 1 * MS);
	tell_facts(API2);
	core_answer(&w.core, API1, RESULT_L7STS);
	assert_null(find(ACTION_DECIDE));
	assert_true(ctl_group_look(w.core.ctl, API, &view));
	assert_non_null(strstr(view.held, "api2 still receives from it"));
	core_done(&w.core);
}

static void a_refusal_that_is_repeated_is_certain(void **state)
{
	(void)state;
	init();
	core_begin(&w.core, NULL);
	adopt(API);
	core_answer(&w.core, API1, RESULT_L4CON);
	tell_facts(API2);
	w.facts[API2].received.offset += 10;
	tell_facts(API2);
	core_answer(&w.core, API1, RESULT_L4CON);
	assert_non_null(find(ACTION_DECIDE));
	core_done(&w.core);
}

/* This node is the primary of five, and hears all of them. */
static void start_cluster(void)
{
	struct event ev = { .kind = EVENT_PEERS };
	unsigned i;

	init();
	w.cluster = (struct cluster_settings){
		.nodes = w.nodes,
		.node_count = 5,
		.lease_us = SECOND,
		.heartbeat_us = 100 * MS,
	};
	for (i = 0; i < 5; i++)
		w.nodes[i].name = "node";
	w.core.set.cluster = &w.cluster;
	core_begin(&w.core, NULL);
	ev.heard = 31;
	core_feed(&w.core, &ev);
	ev = (struct event){ .kind = EVENT_PRIMARY };
	ev.primary = (struct primary_seen){
		.primary = 0, .term = 1, .whole = true, .loss.node = NOTE_NONE
	};
	core_feed(&w.core, &ev);
	adopt(API);
	core_forget(&w.core);
}

static void finds_down(unsigned node)
{
	const struct opinion_heard it = { .target = API1,
					  .down = true,
					  .finding = FINDING_DOWN };
	struct event ev = { .kind = EVENT_OBSERVED };

	ev.observed = (struct observed){ node, &it, 1 };
	core_feed(&w.core, &ev);
}

static void a_majority_must_find_the_primary_down(void **state)
{
	struct ctl_group_view view;

	(void)state;
	start_cluster();
	core_answers(&w.core, API1, 3, RESULT_L7STS);
	finds_down(1);
	assert_null(find(ACTION_DECIDE));
	assert_true(ctl_group_look(w.core.ctl, API, &view));
	assert_non_null(strstr(view.held, "too few nodes"));
	finds_down(2);
	assert_non_null(find(ACTION_DECIDE));
	core_done(&w.core);
}

static void of_what_is_certain_two_are_enough(void **state)
{
	(void)state;
	start_cluster();
	core_answers(&w.core, API1, 2, RESULT_L4CON);
	assert_null(find(ACTION_DECIDE));
	finds_down(1);
	assert_non_null(find(ACTION_DECIDE));
	core_done(&w.core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_the_one_that_is_ordered_and_no_other),
		cmocka_unit_test(nobody_routes_to_what_is_not_configured),
		cmocka_unit_test(who_observes_leaves_haproxy_as_it_is),
		cmocka_unit_test(what_is_routed_stays_so_over_a_reload),
		cmocka_unit_test(one_failover_at_a_time),
		cmocka_unit_test(of_two_that_begin_together_one_goes_first),
		cmocka_unit_test(a_cooldown_lasts_over_a_reload),
		cmocka_unit_test(
			what_is_routed_stays_over_a_start_in_maintenance),
		cmocka_unit_test(nobody_fails_over_in_the_clusters_maintenance),
		cmocka_unit_test(a_node_in_maintenance_begins_no_failover),
		cmocka_unit_test(one_in_maintenance_does_not_succeed),
		cmocka_unit_test(doubt_begins_with_the_first_bad_answer),
		cmocka_unit_test(a_refusal_that_is_repeated_is_certain),
		cmocka_unit_test(a_majority_must_find_the_primary_down),
		cmocka_unit_test(of_what_is_certain_two_are_enough),
	};

	return cmocka_run_group_tests_name("ctl groups", tests, NULL, NULL);
}
