/* What results count: the rows of failures, and what they teach. */
#include "controller/core/health.h"
#include "controller/core/loss.h"

/* RFC 6298: after a second at first, then after twice as long. */
#define SENT_THRICE_US (3 * SECOND)

static void bump(uint16_t *n)
{
	if (*n < UINT16_MAX)
		++*n;
}

static void note_trip(struct health *h, const struct health_doubt *doubt,
		      bool lost, bool fresh)
{
	unsigned own = loss_add(h->loss, lost, fresh);

	h->loss = own < UINT16_MAX ? (uint16_t)own : UINT16_MAX;
	*doubt->loss = loss_add(*doubt->loss, lost, fresh);
}

/* It has answered: what was lost on the way was no sign of its end, and the
 * silence was harmless. */
static void learn_row(struct health *h, const struct health_doubt *doubt,
		      int64_t silence_us)
{
	unsigned i;

	for (i = 0; i < h->lost && i < LOSS_TRIPS_MAX; i++)
		note_trip(h, doubt, true, i > 0 || !h->stood);
	if (h->mute > 0 && silence_us > h->pause_us)
		h->pause_us = silence_us < UINT32_MAX ? (uint32_t)silence_us
						      : UINT32_MAX;
}

/* A question in a hurry is not given the time to be answered: acknowledged, it
 * shows that the way is there, and no more. */
