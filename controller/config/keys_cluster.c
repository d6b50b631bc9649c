/* The settings of a cluster and of its primary node. */

#include "controller/config/keys.h"
#include "controller/config/keys_row.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

static const struct choice engines[] = {
	{ "builtin", CLUSTER_BUILTIN, NULL,
	  "the nodes elect among themselves" },
	{ "etcd", 0, "remove engine, and the nodes elect among themselves",
	  NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct key node_keys[] = {
	{ .name = "name",
	  .type = KEY_NAME,
	  FIELD(node_settings, name),
	  .required = true,
	  .help = "The node's name: its setting node, or else its host "
		  "name." },
	{ .name = "address",
	  .type = KEY_ADDRESSES,
	  FIELD(node_settings, addresses),
	  COUNT(node_settings, address_count),
	  .min = 1,
	  .max = 4,
	  .required = true,
	  .help = "Where the node hears its peers (UDP), as \"HOST:PORT\"; or "
		  "a list of such addresses, best over separate networks: "
		  "what a node says goes to all of them." },
	{ .name = "priority",
	  .type = KEY_COUNT,
	  FIELD(node_settings, priority),
	  .max = 1000,
	  .dflt = "100",
	  .unit = "",
	  .help = "Of several nodes that could become primary, the one with "
		  "the highest priority stands first." },
	{ .name = "witness",
	  .type = KEY_BOOLEAN,
	  FIELD(node_settings, witness),
	  .dflt = "false",
	  .help = "Whether the node only votes and observes, and never "
		  "becomes primary." },
	{ .name = NULL },
};

const struct block keys_node = {
	.name = "cluster.nodes",
	.help = "The nodes, this one among them; the list is the same on all. "
		" Three bear the loss of one, five the loss of two.  Add or "
		"remove one node at a time, and restart them all before the "
		"next.",
	.keys = node_keys,
};

static const struct key cluster_keys[] = {
	{ .name = "name",
	  .type = KEY_NAME,
	  FIELD(cluster_settings, name),
	  .required = true,
	  .help = "The cluster's name: what another cluster says is not "
		  "heard." },
	{ .name = "nodes",
	  .type = KEY_LIST,
	  .block = &keys_node,
	  .required = true,
	  .help = "Its nodes." },
	{ .name = "key_file",
	  .type = KEY_PATH,
	  FIELD(cluster_settings, key_file),
	  .dflt = "/etc/bascule/cluster.key",
	  .help = "The key that seals what nodes tell each other, the same "
		  "on all.  \"bascule keygen\" makes one.  Nobody but the "
		  "daemon's user may read it." },
	{ .name = "heartbeat",
	  .type = KEY_DURATION,
	  FIELD(cluster_settings, heartbeat_us),
	  .min = 10 * MS,
	  .max = 10 * SECOND,
	  .dflt = "100ms",
	  .help = "How often each node lets the others hear from it." },
	{ .name = "lease",
	  .type = KEY_DURATION,
	  FIELD(cluster_settings, lease_us),
	  .min = 60 * MS,
	  .max = 2 * MINUTE,
	  .dflt = "500ms",
	  .help = "For so long the primary stays primary without a word "
		  "from a quorum, and for so long nobody replaces it.  At "
		  "least 5 heartbeats, and 4 heartbeats and 20ms." },
	{ .name = "routing_lease",
	  .type = KEY_DURATION,
	  FIELD(cluster_settings, routing_lease_us),
	  .min = 60 * MS,
	  .max = 10 * MINUTE,
	  .dflt_help = "twice lease",
	  .help = "For so long a node routes writes to a database without a "
		  "word from the primary node.  At least lease." },
	{ .name = "drift",
	  .type = KEY_PPM,
	  FIELD(cluster_settings, drift_ppm),
	  .min = 100,
	  .max = 100000,
	  .dflt = "2",
	  .help = "By how much the clock of one node may run faster than "
		  "that of another." },
	{ .name = "preempt",
	  .type = KEY_BOOLEAN,
	  FIELD(cluster_settings, preempt),
	  .dflt = "false",
	  .help = "Whether the primary hands over to a node of higher "
		  "priority that comes back." },
	{ .name = "preempt_delay",
	  .type = KEY_DURATION,
	  FIELD(cluster_settings, preempt_delay_us),
	  .max = HOUR,
	  .dflt = "10s",
	  .help = "How long that node must have been well before." },
	{ .name = "engine",
	  .type = KEY_CHOICE,
	  FIELD(cluster_settings, engine),
	  .choices = engines,
	  .dflt = "builtin",
	  .help = "Who decides which node is primary." },
	{ .name = NULL },
};

const struct block keys_cluster = {
	.name = "cluster",
	.help = "The nodes that elect one primary.  All of this is read at "
		"the start only: a reload that changes it is refused.  It "
		"must be the same on all nodes; one with other settings "
		"counts for nothing.",
	.keys = cluster_keys,
};

static const struct choice vip_drivers[] = {
	{ "netlink", VIP_NETLINK, NULL,
	  "the daemon adds and removes them itself, and announces them; the "
	  "kernel removes them when nobody has renewed them for the lease, in "
	  "whole seconds" },
	{ "keepalived", VIP_KEEPALIVED, NULL,
	  "keepalived does, when track_file lets it: VRRP follows the "
	  "election; what it does not do in time the daemon does itself" },
	{ "exec", 0,
	  "remove the block, and add the address in on_promote, remove it in "
	  "on_demote",
	  NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct key vip_keys[] = {
	{ .name = "driver",
	  .type = KEY_CHOICE,
	  FIELD(vip_settings, driver),
	  .choices = vip_drivers,
	  .required = true,
	  .help = "Who puts the addresses on the interface." },
	{ .name = "interface",
	  .type = KEY_STRING,
	  FIELD(vip_settings, interface),
	  .required = true,
	  .help = "The interface that has them.  A node on which it has no "
		  "carrier does not become or stay primary." },
	{ .name = "addresses",
	  .type = KEY_STRINGS,
	  FIELD(vip_settings, texts),
	  COUNT(vip_settings, text_count),
	  .min = 1,
	  .max = VIP_ADDRESSES_MAX,
	  .required = true,
	  .help = "IPv4 and IPv6 addresses as \"ADDRESS/PREFIX\"; without a "
		  "prefix it is that address alone.  In an IPv6 network the "
		  "node needs an address of its own." },
	{ .name = "track_file",
	  .type = KEY_PATH,
	  FIELD(vip_settings, track_file),
	  .dflt = "/run/bascule/keepalived.weight",
	  .help = "With \"keepalived\": the file of its track_file block.  0 "
		  "stands in it on the primary node, else -254, which puts "
		  "VRRP into FAULT." },
	{ .name = "notify_fifo",
	  .type = KEY_PATH,
	  FIELD(vip_settings, notify_fifo),
	  .help = "With \"keepalived\": its vrrp_notify_fifo, made if it is "
		  "not there.  What it says goes to the log." },
	{ .name = NULL },
};

const struct block keys_vip = {
	.name = "primary.vip",
	.help = "The virtual address.  All of this is read at the start only: "
		"a reload that changes it is refused.",
	.keys = vip_keys,
};

static const struct key primary_keys[] = {
	{ .name = "requires",
	  .type = KEY_STRINGS,
	  FIELD(primary_settings, requires),
	  COUNT(primary_settings, requires_count),
	  .max = SETTINGS_HAPROXIES_MAX,
	  .help = "What must be well on a node for it to become or stay "
		  "primary: \"haproxy:NAME\", that HAProxy can be reached.  "
		  "HAProxies of other nodes do not matter." },
	{ .name = "on_promote",
	  .type = KEY_HOOK,
	  FIELD(primary_settings, on_promote),
	  .help = "What to run when this node has become primary: a "
		  "program, by its absolute path, or \"unit:NAME\", a systemd "
		  "unit to start.  A program runs as the daemon's user, with "
		  "BASCULE_NODE, BASCULE_TERM, BASCULE_EPOCH and "
		  "BASCULE_REASON in its environment.  If it fails, another "
		  "node takes over, and this one does not become primary "
		  "for 1s, twice as long after each further failure, at "
		  "most 60s." },
	{ .name = "on_demote",
	  .type = KEY_HOOK,
	  FIELD(primary_settings, on_demote),
	  .help = "The same when this node ceases to be primary, and at "
		  "every start.  Another node waits for it no longer than "
		  "the release budget: a fifth of lease, at least 20ms." },
	{ .name = "hook_timeout",
	  .type = KEY_DURATION,
	  FIELD(primary_settings, hook_timeout_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt = "10s",
	  .help = "How long a hook may take before it is killed with all it "
		  "started." },
	{ .name = "demote_timeout",
	  .type = KEY_DURATION,
	  FIELD(primary_settings, demote_timeout_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt_help = "hook_timeout",
	  .help = "The same for on_demote, which is then run again; a release "
		  "that has no lease left gives it 1s at least.  It should be "
		  "no longer than the release budget: when the lease is over "
		  "before on_demote has ended, this node's guard runs it "
		  "anew, another node takes over, and two may be active." },
	{ .name = "vip",
	  .type = KEY_BLOCK,
	  FIELD(primary_settings, vip),
	  .size = sizeof(struct vip_settings),
	  .block = &keys_vip,
	  .help = "The addresses that clients use: the primary node has them, "
		  "and no other." },
	{ .name = NULL },
};

const struct block keys_primary = {
	.name = "primary",
	.help = "What being the primary node means on this machine.",
	.keys = primary_keys,
};
