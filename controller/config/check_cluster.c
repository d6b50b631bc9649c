/* Rules of the cluster: protocol.md, "Settings", and what a person may have
 * meant otherwise.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/config/check.h"
#include "controller/config/value.h"
#include "controller/config/vip.h"
#include "controller/core/instant.h"

#define HAPROXY_PREFIX "haproxy:"
#define UNIT_PERMITTED "bascule-" /* by systemd/bascule.rules */
#define NAMES_MAX      256

static void node_twins(const struct reader *reader,
		       const struct cluster_settings *cluster, unsigned index)
{
	const struct node_settings *node = &cluster->nodes[index];
	struct place here = text_place(reader->text, node->line);
	char where[WHERE_MAX];
	unsigned i;

	for (i = 0; i < index; i++) {
		if (node->name == NULL || cluster->nodes[i].name == NULL ||
		    strcmp(node->name, cluster->nodes[i].name) != 0)
			continue;
		report_error(reader->report, here,
			     "node \"%s\" exists already (%s): give it "
			     "another name",
			     node->name,
			     reader_where(reader, here, cluster->nodes[i].line,
					  where));
		return;
	}
}

static bool address_same(const struct node_address *a,
			 const struct node_address *b)
{
	return a->host != NULL && b->host != NULL && a->port == b->port &&
	       strcmp(a->host, b->host) == 0;
}

/* The node, at most @last, that has @address before its own place there. */
static const struct node_settings *
address_owner(const struct cluster_settings *cluster, unsigned last,
	      const struct node_address *address)
{
	const struct node_settings *node;
	unsigned i;
	size_t j;

	for (i = 0; i <= last; i++) {
		node = &cluster->nodes[i];
		for (j = 0; j < node->address_count; j++) {
			if (&node->addresses[j] == address)
				return NULL;
			if (address_same(&node->addresses[j], address))
				return node;
		}
	}
	return NULL;
}

static bool is_wildcard(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return four.s_addr == htonl(INADDR_ANY);
	return inet_pton(AF_INET6, host, &six) == 1 &&
	       IN6_IS_ADDR_UNSPECIFIED(&six);
}

static void check_address(const struct reader *reader,
			  const struct cluster_settings *cluster,
			  unsigned index, const struct node_address *address,
			  config_setting_t *setting)
{
	const struct node_settings *owner;
	char where[WHERE_MAX];

	if (address->host == NULL)
		return;
	if (is_wildcard(address->host))
		reader_error(reader, setting,
			     "address \"%s\" is everywhere and nowhere: write "
			     "the one that peers reach this node at",
			     address->text);
	owner = address_owner(cluster, index, address);
	if (owner != NULL)
		reader_error(reader, setting,
			     "address \"%s\" is node \"%s\"'s already (%s): "
			     "give each its own",
			     address->text, owner->name,
			     reader_where(reader, reader_place(reader, setting),
					  owner->line, where));
}

static void check_node(const struct reader *reader,
		       const struct cluster_settings *cluster, unsigned index,
		       config_setting_t *group)
{
	const struct node_settings *node = &cluster->nodes[index];
	config_setting_t *address = block_given(group, "address");
	config_setting_t *priority = block_given(group, "priority");
	size_t i;

	node_twins(reader, cluster, index);
	for (i = 0; i < node->address_count; i++)
		check_address(reader, cluster, index, &node->addresses[i],
			      address);
	if (node->witness && priority != NULL)
		reader_warning(reader, priority,
			       "priority does nothing for a witness, which "
			       "never leads: remove it");
}

static void check_majority(const struct reader *reader,
			   const struct cluster_settings *cluster,
			   config_setting_t *list)
{
	unsigned n = cluster->node_count;

	if (n == 2)
		reader_warning(reader, list,
			       "two nodes have no quorum when one is lost: "
			       "add a third, which may be a witness");
	else if (n % 2 == 0)
		reader_warning(reader, list,
			       "%u nodes bear the loss of %u, no more than %u "
			       "do: add or remove one",
			       n, (n - 1) / 2, n - 1);
}

