/* The parts of the cluster: key, guard, office, hard state, link. */
#include "controller/daemon/cluster_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "controller/daemon/cluster_nodes.h"
#include "controller/daemon/routes_file.h"
#include "controller/io/key.h"

#define STATE_FILE    "cluster.state"
#define NODES_FILE    "cluster.nodes"
#define CLOSE_WAIT_US (1 * SECOND)

_Static_assert(MESSAGE_BYTES_MAX <= SEAL_PLAIN_MAX,
	       "every message fits into a datagram");

static void make_rules(struct cluster *c)
{
	const struct cluster_settings *set = c->set;
	unsigned i;

	c->rules = (struct election_settings){
		.cluster = set->name,
		.node_count = set->node_count,
		.self = set->self,
		.heartbeat_us = set->heartbeat_us,
		.lease_us = set->lease_us,
		.routing_lease_us = set->routing_lease_us,
		.drift_ppm = set->drift_ppm,
		.preempt = set->preempt,
		.preempt_delay_us = set->preempt_delay_us,
	};
	for (i = 0; i < set->node_count; i++) {
		c->rules.nodes[i] = (struct election_node){
			.name = set->nodes[i].name,
			.priority = (int32_t)set->nodes[i].priority,
			.witness = set->nodes[i].witness,
		};
		c->trips[i] = (struct trip){ INT64_MAX, INT64_MAX, 0 };
	}
	beats_init(&c->beats);
}

static int read_state(struct cluster *c, struct err *err)
{
	uint8_t bytes[HARD_BYTES_MAX];
	char path[PATH_MAX];
	size_t size = 0;
	int r;

	snprintf(path, sizeof(path), "%s/" STATE_FILE, c->all->state_dir);
	r = hard_file_read(path, bytes, sizeof(bytes), &size, err);
	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = hard_decode(bytes, size, &c->stored, err);
	if (r < 0) {
		err_wrap(err, "%s", path);
		return r;
	}
	c->found = true;
	return 0;
}

static int check_nodes(struct cluster *c, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" NODES_FILE, c->all->state_dir);
	return cluster_nodes_check(path, c->set, c->found, &c->settled, err);
}

void cluster_nodes_seen(struct cluster *c)
{
	char path[PATH_MAX];
	int r;

	if (c->settled)
		return;
	c->settled = true;
	snprintf(path, sizeof(path), "%s/" NODES_FILE, c->all->state_dir);
	r = cluster_nodes_settle(path, c->set);
	if (r < 0)
		log_line(c->parts.log, NOTE_WARNING, "%s: %s", path,
			 strerror(-r));
}

static void copy_addresses(struct end_text *to, const struct node_settings *n)
{
	size_t i;

	for (i = 0; i < n->address_count; i++)
		to[i] = (struct end_text){ n->addresses[i].host,
					   n->addresses[i].port };
}

static int make_link(struct cluster *c, struct err *err)
{
	struct link_settings set = { .cluster = c->set->name,
				     .key = c->key,
				     .resolver = c->resolver,
				     .guard = c->link_guard };
	struct link_peer peers[ELECTION_NODES_MAX];
	struct end_text *ends, *next;
	size_t total = 0;
	unsigned i;
	int r;

	for (i = 0; i < c->set->node_count; i++)
		total += c->set->nodes[i].address_count;
	ends = next = calloc(total, sizeof(*ends));
	if (ends == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < c->set->node_count; i++) {
		const struct node_settings *n = &c->set->nodes[i];

		copy_addresses(next, n);
		if (i == c->set->self) {
			set.own = next;
			set.own_count = (unsigned)n->address_count;
		} else {
			peers[set.peer_count++] = (struct link_peer){
				n->name, next, (unsigned)n->address_count
			};
		}
		next += n->address_count;
	}
	set.peers = peers;
	r = link_new(&c->link, c->parts.loop, &set, cluster_on_datagram, c,
		     err);
	free(ends);
	return r;
}

static void on_guard(void *arg, bool alive)
{
	struct cluster *c = arg;

	log_line(c->parts.log, alive ? NOTE_NOTICE : NOTE_ERR,
		 alive ? "the guard lives again"
		       : "the guard has died: this node cannot lead");
	cluster_obstacle(c, ELECTION_GUARDLESS, !alive);
}

static void send_resign(void *arg, const void *bytes, size_t size)
{
	link_guard_send(arg, bytes, size);
}

static int start_guard(struct cluster *c, struct err *ret_warning,
		       struct err *err)
{
	struct guard_parts parts = {
		.folder = c->folder,
		.budget_us = election_release_budget_us(&c->rules),
		.under_journal = getenv("JOURNAL_STREAM") != NULL,
		.resign = send_resign,
		.arg = c->link_guard,
	};

	parts.keep_count =
		link_guard_sockets(c->link_guard, parts.keep, GUARD_KEEP_MAX);
	return guard_process_start(&c->guard, &parts, ret_warning, err);
}

int cluster_prepare(struct cluster **ret_cluster, const struct settings *set,
		    struct err *ret_warning, struct err *err)
{
	struct cluster *c = calloc(1, sizeof(*c));
	char *slash;
	int r;

