#include "controller/daemon/metrics_sample.h"

#include <string.h>

static void put_escaped(struct buffer *to, const char *value)
{
	size_t plain;

	for (;;) {
		plain = strcspn(value, "\\\"\n");
		buffer_put(to, value, plain);
		value += plain;
		if (*value == '\0')
			return;
		buffer_add(to, *value == '\n' ? "\\n" : "\\");
		if (*value != '\n')
			buffer_put(to, value, 1);
		value++;
	}
}

static void put_label(struct buffer *to, const char *name, const char *value)
{
	bool first = to->buf[to->used - 1] == '{';

	if (!first)
		buffer_put(to, ",", 1);
	buffer_add(to, name);
	buffer_put(to, "=\"", 2);
	put_escaped(to, value);
	buffer_put(to, "\"", 1);
}

static void put_own_labels(const struct metrics_row *row,
			   enum metrics_rows rows)
{
	const struct settings *set = row->view->set;
	const struct target_settings *target;

	if (rows == SERVICES) {
		put_label(row->to, "service", set->services[row->i].name);
	} else if (rows == TARGETS) {
		target = &set->targets[row->i];
		put_label(row->to, "service",
			  set->services[target->service].name);
		put_label(row->to, "target", target->name);
	} else if (rows == HAPROXIES) {
		put_label(row->to, "haproxy", set->haproxies[row->i].name);
	} else if (rows == NODES) {
		put_label(row->to, "node", set->cluster->nodes[row->i].name);
	} else if (rows == FAILOVERS) {
		put_label(row->to, "group",
			  row->i == 0 ? "node"
				      : set->services[row->i - 1].name);
	} else if (rows == GROUPS) {
		put_label(row->to, "group", set->services[row->i].name);
	} else if (rows == INSTANCES) {
		target = &set->targets[row->i];
		put_label(row->to, "group",
			  set->services[target->service].name);
		put_label(row->to, "target", target->name);
	}
}

void sample_begin(const struct metrics_row *row, const char *suffix,
		  enum metrics_rows rows, const char *label, const char *value)
{
	buffer_add(row->to, row->name);
	buffer_add(row->to, suffix);
	if (rows != ONCE || label != NULL) {
		buffer_put(row->to, "{", 1);
		put_own_labels(row, rows);
		if (label != NULL)
			put_label(row->to, label, value);
		buffer_put(row->to, "}", 1);
	}
	buffer_put(row->to, " ", 1);
}

void sample_end(const struct metrics_row *row, uint64_t value)
{
	buffer_number(row->to, (int64_t)value);
	buffer_put(row->to, "\n", 1);
}

void sample_end_seconds(const struct metrics_row *row, int64_t span_us)
{
	buffer_seconds(row->to, span_us);
	buffer_put(row->to, "\n", 1);
}

void sample_number(const struct metrics_row *row, enum metrics_rows rows,
		   uint64_t value)
{
	sample_begin(row, "", rows, NULL, NULL);
	sample_end(row, value);
}

void sample_seconds(const struct metrics_row *row, enum metrics_rows rows,
		    int64_t span_us)
{
	sample_begin(row, "", rows, NULL, NULL);
	sample_end_seconds(row, span_us);
}

void sample_count(const struct metrics_row *row, enum metrics_rows rows,
		  uint64_t value)
{
	sample_begin(row, "_total", rows, NULL, NULL);
	sample_end(row, value);
}

static void bucket(const struct metrics_row *row, enum metrics_rows rows,
		   const char *label, const char *value, int64_t bound_us,
		   uint64_t cumulated)
{
	struct buffer *to = row->to;

	buffer_add(to, row->name);
	buffer_add(to, "_bucket{");
	put_own_labels(row, rows);
	if (label != NULL)
		put_label(to, label, value);
	if (to->buf[to->used - 1] != '{')
		buffer_put(to, ",", 1);
	buffer_add(to, "le=\"");
	if (bound_us == 0)
		buffer_add(to, "+Inf");
	else
		buffer_seconds(to, bound_us);
	/* OpenMetrics wants its bounds as floats. */
	if (bound_us % SECOND == 0 && bound_us != 0 && row->page->openmetrics)
		buffer_add(to, ".0");
	buffer_add(to, "\"} ");
	sample_end(row, cumulated);
}

void sample_histogram(const struct metrics_row *row, enum metrics_rows rows,
		      const struct histogram *hist, const int64_t *bounds,
		      const char *label, const char *value)
{
	uint64_t cumulated = 0;
	unsigned i;

	for (i = 0; i < HISTOGRAM_BOUNDS_MAX && bounds[i] != 0; i++) {
		cumulated += hist->count[i];
		bucket(row, rows, label, value, bounds[i], cumulated);
	}
	bucket(row, rows, label, value, 0, hist->total);
	sample_begin(row, "_sum", rows, label, value);
	sample_end_seconds(row, hist->sum_us);
	sample_begin(row, "_count", rows, label, value);
	sample_end(row, hist->total);
}
