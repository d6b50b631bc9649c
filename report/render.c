#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "controller/core/instant.h"

#define CELL_MAX      48
#define INCIDENTS_MAX 20 /* newest ones shown */

/* A report on its way to paper. */
struct page {
	const struct availability *av;
	const struct paper *paper;
	FILE *out;
	bool failed;
};

static void put_table(struct page *pg, struct table *t)
{
	pg->failed |= table_failed(t);
	pg->paper->table(t, pg->out);
	table_free(t);
}

/* Cut, never rounded up (but for the noise of binary fractions): 100 % means
 * no downtime at all. */
static const char *percent(double ratio, char *buf)
{
	if (ratio < 0)
		return "-";
	if (ratio >= 1)
		return "100 %";
	snprintf(buf, CELL_MAX, "%.4f %%", floor(ratio * 1e6 + 1e-6) / 1e4);
	return buf;
}

static const char *nines(const struct availability_figures *fig, char *buf)
{
	if (fig->availability < 0)
		return "-";
	if (isinf(fig->nines))
		return "all";
	snprintf(buf, CELL_MAX, "%.2f", floor(fig->nines * 100 + 1e-6) / 100);
	return buf;
}

static const char *incident_count(const struct availability_figures *fig,
				  char *buf)
{
	if (fig->open > 0)
		snprintf(buf, CELL_MAX, "%zu (%zu open)", fig->incidents,
			 fig->open);
	else
		snprintf(buf, CELL_MAX, "%zu", fig->incidents);
	return buf;
}

static void availability_row(struct table *t,
			     const struct availability_figures *fig)
{
	char cells[5][CELL_MAX];

	table_row(t, (const char *const[]){
			     fig->name, percent(fig->availability, cells[0]),
			     nines(fig, cells[1]),
			     span_text(fig->downtime_us, cells[2]),
			     span_text(fig->degraded_us, cells[3]),
			     incident_count(fig, cells[4]) });
}

typedef void (*row_fn)(struct table *t, const struct availability_figures *fig);

/* One row for each service, and one for all when there is more than one. */
static void add_rows(struct page *pg, struct table *t, row_fn row)
{
	size_t count = pg->av->in->service_count;

	for (size_t i = 0; i < count; i++)
		row(t, &pg->av->services[i]);
	if (count > 1)
		row(t, &pg->av->whole);
}

static void put_availability(struct page *pg)
{
	static const char *const head[] = { "service",  "availability",
					    "nines",    "downtime",
					    "degraded", "incidents" };
	struct table *t = table_new("lrrrrr", head);

	pg->paper->heading("Availability", pg->out);
	add_rows(pg, t, availability_row);
	put_table(pg, t);
}

static const char *stat(const struct stats *st, int64_t value_us, char *buf)
{
	return span_text(st->n > 0 ? value_us : SPAN_NONE, buf);
}

static void times_row(struct table *t, const struct availability_figures *fig)
{
	char c[9][SPAN_TEXT_MAX];
	const struct stats *d = &fig->mttd, *r = &fig->mttr, *b = &fig->mtbf;

	table_row(t, (const char *const[]){
			     fig->name, stat(d, d->mean, c[0]),
			     stat(d, d->p50, c[1]), stat(d, d->p95, c[2]),
			     stat(r, r->mean, c[3]), stat(r, r->p50, c[4]),
			     stat(r, r->p95, c[5]), stat(b, b->mean, c[6]) });
}

static void put_times(struct page *pg)
{
	static const char *const head[] = { "service", "MTTD", "median",
					    "p95",     "MTTR", "median",
					    "p95",     "MTBF" };
	struct table *t = table_new("lrrrrrrr", head);

	pg->paper->heading("Detection and repair", pg->out);
	add_rows(pg, t, times_row);
	put_table(pg, t);
	pg->paper->paragraph("", pg->out);
	pg->paper->paragraph(
		"MTTD: onset to detected. MTTR: onset to whole again. MTBF: "
		"between the onsets of a service's incidents. Onset is the "
		"last moment known to be good.",
		pg->out);
}

static const char *met_text(enum availability_met met)
{
	switch (met) {
	case AVAILABILITY_MET:
		return "met";
	case AVAILABILITY_MISSED:
		return "MISSED";
	case AVAILABILITY_NO_OBJECTIVE:
		break;
	}
	return "-";
}

static void objective_row(struct table *t,
			  const struct availability_figures *fig)
{
	char avail[CELL_MAX], mttd[SPAN_TEXT_MAX], mttr[SPAN_TEXT_MAX];

	table_row(t, (const char *const[]){
			     fig->name,
			     fig->objective > 0 ? percent(fig->objective, avail)
						: "-",
			     met_text(fig->availability_met),
			     span_text(fig->mttd_objective_us > 0
					       ? fig->mttd_objective_us
					       : SPAN_NONE,
				       mttd),
			     met_text(fig->mttd_met),
			     span_text(fig->mttr_objective_us > 0
					       ? fig->mttr_objective_us
					       : SPAN_NONE,
				       mttr),
			     met_text(fig->mttr_met) });
}

static bool has_objective(const struct availability_figures *fig)
{
	return fig->objective > 0 || fig->mttd_objective_us > 0 ||
	       fig->mttr_objective_us > 0;
}

