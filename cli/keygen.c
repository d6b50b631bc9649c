/* bascule keygen: a new cluster key. */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "cli/options.h"
#include "controller/io/key.h"

static int write_key(const char *path, const char *text, bool force)
{
	struct err err = { 0 };
	int r = key_write(path, text, force, &err);

	if (r == 0)
		return EXIT_FINE;
	if (r == -EEXIST && !force)
		return complain("%s; --force replaces it, and then every node "
				"needs the new one",
				err.text);
	return complain("%s", err.text);
}

static int print_key(const char *text)
{
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
		return complain("standard output: cannot be written");
	return EXIT_FINE;
}

int keygen_run(const struct command *cmd, int argc, char **argv)
{
	char text[KEY_TEXT_MAX];
	struct err err = { 0 };
	bool force = false;
	int words, code;
	const struct option_row rows[] = {
		{ "force", 'f', OPTION_FLAG, &force },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (argc - words > 1)
		return usage_wrong(cmd, "one FILE at a time");
	if (key_generate(text, &err) < 0)
		return complain("%s", err.text);
	code = words < argc ? write_key(argv[words], text, force)
			    : print_key(text);
	sodium_memzero(text, sizeof(text));
	return code;
}
