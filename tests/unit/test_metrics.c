/* What is counted, and how it reads for Prometheus. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/view_world.h"

static int set_up(void **state)
{
	static struct view_world w;

	view_init(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	view_done(*state);
	return 0;
}

static char *page(struct view_world *w, bool openmetrics)
{
	struct metrics_page state = { .view = &w->view,
				      .openmetrics = openmetrics };
	unsigned pieces;

	view_now(w);
	return view_document(metrics_piece, &state, &pieces);
}

/* Whether @line stands on the page, as a whole line. */
static bool has(const char *text, const char *line)
{
	const char *at = text;
	size_t n = strlen(line);

	while ((at = strstr(at, line)) != NULL) {
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
		at += n;
	}
	return false;
}

static void assert_line(struct view_world *w, const char *line)
{
	char *text = page(w, false);

	if (!has(text, line))
		fail_msg("no %s in\n%s", line, text);
	free(text);
}

static void counts_checks_by_result(void **state)
{
	struct view_world *w = *state;
	struct result res = result_make(RESULT_L7OK, 200, 3 * MS, NULL);

	metrics_evidence(w->view.metrics, API1, &res);
	metrics_evidence(w->view.metrics, API2, &res);
	res = result_make(RESULT_L4TOUT, 0, 500 * MS, NULL);
	metrics_evidence(w->view.metrics, API3, &res);
	assert_line(w, "bascule_checks_total{service=\"api\",result=\"L7OK\"}"
		       " 2");
	assert_line(w, "bascule_checks_total{service=\"api\",result=\"L4TOUT\""
		       "} 1");
	assert_line(w, "bascule_check_duration_seconds_bucket{service=\"api\","
		       "le=\"0.0025\"} 0");
	assert_line(w, "bascule_check_duration_seconds_bucket{service=\"api\","
		       "le=\"0.005\"} 2");
	assert_line(w, "bascule_check_duration_seconds_bucket{service=\"api\","
		       "le=\"0.5\"} 3");
	assert_line(w, "bascule_check_duration_seconds_bucket{service=\"api\","
		       "le=\"+Inf\"} 3");
	assert_line(w, "bascule_check_duration_seconds_sum{service=\"api\"}"
		       " 0.506");
	assert_line(w, "bascule_check_duration_seconds_count{service=\"shop\"}"
		       " 0");
}

static void a_state_is_one_of_six_series(void **state)
{
	struct view_world *w = *state;

	core_answer(&w->core, API1, RESULT_L7OK);
	assert_line(w, "bascule_target_up{service=\"api\",target=\"api1\"} 1");
	assert_line(w, "bascule_target_up{service=\"api\",target=\"api2\"} 0");
	assert_line(w, "bascule_target_state{service=\"api\",target=\"api1\","
		       "state=\"UP\"} 1");
	assert_line(w, "bascule_target_state{service=\"api\",target=\"api1\","
		       "state=\"DOWN\"} 0");
	assert_line(w, "bascule_target_state{service=\"api\",target=\"api2\","
		       "state=\"UNKNOWN\"} 1");
}

static struct incident incident_of(struct view_world *w)
{
	return (struct incident){
		.number = 1,
		.service = API,
		.target = API1,
		.severity = SEVERITY_P2,
		.onset_min = w->core.now,
		.detected = instant_add(w->core.now, 120 * MS),
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
		.onset_min_wall_us = w->view.wall_us,
		.detected_wall_us = w->view.wall_us + 120 * MS,
	};
}

static void tell(struct view_world *w, const struct incident *inc)
{
	struct window_news news = window_incident(w->view.window, inc);

	metrics_incident(w->view.metrics, inc, &news);
}

