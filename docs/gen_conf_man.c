/* bascule.conf(5) from its template and the table of keys.
 *
 *	gen_conf_man TEMPLATE EXAMPLE >bascule.conf.5
 *
 * In the template, which is mdoc, the line @SETTINGS@ becomes a subsection
 * for each block, @LATER@ the settings that are known but refused, and
 * @EXAMPLE@ the example configuration.
 */
#include <stdio.h>
#include <string.h>

#include "controller/config/keys.h"
#include "controller/config/value.h"

#define WIDTH 76

static const char *const kinds[KEY_TYPES] = {
	[KEY_STRING] = "string",       [KEY_NAME] = "name",
	[KEY_PATH] = "path",           [KEY_SOCKET] = "path",
	[KEY_FILE] = "file",           [KEY_DURATION] = "duration",
	[KEY_COUNT] = "number",        [KEY_PORT] = "number",
	[KEY_BOOLEAN] = "boolean",     [KEY_CHOICE] = "word",
	[KEY_PERCENT] = "percent",     [KEY_ADDRESS] = "address",
	[KEY_ADDRESSES] = "addresses", [KEY_PPM] = "percent",
	[KEY_HOOK] = "hook",           [KEY_UNIT] = "unit",
	[KEY_SIZE] = "size",           [KEY_SECRET] = "file",
	[KEY_LISTEN] = "address",      [KEY_STATUS] = "statuses",
	[KEY_STRINGS] = "( strings )", [KEY_BLOCK] = "{ settings }",
	[KEY_LIST] = "( blocks )",     [KEY_LATER] = "",
};

static void print_word(const char *word, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(word[i]);
}

/* Text that troff prints as it is, in short lines; two blanks end a sentence,
 * which ends its line.
 */
static void print_text(const char *text)
{
	size_t column = 0, blanks = 0, length;

	while (*text != '\0') {
		length = strcspn(text, " ");
		if (column > 0 && (blanks > 1 || column + length > WIDTH)) {
			putchar('\n');
			column = 0;
		} else if (column > 0) {
			putchar(' ');
		}
		/* not a request to troff */
		if (column == 0 && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		print_word(text, length);
		column += length + 1;
		text += length;
		blanks = strspn(text, " ");
		text += blanks;
	}
	putchar('\n');
}

static void print_range(const struct key *key)
{
	char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];

	if (key->type == KEY_DURATION)
		printf("From %s to %s.\n", value_duration_text(key->min, least),
		       value_duration_text(key->max, most));
	else if (key->type == KEY_SIZE)
		printf("Up to %s.\n",
		       value_size_text((uint64_t)key->max, most));
	else if (key->type == KEY_COUNT)
		printf("From %lld to %lld%s%s.\n", (long long)key->min,
		       (long long)key->max, *key->unit ? " " : "", key->unit);
	else if (key->type == KEY_PPM)
		printf("From %g to %g.\n", (double)key->min / 1e4,
		       (double)key->max / 1e4);
	else if (key->type == KEY_ADDRESSES)
		printf("From %lld to %lld of them.\n", (long long)key->min,
		       (long long)key->max);
	else if (key->type == KEY_PORT || key->type == KEY_STRINGS)
		printf("From %lld to %lld.\n", (long long)key->min,
		       (long long)key->max);
}

static void print_types(const struct key *key)
{
	const struct key *type = key_find(&keys_check, "type");
	const struct choice *choice;
	const char *comma = "Only with type";

	if (key->types == 0)
		return;
	for (choice = type->choices; choice->word != NULL; choice++) {
		if (choice->later != NULL ||
		    !(key->types & (1 << choice->value)))
			continue;
		printf("%s %s", comma, choice->word);
		comma = ",";
	}
	puts(".");
}

static void print_default(const struct key *key)
{
	if (key->dflt_help != NULL)
		printf("Default: %s.\n", key->dflt_help);
	else if (key->dflt != NULL)
		printf("Default: %s.\n", key->dflt);
	else if (key->required)
		puts("It must be given.");
	else if (key->type != KEY_BLOCK && key->type != KEY_LIST)
		puts("Default: none.");
}

/* Words that need no explanation, in one line. */
static void print_words(const struct choice *choice)
{
	const char *comma = "One of";

	for (; choice->word != NULL; choice++) {
		printf("%s \"%s\"", comma, choice->word);
		comma = ",";
	}
	puts(".");
}

static void print_choices(const struct key *key)
{
	const struct choice *choice = key->choices;

	if (choice == NULL)
		return;
	if (choice->help == NULL) {
		print_words(choice);
		return;
	}
	puts(".Bl -tag -width Ds -compact");
	for (; choice->word != NULL; choice++) {
		if (choice->later != NULL)
			continue;
		printf(".It Qq %s\n", choice->word);
		print_text(choice->help);
	}
	puts(".El");
}

static void print_block(const struct block *block)
{
	const struct key *key;

	printf(".Ss %s\n",
	       block->name[0] ? block->name : "The top of the file");
	print_text(block->help);
	puts(".Bl -tag -width Ds");
	for (key = block->keys; key->name != NULL; key++) {
		if (key->type == KEY_LATER)
			continue;
		printf(".It Ic %s No = Ar %s\n", key->name, kinds[key->type]);
		print_text(key->help);
		print_range(key);
		print_default(key);
		print_types(key);
		print_choices(key);
	}
	puts(".El");
}

static void print_later(const struct block *block)
{
	const char *dot = block->name[0] ? "." : "";
	const struct choice *choice;
	const struct key *key;

	for (key = block->keys; key->name != NULL; key++) {
		if (key->type == KEY_LATER) {
			printf(".It Ic %s%s%s\n", block->name, dot, key->name);
			if (key->only != NULL)
				printf("Accepted as %s only:\n", key->only);
			print_text(key->help);
		}
		if (key->choices == NULL)
			continue;
		for (choice = key->choices; choice->word != NULL; choice++) {
			if (choice->later == NULL)
				continue;
			printf(".It Ic %s%s%s No = Qq %s\n", block->name, dot,
			       key->name, choice->word);
			print_text(choice->later);
		}
	}
}

static int print_example(const char *path)
{
	char line[1024];
	FILE *in = fopen(path, "r");

	if (in == NULL)
		return -1;
	puts(".Bd -literal");
	while (fgets(line, sizeof(line), in) != NULL)
		print_word(line, strlen(line));
	puts(".Ed");
	fclose(in);
	return 0;
}

/* What @line of the template stands for; -1: a file cannot be read. */
static int print_line(const char *line, const char *example)
{
	const struct block *const *block;

	if (strcmp(line, "@EXAMPLE@\n") == 0)
		return print_example(example);
	if (strcmp(line, "@SETTINGS@\n") == 0)
		for (block = key_blocks; *block != NULL; block++)
			print_block(*block);
	else if (strcmp(line, "@LATER@\n") == 0)
		for (block = key_blocks; *block != NULL; block++)
			print_later(*block);
	else
		fputs(line, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *in;
	int r = 0;

	in = argc == 3 ? fopen(argv[1], "r") : NULL;
	if (in == NULL) {
		fputs("usage: gen_conf_man TEMPLATE EXAMPLE\n", stderr);
		return 1;
	}
	while (r == 0 && fgets(line, sizeof(line), in) != NULL)
		r = print_line(line, argv[2]);
	fclose(in);
	if (r < 0)
		perror(argv[2]);
	return r < 0 || fflush(stdout) != 0;
}
