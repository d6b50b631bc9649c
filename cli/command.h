/* The subcommands of bascule: what main.c's table holds. */
#ifndef BASCULE_CLI_COMMAND_H
#define BASCULE_CLI_COMMAND_H

/* Exit codes; `status` and `check` have further ones of their own. */
#define EXIT_FINE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  64

struct command {
	const char *name;
	/* Do it: argv[0] is the name.  Returns the exit code. */
	int (*run)(const struct command *cmd, int argc, char **argv);
	const char *line;  /* what it does, for the list */
	const char *usage; /* the words after "bascule " */
	const char *help;  /* more, several lines, each ended */
};

/* The table, ended by a row without a name. */
extern const struct command commands[];

int status_run(const struct command *cmd, int argc, char **argv);
int watch_run(const struct command *cmd, int argc, char **argv);
int events_run(const struct command *cmd, int argc, char **argv);
int incidents_run(const struct command *cmd, int argc, char **argv);
int report_run(const struct command *cmd, int argc, char **argv);
int switchover_run(const struct command *cmd, int argc, char **argv);
int maintenance_run(const struct command *cmd, int argc, char **argv);
int reset_run(const struct command *cmd, int argc, char **argv);
int check_run(const struct command *cmd, int argc, char **argv);
int check_config_run(const struct command *cmd, int argc, char **argv);
int keygen_run(const struct command *cmd, int argc, char **argv);

#endif
