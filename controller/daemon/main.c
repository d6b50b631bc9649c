/* basculed: the daemon, one on each node. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"
#include "controller/daemon/release_main.h"
#include "controller/daemon/run.h"
#include "controller/io/key.h"

#define EXIT_USAGE     64 /* sysexits.h's EX_USAGE */
#define FILE_DEFAULT   "/etc/bascule/bascule.conf"
#define OPTION_RELEASE 256

static const char help[] =
	"Usage: basculed [-c FILE]\n"
	"       basculed -t [-c FILE]\n"
	"       basculed --release [-c FILE]\n"
	"\n"
	"Watches API replicas, takes dead ones out of HAProxy, and measures\n"
	"how fast that went.  Runs in the foreground; SIGHUP reloads, SIGTERM\n"
	"ends.\n"
	"\n"
	"  -c, --config FILE  configuration (default " FILE_DEFAULT ")\n"
	"  -t, --test         check the configuration and exit: 0 fine, 1 not\n"
	"  --release          give up what being primary means on this "
	"machine,\n"
	"                     for a daemon that died, and exit\n"
	"  -V, --version      print the version\n"
	"  -h, --help         print this text\n";

struct options {
	const char *file;
	bool test, release;
};

/* Returns 0 to go on, or the exit status + 1. */
static int parse(int argc, char **argv, struct options *ret_opt)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "release", no_argument, NULL, OPTION_RELEASE },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret_opt->file = optarg;
			break;
		case 't':
			ret_opt->test = true;
			break;
		case OPTION_RELEASE:
			ret_opt->release = true;
			break;
		case 'V':
			puts("basculed " PACKAGE_VERSION);
			return EXIT_SUCCESS + 1;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS + 1;
		default:
			fputs("Try 'basculed --help'.\n", stderr);
			return EXIT_USAGE + 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
			"basculed: '%s' is one argument too many: "
			"try 'basculed --help'\n",
			argv[optind]);
		return EXIT_USAGE + 1;
	}
	return 0;
}

static int load(const char *file, struct settings **ret_set)
{
	struct report report;
	int r;

	report_init(&report);
	r = settings_load(file, ret_set, &report);
	report_print(&report, stderr);
	report_done(&report);
	return r;
}

/* Whether the key file holds a key.  Whose it is the start must judge: this
 * may be run by another user than the daemon's. */
static bool holds_key(const struct settings *set)
{
	struct secret *key = NULL;
	struct err err = { 0 };
	int r;

	if (set->cluster == NULL)
		return true;
	r = key_read(set->cluster->key_file, &key, &err);
	secret_free(key);
	if (r == -EBADMSG)
		fprintf(stderr, "basculed: %s\n", err.text);
	return r != -EBADMSG;
}

static int test(const char *file, struct settings *set)
{
	bool fine = holds_key(set);

	if (fine)
		printf("%s: fine: %u services, %u targets, %u haproxies\n",
		       file, set->service_count, set->target_count,
		       set->haproxy_count);
	settings_free(set);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const char *file, struct settings *set)
{
	struct err err = { 0 };
	struct run *daemon;

	if (run_new(&daemon, file, set, &err) < 0) {
		fprintf(stderr, "basculed: %s\n", err.text);
		return EXIT_FAILURE;
	}
	run_loop(daemon);
	run_free(daemon);
	return EXIT_SUCCESS;
}

/* From before the file is read until the loop hears of it: a reload that is
 * asked for meanwhile must neither kill nor be forgotten. */
static void hold_reload(void)
{
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
}

int main(int argc, char **argv)
{
	struct options opt = { .file = FILE_DEFAULT };
	int r = parse(argc, argv, &opt);
	struct settings *set;

	if (r != 0)
		return r - 1;
	hold_reload();
	if (opt.release)
		return release_main(opt.file);
	if (load(opt.file, &set) < 0)
		return EXIT_FAILURE;
	if (opt.test)
		return test(opt.file, set);
	return run(opt.file, set);
}
