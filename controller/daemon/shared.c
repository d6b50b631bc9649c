#include "controller/daemon/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/incident_wire.h"

#define REFRESH_US  (1 * SECOND)
#define CHANGED_MAX 16
#define CLOSED_ONCE 8
#define HEARD_MAX   (MESSAGE_INCIDENTS_BYTES_MAX / 64)

struct shared {
	const struct settings *set; /* borrowed */
	struct incident changed[CHANGED_MAX];
	unsigned changed_count;
	struct instant refresh;
	bool telling;
	size_t turn; /* how many closed ones from the newest were told */
	uint8_t body[MESSAGE_INCIDENTS_BYTES_MAX];
	size_t used;
	struct incident_heard heard[HEARD_MAX];
};

struct shared *shared_new(const struct settings *set)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (shared == NULL)
		return NULL;
	shared->set = set;
	shared->refresh = INSTANT_NONE;
	return shared;
}

void shared_free(struct shared *shared)
{
	free(shared);
}

void shared_reload(struct shared *shared, const struct settings *set)
{
	/* What has changed bears the old indices; it is told in its turn. */
	shared->changed_count = 0;
	shared->refresh = INSTANT_NONE;
	shared->set = set;
}

/* ---- names ---- */

static uint32_t target_id(const struct settings *set, unsigned target)
{
	const struct target_settings *t = &set->targets[target];
	char name[2 * SETTINGS_NAME_MAX + 2];

	snprintf(name, sizeof(name), "%s/%s", set->services[t->service].name,
		 t->name);
	return message_id(name);
}

/* False: it cannot be told, its service is gone. */
static bool ids_of(const struct settings *set, const struct incident *inc,
		   struct incident_ids *ret_ids)
{
	const struct cluster_settings *cluster = set->cluster;

	*ret_ids = (struct incident_ids){ INCIDENT_WIRE_NODE, 0 };
	if (inc->service == INCIDENT_NODE) {
		if (inc->target < cluster->node_count)
			ret_ids->target =
				message_id(cluster->nodes[inc->target].name);
		return true;
	}
	if (inc->service >= set->service_count)
		return false;
	ret_ids->service = message_id(set->services[inc->service].name);
	if (inc->target < set->target_count)
		ret_ids->target = target_id(set, inc->target);
	return true;
}

static unsigned node_of(const struct cluster_settings *cluster, uint32_t id)
{
	unsigned i;

	for (i = 0; i < cluster->node_count; i++)
		if (message_id(cluster->nodes[i].name) == id)
			return i;
	return NOTE_NONE;
}

static unsigned target_of(const struct settings *set, unsigned service,
			  uint32_t id)
{
	const struct service_settings *svc = &set->services[service];
	unsigned i;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		if (target_id(set, i) == id)
			return i;
	return NOTE_NONE;
}

/* False: there is no such service here. */
static bool find_names(const struct settings *set,
		       const struct incident_ids *ids, struct incident *inc)
{
	unsigned i;

	if (ids->service == INCIDENT_WIRE_NODE) {
		inc->service = INCIDENT_NODE;
		inc->target = node_of(set->cluster, ids->target);
		return true;
	}
	for (i = 0; i < set->service_count; i++)
		if (message_id(set->services[i].name) == ids->service)
			break;
	if (i == set->service_count)
		return false;
	inc->service = i;
	inc->target = target_of(set, i, ids->target);
	return true;
}

/* What is no longer kept is not brought back by a node that still has it. */
static bool is_kept(const struct shared *shared, const struct incident *inc,
		    struct instant now)
{
	return incident_open(inc) || instant_is_none(inc->recovered) ||
	       instant_diff_us(inc->recovered, now) <= shared->set->history_us;
}

/* ---- telling ---- */

static void flush(struct shared *shared, shared_send_fn send, void *arg)
{
	if (shared->used > 0)
		send(arg, shared->body, shared->used);
	shared->used = 0;
}

static void put(struct shared *shared, const struct incident *inc,
		struct instant now, shared_send_fn send, void *arg)
{
	struct incident_ids ids;

	if (!ids_of(shared->set, inc, &ids))
		return;
	if (sizeof(shared->body) - shared->used < INCIDENT_WIRE_MAX)
		flush(shared, send, arg);
	shared->used +=
		incident_encode(inc, &ids, now, shared->body + shared->used,
				sizeof(shared->body) - shared->used);
}

