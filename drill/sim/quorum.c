/* quorum: the quorum protocol under faults, for simulated hours.
 *
 * A seed that goes wrong is made shorter and written as a scenario; the
 * command that runs it again is printed.  Built with mutants it also shows
 * that each rule is needed: see quorum_hunt.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "controller/core/instant.h"
#include "drill/sim/cluster_floor.h"
#include "drill/sim/quorum.h"

/* Simulated hours for each CPU second. */
#define SPEED_WANTED           10.0
#define SPEED_WANTED_DATABASES 0.5

static const char usage[] =
	"usage: quorum [--hours H] [--seed S] [--nodes N] [--json FILE] "
	"[--commit C]\n"
	"       quorum --run FILE [--seeds N]   a scenario, under N seeds\n"
	"       quorum --trace SEED [--nodes N] what happens under one seed\n"
	"       quorum-mutants --mutants [--mutant NAME] [--folder F]\n";

struct totals {
	int64_t simulated_us;
	double cpu_s;
	uint64_t first, seeds, events, messages, elections, moves, commits;
	uint64_t rounds, hash;
	uint64_t rows, rows_lost, failovers, switchovers;
	unsigned recoveries[1001]; /* how many at each per mille; last: more */
	unsigned wrong;
};

double quorum_cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void print_line(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

static void add_up(struct totals *sum, const struct cluster_result *result)
{
	unsigned i;

	sum->simulated_us += result->at_us;
	sum->seeds++;
	sum->events += result->events;
	sum->messages += result->messages;
	sum->elections += result->elections;
	sum->moves += result->moves;
	sum->rows += result->rows;
	sum->rows_lost += result->rows_lost;
	sum->failovers += result->failovers;
	sum->switchovers += result->switchovers;
	sum->commits += result->commits;
	sum->hash = (sum->hash ^ result->hash) * 1099511628211u;
	sum->wrong += result->wrong != WRONG_NOTHING;
	for (i = 0; i < result->recovery_count; i++) {
		unsigned at = result->recoveries[i];

		sum->rounds++;
		sum->recoveries[at > 1000 ? 1000 : at]++;
	}
}

/* The share of the bound, in percent, within which so many recovered. */
static double quantile(const struct totals *sum, unsigned per_10000)
{
	uint64_t want = (sum->rounds * per_10000 + 9999) / 10000, seen = 0;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		seen += sum->recoveries[i];
		if (seen >= want)
			break;
	}
	return i / 10.0;
}

static char script_text[CLUSTER_STEPS_MAX * 80];

static int write_script(const struct cluster_script *script, const char *path)
{
	size_t size =
		cluster_script_print(script, script_text, sizeof(script_text));
	FILE *out = fopen(path, "w");
	bool fine;

	if (out == NULL) {
		perror(path);
		return -errno;
	}
	fine = fwrite(script_text, 1, size, out) == size;
	return fclose(out) == 0 && fine ? 0 : -EIO;
}

int quorum_write_failure(struct cluster *cl, struct cluster_script *script,
			 const struct cluster_result *result,
			 const char *breaks, const char *path)
{
	script->end_us = result->at_us + 1;
	snprintf(script->breaks, sizeof(script->breaks), "%s", breaks);
	cluster_shrink(cl, script, result->wrong, breaks[0] == '\0' ? 4 : 25);
	return write_script(script, path);
}

static const char *program(void)
{
	return cluster_floor() == NULL ? "quorum" : cluster_floor()->name;
}

static double speed_wanted(void)
{
	return cluster_floor() == NULL ? SPEED_WANTED : SPEED_WANTED_DATABASES;
}

static void report_wrong(struct cluster *cl, struct cluster_script *script,
			 const struct cluster_result *result)
{
	char path[64];

	printf("seed %" PRIu64 " with %u nodes: %s at %.6f s: %s\n",
	       script->seed, script->nodes, cluster_wrong_name(result->wrong),
	       (double)result->at_us / 1e6, result->text);
	snprintf(path, sizeof(path), "%s-%" PRIu64 ".scenario", program(),
		 script->seed);
	if (quorum_write_failure(cl, script, result, "", path) == 0)
		printf("made shorter; again: drill/sim/%s --run %s\n",
		       program(), path);
}

static double speed(const struct totals *sum)
{
	double hours = (double)sum->simulated_us / (double)HOUR;

	return sum->cpu_s > 0 ? hours / sum->cpu_s : 0;
}

