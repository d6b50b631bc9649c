/* An enemy of the nodes of a cluster.
 *
 *	enemy tour KEY OTHER_KEY CLUSTER RATE PORT ADDRESS...
 *	enemy flood KEY OTHER_KEY CLUSTER RATE PORT SECONDS ADDRESS...
 *
 * tour sends to each address, of a message of each kind: every prefix and
 * every flipped bit, sealed with the right KEY by a node that is not one of
 * the cluster's; every prefix and every flipped bit of what was sealed; the
 * same message under OTHER_KEY and for another cluster; and datagrams of any
 * length up to the longest there is.  flood sends at random what takes no key
 * to make, to the addresses in turn, RATE a second in all, or as many as go.
 * Prints how many were sent and in which time as a line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/core/message.h"
#include "controller/core/rng.h"
#include "controller/io/address.h"
#include "controller/io/key.h"
#include "controller/io/loop.h"
#include "controller/io/seal.h"

#define TARGETS_MAX   8
#define BATCH         64
#define LONGEST       65507 /* that UDP carries */
#define LENGTHS_TIMES 3
#define PIECES        4096
#define PIECE_MAX     1400

struct enemy {
	int socks[TARGETS_MAX]; /* connected */
	unsigned target_count;
	struct seal right, other_key, other_cluster;
	int64_t rate, sent, spent;
	struct instant start;
};

static struct rng rng;

static struct secret *key_at(const char *path)
{
	struct secret *key;
	struct err err;

	if (key_read(path, &key, &err) < 0) {
		fprintf(stderr, "enemy: %s\n", err.text);
		exit(2);
	}
	return key;
}

static int connect_to(const char *host, uint16_t port)
{
	struct address addr;
	int fd;

	if (!address_parse(host, port, &addr))
		exit(2);
	fd = socket(addr.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &addr.any, address_size(&addr)) < 0) {
		perror("enemy");
		exit(2);
	}
	return fd;
}

/* No faster than the rate. */
static void pace(struct enemy *en, int64_t count)
{
	en->spent += count;
	while (en->spent * SECOND / en->rate >
	       instant_diff_us(en->start, loop_clock()))
		usleep(200);
}

static void throw_at(struct enemy *en, int fd, const void *bytes, size_t size)
{
	pace(en, 1);
	en->sent += send(fd, bytes, size, 0) >= 0;
}

/* ---- the tour ---- */

static void prefixes(struct enemy *en, int fd, const uint8_t *bytes,
		     size_t size, const struct seal *seal)
{
	static uint8_t sealed[SEAL_BYTES_MAX];
	size_t cut;

	for (cut = 0; cut < size; cut++) {
		if (seal != NULL)
			throw_at(en, fd, sealed,
				 seal_close(seal, bytes, cut, sealed));
		else
			throw_at(en, fd, bytes, cut);
	}
}

