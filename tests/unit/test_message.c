/* Messages, documents and the hard state as bytes. */

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/hard.h"
#include "controller/core/message.h"
#include "tests/unit/edge.h"

static uint8_t buf[HARD_BYTES_MAX + MESSAGE_BYTES_MAX];

static void fill_text(char *text, size_t room)
{
	memset(text, 'x', room - 1);
	text[room - 1] = '\0';
}

/* As large as a document can be. */
static void fill(struct document *doc)
{
	unsigned i;

	memset(doc, 0, sizeof(*doc));
	doc->position = (struct position){ 1u << 20, UINT64_MAX };
	doc->maintenance = true;
	doc->maintenance_until_wall_us = -5;
	doc->group_count = DOCUMENT_GROUPS_MAX;
	doc->hold_count = DOCUMENT_HOLDS_MAX;
	for (i = 0; i < DOCUMENT_GROUPS_MAX; i++) {
		struct document_group *grp = &doc->groups[i];

		fill_text(grp->name, sizeof(grp->name));
		fill_text(grp->primary, sizeof(grp->primary));
		fill_text(grp->leaving, sizeof(grp->leaving));
		fill_text(grp->reason, sizeof(grp->reason));
		grp->epoch = i;
		grp->phase = (enum phase)(i % 3);
		grp->since_wall_us = INT64_MAX;
	}
	for (i = 0; i < DOCUMENT_HOLDS_MAX; i++) {
		fill_text(doc->holds[i].name, sizeof(doc->holds[i].name));
		fill_text(doc->holds[i].reason, sizeof(doc->holds[i].reason));
		doc->holds[i].until_wall_us = i;
	}
}

static void expect_same(const struct document *a, const struct document *b)
{
	static uint8_t of_a[DOCUMENT_BYTES_MAX], of_b[DOCUMENT_BYTES_MAX];
	size_t size = document_encode(a, of_a, sizeof(of_a));

	assert_int_equal(document_encode(b, of_b, sizeof(of_b)), size);
	assert_memory_equal(of_a, of_b, size);
}

static void the_largest_document_comes_back(void **state)
{
	static struct document doc, back;
	size_t size;

	(void)state;
	fill(&doc);
	size = document_encode(&doc, buf, DOCUMENT_BYTES_MAX);
	assert_true(size > 0);
	assert_int_equal(document_decode(buf, size, &back, NULL), 0);
	expect_same(&back, &doc);
	assert_string_equal(back.groups[3].reason, doc.groups[3].reason);
	assert_int_equal(back.groups[2].phase, PHASE_PROMOTING);
	assert_int_equal(document_encode(&doc, buf, size - 1), 0);
	assert_non_null(document_group(&doc, doc.groups[0].name));
	assert_null(document_group(&doc, "y"));
}

static void every_prefix_of_a_document_is_refused(void **state)
{
	static struct document doc, back;
	struct edge edge;
	size_t size, i;

	(void)state;
	fill(&doc);
	size = document_encode(&doc, buf, sizeof(buf));
	assert_int_equal(edge_open(&edge, size), 0);
	for (i = 0; i < size; i++) {
		const char *at = edge_put(&edge, (const char *)buf, i);

		assert_int_equal(
			document_decode((const uint8_t *)at, i, &back, NULL),
			-EBADMSG);
	}
	edge_close(&edge);
}

static void an_unknown_format_is_refused_with_a_sentence(void **state)
{
	static struct document doc;
	static struct hard_state hard;
	struct err err;
	size_t size;

	(void)state;
	size = document_encode(&doc, buf, sizeof(buf));
	buf[0] = 2;
	assert_int_equal(document_decode(buf, size, &doc, &err),
			 -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "upgrade"));
	size = hard_encode(&hard, buf, sizeof(buf));
	buf[0]++;
	assert_int_equal(hard_decode(buf, size, &hard, &err), -EBADMSG);
}

