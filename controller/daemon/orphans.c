#include "controller/daemon/orphans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct orphan {
	char haproxy[SETTINGS_NAME_MAX + 1];
	char service[SETTINGS_NAME_MAX + 1];
	char target[SETTINGS_NAME_MAX + 1];
	char backend[SETTINGS_NAME_MAX + 1];
	bool weight_only, added, said;
	enum note_left how; /* unless its weight alone is ours */
	int64_t drain_us;   /* of its service */
};

/* What a service drains for that nobody remembers. */
#define DRAIN_US (10 * SECOND)

void orphans_done(struct orphans *orphans)
{
	free(orphans->list);
	*orphans = (struct orphans){ 0 };
}

static size_t claimed(const struct ctl *ctl, const struct settings *set)
{
	size_t count = 0;
	unsigned h, t;
	bool weight;

	for (h = 0; h < set->haproxy_count; h++)
		for (t = 0; t < set->target_count; t++)
			count += ctl_claimed(ctl, h, t, &weight);
	return count;
}

static void name(char *dest, const char *src)
{
	if (src == NULL)
		src = "";
	strncpy(dest, src, SETTINGS_NAME_MAX);
	dest[SETTINGS_NAME_MAX] = '\0';
}

int orphans_add(struct orphans *orphans, const struct ctl *ctl,
		const struct settings *set)
{
	size_t more = claimed(ctl, set);
	struct orphan *o;
	unsigned h, t;
	bool weight;

	if (more == 0)
		return 0;
	o = realloc(orphans->list, (orphans->count + more) * sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	orphans->list = o;
	for (h = 0; h < set->haproxy_count; h++)
		for (t = 0; t < set->target_count; t++) {
			const struct target_settings *ts = &set->targets[t];

			if (!ctl_claimed(ctl, h, t, &weight))
				continue;
			o = &orphans->list[orphans->count++];
			*o = (struct orphan){ 0 };
			name(o->haproxy, set->haproxies[h].name);
			name(o->service, set->services[ts->service].name);
			name(o->target, ts->name);
			name(o->backend, set->services[ts->service].backend);
			o->weight_only = weight;
			o->added = ctl_added(ctl, h, t);
			o->said = ctl_server(ctl, h, t) == SERVER_ABSENT;
			o->how = ctl_by_agent(ctl, h, t) ? LEFT_AGENT
							 : LEFT_MAINT;
			o->drain_us = set->services[ts->service].drain_us;
		}
	return 0;
}

static bool find(const struct orphan *o, const struct settings *set,
		 struct claim *ret_claim)
{
	const unsigned h = settings_find_haproxy(set, o->haproxy);
	const unsigned s = settings_find_service(set, o->service);
	const unsigned t = settings_find_target(set, s, o->target);

	if (h == SETTINGS_NONE || t == SETTINGS_NONE)
		return false;
	/* Elsewhere it is another server, and what we added has to go. */
	if (o->added && (set->services[s].backend == NULL ||
			 strcmp(set->services[s].backend, o->backend) != 0))
		return false;
	/* Its removal may have begun: in maintenance. */
	*ret_claim = (struct claim){
		.haproxy = h,
		.target = t,
		.weight_only = o->weight_only && !o->added,
		.added = o->added,
	};
	return true;
}

int orphans_take(struct orphans *orphans, const struct settings *set,
		 struct claim **ret_claims, size_t *ret_count)
{
	struct claim *claims = calloc(orphans->count + 1, sizeof(*claims));
	size_t i, kept = 0, count = 0;

	if (claims == NULL)
		return -ENOMEM;
	for (i = 0; i < orphans->count; i++)
		if (find(&orphans->list[i], set, &claims[count]))
			count++;
		else
			orphans->list[kept++] = orphans->list[i];
	orphans->count = kept;
	*ret_claims = claims;
	*ret_count = count;
	return 0;
}

int orphans_add_stored(struct orphans *orphans,
		       const struct stored_server *list, size_t count)
{
	struct orphan *o;
	size_t i;

	if (count == 0)
		return 0;
	o = realloc(orphans->list, (orphans->count + count) * sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	orphans->list = o;
	for (i = 0; i < count; i++) {
		o = &orphans->list[orphans->count++];
		*o = (struct orphan){ .added = list[i].added,
				      .weight_only = list[i].weight_only,
				      .how = LEFT_EITHER,
				      .drain_us = DRAIN_US };
		name(o->haproxy, list[i].haproxy);
		name(o->service, list[i].service);
		name(o->target, list[i].target);
		name(o->backend, list[i].backend);
	}
	return 0;
}

int orphans_added(const struct orphans *orphans, const char *haproxy,
		  struct removal **ret_list, size_t *ret_count)
{
	struct removal *list = calloc(orphans->count + 1, sizeof(*list));
	size_t i, count = 0;

	if (list == NULL)
		return -ENOMEM;
	for (i = 0; i < orphans->count; i++) {
		const struct orphan *o = &orphans->list[i];

		if (!o->added || strcmp(o->haproxy, haproxy) != 0)
			continue;
		name(list[count].backend, o->backend);
		name(list[count].name, o->target);
		list[count++].grace_us = o->drain_us;
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}

bool orphans_next(struct orphans *orphans, struct orphan_left *ret_left)
{
	struct orphan *o;

	for (o = orphans->list; o < orphans->list + orphans->count; o++) {
		if (o->added || o->said)
			continue;
		o->said = true;
		*ret_left = (struct orphan_left){
			.haproxy = o->haproxy,
			.backend = o->backend,
			.name = o->target,
			.how = o->weight_only ? LEFT_WEIGHT : o->how,
		};
		return true;
	}
	return false;
}

void orphans_drop(struct orphans *orphans, const char *haproxy,
		  const struct removal *removal)
{
	size_t i, kept = 0;

	for (i = 0; i < orphans->count; i++) {
		const struct orphan *o = &orphans->list[i];

		if (!o->added || strcmp(o->haproxy, haproxy) != 0 ||
		    strcmp(o->backend, removal->backend) != 0 ||
		    strcmp(o->target, removal->name) != 0)
			orphans->list[kept++] = *o;
	}
	orphans->count = kept;
}
