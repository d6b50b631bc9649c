/* Records of incidents as bytes, the numbers that they bear, and which of two
 * counts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/incident_wire.h"
#include "tests/unit/edge.h"

#define SEVERITY_AT 34
#define WALL        ((int64_t)1785000000 * SECOND)

static const struct incident_ids ids = { 7, 9 };
static const struct instant there = { 500 * SECOND }, here = { 9 * SECOND };

static struct incident sample(void)
{
	struct incident inc = {
		.number = 13,
		.term = 4,
		.revision = 2,
		.merged_into = 11,
		.nodes = 5,
		.severity = SEVERITY_P2,
		.targets_down_max = 3,
		.total = true,
		.maintenance = true,
		.onset_min = { 490 * SECOND },
		.onset_max = { 491 * SECOND },
		.detected = { 492 * SECOND },
		.acted = INSTANT_NONE,
		.recovered = { 499 * SECOND },
		.outage_since = INSTANT_NONE,
		.detected_wall_us = 1234567,
		.outage_us = 77,
	};

	inc.cause = result_make(RESULT_L7STS, 503, 12, "busy");
	return inc;
}

static void times_are_right_on_another_clock(void **state)
{
	struct incident inc = sample(), back;
	uint8_t bytes[INCIDENT_WIRE_MAX];
	struct incident_ids got;
	size_t size;

	(void)state;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(incident_decode(bytes, size, here, &back, &got), size);
	assert_int_equal(got.service, 7);
	assert_int_equal(got.target, 9);
	assert_int_equal(back.detected.us, 1 * SECOND);
	assert_int_equal(back.recovered.us, 8 * SECOND);
	assert_true(instant_is_none(back.acted));
	assert_int_equal(incident_detection_us(&back), 2 * SECOND);
	assert_int_equal(back.detected_wall_us, 1234567);
	assert_int_equal(back.term, 4);
	assert_int_equal(back.revision, 2);
	assert_int_equal(back.merged_into, 11);
	assert_int_equal(back.nodes, 5);
	assert_true(back.total && back.maintenance && !back.held);
	assert_int_equal(back.outage_us, 77);
	assert_int_equal(back.cause.status, 503);
	assert_string_equal(back.cause.text, "busy");
}

static void every_prefix_is_refused(void **state)
{
	struct incident inc = sample(), back;
	uint8_t bytes[INCIDENT_WIRE_MAX], small[INCIDENT_WIRE_MAX];
	const uint8_t *at;
	struct incident_ids got;
	struct edge edge;
	size_t size, i;

	(void)state;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	assert_int_equal(edge_open(&edge, sizeof(bytes)), 0);
	for (i = 0; i < size; i++) {
		at = (const uint8_t *)edge_put(&edge, (const char *)bytes, i);
		assert_true(incident_decode(at, i, here, &back, &got) < 0);
		assert_int_equal(incident_encode(&inc, &ids, there, small, i),
				 0);
	}
	edge_close(&edge);
}

static void what_a_newer_program_appends_is_passed_over(void **state)
{
	struct incident inc = sample(), back;
	uint8_t bytes[INCIDENT_WIRE_MAX];
	struct incident_ids got;
	size_t size;

	(void)state;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	bytes[0] += 2;
	assert_int_equal(
		incident_decode(bytes, sizeof(bytes), here, &back, &got),
		size + 2);
	assert_string_equal(back.cause.text, "busy");
}

static void nonsense_is_refused(void **state)
{
	struct incident inc = sample(), back;
	uint8_t bytes[INCIDENT_WIRE_MAX];
	struct incident_ids got;
	size_t size;

	(void)state;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	assert_int_equal(bytes[SEVERITY_AT], SEVERITY_P2);
	bytes[SEVERITY_AT] = 5;
	assert_true(incident_decode(bytes, size, here, &back, &got) < 0);
	inc.detected = INSTANT_NONE;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	assert_true(incident_decode(bytes, size, here, &back, &got) < 0);
	inc = sample();
	inc.onset_min.us = INT64_MIN / 4;
	size = incident_encode(&inc, &ids, there, bytes, sizeof(bytes));
	assert_true(incident_decode(bytes, size, here, &back, &got) < 0);
}

static void the_longest_record_fits(void **state)
{
	struct incident inc = sample();
	uint8_t bytes[INCIDENT_WIRE_MAX];

	(void)state;
	memset(inc.cause.text, 'x', RESULT_TEXT_MAX - 1);
	assert_true(incident_encode(&inc, &ids, there, bytes, sizeof(bytes)) >
		    0);
}

static void numbers_tell_the_nodes_apart(void **state)
{
	(void)state;
	assert_int_equal(incident_next_number(0, 0, 1), 1);
	assert_int_equal(incident_next_number(41, 0, 1), 42);
	assert_int_equal(incident_next_number(0, 0, 3), 1);
	assert_int_equal(incident_next_number(0, 2, 3), 3);
	assert_int_equal(incident_next_number(3, 2, 3), 13);
	assert_int_equal(incident_next_number(3, 0, 3), 11);
	assert_int_equal(incident_next_number(42, 2, 3), 43);
}

static struct incident record(uint32_t number, int64_t detected_us,
			      int64_t recovered_us)
{
	struct incident inc = {
		.number = number,
		.severity = SEVERITY_P3,
		.onset_min = { detected_us - 5 },
		.onset_max = { detected_us - 3 },
		.detected = { detected_us },
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
		.detected_wall_us = WALL + detected_us,
	};

	if (recovered_us > 0)
		inc.recovered = (struct instant){ recovered_us };
	return inc;
}

static void two_nodes_records_are_the_same_when_they_overlap(void **state)
{
	struct incident one = record(11, 100, 200);
	struct incident other = record(12, 199, 0);
	struct incident own = record(21, 150, 180);

	(void)state;
	assert_true(incident_same(&one, &other));
	assert_true(incident_same(&other, &one));
	other.detected.us = 200;
	assert_false(incident_same(&one, &other));
	assert_false(incident_same(&other, &one));
	/* One node knows what it opened twice. */
	assert_false(incident_same(&one, &own));
	other = record(12, 150, 0);
	other.service = 1;
	assert_false(incident_same(&one, &other));
	other.service = 0;
	other.merged_into = 11;
	assert_false(incident_same(&one, &other));
}

