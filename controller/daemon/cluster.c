#include "controller/daemon/cluster_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIP_MESSAGES 32

/* After promote work failed this node is not eligible for so long, twice as
 * long each further time: else the role runs round between nodes whose hooks
 * fail, several times a second. */
#define PROMOTE_WAIT_US     (1 * SECOND)
#define PROMOTE_WAIT_MAX_US (60 * SECOND)

/* ---- from the world ---- */

/* What a release ended has not failed. */
static bool promote_failed(const struct cluster *c,
			   enum election_event_kind kind)
{
	struct election_view view;

	election_look(c->election, &view);
	return kind == ELECTION_PROMOTE_FAILED && view.role == ELECTION_PRIMARY;
}

static void hold_off(struct cluster *c)
{
	c->promote_wait_us = c->promote_wait_us == 0 ? PROMOTE_WAIT_US
						     : 2 * c->promote_wait_us;
	if (c->promote_wait_us > PROMOTE_WAIT_MAX_US)
		c->promote_wait_us = PROMOTE_WAIT_MAX_US;
	c->promote_again = instant_add(c->now, c->promote_wait_us);
	cluster_obstacle(c, ELECTION_UNPROMOTED, true);
}

static void answer(struct cluster *c, enum election_event_kind kind,
		   uint64_t id)
{
	struct election_event ev = { .kind = kind };
	bool failed = promote_failed(c, kind);

	ev.id = id;
	if (kind == ELECTION_PROMOTED)
		c->promote_wait_us = 0;
	cluster_step(c, &ev, loop_clock());
	if (failed)
		hold_off(c);
}

void cluster_on_stored(void *arg, uint64_t id, const char *error)
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

void cluster_on_datagram(void *arg, const uint8_t *bytes, size_t size,
			 struct instant received)
{
	struct election_event ev = { .kind = ELECTION_MESSAGE };
	struct cluster *c = arg;
	struct message msg;

	if (message_decode(bytes, size, &msg) < 0) {
		c->unreadable++;
		return;
	}
	measure(c, &msg, received);
	c->speaker = ELECTION_NOBODY;
	if (msg.sequence < MESSAGE_GUARD_SEQUENCE)
		c->speaker = node_of(c, msg.from);
	beats_hear(&c->beats, c->speaker, msg.sequence);
	ev.message = &msg;
	cluster_step(c, &ev, received);
	cluster_loss_told(c, &msg);
	c->speaker = ELECTION_NOBODY;
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

static void refused(void *arg)
{
	struct cluster *c = arg;
	struct refusal refusal;

	/* The answer may be refused work again: then it waits once more. */
	while (c->refusal_count > 0) {
		refusal = c->refusals[--c->refusal_count];
		answer(c, refusal.kind, refusal.id);
	}
}

/* Never at once: a step is under way. */
static void refuse(struct cluster *c, enum election_event_kind kind,
		   uint64_t id)
{
	unsigned i;

	/* An order that was given anew replaces the former one. */
	for (i = 0; i < c->refusal_count; i++)
		if (c->refusals[i].kind == kind)
			break;
	c->refusals[i] = (struct refusal){ kind, id };
	if (i == c->refusal_count)
		c->refusal_count++;
	loop_after_cancel(c->parts.loop, refused, c);
	loop_after(c->parts.loop, refused, c);
}

void cluster_cancel(struct cluster *c)
{
	if (c->parts.loop != NULL)
		loop_after_cancel(c->parts.loop, refused, c);
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

/* The guard must know before anything is done about it. */
static void tell_guard(struct cluster *c)
{
	election_page(c->election, &c->page);
	guard_process_tell(c->guard, &c->page);
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
		cluster_tell(c, &act->note);
		break;
	default:
		cluster_groups_keep(c, act);
		break;
	}
}

static void hand_on_observed(struct cluster *c)
{
	const struct message *msg = c->observed;

	c->observed = NULL;
	if (msg != NULL)
		c->parts.observed(c->parts.arg, c->observer, msg);
}

void cluster_step(struct cluster *c, struct election_event *ev,
		  struct instant now)
{
	unsigned i;