static void check_nodes(const struct reader *reader,
			const struct settings *settings, config_setting_t *list)
{
	const struct cluster_settings *cluster = settings->cluster;
	unsigned i, leaders = 0;

	if (cluster->node_count == 0) {
		reader_error(reader, list,
			     "nodes is empty: add this node and its peers");
		return;
	}
	for (i = 0; i < cluster->node_count; i++) {
		check_node(reader, cluster, i,
			   config_setting_get_elem(list, i));
		leaders += !cluster->nodes[i].witness;
	}
	if (leaders == 0)
		reader_error(reader, list,
			     "all nodes are witnesses, so none can become "
			     "primary: take witness from one");
	if (cluster->self == cluster->node_count && settings->node != NULL)
		reader_error(reader, list,
			     "this node, \"%s\", is none of the nodes: add "
			     "it, or set node = \"...\" to one of them",
			     settings->node);
	check_majority(reader, cluster, list);
}

/* L >= 4 H + R, where R = max(L / 5, 20 ms). */
static void check_lease(const struct reader *reader,
			const struct cluster_settings *cluster,
			config_setting_t *group)
{
	int64_t h = cluster->heartbeat_us, l = cluster->lease_us;
	int64_t least = 4 * h + 20 * MS > 5 * h ? 4 * h + 20 * MS : 5 * h;
	int64_t most = l / 5 < (l - 20 * MS) / 4 ? l / 5 : (l - 20 * MS) / 4;
	config_setting_t *lease = block_given(group, "lease");
	char lt[VALUE_TEXT_MAX], ht[VALUE_TEXT_MAX];
	char least_text[VALUE_TEXT_MAX], most_text[VALUE_TEXT_MAX];

	if (l >= least)
		return;
	reader_error(
		reader, lease != NULL ? lease : block_given(group, "heartbeat"),
		"lease = \"%s\" is too short for heartbeat = \"%s\": give a "
		"lease of at least \"%s\", or a heartbeat of at most \"%s\"",
		value_duration_text(l, lt), value_duration_text(h, ht),
		value_duration_text(least, least_text),
		value_duration_text(most - most % MS, most_text));
}

static void check_spans(const struct reader *reader,
			const struct cluster_settings *cluster,
			config_setting_t *group)
{
	config_setting_t *routing = block_given(group, "routing_lease");
	config_setting_t *delay = block_given(group, "preempt_delay");
	char given[VALUE_TEXT_MAX], least[VALUE_TEXT_MAX];

	check_lease(reader, cluster, group);
	if (routing != NULL && cluster->routing_lease_us < cluster->lease_us)
		reader_error(
			reader, routing,
			"routing_lease = \"%s\" is shorter than lease = "
			"\"%s\": give at least that",
			value_duration_text(cluster->routing_lease_us, given),
			value_duration_text(cluster->lease_us, least));
	if (delay != NULL && !cluster->preempt)
		reader_warning(reader, delay,
			       "preempt_delay does nothing without preempt = "
			       "true: add that, or remove it");
}

