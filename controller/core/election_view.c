#include "controller/core/election_state.h"

#include <stdio.h>

/* What others may see of an election: deadline, page, status, texts. */

static struct instant earlier(struct instant due, bool wanted,
			      struct instant at)
{
	return wanted ? instant_min(due, at) : due;
}

static struct instant standing_deadline(const struct election *e)
{
	struct instant due = INSTANT_NEVER;

	switch (e->role) {
	case ELECTION_FOLLOWER:
		if (!instant_is_never(e->stand_at))
			return instant_max(e->stand_at, e->boot_promise);
		if (election_obstacles(e) == 0)
			due = instant_max(e->promise, e->boot_promise);
		break;
	case ELECTION_ASKING:
	case ELECTION_CANDIDATE:
		due = instant_min(e->attempt_end, e->ask_again);
		break;
	case ELECTION_LEADER:
		if (RULE(DEAF))
			due = instant_add(e->won_at, e->set.lease_us);
		break;
	case ELECTION_PRIMARY:
		due = primary_must_end(e);
		break;
	case ELECTION_RELEASING:
		if (e->promoting && !e->released_late)
			due = e->release_end;
		due = earlier(due, e->release_id == 0, e->release_at);
		break;
	}
	return due;
}

struct instant election_deadline(const struct election *e)
{
	struct instant due = instant_min(e->next_beat, standing_deadline(e));

	due = earlier(due, e->store_id != 0 && !e->disk_failed,
		      instant_add(e->store_since, 2 * e->set.lease_us + 1));
	due = earlier(due, e->store_id == 0 && e->dirty, e->store_retry);
	due = earlier(due, e->resigns_left > 0, e->resign_at);
	due = instant_min(due, primary_preempted_at(e));
	return instant_min(due, routing_deadline(e));
}

void election_page(const struct election *e, struct guard_page *ret_page)
{
	bool office = primary_in_office(e);
	bool leaving = e->role == ELECTION_RELEASING && e->promoting;

	ret_page->lease_end = INSTANT_NONE;
	if (office && e->promoting)
		ret_page->lease_end = primary_lease_end(e);
	else if (leaving)
		ret_page->lease_end = e->release_end;
	ret_page->routing_end = routing_end(e);
	ret_page->term = e->hard.term;
	ret_page->boot = e->boot;
	ret_page->digest = e->digest;
	ret_page->node = e->ids[e->set.self];
	ret_page->leader = office || leaving;
	ret_page->successor = 0;
	if (ret_page->leader) {
		unsigned best = office ? primary_successor(e) : e->successor;

		if (best != ELECTION_NOBODY)
			ret_page->successor = e->ids[best];
	}
}

enum election_role election_role(const struct election *e)
{
	return e->role;
}

const struct document *election_document(const struct election *e)
{
	return &e->hard.document;
}

static void look_at_peer(const struct election *e, unsigned node,
			 struct election_peer_view *ret_view)
{
	const struct peer *peer = &e->peers[node];

	ret_view->up = election_heard(e, node, 4 * e->set.heartbeat_us);
	ret_view->misconfigured = peer->misconfigured;
	ret_view->drifting = peer->drifting;
	ret_view->eligible = peer->eligible;
	ret_view->blank = peer->blank;
	ret_view->maintenance = peer->maintenance;
	ret_view->heard = peer->heard;
	ret_view->acked = primary_in_office(e) ? peer->acked : INSTANT_NONE;
	ret_view->stored = peer->stored;
}

unsigned election_find(const struct election *e, uint32_t id)
{
	unsigned i;

	for (i = 0; i < e->set.node_count; i++)
		if (e->ids[i] == id)
			return i;
	return ELECTION_NOBODY;
}

bool election_heard(const struct election *e, unsigned node, int64_t span_us)
{
	struct instant heard = e->peers[node].heard;

	return !instant_is_none(heard) &&
	       instant_diff_us(heard, e->now) <= span_us;
}

/* Rule 12. */
unsigned election_obstacles(const struct election *e)
{
	unsigned obstacles = e->obstacles;

	if (e->set.nodes[e->set.self].witness)
		obstacles |= ELECTION_WITNESS;
	if (e->disk_failed)
		obstacles |= ELECTION_DISK;
	if (e->hard.blank)
		obstacles |= ELECTION_BLANK;
	return obstacles;
}