void shared_changed(struct shared *shared, const struct incident *inc)
{
	/* What finds no room is told with the next refresh, if it is open, or
	 * in its turn. */
	if (shared->changed_count < CHANGED_MAX)
		shared->changed[shared->changed_count++] = *inc;
	else
		shared->refresh = INSTANT_NONE;
}

bool shared_refresh_due(const struct shared *shared, struct instant now)
{
	return instant_is_none(shared->refresh) ||
	       instant_reached(now, shared->refresh);
}

struct instant shared_deadline(const struct shared *shared)
{
	return shared->changed_count > 0 ? INSTANT_NONE : shared->refresh;
}

/* From the newest to the oldest, and again. */
static void put_closed(struct shared *shared, const struct incident *list,
		       size_t count, struct instant now, shared_send_fn send,
		       void *arg)
{
	const struct incident *inc;
	unsigned i, n = 0;

	for (i = 0; i < 4 * CLOSED_ONCE && n < CLOSED_ONCE; i++) {
		if (shared->turn >= count) {
			shared->turn = 0;
			return;
		}
		inc = &list[count - 1 - shared->turn++];
		if (incident_open(inc) || !is_kept(shared, inc, now))
			continue;
		put(shared, inc, now, send, arg);
		n++;
	}
}

void shared_tell(struct shared *shared, const struct window *win,
		 struct instant now, shared_send_fn send, void *arg)
{
	const struct incident *list;
	size_t count, i;

	/* Sending may lead back here. */
	if (shared->telling)
		return;
	shared->telling = true;
	for (i = 0; i < shared->changed_count; i++)
		put(shared, &shared->changed[i], now, send, arg);
	shared->changed_count = 0;
	if (shared_refresh_due(shared, now)) {
		list = window_list(win, &count);
		for (i = 0; i < count; i++)
			if (incident_open(&list[i]))
				put(shared, &list[i], now, send, arg);
		put_closed(shared, list, count, now, send, arg);
		shared->refresh = instant_add(now, REFRESH_US);
	}
	flush(shared, send, arg);
	shared->telling = false;
}

/* ---- hearing ---- */

/* A closed record here with another number for the same outage. */
static const struct incident *find_same(const struct window *win,
					const struct incident *inc)
{
	const struct incident *list;
	size_t count;

	list = window_list(win, &count);
	for (; count > 0; count--)
		if (!incident_open(&list[count - 1]) &&
		    incident_same(&list[count - 1], inc))
			return &list[count - 1];
	return NULL;
}

/* False: it says nothing new, or of what is not known here. */
static bool is_news(const struct shared *shared, const struct window *win,
		    const struct incident_ids *ids, struct instant now,
		    struct incident_heard *heard)
{
	struct incident *inc = &heard->incident;

	heard->known = NULL;
	heard->same = NULL;
	if (!find_names(shared->set, ids, inc) || !is_kept(shared, inc, now))
		return false;
	if (inc->number == 0)
		return true;
	heard->known = window_find(win, inc->number);
	if (heard->known != NULL && !incident_newer(inc, heard->known))
		return false;
	heard->same = find_same(win, inc);
	return true;
}

struct incidents_heard shared_hear(struct shared *shared,
				   const struct window *win, unsigned node,
				   const struct message *msg,
				   struct instant now)
{
	const uint8_t *at = msg->incidents.body;
	size_t left = msg->incidents.size;
	struct incident_heard *heard;
	struct incident_ids ids;
	unsigned count = 0;
	int bytes;

	while (left > 0 && count < HEARD_MAX) {
		heard = &shared->heard[count];
		bytes = incident_decode(at, left, now, &heard->incident, &ids);
		if (bytes < 0)
			break;
		count += is_news(shared, win, &ids, now, heard);
		at += bytes;
		left -= (size_t)bytes;
	}
	return (struct incidents_heard){ node, shared->heard, count };
}

struct incidents_heard shared_strays(struct shared *shared,
				     const struct window *win,
				     const struct ctl *ctl)
{
	const struct incident *list, *open;
	unsigned found = 0;
	size_t count, i;

	list = window_list(win, &count);
	for (i = 0; i < count && found < HEARD_MAX; i++) {
		if (!incident_open(&list[i]))
			continue;
		open = ctl_incident(ctl, list[i].service);
		if (open == NULL || open->number != list[i].number)
			shared->heard[found++] = (struct incident_heard){
				.incident = list[i],
			};
	}
	return (struct incidents_heard){ shared->set->cluster->self,
					 shared->heard, found };
}