static void an_incident_is_counted_step_by_step(void **state)
{
	struct view_world *w = *state;
	struct incident inc = incident_of(w);

	tell(w, &inc);
	assert_line(w, "bascule_incidents_total{service=\"api\",severity="
		       "\"P2\"} 1");
	assert_line(w, "bascule_incidents_total{service=\"api\",severity="
		       "\"P1\"} 0");
	assert_line(w, "bascule_detection_seconds_sum{service=\"api\"} 0.12");
	assert_line(w, "bascule_mttd_seconds{service=\"api\"} 0.12");
	inc.acted = instant_add(inc.detected, 2 * MS);
	tell(w, &inc);
	tell(w, &inc);
	assert_line(w, "bascule_action_seconds_count{service=\"api\"} 1");
	assert_line(w, "bascule_action_seconds_sum{service=\"api\"} 0.002");
	inc.severity = SEVERITY_P1;
	inc.recovered = instant_add(inc.onset_min, 14 * SECOND);
	inc.recovered_wall_us = inc.onset_min_wall_us + 14 * SECOND;
	tell(w, &inc);
	assert_line(w, "bascule_incidents_total{service=\"api\",severity="
		       "\"P1\"} 1");
	assert_line(w, "bascule_recovery_seconds_sum{service=\"api\"} 14");
	assert_line(w, "bascule_incident_duration_seconds_bucket{service="
		       "\"api\",severity=\"P1\",le=\"30\"} 1");
	assert_line(w, "bascule_incident_duration_seconds_count{service="
		       "\"api\",severity=\"P2\"} 0");
	assert_line(w, "bascule_mttr_seconds{service=\"api\"} 14");
}

static void what_is_not_known_has_no_sample(void **state)
{
	char *text = page(*state, false);

	assert_null(strstr(text, "\nbascule_mttr_seconds{"));
	assert_null(strstr(text, "\nbascule_mtbf_seconds{"));
	assert_null(strstr(text, "\nbascule_target_certificate_expiry"));
	assert_non_null(strstr(text, "# TYPE bascule_mttr_seconds gauge\n"));
	free(text);
}

static void a_certificate_is_told_in_seconds(void **state)
{
	struct view_world *w = *state;
	struct event ev = { .kind = EVENT_EVIDENCE };

	core_answer(&w->core, API1, RESULT_L7OK);
	core_wait(&w->core, 1500 * MS);
	ev.evidence.target = API1;
	ev.evidence.check = w->core.checks[API1];
	ev.evidence.result = result_make(RESULT_L7OK, 200, 1000, NULL);
	ev.evidence.result.cert_days = 30;
	core_feed(&w->core, &ev);
	assert_line(w, "bascule_target_certificate_expiry_seconds{service="
		       "\"api\",target=\"api1\"} 2592000");
}

static void haproxy_commands_are_timed(void **state)
{
	struct view_world *w = *state;

	core_link(&w->core, 0, true);
	metrics_command(w->view.metrics, 0, 80, true);
	metrics_command(w->view.metrics, 0, 300, false);
	metrics_command(w->view.metrics, 77, 300, false);
	assert_line(w, "bascule_haproxy_up{haproxy=\"lb1\"} 1");
	assert_line(w, "bascule_haproxy_commands_total{haproxy=\"lb1\",result="
		       "\"done\"} 1");
	assert_line(w, "bascule_haproxy_commands_total{haproxy=\"lb1\",result="
		       "\"failed\"} 1");
	assert_line(w, "bascule_haproxy_command_seconds_bucket{haproxy=\"lb1\""
		       ",le=\"0.0001\"} 1");
}

static void lag_is_the_worst_of_ten_seconds(void **state)
{
	struct view_world *w = *state;
	struct instant t = { 1000 * SECOND };

	metrics_lag(w->view.metrics, t, 300 * MS);
	metrics_lag(w->view.metrics, instant_add(t, 1 * SECOND), 5 * MS);
	assert_int_equal(
		metrics_lag_us(w->view.metrics, instant_add(t, 5 * SECOND)),
		300 * MS);
	assert_int_equal(
		metrics_lag_us(w->view.metrics, instant_add(t, 10 * SECOND)),
		5 * MS);
	assert_int_equal(
		metrics_lag_us(w->view.metrics, instant_add(t, 60 * SECOND)),
		0);
	assert_line(w, "bascule_loop_lag_seconds_count 2");
}

