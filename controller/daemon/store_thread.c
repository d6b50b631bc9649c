/* The store's thread: takes what is queued, commits it, answers. */
#include "controller/daemon/store_queue.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/daemon/store_folder.h"

#define GROUP_MAX      2000
#define RETRY_MOST_US  (60 * SECOND)
#define PRUNE_EVERY_US (1 * HOUR)
#define PRUNE_FIRST_US (1 * MINUTE)
#define PRUNE_PAUSE_US (50 * MS)
/* A bound on the disk that a flapping target can fill: some 300 MB. */
#define EVENTS_MAX 250000
#define PRUNE_ROWS 500

struct worker {
	struct store_shared *sh; /* borrowed */
	struct db *db;           /* owned; NULL while the disk fails */
	struct job_list backlog; /* taken, not yet written */
	struct job_list asks;
	struct instant retry_at, prune_at;
	int64_t backoff_us;
	struct err why;       /* of the failure */
	char aside[PATH_MAX]; /* a damaged file, not yet salvaged; or "" */
	bool replaced;        /* by a new file: not all is known */
};

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job != NULL) {
		list->first = job->next;
		if (list->first == NULL)
			list->end = &list->first;
	}
	return job;
}

/* ---- answering ---- */

/* Put @reply on the way; the loop is woken once for all of a batch. */
static void worker_reply(struct worker *w, struct reply *reply)
{
	struct store_shared *sh = w->sh;
	bool post;

	pthread_mutex_lock(&sh->lock);
	reply->next = NULL;
	*sh->replies_end = reply;
	sh->replies_end = &reply->next;
	post = !sh->posted && !sh->stop;
	sh->posted = true;
	pthread_mutex_unlock(&sh->lock);
	/* Without memory for it, the loop's own tick collects. */
	if (post)
		loop_post(sh->loop, sh->collect, sh->store);
}

static struct reply *reply_new(enum reply_kind kind, uint64_t id,
			       const char *error)
{
	struct reply *reply = calloc(1, sizeof(*reply));

	if (reply == NULL)
		return NULL;
	reply->kind = kind;
	reply->id = id;
	reply->failed = error != NULL;
	snprintf(reply->text, sizeof(reply->text), "%s",
		 error != NULL ? error : "");
	return reply;
}

/* Answer an order once; without memory its time runs out in the loop. */
static void worker_answer(struct worker *w, struct job *job, const char *error)
{
	struct reply *reply;

	if (job->id == 0)
		return;
	reply = reply_new(REPLY_ORDER, job->id, error);
	if (reply != NULL)
		worker_reply(w, reply);
	job->id = 0;
}

static void worker_say(struct worker *w, const char *text)
{
	struct reply *reply = reply_new(REPLY_SAY, 0, NULL);

	if (reply == NULL)
		return;
	snprintf(reply->text, sizeof(reply->text), "%s", text);
	worker_reply(w, reply);
}

/* A job is over: written, or at fault itself. */
static void worker_finish(struct worker *w, struct job *job, const char *error)
{
	pthread_mutex_lock(&w->sh->lock);
	if (job->kind == JOB_EVENT)
		w->sh->events--;
	else
		w->sh->orders--;
	pthread_mutex_unlock(&w->sh->lock);
	worker_answer(w, job, error);
	free(job);
}

/* ---- failing and recovering ---- */

static void worker_state(struct worker *w, bool ok, const char *why)
{
	pthread_mutex_lock(&w->sh->lock);
	w->sh->ok = ok;
	snprintf(w->sh->why, sizeof(w->sh->why), "%s", why);
	pthread_mutex_unlock(&w->sh->lock);
}

static void worker_fail(struct worker *w, const struct err *err)
{
	struct job *job;

	db_close(w->db);
	w->db = NULL;
	w->why = *err;
	w->retry_at = instant_add(loop_clock(), w->backoff_us);
	w->backoff_us *= 2;
	if (w->backoff_us > RETRY_MOST_US)
		w->backoff_us = RETRY_MOST_US;
	worker_state(w, false, err->text);
	for (job = w->backlog.first; job != NULL; job = job->next)
		worker_answer(w, job, err->text);
}

static void worker_well(struct worker *w)
{
	w->backoff_us = w->sh->waits->retry_us;
	worker_state(w, true, "");
}

static int64_t worker_wall_us(struct worker *w)
{
	int64_t wall_us;

	pthread_mutex_lock(&w->sh->lock);
	wall_us = w->sh->wall_us;
	pthread_mutex_unlock(&w->sh->lock);
	return wall_us;
}

/* A damaged file is moved aside, whatever found the damage.  When its successor
 * is bad as well, before anything was saved, the disk is at fault: then the
 * first one is what counts. */
static int worker_set_aside(struct worker *w, struct err *err)
{
	db_close(w->db);
	w->db = NULL;
	if (w->aside[0] != '\0') {
		unlink(w->sh->path);
		return err_set(err, -EIO, "the disk gives back junk");
	}
	return db_set_aside(w->sh->path, worker_wall_us(w), w->aside,
			    sizeof(w->aside), err);
}

