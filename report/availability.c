#include "report/availability.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "controller/core/instant.h"

/* What is added up: one service, or all of them. */
struct scope {
	const struct availability *av;
	bool all;
	unsigned service;
	int64_t *scratch; /* room for every incident */
};

static int64_t min_us(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The part of an incident that lies between @from_us and @to_us. */
static int64_t overlap_us(const struct availability_incident *inc,
			  int64_t from_us, int64_t to_us)
{
	int64_t end_us = inc->recovered_us != 0 ? inc->recovered_us : to_us;

	return max_us(0,
		      min_us(end_us, to_us) - max_us(inc->onset_us, from_us));
}

bool availability_shows(const struct availability *av,
			const struct availability_incident *inc)
{
	int64_t end_us = inc->recovered_us != 0 ? inc->recovered_us : av->to_us;

	return inc->onset_us <= av->to_us && end_us >= av->from_us;
}

static bool in_scope(const struct scope *sc,
		     const struct availability_incident *inc)
{
	bool within = sc->all ? !sc->av->in->services[inc->service].apart
			      : inc->service == sc->service;

	return within && availability_shows(sc->av, inc);
}

static void count(struct availability_figures *fig,
		  const struct availability *av,
		  const struct availability_incident *inc)
{
	int64_t part_us = overlap_us(inc, av->from_us, av->to_us);
	int64_t out_us = min_us(inc->outage_us, part_us);

	fig->incidents++;
	fig->open += inc->recovered_us == 0;
	fig->outages += inc->outage_us > 0;
	fig->by_severity[inc->severity]++;
	fig->downtime_us += out_us;
	fig->degraded_us += part_us - out_us;
}

static bool inside(const struct availability *av, int64_t wall_us)
{
	return wall_us >= av->from_us && wall_us <= av->to_us;
}

/* Take the span that is wanted of an incident; false: it has none here. */
typedef bool (*pick_fn)(const struct availability *av,
			const struct availability_incident *inc,
			int64_t *ret_span_us);

static bool pick_detection(const struct availability *av,
			   const struct availability_incident *inc,
			   int64_t *ret_span_us)
{
	*ret_span_us = inc->detection_us;
	return inside(av, inc->detected_us);
}

static bool pick_action(const struct availability *av,
			const struct availability_incident *inc,
			int64_t *ret_span_us)
{
	*ret_span_us = inc->action_us;
	return inside(av, inc->detected_us);
}

static bool pick_repair(const struct availability *av,
			const struct availability_incident *inc,
			int64_t *ret_span_us)
{
	*ret_span_us = inc->recovery_us;
	return !inc->maintenance && inside(av, inc->recovered_us);
}

static struct stats spans(const struct scope *sc, pick_fn pick)
{
	const struct availability_input *in = sc->av->in;
	int64_t span_us;
	size_t n = 0;

	for (size_t i = 0; i < in->incident_count; i++) {
		const struct availability_incident *inc = &in->incidents[i];

		if (in_scope(sc, inc) && pick(sc->av, inc, &span_us) &&
		    span_us != SPAN_NONE)
			sc->scratch[n++] = span_us;
	}
	return stats_of(sc->scratch, n);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Write the spans between the onsets of one service to @at. */
static size_t between(const struct availability *av, unsigned service,
		      int64_t *at)
{
	const struct availability_input *in = av->in;
	size_t n = 0;

	for (size_t i = 0; i < in->incident_count; i++) {
		const struct availability_incident *inc = &in->incidents[i];

		if (inc->service == service && inside(av, inc->onset_us))
			at[n++] = inc->onset_us;
	}
	if (n < 2)
		return 0;
	qsort(at, n, sizeof(*at), compare);
	for (size_t i = 0; i + 1 < n; i++)
		at[i] = at[i + 1] - at[i];
	return n - 1;
}

/* Between the incidents of the same service, also for all together. */
static struct stats failures(const struct scope *sc)
{
	size_t n = 0;

	if (!sc->all) {
		n = between(sc->av, sc->service, sc->scratch);
		return stats_of(sc->scratch, n);
	}
	for (unsigned i = 0; i < sc->av->in->service_count; i++)
		if (!sc->av->in->services[i].apart)
			n += between(sc->av, i, sc->scratch + n);
	return stats_of(sc->scratch, n);
}

static void availability(struct availability_figures *fig)
{
	double down;

	if (fig->observed_us <= 0) {
		fig->availability = -1;
		return;
	}
	down = (double)fig->downtime_us / (double)fig->observed_us;
	fig->availability = 1 - down;
	fig->nines = down > 0 ? -log10(down) : (double)INFINITY;
}

static int64_t downtime_since(const struct availability *av, unsigned service,
			      int64_t from_us)
{
	const struct availability_input *in = av->in;
	int64_t sum_us = 0;

	for (size_t i = 0; i < in->incident_count; i++) {
		const struct availability_incident *inc = &in->incidents[i];

		if (inc->service == service)
			sum_us += min_us(inc->outage_us,
					 overlap_us(inc, from_us, av->to_us));
	}
	return sum_us;
}

static double burn(int64_t downtime_us, int64_t span_us, double allowed)
{
	return span_us > 0 ? (double)downtime_us / (double)span_us / allowed
			   : 0;
}

static void budget(struct availability_figures *fig,
		   const struct availability *av, unsigned service)
{
	int64_t day_us = min_us(DAY, fig->observed_us);
	double allowed = 1 - fig->objective;

	fig->spent_in_us = SPAN_NONE;
	if (fig->objective <= 0 || allowed <= 0)
		return;
	fig->budget_us = llround(allowed * (double)av->in->window_us);
	fig->budget_left_us = fig->budget_us - fig->downtime_us;
	fig->burn_rate = burn(fig->downtime_us, fig->observed_us, allowed);
	fig->burn_rate_day =
		burn(downtime_since(av, service, av->to_us - day_us), day_us,
		     allowed);
	if (fig->budget_left_us <= 0)
		fig->spent_in_us = 0;
	else if (fig->downtime_us > 0)
		fig->spent_in_us = llround((double)fig->budget_left_us /
					   (double)fig->downtime_us *
					   (double)fig->observed_us);
}

static enum availability_met met(bool wanted, bool good)
{
	if (!wanted)
		return AVAILABILITY_NO_OBJECTIVE;
	return good ? AVAILABILITY_MET : AVAILABILITY_MISSED;
}

static void judge(struct availability_figures *fig,
		  const struct availability_service *svc)
{
	fig->objective = svc->availability;
	fig->mttd_objective_us = svc->mttd_us;
	fig->mttr_objective_us = svc->mttr_us;
	fig->availability_met =
		met(svc->availability > 0 && fig->observed_us > 0,
		    fig->availability >= svc->availability);
	fig->mttd_met = met(svc->mttd_us > 0 && fig->mttd.n > 0,
			    fig->mttd.mean <= svc->mttd_us);
	fig->mttr_met = met(svc->mttr_us > 0 && fig->mttr.n > 0,
			    fig->mttr.mean <= svc->mttr_us);
}

static int64_t services_of_whole(const struct availability_input *in)
{
	int64_t n = 0;

	for (size_t i = 0; i < in->service_count; i++)
		n += !in->services[i].apart;
	return n;
}

static void figures(const struct scope *sc, struct availability_figures *fig)
{
	const struct availability_input *in = sc->av->in;

	for (size_t i = 0; i < in->incident_count; i++)
		if (in_scope(sc, &in->incidents[i]))
			count(fig, sc->av, &in->incidents[i]);
	fig->observed_us = sc->av->to_us - sc->av->from_us;
	if (sc->all)
		fig->observed_us *= services_of_whole(in);
	fig->mttd = spans(sc, pick_detection);
	fig->action = spans(sc, pick_action);
	fig->mttr = spans(sc, pick_repair);
	fig->mtbf = failures(sc);
	fig->spent_in_us = SPAN_NONE;
	availability(fig);
}

static void compute(struct availability *av, int64_t *scratch)
{
	struct scope sc = { .av = av, .scratch = scratch };
	const struct availability_input *in = av->in;

	for (sc.service = 0; sc.service < in->service_count; sc.service++) {
		struct availability_figures *fig = &av->services[sc.service];

		fig->name = in->services[sc.service].name;
		figures(&sc, fig);
		judge(fig, &in->services[sc.service]);
		budget(fig, av, sc.service);
	}
	sc.all = true;
	av->whole.name = "all";
	figures(&sc, &av->whole);
}

int availability_new(const struct availability_input *in,
		     struct availability **ret_avail, struct err *err)
{
	struct availability *av = calloc(1, sizeof(*av));
	int64_t *scratch = calloc(in->incident_count + 1, sizeof(*scratch));

	if (av != NULL)
		av->services =
			calloc(in->service_count + 1, sizeof(*av->services));
	if (av == NULL || av->services == NULL || scratch == NULL) {
		free(scratch);
		availability_free(av);
		return err_set(err, -ENOMEM, "out of memory");
	}
	av->in = in;
	av->to_us = in->now_us;
	av->from_us = max_us(in->now_us - in->window_us, in->record_us);
	av->from_us = min_us(av->from_us, av->to_us);
	compute(av, scratch);
	free(scratch);
	*ret_avail = av;
	return 0;
}

void availability_free(struct availability *av)
{
	if (av == NULL)
		return;
	free(av->services);
	free(av);
}