static void label_values_are_escaped(void **state)
{
	struct view_world *w = *state;

	w->core.targets[API1].name = "a\"b\\c\nd";
	assert_line(w, "bascule_target_up{service=\"api\","
		       "target=\"a\\\"b\\\\c\\nd\"} 0");
}

static void counters_follow_their_names_over_a_reload(void **state)
{
	struct view_world *w = *state;
	struct note note = { .kind = NOTE_TARGET,
			     .target = API2,
			     .to = HEALTH_DOWN };
	struct result res = result_make(RESULT_L7OK, 200, 3 * MS, NULL);
	static struct core_world other;
	char *text;

	metrics_note(w->view.metrics, &note);
	metrics_evidence(w->view.metrics, API1, &res);
	core_init(&other);
	core_start(&other, NULL);
	other.targets[API2].name = "new";
	other.targets[API3].name = "api2";
	metrics_reload(w->view.metrics, &other.set);
	w->view.set = &other.set;
	w->view.ctl = other.ctl;
	assert_line(w, "bascule_target_transitions_total{service=\"api\","
		       "target=\"api2\",to=\"DOWN\"} 1");
	assert_line(w, "bascule_checks_total{service=\"api\",result=\"L7OK\"}"
		       " 1");
	/* A target that is gone has no series. */
	text = page(w, false);
	assert_null(strstr(text, "target=\"api3\""));
	free(text);
	core_done(&other);
	w->view.set = &w->core.set;
}

/* Three nodes, this one the second; what is known of them is empty. */
static void cluster_init(struct view_world *w)
{
	static struct node_settings nodes[] = { { .name = "n1" },
						{ .name = "n2" },
						{ .name = "n3" } };
	static struct cluster_settings cluster = { .nodes = nodes,
						   .node_count = 3,
						   .self = 1 };

	w->core.set.cluster = &cluster;
}

static void a_cluster_of_one_is_always_primary(void **state)
{
	struct view_world *w = *state;
	char *text = page(w, false);

	assert_true(has(text, "bascule_cluster_primary{node=\"node1\"} 1"));
	assert_true(has(text, "bascule_cluster_quorum 1"));
	assert_null(strstr(text, "\nbascule_cluster_term"));
	assert_null(strstr(text, "\nbascule_peer_"));
	assert_null(strstr(text, "\nbascule_datagrams_"));
	assert_null(strstr(text, "\nbascule_failover"));
	free(text);
}

static void nothing_is_said_of_a_cluster_not_known_yet(void **state)
{
	struct view_world *w = *state;
	char *text;

	cluster_init(w);
	text = page(w, false);
	assert_null(strstr(text, "\nbascule_cluster_"));
	assert_null(strstr(text, "\nbascule_peer_"));
	assert_null(strstr(text, "\nbascule_datagrams_"));
	free(text);
}

static void nodes_are_told_by_what_is_known_of_them(void **state)
{
	struct view_world *w = *state;
	struct cluster_facts *facts = &w->view.cluster;
	char *text;

	cluster_init(w);
	*facts = (struct cluster_facts){
		.known = true,
		.quorum = true,
		.term = 7,
		.primary = 2,
		.nodes = { { .rtt_us = -1 },
			   { .up = true },
			   { .up = true, .rtt_us = 250 } },
		.datagrams = { { "sent", 12 }, { "stale", 3 } },
	};
	text = page(w, false);
	assert_true(has(text, "bascule_cluster_primary{node=\"n1\"} 0"));
	assert_true(has(text, "bascule_cluster_primary{node=\"n3\"} 1"));
	assert_true(has(text, "bascule_cluster_term 7"));
	assert_true(has(text, "bascule_cluster_quorum 1"));
	assert_true(has(text, "bascule_peer_up{node=\"n1\"} 0"));
	assert_true(has(text, "bascule_peer_up{node=\"n3\"} 1"));
	assert_true(has(text, "bascule_peer_rtt_seconds{node=\"n3\"} 0.00025"));
	assert_true(has(text, "bascule_datagrams_total{result=\"sent\"} 12"));
	assert_true(has(text, "bascule_datagrams_total{result=\"stale\"} 3"));
	assert_null(strstr(text, "bascule_peer_up{node=\"n2\"}"));
	assert_null(strstr(text, "bascule_peer_rtt_seconds{node=\"n1\"}"));
	free(text);
	facts->primary = CLUSTER_NOBODY;
	facts->quorum = false;
	text = page(w, false);
	assert_null(strstr(text, "bascule_cluster_primary{node=\"n3\"} 1"));
	assert_true(has(text, "bascule_cluster_quorum 0"));
	free(text);
}