static void print_totals(const struct totals *sum)
{
	printf("%.1f simulated hours, %" PRIu64 " seeds, %" PRIu64
	       " elections, %" PRIu64 " commits, %" PRIu64
	       " groups moved, %" PRIu64 " messages, hash %016" PRIx64 "\n",
	       (double)sum->simulated_us / (double)HOUR, sum->seeds,
	       sum->elections, sum->commits, sum->moves, sum->messages,
	       sum->hash);
	if (cluster_floor() != NULL)
		printf("%" PRIu64 " rows acknowledged, %" PRIu64
		       " of them lost where that may be, %" PRIu64
		       " take-overs, %" PRIu64 " of them planned\n",
		       sum->rows, sum->rows_lost, sum->failovers,
		       sum->switchovers);
	printf("%.1f simulated hours for each CPU second (%.1f s, %.0f ns an "
	       "event); violations: %u\n",
	       speed(sum), sum->cpu_s, sum->cpu_s * 1e9 / (double)sum->events,
	       sum->wrong);
	printf("recovery, in %% of the bound, of %" PRIu64
	       ": median %.1f, 99.9 %% %.1f, worst %.1f\n",
	       sum->rounds, quantile(sum, 5000), quantile(sum, 9990),
	       quantile(sum, 10000));
}

static void print_aim(FILE *out, const char *name, double value,
		      const char *unit, double limit, bool met,
		      const char *after)
{
	fprintf(out,
		"  {\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\", "
		"\"limit\": %.2f, \"met\": %s}%s\n",
		name, value, unit, limit, met ? "true" : "false", after);
}

static void print_json(FILE *out, const struct quorum_options *opt,
		       const struct totals *sum)
{
	struct utsname name;

	uname(&name);
	fprintf(out,
		"{\"name\": \"%s\", \"commit\": \"%s\",\n"
		" \"machine\": \"%ld cores, %s %s %s\",\n \"aims\": [\n",
		program(), opt->commit, sysconf(_SC_NPROCESSORS_ONLN),
		name.sysname, name.release, name.machine);
	print_aim(out, "violations", sum->wrong, "seeds", 0, sum->wrong == 0,
		  ",");
	print_aim(out, "speed", speed(sum), "simulated hours a CPU second",
		  speed_wanted(), speed(sum) >= speed_wanted(), "],");
	fprintf(out,
		" \"rows\": [{\"first_seed\": %" PRIu64 ", \"seeds\": %" PRIu64
		", \"hours\": %.2f, \"cpu_s\": %.2f, \"elections\": %" PRIu64
		", \"commits\": %" PRIu64 ", \"moves\": %" PRIu64
		", \"messages\": %" PRIu64 ",\n",
		sum->first, sum->seeds,
		(double)sum->simulated_us / (double)HOUR, sum->cpu_s,
		sum->elections, sum->commits, sum->moves, sum->messages);
	fprintf(out,
		"  \"recoveries\": %" PRIu64
		", \"recovery_median_percent\": %.1f"
		", \"recovery_99_9_percent\": %.1f"
		", \"recovery_worst_percent\": %.1f}]}\n",
		sum->rounds, quantile(sum, 5000), quantile(sum, 9990),
		quantile(sum, 10000));
}

static int write_json(const struct quorum_options *opt,
		      const struct totals *sum)
{
	FILE *out = fopen(opt->json, "w");

	if (out == NULL) {
		perror(opt->json);
		return -errno;
	}
	print_json(out, opt, sum);
	return fclose(out) == 0 ? 0 : -EIO;
}

static uint64_t fresh_seed(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint32_t)time(NULL);
	return seed;
}

/* Ends at the first seed that goes wrong. */
static int soak(struct cluster *cl, const struct quorum_options *opt)
{
	static struct cluster_script script;
	static struct cluster_result result;
	static struct totals sum;
	int64_t until_us = (int64_t)(opt->hours * (double)HOUR);
	double from_s = quorum_cpu_s();
	uint64_t seed = opt->seed != 0 ? opt->seed : fresh_seed();

	sum.first = seed;
	printf("first seed %" PRIu64 "\n", seed);
	fflush(stdout);
	while (sum.simulated_us < until_us && sum.wrong == 0) {
		cluster_draw(&script, seed++, opt->nodes, QUORUM_LENGTH_US);
		cluster_run(cl, &script, &result);
		add_up(&sum, &result);
	}
	sum.cpu_s = quorum_cpu_s() - from_s;
	if (sum.wrong != 0)
		report_wrong(cl, &script, &result);
	print_totals(&sum);
	if (opt->json != NULL && write_json(opt, &sum) < 0)
		return 1;
	return sum.wrong != 0;
}

