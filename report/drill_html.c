/* The drill report as one plain page: tables, and a bar for each run. */

#include <inttypes.h>
#include <string.h>

#include "report/drill.h"
#include "report/html.h"

#define BAR_WIDTH  900
#define BAR_HEIGHT 14

static void span_cell(int64_t span_us, FILE *out)
{
	char buf[SPAN_TEXT_MAX];

	html_cell(NULL, span_text(span_us, buf), out);
}

static void count_cell(uint64_t count, FILE *out)
{
	fprintf(out, "<td>%" PRIu64 "</td>", count);
}

static void stats_cells(const struct stats *st, FILE *out)
{
	span_cell(st->n > 0 ? st->p50 : SPAN_NONE, out);
	span_cell(st->n > 0 ? st->p95 : SPAN_NONE, out);
}

static void summary_row(const char *fault, const char *by,
			const struct drill_summary *sum, FILE *out)
{
	fputs("<tr>", out);
	html_cell(NULL, fault, out);
	html_cell("l", by, out);
	count_cell(sum->runs, out);
	stats_cells(&sum->detected, out);
	stats_cells(&sum->acted, out);
	span_cell(sum->recovered.n > 0 ? sum->recovered.p50 : SPAN_NONE, out);
	count_cell(sum->total.failed, out);
	count_cell(sum->total.slow, out);
	span_cell(sum->total.max_gap_us, out);
	fputs("</tr>\n", out);
}

static void summaries(const struct drill_report *rep, FILE *out)
{
	static const char *const head[] = { "fault",       "by",
					    "runs",        "detected, median",
					    "p95",         "acted, median",
					    "p95",         "recovered, median",
					    "failed",      "slow",
					    "longest gap", NULL };

	fputs("<div class=\"scroll\"><table>\n", out);
	html_head_row(head, out);
	for (enum drill_fault_type i = 0; i < DRILL_FAULT_TYPES; i++) {
		if (rep->by_fault[i].runs == 0)
			continue;
		summary_row(drill_fault_name(i), rep->tool_name,
			    &rep->by_fault[i], out);
		if (rep->baseline != NULL &&
		    rep->baseline->by_fault[i].runs > 0)
			summary_row("", rep->baseline->tool_name,
				    &rep->baseline->by_fault[i], out);
	}
	fputs("</table></div>\n", out);
}

