/* quorum: the quorum protocol under faults, for simulated hours.
 *
 *	quorum [--hours H] [--seed S] [--nodes N] [--json FILE]
 *	quorum --run FILE		one scenario, with what happens
 *	quorum --trace S [--nodes N]	one seed, with what happens
 *
 * A seed that goes wrong is made shorter and written to a scenario file; the
 * command that runs it again is printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drill/sim/cluster.h"
#include "controller/core/instant.h"

#ifdef BASCULE_MUTANTS
#include "controller/core/rule.h"
#include "drill/sim/mutants.h"
#endif

#define LENGTH_US (5 * MINUTE)

struct totals {
	int64_t simulated_us;
	double cpu_s;
	uint64_t seeds, events, messages, elections, moves, commits, rounds;
	unsigned recoveries[1001]; /* how many at each per mille; last: more */
};

struct options {
	double hours;
	uint64_t seed;
	unsigned nodes;
	const char *json, *run, *mutant;
	bool trace, all_mutants;
};

static double cpu_seconds(void)
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
	sum->commits += result->commits;
	for (i = 0; i < result->recovery_count; i++) {
		unsigned at = result->recoveries[i];

		sum->rounds++;
		sum->recoveries[at > 1000 ? 1000 : at]++;
	}
}

/* The per mille of the bound within which @per_10000 of the rounds ended. */
static unsigned quantile(const struct totals *sum, unsigned per_10000)
{
	uint64_t want = (sum->rounds * per_10000 + 9999) / 10000, seen = 0;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		seen += sum->recoveries[i];
		if (seen >= want)
			break;
	}
	return i;
}

static char script_text[CLUSTER_STEPS_MAX * 80];

static int write_script(const struct cluster_script *script, const char *path)
{
	size_t size = cluster_script_print(script, script_text,
					   sizeof(script_text));
	FILE *out = fopen(path, "w");

	if (out == NULL || fwrite(script_text, 1, size, out) != size ||
	    fclose(out) != 0) {
		perror(path);
		return -1;
	}
	return 0;
}

static void report_wrong(struct cluster *cl, struct cluster_script *script,
			 const struct cluster_result *result, const char *self)
{
	char path[64];
	unsigned runs;

	printf("seed %" PRIu64 " nodes %u: %s at %.6f s: %s\n", script->seed,
	       script->nodes, cluster_wrong_name(result->wrong),
	       (double)result->at_us / 1e6, result->text);
	script->end_us = result->at_us + 1;
	runs = cluster_shrink(cl, script, result->wrong, 2000);
	snprintf(path, sizeof(path), "quorum-%" PRIu64 ".scenario",
		 script->seed);
	if (write_script(script, path) == 0)
		printf("made shorter in %u runs: %s --run %s\n", runs, self,
		       path);
}

/* Returns the number of seeds that went wrong; stops at the first. */
static unsigned soak(struct cluster *cl, const struct options *opt,
		     struct totals *sum, const char *self)
{
	static struct cluster_script script;
	static struct cluster_result result;
	double from = cpu_seconds();
	uint64_t seed = opt->seed;
	int64_t until_us = (int64_t)(opt->hours * (double)HOUR);

	printf("seeds from %" PRIu64 "\n", seed);
	for (; sum->simulated_us < until_us; seed++) {
		cluster_draw(&script, seed, opt->nodes, LENGTH_US);
		cluster_run(cl, &script, &result);
		add_up(sum, &result);
		if (result.wrong != WRONG_NOTHING) {
			report_wrong(cl, &script, &result, self);
			return 1;
		}
	}
	sum->cpu_s = cpu_seconds() - from;
	return 0;
}

static void print_totals(const struct totals *sum)
{
	double hours = (double)sum->simulated_us / (double)HOUR;

	printf("%.1f simulated hours, %" PRIu64 " seeds, %" PRIu64
	       " elections, %" PRIu64 " commits, %" PRIu64
	       " groups moved, %" PRIu64 " messages\n",
	       hours, sum->seeds, sum->elections, sum->commits, sum->moves,
	       sum->messages);
	printf("%.1f simulated hours for each CPU second (%.1f s, %.0f ns an "
	       "event)\n",
	       hours / sum->cpu_s, sum->cpu_s,
	       sum->cpu_s * 1e9 / (double)sum->events);
	printf("recovery, in %% of the bound, of %" PRIu64
	       ": median %.1f, 99.9 %% %.1f, worst %.1f\n",
	       sum->rounds, quantile(sum, 5000) / 10.0,
	       quantile(sum, 9990) / 10.0, quantile(sum, 10000) / 10.0);
}

