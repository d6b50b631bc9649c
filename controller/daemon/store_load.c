/* What was stored before this start. */
#include "controller/daemon/store_state.h"

#include <stdlib.h>

bool store_ready(const struct store *store)
{
	struct store_shared *sh = (struct store_shared *)&store->sh;
	bool ready;

	pthread_mutex_lock(&sh->lock);
	ready = sh->ready;
	pthread_mutex_unlock(&sh->lock);
	return ready;
}

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

const struct stored_server *store_left(const struct store *store,
				       size_t *ret_count)
{
	*ret_count = store->loaded.left_count;
	return store->loaded.left;
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
