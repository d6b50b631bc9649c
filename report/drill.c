#include "report/drill.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const fault_names[DRILL_FAULT_TYPES] = {
	[DRILL_KILL_NODE] = "kill-node",
	[DRILL_KILL] = "kill",
	[DRILL_KILL_ALL] = "kill-all",
	[DRILL_PAUSE] = "pause",
	[DRILL_STOP] = "stop",
	[DRILL_STATUS] = "status",
	[DRILL_SLOW] = "slow",
	[DRILL_MUTE] = "mute",
	[DRILL_FLAP] = "flap",
	[DRILL_DROP] = "drop",
	[DRILL_REJECT] = "reject",
	[DRILL_LINK_DOWN] = "link-down",
	[DRILL_PARTITION] = "partition",
	[DRILL_POWER] = "power",
	[DRILL_DISK_FULL] = "disk-full",
	[DRILL_DISK_HANG] = "disk-hang",
	[DRILL_FD] = "fd",
	[DRILL_RELOAD] = "reload",
};

static const char *const result_names[] = {
	[DRILL_PASS] = "pass",
	[DRILL_FAIL] = "fail",
	[DRILL_ERROR] = "error",
	[DRILL_SKIPPED] = "skipped",
};

const char *drill_fault_name(enum drill_fault_type type)
{
	assert(type < DRILL_FAULT_TYPES);
	return fault_names[type];
}

const char *drill_result_name(enum drill_result result)
{
	return result_names[result];
}

void drill_report_init(struct drill_report *rep)
{
	memset(rep, 0, sizeof(*rep));
}

void drill_report_done(struct drill_report *rep)
{
	if (rep->baseline != NULL)
		drill_report_done(rep->baseline);
	free(rep->baseline);
	free(rep->runs);
	free(rep->aims);
	drill_report_init(rep);
}

void drill_run_init(struct drill_run *run, enum drill_fault_type type,
		    const char *target)
{
	*run = (struct drill_run){
		.fault.type = type,
		.first_bad_us = SPAN_NONE,
		.suspect_us = SPAN_NONE,
		.confirmed_us = SPAN_NONE,
		.decision_us = SPAN_NONE,
		.fenced_us = SPAN_NONE,
		.promoted_us = SPAN_NONE,
		.routed_us = SPAN_NONE,
		.first_success_us = SPAN_NONE,
		.redundant_us = SPAN_NONE,
	};
	snprintf(run->fault.target, sizeof(run->fault.target), "%s", target);
}

int drill_report_add(struct drill_report *rep, const struct drill_run *run)
{
	struct drill_run *runs;

	runs = realloc(rep->runs, (rep->run_count + 1) * sizeof(*runs));
	if (runs == NULL)
		return -ENOMEM;
	rep->runs = runs;
	runs[rep->run_count] = *run;
	if (run->n == 0)
		runs[rep->run_count].n = (unsigned)rep->run_count + 1;
	rep->run_count++;
	return 0;
}

int drill_report_aim(struct drill_report *rep, const char *name, double value,
		     double limit, const char *unit)
{
	struct drill_aim *aims, *aim;

	aims = realloc(rep->aims, (rep->aim_count + 1) * sizeof(*aims));
	if (aims == NULL)
		return -ENOMEM;
	rep->aims = aims;
	aim = &aims[rep->aim_count++];
	*aim = (struct drill_aim){ .value = value, .limit = limit };
	aim->met = isfinite(value) && value <= limit;
	snprintf(aim->name, sizeof(aim->name), "%s", name);
	snprintf(aim->unit, sizeof(aim->unit), "%s", unit);
	return 0;
}

static void count(struct drill_summary *sum, const struct drill_run *run)
{
	sum->runs++;
	sum->pass += run->result == DRILL_PASS;
	sum->fail += run->result == DRILL_FAIL;
	sum->error += run->result == DRILL_ERROR;
	sum->skipped += run->result == DRILL_SKIPPED;
	sum->held += run->held[0] != '\0';
	sum->total.ops += run->client.ops;
	sum->total.failed += run->client.failed;
	sum->total.slow += run->client.slow;
	sum->total.acked_lost += run->client.acked_lost;
	sum->total.dual_primary_us += run->client.dual_primary_us;
	if (run->client.max_gap_us > sum->total.max_gap_us)
		sum->total.max_gap_us = run->client.max_gap_us;
}

typedef int64_t (*span_fn)(const struct drill_run *run);

