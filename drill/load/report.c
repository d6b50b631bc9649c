#include "drill/load/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const struct percentile {
	const char *name;
	unsigned permille;
} percentiles[] = {
	{ "p50", 500 },
	{ "p95", 950 },
	{ "p99", 990 },
	{ "p999", 999 },
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static uint64_t sent(const struct report *report)
{
	const struct figures *figures = report->figures;

	return figures->requests - figures->by_kind[OUTCOME_FULL] -
	       figures->by_kind[OUTCOME_LATE] + report->unfinished;
}

static int64_t length_us(const struct report *report)
{
	return instant_diff_us(report->figures->begin, report->end);
}

static void print_failed(const struct figures *figures, FILE *out)
{
	const char *before = ": ";

	fprintf(out, "  failed       %" PRIu64, figures_failed(figures));
	for (int kind = OUTCOME_OK + 1; kind < OUTCOME_KINDS; kind++) {
		if (figures->by_kind[kind] == 0)
			continue;
		fprintf(out, "%s%s %" PRIu64, before,
			outcome_kind_name((enum outcome_kind)kind),
			figures->by_kind[kind]);
		before = ", ";
	}
	fputc('\n', out);
}

static void print_latency(const struct figures *figures, FILE *out)
{
	fputs("  latency     ", out);
	for (size_t i = 0; i < PERCENTILES; i++) {
		int64_t us =
			figures_latency_us(figures, percentiles[i].permille);

		fprintf(out, " %s %.2f,", percentiles[i].name, (double)us / MS);
	}
	fprintf(out, " max %.2f ms\n", (double)figures->latency_us_max / MS);
}

/* @at counted from the begin of the run. */
static double seconds_in(const struct figures *figures, struct instant at)
{
	return (double)instant_diff_us(figures->begin, at) / SECOND;
}

static void print_gap(const struct figures *figures, FILE *out)
{
	fprintf(out, "  longest gap  %.1f ms, from %.3f s on\n",
		(double)figures->gap_us / MS,
		seconds_in(figures, figures->gap_from));
	if (instant_is_none(figures->first_failure))
		return;
	fprintf(out, "  first failure at %.3f s, ",
		seconds_in(figures, figures->first_failure));
	if (instant_is_none(figures->first_success_after))
		fputs("no success after it\n", out);
	else
		fprintf(out, "first success after it at %.3f s\n",
			seconds_in(figures, figures->first_success_after));
}

static void print_notes(const struct report *report, FILE *out)
{
	const struct figures *figures = report->figures;

	if (figures->by_kind[OUTCOME_FULL] > 0)
		fprintf(out,
			"  note: %" PRIu64 " were not sent because too many "
			"were in flight (--in-flight)\n",
			figures->by_kind[OUTCOME_FULL]);
	if (figures->by_kind[OUTCOME_LATE] > 0)
		fprintf(out,
			"  note: %" PRIu64 " were not sent because this "
			"program itself was late by the timeout\n",
			figures->by_kind[OUTCOME_LATE]);
	if (report->unfinished > 0)
		fprintf(out, "  note: %u were given up unfinished\n",
			report->unfinished);
}

void report_print(const struct report *report, FILE *out)
{
	const struct figures *figures = report->figures;

	fprintf(out, "load: %" PRIu64 " requests in %.1f s", figures->requests,
		(double)length_us(report) / SECOND);
	if (report->rate > 0)
		fprintf(out, ", %" PRId64 " a second", report->rate);
	fprintf(out, "\n  sent         %" PRIu64 "\n", sent(report));
	fprintf(out, "  ok           %" PRIu64 "\n",
		figures->by_kind[OUTCOME_OK]);
	print_failed(figures, out);
	fprintf(out, "  slow         %" PRIu64 ": ok, but over %.0f ms\n",
		figures->slow, (double)figures->slow_us / MS);
	print_latency(figures, out);
	print_gap(figures, out);
	print_notes(report, out);
}

static json_t *instant_json(struct instant at)
{
	return instant_is_none(at) ? json_null() : json_integer(at.us);
}

static json_t *failed_json(const struct figures *figures)
{
	json_t *object = json_object();

	for (int kind = OUTCOME_OK + 1; kind < OUTCOME_KINDS; kind++)
		json_object_set_new(
			object, outcome_kind_name((enum outcome_kind)kind),
			json_integer((json_int_t)figures->by_kind[kind]));
	return object;
}

static json_t *status_json(const struct figures *figures)
{
	json_t *object = json_object();
	char name[16];

	for (int code = 0; code < FIGURES_STATUS_MAX; code++) {
		if (figures->by_status[code] == 0)
			continue;
		snprintf(name, sizeof(name), "%d", code);
		json_object_set_new(
			object, name,
			json_integer((json_int_t)figures->by_status[code]));
	}
	return object;
}

static json_t *latency_json(const struct figures *figures)
{
	json_t *object = json_object();

	for (size_t i = 0; i < PERCENTILES; i++)
		json_object_set_new(object, percentiles[i].name,
				    json_integer(figures_latency_us(
					    figures, percentiles[i].permille)));
	json_object_set_new(object, "max",
			    json_integer(figures->latency_us_max));
	return object;
}

static json_t *report_json(const struct report *report)
{
	const struct figures *figures = report->figures;

	return json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o,"
		" s:I, s:I, s:o, s:o, s:o, s:i}",
		"name", "load", "begin_us", (json_int_t)figures->begin.us,
		"end_us", (json_int_t)report->end.us, "rate",
		(json_int_t)report->rate, "sent", (json_int_t)(sent(report)),
		"ok", (json_int_t)figures->by_kind[OUTCOME_OK], "failed",
		(json_int_t)figures_failed(figures), "failed_by",
		failed_json(figures), "status", status_json(figures), "slow",
		(json_int_t)figures->slow, "slow_over_us",
		(json_int_t)figures->slow_us, "latency_us",
		latency_json(figures), "longest_gap_us",
		(json_int_t)figures->gap_us, "longest_gap_from_us",
		(json_int_t)figures->gap_from.us, "first_failure_us",
		instant_json(figures->first_failure), "first_success_after_us",
		instant_json(figures->first_success_after), "last_failure_us",
		instant_json(figures->last_failure), "unfinished",
		(int)report->unfinished);
}

int report_write_json(const struct report *report, const char *path,
		      struct err *err)
{
	bool to_stdout = strcmp(path, "-") == 0;
	json_t *json = report_json(report);
	FILE *file;
	int r;

	if (json == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	file = to_stdout ? stdout : fopen(path, "we");
	r = file == NULL ? -errno : 0;
	if (r == 0 && (json_dumpf(json, file, JSON_INDENT(2)) < 0 ||
		       fputc('\n', file) == EOF))
		r = -EIO;
	if (file != NULL && (to_stdout ? fflush(file) : fclose(file)) != 0 &&
	    r == 0)
		r = -errno;
	json_decref(json);
	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", path,
			       strerror(-r));
	return 0;
}