/* What can be read of a damaged file goes into its successor. */
static void worker_salvage(struct worker *w)
{
	char text[ERR_TEXT_MAX];

	if (w->aside[0] == '\0')
		return;
	snprintf(text, sizeof(text),
		 "%.150s was damaged: moved to %.180s, a new one begun, %d rows"
		 " saved",
		 w->sh->path, w->aside, db_salvage(w->db, w->aside));
	worker_say(w, text);
	w->aside[0] = '\0';
	w->replaced = true;
}

static int worker_open(struct worker *w, struct err *err)
{
	int r = 0;

	if (w->db != NULL)
		return 0;
	if (w->sh->folder_fd < 0)
		r = store_folder_take(w->sh->path, &w->sh->folder_fd, err);
	if (r < 0)
		return r;
	r = db_open(&w->db, w->sh->path, worker_wall_us(w), err);
	if (r == -EUCLEAN) {
		r = worker_set_aside(w, err);
		if (r == 0)
			r = db_open(&w->db, w->sh->path, worker_wall_us(w),
				    err);
	}
	if (r == 0)
		worker_salvage(w);
	else
		err_wrap(err, "%s", w->sh->path);
	return r;
}

/* ---- writing ---- */

static int worker_write(struct worker *w, struct job *job, struct err *err)
{
	switch (job->kind) {
	case JOB_CLAIM:
		return db_put_claim(w->db, &job->claim, err);
	case JOB_UNCLAIM:
		return db_drop_claim(w->db, &job->claim, err);
	case JOB_INCIDENT:
		return db_put_incident(w->db, &job->incident, err);
	case JOB_MAINTENANCE:
		return db_put_maintenance(w->db, &job->maintenance, err);
	case JOB_FALL:
		return db_put_fall(w->db, &job->fall, err);
	case JOB_EVENT:
		return db_put_event(w->db, &job->event, err);
	case JOB_ASK:
		break;
	}
	return 0;
}

/* Take @job out of the backlog: it alone is at fault and would hold up all
 * the others for ever. */
static void worker_reject(struct worker *w, struct job *job, const char *why)
{
	struct job **at = &w->backlog.first;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (*at == NULL)
		w->backlog.end = at;
	worker_say(w, why);
	worker_finish(w, job, why);
}

/* Write the head of the backlog in one transaction.  Returns how many jobs
 * it holds, or a negative errno with nothing written. */
static int worker_group(struct worker *w, struct err *err)
{
	struct job *job, *next;
	int r = db_begin(w->db, err);
	int n = 0;

	for (job = w->backlog.first; r == 0 && job != NULL && n < GROUP_MAX;
	     job = next) {
		next = job->next;
		r = worker_write(w, job, err);
		if (r == -EINVAL) {
			worker_reject(w, job, err->text);
			r = 0;
		} else {
			n++;
		}
	}
	if (r == 0)
		r = db_commit(w->db, err);
	if (r < 0)
		db_rollback(w->db);
	return r < 0 ? r : n;
}

/* One attempt to write everything; damage found on the way gets one more. */
static void worker_commit(struct worker *w)
{
	struct err err = { 0 };
	bool replaced = false;
	int n;

	n = worker_open(w, &err);
	while (n == 0 && w->backlog.first != NULL) {
		n = worker_group(w, &err);
		if (n == -EUCLEAN && !replaced) {
			replaced = true;
			n = worker_set_aside(w, &err);
			if (n == 0)
				n = worker_open(w, &err);
			continue;
		}
		if (n < 0)
			break;
		for (; n > 0; n--)
			worker_finish(w, list_take(&w->backlog), NULL);
	}
	if (n < 0)
		worker_fail(w, &err);
	else
		worker_well(w);
}

/* ---- questions ---- */

static int worker_find(struct worker *w, const struct store_question *q,
		       struct reply *reply, struct err *err)
{
	if (w->db == NULL)
		return err_set(err, -EIO, "%s", w->why.text);
	return store_find(w->db, w->sh->boot, q, reply, err);
}

static void worker_tell(struct worker *w, struct job *job)
{
	struct reply *reply = reply_new(REPLY_ASK, job->id, NULL);
	struct err err = { 0 };
	int r;

	if (reply != NULL) {
		r = worker_find(w, &job->question, reply, &err);
		reply->failed = r < 0;
		snprintf(reply->text, sizeof(reply->text), "%s", err.text);
		worker_reply(w, reply);
	}
	free(job);
}

/* ---- the thread ---- */

