#include "drill/options.h"

#include <stdio.h>

int options_usage(const struct options_program *program, const char *why)
{
	if (why != NULL)
		fprintf(stderr, "%s: %s\n", program->name, why);
	fprintf(stderr, "%s: see %s --help\n", program->name, program->name);
	return OPTIONS_EXIT_USAGE;
}

int options_read(const struct options_program *program, int argc, char **argv,
		 void *arg)
{
	struct err err = { 0 };
	int id, index = 0;

	while ((id = getopt_long(argc, argv, "hV", program->list, &index)) !=
	       -1) {
		if (id == '?')
			return options_usage(program, NULL);
		if (id == 'h') {
			fputs(program->help, stdout);
			return 0;
		}
		if (id == 'V') {
			printf("%s (bascule) %s\n", program->name,
			       PACKAGE_VERSION);
			return 0;
		}
		if (program->set(id, arg, &err) < 0) {
			err_wrap(&err, "--%s", program->list[index].name);
			return options_usage(program, err.text);
		}
	}
	if (optind < argc)
		return options_usage(program, "there are no arguments besides "
					      "the options");
	return -1;
}
