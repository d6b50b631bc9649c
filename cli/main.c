/* bascule: the command line. */

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/words.h"

#define SOCKET_HELP                                                            \
	"  --socket PATH  the daemon's control socket; else "                  \
	"$BASCULE_SOCKET,\n"                                                   \
	"                 else /run/bascule/control.sock\n"                    \
	"  --help         this text\n"

static int help_run(const struct command *cmd, int argc, char **argv);
static int version_run(const struct command *cmd, int argc, char **argv);

const struct command commands[] = {
	{ "status", status_run,
	  "Show nodes, HAProxy, services, targets and open incidents",
	  "status [--all] [--json] [--socket PATH]",
	  "Of more than 30 targets only those in trouble are shown, and the\n"
	  "rest as a number.\n\n"
	  "  -a, --all      every target\n"
	  "  --json         the daemon's document\n" SOCKET_HELP "\n"
	  "Exit status: 0 all well, 1 degraded, 2 an outage, 3 the daemon\n"
	  "cannot be reached, 64 wrong usage.\n" },
	{ "watch", watch_run, "Show the same, live in the terminal",
	  "watch [--all] [--count N] [--socket PATH]",
	  "Drawn anew each second and on every event; q ends it.  Where there\n"
	  "is no terminal it is printed each second instead.\n\n"
	  "  -a, --all      every target\n"
	  "  -n, --count N  print it N times, then end with the exit status\n"
	  "                 of status\n" SOCKET_HELP },
	{ "events", events_run, "Show what happened and why",
	  "events [-f] [--since SPAN] [--service NAME] [--target NAME] "
	  "[--limit N]\n              [--json] [--socket PATH]",
	  "Without --since and --limit the newest 100, or with -f 10.\n\n"
	  "  -f, --follow   go on with each event as it happens; a daemon "
	  "that\n"
	  "                 restarts is waited for\n"
	  "  --since SPAN   of the last 30m, 1h, 7d ..., or since a point "
	  "such\n"
	  "                 as 2026-11-20T17:05:00Z\n"
	  "  --service NAME, --target NAME\n"
	  "                 only of these; a target is NAME or SERVICE/NAME\n"
	  "  -n, --limit N  the newest N\n"
	  "  --json         a document; with -f one event on each "
	  "line\n" SOCKET_HELP },
	{ "incidents", incidents_run, "List incidents, the newest first",
	  "incidents [--since SPAN] [--service NAME] [--limit N] [--json]\n"
	  "                 [--socket PATH]",
	  "One row an incident: its number and severity, the target that\n"
	  "opened it, the onset (the last moment known to be good), MTTD "
	  "(onset\n"
	  "to detected), ACTED (detected to the last HAProxy's answer; "
	  "\"held\"\n"
	  "where min_up kept a dead server in), MTTR (onset to whole again;\n"
	  "\"maint\" where maintenance ended it).\n\n"
	  "  --since SPAN   of the last 7d ..., or since a point in time\n"
	  "  --service NAME only of this service\n"
	  "  -n, --limit N  the newest N\n"
	  "  --json         the daemon's document\n" SOCKET_HELP },
	{ "report", report_run,
	  "Report availability, MTTD, MTTR, MTBF and the error budget",
	  "report [--since SPAN] [--format FORMAT] [--json] [--socket PATH]",
	  "For each service and as a whole, against the objectives in the\n"
	  "configuration.  Nothing is counted from before the daemon's first\n"
	  "start.\n\n"
	  "  --since SPAN   the window: 24h, 7d; 30d unless given\n"
	  "  --format FORMAT\n"
	  "                 text (the usual), markdown, html or json\n"
	  "  --json         the same as --format json\n" SOCKET_HELP },
	{ "switchover", switchover_run,
	  "Hand over, as planned: the primary node, or a database group",
	  "switchover [GROUP] [--to NAME] [--dry-run] [--json]\n"
	  "                  [--socket PATH]",
	  "Asked of the primary node.  Without GROUP another node becomes the\n"
	  "primary node; with it another instance of that group of databases\n"
	  "becomes its primary.  Says who was primary, who is, and how long "
	  "it\n"
	  "took; when it is refused, why, and nothing has changed.\n\n"
	  "  --to NAME      to this node or instance; else to the best that\n"
	  "                 can take over\n"
	  "  --dry-run      of a group: print the plan, and do nothing\n"
	  "  --json         the daemon's answer\n" SOCKET_HELP },
	{ "maintenance", maintenance_run,
	  "Begin or end maintenance: observe and report, but act on nothing",
	  "maintenance on|off [NAME] [--for SPAN] [--reason TEXT] [--drain]\n"
	  "                   [--json] [--socket PATH]\n"
	  "       maintenance on|off --cluster [--force] [--reason TEXT] "
	  "[--json]\n"
	  "                   [--socket PATH]",
	  "NAME is this node's, a service's (all of its targets) or a\n"
	  "target's (also SERVICE/TARGET), looked for in this order; without\n"
	  "one the whole node is meant.\n\n"
	  "  --for SPAN     ends by itself after 30m, 2h ...\n"
	  "  --reason TEXT  for those who wonder\n"
	  "  --drain        take it out of HAProxy, sessions first\n"
	  "  --cluster      all nodes, asked at the primary: every daemon may "
	  "be\n"
	  "                 stopped then, and routes to databases stay; no "
	  "group\n"
	  "                 moves until off, and each node is heard again\n"
	  "  --force        off: wait for no node.  One that still routes as "
	  "it\n"
	  "                 was told must not be left running anywhere\n"
	  "  --json         the daemon's answer\n" SOCKET_HELP },
	{ "reset", reset_run,
	  "Close a circuit by hand: forget what was counted, try it at once",
	  "reset NAME [--json] [--socket PATH]",
	  "NAME is a service's (all of its targets) or a target's (also\n"
	  "SERVICE/TARGET).  Failures, the penalty for flapping and the waits\n"
	  "after refused commands are forgotten; a target that is DOWN is "
	  "asked\n"
	  "at once and has a small weight until it answers.  (To open a "
	  "circuit\n"
	  "by hand: maintenance on NAME --drain.)\n\n"
	  "  --json         the daemon's answer\n" SOCKET_HELP },
	{ "check", check_run,
	  "Probe something once, in the Nagios plugin convention",
	  "check http|https ADDRESS|URL [OPTION]...\n"
	  "       bascule check tcp|tls ADDRESS [OPTION]...\n"
	  "       bascule check exec [OPTION]... -- PROGRAM [ARGUMENT]...",
	  "Prints one line with performance data.  An ADDRESS is HOST:PORT.\n"
	  "The options are the settings of a check in bascule.conf(5):\n\n"
	  "  --timeout SPAN, --slow-after SPAN, --port N\n"
	  "                 all; the timeout is 9s unless given\n"
	  "  --method, --path, --host, --status, --body, --body-regex, "
	  "--headers\n"
	  "                 http and https; --headers 'Name: value' again and "
	  "again\n"
	  "  --ca-file, --cert-file, --key-file, --server-name,\n"
	  "  --verify true|false, --expires-within SPAN\n"
	  "                 https and tls\n"
	  "  --help         this text\n\n"
	  "Exit status: 0 good, 1 a warning or slow, 2 bad, 3 unknown or "
	  "wrong\n"
	  "usage.\n" },
	{ "check-config", check_config_run,
	  "Check a configuration file and say how fast it detects",
	  "check-config [--json] FILE",
	  "Prints every error as FILE:LINE: what is wrong: what would be "
	  "right,\n"
	  "and exits 1; or the longest time from a fault of each target to "
	  "its\n"
	  "detection, computed from the settings: when it answers wrongly or\n"
	  "refuses, and when it is silent.\n\n"
	  "  --json         a document\n"
	  "  --help         this text\n" },
	{ "keygen", keygen_run, "Make a new cluster key",
	  "keygen [--force] [FILE]",
	  "Writes FILE, which only its owner can read and which must not be "
	  "there\n"
	  "yet; without FILE the key is printed.  Every node of a cluster "
	  "has the\n"
	  "same one.\n\n"
	  "  -f, --force    replace FILE\n"
	  "  --help         this text\n" },
	{ "help", help_run, "Show this list, or the help of one command",
	  "help [COMMAND]", "" },
	{ "version", version_run, "Show the version", "version", "" },
	{ 0 },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_list(FILE *out)
{
	fputs("usage: bascule COMMAND [OPTION]...\n\n", out);
	for (const struct command *cmd = commands; cmd->name != NULL; cmd++)
		fprintf(out, "  %-13s%s\n", cmd->name, cmd->line);
	fputs("\nbascule COMMAND --help says more; the manual is bascule(1).\n",
	      out);
}

static const struct command *find(const char *name)
{
	const struct command *cmd = commands;

	while (cmd->name != NULL && strcmp(cmd->name, name) != 0)
		cmd++;
	return cmd->name != NULL ? cmd : NULL;
}

static int no_command(const char *name)
{
	const char *names[WORDS_MAX + 1] = { 0 }, *near;

	_Static_assert(COMMANDS <= WORDS_MAX, "more commands than words");
	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	near = words_nearest(names, name);
	if (near != NULL)
		fprintf(stderr,
			"bascule: %s is not a command; did you mean %s?\n",
			name, near);
	else
		fprintf(stderr,
			"bascule: %s is not a command; bascule help lists "
			"them\n",
			name);
	return EXIT_USAGE;
}

static int help_run(const struct command *cmd, int argc, char **argv)
{
	const struct command *about;

	if (argc > 2)
		return usage_wrong(cmd, "%s is too much", argv[2]);
	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		print_list(stdout);
		return EXIT_FINE;
	}
	about = find(argv[1]);
	if (about == NULL)
		return no_command(argv[1]);
	usage_print(about);
	return EXIT_FINE;
}

static int version_run(const struct command *cmd, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		usage_print(cmd);
		return EXIT_FINE;
	}
	if (argc > 1)
		return usage_wrong(cmd, "%s is too much", argv[1]);
	puts("bascule " PACKAGE_VERSION);
	return EXIT_FINE;
}

/* The few options that stand in front of a command. */
static int run_option(const char *option)
{
	if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0) {
		print_list(stdout);
		return EXIT_FINE;
	}
	if (strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0) {
		puts("bascule " PACKAGE_VERSION);
		return EXIT_FINE;
	}
	fprintf(stderr, "bascule: %s: options stand after the command\n",
		option);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	int code;

	if (argc < 2) {
		print_list(stderr);
		return EXIT_USAGE;
	}
	if (argv[1][0] == '-')
		return run_option(argv[1]);
	cmd = find(argv[1]);
	if (cmd == NULL)
		return no_command(argv[1]);
	code = cmd->run(cmd, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain("standard output cannot be written");
	return code;
}