static void a_hard_state_comes_back_whole_or_not_at_all(void **state)
{
	static struct hard_state hard, back;
	size_t size, i;

	(void)state;
	fill(&hard.document);
	hard.term = 12;
	hard.voted_for = 34;
	hard.blank = true;
	hard.longest_lease_us = 5 * 1000000;
	hard.longest_routing_us = 6 * 1000000;
	size = hard_encode(&hard, buf, HARD_BYTES_MAX);
	assert_true(size > 0);
	assert_int_equal(hard_decode(buf, size, &back, NULL), 0);
	assert_int_equal(back.term, 12);
	assert_int_equal(back.voted_for, 34);
	assert_true(back.blank);
	assert_int_equal(back.longest_lease_us, 5 * 1000000);
	assert_int_equal(back.longest_routing_us, 6 * 1000000);
	expect_same(&back.document, &hard.document);
	for (i = 0; i < size; i++)
		assert_true(hard_decode(buf, i, &back, NULL) < 0);
	for (i = 0; i < size; i++) {
		buf[i] ^= 0x10;
		assert_true(hard_decode(buf, size, &back, NULL) < 0);
		buf[i] ^= 0x10;
	}
	assert_int_equal(hard_encode(&hard, buf, 20), 0);
	assert_int_equal(hard_encode(&hard, buf, size - 1), 0);
}

static void put_sum(size_t size)
{
	uint64_t hash = 14695981039346656037u;
	size_t i;

	for (i = 0; i < size; i++)
		hash = (hash ^ buf[i]) * 1099511628211u;
	hash = htole64(hash);
	memcpy(buf + size, &hash, sizeof(hash));
}

static void a_hard_state_of_an_older_program_is_read(void **state)
{
	/* Before it: format, term, vote, blank, longest lease. */
	const size_t at = 1 + 8 + 4 + 1 + 8;
	static struct hard_state hard, back;
	size_t size;

	(void)state;
	fill(&hard.document);
	hard.term = 12;
	hard.longest_lease_us = 5 * 1000000;
	hard.longest_routing_us = 6 * 1000000;
	size = hard_encode(&hard, buf, HARD_BYTES_MAX);
	memmove(buf + at, buf + at + 8, size - at - 8);
	buf[0] = 1;
	put_sum(size - 16);
	back.longest_routing_us = 7;
	assert_int_equal(hard_decode(buf, size - 8, &back, NULL), 0);
	assert_int_equal(back.term, 12);
	assert_int_equal(back.longest_lease_us, 5 * 1000000);
	assert_int_equal(back.longest_routing_us, 0);
	expect_same(&back.document, &hard.document);
}

static void a_hard_state_of_a_newer_program_is_refused(void **state)
{
	static struct hard_state hard, back;
	struct err err;
	size_t size;

	(void)state;
	fill(&hard.document);
	size = hard_encode(&hard, buf, HARD_BYTES_MAX);
	buf[0]++;
	put_sum(size - 8);
	assert_int_equal(hard_decode(buf, size, &back, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "upgrade this node"));
}

static struct message sample(enum message_kind kind)
{
	static const uint8_t body[] = {
		1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
		11, 12, 13, 14, 15, 16, 17, 18, 19, 20
	};
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.kind = kind;
	msg.flags = MESSAGE_LEADER | MESSAGE_GRANTED;
	msg.from = 0x01020304;
	msg.digest = 5;
	msg.boot = 6;
	msg.sequence = 7;
	msg.term = 8;
	msg.clock_us = -9;
	msg.challenge = 10;
	msg.challenge_echo = 11;
	msg.echo = (struct message_echo){ 12, 13 };
	msg.ack = (struct message_ack){ 14, 15, 16 };
	if (kind == MESSAGE_HEARTBEAT) {
		msg.heartbeat.stored = (struct position){ 1, 2 };
		msg.heartbeat.committed = (struct position){ 3, 4 };
		msg.heartbeat.conforming = (struct position){ 5, 6 };
		msg.heartbeat.priority = -7;
		msg.heartbeat.resigned = 8;
		msg.heartbeat.successor = 9;
		msg.heartbeat.longest_routing_us = 10;
		msg.heartbeat.left = MESSAGE_LEFT_FAILED;
		msg.heartbeat.left_ago_us = 11;
		msg.heartbeat.whole_ago_us = 12;
	} else if (kind <= MESSAGE_VOTE_ANSWER) {
		msg.vote.wanted = 1;
		msg.vote.position = (struct position){ 2, 3 };
		msg.vote.left_us = 4;
	} else if (kind == MESSAGE_DOCUMENT) {
		msg.document.body = body;
		msg.document.size = sizeof(body);
	} else if (kind == MESSAGE_RESIGN) {
		msg.resign.successor = 77;
		msg.resign.left = MESSAGE_LEFT_PLANNED;
	} else if (kind == MESSAGE_INCIDENTS) {
		msg.incidents.body = body;
		msg.incidents.size = sizeof(body);
	} else {
		msg.observation.body = body;
		msg.observation.count = 2;
	}
	return msg;
}

