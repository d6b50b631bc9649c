/* Checks on their way to the targets and back. */
#include "drill/sim/world_state.h"

#include <string.h>

#include "checks/http_answer.h"

#define CONNECT_US     40         /* to be refused takes about so long */
#define SEEN_US        200        /* until a closed connection is noticed */
#define RETRANSMIT_US  (200 * MS) /* TCP's first; then twice as long */
#define RETRANSMIT_MAX 6
#define MORE           "0123456789abcdef0123456789abcdef"

static bool is_lost(struct world *w, const struct machine *m)
{
	bool lost = m->loss_percent > 0 &&
		    rng_below(&w->rng, 100) < m->loss_percent;

	w->node.lost = w->node.lost || lost;
	return lost;
}

/* How long until a packet on a connection that stands gets there: at once, or
 * when TCP has sent it again often enough. */
static int64_t resent_us(struct world *w, const struct machine *m)
{
	int64_t wait_us = 0;
	unsigned i;

	for (i = 0; i < RETRANSMIT_MAX && is_lost(w, m); i++)
		wait_us += RETRANSMIT_US << i;
	return wait_us;
}

/* Send the question; returns after how long the target has it, or -1 if that
 * does not happen in the time of a check. */
static int64_t send_question(struct world *w, unsigned machine, bool fresh)
{
	struct machine *m = &w->machines[machine];
	struct asks *asks = &w->node.asks[machine];
	int64_t there_us;

	asks->now.dropped = m->fake.fault == FAKE_DROPPED;
	w->node.lost = w->node.lost || asks->now.dropped;
	asks->now.reach = REACH_NOT_CONNECTED;
	/* A lost SYN is sent again after a second. */
	if (fresh && (asks->now.dropped || is_lost(w, m) || is_lost(w, m)))
		return -1;
	there_us = resent_us(w, m);
	asks->now.reach = REACH_UNACKNOWLEDGED;
	if (asks->now.dropped)
		return -1;
	if (there_us == 0 && !is_lost(w, m))
		asks->now.reach = REACH_ACKNOWLEDGED;
	return there_us;
}

void asks_begin(struct world *w, unsigned target, uint64_t id,
		int64_t timeout_us, bool fresh)
{
	unsigned machine = w->machine_of[target];
	struct asks *asks = &w->node.asks[machine];
	struct machine *m = &w->machines[machine];
	int64_t takes_us;

	fresh = fresh || !asks->held;
	asks->held = false;
	asks->now =
		(struct ask){ .id = id, .token = ++w->token, .since = w->now };
	takes_us = send_question(w, machine, fresh);
	if (takes_us >= 0) {
		takes_us += CONNECT_US;
		if (m->fake.fault != FAKE_REFUSED)
			takes_us += fake_target_takes_us(&m->fake, &w->rng);
		world_put(w, HAPPENS_REPLY, instant_add(w->now, takes_us),
			  machine, 0, asks->now.token);
	}
	timeout_us += (int64_t)rng_below(&w->rng, 100);
	world_put(w, HAPPENS_TIMEOUT, instant_add(w->now, timeout_us), machine,
		  0, asks->now.token);
}

/* The question of that token, or NULL when nobody listens any more. */
static struct ask *ask_of(struct world *w, const struct happening *h)
{
	struct asks *asks = &w->node.asks[h->a];

	if (h->life != w->node.life)
		return NULL;
	if (asks->now.id != 0 && asks->now.token == h->token)
		return &asks->now;
	if (asks->late.id != 0 && asks->late.token == h->token)
		return &asks->late;
	return NULL;
}

void asks_reply(struct world *w, const struct happening *h)
{
	struct machine *m = &w->machines[h->a];
	struct ask *ask = ask_of(w, h);

	if (ask == NULL || ask->replied || m->fake.fault == FAKE_DROPPED)
		return;
	if (m->fake.fault == FAKE_MUTE) {
		ask->waits = true;
		return;
	}
	ask->replied = true;
	ask->fault = (unsigned)m->fake.fault;
	ask->here = instant_add(w->now, resent_us(w, m));
	world_put(w, HAPPENS_ANSWER, ask->here, h->a, 0, h->token);
}

static void wake(struct world *w, unsigned machine, struct ask *ask)
{
	struct machine *m = &w->machines[machine];
	int64_t takes_us;

	if (ask->id == 0 || !ask->waits)
		return;
	ask->waits = false;
	takes_us = fake_target_takes_us(&m->fake, &w->rng);
	world_put(w, HAPPENS_REPLY, instant_add(w->now, takes_us), machine, 0,
		  ask->token);
}

void asks_wake(struct world *w, unsigned machine)
{
	wake(w, machine, &w->node.asks[machine].now);
	wake(w, machine, &w->node.asks[machine].late);
}

void asks_killed(struct world *w, unsigned machine)
{
	struct asks *asks = &w->node.asks[machine];

	if (!asks->held && asks->late.id == 0)
		return;
	asks->held = false;
	asks->late.id = 0;
	world_put(w, HAPPENS_HINT, instant_add(w->now, SEEN_US), machine,
		  HINT_TETHER_CLOSED, 0);
}

