/* The availability report as JSON: schema/availability-report/v1. */

#include <math.h>

#include "report/render.h"

/* A number that is not known, or infinite, is null. */
static json_t *number(double value, bool known)
{
	json_t *obj = known && isfinite(value) ? json_real(value) : NULL;

	return obj != NULL ? obj : json_null();
}

static json_t *met_json(enum availability_met met)
{
	if (met == AVAILABILITY_NO_OBJECTIVE)
		return json_null();
	return json_boolean(met == AVAILABILITY_MET);
}

static json_t *span_or_null(int64_t span_us)
{
	return span_json(span_us > 0 ? span_us : SPAN_NONE);
}

static json_t *objective_json(const struct availability_figures *fig)
{
	return json_pack("{so so so so so so}", "availability",
			 number(fig->objective, fig->objective > 0),
			 "availability_met", met_json(fig->availability_met),
			 "mttd_seconds", span_or_null(fig->mttd_objective_us),
			 "mttd_met", met_json(fig->mttd_met), "mttr_seconds",
			 span_or_null(fig->mttr_objective_us), "mttr_met",
			 met_json(fig->mttr_met));
}

static json_t *budget_json(const struct availability_figures *fig)
{
	if (fig->budget_us == 0)
		return json_null();
	return json_pack("{so so so sf sf so}", "seconds",
			 span_json(fig->budget_us), "spent_seconds",
			 span_json(fig->downtime_us), "left_seconds",
			 span_json(fig->budget_left_us), "burn_rate",
			 fig->burn_rate, "burn_rate_day", fig->burn_rate_day,
			 "lasts_seconds", span_json(fig->spent_in_us));
}

static json_t *severities_json(const struct availability_figures *fig)
{
	return json_pack("{sI sI sI sI}", "P1",
			 (json_int_t)fig->by_severity[SEVERITY_P1], "P2",
			 (json_int_t)fig->by_severity[SEVERITY_P2], "P3",
			 (json_int_t)fig->by_severity[SEVERITY_P3], "P4",
			 (json_int_t)fig->by_severity[SEVERITY_P4]);
}

static json_t *figures_json(const struct availability_figures *fig)
{
	return json_pack(
		"{ss sI sI sI so so so so so so so so so so}", "name",
		fig->name, "incidents", (json_int_t)fig->incidents, "open",
		(json_int_t)fig->open, "outages", (json_int_t)fig->outages,
		"severity", severities_json(fig), "observed_seconds",
		span_json(fig->observed_us), "downtime_seconds",
		span_json(fig->downtime_us), "degraded_seconds",
		span_json(fig->degraded_us), "availability",
		number(fig->availability, fig->availability >= 0), "nines",
		number(fig->nines, fig->availability >= 0), "mttd_seconds",
		stats_json(&fig->mttd), "action_seconds",
		stats_json(&fig->action), "mttr_seconds",
		stats_json(&fig->mttr), "mtbf_seconds", stats_json(&fig->mtbf));
}

static json_t *service_json(const struct availability_figures *fig)
{
	json_t *obj = figures_json(fig);

	json_object_set_new(obj, "objective", objective_json(fig));
	json_object_set_new(obj, "budget", budget_json(fig));
	return obj;
}

json_t *availability_json(const struct availability *av)
{
	json_t *services = json_array();

	for (size_t i = 0; i < av->in->service_count; i++)
		json_array_append_new(services, service_json(&av->services[i]));
	return json_pack("{ss ss so so so so sb so so}", "schema",
			 "schema/availability-report/v1", "node", av->in->node,
			 "from", wall_json(av->from_us), "to",
			 wall_json(av->to_us), "window_seconds",
			 span_json(av->in->window_us), "observed_seconds",
			 span_json(av->to_us - av->from_us), "complete",
			 av->in->complete, "services", services, "all",
			 figures_json(&av->whole));
}
