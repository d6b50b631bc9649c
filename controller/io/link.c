#include "controller/io/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/io/datagram.h"
#include "controller/io/ends.h"

#define GUARDED_MAX LINK_GUARD_ADDRESSES_MAX
#define BATCH       16 /* received by one call */

_Static_assert(LINK_ROUND % BATCH == 0, "a round is whole batches");

struct ear {
	struct link *link; /* borrowed */
	struct ear *next;
	const struct end *end; /* whose address it is */
	struct address address;
	ev_io io;
};

struct link {
	struct loop *loop; /* borrowed */
	link_fn fn;
	void *arg;
	struct link_guard *guard; /* borrowed, or NULL */
	struct seal seal;
	struct datagram_out out;
	struct ends own, *peers; /* owned */
	unsigned peer_count;
	struct ear *ears; /* owned */
	struct link_counts counts;
	struct err deaf; /* why an ear could not be opened last */
	char trouble[ERR_TEXT_MAX];
	uint8_t sealed[SEAL_BYTES_MAX], plain[SEAL_PLAIN_MAX];
	struct mmsghdr batch[BATCH];
	struct iovec places[BATCH];
	uint8_t heard[BATCH][SEAL_BYTES_MAX];
};

/* ---- receiving ---- */

static void take(struct link *link, const uint8_t *sealed, size_t size)
{
	size_t plain = 0;
	enum seal_verdict verdict =
		seal_open(&link->seal, sealed, size, link->plain, &plain);

	link->counts.received[verdict]++;
	if (verdict == SEAL_FINE)
		link->fn(link->arg, link->plain, plain, loop_clock());
}

static void prepare_batch(struct link *link)
{
	for (unsigned i = 0; i < BATCH; i++) {
		link->places[i] = (struct iovec){ link->heard[i],
						  sizeof(link->heard[i]) };
		link->batch[i].msg_hdr.msg_iov = &link->places[i];
		link->batch[i].msg_hdr.msg_iovlen = 1;
	}
}

/* A flood costs most in calls of the kernel: several are received by each. */
static void on_readable(struct ev_loop *ev, ev_io *w, int events)
{
	struct ear *ear = w->data;
	struct link *link = ear->link;
	int n;

	(void)ev;
	(void)events;
	for (int round = 0; round < LINK_ROUND / BATCH; round++) {
		/* Lengths are those on the way, also when longer. */
		n = recvmmsg(w->fd, link->batch, BATCH,
			     MSG_DONTWAIT | MSG_TRUNC, NULL);
		if (n < 0 && errno != EINTR)
			break;
		for (int i = 0; i < n; i++)
			take(link, link->heard[i], link->batch[i].msg_len);
		if (n >= 0 && n < BATCH)
			break;
	}
}

/* ---- ears ---- */

static void ear_close(struct ear *ear)
{
	struct link *link = ear->link;

	link->counts.overrun += datagram_overrun(ear->io.fd);
	ev_io_stop(loop_ev(link->loop), &ear->io);
	close(ear->io.fd);
	free(ear);
}

