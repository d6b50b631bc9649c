/* Workers of HAProxy that leave after a reload, and their sessions.
 *
 * A leaving worker goes on with the sessions that it has, knows nothing of
 * what was withdrawn since, and refuses what the runtime socket offers for
 * that.  Through HAProxy's master socket its sessions can be listed and ended
 * one by one.  This is that conversation, without I/O: the owner carries bytes
 * between it and the socket, as with runtime.h.
 *
 * It runs in rounds: connect, ask who leaves, list the sessions of each,
 * end those to servers whose sessions are wanted ended, close.  (The master
 * takes ten connections only, and one that stays open holds up a reload.)  A
 * round comes when it is poked, and while somebody leaves and something is
 * wanted ended: clients may go on by kept connections.  At most
 * LEAVERS_SESSIONS_MAX sessions of a worker end in a round, in small portions.
 *
 * HAProxy knows a session by its address, which a later one may bear: each is
 * ended right after it was listed.
 *
 * Nothing is allocated after leavers_new().
 */
#ifndef BASCULE_HAPROXY_LEAVERS_H
#define BASCULE_HAPROXY_LEAVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/instant.h"

#define LEAVERS_SESSIONS_MAX 512
#define LEAVERS_WORKERS_MAX  32           /* looked after at once */
#define LEAVERS_ANSWER_US    (2 * SECOND) /* unanswered so long: it hangs */
#define LEAVERS_QUICK_US     (50 * MS)    /* after a round that failed */
#define LEAVERS_RETRY_US     (1 * SECOND) /* after one more, */
#define LEAVERS_PATIENCE_US  (3 * SECOND) /* for so long: then it is told */
#define LEAVERS_PAUSE_US_MIN (50 * MS)
#define LEAVERS_PAUSE_US_MAX (1 * SECOND)

struct leavers;

struct leavers_doors {
	void *arg;
	/* Whether anything is wanted ended, and sessions to this server are. */
	bool (*any)(void *arg);
	bool (*wanted)(void *arg, const char *backend, const char *server);
	/* Told once for each worker of a round that had some. */
	void (*ended)(void *arg, long pid, unsigned sessions);
	/* Rounds fail, not only for the moment that a reload of the master
	 * takes: one sentence; NULL: one did not, after all. */
	void (*failed)(void *arg, const char *why);
	/* What leavers_clear() says is true now. */
	void (*cleared)(void *arg);
};

/* Returns NULL when memory is out. */
struct leavers *leavers_new(const struct leavers_doors *doors);
void leavers_free(struct leavers *lv);

/* Somebody may have left, or something is wanted ended: look at once. */
void leavers_poke(struct leavers *lv, struct instant now);

/* Whether since the last poke a round found no session that is wanted ended,
 * or ended all that it found; or nobody can be reached who could say so. */
bool leavers_clear(const struct leavers *lv);

/* Whether the last round failed. */
bool leavers_failing(const struct leavers *lv);

enum leavers_step {
	LEAVERS_WAIT,    /* send the output, read, come back at the deadline */
	LEAVERS_CONNECT, /* connect, then say leavers_connected() or _lost() */
	LEAVERS_CLOSE    /* close the connection and ask again */
};

/* What the owner has to do with the connection; each is said once. */
enum leavers_step leavers_next(struct leavers *lv, struct instant now);

void leavers_connected(struct leavers *lv, struct instant now);
void leavers_lost(struct leavers *lv, struct instant now, const char *why);
void leavers_input(struct leavers *lv, struct instant now, const void *data,
		   size_t size);
size_t leavers_output(const struct leavers *lv, const char **ret_data);
void leavers_sent(struct leavers *lv, size_t size);

/* When to tick; INSTANT_NEVER: not before it is poked. */
struct instant leavers_deadline(const struct leavers *lv);
void leavers_tick(struct leavers *lv, struct instant now);

#endif
