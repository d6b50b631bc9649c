/* What was stored, in terms of the present settings and this boot. */
#include "controller/daemon/store_queue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void map_warn(const struct store_mapping *map, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void map_warn(const struct store_mapping *map, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (map->doors->say != NULL)
		map->doors->say(map->doors->arg, NOTE_WARNING, text);
}

/* A claim speaks of a server of a backend: the service that uses that backend
 * may have got another name since. */
static unsigned find_server(const struct settings *set,
			    const struct row_claim *row)
{
	unsigned i, target;

	for (i = 0; i < set->service_count; i++) {
		if (set->services[i].backend == NULL ||
		    strcmp(set->services[i].backend, row->backend) != 0)
			continue;
		target = settings_find_target(set, i, row->target);
		if (target != NOTE_NONE)
			return target;
	}
	return NOTE_NONE;
}

static void name_copy(char dest[SETTINGS_NAME_MAX + 1], const char *src)
{
	snprintf(dest, SETTINGS_NAME_MAX + 1, "%.*s", SETTINGS_NAME_MAX, src);
}

static void map_left(const struct row_claim *row, struct stored_server *to)
{
	name_copy(to->haproxy, row->haproxy);
	name_copy(to->backend, row->backend);
	name_copy(to->service, row->service);
	name_copy(to->target, row->target);
	to->added = row->added;
	to->weight_only = row->weight_only;
}

static void map_claims(const struct db_contents *from,
		       const struct store_mapping *map, struct claim *to,
		       size_t *ret_count, struct store_loaded *ret_loaded)
{
	const struct row_claim *row;
	size_t i;

	for (i = 0; i < from->claim_count; i++) {
		row = &from->claims[i];
		to->haproxy = settings_find_haproxy(map->set, row->haproxy);
		to->target = find_server(map->set, row);
		to->weight_only = row->weight_only;
		to->added = row->added;
		if (to->haproxy == NOTE_NONE) {
			map_warn(map,
				 "the store says that we withdrew server %s/%s"
				 " at haproxy %s, which the configuration no"
				 " longer has: look after it yourself",
				 row->backend, row->target, row->haproxy);
			continue;
		}
		if (to->target == NOTE_NONE) {
			map_left(row,
				 &ret_loaded->left[ret_loaded->left_count++]);
			continue;
		}
		to++;
		(*ret_count)++;
	}
}

static void map_maintenances(const struct db_contents *from,
			     const struct store_mapping *map,
			     struct maintenance *to, size_t *ret_count)
{
	const struct row_maintenance *row;
	size_t i;

	for (i = 0; i < from->maintenance_count; i++) {
		row = &from->maintenances[i];
		to->target = NOTE_NONE;
		if (row->target[0] != '\0') {
			to->target = settings_find_target(
				map->set,
				settings_find_service(map->set, row->service),
				row->target);
			if (to->target == NOTE_NONE) {
				map_warn(map,
					 "maintenance of %s/%s is dropped: the"
					 " configuration has no such target",
					 row->service, row->target);
				continue;
			}
		}
		to->on = true;
		to->drain = row->drain;
		to->until_wall_us = row->until_wall_us;
		to->until =
			row->until_wall_us == 0
				? INSTANT_NEVER
				: instant_add(map->now, row->until_wall_us -
								map->wall_us);
		snprintf(to->reason, sizeof(to->reason), "%s", row->reason);
		to++;
		(*ret_count)++;
	}
}

/* What a damaged file says is held to what can be. */
static uint32_t count_of(int64_t value)
{
	return value < 0            ? 0
	       : value > UINT32_MAX ? UINT32_MAX
				    : (uint32_t)value;
}

/* Of a target that is no more nothing need be said. */
static void map_falls(const struct db_contents *from,
		      const struct store_mapping *map, struct fall *to,
		      size_t *ret_count)
{
	const struct row_fall *row;
	size_t i;

	for (i = 0; i < from->fall_count; i++) {
		row = &from->falls[i];
		*to = (struct fall){
			.target = settings_find_target(
				map->set,
				settings_find_service(map->set, row->service),
				row->target),
			.penalty = count_of(row->penalty),
			.count = count_of(row->count),
			.at = { row->at_us },
			.wall_us = row->wall_us,
		};
		if (strcmp(row->boot, map->boot) != 0)
			to->at = instant_add(map->now,
					     row->wall_us - map->wall_us);
		if (to->target == NOTE_NONE)
			continue;
		to++;
		(*ret_count)++;
	}
}

/* Move the incident's instants from another boot into this one: the moment of
 * detection by its wall time, all others by their distance from it, so that
 * the spans stay what they were. */