	if (c == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	c->all = set;
	c->set = set->cluster;
	c->now = INSTANT_NONE;
	c->since = INSTANT_NONE;
	c->promote_again = INSTANT_NEVER;
	c->primary = c->former = ELECTION_NOBODY;
	snprintf(c->folder, sizeof(c->folder), "%s", set->control_socket);
	slash = strrchr(c->folder, '/');
	if (slash != NULL)
		*slash = '\0';
	make_rules(c);
	r = election_settings_check(&c->rules, err);
	if (r >= 0)
		r = key_read(c->set->key_file, &c->key, err);
	if (r >= 0)
		r = link_guard_prepare(&c->link_guard, c->set->name, c->key,
				       err);
	if (r >= 0)
		r = start_guard(c, ret_warning, err);
	if (r < 0) {
		cluster_free(c);
		return r;
	}
	*ret_cluster = c;
	return 0;
}

static void on_carrier(void *arg, bool there)
{
	cluster_obstacle(arg, ELECTION_CARRIERLESS, !there);
}

static void on_keepalived(void *arg, const char *text)
{
	struct cluster *c = arg;

	log_line(c->parts.log, NOTE_INFO, "%s", text);
}

/* A witness never has the address, and need not have the interface. */
static int make_vip(struct cluster *c, struct err *err)
{
	const struct vip_parts parts = {
		.loop = c->parts.loop,
		.set = c->set->nodes[c->set->self].witness
			       ? NULL
			       : c->all->primary.vip,
		.carrier = on_carrier,
		.says = on_keepalived,
		.differs = cluster_tell_address,
		.arg = c,
	};

	return vip_new(&c->vip, &parts, err);
}

static int make_office(struct cluster *c, struct err *err)
{
	const struct primary_settings *primary = &c->all->primary;
	const struct office_parts parts = {
		.vip = c->vip,
		.addresses = primary->vip,
		.loop = c->parts.loop,
		.guard = c->guard,
		.folder = c->folder,
		.node = c->all->node,
		.on_promote = primary->on_promote,
		.on_demote = primary->on_demote,
		.promote_timeout_us = primary->hook_timeout_us,
		.demote_timeout_us = primary->demote_timeout_us,
	};
	int r = c->keeps ? 0 : cluster_keep_files(c, err);

	if (r == 0)
		r = office_new(&c->office, &parts, err);
	if (r < 0)
		return r;
	r = office_start(c->office, err);
	if (r < 0) {
		/* It goes on, and cannot lead before a release succeeds. */
		log_line(c->parts.log, NOTE_ERR, "release: %s", err->text);
		*err = (struct err){ 0 };
	} else if (r > 0) {
		log_line(c->parts.log, NOTE_NOTICE,
			 "released what an earlier daemon was");
	}
	return c->keeps ? cluster_keep_files(c, err) : 0;
}

int cluster_join(struct cluster *c, const struct cluster_parts *parts,
		 struct err *err)
{
	char path[PATH_MAX];
	int r;

	c->parts = *parts;
	r = read_state(c, err);
	if (r >= 0)
		r = check_nodes(c, err);
	c->routed = c->all;
	c->keeps = c->found && c->stored.document.maintenance == KEEP_ON;
	/* What an earlier daemon routed is released before, unless it took the
	 * file away. */
	if (r >= 0)
		r = make_vip(c, err);
	if (r >= 0)
		r = make_office(c, err);
	if (r < 0)
		return r;
	if (getrandom(&c->boot, sizeof(c->boot), 0) < 0 || c->boot == 0)
		c->boot = (uint64_t)loop_clock().us | 1;
	cluster_loss_init(c);
	c->election = election_new(&c->rules, c->boot);
	if (c->election == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	guard_process_watch(c->guard, parts->loop, on_guard, c);
	snprintf(path, sizeof(path), "%s/" STATE_FILE, c->all->state_dir);
	r = hard_file_open(&c->file, parts->loop, path, cluster_on_stored, c,
			   err);
	if (r >= 0)
		r = resolver_new(&c->resolver, parts->loop, err);
	return r < 0 ? r : make_link(c, err);
}

/* Whoever goes knows nothing of what is decided then. */
static void withdraw_routes(const struct cluster *c)
{
	struct err err;

	if (routes_file_withdraw(c->folder,
				 instant_add(loop_clock(), CLOSE_WAIT_US),
				 &err) < 0)
		log_line(c->parts.log, NOTE_ERR, "%s", err.text);
}

void cluster_free(struct cluster *c)
{
	bool released;

	if (c == NULL)
		return;
	if (c->office != NULL)
		withdraw_routes(c);
	cluster_cancel(c);
	link_free(c->link);
	resolver_free(c->resolver);
	hard_file_close(c->file, CLOSE_WAIT_US);
	released = c->office == NULL || !office_held(c->office);
	office_free(c->office);
	vip_free(c->vip);
	guard_process_free(c->guard, released);
	election_free(c->election);
	link_guard_free(c->link_guard);
	secret_free(c->key);
	free(c);
}
