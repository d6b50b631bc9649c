/* What may never be, whatever befalls. */
#include "drill/sim/world_state.h"

#include "controller/core/governor.h"
#include "controller/core/worst.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* HAProxy's table is read each second. */
#define WRONG_US       (1500 * MS)
#define MANY_TARGETS   200
#define WRONG_US_MANY  (12 * SECOND)
#define DETECT_LATE_US (3 * SECOND)
#define HEARD_US       (5 * MS)

void rules_begin(struct world *w, const struct settings *set)
{
	struct rules *r = &w->rules;
	unsigned i;

	rules_done(w);
	r->services = set->service_count;
	r->open = sim_alloc(r->services, sizeof(*r->open));
	r->outage_us = sim_alloc(r->services, sizeof(*r->outage_us));
	r->low = sim_alloc(r->services, sizeof(*r->low));
	r->judged = sim_alloc(r->services, sizeof(*r->judged));
	r->targets = set->target_count;
	r->unawaited = sim_alloc((size_t)set->haproxy_count * r->targets,
				 sizeof(*r->unawaited));
	for (i = 0; i < r->services; i++)
		r->low[i] = INSTANT_NONE;
	r->doubted = INSTANT_NONE;
}

void rules_done(struct world *w)
{
	free(w->rules.open);
	free(w->rules.outage_us);
	free(w->rules.low);
	free(w->rules.judged);
	free(w->rules.unawaited);
	w->rules = (struct rules){ .next = w->rules.next };
}

static const char *target_name(const struct world *w, unsigned target)
{
	return w->node.set->targets[target].name;
}

/* --- downtime ------------------------------------------------------------ */

static bool is_absent(const struct world *w, unsigned target)
{
	unsigned h, absent = 0;

	for (h = 0; h < w->node.set->haproxy_count; h++) {
		if (!ctl_haproxy_up(w->node.ctl, h))
			continue;
		if (ctl_server(w->node.ctl, h, target) != SERVER_ABSENT)
			return false;
		absent++;
	}
	return absent > 0;
}

static bool serves(const struct world *w, unsigned target)
{
	struct target_view view = ctl_target(w->node.ctl, target);

	if (view.health->state == HEALTH_UNKNOWN)
		return !view.awaited;
	if (view.operator_hold || is_absent(w, target))
		return false;
	if (view.health->state == HEALTH_MAINT)
		return view.in_rotation && health_answers(view.health);
	return health_serving(view.health->state);
}

static unsigned serving(const struct world *w, unsigned service)
{
	const struct service_settings *svc = &w->node.set->services[service];
	unsigned i, n = 0;

	for (i = 0; i < svc->target_count; i++)
		n += serves(w, svc->first_target + i);
	return n;
}

static void account(struct world *w, unsigned service)
{
	const struct service_settings *svc = &w->node.set->services[service];
	const struct service_view view = ctl_service(w->node.ctl, service);
	struct rules *r = &w->rules;
	bool low = serving(w, service) < (svc->min_up > 0 ? svc->min_up : 1);

	if (view.incident != NULL && r->open[service] == 0) {
		r->open[service] = view.incident->number;
		r->outage_us[service] = 0;
		r->low[service] = INSTANT_NONE;
		/* One that was open before this controller is not judged. */
		r->judged[service] = view.incident->detected.us == w->now.us;
	}
	if (r->open[service] == 0)
		return;
	if (low && instant_is_none(r->low[service])) {
		r->low[service] = w->now;
	} else if (!low && !instant_is_none(r->low[service])) {
		r->outage_us[service] +=
			instant_diff_us(r->low[service], w->now);
		r->low[service] = INSTANT_NONE;
	}
}

void rules_step(struct world *w)
{
	unsigned i;

	if (w->node.set->target_count > MANY_TARGETS)
		return;
	for (i = 0; i < w->rules.services; i++)
		account(w, i);
}

static void incident_stored(struct world *w, const struct incident *inc)
{
	struct rules *r = &w->rules;
	unsigned s = inc->service;

	if (incident_open(inc) || s >= r->services || r->open[s] == 0)
		return;
	if (!instant_is_none(r->low[s]))
		r->outage_us[s] += instant_diff_us(r->low[s], w->now);
	if (r->judged[s] && r->outage_us[s] != inc->outage_us)
		world_break(w,
			    "incident %" PRIu32 " counts %" PRId64
			    " us of outage, there were %" PRId64,
			    inc->number, inc->outage_us, r->outage_us[s]);
	r->open[s] = 0;
}

