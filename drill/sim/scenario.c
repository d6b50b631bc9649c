/* scenario: play scenarios in the simulated world.
 *
 * Prints TAP, one result for each file.  What fails is told with its seed and
 * the last lines of its story; `--seed S --trace FILE` tells it again, whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/arg.h"
#include "drill/sim/play.h"
#include "drill/sim/queue.h"

#define LAST_LINES 40
#define LINE_MAX_  720

/* The last lines of a story. */
struct tail {
	char (*lines)[LINE_MAX_];
	uint64_t count;
	bool all; /* print them at once */
};

struct options {
	uint64_t seed; /* 0: those of the file */
	bool trace;
	const char *hash_file;
};

static void on_line(void *arg, struct instant now, const char *line)
{
	struct tail *tail = arg;

	if (tail->all) {
		printf("# %s\n", line);
		return;
	}
	snprintf(tail->lines[tail->count++ % LAST_LINES], LINE_MAX_,
		 "%10.6f %s", (double)(now.us - 1000 * SECOND) / SECOND, line);
}

static void print_tail(const struct tail *tail)
{
	uint64_t i = tail->count > LAST_LINES ? tail->count - LAST_LINES : 0;

	for (; i < tail->count; i++)
		printf("# %s\n", tail->lines[i % LAST_LINES]);
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	size_t size = 0, room = 1 << 16;
	char *text;

	if (in == NULL)
		return NULL;
	text = sim_alloc(room, 1);
	size = fread(text, 1, room - 1, in);
	fclose(in);
	text[size] = '\0';
	return text;
}

static int load(const char *path, struct scenario **ret_sc, struct err *err)
{
	char *text = read_file(path);
	int r;

	if (text == NULL)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = scenario_parse(path, text, ret_sc, err);
	if (r == 0)
		r = play_check(*ret_sc, err);
	free(text);
	return r;
}

/* One seed.  Returns whether it passed. */
static bool tell(const struct scenario *sc, uint64_t seed, struct tail *tail,
		 struct played *played)
{
	struct err err = { 0 };

	tail->count = 0;
	if (play(sc, seed, on_line, tail, played, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	if (played->passed)
		return true;
	print_tail(tail);
	printf("# %s\n# seed %" PRIu64
	       "; again: drill/sim/scenario --seed %" PRIu64 " --trace %s\n",
	       played->why, seed, seed, sc->name);
	return false;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool play_file(const char *path, int number, const struct options *opt,
		      struct tail *tail, FILE *hashes)
{
	struct scenario *sc = NULL;
	struct played played = { 0 };
	struct err err = { 0 };
	uint64_t seed, last, hash = 0, steps = 0;
	bool passed = true;

	if (load(path, &sc, &err) < 0) {
		printf("# %s\nnot ok %d - %s\n", err.text, number, base(path));
		scenario_free(sc);
		return false;
	}
	seed = opt->seed != 0 ? opt->seed : 1;
	last = opt->seed != 0 ? opt->seed : sc->seeds;
	for (; seed <= last && passed; seed++) {
		passed = tell(sc, seed, tail, &played);
		hash = hash * 31 + played.hash;
		steps += played.steps;
	}
	printf("%s %d - %s (%u seeds, %" PRIu64 " steps)\n",
	       passed ? "ok" : "not ok", number, base(path), sc->seeds, steps);
	if (hashes != NULL)
		fprintf(hashes, "%016" PRIx64 " %s\n", hash, base(path));
	scenario_free(sc);
	return passed;
}

static int usage(void)
{
	fputs("usage: scenario [--seed S] [--trace] [--hash FILE] FILE...\n",
	      stderr);
	return 64;
}

static int options(int argc, char **argv, struct options *opt)
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			opt->trace = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			opt->seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--hash") == 0 && i + 1 < argc)
			opt->hash_file = argv[++i];
		else
			return -EINVAL;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct options opt = { 0 };
	int first = options(argc, argv, &opt), i, failed = 0;
	struct tail tail = { .all = opt.trace };
	FILE *hashes = NULL;

	if (first < 0 || first == argc)
		return usage();
	if (opt.hash_file != NULL)
		hashes = fopen(opt.hash_file, "w");
	if (opt.hash_file != NULL && hashes == NULL) {
		perror(opt.hash_file);
		return 1;
	}
	tail.lines = sim_alloc(LAST_LINES, sizeof(*tail.lines));
	printf("1..%d\n", argc - first);
	for (i = first; i < argc; i++)
		failed +=
			!play_file(argv[i], i - first + 1, &opt, &tail, hashes);
	free(tail.lines);
	if (hashes != NULL)
		fclose(hashes);
	return failed > 0;
}