static void count_bad(struct health *h, enum evidence_kind kind)
{
	enum consequence follows = evidence_follows(kind);

	h->bad++;
	if (follows == FOLLOWS_TRIPS) {
		if (h->bad == 1)
			h->stood = !h->fresh;
		bump(&h->lost);
	} else if (follows == FOLLOWS_AGAIN) {
		if (!h->hurried)
			bump(&h->mute);
	} else {
		bump(&h->counted);
	}
	if (kind == EVIDENCE_SILENT)
		bump(&h->silent);
	else
		h->silent = 0;
	if (follows == FOLLOWS_LOOK)
		bump(&h->refused);
	else
		h->refused = 0;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* How many lost trips in a row are enough: `lost`, and more when many are lost
 * on the way to targets that are well. */
static unsigned lost_enough(const struct check_settings *check, unsigned loss)
{
	unsigned n = larger(check->lost, loss_trips(loss));

	if (n > check->lost_max)
		n = check->lost_max;
	return larger(n, check->fall);
}

/* Whether the row says that the target is down.  Each failure counts for its
 * part of what is enough of its kind.  Where packets are lost, an answer may be
 * too, and its question is acknowledged: that is at most half of the losses,
 * since question and acknowledgement must have come through. */
static bool is_enough(const struct health *h,
		      const struct check_settings *check,
		      const struct health_doubt *doubt, unsigned loss)
{
	uint64_t more = doubt->patience - 1;
	uint64_t fall = check->fall;
	uint64_t mute = larger(check->fall, loss_trips(loss / 2)) + more;
	uint64_t lost = lost_enough(check, loss) + more;

	return h->counted * mute * lost + h->mute * fall * lost +
		       h->lost * fall * mute >=
	       fall * mute * lost;
}

/* One that was silent lately and came back may do so again: twice as long is
 * waited, within `timeout`. */
static bool is_no_pause(const struct health *h,
			const struct check_settings *check, struct instant now)
{
	int64_t wait_us = 2 * (int64_t)h->pause_us;

	if (wait_us > check->timeout_us)
		wait_us = check->timeout_us;
	return instant_diff_us(h->first_bad, now) >= wait_us;
}

int64_t health_excuse_us(const struct check_settings *check)
{
	int64_t us = 2 * (int64_t)check->fall * check->timeout_us;

	return us > SENT_THRICE_US ? us : SENT_THRICE_US;
}

static bool falls(const struct health *h, const struct check_settings *check,
		  const struct health_doubt *doubt, struct instant now)
{
	unsigned loss = larger(h->loss, *doubt->loss);

	if (h->refused >= 2)
		return true;
	if (instant_diff_us(h->first_bad, now) >= health_excuse_us(check))
		loss = 0;
	return is_enough(h, check, doubt, loss) &&
	       (h->mute + h->lost == 0 || is_no_pause(h, check, now));
}

/* --- answers ------------------------------------------------------------- */

static void keep_evidence(struct health *h, enum evidence_kind kind,
			  unsigned observer, int detail, struct instant now)
{
	if (health_counts(h))
		evidence_add(&h->evidence, kind, observer, detail, now);
}

/* A DOWN target recovers by any answers that serve, poor ones too: what
 * matters there is whether it answers at all. */
static enum health_input digest_good(struct health *h,
				     const struct check_settings *check,
				     bool poor, struct instant now)
{
	h->last_good = now;
	health_end_row(h);
	bump(&h->served);
	if (h->state == HEALTH_DOWN)
		return ++h->good >= check->rise ? HEALTH_RISE : HEALTH_PASS;
	if (poor) {
		h->good = 0;
		return ++h->poor >= check->fall ? HEALTH_SINK : HEALTH_POOR;
	}
	h->poor = 0;
	return ++h->good >= check->rise ? HEALTH_RISE : HEALTH_PASS;
}

/* How long answers take is learned while the target is well, and from what was
 * sent once (Karn's algorithm): how long the kernel waits before it sends again
 * says nothing of the target. */
static void learn_latency(struct health *h, const struct result *res)
{
	if (res->retransmits > 0 ||
	    (h->state == HEALTH_DOWN &&
	     latency_known(&h->latency) >= HEALTH_KNOWN))
		return;
	latency_add(&h->latency, res->latency_us);
}

static enum health_input
answered(struct health *h, const struct check_settings *check,
	 enum evidence_kind kind, const struct result *res,
	 const struct health_doubt *doubt, struct instant now)
{
	if (h->bad > 0 && health_counts(h))
		learn_row(h, doubt, instant_diff_us(h->first_bad, now));
	else
		h->pause_us -= h->pause_us / 64;
	if (res->retransmits > 0)
		note_trip(h, doubt, true, h->fresh);
	note_trip(h, doubt, false, h->fresh);
	learn_latency(h, res);
	if (h->evidence.open || kind == EVIDENCE_POOR)
		keep_evidence(h, kind, EVIDENCE_SELF, res->status, now);
	if (kind == EVIDENCE_GOOD)
		evidence_end(&h->evidence);
	return digest_good(h, check, kind == EVIDENCE_POOR, now);
}

static enum health_input
failed(struct health *h, const struct check_settings *check,
       enum evidence_kind kind, const struct result *res,
       const struct health_doubt *doubt, struct instant now)
{
	enum consequence follows = evidence_follows(kind);

	h->good = 0;
	h->poor = 0;
	h->served = 0;
	if (instant_is_none(h->last_good) &&
	    instant_diff_us(h->watched, now) < check->start_period_us)
		return HEALTH_INPUTS;
	if (instant_is_none(h->first_bad))
		h->first_bad = now;
	keep_evidence(h, kind, EVIDENCE_SELF, res->status, now);
	count_bad(h, kind);
	if (falls(h, check, doubt, now)) {
		if (health_counts(h))
			h->reversible = h->counted == 0;
		return HEALTH_FALL;
	}
	h->again = follows != FOLLOWS_FALL && health_counts(h);
	return follows == FOLLOWS_FALL ? HEALTH_FAIL : HEALTH_DOUBT;
}

enum health_input health_digest(struct health *h,
				const struct check_settings *check,
				const struct result *res,
				const struct health_doubt *doubt,
				struct instant now)
{
	enum evidence_kind kind =
		evidence_of(res, res->latency_us > check->slow_after_us);

	h->last = *res;
	h->judged = true;
	h->again = false;
	switch (evidence_follows(kind)) {
	case FOLLOWS_NOTHING:
		return HEALTH_INPUTS;
	case FOLLOWS_END:
		return answered(h, check, kind, res, doubt, now);
	default:
		return failed(h, check, kind, res, doubt, now);
	}
}

enum health_input health_late(struct health *h,
			      const struct check_settings *check,
			      const struct result *res,
			      const struct health_doubt *doubt,
			      struct instant now)
{
	bool down = h->state == HEALTH_DOWN;
	enum health_input in;

	if (evidence_of(res, true) != EVIDENCE_LATE || h->bad == 0 ||
	    h->state == HEALTH_MAINT)
		return HEALTH_INPUTS;
	if (down && (!h->reversible || res->latency_us > check->timeout_us))
		return HEALTH_INPUTS;
	h->last = *res;
	learn_row(h, doubt, res->latency_us);
	if (res->retransmits == 0)
		latency_add(&h->latency, res->latency_us);
	keep_evidence(h, EVIDENCE_LATE, EVIDENCE_SELF, res->status, now);
	evidence_end(&h->evidence);
	in = digest_good(h, check, true, now);
	return down ? HEALTH_ALIVE : in;
}

void health_hint(struct health *h, enum evidence_kind kind, unsigned observer,
		 int detail, struct instant now)
{
	keep_evidence(h, kind, observer, detail, now);
}
