/* The virtual address: how it is written, what is sent about it, what is
 * wanted and mended. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/vip.h"
#include "tests/unit/edge.h"
#include "vip/fifo.h"
#include "vip/frame.h"
#include "vip/wish.h"

static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x0a };
static const uint8_t other[] = { 2, 0, 0, 0, 0, 0x0b };

static struct vip_address address(const char *text)
{
	struct vip_address parsed;
	struct err err = { 0 };

	assert_int_equal(vip_parse(text, &parsed, &err), 0);
	return parsed;
}

static void reads_what_it_writes(void **state)
{
	struct vip_address a = address("192.168.1.100/24");
	char text[VIP_TEXT_MAX];

	(void)state;
	assert_false(a.ipv6);
	assert_int_equal(a.prefix, 24);
	assert_string_equal(vip_text(&a, text), "192.168.1.100");
	a = address("fd00::100/64");
	assert_true(a.ipv6);
	assert_int_equal(a.prefix, 64);
	assert_string_equal(vip_text(&a, text), "fd00::100");
}

static void a_lone_address_is_all_of_its_bits(void **state)
{
	(void)state;
	assert_int_equal(address("10.0.0.1").prefix, 32);
	assert_int_equal(address("fd00::1").prefix, 128);
}

static void refuses_what_no_host_can_have(void **state)
{
	static const char *const wrong[] = {
		"",
		"/24",
		"10.0.0",
		"10.0.0.1/0",
		"10.0.0.1/33",
		"10.0.0.1/",
		"10.0.0.1/2x",
		"10.0.0.1/-1",
		"fd00::1/129",
		"localhost",
		"127.0.0.1/8",
		"224.0.0.1/24",
		"0.0.0.0/24",
		"255.255.255.255",
		"::1/128",
		"::/64",
		"ff02::1/64",
		"10.0.0.1 ",
	};
	struct vip_address parsed;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(vip_parse(wrong[i], &parsed, &err), -EINVAL);
		assert_true(err.text[0] != '\0');
	}
}

static void the_same_address_may_have_two_prefixes(void **state)
{
	struct vip_address a = address("10.0.0.1/24"), b = address("10.0.0.1");
	struct vip_address c = address("10.0.0.2/24"), d = address("a00:1::1");

	(void)state;
	assert_true(vip_same(&a, &b));
	assert_false(vip_same(&a, &c));
	assert_false(vip_same(&a, &d));
}

/* RFC 5227: an announcement is a request of the address for itself. */
static void ipv4_is_announced_by_a_request_for_itself(void **state)
{
	static const uint8_t wanted[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0,
		0x0a, 8,    6,    0,    1,    8,    0,  6, 4, 0, 1,
		2,    0,    0,    0,    0,    0x0a, 10, 0, 0, 9, 0,
		0,    0,    0,    0,    0,    10,   0,  0, 9
	};
	struct vip_address a = address("10.0.0.9/24");
	uint8_t frame[FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(frame_build(FRAME_ANNOUNCE, &a, mac, frame),
			 sizeof(wanted));
	assert_memory_equal(frame, wanted, sizeof(wanted));
}

/* A probe must not change what others believe. */
static void ipv4_is_asked_for_without_a_sender(void **state)
{
	struct vip_address a = address("10.0.0.9/24");
	uint8_t frame[FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(frame_build(FRAME_ASK, &a, mac, frame), 42);
	assert_memory_equal(frame + 28, "\0\0\0\0", 4);
	assert_memory_equal(frame + 38, a.bytes, 4);
}

/* Whoever receives it adds all of it up, the sum included. */
static unsigned checked(const uint8_t *ip, size_t size)
{
	uint32_t sum = (uint32_t)size + 58;
	size_t i;

	for (i = 8; i < 40 + size; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void ipv6_is_announced_to_all_and_overrides(void **state)
{
	struct vip_address a = address("fd00::1:203/64");
	uint8_t frame[FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(frame_build(FRAME_ANNOUNCE, &a, mac, frame), 86);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1", 6);
	assert_memory_equal(frame + 12, "\x86\xdd\x60\0\0\0\0\x20\x3a\xff", 10);
	assert_memory_equal(frame + 22, a.bytes, 16);
	assert_memory_equal(frame + 54, "\x88\0", 2);
	assert_memory_equal(frame + 58, "\x20\0\0\0", 4);
	assert_memory_equal(frame + 62, a.bytes, 16);
	assert_memory_equal(frame + 78, "\2\1\2\0\0\0\0\x0a", 8);
	assert_int_equal(checked(frame + 14, 32), 0xffff);
}

static void ipv6_is_asked_for_at_those_who_could_have_it(void **state)
{
	struct vip_address a = address("fd00::1:203/64");
	uint8_t frame[FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(frame_build(FRAME_ASK, &a, mac, frame), 78);
	assert_memory_equal(frame, "\x33\x33\xff\1\2\3", 6);
	assert_memory_equal(frame + 22, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(frame + 38, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\1\2\3",
			    16);
	assert_int_equal(frame[54], 0x87);
	assert_int_equal(checked(frame + 14, 24), 0xffff);
}

static void a_claim_is_somebody_elses(const char *text)
{
	struct vip_address a = address(text), not_it = a;
	uint8_t frame[FRAME_BYTES_MAX], who[FRAME_MAC_BYTES];
	size_t size = frame_build(FRAME_ANNOUNCE, &a, other, frame);

	not_it.bytes[3] ^= 1;
	assert_true(frame_claims(frame, size, &a, mac, who));
	assert_memory_equal(who, other, sizeof(other));
	assert_false(frame_claims(frame, size, &a, other, who));
	assert_false(frame_claims(frame, size, &not_it, mac, who));
	size = frame_build(FRAME_ASK, &a, other, frame);
	assert_false(frame_claims(frame, size, &a, mac, who));
}

static void a_claim_is_what_another_machine_says_of_one_of_ours(void **state)
{
	(void)state;
	a_claim_is_somebody_elses("10.0.0.9/24");
	a_claim_is_somebody_elses("fd00::9/64");
}

static void no_prefix_of_a_frame_is_read_beyond_its_end(void **state)
{
	static const char *const texts[] = { "10.0.0.9", "fd00::9" };
	uint8_t frame[FRAME_BYTES_MAX], who[FRAME_MAC_BYTES];
	size_t i, cut, size;
	struct edge edge;

	(void)state;
	assert_int_equal(edge_open(&edge, sizeof(frame)), 0);
	for (i = 0; i < 2; i++) {
		struct vip_address a = address(texts[i]);

		size = frame_build(FRAME_ANNOUNCE, &a, other, frame);
		for (cut = 0; cut <= size; cut++) {
			const void *bytes =
				edge_put(&edge, (const char *)frame, cut);

			frame_claims(bytes, cut, &a, mac, who);
		}
	}
	edge_close(&edge);
}

static const struct instant now = { 1000 * SECOND };

static struct vip_wish wish(int64_t left_us)
{
	struct vip_wish w;

	vip_wish_take(&w, instant_add(now, left_us), INSTANT_NONE);
	return w;
}

/* The kernel looks up to 0.4 s late, and counts whole seconds. */
static void the_kernels_lifetime_ends_with_the_lease(void **state)
{
	static const struct {
		int64_t left_us;
		uint32_t lifetime_s;
	} rows[] = {
		{ -1, 0 },          { 0, 0 },
		{ 1, 1 },           { 500 * MS, 1 },
		{ 2 * SECOND, 1 },  { 2400 * MS, 2 },
		{ 10 * SECOND, 9 }, { 400 * DAY, 86399 },
	};
	struct vip_wish w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = wish(rows[i].left_us);
		assert_int_equal(vip_wish_lifetime_s(&w, now),
				 rows[i].lifetime_s);
	}
	w.wanted = false;
	assert_int_equal(vip_wish_lifetime_s(&w, now), 0);
	vip_wish_take(&w, INSTANT_NONE, INSTANT_NONE);
	assert_int_equal(vip_wish_lifetime_s(&w, now), 0);
}

static void it_is_renewed_when_a_quarter_of_it_is_over(void **state)
{
	struct vip_wish w = wish(5 * SECOND);

	(void)state;
	assert_true(vip_wish_renewable(&w, now));
	vip_wish_renewed(&w, now, 1);
	assert_false(vip_wish_renewable(&w, instant_add(now, 249 * MS)));
	assert_true(vip_wish_renewable(&w, instant_add(now, 250 * MS)));
	assert_false(vip_wish_renewable(&w, instant_add(now, 5 * SECOND)));
	vip_wish_take(&w, w.until, INSTANT_NONE);
	assert_true(vip_wish_renewable(&w, now));
}

static void what_is_shown_and_what_is_wanted_are_made_one(void **state)
{
	struct vip_wish w = wish(SECOND);
	struct instant late = instant_add(now, SECOND);

	(void)state;
	assert_int_equal(vip_wish_judge(&w, true, now), VIP_AGREES);
	assert_int_equal(vip_wish_judge(&w, false, now), VIP_MEND_ADD);
	assert_int_equal(vip_wish_judge(&w, false, late), VIP_AGREES);
	w.wanted = false;
	assert_int_equal(vip_wish_judge(&w, true, now), VIP_MEND_REMOVE);
	assert_int_equal(vip_wish_judge(&w, false, now), VIP_AGREES);
}

/* keepalived first listens for others. */
static void whoever_else_is_to_add_it_is_given_time(void **state)
{
	struct instant grace = instant_add(now, SECOND);
	struct vip_wish w;

	(void)state;
	vip_wish_take(&w, instant_add(now, MINUTE), grace);
	assert_int_equal(vip_wish_judge(&w, false, now), VIP_AGREES);
	assert_false(vip_wish_renewable(&w, now));
	assert_false(vip_wish_overdue(&w, now));
	assert_true(vip_wish_overdue(&w, grace));
	assert_int_equal(vip_wish_judge(&w, false, grace), VIP_MEND_ADD);
	vip_wish_fulfilled(&w);
	assert_false(vip_wish_overdue(&w, grace));
	assert_true(vip_wish_renewable(&w, now));
	assert_int_equal(vip_wish_judge(&w, false, now), VIP_MEND_ADD);
}

static void keepaliveds_lines_are_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"INSTANCE",
		"INSTANCE \"\" MASTER 150",
		"INSTANCE \"VI_1",
		"INSTANCE \"VI_1\"",
		"INSTANCE \"VI_1\" ",
		"INSTANCE \"VI_1\"MASTER",
		"SOMETHING \"VI_1\" MASTER 150",
		"INSTANCE \"VI\001\" MASTER 150",
		"INSTANCE \"0123456789012345678901234567890123456789\" FAULT",
	};
	static const char right[] = "INSTANCE \"VI 1\" MASTER 150";
	struct fifo_line line;
	size_t i;

	(void)state;
	assert_true(fifo_parse(right, strlen(right), &line));
	assert_string_equal(line.name, "VI 1");
	assert_string_equal(line.state, "MASTER");
	assert_true(fifo_parse("GROUP \"G\" STOP", 14, &line));
	assert_string_equal(line.state, "STOP");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(fifo_parse(wrong[i], strlen(wrong[i]), &line));
}

static void it_is_announced_soon_again_and_then_rests(void **state)
{
	unsigned i;

	(void)state;
	assert_true(vip_announce_gap_us(0) <= 100 * MS);
	for (i = 1; vip_announce_gap_us(i) != 0; i++)
		assert_true(vip_announce_gap_us(i) >
			    vip_announce_gap_us(i - 1));
	assert_in_range(i, 3, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(a_lone_address_is_all_of_its_bits),
		cmocka_unit_test(refuses_what_no_host_can_have),
		cmocka_unit_test(the_same_address_may_have_two_prefixes),
		cmocka_unit_test(ipv4_is_announced_by_a_request_for_itself),
		cmocka_unit_test(ipv4_is_asked_for_without_a_sender),
		cmocka_unit_test(ipv6_is_announced_to_all_and_overrides),
		cmocka_unit_test(ipv6_is_asked_for_at_those_who_could_have_it),
		cmocka_unit_test(
			a_claim_is_what_another_machine_says_of_one_of_ours),
		cmocka_unit_test(no_prefix_of_a_frame_is_read_beyond_its_end),
		cmocka_unit_test(the_kernels_lifetime_ends_with_the_lease),
		cmocka_unit_test(it_is_renewed_when_a_quarter_of_it_is_over),
		cmocka_unit_test(what_is_shown_and_what_is_wanted_are_made_one),
		cmocka_unit_test(whoever_else_is_to_add_it_is_given_time),
		cmocka_unit_test(keepaliveds_lines_are_read),
		cmocka_unit_test(it_is_announced_soon_again_and_then_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
