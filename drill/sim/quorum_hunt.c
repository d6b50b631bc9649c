/* Of no use without them; the makefile says so for the rest of the program. */
#ifndef BASCULE_MUTANTS
#define BASCULE_MUTANTS
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/core/instant.h"
#include "controller/core/rule.h"
#include "drill/sim/mutants.h"
#include "drill/sim/quorum.h"

/* Each rule taken away must be missed. */

uint64_t rules_off;

_Static_assert(RULES <= 64, "each rule has a bit");

const struct mutant *mutant_find(const char *name)
{
	unsigned i;

	for (i = 0; i < mutant_count; i++)
		if (strcmp(mutants[i].name, name) == 0)
			return &mutants[i];
	return NULL;
}

struct catch
{
	double hours, cpu_s;
	uint64_t seed;
};

int quorum_break(const char *name)
{
	const struct mutant *mut = mutant_find(name);

	rules_off = 0;
	if (name[0] == '\0')
		return 0;
	if (mut == NULL)
		return -ENOENT;
	rules_off = mut->rules;
	return 0;
}

static bool hunt(struct cluster *cl, const struct quorum_options *opt,
		 struct cluster_script *script, struct cluster_result *result,
		 struct catch *ret_catch)
{
	int64_t us = 0, until_us = (int64_t)(opt->hours * (double)HOUR);
	double from_s = quorum_cpu_s();
	uint64_t seed = opt->seed;

	do {
		cluster_draw(script, seed++, opt->nodes, QUORUM_LENGTH_US);
		cluster_run(cl, script, result);
		us += result->at_us;
	} while (result->wrong == WRONG_NOTHING && us < until_us);
	ret_catch->hours = (double)us / (double)HOUR;
	ret_catch->cpu_s = quorum_cpu_s() - from_s;
	ret_catch->seed = script->seed;
	return result->wrong != WRONG_NOTHING;
}

/* Its counterexample as a scenario, for tests/scenarios/quorum. */
static void keep(struct cluster *cl, const struct quorum_options *opt,
		 struct cluster_script *script,
		 const struct cluster_result *result, const char *name)
{
	char path[200];

	if (opt->folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s.scenario", opt->folder, name);
	quorum_write_failure(cl, script, result, name, path);
}

static bool catch (struct cluster *cl, const struct quorum_options *opt,
		   const struct mutant *mut)
{
	static struct cluster_script script;
	static struct cluster_result result;
	struct catch found;
	bool caught;

	rules_off = mut->rules;
	caught = hunt(cl, opt, &script, &result, &found);
	printf("| %s | %s | %s | %.3f | %.2f | %" PRIu64 " |\n", mut->name,
	       mut->what,
	       caught ? cluster_wrong_name(result.wrong) : "NOT CAUGHT",
	       found.hours, found.cpu_s, found.seed);
	fflush(stdout);
	if (caught)
		keep(cl, opt, &script, &result, mut->name);
	rules_off = 0;
	return caught;
}

int quorum_hunt(struct cluster *cl, const struct quorum_options *opt)
{
	unsigned i, tried = 0, caught = 0;

	printf("| mutant | rule, and what is done instead | seen as | "
	       "simulated hours | CPU s | seed |\n"
	       "| --- | --- | --- | --- | --- | --- |\n");
	for (i = 0; i < mutant_count; i++) {
		if (opt->mutant != NULL &&
		    strcmp(opt->mutant, mutants[i].name) != 0)
			continue;
		tried++;
		caught += catch (cl, opt, &mutants[i]);
	}
	printf("%u of %u mutants caught\n", caught, tried);
	return caught != tried;
}
