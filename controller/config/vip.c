#include "controller/config/vip.h"

#include <net/if.h>
#include <string.h>

#define TRACK_MAX 240 /* with what is put behind it while it is written */

void vip_read(const struct reader *reader, struct vip_settings *vip,
	      config_setting_t *group)
{
	config_setting_t *list = block_given(group, "addresses");
	struct vip_address *next;
	struct err err;
	unsigned i, j;

	if (vip == NULL)
		return;
	for (i = 0; i < vip->text_count && i < VIP_ADDRESSES_MAX; i++) {
		next = &vip->addresses[vip->address_count];
		if (vip_parse(vip->texts[i], next, &err) < 0) {
			reader_error(reader, list, "addresses: \"%.80s\" %s",
				     vip->texts[i], err.text);
			continue;
		}
		for (j = 0; j < vip->address_count; j++)
			if (vip_same(next, &vip->addresses[j]))
				break;
		if (j < vip->address_count)
			reader_error(reader, list,
				     "addresses: \"%.80s\" stands there twice",
				     vip->texts[i]);
		else
			vip->address_count++;
	}
}

/* Clients would lose it with the node that it moves away from, and so would
 * the other nodes. */
static void check_node(const struct reader *reader,
		       const struct vip_settings *vip,
		       const struct node_settings *node, config_setting_t *list)
{
	struct vip_address own;
	unsigned i, j;

	for (i = 0; i < node->address_count; i++) {
		if (node->addresses[i].host == NULL ||
		    vip_parse(node->addresses[i].host, &own, NULL) < 0)
			continue;
		for (j = 0; j < vip->address_count; j++)
			if (vip_same(&own, &vip->addresses[j]))
				reader_error(
					reader, list,
					"addresses: \"%s\" is where the other "
					"nodes reach \"%s\": give clients an "
					"address that no node has",
					node->addresses[i].host, node->name);
	}
}

static void check_keepalived(const struct reader *reader,
			     const struct vip_settings *vip,
			     config_setting_t *group)
{
	static const char *const names[] = { "track_file", "notify_fifo" };
	config_setting_t *setting;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setting = block_given(group, names[i]);
		if (setting != NULL && vip->driver != VIP_KEEPALIVED)
			reader_warning(reader, setting,
				       "%s does nothing without driver = "
				       "\"keepalived\": remove it",
				       names[i]);
	}
	if (strlen(vip->track_file) > TRACK_MAX)
		reader_error(reader, block_given(group, "track_file"),
			     "track_file is longer than %d bytes: give a "
			     "shorter path",
			     TRACK_MAX);
}

void vip_check(const struct reader *reader, const struct settings *settings,
	       config_setting_t *group)
{
	const struct cluster_settings *cluster = settings->cluster;
	const struct vip_settings *vip = settings->primary.vip;
	config_setting_t *interface = block_given(group, "interface");
	unsigned i;

	if (vip == NULL || vip->interface == NULL)
		return;
	if (cluster == NULL)
		reader_warning(reader, group,
			       "vip does nothing without a cluster block: give "
			       "the only node the address for good");
	if (strlen(vip->interface) >= IF_NAMESIZE)
		reader_error(reader, interface,
			     "interface \"%.80s\" is longer than %d bytes: no "
			     "interface has such a name",
			     vip->interface, IF_NAMESIZE - 1);
	check_keepalived(reader, vip, group);
	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		check_node(reader, vip, &cluster->nodes[i],
			   block_given(group, "addresses"));
}
