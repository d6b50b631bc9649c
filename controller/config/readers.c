/* The readers of a group: a service of the same targets, which is not in the
 * file. */

#include <stdio.h>
#include <string.h>

#include "controller/config/check.h"

#define SUFFIX "/readers"

static bool has_readers(const struct service_settings *svc)
{
	return svc->failover != NULL && svc->failover->readers != NULL;
}

static const char *name_of(const struct reader *reader,
			   const struct service_settings *svc)
{
	size_t size = strlen(svc->name) + sizeof(SUFFIX);
	char *name = arena_alloc(reader->arena, size);

	if (name != NULL)
		snprintf(name, size, "%s" SUFFIX, svc->name);
	return name;
}

/* It is not a group, and what an instance suffers is an incident of that. */
static void add(const struct reader *reader, struct settings *set,
		unsigned group)
{
	const struct service_settings *of = &set->services[group];
	unsigned service = set->service_count++, i;
	struct service_settings *svc = &set->services[service];

	*svc = *of;
	svc->name = name_of(reader, of);
	svc->backend = of->backend == NULL ? NULL : of->failover->readers;
	svc->add_servers = false;
	svc->agree = AGREE_LOCAL;
	svc->min_up = of->failover->readers_min_up;
	svc->max_withdrawn = 0;
	svc->on_panic = PANIC_HOLD;
	/* Who keeps a session to one that is too old reads from it on. */
	svc->sessions = SESSIONS_END;
	svc->depends_on_count = 0;
	svc->depends_count = 0;
	svc->objective = (struct objective){ 0 };
	svc->failover = NULL;
	svc->readers_of = group + 1;
	svc->first_target = set->target_count;
	for (i = 0; i < of->target_count; i++) {
		struct target_settings *t = &set->targets[set->target_count++];

		*t = set->targets[of->first_target + i];
		t->service = service;
		t->pidfile = NULL;
		t->unit = NULL;
	}
}

void readers_settle(const struct reader *reader, struct settings *set)
{
	unsigned services = set->service_count, targets = set->target_count;
	struct service_settings *list;
	struct target_settings *all;
	unsigned i, n = services, m = targets;

	for (i = 0; i < services; i++)
		if (has_readers(&set->services[i])) {
			n++;
			m += set->services[i].target_count;
		}
	if (n == services)
		return;
	list = arena_array(reader->arena, n, sizeof(*list));
	all = arena_array(reader->arena, m, sizeof(*all));
	if (list == NULL || all == NULL)
		return;
	memcpy(list, set->services, services * sizeof(*list));
	memcpy(all, set->targets, targets * sizeof(*all));
	set->services = list;
	set->targets = all;
	for (i = 0; i < services; i++)
		if (has_readers(&set->services[i]))
			add(reader, set, i);
}
