#include "checks/checks_io.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "checks/probe_io.h"

static const struct kind *const kinds[CHECK_TYPES] = {
	[CHECK_HTTP] = &http_kind,
	[CHECK_HTTPS] = &https_kind,
	[CHECK_TCP] = &tcp_kind,
	[CHECK_TLS] = &tls_kind,
	[CHECK_EXEC] = &exec_kind,
	[CHECK_REDIS] = &redis_kind,
	[CHECK_POSTGRESQL] = &postgresql_kind,
	[CHECK_MYSQL] = &mysql_kind,
};

struct checks {
	struct loop *loop;          /* borrowed */
	const struct settings *set; /* borrowed */
	checks_done_fn done;
	checks_hint_fn hint;   /* or NULL */
	checks_facts_fn facts; /* or NULL */
	void *arg;
	struct resolver *resolver;        /* owned */
	struct multi *multi;              /* owned; NULL until it is needed */
	struct plan **plans;              /* owned; one a service */
	struct probe **probes;            /* owned; one a target */
	struct probe *ready, **ready_end; /* to be delivered */
	char scratch[PROBE_SCRATCH];
};

/* What checks_new() and checks_reload() build before it is put in force. */
struct build {
	const struct settings *set;
	struct plan **plans;
	struct probe **probes;
};

struct loop *checks_loop(struct checks *checks)
{
	return checks->loop;
}

struct multi *checks_multi(struct checks *checks)
{
	if (checks->multi != NULL)
		return checks->multi;
	checks->multi = multi_new(checks->loop);
	if (checks->multi != NULL)
		multi_keep(checks->multi, checks->set->target_count);
	return checks->multi;
}

char *checks_scratch(struct checks *checks)
{
	return checks->scratch;
}

const char *probe_host(const struct probe *probe)
{
	return probe->target->host;
}

const struct service_settings *probe_service_settings(const struct probe *probe)
{
	return &probe->checks->set->services[probe->target->service];
}

const char *probe_service(const struct probe *probe)
{
	return probe->checks->set->services[probe->target->service].name;
}

/* A report may be followed by a new question, and so by a new report. */
static void checks_deliver(void *arg)
{
	struct checks *checks = arg;
	struct probe *probe;
	struct result res;

	while (checks->ready != NULL) {
		probe = checks->ready;
		checks->ready = probe->next;
		if (checks->ready == NULL)
			checks->ready_end = &checks->ready;
		res = probe->result;
		if (probe->facts != NULL && checks->facts != NULL)
			checks->facts(checks->arg, probe->index, probe->facts);
		probe->facts = NULL;
		probe->busy = probe->finished = false;
		checks->done(checks->arg, probe->index, probe->id, &res);
	}
}

void checks_on_hint(struct checks *checks, checks_hint_fn fn)
{
	checks->hint = fn;
}

void checks_on_facts(struct checks *checks, checks_facts_fn fn)
{
	checks->facts = fn;
}

void probe_hint(const struct probe *probe, enum hint_kind kind, int error)
{
	struct checks *checks = probe->checks;
	struct hint hint = { .target = probe->index,
			     .kind = kind,
			     .error = error };

	if (checks->hint != NULL)
		checks->hint(checks->arg, &hint);
}

void probe_done(struct probe *probe, const struct result *res)
{
	struct checks *checks = probe->checks;

	assert(probe->busy && !probe->finished);
	ev_timer_stop(loop_ev(checks->loop), &probe->timer);
	probe->finished = true;
	probe->result = *res;
	probe->next = NULL;
	if (checks->ready == NULL)
		loop_after(checks->loop, checks_deliver, checks);
	*checks->ready_end = probe;
	checks->ready_end = &probe->next;
}

void probe_late(struct probe *probe, uint64_t id, const struct result *res)
{
	struct checks *checks = probe->checks;
	struct result late = *res;

	late.late = true;
	checks->done(checks->arg, probe->index, id, &late);
}

static void probe_report_unresolved(struct probe *probe)
{
	const char *why = resolver_why(probe->to.name);

	probe_report(probe, RESULT_RESOLV, 0, why[0] ? why : "not yet known");
}

/* The name is known, or known to be unknown. */
static void probe_go(struct probe *probe)
{
	if (probe->kind->dials && dial_to_count(&probe->to) == 0)
		probe_report_unresolved(probe);
	else
		probe->kind->start(probe);
}

static void on_resolved(void *arg)
{
	probe_go(arg);
}

static void probe_set_timer(struct probe *probe, int64_t span_us)
{
	struct ev_loop *ev = loop_ev(probe->checks->loop);
	int64_t spent_us =
		instant_diff_us(loop_now(probe->checks->loop), loop_clock());

	ev_timer_stop(ev, &probe->timer);
	ev_timer_set(&probe->timer, (double)(span_us + spent_us) / 1e6, 0.);
	ev_timer_start(ev, &probe->timer);
}

/* When it is us who were late, and something had happened by then, the target
 * gets back once what we took from its time. */
