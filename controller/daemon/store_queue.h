/* Between the store's loop side and its thread; private to the store. */
#ifndef BASCULE_DAEMON_STORE_QUEUE_H
#define BASCULE_DAEMON_STORE_QUEUE_H

#include <pthread.h>

#include "controller/daemon/store.h"
#include "controller/daemon/store_sql.h"

#define STORE_INCIDENTS_MAX 10000

enum job_kind {
	JOB_CLAIM,
	JOB_UNCLAIM,
	JOB_INCIDENT,
	JOB_MAINTENANCE,
	JOB_FALL,
	JOB_EVENT,
	JOB_ASK
};

struct job {
	struct job *next;
	enum job_kind kind;
	uint64_t id; /* order or ticket; 0: nobody waits */
	union {
		struct row_claim claim;
		struct row_incident incident;
		struct row_maintenance maintenance;
		struct row_fall fall;
		struct row_event event;
		struct store_question question;
	};
	char strings[]; /* what an event borrows */
};

struct job_list {
	struct job *first, **end; /* owned */
};

enum reply_kind { REPLY_ORDER, REPLY_ASK, REPLY_SAY };

struct reply {
	struct reply *next;
	enum reply_kind kind;
	uint64_t id;
	bool failed;
	char text[ERR_TEXT_MAX]; /* why it failed, or what is said */
	/* REPLY_ASK */
	bool more;
	char *json; /* owned */
	int64_t last;
};

/* What both sides touch. */
struct store_shared {
	const struct store_waits *waits;
	pthread_mutex_t lock; /* never held while the disk is asked */
	/* under the lock */
	struct job_list queue;
	unsigned events, orders; /* not yet written, taken or not */
	struct reply *replies, **replies_end;
	bool posted;    /* store_collect() is on its way */
	bool stop;      /* nobody collects any more */
	bool finished;  /* the thread touches nothing any more, */
	bool abandoned; /* ... or releases everything when it does not */
	bool ready;     /* contents and loaded are the loop's from now on */
	bool ok;
	char why[ERR_TEXT_MAX];
	struct instant busy_since; /* NONE: idle */
	uint64_t dropped;
	int64_t wall_us, history_us;
	/* fixed */
	char boot[DB_BOOT_MAX];
	struct loop *loop; /* borrowed, for loop_post() */
	void (*collect)(void *store);
	void (*release)(void *store);
	void *store;
	char *path;                     /* owned */
	int wake_fd, ready_fd, done_fd; /* owned eventfds */
	/* the thread's until it is ready */
	struct db_contents contents;
	bool loaded;
	bool taken;    /* the folder, by another daemon */
	int folder_fd; /* owned; negative: not taken */
};

void *store_thread(void *shared);

/* Wake whoever waits for the eventfd @fd. */
void store_signal(int fd);

/* The thread's answer to @q, put into @reply; @boot is the present one. */
int store_find(struct db *db, const char *boot, const struct store_question *q,
	       struct reply *reply, struct err *err);

/* Jobs are owned by whoever holds them and released by free(); NULL when
 * memory is out. */
struct job *job_of_removal(const struct stored_server *server);
struct job *job_of_order(const struct store_order *order,
			 const struct settings *set, const char *boot,
			 int64_t wall_us);
struct job *job_of_note(const struct note *note, const struct settings *set,
			const char *boot, const char *text, const char *json);

/* Names become indices, once at the start. */
struct store_loaded {
	struct stored stored;    /* its arrays are owned */
	struct incident *closed; /* owned, oldest first */
	size_t closed_count;
	struct stored_server *left; /* owned: what no target is */
	size_t left_count;
};

struct store_mapping {
	const struct settings *set;
	struct instant now;
	int64_t wall_us;
	const char *boot;
	const struct store_doors *doors; /* for what is dropped */
};

/* Returns 0 or -ENOMEM; @ret_gone gets the rows of open incidents whose
 * service or target is no more, to be closed by the caller. */
int store_map(const struct db_contents *contents,
	      const struct store_mapping *map, struct store_loaded *ret_loaded,
	      struct row_incident **ret_gone, size_t *ret_gone_count);
void store_loaded_done(struct store_loaded *loaded);

#endif
