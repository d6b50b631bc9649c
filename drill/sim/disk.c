#include "drill/sim/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/queue.h"

void disk_init(struct disk *disk)
{
	*disk = (struct disk){ .takes_us = 2 * MS };
}

void disk_done(struct disk *disk)
{
	free(disk->claims);
	free(disk->incidents);
	free(disk->maintenances);
	free(disk->falls);
	free(disk->queue);
	*disk = (struct disk){ 0 };
}

/* Room for one more in @list of @count. */
static void *one_more(void *list, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		*room = 2 * *room + 16;
		list = sim_again(list, *room, size);
	}
	(*count)++;
	return list;
}

/* --- names --------------------------------------------------------------- */

static void copy(char *dest, const char *src)
{
	snprintf(dest, SETTINGS_NAME_MAX + 1, "%s", src);
}

static struct disk_name name_of(const struct settings *set, unsigned haproxy,
				unsigned service, unsigned target)
{
	struct disk_name name = { .haproxy = "" };

	if (haproxy < set->haproxy_count)
		copy(name.haproxy, set->haproxies[haproxy].name);
	if (target < set->target_count) {
		copy(name.target, set->targets[target].name);
		service = set->targets[target].service;
	}
	if (service < set->service_count)
		copy(name.service, set->services[service].name);
	return name;
}

static struct disk_name order_name(const struct store_order *order,
				   const struct settings *set)
{
	switch (order->kind) {
	case STORE_CLAIM:
	case STORE_UNCLAIM:
		return name_of(set, order->claim.haproxy, NOTE_NONE,
			       order->claim.target);
	case STORE_INCIDENT:
		return name_of(set, NOTE_NONE, order->incident.service,
			       order->incident.target);
	case STORE_FALL:
		return name_of(set, NOTE_NONE, NOTE_NONE, order->fall.target);
	default:
		return name_of(set, NOTE_NONE, NOTE_NONE,
			       order->maintenance.target);
	}
}

static bool same(const struct disk_name *a, const struct disk_name *b)
{
	return strcmp(a->haproxy, b->haproxy) == 0 &&
	       strcmp(a->service, b->service) == 0 &&
	       strcmp(a->target, b->target) == 0;
}

static unsigned find_target(const struct settings *set,
			    const struct disk_name *name)
{
	return settings_find_target(
		set, settings_find_service(set, name->service), name->target);
}

/* --- writing ------------------------------------------------------------- */

void disk_order(struct disk *disk, uint64_t id, const struct store_order *order,
		const struct settings *set, struct instant now)
{
	disk->queue = one_more(disk->queue, &disk->queue_count,
			       &disk->queue_room, sizeof(*disk->queue));
	disk->queue[disk->queue_count - 1] = (struct disk_order){
		.id = id,
		.since = now,
		.name = order_name(order, set),
		.order = *order,
	};
}

void disk_lose_queue(struct disk *disk)
{
	disk->queue_count = 0;
	disk->in_commit = 0;
	disk->writing = false;
}

static void put_claim(struct disk *disk, const struct disk_order *order)
{
	size_t i = 0;

	while (i < disk->claim_count &&
	       !same(&disk->claims[i].name, &order->name))
		i++;
	if (order->order.kind == STORE_UNCLAIM) {
		if (i < disk->claim_count)
			disk->claims[i] = disk->claims[--disk->claim_count];
		return;
	}
	if (i == disk->claim_count)
		disk->claims =
			one_more(disk->claims, &disk->claim_count,
				 &disk->claim_room, sizeof(*disk->claims));
	disk->claims[i].name = order->name;
	disk->claims[i].weight_only = order->order.claim.weight_only;
	disk->claims[i].added = order->order.claim.added;
}

/* One open incident for a service, and none that is opened again. */
static void judge(struct disk *disk, const struct disk_incident *kept,
		  const struct incident *inc)
{
	size_t i;

	if (!incident_open(&kept->incident) && incident_open(inc))
		disk->wrong = "a closed incident was opened again";
	for (i = 0; i < disk->incident_count; i++)
		if (incident_open(inc) &&
		    incident_open(&disk->incidents[i].incident) &&
		    disk->incidents[i].incident.number != inc->number &&
		    strcmp(disk->incidents[i].name.service,
			   kept->name.service) == 0)
			disk->wrong = "a service has two open incidents";
}

