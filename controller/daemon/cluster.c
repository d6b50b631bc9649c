#include "controller/daemon/cluster.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "controller/daemon/guard_process.h"
#include "controller/daemon/hard_file.h"
#include "controller/daemon/log.h"
#include "controller/daemon/office.h"
#include "controller/io/key.h"
#include "controller/io/link.h"

#define STATE_FILE    "cluster.state"
#define TRIP_MESSAGES 32
#define CLOSE_WAIT_US (1 * SECOND)

/* To a peer and back: the shortest of the last messages and of those before.
 */
struct trip {
	int64_t before_us, now_us;
	unsigned heard;
};

struct cluster {
	struct cluster_parts parts;
	const struct settings *all;         /* borrowed: those of the start */
	const struct cluster_settings *set; /* borrowed from them */
	char folder[PATH_MAX];              /* of the control socket */
	struct election_settings rules;
	struct election *election; /* owned, as are all below */
	struct secret *key;
	struct link_guard *link_guard;
	struct guard_process *guard;
	struct office *office;
	struct guard_page page; /* as the guard was told last */
	uint64_t guard_sequence;
	struct resolver *resolver;
	struct link *link;
	struct hard_file *file;
	struct hard_state stored;
	bool found;                      /* the hard state was there */
	struct election_actions actions; /* of the step under way */
	struct instant now; /* of the last step: it never goes back */
	uint64_t boot;
	uint64_t promote_id, release_id; /* 0: none under way */
	unsigned obstacles;
	struct trip trips[ELECTION_NODES_MAX];
	bool up[ELECTION_NODES_MAX];    /* as last told */
	const struct message *observed; /* to be handed on; borrowed */
	unsigned observer;
	uint32_t heard;   /* the same as bits */
	unsigned primary; /* as last seen, or ELECTION_NOBODY */
	unsigned former;  /* the last one that there was */
	bool resigned;    /* it has said so itself */
	struct instant since;
	uint64_t hand_over; /* token of who waits for it, or 0 */
	uint8_t bytes[MESSAGE_BYTES_MAX];
};

static void step(struct cluster *c, struct election_event *ev,
		 struct instant now);

/* ---- from the world ---- */

static void answer(struct cluster *c, enum election_event_kind kind,
		   uint64_t id)
{
	struct election_event ev = { .kind = kind };

	ev.id = id;
	step(c, &ev, loop_clock());
}

static void on_stored(void *arg, uint64_t id, const char *error)
{
	answer(arg, error == NULL ? ELECTION_STORED : ELECTION_STORE_FAILED,
	       id);
}

static void on_promoted(void *arg, const struct hook_outcome *outcome)
{
	struct cluster *c = arg;
	uint64_t id = c->promote_id;

	c->promote_id = 0;
	if (outcome->error != 0)
		log_line(c->parts.log, NOTE_ERR, "on_promote: %s",
			 outcome->text);
	answer(c,
	       outcome->error == 0 ? ELECTION_PROMOTED
				   : ELECTION_PROMOTE_FAILED,
	       id);
}

static void on_released(void *arg, const struct hook_outcome *outcome)
{
	struct cluster *c = arg;
	uint64_t id = c->release_id;

	c->release_id = 0;
	if (outcome->error != 0)
		log_line(c->parts.log, NOTE_ERR, "on_demote: %s",
			 outcome->text);
	answer(c,
	       outcome->error == 0 ? ELECTION_RELEASED
				   : ELECTION_RELEASE_FAILED,
	       id);
}

static unsigned node_of(const struct cluster *c, uint32_t id)
{
	unsigned i;

	for (i = 0; i < c->set->node_count; i++)
		if (message_id(c->set->nodes[i].name) == id)
			return i;
	return ELECTION_NOBODY;
}

/* The shortest way there and back of the last messages: most answers have
 * waited for their sender's next heartbeat. */
static void measure(struct cluster *c, const struct message *msg,
		    struct instant received)
{
	unsigned node = node_of(c, msg->from);
	struct trip *trip;
	int64_t rtt_us;

	if (node == ELECTION_NOBODY || msg->echo.boot != c->boot)
		return;
	rtt_us = received.us - msg->echo.clock_us;
	trip = &c->trips[node];
	if (rtt_us < trip->now_us)
		trip->now_us = rtt_us;
	if (++trip->heard < TRIP_MESSAGES)
		return;
	*trip = (struct trip){ .before_us = trip->now_us, .now_us = INT64_MAX };
}

