/* Two ends of a link for tests, and an enemy.
 *
 *	link_drive KEY CLUSTER PERIOD_MS SIZE OWN... -- PEER...
 *
 * listens at OWN, sends a heartbeat of SIZE bytes to PEER each period and, in
 * the end, prints what became of both as one line of JSON.  Addresses are
 * HOST,PORT.
 *
 *	link_drive flood KEY CLUSTER RATE SIZE TO
 *
 * throws RATE datagrams a second at TO, sealed with that key and for that
 * cluster, all the same one; "-" for CLUSTER: zeros.  Prints how many.
 *
 * Both print "ready", begin when a line comes on standard input, and end with
 * that input.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/io/datagram.h"
#include "controller/io/key.h"
#include "controller/io/link.h"

#define ENDS_MAX 16

struct heartbeat {
	uint64_t number;
	int64_t sent_us; /* both ends are on one machine */
};

static struct loop *loop;
static struct link *wire;
static int64_t period_us;
static struct instant due;
static struct heartbeat mine;
static uint8_t bytes[SEAL_BYTES_MAX];
static size_t bytes_size;
static uint64_t heard, distinct, last;
static int64_t delay_us_max, gap_us_max, late_us_max;
static struct instant last_at;

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void on_datagram(void *arg, const uint8_t *got, size_t size,
			struct instant received)
{
	struct heartbeat theirs;

	(void)arg;
	if (size < sizeof(theirs))
		return;
	memcpy(&theirs, got, sizeof(theirs));
	heard++;
	if (theirs.number <= last)
		return;
	if (last != 0)
		gap_us_max =
			longer(gap_us_max, instant_diff_us(last_at, received));
	delay_us_max = longer(delay_us_max, received.us - theirs.sent_us);
	last = theirs.number;
	last_at = received;
	distinct++;
}

static void beat(void *arg)
{
	(void)arg;
	late_us_max = longer(late_us_max, instant_diff_us(due, loop_clock()));
	mine.number++;
	mine.sent_us = loop_clock().us;
	memcpy(bytes, &mine, sizeof(mine));
	link_send(wire, 0, bytes, bytes_size);
	due = instant_add(due, period_us);
	loop_arm(loop, due);
}

static bool has_ended(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char rest[16];

	return poll(&in, 1, 0) > 0 &&
	       read(STDIN_FILENO, rest, sizeof(rest)) <= 0;
}

static void on_input(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
	if (has_ended())
		loop_stop(loop);
}

static void report(void)
{
	struct link_counts counts = link_counts(wire);

	printf("{\"sent\": %llu, \"heard\": %llu, \"distinct\": %llu, "
	       "\"delay_us_max\": %lld, \"gap_us_max\": %lld, "
	       "\"late_us_max\": %lld",
	       (unsigned long long)mine.number, (unsigned long long)heard,
	       (unsigned long long)distinct, (long long)delay_us_max,
	       (long long)gap_us_max, (long long)late_us_max);
	for (unsigned v = 0; v < SEAL_VERDICTS; v++)
		printf(", \"%s\": %llu", seal_verdict_name(v),
		       (unsigned long long)counts.received[v]);
	printf(", \"overrun\": %llu, \"taken\": %llu, \"congested\": %llu, "
	       "\"unreachable\": %llu}\n",
	       (unsigned long long)counts.overrun,
	       (unsigned long long)counts.sent,
	       (unsigned long long)counts.congested,
	       (unsigned long long)counts.unreachable);
}

static void await_start(void)
{
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		exit(2);
}

/* Cuts @text at its comma. */
static struct end_text end_of(char *text)
{
	char *comma = strrchr(text, ',');

	if (comma == NULL)
		exit(2);
	*comma = '\0';
	return (struct end_text){ text, (uint16_t)atoi(comma + 1) };
}

static struct secret *key_at(const char *path)
{
	struct secret *key;
	struct err err;

	if (key_read(path, &key, &err) < 0) {
		fprintf(stderr, "link_drive: %s\n", err.text);
		exit(2);
	}
	return key;
}

/* argv: KEY CLUSTER PERIOD_MS SIZE OWN... -- PEER... */
static int talk(char **argv)
{
	struct end_text own[ENDS_MAX], theirs[ENDS_MAX];
	struct link_peer peer = { "peer", theirs, 0 };
	struct link_settings set = { .cluster = argv[1],
				     .key = key_at(argv[0]),
				     .own = own,
				     .peers = &peer,
				     .peer_count = 1 };
	struct err err = { 0 };
	char **at = argv + 4;
	ev_io input;

	period_us = atoi(argv[2]) * MS;
	bytes_size = (size_t)atoi(argv[3]);
	for (; *at != NULL && strcmp(*at, "--") != 0; at++)
		own[set.own_count++] = end_of(*at);
	for (at += *at != NULL; *at != NULL; at++)
		theirs[peer.address_count++] = end_of(*at);
	if (loop_new(&loop, &err) < 0 ||
	    resolver_new(&set.resolver, loop, &err) < 0 ||
	    link_new(&wire, loop, &set, on_datagram, NULL, &err) < 0) {
		fprintf(stderr, "link_drive: %s\n", err.text);
		return 1;
	}
	await_start();
	due = loop_clock();
	loop_on_deadline(loop, beat, NULL);
	loop_arm(loop, due);
	ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
	ev_io_start(loop_ev(loop), &input);
	loop_run(loop);
	report();
	return 0;
}

/* Throw a millisecond's worth at a time. */
static int64_t throw(const struct datagram_out *out, const struct address *to,
		     int64_t rate, size_t size)
{
	struct instant start = loop_clock();
	int64_t thrown = 0, span;

	while (!has_ended()) {
		span = instant_diff_us(start, loop_clock());
		for (; thrown < rate * span / SECOND; thrown++)
			datagram_send(out, to, bytes, size);
		usleep(MS);
	}
	return thrown;
}

/* argv: KEY CLUSTER RATE SIZE TO */
static int flood(char **argv)
{
	static uint8_t plain[SEAL_PLAIN_MAX];
	struct end_text text = end_of(argv[4]);
	size_t size = (size_t)atoi(argv[3]);
	struct datagram_out out;
	struct address to;
	struct seal seal;

	if (!address_parse(text.host, text.port, &to) ||
	    datagram_out_open(&out, NULL) < 0 ||
	    seal_init(&seal, argv[1], key_at(argv[0]), NULL) < 0)
		return 2;
	_Static_assert(sizeof(bytes) >= SEAL_BYTES_MAX, "room to seal");
	if (strcmp(argv[1], "-") != 0)
		size = seal_close(&seal, plain, size, bytes);
	await_start();
	printf("{\"thrown\": %lld}\n",
	       (long long) throw(&out, &to, atoi(argv[2]), size));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "flood") == 0)
		return flood(argv + 2);
	return argc > 5 ? talk(argv + 1) : 2;
}