static int64_t detected(const struct drill_run *run)
{
	return run->confirmed_us;
}

static int64_t acted(const struct drill_run *run)
{
	return run->routed_us;
}

static int64_t recovered(const struct drill_run *run)
{
	return run->redundant_us;
}

static int64_t client(const struct drill_run *run)
{
	return run->first_success_us;
}

static int64_t react(const struct drill_run *run)
{
	if (run->routed_us == SPAN_NONE || run->confirmed_us == SPAN_NONE)
		return SPAN_NONE;
	return run->routed_us - run->confirmed_us;
}

/* Which runs a summary is about: one type of fault, or all. */
struct selection {
	const struct drill_report *rep;
	bool all;
	enum drill_fault_type type;
};

static bool selected(const struct selection *sel, const struct drill_run *run)
{
	return sel->all || run->fault.type == sel->type;
}

static bool measured(const struct drill_run *run)
{
	return run->result == DRILL_PASS || run->result == DRILL_FAIL;
}

static struct stats span_stats(const struct selection *sel, span_fn span,
			       int64_t *scratch)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->rep->run_count; i++) {
		const struct drill_run *run = &sel->rep->runs[i];

		if (selected(sel, run) && measured(run) &&
		    span(run) != SPAN_NONE)
			scratch[n++] = span(run);
	}
	return stats_of(scratch, n);
}

static void summarise(struct drill_summary *sum, const struct selection *sel,
		      int64_t *scratch)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < sel->rep->run_count; i++)
		if (selected(sel, &sel->rep->runs[i]))
			count(sum, &sel->rep->runs[i]);
	sum->detected = span_stats(sel, detected, scratch);
	sum->acted = span_stats(sel, acted, scratch);
	sum->recovered = span_stats(sel, recovered, scratch);
	sum->client = span_stats(sel, client, scratch);
	sum->react = span_stats(sel, react, scratch);
}

static enum drill_result verdict_of(const struct drill_report *rep)
{
	const struct drill_summary *sum = &rep->summary;

	for (size_t i = 0; i < rep->aim_count; i++)
		if (!rep->aims[i].met)
			return DRILL_FAIL;
	if (sum->fail > 0)
		return DRILL_FAIL;
	if (sum->error > 0)
		return DRILL_ERROR;
	return sum->pass > 0 ? DRILL_PASS : DRILL_SKIPPED;
}

int drill_report_conclude(struct drill_report *rep)
{
	struct selection sel = { .rep = rep, .all = true };
	int64_t *scratch;

	if (rep->baseline != NULL && drill_report_conclude(rep->baseline) < 0)
		return -ENOMEM;
	scratch = calloc(rep->run_count + 1, sizeof(*scratch));
	if (scratch == NULL)
		return -ENOMEM;
	summarise(&rep->summary, &sel, scratch);
	rep->summary.false_positives = rep->false_positives;
	sel.all = false;
	for (sel.type = 0; sel.type < DRILL_FAULT_TYPES; sel.type++)
		summarise(&rep->by_fault[sel.type], &sel, scratch);
	free(scratch);
	rep->verdict = verdict_of(rep);
	return 0;
}

/* Write through @render to a file beside @path, then move it there. */
static int write_whole(const char *path, void (*render)(const void *, FILE *),
		       const void *arg)
{
	char fresh[4096];
	FILE *out;
	bool bad;
	int r;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    (int)sizeof(fresh))
		return -ENAMETOOLONG;
	out = fopen(fresh, "we");
	if (out == NULL)
		return -errno;
	render(arg, out);
	bad = ferror(out) != 0;
	if (fclose(out) != 0 || bad) {
		r = -EIO;
		goto fail;
	}
	if (rename(fresh, path) == 0)
		return 0;
	r = -errno;
fail:
	unlink(fresh);
	return r;
}

static void render_json(const void *arg, FILE *out)
{
	json_dumpf(arg, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	fputc('\n', out);
}

static void render_html(const void *arg, FILE *out)
{
	drill_report_html(arg, out);
}

int drill_report_write(const struct drill_report *rep, const char *json_path,
		       const char *html_path)
{
	json_t *json = drill_report_json(rep);
	int r;

	if (json == NULL)
		return -ENOMEM;
	r = write_whole(json_path, render_json, json);
	json_decref(json);
	if (r < 0)
		return r;
	return write_whole(html_path, render_html, rep);
}