/* Old rows go in small bites, so that orders never wait long behind them. */
static void worker_prune(struct worker *w)
{
	struct err err = { 0 };
	int64_t history_us, wall_us;
	int n;

	pthread_mutex_lock(&w->sh->lock);
	history_us = w->sh->history_us;
	wall_us = w->sh->wall_us;
	pthread_mutex_unlock(&w->sh->lock);
	n = db_prune(w->db, wall_us - history_us, EVENTS_MAX, PRUNE_ROWS, &err);
	if (n < 0 && n != -EBUSY)
		worker_fail(w, &err);
	w->prune_at = instant_add(loop_clock(),
				  n > 0 ? PRUNE_PAUSE_US : PRUNE_EVERY_US);
}

/* Sleep until there is something to do; then take it. */
static bool worker_wait(struct worker *w)
{
	struct store_shared *sh = w->sh;
	struct pollfd pfd = { .fd = sh->wake_fd, .events = POLLIN };
	struct instant due = w->db == NULL ? w->retry_at : w->prune_at;
	int64_t left_us = instant_diff_us(loop_clock(), due);
	struct job *job, *next;
	uint64_t n;
	bool stop;

	if (left_us < 0)
		left_us = 0;
	poll(&pfd, 1, (int)(left_us / MS) + (left_us > 0));
	if ((pfd.revents & POLLIN) != 0 && read(sh->wake_fd, &n, sizeof(n)) < 0)
		n = 0;
	pthread_mutex_lock(&sh->lock);
	job = sh->queue.first;
	list_init(&sh->queue);
	stop = sh->stop;
	sh->busy_since = loop_clock();
	pthread_mutex_unlock(&sh->lock);
	for (; job != NULL; job = next) {
		next = job->next;
		list_add(job->kind == JOB_ASK ? &w->asks : &w->backlog, job);
	}
	return !stop;
}

static void worker_idle(struct worker *w)
{
	pthread_mutex_lock(&w->sh->lock);
	w->sh->busy_since = INSTANT_NONE;
	pthread_mutex_unlock(&w->sh->lock);
}

static void worker_work(struct worker *w, bool last)
{
	struct job *job;

	if (w->db != NULL || last || instant_reached(loop_clock(), w->retry_at))
		worker_commit(w);
	else
		for (job = w->backlog.first; job != NULL; job = job->next)
			worker_answer(w, job, w->why.text);
	while ((job = list_take(&w->asks)) != NULL)
		worker_tell(w, job);
	if (w->db != NULL && instant_reached(loop_clock(), w->prune_at))
		worker_prune(w);
}

/* Read what is stored; a disk that cannot be written may still be read. */
static void worker_load(struct worker *w)
{
	struct store_shared *sh = w->sh;
	int64_t since_us = sh->wall_us - sh->history_us;
	struct err err = { 0 }, ignored = { 0 };
	struct db *db = NULL;
	int r = worker_open(w, &err);

	if (r == 0) {
		r = db_load(w->db, since_us, STORE_INCIDENTS_MAX, &sh->contents,
			    &err);
		if (r == -EUCLEAN && worker_set_aside(w, &err) == 0 &&
		    worker_open(w, &err) == 0)
			r = db_load(w->db, since_us, STORE_INCIDENTS_MAX,
				    &sh->contents, &err);
		sh->loaded = r == 0;
	} else if (r != -EADDRINUSE &&
		   db_open_readonly(&db, sh->path, &ignored) == 0) {
		sh->loaded = db_load(db, since_us, STORE_INCIDENTS_MAX,
				     &sh->contents, &ignored) == 0;
		db_close(db);
	}
	/* Numbers that were lost with the damage must not be given again. */
	if (w->replaced && sh->contents.last_incident == 0)
		sh->loaded = false;
	sh->taken = r == -EADDRINUSE;
	if (r < 0)
		worker_fail(w, &err);
	else
		worker_well(w);
}

void store_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Who waited in store_close() may have given up. */
static void worker_end(struct worker *w)
{
	struct store_shared *sh = w->sh;
	bool abandoned;

	pthread_mutex_lock(&sh->lock);
	sh->finished = true;
	abandoned = sh->abandoned;
	if (!abandoned)
		store_signal(sh->done_fd);
	pthread_mutex_unlock(&sh->lock);
	if (abandoned)
		sh->release(sh->store);
}

void *store_thread(void *shared)
{
	struct worker w = { .sh = shared };
	struct job *job;
	bool more = true;

	w.backoff_us = w.sh->waits->retry_us;
	list_init(&w.backlog);
	list_init(&w.asks);
	w.prune_at = instant_add(loop_clock(), PRUNE_FIRST_US);
	worker_load(&w);
	worker_idle(&w);
	pthread_mutex_lock(&w.sh->lock);
	w.sh->ready = true;
	pthread_mutex_unlock(&w.sh->lock);
	store_signal(w.sh->ready_fd);
	while (more) {
		more = worker_wait(&w);
		worker_work(&w, !more);
		worker_idle(&w);
	}
	/* What could not be written stays counted, for store_close(). */
	while ((job = list_take(&w.backlog)) != NULL)
		free(job);
	db_close(w.db);
	worker_end(&w);
	return NULL;
}