/* --- actions ------------------------------------------------------------- */

static bool *unawaited(struct world *w, unsigned haproxy, unsigned target)
{
	return &w->rules.unawaited[haproxy * w->rules.targets + target];
}

/* A disk that does not answer must not delay a withdrawal: what was claimed
 * meanwhile is in force, whatever is ordered by it when. */
static void claim_given(struct world *w, const struct claim *claim)
{
	*unawaited(w, claim->haproxy, claim->target) =
		!ctl_store_ok(w->node.ctl);
}

static void order_given(struct world *w, const struct server_order *order)
{
	bool weight_only = false, claimed;

	/* An agent's word is nobody else's: it waits for no disk. */
	if (order->state == SERVER_READY || order->agent ||
	    !ctl_store_ok(w->node.ctl) ||
	    *unawaited(w, order->haproxy, order->target))
		return;
	claimed = disk_has_claim(&w->disk, w->node.set, order->haproxy,
				 order->target, &weight_only);
	if (!claimed || (weight_only && order->state != SERVER_UNKNOWN))
		world_break(w, "%s is ordered %s before that is written down",
			    target_name(w, order->target),
			    server_state_name(order->state));
}

/* Bad evidence about a target that answered in time all the while. */
static void went_down(struct world *w, const struct note *note)
{
	const struct machine *m = &w->machines[w->machine_of[note->target]];
	const struct settings *set = w->node.set;
	const struct check_settings *check =
		&set->services[set->targets[note->target].service].check;
	int64_t margin_us = check->timeout_us + 500 * MS;

	if (!instant_is_never(m->well) &&
	    instant_before(instant_add(m->well, margin_us), note->onset_max))
		world_break(w, "%s is well and was declared DOWN", m->name);
}

void rules_action(struct world *w, const struct action *act)
{
	if (act->kind == ACTION_HAPROXY)
		order_given(w, &act->haproxy);
	else if (act->kind == ACTION_STORE && act->store.kind == STORE_CLAIM)
		claim_given(w, &act->store.claim);
	else if (act->kind == ACTION_STORE && act->store.kind == STORE_INCIDENT)
		incident_stored(w, &act->store.incident);
	else if (act->kind == ACTION_NOTE && act->note.kind == NOTE_TARGET &&
		 act->note.to == HEALTH_DOWN)
		went_down(w, &act->note);
}

/* --- what our commands did ----------------------------------------------- */

/* What the daemon has just heard came too late for orders under way. */
static bool known_out(const struct world *w, unsigned haproxy, unsigned target)
{
	const struct machine *m = &w->machines[w->machine_of[target]];

	return ctl_server(w->node.ctl, haproxy, target) != SERVER_READY &&
	       instant_diff_us(m->heard[haproxy], w->now) > HEARD_US;
}

/* How many of the service are in use there, or are as far as we could see. */
static unsigned in_use(const struct world *w, unsigned haproxy,
		       const struct service_settings *svc)
{
	unsigned i, n = 0;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		const struct machine *m = &w->machines[w->machine_of[i]];
		const struct fake_server *s = m->servers[haproxy];

		n += s != NULL &&
		     (server_is(s) == SERVER_READY ||
		      (m->by_operator[haproxy] && !known_out(w, haproxy, i)));
	}
	return n;
}

/* How many of the service we keep out there, by what is written down. */
static unsigned kept_out(const struct world *w, unsigned haproxy,
			 const struct service_settings *svc)
{
	bool weight_only = false;
	unsigned i, n = 0;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		const struct machine *m = &w->machines[w->machine_of[i]];
		const struct fake_server *s = m->servers[haproxy];

		n += s != NULL && server_is(s) != SERVER_READY &&
		     !m->operated[haproxy] && !m->by_operator[haproxy] &&
		     ctl_claimed(w->node.ctl, haproxy, i, &weight_only) &&
		     !weight_only;
	}
	return n;
}