static int64_t trip_us(const struct trip *trip)
{
	int64_t us =
		trip->now_us < trip->before_us ? trip->now_us : trip->before_us;

	return us == INT64_MAX ? -1 : us;
}

static void on_datagram(void *arg, const uint8_t *bytes, size_t size,
			struct instant received)
{
	struct election_event ev = { .kind = ELECTION_MESSAGE };
	struct cluster *c = arg;
	struct message msg;

	if (message_decode(bytes, size, &msg) < 0)
		return;
	measure(c, &msg, received);
	if (msg.kind == MESSAGE_RESIGN)
		c->resigned = true;
	ev.message = &msg;
	step(c, &ev, received);
}

/* ---- to the world ---- */

static void carry_send(struct cluster *c, const struct election_action *act)
{
	unsigned peer = act->send.to - (act->send.to > c->rules.self);
	size_t size =
		message_encode(&act->send.message, c->bytes, sizeof(c->bytes));

	if (size > 0)
		link_send(c->link, peer, c->bytes, size);
}

static void carry_store(struct cluster *c, const struct election_action *act)
{
	uint8_t bytes[HARD_BYTES_MAX];
	size_t size = hard_encode(act->store, bytes, sizeof(bytes));

	hard_file_write(c->file, act->id, bytes, size);
}

/* Work that was refused at once fails as if it had been tried. */
struct refusal {
	struct cluster *cluster;
	enum election_event_kind kind;
	uint64_t id;
};

static void refused(void *arg)
{
	struct refusal *refusal = arg;

	answer(refusal->cluster, refusal->kind, refusal->id);
	free(refusal);
}

static void refuse(struct cluster *c, enum election_event_kind kind,
		   uint64_t id)
{
	struct refusal *refusal = malloc(sizeof(*refusal));

	if (refusal == NULL)
		return;
	*refusal = (struct refusal){ c, kind, id };
	loop_after(c->parts.loop, refused, refusal);
}

static void carry_promote(struct cluster *c, const struct election_action *act)
{
	struct err err = { 0 };

	c->promote_id = act->id;
	if (office_promote(c->office, act->promote.term, act->promote.term,
			   "elected", act->not_after, on_promoted, c,
			   &err) >= 0)
		return;
	log_line(c->parts.log, NOTE_ERR, "becoming primary: %s", err.text);
	c->promote_id = 0;
	refuse(c, ELECTION_PROMOTE_FAILED, act->id);
}

static void carry_release(struct cluster *c, const struct election_action *act)
{
	bool under_way = c->release_id != 0;

	c->release_id = act->id;
	if (under_way)
		return;
	if (office_release(c->office, "left office", act->not_after,
			   on_released, c) < 0)
		refuse(c, ELECTION_RELEASE_FAILED, act->id);
}

/* The guard must know before anything is done about it; what it would send is
 * made ready each time that changes. */
static void tell_guard(struct cluster *c)
{
	struct guard_page page;
	uint8_t bytes[GUARD_PROCESS_RESIGNS_MAX][256];
	const void *list[GUARD_PROCESS_RESIGNS_MAX];
	size_t sizes[GUARD_PROCESS_RESIGNS_MAX];
	struct message msg = { .kind = MESSAGE_RESIGN };
	unsigned i;

	election_page(c->election, &page);
	if (page.leader && (!c->page.leader || page.term != c->page.term ||
			    page.successor != c->page.successor)) {
		msg.from = page.node;
		msg.digest = page.digest;
		msg.boot = page.boot;
		msg.term = page.term;
		msg.clock_us = c->now.us;
		msg.resign.successor = page.successor;
		for (i = 0; i < GUARD_PROCESS_RESIGNS_MAX; i++) {
			msg.sequence =
				MESSAGE_GUARD_SEQUENCE + ++c->guard_sequence;
			sizes[i] = message_encode(&msg, bytes[i],
						  sizeof(bytes[i]));
			list[i] = bytes[i];
		}
		guard_process_resigns(c->guard, list, sizes, i);
	}
	c->page = page;
	guard_process_tell(c->guard, &page);
}