static void put_incident(struct disk *disk, const struct disk_order *order)
{
	const struct incident *inc = &order->order.incident;
	struct disk_incident *kept;
	size_t i = 0;

	while (i < disk->incident_count &&
	       disk->incidents[i].incident.number != inc->number)
		i++;
	if (i == disk->incident_count) {
		disk->incidents = one_more(
			disk->incidents, &disk->incident_count,
			&disk->incident_room, sizeof(*disk->incidents));
		disk->incidents[i].name = order->name;
		disk->incidents[i].incident = *inc;
	}
	kept = &disk->incidents[i];
	judge(disk, kept, inc);
	kept->incident = *inc;
	/* What the configuration no longer has keeps its name. */
	if (order->name.service[0] != '\0')
		copy(kept->name.service, order->name.service);
	if (order->name.target[0] != '\0')
		copy(kept->name.target, order->name.target);
	if (disk->last_incident < inc->number)
		disk->last_incident = inc->number;
}

static void put_maintenance(struct disk *disk, const struct disk_order *order)
{
	struct disk_maintenance *list = disk->maintenances;
	size_t i = 0;

	while (i < disk->maintenance_count &&
	       !same(&list[i].name, &order->name))
		i++;
	if (!order->order.maintenance.on) {
		if (i < disk->maintenance_count)
			list[i] = list[--disk->maintenance_count];
		return;
	}
	if (i == disk->maintenance_count)
		disk->maintenances = one_more(
			disk->maintenances, &disk->maintenance_count,
			&disk->maintenance_room, sizeof(*disk->maintenances));
	disk->maintenances[i].name = order->name;
	disk->maintenances[i].maintenance = order->order.maintenance;
}

static void put_fall(struct disk *disk, const struct disk_order *order)
{
	size_t i = 0;

	while (i < disk->fall_count &&
	       !same(&disk->falls[i].name, &order->name))
		i++;
	if (i == disk->fall_count)
		disk->falls = one_more(disk->falls, &disk->fall_count,
				       &disk->fall_room, sizeof(*disk->falls));
	disk->falls[i] = (struct disk_fall){ order->name, order->order.fall };
}

static void put(struct disk *disk, const struct disk_order *order)
{
	switch (order->order.kind) {
	case STORE_CLAIM:
	case STORE_UNCLAIM:
		put_claim(disk, order);
		break;
	case STORE_INCIDENT:
		put_incident(disk, order);
		break;
	case STORE_FALL:
		put_fall(disk, order);
		break;
	default:
		put_maintenance(disk, order);
		break;
	}
}

void disk_commit(struct disk *disk)
{
	size_t i;

	disk->writing = false;
	if (disk->in_commit == 0)
		return;
	for (i = 0; i < disk->in_commit; i++)
		put(disk, &disk->queue[i]);
	disk->queue_count -= disk->in_commit;
	memmove(disk->queue, disk->queue + disk->in_commit,
		disk->queue_count * sizeof(*disk->queue));
	disk->in_commit = 0;
}

/* --- reading ------------------------------------------------------------- */

static size_t read_claims(const struct disk *disk, const struct settings *set,
			  struct claim *list)
{
	size_t i, n = 0;

	for (i = 0; i < disk->claim_count; i++) {
		struct claim claim = {
			.haproxy = settings_find_haproxy(
				set, disk->claims[i].name.haproxy),
			.target = find_target(set, &disk->claims[i].name),
			.weight_only = disk->claims[i].weight_only,
			.added = disk->claims[i].added,
		};

		if (claim.haproxy != NOTE_NONE && claim.target != NOTE_NONE)
			list[n++] = claim;
	}
	return n;
}