static void withdrawn(struct world *w, unsigned haproxy, struct machine *m)
{
	const struct settings *set = w->node.set;
	const struct service_settings *svc;

	/* Orders from before a reload were given under other rules. */
	if (m->target == NOTE_NONE || !w->node.runs ||
	    instant_diff_us(w->node.started, w->now) < HEARD_US)
		return;
	svc = &set->services[set->targets[m->target].service];
	/* Who leaves to the last leaves less than was allowed before. */
	if (svc->on_panic == PANIC_CLOSED)
		return;
	if (in_use(w, haproxy, svc) < svc->min_up)
		world_break(w, "withdrawing %s leaves %s with fewer than %u",
			    m->name, svc->name, svc->min_up);
	if (kept_out(w, haproxy, svc) > governor_withdrawable(svc))
		world_break(w, "withdrawing %s takes too many out of %s",
			    m->name, svc->name);
}

void rules_commanded(struct world *w, unsigned haproxy,
		     const struct rules_before *before, bool late)
{
	unsigned i;

	for (i = 0; i < w->machine_count; i++) {
		struct machine *m = &w->machines[i];
		enum server_state now;

		if (m->servers[haproxy] == NULL)
			continue;
		now = server_is(m->servers[haproxy]);
		if (now == before[i].state)
			continue;
		if (now == SERVER_READY && m->operated[haproxy] && !late)
			world_break(w,
				    "%s was in an operator's maintenance and "
				    "is made ready",
				    m->name);
		m->by_operator[haproxy] = false;
		if (before[i].state == SERVER_READY)
			withdrawn(w, haproxy, m);
	}
}

/* --- as time goes by ----------------------------------------------------- */

static bool another_serves(const struct world *w, unsigned haproxy,
			   const struct service_settings *svc, unsigned but)
{
	unsigned i;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		const struct machine *m = &w->machines[w->machine_of[i]];

		if (i != but && m->servers[haproxy] != NULL &&
		    server_is(m->servers[haproxy]) == SERVER_READY &&
		    health_serving(ctl_target(w->node.ctl, i).health->state))
			return true;
	}
	return false;
}

static bool has_wrong_traffic(const struct world *w, unsigned haproxy,
			      unsigned target)
{
	const struct machine *m = &w->machines[w->machine_of[target]];
	const struct sim_haproxy *h = &w->haproxies[haproxy];
	struct target_view view = ctl_target(w->node.ctl, target);
	const struct settings *set = w->node.set;

	if (view.health->state != HEALTH_DOWN || view.held ||
	    m->servers[haproxy] == NULL)
		return false;
	if (!h->runs || h->hangs || h->forbids ||
	    instant_before(w->now, h->excused))
		return false;
	if (server_is(m->servers[haproxy]) != SERVER_READY)
		return false;
	return another_serves(w, haproxy,
			      &set->services[set->targets[target].service],
			      target);
}

static void check_traffic(struct world *w, unsigned target, int64_t limit_us)
{
	struct machine *m = &w->machines[w->machine_of[target]];
	struct instant from;
	unsigned h;

	for (h = 0; h < w->node.set->haproxy_count; h++) {
		if (!has_wrong_traffic(w, h, target)) {
			m->wrong[h] = INSTANT_NONE;
			continue;
		}
		if (instant_is_none(m->wrong[h]))
			m->wrong[h] = w->now;
		/* Who stood still looks again from then on. */
		from = instant_max(m->wrong[h], w->node.frozen);
		if (instant_diff_us(from, w->now) > limit_us)
			world_break(w, "%s is DOWN and has traffic at %s",
				    m->name, w->node.set->haproxies[h].name);
	}
}

/* How long one that fails may stay unseen.  Who has learned that trips are lost
 * lets loss excuse silence for a while. */
static int64_t overlooked_us(const struct world *w,
			     const struct check_settings *check)
{
	struct worst worst = worst_of(check);

	return (w->node.lost ? worst.strained_us : worst.silence_us) +
	       DETECT_LATE_US;
}

/* A target that fails for long enough must be DOWN. */
static void check_detection(struct world *w, unsigned target)
{
	const struct machine *m = &w->machines[w->machine_of[target]];
	const struct settings *set = w->node.set;
	const struct service_settings *svc =
		&set->services[set->targets[target].service];
	const struct health *h = ctl_target(w->node.ctl, target).health;
	struct instant from = instant_max(m->fake.failed, w->node.started);

	if (!fake_fault_fails(m->fake.fault) || m->flap != 0 ||
	    ctl_target(w->node.ctl, target).excused ||
	    h->state == HEALTH_DOWN || h->state == HEALTH_MAINT)
		return;
	from = instant_max(from, w->node.frozen);
	from = instant_max(from, w->rules.doubted);
	from = instant_max(from, h->since);
	/* What it had said before may have been sent again since. */
	from = instant_max(from, m->heard_of);
	if (instant_is_none(h->last_good))
		from = instant_max(
			from,
			instant_add(h->watched, svc->check.start_period_us));
	if (instant_diff_us(from, w->now) > overlooked_us(w, &svc->check))
		world_break(w, "%s fails and is still %s", m->name,
			    health_state_name(h->state));
}