static enum note_kind kind_of(const struct election_note *note)
{
	static const enum note_kind kinds[] = {
		[ELECTION_NOTE_STANDS] = NOTE_NODE_STANDS,
		[ELECTION_NOTE_WON] = NOTE_NODE_WON,
		[ELECTION_NOTE_PRIMARY] = NOTE_NODE_PRIMARY,
		[ELECTION_NOTE_STEPS_DOWN] = NOTE_NODE_STEPS_DOWN,
		[ELECTION_NOTE_RESIGNED] = NOTE_NODE_RELEASED,
		[ELECTION_NOTE_FOLLOWS] = NOTE_NODE_FOLLOWS,
		[ELECTION_NOTE_OVERRUN] = NOTE_NODE_OVERRUN,
		[ELECTION_NOTE_DISK_FAILED] = NOTE_NODE_DISK_FAILED,
		[ELECTION_NOTE_DISK_BACK] = NOTE_NODE_DISK_OK,
		[ELECTION_NOTE_MISCONFIGURED] = NOTE_NODE_MISCONFIGURED,
		[ELECTION_NOTE_DRIFTS] = NOTE_NODE_DRIFTS,
		[ELECTION_NOTE_TWO_LEADERS] = NOTE_NODE_TWO_LEADERS,
		[ELECTION_NOTE_DOCUMENT_REFUSED] = NOTE_NODE_TROUBLE,
		[ELECTION_NOTE_NOT_DECIDED] = NOTE_NODE_TROUBLE,
	};

	return kinds[note->kind];
}

static struct note new_note(const struct cluster *c, enum note_kind kind,
			    unsigned node, uint64_t term)
{
	return (struct note){
		.kind = kind,
		.now = c->now,
		.wall_us = loop_wall_us(c->parts.loop),
		.service = NOTE_NONE,
		.target = NOTE_NONE,
		.haproxy = NOTE_NONE,
		.node = node,
		.term = term,
		.onset_min = INSTANT_NONE,
		.onset_max = INSTANT_NONE,
	};
}

static void tell(struct cluster *c, const struct election_note *what)
{
	struct note note = new_note(c, kind_of(what), what->node, what->term);

	election_note_text(what, &c->rules, note.text, sizeof(note.text));
	c->parts.note(c->parts.arg, &note);
}

/* The role has moved here from another node. */
static void tell_moved(struct cluster *c, uint64_t term, int64_t span_us)
{
	struct note note = new_note(
		c, c->resigned ? NOTE_NODE_SWITCHOVER : NOTE_NODE_FAILOVER,
		c->rules.self, term);

	note.span_us = span_us;
	snprintf(note.text, sizeof(note.text),
		 "node %s took over from %s: %.1f ms without a primary",
		 c->set->nodes[c->rules.self].name,
		 c->set->nodes[c->former].name, (double)span_us / 1e3);
	c->parts.note(c->parts.arg, &note);
	c->parts.failover(c->parts.arg, c->resigned ? "resigned" : "lost",
			  span_us);
}

static void notice_peer(struct cluster *c, unsigned node, uint64_t term,
			bool up)
{
	struct note note =
		new_note(c, up ? NOTE_NODE_UP : NOTE_NODE_DOWN, node, term);

	if (c->up[node] == up)
		return;
	c->up[node] = up;
	snprintf(note.text, sizeof(note.text), "node %s is %s",
		 c->set->nodes[node].name, up ? "heard" : "not heard any more");
	c->parts.note(c->parts.arg, &note);
}

static void carry_out(struct cluster *c, const struct election_action *act)
{
	switch (act->kind) {
	case ELECTION_SEND:
		carry_send(c, act);
		break;
	case ELECTION_STORE:
		carry_store(c, act);
		break;
	case ELECTION_PROMOTE:
		carry_promote(c, act);
		break;
	case ELECTION_RELEASE:
		carry_release(c, act);
		break;
	case ELECTION_OBSERVED:
		/* Only after the loop: whoever hears it may step again. */
		c->observed = act->observed.message;
		c->observer = act->observed.from;
		break;
	case ELECTION_NOTE:
		tell(c, &act->note);
		break;
	default:
		/* No group is routed yet, so there is nothing to do. */
		break;
	}
}