static void check_key(const struct reader *reader,
		      const struct cluster_settings *cluster,
		      config_setting_t *group)
{
	config_setting_t *given = block_given(group, "key_file");
	const char *path = cluster->key_file;
	struct stat st;

	if (given == NULL)
		given = group;
	if (path == NULL)
		return;
	if (stat(path, &st) < 0)
		reader_error(reader, given,
			     "key_file \"%.80s\": %s: make one with bascule "
			     "keygen, and copy it to every node",
			     path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		reader_error(reader, given,
			     "key_file \"%.80s\" is no file: make one with "
			     "bascule keygen",
			     path);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		reader_error(reader, given,
			     "key_file \"%.80s\" is open to others: close it "
			     "with chmod 600, and make a new key if anybody "
			     "may have read it",
			     path);
	else if (access(path, R_OK) < 0)
		reader_error(reader, given,
			     "key_file \"%.80s\": %s: let the daemon's user "
			     "read it",
			     path, strerror(errno));
}

/* The nodes there are, as `"a", "b"`, for a sentence. */
static const char *node_names(const struct settings *settings, char *buffer,
			      size_t size)
{
	const struct cluster_settings *cluster = settings->cluster;
	size_t used = 0;
	unsigned i;

	snprintf(buffer, size, "\"%s\"",
		 settings->node != NULL ? settings->node : "");
	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		if (cluster->nodes[i].name != NULL && used < size)
			used += (size_t)snprintf(buffer + used, size - used,
						 "%s\"%s\"", used ? ", " : "",
						 cluster->nodes[i].name);
	return buffer;
}

static bool node_known(const struct settings *settings, const char *name)
{
	const struct cluster_settings *cluster = settings->cluster;
	unsigned i;

	if (cluster == NULL)
		return settings->node != NULL &&
		       strcmp(settings->node, name) == 0;
	for (i = 0; i < cluster->node_count; i++)
		if (cluster->nodes[i].name != NULL &&
		    strcmp(cluster->nodes[i].name, name) == 0)
			return true;
	return false;
}

/* What speaks of nodes outside the cluster block. */
static void check_uses(const struct reader *reader,
		       const struct settings *settings, config_setting_t *root)
{
	config_setting_t *haproxies = block_list(root, "haproxy");
	config_setting_t *services = block_list(root, "services");
	char names[NAMES_MAX];
	config_setting_t *group;
	unsigned i;

	for (i = 0; i < settings->haproxy_count; i++) {
		group = config_setting_get_elem(haproxies, i);
		if (settings->haproxies[i].node == NULL ||
		    node_known(settings, settings->haproxies[i].node))
			continue;
		reader_error(reader, block_given(group, "node"),
			     "node \"%s\" is unknown: name one of %s",
			     settings->haproxies[i].node,
			     node_names(settings, names, sizeof(names)));
	}
	for (i = 0; i < settings->service_count; i++) {
		group = config_setting_get_elem(services, i);
		if (settings->services[i].agree != AGREE_LOCAL &&
		    block_given(root, "cluster") == NULL)
			reader_error(reader, block_given(group, "agree"),
				     "agree asks other nodes, and there are "
				     "none: add a cluster block, or write "
				     "\"local\"");
	}
}

static void check_hook_unit(const struct reader *reader, const char *name,
			    const char *hook, config_setting_t *setting)
{
	const char *unit = strchr(hook, ':') + 1;

	if (strncmp(unit, UNIT_PERMITTED, strlen(UNIT_PERMITTED)) != 0 ||
	    unit[strlen(UNIT_PERMITTED)] == '.')
		reader_warning(reader, setting,
			       "%s \"%.80s\": polkit lets the daemon's user "
			       "start units named " UNIT_PERMITTED "* only: "
			       "rename it, or permit it in a rule of your own",
			       name, hook);
}

void check_hook(const struct reader *reader, const char *name,
		const char *program, config_setting_t *group)
{
	config_setting_t *setting = block_given(group, name);
	struct stat st;

	if (program == NULL)
		return;
	if (*program != '/') {
		check_hook_unit(reader, name, program, setting);
		return;
	}
	if (stat(program, &st) < 0)
		reader_error(reader, setting,
			     "%s \"%.80s\": %s: check the path", name, program,
			     strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(program, X_OK) < 0)
		reader_error(reader, setting,
			     "%s \"%.80s\" cannot be run: name a program, and "
			     "let the daemon's user execute it",
			     name, program);
}

/* What nobody undoes stays on two machines after the first move. */
static void check_undone(const struct reader *reader,
			 const struct primary_settings *primary,
			 config_setting_t *group)
{
	if (primary->on_promote != NULL && primary->on_demote == NULL)
		reader_warning(
			reader, block_given(group, "on_promote"),
			"on_promote without on_demote: nothing undoes it "
			"when another node becomes primary: add on_demote");
}

/* R = max(L / 5, 20 ms): until then everybody waits for it. */
static void check_demote(const struct reader *reader,
			 const struct settings *settings,
			 config_setting_t *group)
{
	const struct primary_settings *primary = &settings->primary;
	int64_t lease_us = settings->cluster->lease_us;
	int64_t timeout_us = primary->demote_timeout_us;
	int64_t budget_us = lease_us / 5 > 20 * MS ? lease_us / 5 : 20 * MS;
	config_setting_t *setting = block_given(group, "demote_timeout");
	char most[VALUE_TEXT_MAX], given[VALUE_TEXT_MAX], lease[VALUE_TEXT_MAX];

	if (primary->on_demote == NULL || timeout_us <= budget_us)
		return;
	if (setting == NULL)
		setting = block_given(group, "hook_timeout");
	if (setting == NULL)
		setting = block_given(group, "on_demote");
	reader_warning(
		reader, setting,
		"on_demote may take \"%s\", and the lease leaves \"%s\" for "
		"it: "
		"after that two nodes may be active: write demote_timeout = "
		"\"%s\", or give a lease of at least \"%s\"",
		value_duration_text(timeout_us, given),
		value_duration_text(budget_us, most), most,
		value_duration_text(5 * timeout_us, lease));
}

static void check_requires(const struct reader *reader,
			   const struct settings *settings,
			   config_setting_t *list)
{
	const struct primary_settings *primary = &settings->primary;
	const size_t skip = strlen(HAPROXY_PREFIX);
	const char *wanted;
	size_t i;

	for (i = 0; i < primary->requires_count; i++) {
		wanted = primary->requires[i];
		if (strncmp(wanted, HAPROXY_PREFIX, skip) != 0)
			reader_error(reader, list,
				     "requires \"%.80s\" is unknown: write it "
				     "like \"" HAPROXY_PREFIX "NAME\"",
				     wanted);
		else if (settings_find_haproxy(settings, wanted + skip) ==
			 SETTINGS_NONE)
			reader_error(reader, list,
				     "requires \"%.80s\" names no HAProxy of "
				     "this file: add it to haproxy, or remove "
				     "it",
				     wanted);
	}
	if (primary->requires_count > 0 && settings->cluster == NULL)
		reader_warning(reader, list,
			       "requires does nothing without a cluster "
			       "block: the only node is always primary");
}

bool check_self_leads(const struct cluster_settings *cluster)
{
	return cluster == NULL || cluster->self == cluster->node_count ||
	       !cluster->nodes[cluster->self].witness;
}

void check_cluster(const struct reader *reader, const struct settings *settings,
		   config_setting_t *root)
{
	config_setting_t *cluster = block_given(root, "cluster");
	config_setting_t *primary = block_given(root, "primary");
	config_setting_t *nodes = block_list(cluster, "nodes");

	if (settings->cluster != NULL) {
		if (nodes != NULL)
			check_nodes(reader, settings, nodes);
		check_spans(reader, settings->cluster, cluster);
		check_key(reader, settings->cluster, cluster);
	}
	check_uses(reader, settings, root);
	check_requires(reader, settings, block_given(primary, "requires"));
	/* One file for all nodes; a witness never runs them. */
	if (check_self_leads(settings->cluster)) {
		check_hook(reader, "on_promote", settings->primary.on_promote,
			   primary);
		check_hook(reader, "on_demote", settings->primary.on_demote,
			   primary);
		vip_check(reader, settings, block_given(primary, "vip"));
		if (settings->cluster != NULL) {
			check_undone(reader, &settings->primary, primary);
			check_demote(reader, settings, primary);
		}
	}
}