/* Doubt delays verdicts, and may not last for ever. */
static void check_doubt(struct world *w)
{
	struct doubt_view doubt = ctl_doubt(w->node.ctl);

	if (doubt.level == SELF_SICK && !doubt.spent)
		w->rules.doubted = w->now;
}

void rules_check(struct world *w)
{
	int64_t limit_us = WRONG_US;
	unsigned i;

	if (!w->node.runs || world_frozen(w))
		return;
	if (w->node.set->target_count > MANY_TARGETS)
		limit_us = WRONG_US_MANY;
	check_doubt(w);
	for (i = 0; i < w->node.set->target_count; i++) {
		check_traffic(w, i, limit_us);
		check_detection(w, i);
	}
}

/* --- at rest ------------------------------------------------------------- */

static const char *unsettled_server(const struct world *w, unsigned target,
				    unsigned haproxy)
{
	static char text[100];
	const struct machine *m = &w->machines[w->machine_of[target]];
	const struct fake_server *s = m->servers[haproxy];
	struct target_view view = ctl_target(w->node.ctl, target);
	const char *what = NULL;

	if (s == NULL || !w->haproxies[haproxy].runs)
		return NULL;
	if (m->operated[haproxy])
		what = server_is(s) == SERVER_READY ? "an operator's is back"
						    : NULL;
	else if (fake_fault_fails(m->fake.fault))
		what = server_is(s) == SERVER_READY && !view.held
			       ? "is down and in use"
			       : NULL;
	else if (server_is(s) != SERVER_READY)
		what = "is well and not in use";
	else if (s->weight != s->configured_weight)
		what = "is not at full weight";
	if (what == NULL)
		return NULL;
	snprintf(text, sizeof(text), "%s at %s", what,
		 w->node.set->haproxies[haproxy].name);
	return text;
}

static const char *unsettled_target(const struct world *w, unsigned target)
{
	const struct machine *m = &w->machines[w->machine_of[target]];
	struct target_view view = ctl_target(w->node.ctl, target);
	const char *what = NULL;
	unsigned h;

	if (view.maintenance != NULL || m->flap != 0)
		return NULL;
	if (fake_fault_fails(m->fake.fault) !=
	    (view.health->state == HEALTH_DOWN))
		return health_state_name(view.health->state);
	for (h = 0; what == NULL && h < w->node.set->haproxy_count; h++)
		what = unsettled_server(w, target, h);
	return what;
}

/* A claim about what the settings still have, as text; or NULL. */
static const char *claim_left(struct world *w)
{
	static char text[160];
	const struct settings *set = w->node.set;
	struct stored stored = disk_stored(&w->disk, set, false);
	bool left = stored.claim_count > 0;

	if (left)
		snprintf(text, sizeof(text), "a claim is left of %s at %s",
			 set->targets[stored.claims[0].target].name,
			 set->haproxies[stored.claims[0].haproxy].name);
	disk_forget(&stored);
	return left ? text : NULL;
}

const char *world_unsettled(struct world *w)
{
	static char text[200];
	const char *what;
	bool all_well = true;
	unsigned i;

	if (!w->node.runs)
		return "the daemon does not run";
	for (i = 0; i < w->node.set->target_count; i++) {
		const struct machine *m = &w->machines[w->machine_of[i]];

		what = unsettled_target(w, i);
		if (what != NULL) {
			snprintf(text, sizeof(text), "%s %s", m->name, what);
			return text;
		}
		all_well = all_well && !fake_fault_fails(m->fake.fault) &&
			   ctl_target(w->node.ctl, i).maintenance == NULL;
	}
	if (all_well && w->disk.health == DISK_WELL) {
		if (disk_open_incidents(&w->disk) > 0)
			return "an incident is open";
		return claim_left(w);
	}
	return NULL;
}
