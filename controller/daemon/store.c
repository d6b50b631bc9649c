/* The store's loop side: names, the queue, the answers and their time. */
#include "controller/daemon/store.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controller/daemon/store_queue.h"

#define STORE_FILE       "bascule.db"
#define TICK_S           0.25
#define ORDER_WAIT_US    (1 * SECOND)
#define ASK_WAIT_US      (3 * SECOND)
#define HUNG_US          (2 * SECOND)
#define OPEN_WAIT_MS     3000
#define CLOSE_WAIT_MS    2000
#define EVENTS_QUEUE_MAX 8192
#define ORDERS_QUEUE_MAX 8192

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

static void fd_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static bool fd_wait(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* Whether what was stored has been read, or found unreadable. */
static bool store_ready(const struct store *store)
{
	struct store_shared *sh = (struct store_shared *)&store->sh;
	bool ready;

	pthread_mutex_lock(&sh->lock);
	ready = sh->ready;
	pthread_mutex_unlock(&sh->lock);
	return ready;
}

/* ---- who waits ---- */

static bool waiting_add(struct store *store, struct waiting ***end,
			const struct waiting *what)
{
	struct waiting *wait = malloc(sizeof(*wait));

	if (wait == NULL)
		return false;
	*wait = *what;
	wait->next = NULL;
	wait->since = loop_now(store->loop);
	**end = wait;
	*end = &wait->next;
	return true;
}

/* Unlink the one with @id; NULL when nobody waits for it (any more).  The
 * caller frees it.  Answers come in the order of asking, so it is near the
 * front. */
static struct waiting *waiting_take(struct waiting **first,
				    struct waiting ***end, uint64_t id)
{
	struct waiting **at, *wait;

	for (at = first; (wait = *at) != NULL; at = &wait->next)
		if (wait->id == id)
			break;
	if (wait == NULL)
		return NULL;
	*at = wait->next;
	if (*at == NULL)
		*end = at;
	return wait;
}

static void order_answer(struct store *store, uint64_t id, const char *error)
{
	struct waiting *wait =
		waiting_take(&store->orders, &store->orders_end, id);

	if (wait == NULL)
		return;
	free(wait);
	if (store->doors.done != NULL)
		store->doors.done(store->doors.arg, id, error);
}

static void ask_answer(struct store *store, uint64_t ticket,
		       const struct store_answer *answer)
{
	struct waiting *wait =
		waiting_take(&store->asks, &store->asks_end, ticket);

	if (wait == NULL)
		return;
	wait->fn(wait->arg, answer);
	free(wait);
}

static void store_say(struct store *store, enum note_level level,
		      const char *text)
{
	if (store->doors.say != NULL)
		store->doors.say(store->doors.arg, level, text);
}

/* ---- collecting answers ---- */

static void collect_ask(struct store *store, const struct reply *reply)
{
	const struct store_answer answer = {
		.error = reply->failed ? reply->text : NULL,
		.json = reply->json,
		.more = reply->more,
		.last = reply->last,
	};

	ask_answer(store, reply->id, &answer);
}

static void reply_free(struct reply *reply)
{
	free(reply->json);
	free(reply);
}

static void store_collect(void *arg)
{
	struct store *store = arg;
	struct reply *reply, *next;

	pthread_mutex_lock(&store->sh.lock);
	reply = store->sh.replies;
	store->sh.replies = NULL;
	store->sh.replies_end = &store->sh.replies;
	store->sh.posted = false;
	pthread_mutex_unlock(&store->sh.lock);
	for (; reply != NULL; reply = next) {
		next = reply->next;
		if (reply->kind == REPLY_ORDER)
			order_answer(store, reply->id,
				     reply->failed ? reply->text : NULL);
		else if (reply->kind == REPLY_ASK)
			collect_ask(store, reply);
		else
			store_say(store, NOTE_ERR, reply->text);
		reply_free(reply);
	}
}

/* ---- the state ---- */

/* See how the thread does, and say so when that has changed. */
static void store_look(struct store *store)
{
	struct store_shared *sh = &store->sh;
	struct instant busy;
	bool ok, was = store->ok;
	int64_t busy_us;

	pthread_mutex_lock(&sh->lock);
	ok = sh->ok;
	busy = sh->busy_since;
	snprintf(store->why, sizeof(store->why), "%s", sh->why);
	sh->wall_us = loop_wall_us(store->loop);
	pthread_mutex_unlock(&sh->lock);
	busy_us = instant_is_none(busy)
			  ? 0
			  : instant_diff_us(busy, loop_now(store->loop));
	if (busy_us > HUNG_US) {
		ok = false;
		snprintf(store->why, sizeof(store->why),
			 "the disk has not answered for %lld s",
			 (long long)(busy_us / SECOND));
	}
	store->ok = ok;
	if (ok != was && store->doors.changed != NULL)
		store->doors.changed(store->doors.arg, ok,
				     ok ? "" : store->why);
}

static void store_time_out(struct store *store)
{
	static const struct store_answer late = {
		.error = "the store did not answer in time",
	};
	struct instant now = loop_now(store->loop);

	while (store->orders != NULL &&
	       instant_diff_us(store->orders->since, now) > ORDER_WAIT_US)
		order_answer(store, store->orders->id,
			     "the disk did not answer within 1 s");
	while (store->asks != NULL &&
	       instant_diff_us(store->asks->since, now) > ASK_WAIT_US)
		ask_answer(store, store->asks->id, &late);
}

static void on_tick(struct ev_loop *ev, ev_timer *tick, int events)
{
	struct store *store = tick->data;

	(void)ev;
	(void)events;
	store_collect(store);
	store_look(store);
	store_time_out(store);
}

struct store_state store_state(const struct store *store)
{
	struct store_shared *sh = (struct store_shared *)&store->sh;
	struct store_state state = { .ok = store->ok,
				     .why = store->ok ? "" : store->why,
				     .path = sh->path };

	pthread_mutex_lock(&sh->lock);
	state.queue = sh->orders + sh->events;
	state.dropped = sh->dropped;
	pthread_mutex_unlock(&sh->lock);
	return state;
}

/* ---- opening and closing ---- */

static void read_boot_id(char *buf, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	snprintf(buf, size, "unknown");
	if (file == NULL)
		return;
	if (fgets(buf, (int)size, file) != NULL)
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
}

static void waiting_free(struct waiting *wait)
{
	struct waiting *next;

	for (; wait != NULL; wait = next) {
		next = wait->next;
		free(wait);
	}
}

static void store_free(void *arg)
{
	struct store *store = arg;
	struct store_shared *sh = &store->sh;
	struct job *job, *next_job;
	struct reply *reply, *next;

	for (job = sh->queue.first; job != NULL; job = next_job) {
		next_job = job->next;
		free(job);
	}
	for (reply = sh->replies; reply != NULL; reply = next) {
		next = reply->next;
		reply_free(reply);
	}
	waiting_free(store->orders);
	waiting_free(store->asks);
	close(sh->wake_fd);
	close(sh->ready_fd);
	close(sh->done_fd);
	if (sh->folder_fd >= 0)
		close(sh->folder_fd);
	db_contents_done(&sh->contents);
	store_loaded_done(&store->loaded);
	pthread_mutex_destroy(&sh->lock);
	free(sh->path);
	free(store);
}

static int shared_init(struct store *store, const struct settings *set)
{
	struct store_shared *sh = &store->sh;

	pthread_mutex_init(&sh->lock, NULL);
	sh->queue.end = &sh->queue.first;
	sh->replies_end = &sh->replies;
	sh->busy_since = loop_now(store->loop);
	sh->wall_us = loop_wall_us(store->loop);
	sh->history_us = set->history_us;
	sh->loop = store->loop;
	sh->collect = store_collect;
	sh->release = store_free;
	sh->store = store;
	snprintf(sh->why, sizeof(sh->why), "it is still being opened");
	sh->folder_fd = -1;
	sh->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sh->ready_fd = eventfd(0, EFD_CLOEXEC);
	sh->done_fd = eventfd(0, EFD_CLOEXEC);
	if (asprintf(&sh->path, "%s/%s", set->state_dir, STORE_FILE) < 0)
		sh->path = NULL;
	return sh->path == NULL || sh->wake_fd < 0 || sh->ready_fd < 0 ||
			       sh->done_fd < 0
		       ? -ENOMEM
		       : 0;
}

int store_open(struct store **ret_store, struct loop *loop,
	       const struct settings *set, const struct store_doors *doors,
	       struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (store == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	store->loop = loop;
	store->set = set;
	store->doors = *doors;
	store->ok = true; /* until something else is seen */
	store->orders_end = &store->orders;
	store->asks_end = &store->asks;
	read_boot_id(store->sh.boot, sizeof(store->sh.boot));
	r = shared_init(store, set);
	if (r == 0)
		r = -pthread_create(&store->thread, NULL, store_thread,
				    &store->sh);
	if (r < 0) {
		store_free(store);
		return err_set(err, r, "the store cannot start: %s",
			       strerror(-r));
	}
	ev_timer_init(&store->tick, on_tick, 0, TICK_S);
	store->tick.data = store;
	ev_timer_start(loop_ev(loop), &store->tick);
	fd_wait(store->sh.ready_fd, OPEN_WAIT_MS);
	if (store_ready(store) && store->sh.taken) {
		err_set(err, -EADDRINUSE, "state_dir: %s", store->sh.why);
		store_close(store);
		return -EADDRINUSE;
	}
	*ret_store = store;
	return 0;
}

/* Leave everything to the thread, unless it has finished: as long as the disk
 * holds it, its memory must stay. */
static bool store_abandon(struct store *store)
{
	struct store_shared *sh = &store->sh;
	bool finished;

	pthread_mutex_lock(&sh->lock);
	finished = sh->finished;
	sh->abandoned = !finished;
	pthread_mutex_unlock(&sh->lock);
	return !finished;
}

void store_close(struct store *store)
{
	struct store_shared *sh;
	char text[120];
	unsigned left;

	if (store == NULL)
		return;
	sh = &store->sh;
	ev_timer_stop(loop_ev(store->loop), &store->tick);
	pthread_mutex_lock(&sh->lock);
	sh->stop = true;
	pthread_mutex_unlock(&sh->lock);
	fd_signal(sh->wake_fd);
	fd_wait(sh->done_fd, CLOSE_WAIT_MS);
	if (store_abandon(store)) {
		store_say(store, NOTE_ERR,
			  "the disk does not answer: what was queued is lost");
		pthread_detach(store->thread);
		return;
	}
	pthread_join(store->thread, NULL);
	left = sh->orders + sh->events;
	if (left > 0) {
		snprintf(text, sizeof(text),
			 "the store could not keep its last %u records", left);
		store_say(store, NOTE_ERR, text);
	}
	store_free(store);
}

void store_reload(struct store *store, const struct settings *set)
{
	store->set = set;
	pthread_mutex_lock(&store->sh.lock);
	store->sh.history_us = set->history_us;
	pthread_mutex_unlock(&store->sh.lock);
}

/* ---- writing ---- */

/* Hand @job to the thread; false when the queue is full: @job is freed. */
static bool store_queue(struct store *store, struct job *job)
{
	struct store_shared *sh = &store->sh;
	bool event = job->kind == JOB_EVENT, ask = job->kind == JOB_ASK;
	bool room;

	pthread_mutex_lock(&sh->lock);
	room = ask || (event ? sh->events < EVENTS_QUEUE_MAX
			     : sh->orders < ORDERS_QUEUE_MAX);
	if (room) {
		sh->events += event;
		sh->orders += !event && !ask;
		job->next = NULL;
		*sh->queue.end = job;
		sh->queue.end = &job->next;
	} else if (event) {
		sh->dropped++;
	}
	pthread_mutex_unlock(&sh->lock);
	if (room)
		fd_signal(sh->wake_fd);
	else
		free(job);
	return room;
}

void store_write(struct store *store, uint64_t id,
		 const struct store_order *order)
{
	struct waiting wait = { .id = id };
	struct job *job;

	/* What finds no room or memory is answered when its time is over. */
	if (id != 0 && !waiting_add(store, &store->orders_end, &wait))
		return;
	job = job_of_order(order, store->set, store->sh.boot,
			   loop_wall_us(store->loop));
	if (job == NULL)
		return;
	job->id = id;
	store_queue(store, job);
}

void store_forget_server(struct store *store, const struct stored_server *gone)
{
	struct job *job = job_of_removal(gone);

	if (job != NULL)
		store_queue(store, job);
}

void store_event(struct store *store, int64_t id, const struct note *note,
		 const char *text, const char *json)
{
	struct job *job =
		job_of_note(note, store->set, store->sh.boot, text, json);

	if (job == NULL)
		return;
	job->event.id = id;
	store_queue(store, job);
}

/* ---- questions ---- */

uint64_t store_ask(struct store *store, const struct store_question *question,
		   store_answer_fn fn, void *arg)
{
	struct waiting wait = { .id = ++store->ticket, .fn = fn, .arg = arg };
	struct job *job;

	if (!waiting_add(store, &store->asks_end, &wait))
		return store->ticket;
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return store->ticket;
	job->kind = JOB_ASK;
	job->id = store->ticket;
	job->question = *question;
	store_queue(store, job);
	return store->ticket;
}

void store_forget(struct store *store, uint64_t ticket)
{
	free(waiting_take(&store->asks, &store->asks_end, ticket));
}

/* ---- what was stored ---- */

/* An incident of a service that is no more would stay open for ever. */
static void close_gone(struct store *store, struct row_incident *rows,
		       size_t count, struct instant now, int64_t wall_us)
{
	struct job *job;
	size_t i;

	for (i = 0; i < count; i++) {
		job = calloc(1, sizeof(*job));
		if (job == NULL)
			return;
		job->kind = JOB_INCIDENT;
		job->incident = rows[i];
		job->incident.inc.maintenance = true;
		job->incident.inc.recovered = now;
		job->incident.inc.recovered_wall_us = wall_us;
		store_queue(store, job);
	}
}

const struct stored *store_load(struct store *store, struct instant now,
				int64_t wall_us)
{
	struct store_mapping map = { .set = store->set,
				     .now = now,
				     .wall_us = wall_us,
				     .boot = store->sh.boot,
				     .doors = &store->doors };
	struct row_incident *gone = NULL;
	struct db_contents none = { 0 };
	size_t gone_count = 0;
	bool ready = store_ready(store);

	if (store->mapped)
		return &store->loaded.stored;
	store->mapped = true;
	if (store_map(ready ? &store->sh.contents : &none, &map, &store->loaded,
		      &gone, &gone_count) < 0)
		return &store->loaded.stored;
	/* Numbers must not be used twice although the last is not known:
	 * seconds of wall time are far above any count. */
	if (!ready || !store->sh.loaded)
		store->loaded.stored.last_incident =
			(uint32_t)(wall_us / SECOND);
	close_gone(store, gone, gone_count, now, wall_us);
	free(gone);
	return &store->loaded.stored;
}

const struct incident *store_closed(const struct store *store,
				    size_t *ret_count)
{
	*ret_count = store->loaded.closed_count;
	return store->loaded.closed;
}

const struct stored_server *store_added(const struct store *store,
					size_t *ret_count)
{
	*ret_count = store->loaded.added_count;
	return store->loaded.added;
}

int64_t store_began_wall_us(const struct store *store)
{
	if (!store_ready(store))
		return 0;
	return store->sh.contents.began_wall_us;
}

int64_t store_last_event(const struct store *store)
{
	if (!store_ready(store))
		return 0;
	return store->sh.contents.last_event;
}
