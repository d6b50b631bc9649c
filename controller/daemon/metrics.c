#include "controller/daemon/metrics_state.h"

#include <stdlib.h>
#include <string.h>

#include "controller/config/diff.h"

HISTOGRAM_BOUNDS(metrics_check_bounds) = {
	500 * US,   1 * MS,    2500 * US,  5 * MS,      10 * MS,
	25 * MS,    50 * MS,   100 * MS,   250 * MS,    500 * MS,
	1 * SECOND, 2500 * MS, 5 * SECOND, 10 * SECOND,
};

HISTOGRAM_BOUNDS(metrics_detection_bounds) = {
	10 * MS,     25 * MS,     50 * MS,    100 * MS,   150 * MS,
	200 * MS,    300 * MS,    400 * MS,   500 * MS,   750 * MS,
	1 * SECOND,  2 * SECOND,  3 * SECOND, 5 * SECOND, 10 * SECOND,
	30 * SECOND, 60 * SECOND,
};

HISTOGRAM_BOUNDS(metrics_action_bounds) = {
	500 * US,   1 * MS,    2500 * US,  5 * MS,      10 * MS,
	25 * MS,    50 * MS,   100 * MS,   250 * MS,    500 * MS,
	1 * SECOND, 2500 * MS, 5 * SECOND, 10 * SECOND, 30 * SECOND,
};

HISTOGRAM_BOUNDS(metrics_incident_bounds) = {
	100 * MS,     500 * MS,     1 * SECOND,    2 * SECOND,   5 * SECOND,
	10 * SECOND,  30 * SECOND,  60 * SECOND,   120 * SECOND, 300 * SECOND,
	600 * SECOND, 900 * SECOND, 1800 * SECOND, 1 * HOUR,     2 * HOUR,
	4 * HOUR,     8 * HOUR,     24 * HOUR,
};

HISTOGRAM_BOUNDS(metrics_command_bounds) = {
	50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,   2500 * US,  5 * MS,
	10 * MS, 25 * MS,  50 * MS,  100 * MS, 500 * MS, 1 * SECOND, 5 * SECOND,
};

HISTOGRAM_BOUNDS(metrics_lag_bounds) = {
	100 * US, 250 * US, 500 * US,   1 * MS,     2500 * US,
	5 * MS,   10 * MS,  25 * MS,    50 * MS,    100 * MS,
	250 * MS, 500 * MS, 1 * SECOND, 5 * SECOND,
};

HISTOGRAM_BOUNDS(metrics_failover_bounds) = {
	5 * MS,     10 * MS,     25 * MS,     50 * MS,     75 * MS,   100 * MS,
	250 * MS,   500 * MS,    750 * MS,    1 * SECOND,  1500 * MS, 2500 * MS,
	5 * SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND,
};

/* Make room for what @set has; false leaves everything as it was. */
static bool metrics_size(struct metrics *m, const struct settings *set)
{
	struct service_counts *services =
		calloc(set->service_count + 1, sizeof(*services));
	struct target_counts *targets =
		calloc(set->target_count + 1, sizeof(*targets));
	struct haproxy_counts *haproxies =
		calloc(set->haproxy_count + 1, sizeof(*haproxies));

	if (services == NULL || targets == NULL || haproxies == NULL) {
		free(services);
		free(targets);
		free(haproxies);
		return false;
	}
	m->services = services;
	m->targets = targets;
	m->haproxies = haproxies;
	m->set = set;
	return true;
}

struct metrics *metrics_new(const struct settings *set)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m == NULL || !metrics_size(m, set)) {
		free(m);
		return NULL;
	}
	return m;
}

static void metrics_release(struct metrics *m)
{
	free(m->services);
	free(m->targets);
	free(m->haproxies);
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	metrics_release(m);
	free(m);
}

/* ---- reload ---- */

static void move_targets(struct metrics *to, const struct metrics *from)
{
	unsigned n = to->set->target_count, i;
	unsigned *was = calloc(n + 1, sizeof(*was));

	if (was != NULL && settings_map_targets(to->set, from->set, was) == 0)
		for (i = 0; i < n; i++)
			if (was[i] != SETTINGS_NONE)
				to->targets[i] = from->targets[was[i]];
	free(was);
}

static void move_services(struct metrics *to, const struct metrics *from)
{
	const struct settings *a = from->set, *b = to->set;
	unsigned i, k;

	for (i = 0; i < b->service_count; i++)
		for (k = 0; k < a->service_count; k++)
			if (strcmp(a->services[k].name, b->services[i].name) ==
			    0)
				to->services[i] = from->services[k];
}

static void move_haproxies(struct metrics *to, const struct metrics *from)
{
	const struct settings *a = from->set, *b = to->set;
	unsigned i, k;

	for (i = 0; i < b->haproxy_count; i++)
		for (k = 0; k < a->haproxy_count; k++)
			if (strcmp(a->haproxies[k].name,
				   b->haproxies[i].name) == 0)
				to->haproxies[i] = from->haproxies[k];
}