static void one_of_two_lasts_from_the_earlier_to_the_later(void **state)
{
	struct incident into = record(11, 100, 200);
	struct incident other = record(12, 80, 150);

	(void)state;
	other.acted = (struct instant){ 110 };
	other.severity = SEVERITY_P2;
	into.outage_us = 3;
	other.outage_us = 7;
	other.total = true;
	other.nodes = 2;
	incident_absorb(&into, &other);
	assert_int_equal(into.onset_min.us, 75);
	assert_int_equal(into.onset_max.us, 77);
	assert_int_equal(into.detected.us, 80);
	assert_int_equal(into.acted.us, 110);
	assert_int_equal(into.recovered.us, 200);
	assert_int_equal(into.detected_wall_us, WALL + 80);
	assert_int_equal(into.onset_min_wall_us, WALL + 75);
	assert_int_equal(into.recovered_wall_us, WALL + 200);
	assert_int_equal(into.severity, SEVERITY_P2);
	assert_int_equal(into.outage_us, 7);
	assert_true(into.total);
	assert_int_equal(into.nodes, 2);
	assert_int_equal(other.merged_into, 11);
	/* One that is still open keeps it open. */
	into = record(11, 100, 200);
	other = record(12, 120, 0);
	incident_absorb(&into, &other);
	assert_true(incident_open(&into));
	assert_false(incident_open(&other));
}

static void the_primarys_version_precedes(void **state)
{
	struct incident a = record(11, 100, 0), b = record(11, 100, 0);

	(void)state;
	assert_false(incident_newer(&a, &b));
	a.revision = 9;
	assert_true(incident_newer(&a, &b));
	b.term = 1;
	assert_false(incident_newer(&a, &b));
	assert_true(incident_newer(&b, &a));
}

static void names_of_nodes_come_back(void **state)
{
	struct node_settings nodes[] = { { .name = "n1" },
					 { .name = "n10" },
					 { .name = "n3" } };
	const struct cluster_settings cluster = { .nodes = nodes,
						  .node_count = 3 };
	char text[32];

	(void)state;
	incident_nodes_text(6, &cluster, text, sizeof(text));
	assert_string_equal(text, "n10,n3");
	assert_int_equal(incident_nodes_read(text, &cluster), 6);
	assert_int_equal(incident_nodes_read("n1,gone", &cluster), 1);
	assert_int_equal(incident_nodes_read("", &cluster), 0);
	assert_string_equal(incident_nodes_text(6, NULL, text, sizeof(text)),
			    "");
	/* What does not fit is left out whole. */
	assert_string_equal(incident_nodes_text(7, &cluster, text, 5), "n1");
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(times_are_right_on_another_clock),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(what_a_newer_program_appends_is_passed_over),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(numbers_tell_the_nodes_apart),
		cmocka_unit_test(
			two_nodes_records_are_the_same_when_they_overlap),
		cmocka_unit_test(
			one_of_two_lasts_from_the_earlier_to_the_later),
		cmocka_unit_test(the_primarys_version_precedes),
		cmocka_unit_test(names_of_nodes_come_back),
	};

	return cmocka_run_group_tests_name("incident_wire", cases, NULL, NULL);
}