static int ear_open(struct link *link, const struct end *end,
		    const struct address *addr, struct err *err)
{
	struct ear *ear = calloc(1, sizeof(*ear));
	int fd;

	if (ear == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	fd = datagram_bind(addr, err);
	if (fd < 0) {
		free(ear);
		return fd;
	}
	ear->link = link;
	ear->end = end;
	ear->address = *addr;
	ev_io_init(&ear->io, on_readable, fd, EV_READ);
	ear->io.data = ear;
	ev_io_start(loop_ev(link->loop), &ear->io);
	ear->next = link->ears;
	link->ears = ear;
	return 0;
}

static bool ear_at(const struct link *link, const struct address *addr)
{
	const struct ear *ear = link->ears;

	while (ear != NULL && !address_same(&ear->address, addr))
		ear = ear->next;
	return ear != NULL;
}

/* Listen at what @end names now, and no longer at what it named before. */
static int listen_at(struct link *link, const struct end *end, struct err *err)
{
	struct ear **at = &link->ears, *ear;
	struct address addr;
	int r = 0;

	while ((ear = *at) != NULL) {
		if (ear->end != end || end_has(end, &ear->address)) {
			at = &ear->next;
			continue;
		}
		*at = ear->next;
		ear_close(ear);
	}
	for (unsigned i = 0; r == 0 && i < end_count(end); i++) {
		addr = end_address(end, i);
		if (!ear_at(link, &addr))
			r = ear_open(link, end, &addr, err);
	}
	return r;
}

static void on_own_answer(void *arg)
{
	struct end *end = arg;
	struct link *link = end->arg;

	link->deaf = (struct err){ 0 };
	listen_at(link, end, &link->deaf);
	end_wait(end);
}

static int open_own(struct link *link, const struct link_settings *set,
		    struct err *err)
{
	int r = ends_init(&link->own, set->resolver, set->own, set->own_count,
			  on_own_answer, link, err);

	for (unsigned i = 0; r == 0 && i < link->own.count; i++) {
		r = listen_at(link, &link->own.list[i], err);
		end_wait(&link->own.list[i]);
	}
	return r;
}

/* ---- peers ---- */

static void tell_guard(struct link *link)
{
	struct address list[GUARDED_MAX];
	unsigned count = 0;

	if (link->guard == NULL)
		return;
	for (unsigned p = 0; p < link->peer_count; p++)
		for (unsigned e = 0; e < link->peers[p].count; e++)
			for (unsigned i = 0;
			     i < end_count(&link->peers[p].list[e]) &&
			     count < GUARDED_MAX;
			     i++)
				list[count++] =
					end_address(&link->peers[p].list[e], i);
	link_guard_tell(link->guard, list, count);
}

static void on_peer_answer(void *arg)
{
	struct end *end = arg;

	tell_guard(end->arg);
	end_wait(end);
}

static int open_peers(struct link *link, const struct link_settings *set,
		      struct err *err)
{
	const struct link_peer *peer;
	struct ends *ends;
	int r = 0;

	link->peers = calloc(set->peer_count + 1, sizeof(*link->peers));
	if (link->peers == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	link->peer_count = set->peer_count;
	for (unsigned p = 0; r == 0 && p < set->peer_count; p++) {
		peer = &set->peers[p];
		ends = &link->peers[p];
		r = ends_init(ends, set->resolver, peer->addresses,
			      peer->address_count, on_peer_answer, link, err);
		if (r < 0)
			err_wrap(err, "%s", peer->name);
		for (unsigned e = 0; r == 0 && e < ends->count; e++)
			end_wait(&ends->list[e]);
	}
	if (r == 0)
		tell_guard(link);
	return r;
}

static void send_to(struct link *link, const struct address *to, size_t size)
{
	int r = datagram_send(&link->out, to, link->sealed, size);

	if (r == 0)
		link->counts.sent++;
	else if (r == -EAGAIN || r == -ENOBUFS)
		link->counts.congested++;
	else
		link->counts.unreachable++;
}

void link_send(struct link *link, unsigned peer, const void *bytes, size_t size)
{
	const struct ends *ends = &link->peers[peer];
	struct address to;

	assert(peer < link->peer_count && size <= SEAL_PLAIN_MAX);
	size = seal_close(&link->seal, bytes, size, link->sealed);
	for (unsigned e = 0; e < ends->count; e++) {
		if (end_count(&ends->list[e]) == 0)
			link->counts.unreachable++;
		for (unsigned i = 0; i < end_count(&ends->list[e]); i++) {
			to = end_address(&ends->list[e], i);
			send_to(link, &to, size);
		}
	}
}

/* ---- the whole ---- */

int link_new(struct link **ret_link, struct loop *loop,
	     const struct link_settings *set, link_fn fn, void *arg,
	     struct err *err)
{
	struct link *link = calloc(1, sizeof(*link));
	int r;

	if (link == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	link->loop = loop;
	link->fn = fn;
	link->arg = arg;
	link->guard = set->guard;
	link->out = (struct datagram_out){ -1, -1 };
	prepare_batch(link);
	r = seal_init(&link->seal, set->cluster, set->key, err);
	if (r == 0)
		r = datagram_out_open(&link->out, err);
	if (r == 0)
		r = open_own(link, set, err);
	if (r == 0)
		r = open_peers(link, set, err);
	if (r < 0) {
		link_free(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

void link_free(struct link *link)
{
	struct ear *ear, *next;

	if (link == NULL)
		return;
	for (ear = link->ears; ear != NULL; ear = next) {
		next = ear->next;
		ear_close(ear);
	}
	ends_done(&link->own);
	for (unsigned p = 0; p < link->peer_count; p++)
		ends_done(&link->peers[p]);
	free(link->peers);
	datagram_out_close(&link->out);
	free(link);
}

struct link_counts link_counts(const struct link *link)
{
	struct link_counts counts = link->counts;

	for (const struct ear *ear = link->ears; ear != NULL; ear = ear->next)
		counts.overrun += datagram_overrun(ear->io.fd);
	return counts;
}

/* The first name among @ends that is not known. */
static bool find_trouble(struct link *link, const struct ends *ends)
{
	const char *why = NULL;
	unsigned i;

	for (i = 0; i < ends->count && why == NULL; i++)
		why = end_trouble(&ends->list[i]);
	if (why != NULL)
		snprintf(link->trouble, sizeof(link->trouble), "%s: %s",
			 ends->list[i - 1].host, why);
	return why != NULL;
}

const char *link_trouble(struct link *link)
{
	if (link->deaf.code != 0)
		return link->deaf.text;
	if (find_trouble(link, &link->own))
		return link->trouble;
	for (unsigned p = 0; p < link->peer_count; p++)
		if (find_trouble(link, &link->peers[p]))
			return link->trouble;
	return "";
}