static int read_script(const char *path, struct cluster_script *script)
{
	FILE *in = fopen(path, "r");
	struct err err;
	size_t size;

	if (in == NULL) {
		perror(path);
		return -errno;
	}
	size = fread(script_text, 1, sizeof(script_text) - 1, in);
	fclose(in);
	script_text[size] = '\0';
	if (cluster_script_read(script_text, script, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return err.code;
	}
	return 0;
}

/* A scenario goes right under every seed; or, with clocks beyond the bound,
 * an alarm is raised under one.  Of a mutant it must go wrong under
 * one of them: that is what it was kept for. */
static int run_file(struct cluster *cl, const struct quorum_options *opt)
{
	static struct cluster_script script;
	static struct cluster_result result;
	unsigned i, wrong = 0;
	uint64_t drifts = 0;
	bool expected;

	if (read_script(opt->run, &script) < 0)
		return 1;
	expected = opt->mutants && script.breaks[0] != '\0';
	if (expected && quorum_break(script.breaks) < 0) {
		fprintf(stderr, "%s: there is no rule %s\n", opt->run,
			script.breaks);
		return 1;
	}
	if (opt->seeds == 1)
		cluster_trace(cl, print_line, NULL);
	for (i = 0; i < opt->seeds && wrong == 0; i++, script.seed++) {
		cluster_run(cl, &script, &result);
		wrong += result.wrong != WRONG_NOTHING;
		drifts += result.drifts;
	}
	if (script.drift_ppm > 20000)
		return drifts == 0;
	if (wrong != 0)
		printf("%s: %s with seed %" PRIu64 ": %s\n", opt->run,
		       cluster_wrong_name(result.wrong), script.seed - 1,
		       result.text);
	return (wrong != 0) != expected;
}

static int trace_seed(struct cluster *cl, const struct quorum_options *opt)
{
	static struct cluster_script script;
	static struct cluster_result result;

	cluster_draw(&script, opt->seed, opt->nodes, QUORUM_LENGTH_US);
	cluster_trace(cl, print_line, NULL);
	cluster_run(cl, &script, &result);
	printf("hash %016" PRIx64 "\n", result.hash);
	return result.wrong != WRONG_NOTHING;
}

static int parse_value(struct quorum_options *opt, const char *key,
		       const char *value)
{
	if (strcmp(key, "--hours") == 0)
		opt->hours = strtod(value, NULL);
	else if (strcmp(key, "--seed") == 0)
		opt->seed = strtoull(value, NULL, 10);
	else if (strcmp(key, "--seeds") == 0)
		opt->seeds = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "--nodes") == 0)
		opt->nodes = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "--json") == 0)
		opt->json = value;
	else if (strcmp(key, "--commit") == 0)
		opt->commit = value;
	else if (strcmp(key, "--run") == 0)
		opt->run = value;
	else if (strcmp(key, "--folder") == 0)
		opt->folder = value;
	else if (strcmp(key, "--mutant") == 0)
		opt->mutant = value;
	else if (strcmp(key, "--trace") == 0)
		opt->seed = strtoull(value, NULL, 10);
	else
		return -EINVAL;
	if (strcmp(key, "--trace") == 0)
		opt->trace = true;
	return 0;
}

static int parse(int argc, char **argv, struct quorum_options *opt)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--mutants") == 0)
			opt->mutants = true;
		else if (i + 1 == argc ||
			 parse_value(opt, argv[i], argv[i + 1]) < 0)
			return -EINVAL;
		else
			i++;
	}
	return opt->nodes > CLUSTER_NODES ? -EINVAL : 0;
}

static int go(struct cluster *cl, const struct quorum_options *opt)
{
	if (opt->run != NULL)
		return run_file(cl, opt);
	if (opt->mutants)
		return quorum_hunt(cl, opt);
	if (opt->trace)
		return trace_seed(cl, opt);
	return soak(cl, opt);
}

int main(int argc, char **argv)
{
	struct quorum_options opt = { .hours = 10,
				      .seeds = 1,
				      .commit = "unknown" };
	struct cluster *cl;
	int r;

	if (parse(argc, argv, &opt) < 0) {
		fputs(usage, stderr);
		return 64;
	}
	cl = cluster_new();
	if (cl == NULL)
		return 1;
	r = go(cl, &opt);
	cluster_free(cl);
	return r;
}
