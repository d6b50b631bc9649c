/* The load: steady client traffic, and what clients felt of it. */

#include "controller/config/value.h"
#include "controller/io/loop.h"
#include "drill/arg.h"
#include "drill/load/client.h"
#include "drill/load/figures.h"
#include "drill/load/report.h"
#include "drill/load/trace.h"
#include "drill/load/url.h"
#include "drill/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define URLS_MAX 16
#define RATE_MAX 100000
#define SPAN_MAX (7 * DAY)

struct options {
	struct url urls[URLS_MAX];
	struct client_settings client;
	int64_t slow_us;
	const char *json;
	const char *trace;
	const char *read;
	struct instant from, to;
};

/* What a running load adds up and writes. */
struct run {
	struct client *client; /* owned */
	struct trace *trace;   /* owned, NULL without --trace */
	struct figures figures;
	bool stopping;
	struct ev_loop *ev; /* borrowed */
};

static const char help[] =
	"Usage: load --url URL [--url URL]... [OPTION]...\n"
	"       load --read TRACE [--from US] [--to US] [OPTION]...\n"
	"Steady HTTP traffic at a constant arrival rate, and what clients "
	"felt.\n"
	"\n"
	"  --url URL           http://HOST[:PORT][/PATH]; several in rotation\n"
	"  --rate N            requests a second (default: 200)\n"
	"  --duration TIME     10s, 5m; without it: until SIGINT or SIGTERM\n"
	"  --timeout TIME      failed when later (default: 2s)\n"
	"  --slow TIME         slow when later (default: 300ms)\n"
	"  --connections keep|new\n"
	"                      keep-alive, or one for each request (default: "
	"keep)\n"
	"  --in-flight N       at most N requests at once (default: 1024); a\n"
	"                      request above that is not sent: kind full\n"
	"  --json FILE         the report as JSON too; - for stdout, alone "
	"then\n"
	"  --trace FILE        one line for each request\n"
	"  --read TRACE        report on a trace written before, or on the "
	"part\n"
	"  --from US, --to US  of it intended from US until before US\n"
	"  --help, --version\n"
	"\n"
	"Requests start when they are due, whatever became of those before, "
	"and\n"
	"latency and timeout count from when they were due.  None is sent "
	"anew.\n"
	"SIGINT or SIGTERM ends the arrivals and waits for those in flight; a\n"
	"second one does not wait.  The report comes in either case.\n"
	"\n"
	"The longest gap is the longest time between the intended starts of "
	"two\n"
	"successes with none between them; begin and end of the run (or of "
	"the\n"
	"window that is read) count as successes.  Percentiles are of "
	"successes.\n"
	"\n"
	"A trace holds comments that begin with #, and lines\n"
	"  INTENDED_US LATENCY_US KIND STATUS URL\n"
	"ordered by INTENDED_US: microseconds of CLOCK_MONOTONIC_RAW +\n"
	"(CLOCK_BOOTTIME - CLOCK_MONOTONIC), the clock of basculed and of\n"
	"replica's since_us.  STATUS is 0 without an answer, URL counts the\n"
	"--url options from 0.  KIND is one of\n"
	"  ok        a whole answer, status below 400\n"
	"  refused   nobody listens\n"
	"  reset     connection reset before the whole answer\n"
	"  closed    connection closed before the whole answer\n"
	"  timeout   no whole answer in time\n"
	"  http_5xx, http_4xx\n"
	"            a whole answer with such a status\n"
	"  garbled   not HTTP\n"
	"  other     another error of the network, or of this program\n"
	"  full      not sent: too many in flight\n"
	"  late      not sent: this program itself was late by the timeout\n";

enum option_id {
	OPT_URL = 1000,
	OPT_RATE,
	OPT_DURATION,
	OPT_TIMEOUT,
	OPT_SLOW,
	OPT_CONNECTIONS,
	OPT_IN_FLIGHT,
	OPT_JSON,
	OPT_TRACE,
	OPT_READ,
	OPT_FROM,
	OPT_TO,
};

static const struct option long_options[] = {
	{ "url", required_argument, NULL, OPT_URL },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "in-flight", required_argument, NULL, OPT_IN_FLIGHT },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "read", required_argument, NULL, OPT_READ },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int add_url(struct options *options, struct err *err)
{
	struct client_settings *client = &options->client;

	if (client->urls_len == URLS_MAX)
		return err_set(err, -EINVAL, "more than %d of them", URLS_MAX);
	return url_parse(optarg, &options->urls[client->urls_len++], err);
}

static int set_connections(struct client_settings *client, struct err *err)
{
	client->keep = strcmp(optarg, "keep") == 0;
	if (client->keep || strcmp(optarg, "new") == 0)
		return 0;
	return err_set(err, -EINVAL, "\"%s\" is neither keep nor new", optarg);
}

static int set_in_flight(struct client_settings *client, struct err *err)
{
	int64_t value;
	int r;

	r = arg_number(optarg, 1, 60000, &value, err);
	if (r == 0)
		client->flight_max = (unsigned)value;
	return r;
}

static int set_span(int64_t *ret_us, struct err *err)
{
	int r;

	r = value_duration(optarg, ret_us, err);
	if (r == 0 && (*ret_us == 0 || *ret_us > SPAN_MAX))
		r = err_set(err, -EINVAL, "it must be above 0, up to 7d");
	return r;
}