static void flips(struct enemy *en, int fd, uint8_t *bytes, size_t size,
		  const struct seal *seal)
{
	static uint8_t sealed[SEAL_BYTES_MAX];
	size_t bit;

	for (bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (seal != NULL)
			throw_at(en, fd, sealed,
				 seal_close(seal, bytes, size, sealed));
		else
			throw_at(en, fd, bytes, size);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static size_t make_message(enum message_kind kind, uint8_t *buf, size_t size)
{
	static const struct observation seen = { .target = 7, .state = 3 };
	static uint8_t body[512];
	struct document doc = { .position = { 9, 9 }, .group_count = 0 };
	struct message msg = { .kind = kind,
			       .flags = MESSAGE_LEADER | MESSAGE_PRIMARY,
			       .from = message_id("nobody"),
			       .digest = 1,
			       .boot = 1,
			       .sequence = 1,
			       .term = UINT64_MAX };

	if (kind == MESSAGE_DOCUMENT) {
		msg.document.body = body;
		msg.document.size = document_encode(&doc, body, sizeof(body));
	} else if (kind == MESSAGE_OBSERVATION) {
		observation_encode(&seen, 1, body, sizeof(body));
		msg.observation.body = body;
		msg.observation.count = 1;
	} else if (kind == MESSAGE_INCIDENTS) {
		msg.incidents.body = body;
		msg.incidents.size = 100;
	}
	return message_encode(&msg, buf, size);
}

static void tour_of_kind(struct enemy *en, int fd, enum message_kind kind)
{
	static uint8_t plain[SEAL_PLAIN_MAX], sealed[SEAL_BYTES_MAX];
	size_t size = make_message(kind, plain, sizeof(plain)), whole;

	prefixes(en, fd, plain, size, &en->right);
	flips(en, fd, plain, size, &en->right);
	whole = seal_close(&en->right, plain, size, sealed);
	prefixes(en, fd, sealed, whole, NULL);
	flips(en, fd, sealed, whole, NULL);
	whole = seal_close(&en->other_key, plain, size, sealed);
	throw_at(en, fd, sealed, whole);
	whole = seal_close(&en->other_cluster, plain, size, sealed);
	throw_at(en, fd, sealed, whole);
}

/* Under a head like ours, followed by zeros. */
static void lengths(struct enemy *en, int fd)
{
	static uint8_t plain[SEAL_PLAIN_MAX], sealed[LONGEST];
	size_t size = make_message(MESSAGE_HEARTBEAT, plain, sizeof(plain));

	seal_close(&en->other_key, plain, size, sealed);
	for (size = 0; size <= LONGEST; size += 97)
		throw_at(en, fd, sealed, size);
	throw_at(en, fd, sealed, LONGEST);
}

static void tour(struct enemy *en, int fd)
{
	unsigned kind, times;

	for (kind = 1; kind < MESSAGE_KINDS; kind++)
		tour_of_kind(en, fd, (enum message_kind)kind);
	/* A busy machine has room for few of the long ones at a time. */
	for (times = 0; times < LENGTHS_TIMES; times++) {
		usleep(100 * MS);
		lengths(en, fd);
	}
}

/* ---- the flood ---- */

static struct piece {
	size_t size;
	uint8_t bytes[PIECE_MAX];
} pieces[PIECES];

/* Noise; noise under a head like ours; another key; another cluster; a piece
 * of the latter; with a bit flipped. */
static void make_piece(const struct enemy *en, struct piece *piece, unsigned of)
{
	static uint8_t plain[SEAL_PLAIN_MAX], sealed[SEAL_BYTES_MAX];
	unsigned kind = 1 + (unsigned)rng_below(&rng, MESSAGE_KINDS - 1);
	size_t size = make_message((enum message_kind)kind, plain, PIECE_MAX);
	size_t i;

	if (of == 0) {
		piece->size = rng_below(&rng, PIECE_MAX);
		for (i = 0; i < piece->size; i++)
			piece->bytes[i] = (uint8_t)rng_next(&rng);
		return;
	}
	size = seal_close(of == 1 ? &en->other_cluster : &en->other_key, plain,
			  size, sealed);
	if (of == 2)
		size = rng_below(&rng, size);
	if (of == 3)
		sealed[rng_below(&rng, size)] ^= 1;
	piece->size = size < PIECE_MAX ? size : PIECE_MAX;
	memcpy(piece->bytes, sealed, piece->size);
}

static void flood(struct enemy *en, double seconds)
{
	int64_t span_us = (int64_t)(seconds * (double)SECOND);
	struct mmsghdr list[BATCH] = { 0 };
	struct iovec iov[BATCH];
	unsigned i, next = 0, turn = 0;
	int n;

	for (i = 0; i < PIECES; i++)
		make_piece(en, &pieces[i], i % 5);
	en->start = loop_clock();
	for (; instant_diff_us(en->start, loop_clock()) < span_us; turn++) {
		for (i = 0; i < BATCH; i++, next = (next + 1) % PIECES) {
			iov[i] = (struct iovec){ pieces[next].bytes,
						 pieces[next].size };
			list[i].msg_hdr.msg_iov = &iov[i];
			list[i].msg_hdr.msg_iovlen = 1;
		}
		pace(en, BATCH);
		n = sendmmsg(en->socks[turn % en->target_count], list, BATCH,
			     0);
		en->sent += n > 0 ? n : 0;
	}
}

int main(int argc, char **argv)
{
	struct enemy en = { .start = loop_clock() };
	bool floods = argc > 1 && strcmp(argv[1], "flood") == 0;
	int at = floods ? 8 : 7;
	struct secret *key, *other;
	unsigned i;

	if (argc <= at || argc - at > TARGETS_MAX)
		return 2;
	key = key_at(argv[2]);
	other = key_at(argv[3]);
	if (seal_init(&en.right, argv[4], key, NULL) < 0 ||
	    seal_init(&en.other_key, argv[4], other, NULL) < 0 ||
	    seal_init(&en.other_cluster, "elsewhere", key, NULL) < 0)
		return 2;
	rng_init(&rng, 1);
	en.rate = atoll(argv[5]);
	for (; at < argc; at++)
		en.socks[en.target_count++] =
			connect_to(argv[at], (uint16_t)atoi(argv[6]));
	if (floods)
		flood(&en, atof(argv[7]));
	else
		for (i = 0; i < en.target_count; i++)
			tour(&en, en.socks[i]);
	printf("{\"sent\": %lld, \"seconds\": %.3f}\n", (long long)en.sent,
	       (double)instant_diff_us(en.start, loop_clock()) / SECOND);
	secret_free(key);
	secret_free(other);
	return 0;
}