void election_look(const struct election *e, struct election_view *ret_view)
{
	unsigned i;

	ret_view->heard = e->heard;
	ret_view->role = e->role;
	ret_view->term = e->hard.term;
	ret_view->leader = e->leader;
	/* It may be heard again when it is none any more. */
	ret_view->leader_primary =
		e->leader_primary &&
		(primary_in_office(e) || !instant_reached(e->now, e->promise));
	ret_view->leader_promoted =
		ret_view->leader_primary &&
		(primary_in_office(e) ? e->promoted : !e->leader_promoting);
	ret_view->obstacles = election_obstacles(e);
	ret_view->disk_failed = e->disk_failed;
	ret_view->blank = e->hard.blank;
	ret_view->lease_end =
		primary_in_office(e) ? primary_lease_end(e) : INSTANT_NONE;
	ret_view->promised = instant_max(e->promise, e->boot_promise);
	ret_view->routing_end = routing_end(e);
	ret_view->stored = e->disk.position;
	ret_view->committed = e->committed;
	ret_view->parted = e->parted;
	ret_view->parted_by = e->parted_by;
	ret_view->resigning = e->resigns_left > 0 ||
			      instant_before(e->last_beat, e->resigned_at);
	ret_view->keep = e->hard.document.maintenance;
	ret_view->waits_for =
		e->role == ELECTION_PRIMARY ? election_waits_for(e) : 0;
	ret_view->left = e->left;
	ret_view->left_whole = e->left_whole;
	for (i = 0; i < e->set.node_count; i++)
		look_at_peer(e, i, &ret_view->peers[i]);
}

const char *election_reason_name(enum election_reason reason)
{
	static const char *const names[] = {
		[ELECTION_REASON_NONE] = "",
		[ELECTION_REASON_LEASE] = "no quorum acknowledged it in time",
		[ELECTION_REASON_TERM] = "a node is in a higher term",
		[ELECTION_REASON_OBSTACLE] = "it is not eligible any more",
		[ELECTION_REASON_HAND_OVER] = "it was asked to hand over",
		[ELECTION_REASON_PREEMPTED] =
			"a node of higher priority is there",
		[ELECTION_REASON_LATE] =
			"it did not become primary within a lease",
		[ELECTION_REASON_PROMOTE] = "its promote work failed",
	};

	return names[reason];
}

/* The one that weighs most: what is wanted comes last. */
static const char *obstacle_text(unsigned obstacles)
{
	static const struct {
		enum election_obstacle obstacle;
		const char *text;
	} texts[] = {
		{ ELECTION_GUARDLESS, "its guard is gone" },
		{ ELECTION_DISK, "its state cannot be written" },
		{ ELECTION_LATE, "its event loop is late" },
		{ ELECTION_CARRIERLESS,
		  "its virtual address' interface has no carrier" },
		{ ELECTION_CHECKS, "what it requires is not there" },
		{ ELECTION_UNPROMOTED, "its promote work failed lately" },
		{ ELECTION_STOPPING, "it is being stopped" },
		{ ELECTION_MAINTENANCE, "it is in maintenance" },
	};
	unsigned i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((obstacles & (unsigned)texts[i].obstacle) != 0)
			return texts[i].text;
	return election_reason_name(ELECTION_REASON_OBSTACLE);
}

const char *election_note_text(const struct election_note *note,
			       const struct election_settings *set, char *buf,
			       size_t size)
{
	static const char *const texts[] = {
		[ELECTION_NOTE_STANDS] = "stands",
		[ELECTION_NOTE_WON] = "won the term",
		[ELECTION_NOTE_PRIMARY] = "is primary",
		[ELECTION_NOTE_STEPS_DOWN] = "steps down",
		[ELECTION_NOTE_RESIGNED] = "has resigned",
		[ELECTION_NOTE_FOLLOWS] = "is followed",
		[ELECTION_NOTE_OVERRUN] = "released later than its lease ended",
		[ELECTION_NOTE_DISK_FAILED] =
			"abstains: its state cannot be written",
		[ELECTION_NOTE_DISK_BACK] = "writes its state again",
		[ELECTION_NOTE_MISCONFIGURED] =
			"does not count: its cluster settings differ",
		[ELECTION_NOTE_DRIFTS] =
			"has a clock that drifts beyond the bound",
		[ELECTION_NOTE_TWO_LEADERS] = "leads a term that has a leader",
		[ELECTION_NOTE_DOCUMENT_REFUSED] =
			"sent a document that cannot be read",
		[ELECTION_NOTE_NOT_DECIDED] =
			"cannot decide now: not primary, or busy",
	};
	const char *why = note->reason == ELECTION_REASON_OBSTACLE
				  ? obstacle_text(note->obstacles)
				  : election_reason_name(note->reason);

	snprintf(buf, size, "node %s %s in term %llu%s%s",
		 set->nodes[note->node].name, texts[note->kind],
		 (unsigned long long)note->term, why[0] != '\0' ? ": " : "",
		 why);
	return buf;
}