	c->now = instant_max(now, c->now);
	ev->now = c->now;
	election_step(c->election, ev, &c->actions);
	tell_guard(c);
	cluster_keep_follow(c);
	for (i = 0; i < c->actions.count; i++)
		carry_out(c, &c->actions.list[i]);
	vip_keep(c->vip, c->page.lease_end);
	hand_on_observed(c);
	cluster_groups_hand_on(c);
	cluster_notice(c);
	cluster_keep_watch(c);
	cluster_leave_watch(c);
	c->parts.changed(c->parts.arg);
}

void cluster_start(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_START };

	if (c == NULL)
		return;
	ev.start.stored = c->found ? &c->stored : NULL;
	ev.start.boot = c->boot;
	cluster_step(c, &ev, loop_clock());
	cluster_hold(c);
	vip_watch(c->vip);
}

struct instant cluster_deadline(const struct cluster *c)
{
	if (c == NULL)
		return INSTANT_NEVER;
	return instant_min(election_deadline(c->election), c->promote_again);
}

void cluster_tick(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_TICK };

	if (c == NULL)
		return;
	cluster_step(c, &ev, loop_clock());
	cluster_tell_link(c);
	if (instant_reached(c->now, c->promote_again)) {
		c->promote_again = INSTANT_NEVER;
		cluster_obstacle(c, ELECTION_UNPROMOTED, false);
	}
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
	cluster_step(c, &ev, loop_clock());
}

unsigned cluster_loss_percent(struct cluster *c)
{
	if (c == NULL)
		return 0;
	return beats_loss(&c->beats, c->up, c->set->node_count, loop_clock());
}

void cluster_share(struct cluster *c, const uint8_t *body, size_t size)
{
	struct election_event ev = { .kind = ELECTION_SHARE };

	ev.share.body = body;
	ev.share.size = size;
	cluster_step(c, &ev, loop_clock());
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
	cluster_step(c, &ev, loop_clock());
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
	if (r == -ENOTCONN && c->primary != ELECTION_NOBODY &&
	    c->primary != c->rules.self)
		err_set(&err, r, "this node is not the primary: ask %s",
			c->set->nodes[c->primary].name);
	else if (r == -ENOTCONN)
		err_set(&err, r,
			"no node is primary: there is no role to hand over");
	if (r < 0) {
		c->parts.refused(c->parts.arg, token, r, err.text);
		return;
	}
	c->hand_over = token;
	cluster_step(c, &ev, loop_clock());
}

const char *cluster_needs_us(const struct cluster *c)
{
	return c == NULL ? NULL : election_needs_self(c->election);
}

bool cluster_stopped(const struct cluster *c)
{
	struct election_view view;

	if (c == NULL)
		return true;
	election_look(c->election, &view);
	return view.role == ELECTION_FOLLOWER && c->release_id == 0 &&
	       !view.resigning;
}

void cluster_reload(struct cluster *c, const struct settings *set)
{
	const struct primary_settings *primary = &set->primary;
	struct err err;

	if (c == NULL)
		return;
	office_reload(c->office, primary->on_promote, primary->on_demote,
		      primary->hook_timeout_us, primary->demote_timeout_us);
	c->routed = set;
	if (cluster_keep_files(c, &err) < 0)
		log_line(c->parts.log, NOTE_ERR, "%s", err.text);
	cluster_hold(c);
}

void cluster_facts_now(const struct cluster *c, struct cluster_facts *ret_facts)
{
	int64_t rtt_us[ELECTION_NODES_MAX];
	struct election_view view;
	struct link_counts counts;
	unsigned i;

	if (c == NULL) {
		cluster_facts_init(ret_facts);
		return;
	}
	election_look(c->election, &view);
	for (i = 0; i < c->set->node_count; i++)
		rtt_us[i] = trip_us(&c->trips[i]);
	cluster_facts_fill(ret_facts, c->set, &view, rtt_us);
	ret_facts->kept = c->keeps;
	vip_look(c->vip, &ret_facts->vip);
	counts = link_counts(c->link);
	cluster_facts_datagrams(ret_facts, &counts, &view.heard, c->unreadable);
	if (c->primary != ELECTION_NOBODY)
		ret_facts->primary = c->primary;
}

struct guard_process *cluster_guard(struct cluster *c)
{
	return c == NULL ? NULL : c->guard;
}
