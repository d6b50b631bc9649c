/* What has happened in the cluster, told to people and to the core. */
#include "controller/daemon/cluster_state.h"

#include <errno.h>
#include <stdio.h>

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

void cluster_tell(struct cluster *c, const struct election_note *what)
{
	struct note note = new_note(c, kind_of(what), what->node, what->term);

	if (what->kind == ELECTION_NOTE_STANDS && what->node == c->rules.self)
		cluster_loss_stands(c);
	election_note_text(what, &c->rules, note.text, sizeof(note.text));
	c->parts.note(c->parts.arg, &note);
}

void cluster_tell_keep(struct cluster *c, uint64_t term, const char *text)
{
	struct note note = new_note(c, NOTE_NODE_KEEP, c->rules.self, term);

	snprintf(note.text, sizeof(note.text), "%s", text);
	c->parts.note(c->parts.arg, &note);
}

void cluster_tell_address(void *arg, const char *text)
{
	struct cluster *c = arg;
	struct note note =
		new_note(c, NOTE_NODE_ADDRESS, c->rules.self, c->page.term);

	note.now = loop_clock();
	snprintf(note.text, sizeof(note.text), "%s", text);
	c->parts.note(c->parts.arg, &note);
}

/* The role has moved here from another node, or has come back. */
static void tell_moved(struct cluster *c, uint64_t term, unsigned from,
		       bool planned, int64_t span_us)
{
	struct note note =
		new_note(c, planned ? NOTE_NODE_SWITCHOVER : NOTE_NODE_FAILOVER,
			 c->rules.self, term);
	const char *name = c->set->nodes[c->rules.self].name;

	note.span_us = span_us;
	if (from == c->rules.self)
		snprintf(note.text, sizeof(note.text),
			 "node %s is primary again: %.1f ms without a primary",
			 name, (double)span_us / 1e3);
	else
		snprintf(note.text, sizeof(note.text),
			 "node %s took over from %s: %.1f ms without a primary",
			 name, c->set->nodes[from].name, (double)span_us / 1e3);
	c->parts.note(c->parts.arg, &note);
	c->parts.failover(c->parts.arg, planned ? "resigned" : "lost", span_us);
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

/* Tell the core, when something is new or @loss is one. */
static void tell_primary(struct cluster *c, const struct election_view *view,
			 const struct node_loss *loss)
{
	struct primary_seen seen = { .primary = c->primary == ELECTION_NOBODY
							? NOTE_NONE
							: c->primary,
				     .term = view->term,
				     .loss = *loss };

	seen.whole = c->primary == c->rules.self && cluster_is_whole(c, view);
	if (seen.primary == c->seen.primary && seen.whole == c->seen.whole &&
	    loss->node == NOTE_NONE)
		return;
	c->seen = seen;
	c->parts.primary(c->parts.arg, &seen);
}

/* This node is primary: after whom, and since when nobody was. */
static void taken_over(struct cluster *c, const struct election_view *view,
		       struct taking *taking)
{
	unsigned from = c->former == ELECTION_NOBODY ? c->told.node : c->former;

	if (from == ELECTION_NOBODY)
		return;
	if (from == c->rules.self) {
		if (view->left != MESSAGE_LEFT_FAILED)
			return;
		taking->loss = cluster_loss_given_up(c, from, c->since,
						     view->left_whole);
	} else if (c->former == ELECTION_NOBODY) {
		taking->loss = cluster_loss_given_up(c, from, c->told.at,
						     c->told.whole);
	} else if (instant_is_none(view->peers[from].heard)) {
		return;
	} else if (cluster_former_left(c, view) != MESSAGE_LEFT_PLANNED) {
		/* It may be heard on, or again, as a follower: what counts is
		 * its last sign as primary, or its resignation. */
		taking->loss = cluster_loss_of(c, view);
	} else if (c->primary != ELECTION_NOBODY) {
		taking->begin = view->peers[from].heard;
	}
	taking->from = from;
	taking->planned = taking->loss.node == NOTE_NONE;
	if (!taking->planned)
		taking->begin = taking->loss.gone;
}

/* Another one is primary, or nobody. */
static void moved(struct cluster *c, const struct election_view *view,
		  unsigned primary)
{
	struct taking before = c->taking;
	struct taking *taking = &c->taking;
	bool gone = c->primary == ELECTION_NOBODY && !instant_is_none(c->since);

	*taking = (struct taking){
		.pending = primary != ELECTION_NOBODY || before.pending,
		.from = ELECTION_NOBODY,
		.begin = gone ? c->since : c->now,
		.loss.node = NOTE_NONE,
	};
	if (primary == c->rules.self)
		taken_over(c, view, taking);
	/* The one before has not served either. */
	if (before.pending)
		taking->begin = instant_min(taking->begin, before.begin);
	if (before.pending && taking->loss.node != NOTE_NONE) {
		taking->loss.gone = taking->begin;
		taking->loss.onset_min =
			instant_min(taking->loss.onset_min, taking->begin);
	}
	if (primary != ELECTION_NOBODY) {
		c->former = primary;
		c->former_term = view->term;
		c->stood = INSTANT_NONE;
		cluster_nodes_seen(c);
	}
	c->primary = primary;
	c->since = c->now;
}

/* The promote work is done: only now somebody serves. */
static void arrived(struct cluster *c, const struct election_view *view,
		    struct node_loss *ret_loss)
{
	const struct taking *taking = &c->taking;
	int64_t span_us = instant_diff_us(taking->begin, c->now);

	c->taking.pending = false;
	*ret_loss = taking->loss;
	ret_loss->late = cluster_loss_late(c, ret_loss);
	if (taking->from != ELECTION_NOBODY)
		tell_moved(c, view->term, taking->from, taking->planned,
			   span_us);
	reply_hand_over(c, span_us);
}

/* Who is primary, as far as this node knows. */
void cluster_notice(struct cluster *c)
{
	struct node_loss loss = { .node = NOTE_NONE };
	unsigned i, primary = ELECTION_NOBODY;
	struct election_view view;
	uint32_t heard = 0;

	election_look(c->election, &view);
	cluster_loss_hear(c, &view);
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
	if (primary != c->primary)
		moved(c, &view, primary);
	if (c->taking.pending && view.leader_promoted)
		arrived(c, &view, &loss);
	/* Last, since whoever hears it may step again. */
	tell_primary(c, &view, &loss);
	if (heard == c->heard)
		return;
	/* Whom this node did not reach may have heard nothing of it. */
	if ((heard & ~c->heard) != 0)
		vip_announce(c->vip);
	c->heard = heard;
	c->parts.peers(c->parts.arg, heard);
}

/* A name that is not known costs a path to that node, and nothing else shows
 * why. */
void cluster_tell_link(struct cluster *c)
{
	const char *why = link_trouble(c->link);

	if (strcmp(why, c->trouble) == 0)
		return;
	snprintf(c->trouble, sizeof(c->trouble), "%s", why);
	if (why[0] != '\0')
		log_line(c->parts.log, NOTE_WARNING, "cluster: %s", why);
	else
		log_line(c->parts.log, NOTE_NOTICE,
			 "cluster: all addresses are known");
}
