#include "controller/config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A target of the old settings, sortable. */
struct known {
	const char *service, *target; /* borrowed from the settings */
	unsigned index;
};

static int known_compare(const void *left, const void *right)
{
	const struct known *a = left, *b = right;
	int r = strcmp(a->service, b->service);

	return r != 0 ? r : strcmp(a->target, b->target);
}

static struct known known_make(const struct settings *settings, unsigned index)
{
	const struct target_settings *target = &settings->targets[index];

	return (struct known){
		.service = settings->services[target->service].name,
		.target = target->name,
		.index = index,
	};
}

int settings_map_targets(const struct settings *new_set,
			 const struct settings *old, unsigned *ret_old_index)
{
	struct known *known, *found, wanted;
	unsigned i;

	known = malloc((old->target_count + 1) * sizeof(*known));
	if (known == NULL)
		return -ENOMEM;
	for (i = 0; i < old->target_count; i++)
		known[i] = known_make(old, i);
	qsort(known, old->target_count, sizeof(*known), known_compare);
	for (i = 0; i < new_set->target_count; i++) {
		wanted = known_make(new_set, i);
		found = bsearch(&wanted, known, old->target_count,
				sizeof(*known), known_compare);
		ret_old_index[i] = found ? found->index : SETTINGS_NONE;
	}
	free(known);
	return 0;
}

static bool addresses_same(const struct node_settings *a,
			   const struct node_settings *b)
{
	size_t i;

	if (a->address_count != b->address_count)
		return false;
	for (i = 0; i < a->address_count; i++)
		if (a->addresses[i].port != b->addresses[i].port ||
		    strcmp(a->addresses[i].host, b->addresses[i].host) != 0)
			return false;
	return true;
}

static bool nodes_same(const struct cluster_settings *a,
		       const struct cluster_settings *b)
{
	const struct node_settings *left, *right;
	unsigned i;

	if (a->node_count != b->node_count || a->self != b->self)
		return false;
	for (i = 0; i < a->node_count; i++) {
		left = &a->nodes[i];
		right = &b->nodes[i];
		if (strcmp(left->name, right->name) != 0 ||
		    left->priority != right->priority ||
		    left->witness != right->witness ||
		    !addresses_same(left, right))
			return false;
	}
	return true;
}

bool settings_vip_same(const struct vip_settings *a,
		       const struct vip_settings *b)
{
	unsigned i;

	if (a == NULL || b == NULL)
		return a == b;
	if (a->driver != b->driver || a->address_count != b->address_count ||
	    strcmp(a->interface, b->interface) != 0 ||
	    strcmp(a->track_file, b->track_file) != 0 ||
	    !settings_text_same(a->notify_fifo, b->notify_fifo))
		return false;
	for (i = 0; i < a->address_count; i++)
		if (!vip_same(&a->addresses[i], &b->addresses[i]) ||
		    a->addresses[i].prefix != b->addresses[i].prefix)
			return false;
	return true;
}

bool settings_cluster_same(const struct cluster_settings *a,
			   const struct cluster_settings *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->name, b->name) == 0 &&
	       strcmp(a->key_file, b->key_file) == 0 &&
	       a->engine == b->engine && a->heartbeat_us == b->heartbeat_us &&
	       a->lease_us == b->lease_us &&
	       a->routing_lease_us == b->routing_lease_us &&
	       a->drift_ppm == b->drift_ppm && a->preempt == b->preempt &&
	       a->preempt_delay_us == b->preempt_delay_us && nodes_same(a, b);
}
