/* The store: events, incidents, claims and maintenance, kept on the disk.
 *
 * SQLite in state_dir/bascule.db, written by one thread of its own, so that a
 * slow or frozen disk never holds up the loop.  What is queued is committed
 * in one transaction; what was answered with "kept" survives kill -9.
 *
 * A disk that is full, read-only, missing or frozen makes the store not ok:
 * orders are answered with the reason, kept in a bounded queue and written
 * once the disk is well again.  A damaged file is moved aside, what can be
 * read of it is copied, and the rest goes on.  All functions but the store's
 * own thread belong to the loop's thread.
 */
#ifndef BASCULE_DAEMON_STORE_H
#define BASCULE_DAEMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/note.h"
#include "controller/core/settings.h"
#include "controller/io/loop.h"

struct store;

/* How long is waited for the disk. */
struct store_waits {
	int64_t order_us; /* until an order is answered without it */
	int64_t ask_us;   /* the same of a question */
	int64_t hung_us;  /* until it is said that the disk does not answer */
	int64_t close_us;
	int64_t retry_us; /* after the first failure; doubled with each more */
};

extern const struct store_waits store_usual;

/* Called in the loop's thread, never from within a call of this module. */
struct store_doors {
	void *arg;
	/* An order with an id was kept (@error NULL) or not (yet). */
	void (*done)(void *arg, uint64_t id, const char *error);
	/* It began to fail, and why, or works again. */
	void (*changed)(void *arg, bool ok, const char *why);
	/* Anything else the operator should read. */
	void (*say)(void *arg, enum note_level level, const char *text);
	const struct store_waits *waits; /* borrowed; NULL: the usual ones */
};

/* Start the thread and wait, at most 3 s, until it has read what is stored.
 * A disk that does not work is no error here: see store_state().  A state_dir
 * that another daemon uses is one: -EADDRINUSE. */
int store_open(struct store **ret_store, struct loop *loop,
	       const struct settings *set, const struct store_doors *doors,
	       struct err *err);

/* Write what is queued (waiting as long as store_waits says) and end.  The loop
 * must not run any more; no door is called but say. */
void store_close(struct store *store);

/* What was stored, in terms of the settings: instants of an earlier boot are
 * converted by wall time, unknown names are dropped and said.  Borrowed until
 * store_close(); to be called once, before the first event. */
const struct stored *store_load(struct store *store, struct instant now,
				int64_t wall_us);

/* The closed incidents of the window, oldest first, mapped as above; valid
 * after store_load(). */
const struct incident *store_closed(const struct store *store,
				    size_t *ret_count);

/* A server that is ours in some way, by names. */
struct stored_server {
	char haproxy[SETTINGS_NAME_MAX + 1], backend[SETTINGS_NAME_MAX + 1];
	char service[SETTINGS_NAME_MAX + 1], target[SETTINGS_NAME_MAX + 1];
	bool added;       /* we added it to HAProxy at runtime */
	bool weight_only; /* else it is withdrawn by us, or so its weight */
};

/* Those that the settings no longer have, though they have their HAProxy;
 * valid after store_load(). */
const struct stored_server *store_left(const struct store *store,
				       size_t *ret_count);

/* Wall time of the first start of this record. */
int64_t store_began_wall_us(const struct store *store);

/* The highest event id ever stored. */
int64_t store_last_event(const struct store *store);

/* New settings: names of later orders and the retention follow them. */
void store_reload(struct store *store, const struct settings *set);

/* Keep @order; the done door answers when @id is not 0, after at most one
 * second. */
void store_write(struct store *store, uint64_t id,
		 const struct store_order *order);

/* Forget a server that we added, or otherwise laid claim to. */
void store_forget_server(struct store *store, const struct stored_server *gone);

/* Keep an event: nobody waits for it, and when the queue is full it is
 * dropped and counted.  @text and @json are copied. */
void store_event(struct store *store, int64_t id, const struct note *note,
		 const char *text, const char *json);

struct store_state {
	bool ok;
	const char *why; /* "" when ok; valid until the loop runs again */
	const char *path;
	unsigned queue;   /* orders and events not yet written */
	uint64_t dropped; /* events, since the start */
};

struct store_state store_state(const struct store *store);

/* ---- questions ---- */

enum store_question_kind { STORE_EVENTS, STORE_INCIDENTS };

struct store_question {
	enum store_question_kind kind;
	int64_t since_wall_us; /* 0: all */
	int64_t after;         /* event id; negative: by since alone */
	size_t limit;
	char service[SETTINGS_NAME_MAX + 1]; /* of incidents; "": all */
};

/* Borrowed for the call.  @json holds the documents of docs/api.md, parted by
 * ",\n": events oldest first, incidents newest first. */
struct store_answer {
	const char *error; /* NULL: all is well */
	const char *json;
	bool more;    /* than the limit allowed */
	int64_t last; /* the last event's id, or what was asked after */
};

typedef void (*store_answer_fn)(void *arg, const struct store_answer *answer);

/* Ask; @fn is called once, within 3 s, unless store_forget() comes first.
 * Returns a ticket, never 0. */
uint64_t store_ask(struct store *store, const struct store_question *question,
		   store_answer_fn fn, void *arg);
void store_forget(struct store *store, uint64_t ticket);

#endif
