/* What a HAProxy shows and answers. */
#include "controller/core/ctl_state.h"

#include <stdio.h>

#define TOLD_MAX 10 /* servers of one HAProxy named one by one in the log */

/* With the link an order to leave may be lost: it was carried out, or will be,
 * or not. */
static void lose_order(struct server *srv)
{
	if (srv->claim == CLAIM_OUT && (srv->failed || server_ordered_out(srv)))
		srv->doubt = true;
	srv->failed = false;
	srv->adding = false;
	srv->order = 0;
}

static void forget_seen(struct ctl *ctl, unsigned haproxy)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++) {
		struct server *srv = mend_server(ctl, haproxy, i);

		lose_order(srv);
		server_forget(srv);
		srv->pushed = SERVER_UNKNOWN;
		srv->retry = INSTANT_NONE;
		srv->refused = false;
		srv->was_held = srv->held || srv->was_held;
		srv->held = false;
		srv->leaving = false;
		mend_count(ctl, haproxy, i);
		rotation_dirty(ctl, i);
	}
	ctl->haproxies[haproxy].absent = 0;
	ctl->haproxies[haproxy].refused = 0;
	ctl->haproxies[haproxy].retry_us = RETRY_US_MIN;
}

static void link_up(struct ctl *ctl, const struct haproxy_seen *seen)
{
	struct haproxy *h = &ctl->haproxies[seen->haproxy];
	struct note *note;
	unsigned i;

	if (!h->up || seen->fresh) {
		note = ctl_note(ctl, NOTE_HAPROXY_UP);
		note->haproxy = seen->haproxy;
		note->count = h->known && seen->fresh ? 1 : 0;
	}
	h->up = true;
	h->known = true;
	h->why[0] = '\0';
	forget_seen(ctl, seen->haproxy);
	if (seen->fresh)
		dynamic_lost(ctl, seen->haproxy);
	for (i = 0; seen->fresh && i < ctl->set->target_count; i++) {
		mend_server(ctl, seen->haproxy, i)->doubt = false;
		mend_server(ctl, seen->haproxy, i)->bits = false;
		mend_server(ctl, seen->haproxy, i)->word = false;
		mend_server(ctl, seen->haproxy, i)->ends = false;
	}
}

static void link_down(struct ctl *ctl, const struct haproxy_seen *seen)
{
	struct haproxy *h = &ctl->haproxies[seen->haproxy];
	struct note *note;

	snprintf(h->why, sizeof(h->why), "%s", seen->text);
	if (h->up || !h->known) {
		note = ctl_note(ctl, NOTE_HAPROXY_DOWN);
		note->haproxy = seen->haproxy;
		note_say(note, "%s", seen->text);
	}
	h->up = false;
	h->known = true;
	forget_seen(ctl, seen->haproxy);
}

static void say_absent(struct ctl *ctl, const struct haproxy_seen *seen)
{
	struct note *note;

	if (ctl->haproxies[seen->haproxy].absent++ >= TOLD_MAX ||
	    ctl_service_of(ctl, seen->target)->add_servers)
		return;
	note = ctl_note_target(ctl, NOTE_HAPROXY_ABSENT, seen->target);
	note->haproxy = seen->haproxy;
	note_say(note, "%s", seen->text);
}

/* Its agent check does not ask us, or not any more.  What we said it still
 * obeys; maintenance that is there by then is somebody else's. */
static void look_at_bits(struct server *srv, const struct haproxy_seen *seen)
{
	bool out = server_is_out(seen->state);

	if (server_is_out((enum server_state)srv->pushed) ||
	    (seen->stopped && !srv->bits && srv->claim == CLAIM_OUT))
		srv->word = true;
	srv->pushed = SERVER_UNKNOWN;
	if (srv->bits || !srv->word)
		srv->bits = out && srv->claim == CLAIM_OUT;
}

/* By which way the server is withdrawn.  One that is in maintenance by us when
 * it begins to obey the agent comes back the way it left. */
static void look_at_way(struct server *srv, const struct haproxy_seen *seen)
{
	if (!seen->agent) {
		look_at_bits(srv, seen);
	} else {
		srv->word = false;
		srv->bits = srv->bits && seen->theirs;
	}
	srv->agent = seen->agent;
	srv->theirs = seen->theirs;
}

/* What this run has not pushed yet the last one may have: a claim on a server
 * that is stopped says that it did. */
static enum server_state shown(const struct server *srv,
			       const struct haproxy_seen *seen)
{
	if (seen->agent && seen->stopped && srv->claim == CLAIM_OUT &&
	    srv->pushed == SERVER_UNKNOWN)
		return SERVER_MAINT;
	return seen->state;
}

static void server_seen(struct ctl *ctl, const struct haproxy_seen *seen)
{
	struct server *srv;

	if (seen->target >= ctl->set->target_count)
		return;
	srv = mend_server(ctl, seen->haproxy, seen->target);
	look_at_way(srv, seen);
	if (server_taken(srv, seen->state))
		mend_disown(ctl, seen->haproxy, seen->target);
	if (seen->state == SERVER_ABSENT && srv->seen != SERVER_ABSENT)
		say_absent(ctl, seen);
	if (seen->state != SERVER_ABSENT && srv->seen == SERVER_ABSENT)
		ctl->haproxies[seen->haproxy].absent--;
	srv->seen = shown(srv, seen);
	srv->weight_percent = seen->weight_percent;
	dynamic_seen(ctl, seen);
	mend_count(ctl, seen->haproxy, seen->target);
	rotation_dirty(ctl, seen->target);
}