static void every_kind_comes_back(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = MESSAGE_HEARTBEAT; kind < MESSAGE_KINDS; kind++) {
		struct message msg = sample((enum message_kind)kind), back;
		uint8_t again[256];
		size_t size = message_encode(&msg, buf, sizeof(buf));

		assert_true(size > 0);
		memset(&back, 0, sizeof(back));
		assert_int_equal(message_decode(buf, size, &back), 0);
		assert_int_equal(message_encode(&back, again, sizeof(again)),
				 size);
		assert_memory_equal(again, buf, size);
		assert_int_equal(message_encode(&msg, buf, size - 1), 0);
	}
}

static void every_prefix_of_every_message_is_refused(void **state)
{
	struct edge edge;
	unsigned kind;
	size_t i;

	(void)state;
	assert_int_equal(edge_open(&edge, sizeof(buf)), 0);
	for (kind = MESSAGE_HEARTBEAT; kind < MESSAGE_KINDS; kind++) {
		struct message msg = sample((enum message_kind)kind), back;
		size_t size = message_encode(&msg, buf, sizeof(buf));

		for (i = 0; i < size; i++)
			assert_true(
				message_decode(
					(const uint8_t *)edge_put(
						&edge, (const char *)buf, i),
					i, &back) < 0);
	}
	edge_close(&edge);
}

/* A newer program appends to the head and to the body. */
static void fields_of_a_newer_program_are_passed_over(void **state)
{
	struct message msg = sample(MESSAGE_RESIGN), back;
	size_t size = message_encode(&msg, buf, sizeof(buf));
	size_t head = (size_t)buf[8] + 12;

	(void)state;
	memmove(buf + head + 3, buf + head, size - head);
	buf[8] = (uint8_t)(buf[8] + 3);
	buf[10] = (uint8_t)(buf[10] + 2);
	assert_int_equal(message_decode(buf, size + 5, &back), 0);
	assert_int_equal(back.resign.successor, 77);
	assert_int_equal(back.clock_us, -9);
	assert_int_equal(message_decode(buf, size + 4, &back), -EBADMSG);
}

/* The fields that were appended to it, the last ones first. */
static void a_heartbeat_of_an_older_program_is_heard(void **state)
{
	static const size_t sizes[] = { 8, 8, 4, 8 };
	struct message msg = sample(MESSAGE_HEARTBEAT), back;
	size_t size = message_encode(&msg, buf, sizeof(buf));
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		size -= sizes[i];
		buf[10] = (uint8_t)(buf[10] - sizes[i]);
		memset(&back.heartbeat, 7, sizeof(back.heartbeat));
		assert_int_equal(message_decode(buf, size, &back), 0);
		assert_int_equal(back.heartbeat.whole_ago_us, 0);
		assert_int_equal(back.heartbeat.left_ago_us, i < 1 ? 11 : 0);
		assert_int_equal(back.heartbeat.left,
				 i < 2 ? MESSAGE_LEFT_FAILED : 0);
		assert_int_equal(back.heartbeat.longest_routing_us,
				 i < 3 ? 10 : 0);
		assert_int_equal(back.heartbeat.successor,
				 msg.heartbeat.successor);
	}
	buf[10] = (uint8_t)(buf[10] + 3);
	assert_int_equal(message_decode(buf, size + 3, &back), -EBADMSG);
}

