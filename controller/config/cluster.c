#include "controller/config/cluster.h"

#include <string.h>

#include "controller/config/keys.h"
#include "controller/config/vip.h"

#define HAPROXY_PREFIX "haproxy:"

static unsigned nodes_count(const struct reader *reader,
			    const config_setting_t *list)
{
	unsigned count;

	if (list == NULL)
		return 0;
	count = (unsigned)config_setting_length(list);
	if (count <= SETTINGS_NODES_MAX)
		return count;
	reader_error(reader, list, "there are %u nodes: %d are the limit",
		     count, SETTINGS_NODES_MAX);
	return SETTINGS_NODES_MAX;
}

static void node_read(const struct reader *reader, struct node_settings *node,
		      config_setting_t *group)
{
	node->line = group->line;
	block_defaults(reader, &keys_node, node);
	if (config_setting_is_group(group))
		block_read(reader, &keys_node, group, node);
}

/* The index of the node @name, node_count if there is none. */
static unsigned node_find(const struct cluster_settings *cluster,
			  const char *name)
{
	const struct node_settings *node;
	unsigned i;

	for (i = 0; i < cluster->node_count; i++) {
		node = &cluster->nodes[i];
		if (node->name != NULL && name != NULL &&
		    strcmp(node->name, name) == 0)
			break;
	}
	return i;
}

void cluster_read(const struct reader *reader, struct settings *settings,
		  config_setting_t *root)
{
	struct primary_settings *primary = &settings->primary;
	struct cluster_settings *cluster = settings->cluster;
	config_setting_t *list;
	unsigned i;

	if (primary->demote_timeout_us == 0)
		primary->demote_timeout_us = primary->hook_timeout_us;
	vip_read(reader, primary->vip,
		 block_given(block_given(root, "primary"), "vip"));
	if (cluster == NULL)
		return;
	list = block_list(block_given(root, "cluster"), "nodes");
	cluster->node_count = nodes_count(reader, list);
	cluster->nodes = arena_array(reader->arena, cluster->node_count,
				     sizeof(*cluster->nodes));
	if (cluster->nodes == NULL)
		cluster->node_count = 0;
	for (i = 0; i < cluster->node_count; i++)
		node_read(reader, &cluster->nodes[i],
			  config_setting_get_elem(list, i));
	cluster->self = node_find(cluster, settings->node);
	if (cluster->routing_lease_us == 0)
		cluster->routing_lease_us = 2 * cluster->lease_us;
}

static void haproxies_keep(struct settings *settings)
{
	const struct haproxy_settings *haproxy;
	unsigned i, kept = 0;

	for (i = 0; i < settings->haproxy_count; i++) {
		haproxy = &settings->haproxies[i];
		if (haproxy->node == NULL ||
		    strcmp(haproxy->node, settings->node) == 0)
			settings->haproxies[kept++] = *haproxy;
	}
	settings->haproxy_count = kept;
	/* There is nothing to act on: such a service is only reported. */
	for (i = 0; kept == 0 && i < settings->service_count; i++)
		settings->services[i].backend = NULL;
}

static bool is_required(const struct primary_settings *primary,
			const char *haproxy)
{
	size_t i;

	for (i = 0; i < primary->requires_count; i++)
		if (strcmp(primary->requires[i] + strlen(HAPROXY_PREFIX),
			   haproxy) == 0)
			return true;
	return false;
}

void cluster_settle(const struct reader *reader, struct settings *settings)
{
	struct primary_settings *primary = &settings->primary;
	unsigned *list, i;

	haproxies_keep(settings);
	list = arena_array(reader->arena, settings->haproxy_count,
			   sizeof(*list));
	if (list == NULL)
		return;
	for (i = 0; i < settings->haproxy_count; i++)
		if (is_required(primary, settings->haproxies[i].name))
			list[primary->required_haproxy_count++] = i;
	primary->required_haproxies = list;
}
