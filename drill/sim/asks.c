/* Checks on their way to the targets and back. */
#include "drill/sim/world_state.h"

#include <string.h>

#include "checks/http_answer.h"

#define CONNECT_US 40 /* to be refused takes about so long */
#define MORE       "0123456789abcdef0123456789abcdef"

void asks_begin(struct world *w, unsigned target, uint64_t id,
		int64_t timeout_us)
{
	unsigned machine = w->machine_of[target];
	struct ask *ask = &w->node.asks[machine];
	struct machine *m = &w->machines[machine];
	int64_t takes_us = CONNECT_US;

	*ask = (struct ask){ .id = id, .token = ++w->token, .since = w->now };
	if (m->fake.fault != FAKE_REFUSED)
		takes_us += fake_target_takes_us(&m->fake, &w->rng);
	m->fake.asked = ask->token;
	ask->dropped = m->fake.fault == FAKE_DROPPED;
	world_put(w, HAPPENS_REPLY, instant_add(w->now, takes_us), machine, 0,
		  ask->token);
	timeout_us += (int64_t)rng_below(&w->rng, 100);
	world_put(w, HAPPENS_TIMEOUT, instant_add(w->now, timeout_us), machine,
		  0, ask->token);
}

void asks_reply(struct world *w, const struct happening *h)
{
	struct machine *m = &w->machines[h->a];
	enum fake_fault fault = m->fake.fault;

	if (m->fake.asked != h->token || h->life != w->node.life)
		return;
	if (fault == FAKE_MUTE || fault == FAKE_DROPPED)
		return;
	m->fake.asked = 0;
	w->node.asks[h->a].replied = true;
	w->node.asks[h->a].fault = (unsigned)fault;
	world_put(w, HAPPENS_ANSWER, w->now, h->a, 0, h->token);
}

void asks_wake(struct world *w, unsigned machine)
{
	struct machine *m = &w->machines[machine];
	int64_t takes_us = fake_target_takes_us(&m->fake, &w->rng);

	if (m->fake.asked != 0)
		world_put(w, HAPPENS_REPLY, instant_add(w->now, takes_us),
			  machine, 0, m->fake.asked);
}

static void evidence(struct world *w, unsigned machine,
		     const struct result *res)
{
	struct ask *ask = &w->node.asks[machine];
	struct event ev = { .kind = EVENT_EVIDENCE };

	ev.evidence.target = w->machines[machine].target;
	ev.evidence.check = ask->id;
	ev.evidence.result = *res;
	ask->id = 0;
	w->machines[machine].fake.asked = 0;
	if (ev.evidence.target != NOTE_NONE)
		node_feed(w, &ev);
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
	const struct ask *ask = &w->node.asks[h->a];
	struct result res;

	if (ask->id == 0 || ask->token != h->token ||
	    w->machines[h->a].target == NOTE_NONE)
		return;
	res = judge(w, h->a, (enum fake_fault)ask->fault,
		    instant_diff_us(ask->since, w->now));
	evidence(w, h->a, &res);
}

void asks_timeout(struct world *w, const struct happening *h)
{
	const struct ask *ask = &w->node.asks[h->a];
	bool dropped =
		ask->dropped || w->machines[h->a].fake.fault == FAKE_DROPPED;
	struct result res;

	/* As the real checks do: a look first, whether we are only late. */
	if (ask->replied) {
		asks_answer(w, h);
		return;
	}
	if (ask->id == 0 || ask->token != h->token)
		return;
	res = result_make(dropped ? RESULT_L4TOUT : RESULT_L7TOUT, 0,
			  instant_diff_us(ask->since, w->now), NULL);
	res.reach = dropped ? REACH_NOT_CONNECTED : REACH_ACKNOWLEDGED;
	evidence(w, h->a, &res);
}
