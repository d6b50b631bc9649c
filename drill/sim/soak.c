/* soak: many simulated hours of random trouble.
 *
 * Each story has a seed, which is printed when it fails; `--seed S --hours 0`
 * tells that one again, and its last lines.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "drill/sim/queue.h"
#include "drill/sim/trouble.h"

#define STORY_US     (20 * MINUTE)
#define LAST_LINES   60
#define LINE_MAX_    720
#define SPEED_WANTED 1.8 /* simulated hours for each second of CPU */

struct options {
	double hours;
	uint64_t seed;
	const char *json, *commit;
	bool trace;
	bool tap;
};

struct figures {
	double hours, cpu_s;
	uint64_t stories, failed, steps, faults, incidents;
	uint64_t bad_seed;
	char why[400];
};

static char (*last_lines)[LINE_MAX_];
static uint64_t line_count;

static void on_line(void *arg, struct instant now, const char *line)
{
	const struct options *opt = arg;
	char *keep = last_lines[line_count++ % LAST_LINES];

	snprintf(keep, LINE_MAX_, "%12.6f %s",
		 (double)(now.us - 1000 * SECOND) / SECOND, line);
	if (opt->trace)
		printf("# %s\n", keep);
}

static void tell_again(const struct options *opt, uint64_t seed)
{
	uint64_t i = 0;
	struct trouble_told told;

	line_count = 0;
	trouble_tell(seed, STORY_US, on_line, (void *)opt, &told);
	if (line_count > LAST_LINES)
		i = line_count - LAST_LINES;
	for (; !opt->trace && i < line_count; i++)
		printf("# %s\n", last_lines[i % LAST_LINES]);
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void tell_one(const struct options *opt, uint64_t seed,
		     struct figures *fig)
{
	double before_s = cpu_s();
	struct trouble_told told;

	trouble_tell(seed, STORY_US, NULL, NULL, &told);
	fig->cpu_s += cpu_s() - before_s;
	fig->stories++;
	fig->hours += (double)STORY_US / (double)HOUR;
	fig->steps += told.steps;
	fig->faults += told.faults;
	fig->incidents += told.incidents;
	if (told.passed && !opt->trace)
		return;
	tell_again(opt, seed);
	if (told.passed)
		return;
	fig->failed++;
	fig->bad_seed = seed;
	memcpy(fig->why, told.why, sizeof(fig->why));
	printf("# %s\n# seed %" PRIu64 "; again: drill/sim/soak --seed %" PRIu64
	       " --hours 0 --trace\n",
	       told.why, seed, seed);
}

static void print_json(FILE *out, const struct options *opt,
		       const struct figures *fig)
{
	double speed = fig->cpu_s > 0 ? fig->hours / fig->cpu_s : 0;
	struct utsname name;

	uname(&name);
	fprintf(out, "{\"name\": \"soak\", \"commit\": \"%s\",\n", opt->commit);
	fprintf(out, " \"machine\": \"%ld cores, %s %s %s\",\n",
		sysconf(_SC_NPROCESSORS_ONLN), name.sysname, name.release,
		name.machine);
	fprintf(out,
		" \"aims\": [{\"name\": \"broken rules\", \"value\": %" PRIu64
		", \"unit\": \"stories\", \"limit\": 0, \"met\": %s},\n"
		"  {\"name\": \"speed\", \"value\": %.2f, \"unit\": "
		"\"simulated hours a CPU second\", \"limit\": %.2f, \"met\": "
		"%s}],\n",
		fig->failed, fig->failed == 0 ? "true" : "false", speed,
		SPEED_WANTED, speed >= SPEED_WANTED ? "true" : "false");
	fprintf(out,
		" \"rows\": [{\"seed\": %" PRIu64 ", \"stories\": %" PRIu64
		", \"hours\": %.2f, \"cpu_s\": %.2f, \"steps\": %" PRIu64
		", \"faults\": %" PRIu64 ", \"incidents\": %" PRIu64
		", \"failed\": %" PRIu64 "}]}\n",
		opt->seed, fig->stories, fig->hours, fig->cpu_s, fig->steps,
		fig->faults, fig->incidents, fig->failed);
}

static int write_json(const struct options *opt, const struct figures *fig)
{
	FILE *out = fopen(opt->json, "w");

	if (out == NULL) {
		perror(opt->json);
		return -errno;
	}
	print_json(out, opt, fig);
	return fclose(out) == 0 ? 0 : -EIO;
}

static void print_text(const struct options *opt, const struct figures *fig)
{
	const char *mark = opt->tap ? "# " : "";

	printf("%sseed %" PRIu64 ": %" PRIu64
	       " stories, %.1f simulated hours, %" PRIu64 " steps, %" PRIu64
	       " faults, %" PRIu64 " incidents\n",
	       mark, opt->seed, fig->stories, fig->hours, fig->steps,
	       fig->faults, fig->incidents);
	printf("%s%.1f simulated hours for each CPU second (%.1f s); "
	       "violations: %" PRIu64 "\n",
	       mark, fig->cpu_s > 0 ? fig->hours / fig->cpu_s : 0.0, fig->cpu_s,
	       fig->failed);
}

static int options(int argc, char **argv, struct options *opt)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			opt->trace = true;
		else if (strcmp(argv[i], "--tap") == 0)
			opt->tap = true;
		else if (i + 1 == argc)
			return -EINVAL;
		else if (strcmp(argv[i], "--hours") == 0)
			opt->hours = atof(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0)
			opt->seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--json") == 0)
			opt->json = argv[++i];
		else if (strcmp(argv[i], "--commit") == 0)
			opt->commit = argv[++i];
		else
			return -EINVAL;
	}
	return 0;
}

static uint64_t fresh_seed(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint32_t)time(NULL);
	return seed;
}

int main(int argc, char **argv)
{
	struct options opt = { .hours = 10, .commit = "unknown" };
	struct figures fig = { 0 };
	uint64_t seed;

	if (options(argc, argv, &opt) < 0) {
		fputs("usage: soak [--hours H] [--seed S] [--json FILE]"
		      " [--commit C] [--tap] [--trace]\n",
		      stderr);
		return 64;
	}
	/* A daemon's tables have room for the most targets there may be: pages
	 * from the kernel are zero without being written. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	if (opt.seed == 0)
		opt.seed = fresh_seed();
	printf("%sfirst seed %" PRIu64 "\n", opt.tap ? "# " : "", opt.seed);
	fflush(stdout);
	last_lines = sim_alloc(LAST_LINES, sizeof(*last_lines));
	seed = opt.seed;
	do
		tell_one(&opt, seed++, &fig);
	while (fig.hours < opt.hours && fig.failed < 5);
	print_text(&opt, &fig);
	if (opt.tap)
		printf("%s 1 - %" PRIu64 " stories of trouble, first seed"
		       " %" PRIu64 "\n1..1\n",
		       fig.failed == 0 ? "ok" : "not ok", fig.stories,
		       opt.seed);
	if (opt.json != NULL && write_json(&opt, &fig) < 0)
		return 1;
	free(last_lines);
	return fig.failed > 0;
}