static void a_resignation_of_an_older_program_is_heard(void **state)
{
	struct message msg = sample(MESSAGE_RESIGN), back;
	size_t size = message_encode(&msg, buf, sizeof(buf));

	(void)state;
	buf[10] = (uint8_t)(buf[10] - 4);
	assert_int_equal(message_decode(buf, size - 4, &back), 0);
	assert_int_equal(back.resign.successor, 77);
	assert_int_equal(back.resign.left, MESSAGE_LEFT_UNKNOWN);
	buf[10] = (uint8_t)(buf[10] + 3);
	assert_int_equal(message_decode(buf, size - 1, &back), -EBADMSG);
}

static void a_vote_of_an_older_program_says_nothing_of_leases(void **state)
{
	struct message msg = sample(MESSAGE_VOTE_ANSWER), back;
	size_t size = message_encode(&msg, buf, sizeof(buf));

	(void)state;
	assert_int_equal(message_decode(buf, size, &back), 0);
	assert_int_equal(back.vote.left_us, 4);
	buf[10] = (uint8_t)(buf[10] - 8);
	assert_int_equal(message_decode(buf, size - 8, &back), 0);
	assert_int_equal(back.vote.wanted, 1);
	assert_int_equal(back.vote.left_us, -1);
	buf[10] = (uint8_t)(buf[10] + 3);
	assert_int_equal(message_decode(buf, size - 5, &back), -EBADMSG);
}

static void what_it_does_not_know_is_refused(void **state)
{
	struct message msg = sample(MESSAGE_RESIGN), back;
	size_t size = message_encode(&msg, buf, sizeof(buf));

	(void)state;
	buf[1] = MESSAGE_KINDS;
	assert_int_equal(message_decode(buf, size, &back), -EOPNOTSUPP);
	buf[1] = 0;
	assert_int_equal(message_decode(buf, size, &back), -EOPNOTSUPP);
	buf[0] = 9;
	assert_int_equal(message_decode(buf, size, &back), -EPROTONOSUPPORT);
	msg.kind = MESSAGE_KINDS;
	assert_int_equal(message_encode(&msg, buf, sizeof(buf)), 0);
	assert_int_equal(message_encode(&msg, buf, 4), 0);
}

static void observations_come_back(void **state)
{
	struct observation list[] = { { 1, 2, 3, 4 }, { 0xffffffff, 5, 6, 7 } };
	struct message msg = sample(MESSAGE_OBSERVATION);
	uint8_t body[32];

	(void)state;
	assert_int_equal(observation_encode(list, 2, body, sizeof(body)), 20);
	assert_int_equal(observation_encode(list, 2, body, 19), 0);
	msg.observation.body = body;
	assert_int_equal(observation_get(&msg, 1).target, 0xffffffff);
	assert_int_equal(observation_get(&msg, 1).age_ms, 7);
	assert_int_equal(observation_get(&msg, 0).result, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_document_comes_back),
		cmocka_unit_test(every_prefix_of_a_document_is_refused),
		cmocka_unit_test(an_unknown_format_is_refused_with_a_sentence),
		cmocka_unit_test(a_hard_state_comes_back_whole_or_not_at_all),
		cmocka_unit_test(a_hard_state_of_an_older_program_is_read),
		cmocka_unit_test(a_hard_state_of_a_newer_program_is_refused),
		cmocka_unit_test(every_kind_comes_back),
		cmocka_unit_test(every_prefix_of_every_message_is_refused),
		cmocka_unit_test(fields_of_a_newer_program_are_passed_over),
		cmocka_unit_test(a_heartbeat_of_an_older_program_is_heard),
		cmocka_unit_test(a_resignation_of_an_older_program_is_heard),
		cmocka_unit_test(
			a_vote_of_an_older_program_says_nothing_of_leases),
		cmocka_unit_test(what_it_does_not_know_is_refused),
		cmocka_unit_test(observations_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
