/* demo: the same faults for bascule and for HAProxy's own checks, side by
 * side, and the report of how fast each was. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "controller/core/instant.h"
#include "drill/live/contest.h"

#define EXIT_USAGE 64

static const char help[] =
	"Usage: demo [BUILD-FOLDER] [--quick] [--commit=NAME]\n"
	"Kills, stops and breaks API replicas behind two HAProxies, one led "
	"by\n"
	"basculed and one left to its own checks, under steady client "
	"traffic,\n"
	"and reports how fast each fault was seen, acted on and repaired.\n"
	"Everything runs on loopback.  Writes demo/report.json and\n"
	"demo/report.html below the build folder (default: this one).\n"
	"  --quick        two of each fault, for a test\n"
	"  --commit=NAME  what was built, for the report\n"
	"Exit status: 0 all aims met, 1 one was missed, 2 it could not run.\n";

static const struct contest_fault ours[] = {
	{ DRILL_KILL, 10 },     { DRILL_PAUSE, 10 },    { DRILL_STATUS, 10 },
	{ DRILL_KILL_ALL, 10 }, { DRILL_KILL_NODE, 5 }, { DRILL_KILL, 0 },
};

static const struct contest_fault theirs[] = {
	{ DRILL_KILL, 3 },
	{ DRILL_PAUSE, 2 },
	{ DRILL_STATUS, 3 },
	{ DRILL_KILL, 0 },
};

static const struct contest_fault quick[] = {
	{ DRILL_KILL, 2 },     { DRILL_PAUSE, 2 },     { DRILL_STATUS, 2 },
	{ DRILL_KILL_ALL, 2 }, { DRILL_KILL_NODE, 2 }, { DRILL_KILL, 0 },
};

static const struct contest_fault quick_theirs[] = {
	{ DRILL_KILL, 1 },
	{ DRILL_KILL, 0 },
};

struct options {
	const char *build, *commit;
	bool quick;
};

static int64_t wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/* PRETTY_NAME of os-release(5), without its quotes. */
static void read_os(char *buf, size_t size)
{
	FILE *f = fopen("/etc/os-release", "r");
	char line[256], *end;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "PRETTY_NAME=\"", 13) != 0)
			continue;
		end = strpbrk(line + 13, "\"\n");
		if (end != NULL)
			*end = '\0';
		snprintf(buf, size, "%.60s", line + 13);
	}
	if (f != NULL)
		fclose(f);
}

static void describe(struct drill_report *rep, const struct options *opt,
		     const char *tool, const char *title)
{
	struct utsname machine;

	drill_report_init(rep);
	snprintf(rep->tool_name, sizeof(rep->tool_name), "%s", tool);
	snprintf(rep->tool_version, sizeof(rep->tool_version), "%s",
		 PACKAGE_VERSION);
	snprintf(rep->commit, sizeof(rep->commit), "%s", opt->commit);
	snprintf(rep->scenario, sizeof(rep->scenario), "demo");
	snprintf(rep->title, sizeof(rep->title), "%s", title);
	snprintf(rep->hypothesis, sizeof(rep->hypothesis),
		 "a dead, frozen or failing replica leaves the rotation before "
		 "clients notice more than a few requests");
	snprintf(rep->blast_radius, sizeof(rep->blast_radius),
		 "3 replicas, 3 nodes");
	read_os(rep->environment.os, sizeof(rep->environment.os));
	snprintf(rep->environment.node, sizeof(rep->environment.node), "demo");
	if (uname(&machine) == 0)
		snprintf(rep->environment.kernel,
			 sizeof(rep->environment.kernel), "%.60s",
			 machine.release);
	rep->environment.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	rep->started_wall_us = wall_us();
	snprintf(rep->id, sizeof(rep->id), "demo-%lld",
		 (long long)(rep->started_wall_us / SECOND));
}

static void *contest_thread(void *arg)
{
	contest_run(arg);
	return NULL;
}

static double seconds(int64_t span_us)
{
	return (double)span_us / 1e6;
}

/* The aims of the comparison: our median within its limit, and at most a
 * third of the baseline's. */
