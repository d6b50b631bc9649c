/* The link, over the loopback interface: who hears what, and what is counted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/io/datagram.h"
#include "controller/io/key.h"
#include "controller/io/link.h"

struct node {
	struct link *link;
	unsigned heard;
	uint8_t bytes[SEAL_PLAIN_MAX]; /* of the last one */
	size_t size;
	struct instant received;
};

struct world {
	struct loop *loop;
	struct resolver *resolver;
	struct secret *key;
	struct node a, b;
	struct datagram_out out;
	struct err err;
	unsigned wanted; /* datagrams heard by b until the loop stops */
	ev_timer patience;
};

static struct world w;

static void give_up(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(ev, EVBREAK_ALL);
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.key = secret_new(KEY_BYTES);
	ev_timer_init(&w.patience, give_up, 60., 0.);
	if (w.key == NULL || datagram_out_open(&w.out, &w.err) < 0 ||
	    loop_new(&w.loop, &w.err) < 0)
		return -1;
	return resolver_new(&w.resolver, w.loop, &w.err);
}

static int tear_down(void **state)
{
	(void)state;
	link_free(w.a.link);
	link_free(w.b.link);
	resolver_free(w.resolver);
	ev_timer_stop(loop_ev(w.loop), &w.patience);
	loop_free(w.loop);
	datagram_out_close(&w.out);
	secret_free(w.key);
	return 0;
}

static void on_datagram(void *arg, const uint8_t *bytes, size_t size,
			struct instant received)
{
	struct node *node = arg;

	node->heard++;
	node->size = size;
	node->received = received;
	memcpy(node->bytes, bytes, size);
	if (node == &w.b && node->heard == w.wanted)
		loop_stop(w.loop);
}

/* A port of @family's loopback that nobody uses. */
static uint16_t free_port(int family)
{
	struct address addr;
	socklen_t size = sizeof(addr);
	int fd;

	assert_true(address_parse(family == AF_INET6 ? "::1" : "127.0.0.1", 0,
				  &addr));
	fd = datagram_bind(&addr, &w.err);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &addr.any, &size), 0);
	close(fd);
	return ntohs(family == AF_INET6 ? addr.in6.sin6_port
					: addr.in.sin_port);
}

/* b listens at @own, and a knows it by @peer. */
static int join(const struct end_text *own, unsigned own_count,
		const struct end_text *peer, unsigned peer_count,
		struct link_guard *guard)
{
	struct link_peer b = { "b", peer, peer_count };
	struct link_settings of_b = { .cluster = "c",
				      .key = w.key,
				      .resolver = w.resolver,
				      .own = own,
				      .own_count = own_count };
	struct link_settings of_a = { .cluster = "c",
				      .key = w.key,
				      .resolver = w.resolver,
				      .guard = guard,
				      .peers = &b,
				      .peer_count = 1 };
	int r = link_new(&w.b.link, w.loop, &of_b, on_datagram, &w.b, &w.err);

	if (r < 0)
		return r;
	return link_new(&w.a.link, w.loop, &of_a, on_datagram, &w.a, &w.err);
}

static struct end_text join_v4(void)
{
	struct end_text at = { "127.0.0.1", free_port(AF_INET) };

	assert_int_equal(join(&at, 1, &at, 1, NULL), 0);
	return at;
}

/* Run until b has heard @wanted datagrams. */
static void hear(unsigned wanted)
{
	w.wanted = wanted;
	ev_timer_start(loop_ev(w.loop), &w.patience);
	loop_run(w.loop);
	assert_int_equal(w.b.heard, wanted);
}

static void a_datagram_arrives_with_its_instant(void **state)
{
	struct instant before = loop_clock();

	(void)state;
	join_v4();
	link_send(w.a.link, 0, "hello", 5);
	hear(1);
	assert_int_equal(w.b.size, 5);
	assert_memory_equal(w.b.bytes, "hello", 5);
	assert_true(instant_before(before, w.b.received));
	assert_true(instant_reached(loop_clock(), w.b.received));
	assert_int_equal(link_counts(w.a.link).sent, 1);
	assert_int_equal(link_counts(w.b.link).received[SEAL_FINE], 1);
	assert_string_equal(link_trouble(w.a.link), "");
}

