/* The store's beginning and end: its thread, and what both sides share. */
#include "controller/daemon/store_state.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STORE_FILE   "bascule.db"
#define TICK_S       0.25
#define OPEN_WAIT_MS 3000

static bool fd_wait(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

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
		store_reply_free(reply);
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

const struct store_waits store_usual = {
	.order_us = 1 * SECOND,
	.ask_us = 3 * SECOND,
	.hung_us = 2 * SECOND,
	.close_us = 2 * SECOND,
	.retry_us = 1 * SECOND,
};

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
	store->sh.waits = doors->waits != NULL ? doors->waits : &store_usual;
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
	ev_timer_init(&store->tick, store_on_tick, 0, TICK_S);
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
	store_signal(sh->wake_fd);
	fd_wait(sh->done_fd, (int)(sh->waits->close_us / MS));
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