static bool probe_excuse(struct probe *probe)
{
	int64_t late_us = probe_latency_us(probe) - probe->timeout_us;

	if (probe->excused || late_us <= 0)
		return false;
	probe->excused = true;
	if (late_us > probe->timeout_us)
		late_us = probe->timeout_us;
	probe_set_timer(probe, late_us);
	return true;
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct probe *probe = w->data;
	bool moved;

	(void)ev;
	(void)events;
	if (probe->waiter.link != NULL) {
		resolver_leave(&probe->waiter);
		probe_report_unresolved(probe);
		return;
	}
	moved = probe->kind->look(probe);
	if (probe->finished || (moved && probe_excuse(probe)))
		return;
	probe->kind->expire(probe);
}

void checks_start(struct checks *checks, unsigned target, uint64_t check_id,
		  int64_t timeout_us, bool fresh)
{
	struct probe *probe;

	assert(target < checks->set->target_count);
	probe = checks->probes[target];
	assert(!probe->busy);
	probe->busy = true;
	probe->id = check_id;
	probe->timeout_us = timeout_us;
	probe->fresh = fresh;
	probe->excused = false;
	probe->asked = loop_clock();
	probe_set_timer(probe, timeout_us);
	if (probe->to.name != NULL && resolver_pending(probe->to.name))
		resolver_wait(probe->to.name, &probe->waiter);
	else
		probe_go(probe);
}

static void probe_unqueue(struct probe *probe)
{
	struct checks *checks = probe->checks;
	struct probe **at;

	if (!probe->finished)
		return;
	for (at = &checks->ready; *at != probe; at = &(*at)->next)
		;
	*at = probe->next;
	if (*at == NULL)
		checks->ready_end = at;
}

static void probe_free(struct probe *probe)
{
	if (probe == NULL)
		return;
	probe_unqueue(probe);
	ev_timer_stop(loop_ev(probe->checks->loop), &probe->timer);
	resolver_leave(&probe->waiter);
	probe->kind->stop(probe);
	dial_to_done(&probe->to);
	free(probe);
}

static int probe_new(struct checks *checks, struct build *build, unsigned i,
		     struct err *err)
{
	const struct target_settings *target = &build->set->targets[i];
	struct plan *plan = build->plans[target->service];
	struct probe *probe = calloc(1, plan->kind->probe_size);
	uint16_t port = plan->check->port;
	int r;

	if (probe == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	probe->checks = checks;
	probe->kind = plan->kind;
	probe->plan = plan;
	probe->target = target;
	probe->index = i;
	probe->to.port = port != 0 ? port : target->port;
	probe->waiter.fn = on_resolved;
	probe->waiter.arg = probe;
	ev_init(&probe->timer, on_timer);
	probe->timer.data = probe;
	if (plan->kind->dials) {
		r = dial_to_init(&probe->to, checks->resolver, target->host,
				 probe->to.port, err);
		if (r < 0) {
			free(probe);
			return r;
		}
	}
	if (probe->kind->init != NULL)
		probe->kind->init(probe);
	build->probes[i] = probe;
	return 0;
}

static int plan_new(struct checks *checks, struct build *build, unsigned i,
		    struct err *err)
{
	const struct service_settings *svc = &build->set->services[i];
	const struct kind *kind = kinds[svc->check.type];
	int r;

	if (kind == NULL)
		return err_set(err, -ENOSYS,
			       "service %s: checks of type %s are not built in",
			       svc->name, check_type_name(svc->check.type));
	r = kind->plan_new(checks, &svc->check, &build->plans[i], err);
	if (r < 0) {
		err_wrap(err, "service %s", svc->name);
		return r;
	}
	build->plans[i]->kind = kind;
	build->plans[i]->check = &svc->check;
	return 0;
}

/* Free what is there; what was moved elsewhere is NULL here. */
static void build_free(struct build *build)
{
	unsigned i;

	for (i = 0; build->probes != NULL && i < build->set->target_count; i++)
		probe_free(build->probes[i]);
	for (i = 0; build->plans != NULL && i < build->set->service_count; i++)
		if (build->plans[i] != NULL)
			build->plans[i]->kind->plan_free(build->plans[i]);
	free(build->probes);
	free(build->plans);
}

static int build_new(struct build *build, const struct settings *set,
		     struct err *err)
{
	*build = (struct build){ .set = set };
	build->plans = calloc(set->service_count + 1, sizeof(*build->plans));
	build->probes = calloc(set->target_count + 1, sizeof(*build->probes));
	if (build->plans != NULL && build->probes != NULL)
		return 0;
	build_free(build);
	return err_set(err, -ENOMEM, "out of memory");
}

/* Make what @build has not yet. */
static int build_fill(struct checks *checks, struct build *build,
		      struct err *err)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < build->set->service_count && r == 0; i++)
		if (build->plans[i] == NULL)
			r = plan_new(checks, build, i, err);
	for (i = 0; i < build->set->target_count && r == 0; i++)
		if (build->probes[i] == NULL)
			r = probe_new(checks, build, i, err);
	return r;
}