static void the_longest_arrives_over_ipv4_and_ipv6(void **state)
{
	static uint8_t longest[SEAL_PLAIN_MAX];
	struct end_text both[2] = { { "127.0.0.1", free_port(AF_INET) },
				    { "::1", free_port(AF_INET6) } };

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(join(both, 2, both, 2, NULL), 0);
	link_send(w.a.link, 0, longest, sizeof(longest));
	hear(2);
	assert_int_equal(w.b.size, sizeof(longest));
	assert_memory_equal(w.b.bytes, longest, sizeof(longest));
	assert_int_equal(link_counts(w.a.link).sent, 2);
}

static void a_dead_address_does_not_matter(void **state)
{
	struct end_text at = { "127.0.0.1", free_port(AF_INET) };
	struct end_text known[] = { { "127.0.0.2", at.port },
				    { "255.255.255.255", at.port },
				    at };

	(void)state;
	assert_int_equal(join(&at, 1, known, 3, NULL), 0);
	for (int i = 0; i < 10; i++)
		link_send(w.a.link, 0, "hello", 5);
	hear(10);
	assert_int_equal(link_counts(w.a.link).sent, 20);
	assert_int_equal(link_counts(w.a.link).unreachable, 10);
}

static void a_name_is_resolved_on_both_sides(void **state)
{
	struct end_text at = { "localhost", free_port(AF_INET) };

	(void)state;
	assert_int_equal(join(&at, 1, &at, 1, NULL), 0);
	link_send(w.a.link, 0, "early", 5);
	assert_int_equal(link_counts(w.a.link).unreachable, 1);
	ev_timer_start(loop_ev(w.loop), &w.patience);
	while (w.b.heard == 0) {
		link_send(w.a.link, 0, "hello", 5);
		ev_run(loop_ev(w.loop), EVRUN_ONCE);
		assert_true(ev_is_active(&w.patience));
	}
	assert_string_equal(link_trouble(w.a.link), "");
	assert_string_equal(link_trouble(w.b.link), "");
}

static void a_name_that_is_none_is_told(void **state)
{
	struct end_text at = { "127.0.0.1", free_port(AF_INET) };
	struct end_text nowhere = { "nowhere.invalid", 1 };

	(void)state;
	assert_int_equal(join(&at, 1, &nowhere, 1, NULL), 0);
	assert_string_equal(link_trouble(w.a.link), "");
	ev_timer_start(loop_ev(w.loop), &w.patience);
	while (link_trouble(w.a.link)[0] == '\0') {
		ev_run(loop_ev(w.loop), EVRUN_ONCE);
		assert_true(ev_is_active(&w.patience));
	}
	assert_non_null(strstr(link_trouble(w.a.link), "nowhere.invalid: "));
}

static void an_address_may_be_named_twice(void **state)
{
	struct end_text at = { "127.0.0.1", free_port(AF_INET) };
	struct end_text own[] = { at, { "localhost", at.port }, at };

	(void)state;
	assert_int_equal(join(own, 3, &at, 1, NULL), 0);
	ev_timer_start(loop_ev(w.loop), &w.patience);
	while (w.b.heard < 3) {
		link_send(w.a.link, 0, "hello", 5);
		ev_run(loop_ev(w.loop), EVRUN_ONCE);
		assert_true(ev_is_active(&w.patience));
	}
	assert_string_equal(link_trouble(w.b.link), "");
}

static void an_address_in_use_is_an_error(void **state)
{
	struct end_text at = join_v4();
	struct link_settings set = { .cluster = "c",
				     .key = w.key,
				     .resolver = w.resolver,
				     .own = &at,
				     .own_count = 1 };
	struct link *link;

	(void)state;
	assert_int_equal(
		link_new(&link, w.loop, &set, on_datagram, &w.a, &w.err),
		-EADDRINUSE);
	assert_non_null(strstr(w.err.text, "127.0.0.1, UDP port"));
}

static void throw_at(const struct end_text *at, const void *bytes, size_t size)
{
	struct address to;

	assert_true(address_parse(at->host, at->port, &to));
	assert_int_equal(datagram_send(&w.out, &to, bytes, size), 0);
}