static void rebase_incident(struct incident *inc,
			    const struct store_mapping *map)
{
	struct instant *const all[] = { &inc->onset_min, &inc->onset_max,
					&inc->detected,  &inc->acted,
					&inc->recovered, &inc->outage_since };
	struct instant anchor = inc->detected, here;
	size_t i;

	if (instant_is_none(anchor))
		return;
	here = instant_add(map->now, inc->detected_wall_us - map->wall_us);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!instant_is_none(*all[i]))
			*all[i] = instant_add(here,
					      instant_diff_us(anchor, *all[i]));
}

/* Returns false where there are no nodes any more. */
static bool map_lost_node(const struct row_incident *row,
			  const struct cluster_settings *cluster,
			  struct incident *to)
{
	unsigned i;

	to->service = INCIDENT_NODE;
	to->target = NOTE_NONE;
	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		if (strcmp(cluster->nodes[i].name, row->target) == 0)
			to->target = i;
	return cluster != NULL;
}

/* Returns false when its service is no more.  An open one whose target is no
 * more goes on: others of the service may be down. */
static bool map_incident(const struct row_incident *row,
			 const struct store_mapping *map, struct incident *to)
{
	unsigned service = settings_find_service(map->set, row->service);
	unsigned target = settings_find_target(map->set, service, row->target);

	*to = row->inc;
	to->nodes = incident_nodes_read(row->nodes, map->set->cluster);
	if (strcmp(row->boot, map->boot) != 0)
		rebase_incident(to, map);
	if (service == NOTE_NONE &&
	    strcmp(row->service, INCIDENT_NODE_NAME) == 0)
		return map_lost_node(row, map->set->cluster, to);
	/* A closed one counts for its service whichever target it was. */
	if (target == NOTE_NONE && service != NOTE_NONE && !incident_open(to))
		target = map->set->services[service].first_target;
	to->service = service;
	to->target = target;
	return service != NOTE_NONE;
}

/* Rows come with the open ones first, and each part newest first. */
static void map_incidents(const struct db_contents *from,
			  const struct store_mapping *map,
			  struct store_loaded *to, struct incident *open,
			  struct row_incident *gone, size_t *ret_gone)
{
	const struct row_incident *row;
	struct incident inc;
	size_t i;

	for (i = from->incident_count; i-- > 0;) {
		row = &from->incidents[i];
		if (map_incident(row, map, &inc)) {
			if (incident_open(&inc))
				open[to->stored.incident_count++] = inc;
			else
				to->closed[to->closed_count++] = inc;
		} else if (incident_open(&row->inc)) {
			map_warn(map,
				 "incident %u is closed: the configuration no"
				 " longer has %s/%s",
				 (unsigned)row->inc.number, row->service,
				 row->target);
			gone[(*ret_gone)++] = *row;
		}
	}
}

int store_map(const struct db_contents *contents,
	      const struct store_mapping *map, struct store_loaded *ret_loaded,
	      struct row_incident **ret_gone, size_t *ret_gone_count)
{
	struct store_loaded to = { 0 };
	struct claim *claims =
		calloc(contents->claim_count + 1, sizeof(*claims));
	struct maintenance *maints =
		calloc(contents->maintenance_count + 1, sizeof(*maints));
	struct fall *falls = calloc(contents->fall_count + 1, sizeof(*falls));
	struct incident *open =
		calloc(contents->incident_count + 1, sizeof(*open));
	struct row_incident *gone =
		calloc(contents->incident_count + 1, sizeof(*gone));

	to.left = calloc(contents->claim_count + 1, sizeof(*to.left));
	to.closed = calloc(contents->incident_count + 1, sizeof(*to.closed));
	to.stored.claims = claims;
	to.stored.maintenances = maints;
	to.stored.falls = falls;
	to.stored.incidents = open;
	to.stored.last_incident = contents->last_incident;
	if (claims == NULL || maints == NULL || falls == NULL || open == NULL ||
	    gone == NULL || to.closed == NULL || to.left == NULL) {
		free(gone);
		store_loaded_done(&to);
		return -ENOMEM;
	}
	map_claims(contents, map, claims, &to.stored.claim_count, &to);
	map_maintenances(contents, map, maints, &to.stored.maintenance_count);
	map_falls(contents, map, falls, &to.stored.fall_count);
	*ret_gone_count = 0;
	map_incidents(contents, map, &to, open, gone, ret_gone_count);
	*ret_loaded = to;
	*ret_gone = gone;
	return 0;
}

void store_loaded_done(struct store_loaded *loaded)
{
	free((void *)loaded->stored.claims);
	free((void *)loaded->stored.maintenances);
	free((void *)loaded->stored.falls);
	free((void *)loaded->stored.incidents);
	free(loaded->closed);
	free(loaded->left);
	memset(loaded, 0, sizeof(*loaded));
}