static void put_objectives(struct page *pg)
{
	static const char *const head[] = {
		"service", "availability", "", "MTTD", "", "MTTR", ""
	};
	struct table *t = table_new("lrlrlrl", head);

	for (size_t i = 0; i < pg->av->in->service_count; i++)
		if (has_objective(&pg->av->services[i]))
			objective_row(t, &pg->av->services[i]);
	if (table_empty(t)) {
		pg->failed |= table_failed(t);
		table_free(t);
		return;
	}
	pg->paper->heading("Objectives", pg->out);
	put_table(pg, t);
}

static void budget_row(struct table *t, const struct availability_figures *fig)
{
	char budget[SPAN_TEXT_MAX], spent[SPAN_TEXT_MAX], left[SPAN_TEXT_MAX];
	char rate[CELL_MAX], day[CELL_MAX], until[SPAN_TEXT_MAX];

	snprintf(rate, sizeof(rate), "%.2f", fig->burn_rate);
	snprintf(day, sizeof(day), "%.2f", fig->burn_rate_day);
	table_row(t, (const char *const[]){
			     fig->name, span_text(fig->budget_us, budget),
			     span_text(fig->downtime_us, spent),
			     span_text(fig->budget_left_us, left), rate, day,
			     fig->spent_in_us == 0
				     ? "spent"
				     : span_text(fig->spent_in_us, until) });
}

static void put_budget(struct page *pg)
{
	static const char *const head[] = { "service",  "budget", "spent",
					    "left",     "burn",   "last day",
					    "will last" };
	struct table *t = table_new("lrrrrrr", head);

	for (size_t i = 0; i < pg->av->in->service_count; i++)
		if (pg->av->services[i].budget_us > 0)
			budget_row(t, &pg->av->services[i]);
	if (table_empty(t)) {
		pg->failed |= table_failed(t);
		table_free(t);
		return;
	}
	pg->paper->heading("Error budget", pg->out);
	put_table(pg, t);
	pg->paper->paragraph("", pg->out);
	pg->paper->paragraph("Burn 1.00 spends the budget exactly with the "
			     "window; \"will last\" is at the window's pace.",
			     pg->out);
}

/* Onset to whole again; maintenance ends an incident, but repairs nothing. */
static const char *repair_text(const struct availability_incident *inc,
			       char buf[static SPAN_TEXT_MAX])
{
	if (inc->recovered_us == 0)
		return "open";
	if (inc->maintenance)
		return "maint";
	return span_text(inc->recovery_us, buf);
}

static void incident_row(struct table *t, const struct availability *av,
			 const struct availability_incident *inc)
{
	const char *service = av->in->services[inc->service].name;
	char number[16], sev[8], who[160], onset[WALL_TEXT_MAX];
	char seen[SPAN_TEXT_MAX], whole[SPAN_TEXT_MAX];

	snprintf(number, sizeof(number), "%u", inc->number);
	snprintf(sev, sizeof(sev), "P%d", (int)inc->severity);
	snprintf(who, sizeof(who), "%s/%s", service, inc->target);
	wall_text(inc->onset_us, onset);
	onset[19] = '\0'; /* whole seconds */
	table_row(t,
		  (const char *const[]){ number, sev, who, onset,
					 span_text(inc->detection_us, seen),
					 repair_text(inc, whole), inc->cause });
}

static void put_incidents(struct page *pg)
{
	static const char *const head[] = { "no",          "sev",      "target",
					    "onset (UTC)", "detected", "whole",
					    "cause" };
	const struct availability_input *in = pg->av->in;
	struct table *t = table_new("rlllrrl", head);
	size_t shown = 0;

	for (size_t i = 0; i < in->incident_count && shown < INCIDENTS_MAX;
	     i++) {
		if (!availability_shows(pg->av, &in->incidents[i]))
			continue;
		incident_row(t, pg->av, &in->incidents[i]);
		shown++;
	}
	pg->paper->heading(pg->av->whole.incidents > shown
				   ? "The latest incidents"
				   : "Incidents",
			   pg->out);
	if (shown > 0)
		put_table(pg, t);
	else
		pg->paper->paragraph("None.", pg->out);
	if (shown == 0)
		table_free(t);
}

static void put_head(struct page *pg)
{
	const struct availability *av = pg->av;
	char from[WALL_TEXT_MAX], to[WALL_TEXT_MAX], seen[SPAN_TEXT_MAX];
	char asked[SPAN_TEXT_MAX], line[256];

	snprintf(line, sizeof(line), "Availability of %.64s", av->in->node);
	pg->paper->title(line, pg->out);
	snprintf(line, sizeof(line),
		 "From %s to %s: %s observed of the %s that were asked for.",
		 wall_text(av->from_us, from), wall_text(av->to_us, to),
		 span_text(av->to_us - av->from_us, seen),
		 span_text(av->in->window_us, asked));
	pg->paper->paragraph(line, pg->out);
	if (!av->in->complete)
		pg->paper->paragraph("The record is not complete: the store "
				     "could not be read, or there is more in "
				     "it than was given.",
				     pg->out);
}

int availability_render(const struct availability *av,
			const struct paper *paper, FILE *out)
{
	struct page pg = { .av = av, .paper = paper, .out = out };

	put_head(&pg);
	put_availability(&pg);
	put_times(&pg);
	put_objectives(&pg);
	put_budget(&pg);
	put_incidents(&pg);
	paper->end(out);
	return pg.failed ? -ENOMEM : 0;
}
