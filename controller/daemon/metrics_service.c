/* What the metrics say of services. */
#include "controller/daemon/metrics_sample.h"

static const struct service_counts *counts_of(const struct metrics_row *row)
{
	return &row->m->services[row->i];
}

static const struct window_figures *figures_of(const struct metrics_row *row)
{
	return window_service(row->view->window, row->i, row->view->now,
			      row->view->wall_us);
}

void metrics_service_targets(const struct metrics_row *row)
{
	sample_number(row, SERVICES,
		      row->view->set->services[row->i].target_count);
}

void metrics_service_serving(const struct metrics_row *row)
{
	sample_number(row, SERVICES,
		      ctl_service(row->view->ctl, row->i).serving);
}

void metrics_service_min_up(const struct metrics_row *row)
{
	sample_number(row, SERVICES, row->view->set->services[row->i].min_up);
}

void metrics_service_panic(const struct metrics_row *row)
{
	sample_number(row, SERVICES, ctl_service(row->view->ctl, row->i).panic);
}

void metrics_service_held_back(const struct metrics_row *row)
{
	sample_number(row, SERVICES,
		      ctl_service(row->view->ctl, row->i).held_back);
}

void metrics_checks(const struct metrics_row *row)
{
	unsigned code;

	for (code = 0; code < RESULT_CODES; code++) {
		if (counts_of(row)->checks[code] == 0)
			continue;
		sample_begin(row, "_total", SERVICES, "result",
			     result_code_name((enum result_code)code));
		sample_end(row, counts_of(row)->checks[code]);
	}
}

void metrics_check_duration(const struct metrics_row *row)
{
	sample_histogram(row, SERVICES, &counts_of(row)->check,
			 metrics_check_bounds, NULL, NULL);
}

void metrics_detection(const struct metrics_row *row)
{
	sample_histogram(row, SERVICES, &counts_of(row)->detection,
			 metrics_detection_bounds, NULL, NULL);
}

void metrics_action(const struct metrics_row *row)
{
	sample_histogram(row, SERVICES, &counts_of(row)->action,
			 metrics_action_bounds, NULL, NULL);
}

void metrics_recovery(const struct metrics_row *row)
{
	sample_histogram(row, SERVICES, &counts_of(row)->recovery,
			 metrics_incident_bounds, NULL, NULL);
}

/* A mean that is not known has no sample, rather than a false 0. */
static void known_seconds(const struct metrics_row *row, int64_t span_us)
{
	if (span_us >= 0)
		sample_seconds(row, SERVICES, span_us);
}

void metrics_mttd(const struct metrics_row *row)
{
	known_seconds(row, figures_of(row)->mttd_us);
}

void metrics_mttr(const struct metrics_row *row)
{
	known_seconds(row, figures_of(row)->mttr_us);
}

void metrics_mtbf(const struct metrics_row *row)
{
	known_seconds(row, figures_of(row)->mtbf_us);
}

void metrics_availability(const struct metrics_row *row)
{
	double ratio = figures_of(row)->availability;

	if (ratio < 0)
		return;
	sample_begin(row, "", SERVICES, NULL, NULL);
	buffer_printf(row->to, "%.9g\n", ratio);
}

static const char *const severity_names[METRICS_SEVERITIES] = { "", "P1", "P2",
								"P3", "P4" };

/* The two that a service can have are there from the start. */
static bool severity_shown(const struct metrics_row *row, unsigned severity,
			   uint64_t total)
{
	const struct service_settings *svc = &row->view->set->services[row->i];

	return total > 0 || severity == (unsigned)svc->severity_partial ||
	       severity == (unsigned)svc->severity_total;
}

void metrics_incidents(const struct metrics_row *row)
{
	unsigned sev;

	for (sev = SEVERITY_P1; sev < METRICS_SEVERITIES; sev++) {
		if (!severity_shown(row, sev, counts_of(row)->incidents[sev]))
			continue;
		sample_begin(row, "_total", SERVICES, "severity",
			     severity_names[sev]);
		sample_end(row, counts_of(row)->incidents[sev]);
	}
}

void metrics_incidents_open(const struct metrics_row *row)
{
	sample_number(row, SERVICES,
		      ctl_service(row->view->ctl, row->i).incident != NULL);
}

void metrics_incident_duration(const struct metrics_row *row)
{
	const struct histogram *hist;
	unsigned sev;

	for (sev = SEVERITY_P1; sev < METRICS_SEVERITIES; sev++) {
		hist = &counts_of(row)->duration[sev];
		if (severity_shown(row, sev, hist->total))
			sample_histogram(row, SERVICES, hist,
					 metrics_incident_bounds, "severity",
					 severity_names[sev]);
	}
}