static void checks_adopt(struct checks *checks, const struct build *build)
{
	checks->set = build->set;
	checks->plans = build->plans;
	checks->probes = build->probes;
	if (checks->multi != NULL)
		multi_keep(checks->multi, checks->set->target_count);
}

int checks_new(struct checks **ret_checks, struct loop *loop,
	       const struct settings *set, checks_done_fn done, void *arg,
	       struct err *err)
{
	struct checks *checks = calloc(1, sizeof(*checks));
	struct build build;
	int r;

	if (checks == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	checks->loop = loop;
	checks->done = done;
	checks->arg = arg;
	checks->ready_end = &checks->ready;
	r = resolver_new(&checks->resolver, loop, err);
	if (r < 0) {
		free(checks);
		return r;
	}
	r = build_new(&build, set, err);
	if (r == 0) {
		checks_adopt(checks, &build);
		r = build_fill(checks, &build, err);
	}
	if (r < 0) {
		checks_free(checks);
		return r;
	}
	*ret_checks = checks;
	return 0;
}

void checks_free(struct checks *checks)
{
	struct build build;

	if (checks == NULL)
		return;
	loop_after_cancel(checks->loop, checks_deliver, checks);
	if (checks->set != NULL) {
		build = (struct build){ checks->set, checks->plans,
					checks->probes };
		build_free(&build);
	}
	multi_free(checks->multi);
	resolver_free(checks->resolver);
	free(checks);
}

static bool target_same(const struct target_settings *a,
			const struct target_settings *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Put in @build, for its service @i, the plan of the service that its first
 * known target belonged to, if that asks the same and is still to be had. */
static void build_borrow_plan(struct checks *checks, struct build *build,
			      unsigned i, const unsigned *old_index,
			      bool *taken)
{
	const struct service_settings *svc = &build->set->services[i];
	unsigned at, old;

	for (at = 0; at < svc->target_count; at++) {
		old = old_index[svc->first_target + at];
		if (old == UINT_MAX)
			continue;
		old = checks->set->targets[old].service;
		if (!taken[old] &&
		    check_asks_same(&svc->check, checks->plans[old]->check)) {
			taken[old] = true;
			build->plans[i] = checks->plans[old];
		}
		return;
	}
}

static void build_borrow_probe(struct checks *checks, struct build *build,
			       unsigned i, const unsigned *old_index)
{
	const struct target_settings *target = &build->set->targets[i];
	unsigned old = old_index[i];

	if (old != UINT_MAX &&
	    checks->probes[old]->plan == build->plans[target->service] &&
	    target_same(target, checks->probes[old]->target))
		build->probes[i] = checks->probes[old];
}

/* Take out of @build what still belongs to @checks. */
static void build_give_back(struct checks *checks, struct build *build)
{
	unsigned i, old;

	for (i = 0; i < build->set->service_count; i++)
		for (old = 0; old < checks->set->service_count; old++)
			if (build->plans[i] == checks->plans[old])
				build->plans[i] = NULL;
	for (i = 0; i < build->set->target_count; i++)
		if (build->probes[i] != NULL &&
		    build->probes[i]->target != &build->set->targets[i])
			build->probes[i] = NULL;
}

/* From here on what was borrowed belongs to @build: it stands there alone and
 * knows the new settings. */
static void build_own(struct checks *checks, struct build *build)
{
	struct probe *probe;
	struct plan *plan;
	unsigned i, old;

	for (i = 0; i < build->set->service_count; i++) {
		plan = build->plans[i];
		for (old = 0; old < checks->set->service_count; old++)
			if (checks->plans[old] == plan)
				checks->plans[old] = NULL;
		plan->check = &build->set->services[i].check;
		if (plan->kind->plan_rebind != NULL)
			plan->kind->plan_rebind(plan, plan->check);
	}
	for (i = 0; i < build->set->target_count; i++) {
		probe = build->probes[i];
		if (probe->target != &build->set->targets[i])
			checks->probes[probe->index] = NULL;
		probe->target = &build->set->targets[i];
		probe->index = i;
	}
}

int checks_reload(struct checks *checks, const struct settings *set,
		  const unsigned *old_index, struct err *err)
{
	bool *taken = calloc(checks->set->service_count + 1, sizeof(*taken));
	struct build build, old;
	unsigned i;
	int r;

	if (taken == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = build_new(&build, set, err);
	if (r < 0) {
		free(taken);
		return r;
	}
	for (i = 0; i < set->service_count; i++)
		build_borrow_plan(checks, &build, i, old_index, taken);
	for (i = 0; i < set->target_count; i++)
		build_borrow_probe(checks, &build, i, old_index);
	free(taken);
	r = build_fill(checks, &build, err);
	if (r < 0) {
		build_give_back(checks, &build);
		build_free(&build);
		return r;
	}
	build_own(checks, &build);
	old = (struct build){ checks->set, checks->plans, checks->probes };
	checks_adopt(checks, &build);
	build_free(&old);
	return 0;
}
