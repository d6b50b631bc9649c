/* The drill report as text: at most 80 columns, ASCII. */

#include <inttypes.h>
#include <string.h>

#include "report/drill.h"
#include "report/render.h"

/* One row of the table: the medians and the worst of one kind of fault. */
static void print_row(const char *fault, const char *by,
		      const struct drill_summary *sum, FILE *out)
{
	char detected[SPAN_TEXT_MAX], acted[SPAN_TEXT_MAX], p95[SPAN_TEXT_MAX];
	char recovered[SPAN_TEXT_MAX], gap[SPAN_TEXT_MAX];
	bool seen = sum->detected.n > 0, done = sum->acted.n > 0;
	bool whole = sum->recovered.n > 0;

	span_text(seen ? sum->detected.p50 : SPAN_NONE, detected);
	span_text(done ? sum->acted.p50 : SPAN_NONE, acted);
	span_text(done ? sum->acted.p95 : SPAN_NONE, p95);
	span_text(whole ? sum->recovered.p50 : SPAN_NONE, recovered);
	span_text(sum->total.max_gap_us, gap);
	fprintf(out,
		"%-9.9s %-8.8s %4zu %9.9s %9.9s %9.9s %9.9s %8" PRIu64
		" %7.7s\n",
		fault, by, sum->runs, detected, acted, p95, recovered,
		sum->total.failed, gap);
}

/* How many times sooner we acted; detected where nothing was to be done. */
static void print_lead(const struct drill_summary *ours,
		       const struct drill_summary *theirs, FILE *out)
{
	int64_t a = ours->acted.p50, b = theirs->acted.p50;

	if (ours->acted.n == 0 || theirs->acted.n == 0) {
		a = ours->detected.p50;
		b = theirs->detected.p50;
	}
	if (a > 0 && b > 0)
		fprintf(out, "%-9s %.1f times as fast\n", "",
			(double)b / (double)a);
}

static void print_table(const struct drill_report *rep, FILE *out)
{
	const struct drill_report *base = rep->baseline;

	fprintf(out, "%-9s %-8s %4s %9s %9s %9s %9s %8s %7s\n", "", "", "",
		"detected", "acted", "acted", "recovered", "failed", "longest");
	fprintf(out, "%-9s %-8s %4s %9s %9s %9s %9s %8s %7s\n", "fault", "by",
		"runs", "median", "median", "p95", "median", "requests", "gap");
	for (enum drill_fault_type i = 0; i < DRILL_FAULT_TYPES; i++) {
		if (rep->by_fault[i].runs == 0)
			continue;
		print_row(drill_fault_name(i), rep->tool_name,
			  &rep->by_fault[i], out);
		if (base == NULL || base->by_fault[i].runs == 0)
			continue;
		print_row("", base->tool_name, &base->by_fault[i], out);
		print_lead(&rep->by_fault[i], &base->by_fault[i], out);
	}
}

static void print_aim(const struct drill_aim *aim, FILE *out)
{
	fprintf(out, "  %-6s %-42.42s %8.3f, limit %.3f%s%s\n",
		aim->met ? "met" : "MISSED", aim->name, aim->value, aim->limit,
		aim->unit[0] != '\0' ? " " : "", aim->unit);
}

/* How many runs, from @first on, had its fault and were held by its rule. */
static size_t held_runs(const struct drill_report *rep, size_t first)
{
	const struct drill_run *like = &rep->runs[first];
	size_t count = 0;

	for (size_t i = first; i < rep->run_count; i++)
		count += rep->runs[i].fault.type == like->fault.type &&
			 strcmp(rep->runs[i].held, like->held) == 0;
	return count;
}

/* Whether no run before said the same. */
static bool is_first_held(const struct drill_report *rep, size_t at)
{
	const struct drill_run *run = &rep->runs[at];

	for (size_t i = 0; i < at; i++)
		if (rep->runs[i].fault.type == run->fault.type &&
		    strcmp(rep->runs[i].held, run->held) == 0)
			return false;
	return run->held[0] != '\0';
}

/* One line for each rule and type of fault. */
static void print_held(const struct drill_report *rep, FILE *out)
{
	for (size_t i = 0; i < rep->run_count; i++) {
		enum drill_fault_type type = rep->runs[i].fault.type;

		if (is_first_held(rep, i))
			fprintf(out,
				"%s: %.24s kept the last one in rotation in "
				"%zu of %zu runs.\n",
				drill_fault_name(type), rep->runs[i].held,
				held_runs(rep, i), rep->by_fault[type].runs);
	}
}

static void print_bad_runs(const struct drill_report *rep, FILE *out)
{
	for (size_t i = 0; i < rep->run_count; i++) {
		const struct drill_run *run = &rep->runs[i];

		if (run->result != DRILL_PASS)
			fprintf(out, "Run %u, %s %.24s: %s: %s\n", run->n,
				drill_fault_name(run->fault.type),
				run->fault.target,
				drill_result_name(run->result), run->reason);
	}
}

void drill_report_text(const struct drill_report *rep, FILE *out)
{
	char took[SPAN_TEXT_MAX];

	fprintf(out, "%s: %s\n", rep->scenario, rep->title);
	if (rep->hypothesis[0] != '\0')
		paper_text.paragraph(rep->hypothesis, out);
	fputc('\n', out);
	print_table(rep, out);
	fputc('\n', out);
	print_held(rep, out);
	print_bad_runs(rep, out);
	if (rep->aim_count > 0)
		fprintf(out, "\nAims\n");
	for (size_t i = 0; i < rep->aim_count; i++)
		print_aim(&rep->aims[i], out);
	fprintf(out, "Targets called DOWN without a fault: %u\n",
		rep->false_positives);
	fprintf(out, "%zu runs in %s: %s\n", rep->run_count,
		span_text(rep->finished_wall_us - rep->started_wall_us, took),
		drill_result_name(rep->verdict));
}
