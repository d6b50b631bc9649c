/* The command line of a program with long options alone.
 *
 * --help and --version are answered here; what an option means is said by the
 * program.
 */
#ifndef BASCULE_DRILL_OPTIONS_H
#define BASCULE_DRILL_OPTIONS_H

#include "controller/core/err.h"

#include <getopt.h>

#define OPTIONS_EXIT_USAGE 64

struct options_program {
	const char *name;
	const char *help;
	/* With "help" as 'h' and "version" as 'V'. */
	const struct option *list;
	/* Take option @id; its word is optarg.  0, or -errno and a sentence. */
	int (*set)(int id, void *arg, struct err *err);
};

/* Say @why (NULL: it was said) and where the help is; the exit status. */
int options_usage(const struct options_program *program, const char *why);

/* Returns -1 to go on, or the exit status. */
int options_read(const struct options_program *program, int argc, char **argv,
		 void *arg);

#endif
