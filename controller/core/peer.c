#include "controller/core/peer.h"

#include "controller/core/rule.h"

#define WINDOW 64

/* Take over a boot: nothing that an earlier one said is true of it.  What it
 * was granted still is, until its first act, a release, is done. */
static void boot_begin(struct peer *peer, uint64_t boot, struct rng *rng)
{
	uint64_t their_challenge = peer->their_challenge;
	bool misconfigured = peer->misconfigured;
	struct instant granted = peer->granted;

	*peer = (struct peer){
		.boot = boot,
		.challenge = rng_next(rng) | 1,
		.their_challenge = their_challenge,
		.misconfigured = misconfigured,
		.echoed = INSTANT_NONE,
		.heard = INSTANT_NONE,
		.acked = INSTANT_NONE,
		.granted = RULE(WAIT_BOOT) ? granted : INSTANT_NONE,
		.document_sent = INSTANT_NONE,
		.answered = INSTANT_NONE,
		.eligible_since = INSTANT_NONE,
		.drift_at = INSTANT_NONE,
	};
}

void peer_init(struct peer *peer, struct rng *rng)
{
	*peer = (struct peer){ .granted = INSTANT_NONE };
	boot_begin(peer, 0, rng);
}

static bool window_new(struct peer_window *win, uint64_t sequence)
{
	uint64_t behind;

	if (sequence > win->top) {
		behind = sequence - win->top;
		win->seen = behind >= WINDOW ? 0 : win->seen << behind;
		win->seen |= 1;
		win->top = sequence;
		return true;
	}
	behind = win->top - sequence;
	if (behind >= WINDOW || (win->seen >> behind & 1) != 0)
		return false;
	win->seen |= (uint64_t)1 << behind;
	return true;
}

enum peer_verdict peer_admit(struct peer *peer, const struct message *msg,
			     struct instant now, struct rng *rng)
{
	bool by_guard = msg->sequence >= MESSAGE_GUARD_SEQUENCE;

	if (msg->boot != peer->boot) {
		if (by_guard)
			return PEER_STRANGER;
		peer->their_challenge = msg->challenge;
		if (msg->challenge_echo != peer->challenge)
			return PEER_STRANGER;
		boot_begin(peer, msg->boot, rng);
	}
	if (!window_new(by_guard ? &peer->guard : &peer->daemon, msg->sequence))
		return PEER_REPEATED;
	if (by_guard)
		return PEER_COUNTS;
	peer->their_challenge = msg->challenge;
	peer->echo.boot = msg->boot;
	peer->echo.clock_us = msg->clock_us;
	peer->heard = now;
	return PEER_COUNTS;
}

/* @span_us of the faster clock when the slower one shows @span_us / (1 + d). */
static int64_t stretched_us(int64_t span_us, unsigned drift_ppm)
{
	return span_us + span_us / 1000000 * drift_ppm +
	       span_us % 1000000 * drift_ppm / 1000000 + 1;
}

static bool beyond(const struct peer *peer, const struct message *msg,
		   struct instant now, unsigned drift_ppm)
{
	int64_t theirs_us = msg->clock_us - peer->drift_clock_us;
	int64_t most_us = instant_diff_us(peer->drift_from, now);
	int64_t least_us = msg->echo.clock_us - peer->drift_at.us;

	return theirs_us > stretched_us(most_us, drift_ppm) ||
	       stretched_us(theirs_us, drift_ppm) < least_us;
}

bool peer_drifts(struct peer *peer, const struct message *msg, uint64_t boot,
		 struct instant now, int64_t span_us, unsigned drift_ppm)
{
	bool first = instant_is_none(peer->drift_at), drifting;

	if (msg->echo.boot != boot ||
	    (!first && instant_diff_us(peer->drift_at, now) < span_us))
		return false;
	drifting = !first && beyond(peer, msg, now, drift_ppm);
	peer->drift_at = now;
	peer->drift_from.us = msg->echo.clock_us;
	peer->drift_clock_us = msg->clock_us;
	return drifting;
}