void metrics_reload(struct metrics *m, const struct settings *set)
{
	static const struct settings nothing;
	struct metrics old = *m;

	if (!metrics_size(m, set)) {
		m->set = &nothing;
		return;
	}
	move_services(m, &old);
	move_targets(m, &old);
	move_haproxies(m, &old);
	metrics_release(&old);
}

/* ---- counting ---- */

enum { BY_PLAN, RESTARTED, LOST };

const char *const metrics_group_reasons[METRICS_GROUP_REASONS] = {
	[BY_PLAN] = "switchover",
	[RESTARTED] = "restarted",
	[LOST] = "lost",
};

static void count_failover(struct metrics *m, const struct note *note)
{
	struct service_counts *counts = &m->services[note->service];
	unsigned why = LOST;

	if (note->count != 0)
		why = BY_PLAN;
	else if (strstr(note->text, "restarted") != NULL)
		why = RESTARTED;
	counts->failovers[why]++;
	histogram_add(&counts->failover, metrics_failover_bounds,
		      note->span_us);
}

void metrics_note(struct metrics *m, const struct note *note)
{
	if (note->kind == NOTE_GROUP_DONE &&
	    note->service < m->set->service_count)
		count_failover(m, note);
	if (note->kind == NOTE_TARGET && note->target < m->set->target_count)
		m->targets[note->target].transitions[note->to]++;
}

void metrics_evidence(struct metrics *m, unsigned target,
		      const struct result *res)
{
	struct service_counts *counts;

	/* A late answer is to a question that was counted as silent. */
	if (target >= m->set->target_count || res->late)
		return;
	counts = &m->services[m->set->targets[target].service];
	counts->checks[res->code]++;
	histogram_add(&counts->check, metrics_check_bounds, res->latency_us);
}

void metrics_command(struct metrics *m, unsigned haproxy, int64_t took_us,
		     bool ok)
{
	struct haproxy_counts *counts;

	if (haproxy >= m->set->haproxy_count)
		return;
	counts = &m->haproxies[haproxy];
	if (ok)
		counts->done++;
	else
		counts->failed++;
	histogram_add(&counts->command, metrics_command_bounds, took_us);
}

static void add_known(struct histogram *hist, const int64_t *bounds,
		      int64_t span_us)
{
	if (span_us >= 0)
		histogram_add(hist, bounds, span_us);
}

void metrics_incident(struct metrics *m, const struct incident *inc,
		      const struct window_news *news)
{
	struct service_counts *counts;

	if (inc->service >= m->set->service_count)
		return;
	counts = &m->services[inc->service];
	if (news->opened || news->raised)
		counts->incidents[inc->severity]++;
	if (news->opened)
		add_known(&counts->detection, metrics_detection_bounds,
			  incident_detection_us(inc));
	if (news->acted)
		add_known(&counts->action, metrics_action_bounds,
			  incident_action_us(inc));
	if (!news->closed)
		return;
	add_known(&counts->duration[inc->severity], metrics_incident_bounds,
		  incident_recovery_us(inc));
	/* What went into maintenance was not seen to recover. */
	if (!inc->maintenance)
		add_known(&counts->recovery, metrics_incident_bounds,
			  incident_recovery_us(inc));
}

void metrics_failover(struct metrics *m, const char *reason, int64_t span_us)
{
	struct failover_count *counts = m->failovers;
	unsigned i = 0;

	/* More words than there may be are counted with the last. */
	while (i < METRICS_REASONS_MAX - 1 && counts[i].reason != NULL &&
	       strcmp(counts[i].reason, reason) != 0)
		i++;
	if (counts[i].reason == NULL)
		counts[i].reason = reason;
	counts[i].total++;
	add_known(&m->failover, metrics_failover_bounds, span_us);
}

void metrics_lag(struct metrics *m, struct instant now, int64_t lag_us)
{
	int64_t second = now.us / SECOND;
	unsigned at = (unsigned)(second % METRICS_LAG_SECONDS);

	histogram_add(&m->lag, metrics_lag_bounds, lag_us);
	if (m->recent[at].second != second || m->recent[at].lag_us < lag_us) {
		m->recent[at].second = second;
		m->recent[at].lag_us = lag_us;
	}
}

int64_t metrics_lag_us(const struct metrics *m, struct instant now)
{
	int64_t oldest = now.us / SECOND - METRICS_LAG_SECONDS + 1;
	int64_t worst_us = 0;
	unsigned i;

	for (i = 0; i < METRICS_LAG_SECONDS; i++)
		if (m->recent[i].second >= oldest &&
		    m->recent[i].lag_us > worst_us)
			worst_us = m->recent[i].lag_us;
	return worst_us;
}