static void reply_hand_over(struct cluster *c, int64_t span_us)
{
	uint64_t token = c->hand_over;

	if (token == 0 || c->primary == ELECTION_NOBODY)
		return;
	c->hand_over = 0;
	if (c->primary == c->rules.self)
		c->parts.refused(c->parts.arg, token, -EAGAIN,
				 "this node is primary again");
	else
		c->parts.switched(c->parts.arg, token,
				  c->set->nodes[c->rules.self].name,
				  c->set->nodes[c->primary].name, span_us);
}

/* Who is primary, as far as this node knows. */
static void notice_primary(struct cluster *c)
{
	struct election_view view;
	unsigned i, primary = ELECTION_NOBODY;
	uint32_t heard = 0;
	int64_t span_us;

	election_look(c->election, &view);
	if (view.role == ELECTION_PRIMARY)
		primary = c->rules.self;
	else if (view.leader_primary && view.leader != ELECTION_NOBODY &&
		 view.peers[view.leader].up)
		primary = view.leader;
	for (i = 0; i < c->set->node_count; i++) {
		if (i == c->rules.self)
			continue;
		notice_peer(c, i, view.term, view.peers[i].up);
		heard |= view.peers[i].up ? UINT32_C(1) << i : 0;
	}
	if (heard != c->heard) {
		c->heard = heard;
		c->parts.peers(c->parts.arg, heard);
	}
	if (primary == c->primary)
		return;
	span_us = instant_is_none(c->since) ? 0
					    : instant_diff_us(c->since, c->now);
	if (primary == c->rules.self && c->former != ELECTION_NOBODY &&
	    c->former != primary &&
	    !instant_is_none(view.peers[c->former].heard)) {
		/* It was primary for as long as it was heard, at most. */
		span_us = instant_diff_us(view.peers[c->former].heard, c->now);
		tell_moved(c, view.term, span_us);
	}
	if (primary != ELECTION_NOBODY) {
		c->former = primary;
		c->resigned = false;
	}
	c->primary = primary;
	c->since = c->now;
	reply_hand_over(c, span_us);
}

static void hand_on_observed(struct cluster *c)
{
	const struct message *msg = c->observed;

	c->observed = NULL;
	if (msg != NULL)
		c->parts.observed(c->parts.arg, c->observer, msg);
}

static void step(struct cluster *c, struct election_event *ev,
		 struct instant now)
{
	unsigned i;

	c->now = instant_max(now, c->now);
	ev->now = c->now;
	election_step(c->election, ev, &c->actions);
	tell_guard(c);
	for (i = 0; i < c->actions.count; i++)
		carry_out(c, &c->actions.list[i]);
	hand_on_observed(c);
	notice_primary(c);
	c->parts.changed(c->parts.arg);
}

/* ---- making ---- */

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
	r = link_new(&c->link, c->parts.loop, &set, on_datagram, c, err);
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

static int make_office(struct cluster *c, struct err *err)
{
	const struct primary_settings *primary = &c->all->primary;
	const struct office_parts parts = {
		.loop = c->parts.loop,
		.guard = c->guard,
		.folder = c->folder,
		.node = c->all->node,
		.on_promote = primary->on_promote,
		.on_demote = primary->on_demote,
		.promote_timeout_us = primary->hook_timeout_us,
		.demote_timeout_us = primary->hook_timeout_us,
	};
	int r = office_new(&c->office, &parts, err);

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
	return 0;
}

int cluster_join(struct cluster *c, const struct cluster_parts *parts,
		 struct err *err)
{
	char path[PATH_MAX];
	int r;

	c->parts = *parts;
	r = make_office(c, err);
	if (r >= 0)
		r = read_state(c, err);
	if (r < 0)
		return r;
	if (getrandom(&c->boot, sizeof(c->boot), 0) < 0 || c->boot == 0)
		c->boot = (uint64_t)loop_clock().us | 1;
	c->election = election_new(&c->rules, c->boot);
	if (c->election == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	guard_process_watch(c->guard, parts->loop, on_guard, c);
	snprintf(path, sizeof(path), "%s/" STATE_FILE, c->all->state_dir);
	r = hard_file_open(&c->file, parts->loop, path, on_stored, c, err);
	if (r >= 0)
		r = resolver_new(&c->resolver, parts->loop, err);
	return r < 0 ? r : make_link(c, err);
}

void cluster_free(struct cluster *c)
{
	if (c == NULL)
		return;
	link_free(c->link);
	resolver_free(c->resolver);
	hard_file_close(c->file, CLOSE_WAIT_US);
	office_free(c->office);
	guard_process_free(c->guard);
	election_free(c->election);
	link_guard_free(c->link_guard);
	secret_free(c->key);
	free(c);
}

void cluster_start(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_START };