static void what_is_not_ours_is_counted_by_kind(void **state)
{
	struct end_text at = join_v4();
	static uint8_t sealed[SEAL_BYTES_MAX], big[SEAL_BYTES_MAX + 1];
	struct link_counts counts;
	struct seal seal;
	size_t size;

	(void)state;
	assert_int_equal(seal_init(&seal, "c", w.key, &w.err), 0);
	size = seal_close(&seal, "hello", 5, sealed);
	throw_at(&at, "", 0);
	throw_at(&at, "GET / HTTP/1.1\r\n\r\n", 18);
	throw_at(&at, sealed, size - 1);
	memcpy(big, sealed, size);
	throw_at(&at, big, sizeof(big));
	sealed[size - 1] ^= 1;
	throw_at(&at, sealed, size);
	sealed[size - 1] ^= 1;
	sealed[3]++;
	throw_at(&at, sealed, size);
	sealed[3]--;
	sealed[4]++;
	throw_at(&at, sealed, size);
	sealed[4]--;
	throw_at(&at, sealed, size);
	throw_at(&at, sealed, size);
	hear(2);
	counts = link_counts(w.b.link);
	assert_int_equal(counts.received[SEAL_MALFORMED], 2);
	assert_int_equal(counts.received[SEAL_TRUNCATED], 1);
	assert_int_equal(counts.received[SEAL_OVERSIZED], 1);
	assert_int_equal(counts.received[SEAL_UNAUTHENTIC], 1);
	assert_int_equal(counts.received[SEAL_OTHER], 1);
	assert_int_equal(counts.received[SEAL_FOREIGN], 1);
	assert_int_equal(counts.received[SEAL_FINE], 2);
}

static void a_wake_up_takes_a_bounded_number(void **state)
{
	(void)state;
	join_v4();
	for (int i = 0; i < 3 * LINK_ROUND; i++)
		link_send(w.a.link, 0, "hello", 5);
	ev_run(loop_ev(w.loop), EVRUN_ONCE);
	assert_int_equal(w.b.heard, LINK_ROUND);
	hear(3 * LINK_ROUND);
}

static void what_nobody_reads_is_counted(void **state)
{
	static uint8_t longest[SEAL_PLAIN_MAX];
	unsigned kept;

	(void)state;
	join_v4();
	for (int i = 0; i < 4000; i++)
		link_send(w.a.link, 0, longest, sizeof(longest));
	kept = 4000 - (unsigned)link_counts(w.b.link).overrun;
	assert_true(kept < 4000);
	hear(kept);
}

static void the_guard_speaks_after_a_fork(void **state)
{
	struct end_text at = { "127.0.0.1", free_port(AF_INET) };
	struct end_text named = { "localhost", at.port };
	struct link_guard *guard;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(link_guard_prepare(&guard, "c", w.key, &w.err), 0);
	assert_int_equal(link_guard_send(guard, "nobody", 6), 0);
	pid = fork();
	if (pid == 0) {
		/* What the daemon learns later, the guard learns too. */
		while (link_guard_send(guard, "resign", 6) == 0)
			;
		_exit(0);
	}
	assert_int_equal(join(&at, 1, &named, 1, guard), 0);
	hear(1);
	assert_memory_equal(w.b.bytes, "resign", 6);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	link_guard_free(guard);
}

static void the_guard_keeps_to_its_room(void **state)
{
	static uint8_t longest[SEAL_PLAIN_MAX + 1];
	struct address list[LINK_GUARD_ADDRESSES_MAX + 1];
	struct link_guard *guard;
	uint16_t port = free_port(AF_INET);

	(void)state;
	for (unsigned i = 0; i <= LINK_GUARD_ADDRESSES_MAX; i++)
		assert_true(address_parse("127.0.0.1", port, &list[i]));
	assert_int_equal(link_guard_prepare(&guard, "c", w.key, &w.err), 0);
	link_guard_tell(guard, list, LINK_GUARD_ADDRESSES_MAX + 1);
	assert_int_equal(link_guard_send(guard, "x", 1),
			 LINK_GUARD_ADDRESSES_MAX);
	assert_int_equal(link_guard_send(guard, longest, sizeof(longest)), 0);
	link_guard_tell(guard, NULL, 0);
	assert_int_equal(link_guard_send(guard, "x", 1), 0);
	link_guard_free(guard);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_arrives_with_its_instant),
		TEST(the_longest_arrives_over_ipv4_and_ipv6),
		TEST(a_dead_address_does_not_matter),
		TEST(a_name_is_resolved_on_both_sides),
		TEST(a_name_that_is_none_is_told),
		TEST(an_address_may_be_named_twice),
		TEST(an_address_in_use_is_an_error),
		TEST(what_is_not_ours_is_counted_by_kind),
		TEST(a_wake_up_takes_a_bounded_number),
		TEST(what_nobody_reads_is_counted),
		TEST(the_guard_speaks_after_a_fork),
		TEST(the_guard_keeps_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
