#include "drill/load/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_US SECOND

struct trace {
	FILE *file; /* owned */
	char *path; /* owned */
	struct instant flush_at;
	int code; /* the first failure, negative errno */
};

static const char head[] = "# load trace 1: intended_us latency_us kind "
			   "status url\n";

int trace_create(const char *path, struct trace **ret_trace, struct err *err)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	int r = -ENOMEM;

	if (trace == NULL)
		goto fail;
	trace->path = strdup(path);
	if (trace->path == NULL)
		goto fail;
	trace->flush_at = INSTANT_NONE;
	trace->file = fopen(path, "we");
	if (trace->file == NULL || fputs(head, trace->file) < 0) {
		r = -errno;
		goto fail;
	}
	*ret_trace = trace;
	return 0;
fail:
	trace_close(trace, NULL);
	return err_set(err, r, "cannot write %s: %s", path, strerror(-r));
}

void trace_add(struct trace *trace, const struct outcome *outcome)
{
	char line[OUTCOME_LINE_MAX];

	outcome_print(outcome, line);
	if (fputs(line, trace->file) < 0 && trace->code == 0)
		trace->code = -errno;
	if (instant_before(outcome->intended, trace->flush_at))
		return;
	trace->flush_at = instant_add(outcome->intended, FLUSH_US);
	if (fflush(trace->file) != 0 && trace->code == 0)
		trace->code = -errno;
}

int trace_close(struct trace *trace, struct err *err)
{
	int r;

	if (trace == NULL)
		return 0;
	r = trace->code;
	if (trace->file != NULL && fclose(trace->file) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		err_set(err, r, "cannot write %s: %s", trace->path,
			strerror(-r));
	free(trace->path);
	free(trace);
	return r;
}

struct window {
	struct instant from, to;
	struct instant last; /* INSTANT_NONE: no request yet */
	int64_t slow_us;
	struct figures *figures;
};

static void add_to_window(struct window *window, const struct outcome *outcome)
{
	if (instant_before(outcome->intended, window->from) ||
	    !instant_before(outcome->intended, window->to))
		return;
	if (instant_is_none(window->last) && instant_is_none(window->from))
		figures_init(window->figures, outcome->intended,
			     window->slow_us);
	window->last = outcome->intended;
	figures_add(window->figures, outcome);
}

static int read_lines(FILE *file, const char *path, struct window *window,
		      struct err *err)
{
	struct outcome outcome;
	unsigned number = 0;
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (r >= 0 && getline(&line, &size, file) > 0) {
		number++;
		r = outcome_parse(line, &outcome);
		if (r > 0)
			add_to_window(window, &outcome);
		else if (r < 0)
			err_set(err, r, "%s:%u: not a line of a trace", path,
				number);
	}
	free(line);
	if (r >= 0 && ferror(file))
		r = err_set(err, -EIO, "cannot read %s", path);
	return r < 0 ? r : 0;
}

int trace_read(const char *path, struct instant from, struct instant to,
	       int64_t slow_us, struct figures *ret_figures,
	       struct instant *ret_end, struct err *err)
{
	struct window window = { from, to, INSTANT_NONE, slow_us, ret_figures };
	FILE *file = fopen(path, "re");
	int r;

	if (file == NULL)
		return err_set(err, -errno, "cannot read %s: %s", path,
			       strerror(errno));
	figures_init(ret_figures, from, slow_us);
	r = read_lines(file, path, &window, err);
	fclose(file);
	if (r < 0)
		return r;
	if (instant_is_none(window.last))
		return err_set(err, -ENOENT, "%s: no request in that window",
			       path);
	*ret_end = instant_is_never(to) ? window.last : to;
	figures_end(ret_figures, *ret_end);
	return 0;
}
