/* The store's loop side: names, the queue, the answers and their time. */
#include "controller/daemon/store_state.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS_QUEUE_MAX 8192
#define ORDERS_QUEUE_MAX 8192

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

void store_say(struct store *store, enum note_level level, const char *text)
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

void store_reply_free(struct reply *reply)
{
	free(reply->json);
	free(reply);
}

void store_collect(void *arg)
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
		store_reply_free(reply);
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
	if (busy_us > sh->waits->hung_us) {
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
	const struct store_waits *waits = store->sh.waits;
	struct instant now = loop_now(store->loop);
	char text[60];

	snprintf(text, sizeof(text), "the disk did not answer within %g s",
		 (double)waits->order_us / SECOND);
	while (store->orders != NULL &&
	       instant_diff_us(store->orders->since, now) > waits->order_us)
		order_answer(store, store->orders->id, text);
	while (store->asks != NULL &&
	       instant_diff_us(store->asks->since, now) > waits->ask_us)
		ask_answer(store, store->asks->id, &late);
}

void store_on_tick(struct ev_loop *ev, ev_timer *tick, int events)
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

void store_reload(struct store *store, const struct settings *set)
{
	store->set = set;
	pthread_mutex_lock(&store->sh.lock);
	store->sh.history_us = set->history_us;
	pthread_mutex_unlock(&store->sh.lock);
}

/* ---- writing ---- */

bool store_queue(struct store *store, struct job *job)
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
		store_signal(sh->wake_fd);
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
