/* One client connection of the replica: reads requests, has them judged
 * (meet.h) and sends what came out of that.
 *
 * A connection without a request under way holds no buffer, so thousands of
 * idle ones cost little.
 */
#ifndef BASCULE_DRILL_REPLICA_CONN_H
#define BASCULE_DRILL_REPLICA_CONN_H

#include "drill/replica/server.h"

/* A filler is sent this much at a time. */
#define CONN_FILL_LEN 32768
#define CONN_ENDLESS  INT64_MAX

enum conn_phase {
	CONN_READING,
	CONN_WAITING, /* the request at the front of @in is held back */
	CONN_SENDING,
};

struct conn {
	ev_io io;
	ev_timer timer;            /* of a slow answer, or of the next byte */
	struct listener *listener; /* borrowed */
	struct conn *prev, *next;  /* in listener->conns */
	char *in;                  /* owned, NULL while nothing is read */
	size_t in_len;
	const char *out; /* borrowed: of pages, @answer, @filler or static */
	size_t out_len;
	struct answer answer; /* owned: what @out points into, if built */
	const char *filler;   /* static, CONN_FILL_LEN long; follows @out */
	int64_t fill_left;
	enum conn_phase phase;
	bool loopback;
	bool waited;       /* the request at the front has been held back */
	bool drips;        /* @timer sends @out byte by byte */
	bool close_behind; /* @out is the last that is sent */
};

/* Takes over @fd, unless it fails with -ENOMEM.  @loopback: where the peer
 * is.
 */
int conn_new(struct listener *listener, int fd, bool loopback);

/* Close all connections of @listener. */
void conn_free_all(struct listener *listener);

/* The fault of @listener is another one now: requests that a mute one held
 * are answered, endless answers are cut off.
 */
void conn_fault_switched(struct listener *listener);

#endif