void asks_hint(struct world *w, const struct happening *h)
{
	struct asks *asks = &w->node.asks[h->a];
	struct event ev = { .kind = EVENT_HINT };

	ev.hint.target = w->machines[h->a].target;
	ev.hint.kind = (enum hint_kind)h->b;
	/* With a token: an idle connection, if it is idle still. */
	if (h->token != 0 && (!asks->held || asks->idle != h->token))
		return;
	if (h->token != 0)
		asks->held = false;
	if (ev.hint.target != NOTE_NONE)
		node_feed(w, &ev);
}

static void evidence(struct world *w, unsigned machine, struct ask *ask,
		     const struct result *res)
{
	struct event ev = { .kind = EVENT_EVIDENCE };

	ev.evidence.target = w->machines[machine].target;
	ev.evidence.check = ask->id;
	ev.evidence.result = *res;
	ask->id = 0;
	if (ev.evidence.target != NOTE_NONE)
		node_feed(w, &ev);
}

/* It is kept for the next question, and closed by some servers. */
static void hold(struct world *w, unsigned machine, uint64_t token)
{
	struct asks *asks = &w->node.asks[machine];
	int64_t idle_us = w->machines[machine].idle_us;

	asks->held = true;
	asks->idle = token;
	if (idle_us > 0)
		world_put(w, HAPPENS_HINT, instant_add(w->now, idle_us),
			  machine, HINT_TETHER_CLOSED, token);
}

/* What comes after the first bytes of an answer that does not end. */
static enum http_progress feed_on(struct http_answer *ans,
				  const struct http_question *ask)
{
	static const char more[] = "X-More: " MORE MORE MORE MORE MORE MORE MORE
		MORE MORE MORE MORE MORE MORE MORE MORE MORE "\r\n";
	enum http_progress progress = HTTP_MORE;
	size_t used;
	int i;

	for (i = 0; progress == HTTP_MORE && i < 100000; i++)
		progress = http_answer_feed(ans, ask, more, sizeof(more) - 1,
					    &used);
	return progress;
}

static struct result judge(const struct world *w, unsigned machine,
			   enum fake_fault fault, int64_t latency_us)
{
	const struct settings *set = w->node.set;
	const struct machine *m = &w->machines[machine];
	const struct http_question *ask =
		w->node.questions[set->targets[m->target].service];
	struct fake_target said = { .fault = fault };
	enum http_progress progress = HTTP_MORE;
	size_t size, piece, used, at;
	struct http_answer ans;
	bool closes, refused;
	const char *bytes;

	if (!fake_target_answer(&said, &bytes, &size, &piece, &closes,
				&refused))
		return result_make(RESULT_L4CON, 111, latency_us,
				   "connection refused");
	http_answer_init(&ans, NULL);
	for (at = 0; at < size && progress == HTTP_MORE; at += piece)
		progress =
			http_answer_feed(&ans, ask, bytes + at, piece, &used);
	if (progress == HTTP_MORE)
		progress = closes ? http_answer_end(&ans) : feed_on(&ans, ask);
	if (progress == HTTP_DONE)
		return http_judge(ask, ans.status, &ans.body, latency_us);
	return result_make(RESULT_L7RSP, ans.status, latency_us, ans.why);
}

void asks_answer(struct world *w, const struct happening *h)
{
	struct asks *asks = &w->node.asks[h->a];
	struct ask *ask = ask_of(w, h);
	struct result res;

	if (ask == NULL || w->machines[h->a].target == NOTE_NONE)
		return;
	res = judge(w, h->a, (enum fake_fault)ask->fault,
		    instant_diff_us(ask->since, w->now));
	res.late = ask == &asks->late;
	if (result_verdict(res.code) == VERDICT_PASS)
		w->machines[h->a].heard_of = w->now;
	if (result_verdict(res.code) == VERDICT_PASS && !res.late)
		asks->late.id = 0;
	if ((res.code == RESULT_L7OK || res.code == RESULT_L7STS) &&
	    (!res.late || asks->now.id == 0))
		hold(w, h->a, ask->token);
	evidence(w, h->a, ask, &res);
}

/* It is listened to further, but for one that found no connection and for the
 * second of two. */
static struct ask *give_up(struct asks *asks, const struct result *res)
{
	if (res->reach == REACH_NOT_CONNECTED || asks->late.id != 0)
		return &asks->now;
	asks->late = asks->now;
	return &asks->now;
}

void asks_timeout(struct world *w, const struct happening *h)
{
	struct asks *asks = &w->node.asks[h->a];
	struct ask *ask = ask_of(w, h);
	struct machine *m = &w->machines[h->a];
	struct result res;

	if (ask != &asks->now)
		return;
	/* As the real checks do: a look first, whether we are only late. */
	if (ask->replied && instant_reached(w->now, ask->here)) {
		asks_answer(w, h);
		return;
	}
	if (!ask->dropped && m->fake.fault == FAKE_DROPPED)
		ask->reach = REACH_UNACKNOWLEDGED;
	res = result_make(ask->reach == REACH_NOT_CONNECTED ? RESULT_L4TOUT
							    : RESULT_L7TOUT,
			  0, instant_diff_us(ask->since, w->now), NULL);
	res.reach = ask->reach;
	evidence(w, h->a, give_up(asks, &res), &res);
}