static int add_aims(struct drill_report *rep, enum drill_fault_type type,
		    double limit)
{
	const struct stats *mine = &rep->by_fault[type].acted;
	const struct stats *theirs_acted = &rep->baseline->by_fault[type].acted;
	char name[DRILL_NAME_MAX];
	int r;

	snprintf(name, sizeof(name), "%s: acted, median",
		 drill_fault_name(type));
	r = drill_report_aim(rep, name, seconds(mine->p50), limit, "s");
	if (r < 0 || theirs_acted->n == 0)
		return r;
	snprintf(name, sizeof(name), "%s: share of the baseline's time",
		 drill_fault_name(type));
	return drill_report_aim(rep, name,
				(double)mine->p50 / (double)theirs_acted->p50,
				1.0 / 3, "");
}

static int add_all_aims(struct drill_report *rep)
{
	size_t held = rep->by_fault[DRILL_KILL_ALL].held;
	size_t runs = rep->by_fault[DRILL_KILL_ALL].runs;
	int r = add_aims(rep, DRILL_KILL, 0.150);

	if (r >= 0)
		r = add_aims(rep, DRILL_PAUSE, 0.400);
	if (r >= 0)
		r = add_aims(rep, DRILL_STATUS, 0.250);
	if (r >= 0)
		r = drill_report_aim(rep, "all killed: last one not held",
				     (double)(runs - held), 0, "runs");
	if (r >= 0)
		r = add_aims(rep, DRILL_KILL_NODE, 0.150);
	if (r >= 0)
		r = drill_report_aim(rep, "healthy replicas called down",
				     rep->false_positives, 0, "targets");
	return r;
}

static int run(struct contest sides[2])
{
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, contest_thread,
				   &sides[i]) != 0)
			return -EAGAIN;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 2; i++)
		if (sides[i].result < 0) {
			fprintf(stderr, "demo: %s\n", sides[i].err.text);
			return sides[i].result;
		}
	return 0;
}

static int write_report(struct drill_report *rep, const char *dir)
{
	char json[300], html[300];
	int r;

	rep->finished_wall_us = wall_us();
	r = drill_report_conclude(rep);
	if (r >= 0)
		r = add_all_aims(rep);
	if (r >= 0)
		r = drill_report_conclude(rep);
	if (r < 0)
		return r;
	snprintf(json, sizeof(json), "%s/report.json", dir);
	snprintf(html, sizeof(html), "%s/report.html", dir);
	putchar('\n');
	drill_report_text(rep, stdout);
	r = drill_report_write(rep, json, html);
	if (r < 0)
		fprintf(stderr, "demo: %s: %s\n", dir, strerror(-r));
	else
		printf("\n%s\n%s\n", json, html);
	return r;
}

static int demo(const struct options *opt)
{
	char dir[200], logs[220];
	struct drill_report rep, base;
	struct contest sides[2];
	int r;

	snprintf(dir, sizeof(dir), "%s/demo", opt->build);
	snprintf(logs, sizeof(logs), "%s/logs", dir);
	mkdir(dir, 0755);
	mkdir(logs, 0755);
	describe(&rep, opt, "bascule", "Replicas fail under steady traffic");
	describe(&base, opt, "HAProxy",
		 "The same, with inter 2s fall 2 rise 2");
	memset(sides, 0, sizeof(sides));
	sides[0] = (struct contest){
		.name = "bascule",
		.settings = { opt->build, "/usr/sbin/haproxy", logs, true },
		.faults = opt->quick ? quick : ours,
		.report = &rep,
	};
	sides[1] = (struct contest){
		.name = "baseline",
		.settings = { opt->build, "/usr/sbin/haproxy", logs, false },
		.faults = opt->quick ? quick_theirs : theirs,
		.report = &base,
	};
	rep.seed = (uint64_t)rep.started_wall_us;
	sides[0].seed = (unsigned)rep.seed;
	sides[1].seed = (unsigned)rep.seed + 1;
	r = run(sides);
	base.finished_wall_us = wall_us();
	rep.baseline = malloc(sizeof(base));
	if (rep.baseline == NULL)
		return 2;
	*rep.baseline = base;
	if (r >= 0)
		r = write_report(&rep, dir);
	if (r >= 0)
		r = rep.verdict == DRILL_PASS ? 0 : 1;
	else
		r = 2;
	drill_report_done(&rep);
	return r;
}

int main(int argc, char **argv)
{
	struct options opt = { .build = ".", .commit = "" };
	int i, r;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--quick") == 0) {
			opt.quick = true;
		} else if (strncmp(argv[i], "--commit=", 9) == 0) {
			opt.commit = argv[i] + 9;
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "demo: '%s': try --help\n", argv[i]);
			return EXIT_USAGE;
		} else {
			opt.build = argv[i];
		}
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = demo(&opt);
	curl_global_cleanup();
	return r;
}