static void failovers_are_counted_by_their_reason(void **state)
{
	struct view_world *w = *state;

	cluster_init(w);
	assert_line(w, "bascule_failover_duration_seconds_count{group="
		       "\"node\"} 0");
	metrics_failover(w->view.metrics, "lost", 700 * MS);
	metrics_failover(w->view.metrics, "handed over", 40 * MS);
	metrics_failover(w->view.metrics, "lost", -1);
	assert_line(w, "bascule_failovers_total{group=\"node\",reason="
		       "\"lost\"} 2");
	assert_line(w, "bascule_failovers_total{group=\"node\",reason="
		       "\"handed over\"} 1");
	assert_line(w, "bascule_failover_duration_seconds_bucket{group="
		       "\"node\",le=\"0.05\"} 1");
	assert_line(w, "bascule_failover_duration_seconds_count{group="
		       "\"node\"} 2");
}

static void reasons_of_failovers_are_bounded(void **state)
{
	static char words[40][8];
	struct view_world *w = *state;
	unsigned i, rows = 0;
	char *text, *at;

	cluster_init(w);
	for (i = 0; i < 40; i++) {
		snprintf(words[i], sizeof(words[i]), "w%u", i);
		metrics_failover(w->view.metrics, words[i], 0);
	}
	text = page(w, false);
	for (at = text; (at = strstr(at, "\nbascule_failovers_total{")) != NULL;
	     at++)
		rows++;
	assert_int_equal(rows, 16);
	free(text);
}

static void openmetrics_has_its_own_ways(void **state)
{
	struct view_world *w = *state;
	char *text = page(w, true);
	size_t n = strlen(text);

	assert_string_equal(text + n - 6, "# EOF\n");
	assert_true(has(text, "# TYPE bascule_checks counter"));
	assert_non_null(strstr(text, "\nbascule_recovery_seconds_bucket{"
				     "service=\"api\",le=\"60.0\"} "));
	assert_null(strstr(text, "# TYPE bascule_checks_total"));
	free(text);
	text = page(w, false);
	assert_true(has(text, "# TYPE bascule_checks_total counter"));
	assert_null(strstr(text, "# EOF"));
	free(text);
}

static void pieces_are_small(void **state)
{
	struct view_world *w = *state;
	struct metrics_page state_of = { .view = &w->view };
	struct buffer to = { 0 };
	bool more = true;

	while (more) {
		buffer_reset(&to);
		more = metrics_piece(&state_of, &to);
		assert_true(to.used < 8192);
	}
	buffer_done(&to);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(counts_checks_by_result),
		CASE(a_state_is_one_of_six_series),
		CASE(an_incident_is_counted_step_by_step),
		CASE(what_is_not_known_has_no_sample),
		CASE(a_certificate_is_told_in_seconds),
		CASE(haproxy_commands_are_timed),
		CASE(lag_is_the_worst_of_ten_seconds),
		CASE(label_values_are_escaped),
		CASE(counters_follow_their_names_over_a_reload),
		CASE(a_cluster_of_one_is_always_primary),
		CASE(nothing_is_said_of_a_cluster_not_known_yet),
		CASE(nodes_are_told_by_what_is_known_of_them),
		CASE(failovers_are_counted_by_their_reason),
		CASE(reasons_of_failovers_are_bounded),
		CASE(openmetrics_has_its_own_ways),
		CASE(pieces_are_small),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
