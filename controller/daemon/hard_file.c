#include "controller/daemon/hard_file.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controller/io/file.h"
#include "controller/io/thread.h"

struct job {
	uint64_t id;
	size_t size;
	uint8_t bytes[HARD_FILE_BYTES_MAX];
};

/* What the two threads share; freed by the last one. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int over_fd; /* owned: readable once the thread has ended */
	unsigned users;
	bool stop, asked, over;
	int last;        /* 0, or why the last write failed */
	struct job next; /* while asked */
	/* Answers on their way; the failure is the later one. */
	bool stored, failed;
	uint64_t stored_id, failed_id;
	struct err why;
	struct ev_loop *ev; /* borrowed; NULL once the file is closed */
	ev_async *async;    /* borrowed, as ev */
	/* The thread's: */
	struct job job;
	char *path; /* owned */
};

struct hard_file {
	struct loop *loop; /* borrowed */
	struct desk *desk;
	ev_async async;
	hard_file_fn fn;
	void *arg;
};

int hard_file_read(const char *path, uint8_t *buf, size_t size,
		   size_t *ret_size, struct err *err)
{
	char *text = NULL;
	size_t used = 0;
	int r = file_read(path, size, &text, &used, err);

	if (r == 0 && used == 0)
		r = err_set(err, -EUCLEAN, "%s: empty", path);
	if (r == -EFBIG || r == -EISDIR)
		r = -EUCLEAN;
	if (r == 0) {
		memcpy(buf, text, used);
		*ret_size = used;
	}
	free(text);
	if (err != NULL)
		err->code = r;
	return r;
}

/* ---- the desk ---- */

static void desk_free(struct desk *desk)
{
	pthread_mutex_destroy(&desk->lock);
	pthread_cond_destroy(&desk->wake);
	if (desk->over_fd >= 0)
		close(desk->over_fd);
	free(desk->path);
	free(desk);
}

static struct desk *desk_new(const char *path)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	if (desk == NULL)
		return NULL;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->wake, NULL);
	desk->over_fd = eventfd(0, EFD_CLOEXEC);
	desk->path = strdup(path);
	if (desk->path == NULL || desk->over_fd < 0) {
		desk_free(desk);
		return NULL;
	}
	return desk;
}

/* Called with the lock held, which it releases. */
static void desk_leave(struct desk *desk)
{
	bool last = --desk->users == 0;

	pthread_mutex_unlock(&desk->lock);
	if (last)
		desk_free(desk);
}

/* Called with the lock held.  Storing heals what failed before. */
static void desk_answer(struct desk *desk, uint64_t id, const struct err *err)
{
	desk->failed = err->code != 0;
	if (desk->failed) {
		desk->failed_id = id;
		desk->why = *err;
	} else {
		desk->stored = true;
		desk->stored_id = id;
	}
	if (desk->ev != NULL)
		ev_async_send(desk->ev, desk->async);
}

static void *desk_thread(void *arg)
{
	struct desk *desk = arg;
	struct err err;

	pthread_mutex_lock(&desk->lock);
	while (desk->asked || !desk->stop) {
		if (!desk->asked) {
			pthread_cond_wait(&desk->wake, &desk->lock);
			continue;
		}
		desk->job = desk->next;
		desk->asked = false;
		pthread_mutex_unlock(&desk->lock);
		err = (struct err){ 0 };
		file_write(desk->path, desk->job.bytes, desk->job.size, true,
			   &err);
		pthread_mutex_lock(&desk->lock);
		desk->last = err.code;
		desk_answer(desk, desk->job.id, &err);
	}
	desk->over = true;
	eventfd_write(desk->over_fd, 1);
	desk_leave(desk);
	return NULL;
}

/* ---- the loop's side ---- */

static void on_answer(struct ev_loop *ev, ev_async *w, int events)
{
	struct hard_file *file = w->data;
	struct desk *desk = file->desk;
	uint64_t stored_id, failed_id;
	bool stored, failed;
	struct err why;

	(void)ev;
	(void)events;
	pthread_mutex_lock(&desk->lock);
	stored = desk->stored;
	failed = desk->failed;
	stored_id = desk->stored_id;
	failed_id = desk->failed_id;
	why = desk->why;
	desk->stored = desk->failed = false;
	pthread_mutex_unlock(&desk->lock);
	if (stored)
		file->fn(file->arg, stored_id, NULL);
	if (failed)
		file->fn(file->arg, failed_id, why.text);
}

int hard_file_open(struct hard_file **ret_file, struct loop *loop,
		   const char *path, hard_file_fn fn, void *arg,
		   struct err *err)
{
	struct hard_file *file = calloc(1, sizeof(*file));
	struct desk *desk = file != NULL ? desk_new(path) : NULL;
	int r = -ENOMEM;

	if (desk == NULL)
		goto fail;
	*file = (struct hard_file){ loop, desk, .fn = fn, .arg = arg };
	ev_async_init(&file->async, on_answer);
	file->async.data = file;
	desk->ev = loop_ev(loop);
	desk->async = &file->async;
	desk->users = 2;
	r = thread_start(desk_thread, desk);
	if (r < 0)
		goto fail;
	ev_async_start(loop_ev(loop), &file->async);
	*ret_file = file;
	return 0;
fail:
	if (desk != NULL)
		desk_free(desk);
	free(file);
	return err_set(err, r, "%s: %s", path, strerror(-r));
}

void hard_file_write(struct hard_file *file, uint64_t id, const void *bytes,
		     size_t size)
{
	struct desk *desk = file->desk;

	assert(size > 0 && size <= HARD_FILE_BYTES_MAX);
	pthread_mutex_lock(&desk->lock);
	desk->next.id = id;
	desk->next.size = size;
	memcpy(desk->next.bytes, bytes, size);
	desk->asked = true;
	pthread_cond_signal(&desk->wake);
	pthread_mutex_unlock(&desk->lock);
}

bool hard_file_close(struct hard_file *file, int64_t wait_us)
{
	struct pollfd over = { .events = POLLIN };
	struct desk *desk;
	bool whole;

	if (file == NULL)
		return true;
	desk = file->desk;
	pthread_mutex_lock(&desk->lock);
	desk->stop = true;
	desk->ev = NULL;
	pthread_cond_signal(&desk->wake);
	pthread_mutex_unlock(&desk->lock);
	over.fd = desk->over_fd;
	poll(&over, 1, (int)(wait_us / MS));
	pthread_mutex_lock(&desk->lock);
	whole = desk->over && desk->last == 0;
	desk_leave(desk);
	ev_async_stop(loop_ev(file->loop), &file->async);
	free(file);
	return whole;
}