static int set_option(int id, void *arg, struct err *err)
{
	struct options *options = arg;

	switch (id) {
	case OPT_URL:
		return add_url(options, err);
	case OPT_RATE:
		return arg_number(optarg, 1, RATE_MAX, &options->client.rate,
				  err);
	case OPT_DURATION:
		return set_span(&options->client.duration_us, err);
	case OPT_TIMEOUT:
		return set_span(&options->client.timeout_us, err);
	case OPT_SLOW:
		return set_span(&options->slow_us, err);
	case OPT_CONNECTIONS:
		return set_connections(&options->client, err);
	case OPT_IN_FLIGHT:
		return set_in_flight(&options->client, err);
	case OPT_FROM:
		return arg_number(optarg, 0, INT64_MAX, &options->from.us, err);
	case OPT_TO:
		return arg_number(optarg, 0, INT64_MAX, &options->to.us, err);
	case OPT_JSON:
		options->json = optarg;
		return 0;
	case OPT_TRACE:
		options->trace = optarg;
		return 0;
	default:
		options->read = optarg;
		return 0;
	}
}

static const struct options_program program = {
	.name = "load",
	.help = help,
	.list = long_options,
	.set = set_option,
};

static int check_options(const struct options *options)
{
	const struct client_settings *client = &options->client;

	if (options->read != NULL && client->urls_len > 0)
		return options_usage(&program,
				     "--read and --url exclude each other");
	if (options->read != NULL)
		return -1;
	if (client->urls_len == 0)
		return options_usage(&program,
				     "--url http://HOST:PORT/PATH is missing");
	if ((client->timeout_us / SECOND + 1) * client->rate >
	    CLIENT_PENDING_MAX)
		return options_usage(&program,
				     "--rate times --timeout is more than "
				     "1000000 requests");
	return -1;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	int r = options_read(&program, argc, argv, options);

	return r < 0 ? check_options(options) : r;
}

static int write_report(const struct report *report,
			const struct options *options, struct err *err)
{
	if (options->json == NULL || strcmp(options->json, "-") != 0)
		report_print(report, stdout);
	if (options->json == NULL)
		return 0;
	return report_write_json(report, options->json, err);
}

static int report_on_trace(const struct options *options, struct err *err)
{
	struct figures figures;
	struct report report = { .figures = &figures };
	int r;

	r = trace_read(options->read, options->from, options->to,
		       options->slow_us, &figures, &report.end, err);
	if (r < 0)
		return r;
	return write_report(&report, options, err);
}

static void on_outcome(void *arg, const struct outcome *outcome)
{
	struct run *run = arg;

	figures_add(&run->figures, outcome);
	if (run->trace != NULL)
		trace_add(run->trace, outcome);
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int revents)
{
	struct run *run = signal->data;

	(void)revents;
	if (run->stopping)
		ev_break(ev, EVBREAK_ALL);
	else
		client_stop(run->client);
	run->stopping = true;
}

static void run_client(struct run *run, struct loop *loop)
{
	ev_signal term, interrupt;

	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&interrupt, on_signal, SIGINT);
	term.data = run;
	interrupt.data = run;
	ev_signal_start(run->ev, &term);
	ev_signal_start(run->ev, &interrupt);
	client_start(run->client);
	figures_init(&run->figures, client_begin(run->client),
		     run->figures.slow_us);
	loop_run(loop);
	ev_signal_stop(run->ev, &term);
	ev_signal_stop(run->ev, &interrupt);
}

static int finish(struct run *run, const struct options *options,
		  struct err *err)
{
	struct report report = {
		.figures = &run->figures,
		.end = client_end(run->client),
		.rate = options->client.rate,
		.unfinished = client_in_flight(run->client),
	};
	int r;

	figures_end(&run->figures, report.end);
	r = trace_close(run->trace, err);
	run->trace = NULL;
	if (r == 0)
		r = write_report(&report, options, err);
	return r;
}

static int generate(struct loop *loop, const struct options *options,
		    struct err *err)
{
	static struct run run;
	int r = 0;

	run.ev = loop_ev(loop);
	run.figures.slow_us = options->slow_us;
	if (options->trace != NULL)
		r = trace_create(options->trace, &run.trace, err);
	if (r == 0)
		r = client_new(loop, &options->client, on_outcome, &run,
			       &run.client, err);
	if (r == 0) {
		run_client(&run, loop);
		r = finish(&run, options, err);
	}
	client_free(run.client);
	trace_close(run.trace, NULL);
	return r;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static struct options options = {
		.client = {
			.rate = 200,
			.timeout_us = 2 * SECOND,
			.flight_max = 1024,
			.keep = true,
		},
		.slow_us = 300 * MS,
		.from = { INT64_MIN },
		.to = { INT64_MAX },
	};
	struct loop *loop = NULL;
	struct err err = { 0 };
	int r;

	options.client.urls = options.urls;
	r = read_options(argc, argv, &options);
	if (r >= 0)
		return r;
	raise_descriptor_limit();
	if (options.read != NULL) {
		r = report_on_trace(&options, &err);
	} else {
		r = loop_new(&loop, &err);
		if (r == 0)
			r = generate(loop, &options, &err);
		loop_free(loop);
	}
	if (r == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "load: %s\n", err.text);
	return EXIT_FAILURE;
}
