/* The options and words of a subcommand.
 *
 * Options may stand anywhere among the words; "--" ends them.  Every
 * subcommand takes --help; a row of the table says what else.
 */
#ifndef BASCULE_CLI_OPTIONS_H
#define BASCULE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

#define OPTIONS_MAX 32

enum option_type {
	OPTION_FLAG, /* bool */
	OPTION_TEXT, /* const char *, borrowed from argv */
	OPTION_LIST  /* struct option_list, may be given again */
};

struct option_list {
	const char **texts; /* owned by whoever parsed; never NULL-ended */
	size_t count;
};

struct option_row {
	const char *name; /* without the dashes; NULL ends the table */
	char letter;      /* 0: none */
	enum option_type type;
	void *value; /* as the type says */
};

#define OPTIONS_GO_ON (-1)

/* Read @argv.  Returns OPTIONS_GO_ON, or the exit code when the command is
 * over: help was wanted (and printed), or the usage was wrong (and said so).
 *
 * @ret_words: the index in @argv of the first word; argv is put in order.
 */
int options_parse(const struct command *cmd, int argc, char **argv,
		  const struct option_row *rows, int *ret_words);

/* The same of a command that takes no words: one is wrong usage. */
int options_parse_alone(const struct command *cmd, int argc, char **argv,
			const struct option_row *rows);

/* Say on stderr what is wrong with the usage, and return EXIT_USAGE. */
int usage_wrong(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Print "bascule: SENTENCE" on stderr, and return EXIT_FAILED. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void usage_print(const struct command *cmd);

#endif