static int run_file(struct cluster *cl, const char *path)
{
	static struct cluster_script script;
	static struct cluster_result result;
	FILE *in = fopen(path, "r");
	struct err err;
	size_t size;

	if (in == NULL) {
		perror(path);
		return 1;
	}
	size = fread(script_text, 1, sizeof(script_text) - 1, in);
	fclose(in);
	script_text[size] = '\0';
	if (cluster_script_read(script_text, &script, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return 1;
	}
	cluster_trace(cl, print_line, NULL);
	cluster_run(cl, &script, &result);
	printf("%s: %s %s\n", path, cluster_wrong_name(result.wrong),
	       result.text);
	return result.wrong != WRONG_NOTHING;
}

static int trace_seed(struct cluster *cl, const struct options *opt)
{
	static struct cluster_script script;
	static struct cluster_result result;

	cluster_draw(&script, opt->seed, opt->nodes, LENGTH_US);
	cluster_trace(cl, print_line, NULL);
	cluster_run(cl, &script, &result);
	printf("hash %016" PRIx64 "\n", result.hash);
	return result.wrong != WRONG_NOTHING;
}

#ifdef BASCULE_MUTANTS

/* Returns whether the mutant is caught within the hours. */
static bool hunt(struct cluster *cl, const struct mutant *mut,
		 const struct options *opt)
{
	static struct cluster_script script;
	static struct cluster_result result;
	int64_t us = 0, until_us = (int64_t)(opt->hours * (double)HOUR);
	double from = cpu_seconds();
	uint64_t seed;

	rules_off = mut->rules;
	for (seed = opt->seed; us < until_us; seed++) {
		cluster_draw(&script, seed, opt->nodes, LENGTH_US);
		cluster_run(cl, &script, &result);
		us += result.at_us;
		if (result.wrong == WRONG_NOTHING)
			continue;
		printf("| %s | %s | %s | %.3f | %.2f | %" PRIu64 " |\n",
		       mut->name, mut->what, cluster_wrong_name(result.wrong),
		       (double)us / (double)HOUR, cpu_seconds() - from, seed);
		fflush(stdout);
		rules_off = 0;
		return true;
	}
	printf("| %s | %s | NOT CAUGHT | %.3f | %.2f | |\n", mut->name,
	       mut->what, (double)us / (double)HOUR, cpu_seconds() - from);
	fflush(stdout);
	rules_off = 0;
	return false;
}

static int hunt_all(struct cluster *cl, const struct options *opt)
{
	unsigned i, caught = 0;

	printf("| mutant | rule | seen as | simulated hours | CPU s | seed |\n"
	       "| --- | --- | --- | --- | --- | --- |\n");
	for (i = 0; i < mutant_count; i++)
		caught += hunt(cl, &mutants[i], opt);
	printf("%u of %u mutants caught\n", caught, mutant_count);
	return caught != mutant_count;
}

#endif

static int parse(int argc, char **argv, struct options *opt)
{
	int i;

	for (i = 1; i < argc; i++) {
		const char *key = argv[i];

		if (strcmp(key, "--mutants") == 0) {
			opt->all_mutants = true;
			continue;
		}
		if (i + 1 == argc)
			return -EINVAL;
		i++;
		if (strcmp(key, "--hours") == 0)
			opt->hours = strtod(argv[i], NULL);
		else if (strcmp(key, "--seed") == 0)
			opt->seed = strtoull(argv[i], NULL, 10);
		else if (strcmp(key, "--nodes") == 0)
			opt->nodes = (unsigned)strtoul(argv[i], NULL, 10);
		else if (strcmp(key, "--json") == 0)
			opt->json = argv[i];
		else if (strcmp(key, "--run") == 0)
			opt->run = argv[i];
		else if (strcmp(key, "--mutant") == 0)
			opt->mutant = argv[i];
		else if (strcmp(key, "--trace") == 0) {
			opt->seed = strtoull(argv[i], NULL, 10);
			opt->trace = true;
		} else {
			return -EINVAL;
		}
	}
	return opt->nodes > CLUSTER_NODES ? -EINVAL : 0;
}

static int go(struct cluster *cl, const struct options *opt, const char *self)
{
	static struct totals sum;

#ifdef BASCULE_MUTANTS
	if (opt->mutant != NULL) {
		const struct mutant *mut = mutant_find(opt->mutant);

		if (mut == NULL)
			return 64;
		rules_off = mut->rules;
	}
	if (opt->all_mutants)
		return hunt_all(cl, opt);
#endif
	if (opt->run != NULL)
		return run_file(cl, opt->run);
	if (opt->trace)
		return trace_seed(cl, opt);
	if (soak(cl, opt, &sum, self) != 0)
		return 1;
	print_totals(&sum);
	return 0;
}

int main(int argc, char **argv)
{
	struct options opt = { .hours = 1, .seed = 1 };
	struct cluster *cl;
	int r;

	if (parse(argc, argv, &opt) < 0) {
		fprintf(stderr,
			"usage: quorum [--hours H] [--seed S] [--nodes N] "
			"[--json FILE] | --run FILE | --trace SEED\n");
		return 64;
	}
	cl = cluster_new();
	if (cl == NULL)
		return 1;
	r = go(cl, &opt, argv[0]);
	cluster_free(cl);
	return r;
}