void haproxy_seen(struct ctl *ctl, const struct haproxy_seen *seen)
{
	if (seen->haproxy >= ctl->set->haproxy_count)
		return;
	switch (seen->kind) {
	case HAPROXY_LINK_UP:
		link_up(ctl, seen);
		break;
	case HAPROXY_LINK_DOWN:
		link_down(ctl, seen);
		break;
	default:
		server_seen(ctl, seen);
		break;
	}
}

/* Twice the last wait, with a quarter of jitter, so that many refused
 * servers do not come back in step. */
static void back_off(struct ctl *ctl, struct server *srv, unsigned haproxy)
{
	struct haproxy *h = &ctl->haproxies[haproxy];
	unsigned slot = slot_retry(ctl, haproxy);
	int64_t jitter_us =
		(int64_t)rng_below(&ctl->rng, (uint64_t)h->retry_us / 4);

	srv->retry = instant_add(ctl->now, h->retry_us - jitter_us);
	if (instant_is_never(schedule_get(ctl->schedule, slot))) {
		schedule_set(ctl->schedule, slot,
			     instant_add(ctl->now, h->retry_us));
		h->retry_us *= 2;
		if (h->retry_us > RETRY_US_MAX)
			h->retry_us = RETRY_US_MAX;
	}
}

static void refused(struct ctl *ctl, unsigned haproxy, unsigned target,
		    const char *why)
{
	struct server *srv = mend_server(ctl, haproxy, target);
	struct haproxy *h = &ctl->haproxies[haproxy];
	struct note *note;

	h->failures++;
	back_off(ctl, srv, haproxy);
	if (srv->refused)
		return;
	srv->refused = true;
	if (h->refused++ >= TOLD_MAX)
		return;
	note = ctl_note_target(ctl, NOTE_HAPROXY_REFUSED, target);
	note->haproxy = haproxy;
	note_say(note, "%s", why);
}

/* Which server the answer to @id is about, by what waits for it. */
static unsigned asked(const struct ctl *ctl, uint64_t id,
		      uint64_t (*waits)(const struct server *srv))
{
	unsigned n = ctl->set->haproxy_count * ctl->set->target_count;
	unsigned i = id_haproxy(id) * ctl->set->target_count + id_target(id);

	if (i < n && waits(&ctl->servers[i]) == id)
		return i;
	for (i = id_carried(ctl, id) ? 0 : n; i < n; i++)
		if (waits(&ctl->servers[i]) == id)
			return i;
	return n;
}

static uint64_t waits_for_order(const struct server *srv)
{
	return srv->order;
}

/* The state that was ordered is so, but for what others lay over it. */
static void carried_out(struct server *srv)
{
	if (!srv->ordered_agent) {
		srv->seen = srv->ordered;
		srv->bits = server_is_out(srv->ordered);
		srv->theirs = srv->bits && srv->agent;
		return;
	}
	if (!srv->agent) {
		srv->word = server_is_out(srv->ordered);
		return;
	}
	srv->pushed = (uint8_t)srv->ordered;
	if (!srv->theirs)
		srv->seen = srv->ordered;
}

void haproxy_ordered(struct ctl *ctl, uint64_t id, const char *failed)
{
	unsigned n = ctl->set->target_count;
	unsigned i = asked(ctl, id, waits_for_order);
	unsigned haproxy, target;
	struct server *srv;

	if (i == ctl->set->haproxy_count * n)
		return;
	haproxy = i / n;
	target = i % n;
	srv = &ctl->servers[i];
	rotation_dirty(ctl, target);
	dynamic_ordered(ctl, haproxy, target, failed == NULL);
	if (failed != NULL) {
		srv->failed = server_ordered_out(srv);
		srv->order = 0;
		refused(ctl, haproxy, target, failed);
		return;
	}
	srv->order = 0;
	srv->failed = false;
	srv->doubt = false;
	srv->ends = false;
	if (srv->refused)
		ctl->haproxies[haproxy].refused--;
	srv->refused = false;
	ctl->haproxies[haproxy].retry_us = RETRY_US_MIN;
	if (srv->ordered != SERVER_UNKNOWN)
		carried_out(srv);
	if (srv->ordered_weight != 0)
		srv->weight_percent = srv->ordered_weight;
	srv->leaving = srv->leaving && server_in_use(srv);
	mend_count(ctl, haproxy, target);
}

void haproxy_retry(struct ctl *ctl, unsigned haproxy)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++)
		if (!instant_is_none(mend_server(ctl, haproxy, i)->retry)) {
			mend_server(ctl, haproxy, i)->retry = INSTANT_NONE;
			rotation_dirty(ctl, i);
		}
}

static uint64_t waits_for_claim(const struct server *srv)
{
	return srv->storing;
}

void haproxy_claimed(struct ctl *ctl, uint64_t id)
{
	unsigned i = asked(ctl, id, waits_for_claim);
	unsigned n = ctl->set->target_count;

	if (i < ctl->set->haproxy_count * n)
		mend_claimed(ctl, i / n, i % n);
}

void haproxy_store_late(struct ctl *ctl)
{
	unsigned n = ctl->set->target_count;
	unsigned i;

	for (i = 0; i < ctl->set->haproxy_count * n; i++)
		if (ctl->servers[i].storing != 0)
			mend_claimed(ctl, i / n, i % n);
	ctl_store_answered(ctl, "the disk takes too long");
}
