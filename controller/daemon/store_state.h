/* The store's loop side from the inside: shared by store.c, store_open.c and
 * store_load.c alone. */
#ifndef BASCULE_DAEMON_STORE_STATE_H
#define BASCULE_DAEMON_STORE_STATE_H

#include <ev.h>

#include "controller/daemon/store_queue.h"

/* Somebody waits: for an order or for an answer. */
struct waiting {
	struct waiting *next;
	uint64_t id;
	struct instant since;
	store_answer_fn fn; /* of a question */
	void *arg;
};

struct store {
	struct store_shared sh;
	const struct settings *set; /* borrowed */
	struct loop *loop;          /* borrowed */
	struct store_doors doors;
	ev_timer tick;
	pthread_t thread;
	struct waiting *orders, **orders_end; /* owned, oldest first */
	struct waiting *asks, **asks_end;     /* owned, oldest first */
	uint64_t ticket;
	/* what was last said, and is shown */
	bool ok;
	char why[ERR_TEXT_MAX];
	struct store_loaded loaded;
	bool mapped;
};

/* store.c */

void store_say(struct store *store, enum note_level level, const char *text);

/* Take what the thread has answered; @arg is the store. */
void store_collect(void *arg);
void store_reply_free(struct reply *reply);

/* See how the thread does, and answer those who have waited too long. */
void store_on_tick(struct ev_loop *ev, ev_timer *tick, int events);

/* Hand @job to the thread; false when the queue is full: @job is freed. */
bool store_queue(struct store *store, struct job *job);

/* store_load.c: whether what was stored has been read, or found unreadable. */
bool store_ready(const struct store *store);

#endif