	if (c == NULL)
		return;
	ev.start.stored = c->found ? &c->stored : NULL;
	ev.start.boot = c->boot;
	step(c, &ev, loop_clock());
}

struct instant cluster_deadline(const struct cluster *c)
{
	return c == NULL ? INSTANT_NEVER : election_deadline(c->election);
}

void cluster_tick(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_TICK };

	if (c != NULL)
		step(c, &ev, loop_clock());
}

void cluster_observe(struct cluster *c, const struct observation *list,
		     unsigned count)
{
	struct election_event ev = { .kind = ELECTION_OBSERVE };
	uint8_t body[MESSAGE_BYTES_MAX];
	size_t size = observation_encode(list, count, body, sizeof(body));

	if (size == 0)
		return;
	ev.observe.body = body;
	ev.observe.count = count;
	step(c, &ev, loop_clock());
}

void cluster_obstacle(struct cluster *c, enum election_obstacle obstacle,
		      bool there)
{
	struct election_event ev = { .kind = ELECTION_LOCAL };
	unsigned was;

	if (c == NULL)
		return;
	was = c->obstacles;
	c->obstacles =
		there ? was | (unsigned)obstacle : was & ~(unsigned)obstacle;
	if (c->obstacles == was)
		return;
	ev.obstacles = c->obstacles;
	step(c, &ev, loop_clock());
}

void cluster_hand_over(struct cluster *c, unsigned to, uint64_t token)
{
	struct election_event ev = { .kind = ELECTION_HAND_OVER };
	struct err err = { 0 };
	int r;

	ev.to = to == CLUSTER_NOBODY ? ELECTION_NOBODY : to;
	if (c->hand_over != 0)
		r = err_set(&err, -EBUSY, "a switchover is under way");
	else
		r = election_can_hand_over(c->election, ev.to, &err);
	if (r < 0) {
		c->parts.refused(c->parts.arg, token, r, err.text);
		return;
	}
	c->hand_over = token;
	step(c, &ev, loop_clock());
}

const char *cluster_needs_us(const struct cluster *c)
{
	struct election_view view;
	unsigned i, heard = 0;

	if (c == NULL)
		return NULL;
	election_look(c->election, &view);
	for (i = 0; i < c->set->node_count; i++)
		heard += i != c->rules.self && view.peers[i].up;
	if (heard > c->set->node_count / 2)
		return NULL;
	return "the other nodes that are heard are no quorum without this one";
}

bool cluster_stopped(const struct cluster *c)
{
	struct election_view view;

	if (c == NULL)
		return true;
	election_look(c->election, &view);
	return view.role == ELECTION_FOLLOWER && c->release_id == 0;
}

void cluster_reload(struct cluster *c, const struct settings *set)
{
	const struct primary_settings *primary = &set->primary;

	if (c != NULL)
		office_reload(c->office, primary->on_promote,
			      primary->on_demote, primary->hook_timeout_us,
			      primary->hook_timeout_us);
}

void cluster_facts_now(const struct cluster *c, struct cluster_facts *ret_facts)
{
	int64_t rtt_us[ELECTION_NODES_MAX];
	struct election_view view;
	unsigned i;

	if (c == NULL) {
		cluster_facts_init(ret_facts);
		return;
	}
	election_look(c->election, &view);
	for (i = 0; i < c->set->node_count; i++)
		rtt_us[i] = trip_us(&c->trips[i]);
	cluster_facts_fill(ret_facts, c->set, &view, rtt_us);
	if (c->primary != ELECTION_NOBODY)
		ret_facts->primary = c->primary;
}

const char *cluster_trouble(const struct cluster *c)
{
	if (!guard_process_alive(c->guard))
		return "no guard";
	return link_trouble(c->link);
}
