#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

/* Values of getopt_long() for options without a letter. */
#define ROW_BASE  1000
#define HELP_CODE 'h'

/* The table as getopt_long() wants it. */
struct getopt_tables {
	struct option rows[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
};

static void fill_tables(const struct option_row *rows,
			struct getopt_tables *tables)
{
	char *letter = tables->letters;
	int n = 0;

	memset(tables, 0, sizeof(*tables));
	*letter++ = ':'; /* tell a missing value from an unknown option */
	*letter++ = HELP_CODE;
	for (; n < OPTIONS_MAX && rows[n].name != NULL; n++) {
		bool valued = rows[n].type != OPTION_FLAG;

		tables->rows[n].name = rows[n].name;
		tables->rows[n].has_arg = valued;
		tables->rows[n].val = ROW_BASE + n;
		if (rows[n].letter == 0)
			continue;
		*letter++ = rows[n].letter;
		if (valued)
			*letter++ = ':';
	}
	tables->rows[n].name = "help";
	tables->rows[n].val = HELP_CODE;
}

static const struct option_row *find_row(const struct option_row *rows,
					 int code)
{
	if (code >= ROW_BASE)
		return &rows[code - ROW_BASE];
	while (rows->name != NULL && rows->letter != code)
		rows++;
	return rows;
}

static bool take(const struct option_row *row, const char *value)
{
	struct option_list *list = row->value;
	const char **texts;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)row->value = true;
		return true;
	case OPTION_TEXT:
		*(const char **)row->value = value;
		return true;
	case OPTION_LIST:
		break;
	}
	texts = reallocarray(list->texts, list->count + 1, sizeof(*texts));
	if (texts == NULL)
		return false;
	list->texts = texts;
	texts[list->count++] = value;
	return true;
}

/* The name of an unknown option as it was written, without its value. */
static int unknown_option(const struct command *cmd, char **argv,
			  const struct option_row *rows)
{
	const char *names[OPTIONS_MAX + 2] = { "help" };
	const char *word = argv[optind - 1], *near;
	size_t length = strcspn(word, "=");
	char name[64];

	for (int i = 0; i < OPTIONS_MAX && rows[i].name != NULL; i++)
		names[i + 1] = rows[i].name;
	if (optopt != 0 && optopt < ROW_BASE && word[1] != '-')
		return usage_wrong(cmd, "no option -%c", optopt);
	if (optopt != 0)
		return usage_wrong(cmd, "%.*s takes no value", (int)length,
				   word);
	snprintf(name, sizeof(name), "%.*s", (int)length - 2, word + 2);
	near = words_nearest(names, name);
	if (near != NULL)
		return usage_wrong(cmd, "no option --%s; did you mean --%s?",
				   name, near);
	return usage_wrong(cmd, "no option --%s", name);
}

int options_parse(const struct command *cmd, int argc, char **argv,
		  const struct option_row *rows, int *ret_words)
{
	struct getopt_tables tables;
	int code;

	fill_tables(rows, &tables);
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, tables.letters, tables.rows,
				   NULL)) != -1) {
		if (code == HELP_CODE) {
			usage_print(cmd);
			return EXIT_FINE;
		}
		if (code == ':')
			return usage_wrong(cmd, "%s wants a value",
					   argv[optind - 1]);
		if (code == '?')
			return unknown_option(cmd, argv, rows);
		if (!take(find_row(rows, code), optarg))
			return complain("out of memory");
	}
	*ret_words = optind;
	return OPTIONS_GO_ON;
}

int options_parse_alone(const struct command *cmd, int argc, char **argv,
			const struct option_row *rows)
{
	int words = argc;
	int code = options_parse(cmd, argc, argv, rows, &words);

	if (code == OPTIONS_GO_ON && words < argc)
		return usage_wrong(cmd, "%s is too much", argv[words]);
	return code;
}

int usage_wrong(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bascule %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: bascule %s\n", cmd->usage);
	return EXIT_USAGE;
}

int complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bascule: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

void usage_print(const struct command *cmd)
{
	printf("bascule %s\n\n%s.\n\n%s", cmd->usage, cmd->line, cmd->help);
}