static size_t read_incidents(struct disk *disk, const struct settings *set,
			     struct incident *list)
{
	size_t i, n = 0;

	for (i = 0; i < disk->incident_count; i++) {
		struct disk_incident *kept = &disk->incidents[i];
		unsigned service =
			settings_find_service(set, kept->name.service);

		if (!incident_open(&kept->incident))
			continue;
		if (service == NOTE_NONE) {
			kept->incident.recovered = kept->incident.detected;
			continue;
		}
		list[n] = kept->incident;
		list[n].service = service;
		list[n++].target = find_target(set, &kept->name);
	}
	return n;
}

static size_t read_maintenances(const struct disk *disk,
				const struct settings *set,
				struct maintenance *list)
{
	size_t i, n = 0;

	for (i = 0; i < disk->maintenance_count; i++) {
		const struct disk_maintenance *kept = &disk->maintenances[i];

		list[n] = kept->maintenance;
		list[n].target = find_target(set, &kept->name);
		if (list[n].target != NOTE_NONE || kept->name.target[0] == '\0')
			n++;
	}
	return n;
}

static size_t read_falls(const struct disk *disk, const struct settings *set,
			 struct fall *list)
{
	size_t i, n = 0;

	for (i = 0; i < disk->fall_count; i++) {
		list[n] = disk->falls[i].fall;
		list[n].target = find_target(set, &disk->falls[i].name);
		n += list[n].target != NOTE_NONE;
	}
	return n;
}

/* What would be there if all that is queued had been written. */
static struct disk written(const struct disk *disk)
{
	struct disk all;
	size_t i;

	disk_init(&all);
	for (i = 0; i < disk->claim_count; i++) {
		all.claims = one_more(all.claims, &all.claim_count,
				      &all.claim_room, sizeof(*all.claims));
		all.claims[i] = disk->claims[i];
	}
	for (i = 0; i < disk->queue_count; i++)
		if (disk->queue[i].order.kind == STORE_CLAIM ||
		    disk->queue[i].order.kind == STORE_UNCLAIM)
			put(&all, &disk->queue[i]);
	return all;
}

struct stored disk_stored(struct disk *disk, const struct settings *set,
			  bool queued)
{
	size_t n = disk->claim_count + disk->queue_count;
	struct claim *claims = sim_alloc(n, sizeof(*claims));
	struct incident *incidents =
		sim_alloc(disk->incident_count, sizeof(*incidents));
	struct maintenance *maintenances =
		sim_alloc(disk->maintenance_count, sizeof(*maintenances));
	struct fall *falls = sim_alloc(disk->fall_count + 1, sizeof(*falls));
	struct stored stored = { .claims = claims,
				 .falls = falls,
				 .incidents = incidents,
				 .maintenances = maintenances,
				 .last_incident = disk->last_incident };

	if (queued) {
		struct disk all = written(disk);

		stored.claim_count = read_claims(&all, set, claims);
		disk_done(&all);
		return stored;
	}
	stored.claim_count = read_claims(disk, set, claims);
	stored.incident_count = read_incidents(disk, set, incidents);
	stored.fall_count = read_falls(disk, set, falls);
	stored.maintenance_count = read_maintenances(disk, set, maintenances);
	return stored;
}

void disk_forget(struct stored *stored)
{
	free((void *)stored->claims);
	free((void *)stored->incidents);
	free((void *)stored->maintenances);
	free((void *)stored->falls);
	*stored = (struct stored){ 0 };
}

bool disk_has_claim(const struct disk *disk, const struct settings *set,
		    unsigned haproxy, unsigned target, bool *ret_weight_only)
{
	struct disk_name name = name_of(set, haproxy, NOTE_NONE, target);
	size_t i;

	for (i = 0; i < disk->claim_count; i++)
		if (same(&disk->claims[i].name, &name)) {
			*ret_weight_only = disk->claims[i].weight_only;
			return true;
		}
	return false;
}

unsigned disk_open_incidents(const struct disk *disk)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < disk->incident_count; i++)
		n += incident_open(&disk->incidents[i].incident);
	return n;
}