static void aims(const struct drill_report *rep, FILE *out)
{
	static const char *const head[] = { "aim",  "measured", "limit",
					    "unit", "",         NULL };

	if (rep->aim_count == 0)
		return;
	fputs("<h2>Aims</h2>\n<table>\n", out);
	html_head_row(head, out);
	for (size_t i = 0; i < rep->aim_count; i++) {
		const struct drill_aim *aim = &rep->aims[i];

		fputs("<tr>", out);
		html_cell(NULL, aim->name, out);
		fprintf(out, "<td>%.3f</td><td>%.3f</td>", aim->value,
			aim->limit);
		html_cell(NULL, aim->unit, out);
		html_cell(aim->met ? "good" : "bad",
			  aim->met ? "met" : "missed", out);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

/* The longest time from a fault to its withdrawal or detection. */
static int64_t longest_us(const struct drill_report *rep)
{
	int64_t longest = 1;

	for (size_t i = 0; i < rep->run_count; i++) {
		const struct drill_run *run = &rep->runs[i];

		if (run->confirmed_us > longest)
			longest = run->confirmed_us;
		if (run->routed_us > longest)
			longest = run->routed_us;
	}
	return longest;
}

static void bar_part(int64_t from_us, int64_t to_us, int64_t full_us,
		     const char *colour, FILE *out)
{
	double scale = (double)BAR_WIDTH / (double)full_us;

	if (to_us == SPAN_NONE || to_us < from_us)
		return;
	fprintf(out,
		"<rect x=\"%.1f\" y=\"1\" width=\"%.1f\" height=\"%d\" "
		"fill=\"%s\"/>",
		(double)from_us * scale, (double)(to_us - from_us) * scale + 1,
		BAR_HEIGHT - 2, colour);
}

/* From the fault: until the first bad evidence, until detected, until acted. */
static void bar(const struct drill_run *run, int64_t full_us, FILE *out)
{
	int64_t first = run->first_bad_us, seen = run->confirmed_us;

	fprintf(out, "<td class=\"l\"><svg viewBox=\"0 0 %d %d\" role=\"img\">",
		BAR_WIDTH + 1, BAR_HEIGHT);
	fputs("<title>fault, first bad, detected, acted</title>", out);
	if (first == SPAN_NONE || first < 0)
		first = 0;
	bar_part(0, first, full_us, "#9aa6b1", out);
	bar_part(first, seen, full_us, "#e0a100", out);
	if (seen != SPAN_NONE)
		bar_part(seen, run->routed_us, full_us, "#2a7de1", out);
	fputs("</svg></td>", out);
}

static void run_row(const struct drill_run *run, int64_t full_us, FILE *out)
{
	fputs("<tr>", out);
	count_cell(run->n, out);
	html_cell("l", drill_fault_name(run->fault.type), out);
	html_cell("l", run->fault.target, out);
	bar(run, full_us, out);
	span_cell(run->confirmed_us, out);
	span_cell(run->routed_us, out);
	span_cell(run->redundant_us, out);
	span_cell(run->first_success_us, out);
	count_cell(run->client.failed, out);
	html_cell(run->result == DRILL_PASS ? "good" : "bad",
		  drill_result_name(run->result), out);
	html_cell("l", run->held[0] != '\0' ? run->held : run->reason, out);
	fputs("</tr>\n", out);
}

static void runs(const struct drill_report *rep, FILE *out)
{
	static const char *const head[] = {
		"run",          "fault",
		"target",       "first bad, detected, acted",
		"detected",     "acted",
		"recovered",    "client",
		"failed",       "result",
		"held, reason", NULL
	};
	int64_t full_us = longest_us(rep);

	fputs("<h2>Runs of ", out);
	html_text(rep->tool_name, out);
	fputs("</h2>\n<div class=\"scroll\"><table>\n", out);
	html_head_row(head, out);
	for (size_t i = 0; i < rep->run_count; i++)
		run_row(&rep->runs[i], full_us, out);
	fputs("</table></div>\n", out);
}

static void foot(const struct drill_report *rep, FILE *out)
{
	const struct drill_environment *env = &rep->environment;
	char from[WALL_TEXT_MAX], to[WALL_TEXT_MAX];

	fputs("<p class=\"quiet\">", out);
	html_text(rep->tool_name, out);
	fputc(' ', out);
	html_text(rep->tool_version, out);
	fputc(' ', out);
	html_text(rep->commit, out);
	fprintf(out, "; %s to %s; seed %" PRIu64 "; ",
		wall_text(rep->started_wall_us, from),
		wall_text(rep->finished_wall_us, to), rep->seed);
	html_text(env->os, out);
	fputs(", Linux ", out);
	html_text(env->kernel, out);
	fprintf(out, ", %u CPUs</p>\n", env->cpus);
}

void drill_report_html(const struct drill_report *rep, FILE *out)
{
	bool pass = rep->verdict == DRILL_PASS;

	html_begin(rep->title[0] != '\0' ? rep->title : rep->scenario, out);
	fprintf(out,
		"<p><span class=\"%s\">%s</span>: %zu runs, %u false "
		"alarms. ",
		pass ? "good" : "bad", drill_result_name(rep->verdict),
		rep->run_count, rep->false_positives);
	html_text(rep->hypothesis, out);
	fputs("</p>\n<p class=\"quiet\">Times count from the fault. Detected: "
	      "the target is DOWN. Acted: the last HAProxy has acknowledged "
	      "its withdrawal. Recovered: the service is whole again.</p>\n",
	      out);
	summaries(rep, out);
	aims(rep, out);
	runs(rep, out);
	if (rep->baseline != NULL)
		runs(rep->baseline, out);
	foot(rep, out);
	html_end(out);
}
