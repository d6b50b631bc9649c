/* bascule switchover: a planned hand-over of the primary node. */

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "report/span.h"

static void print_answer(const json_t *answer)
{
	const char *from = field_text(answer, "from");
	const char *to = field_text(answer, "to");
	char span[SPAN_TEXT_MAX];

	if (from[0] == '\0' || to[0] == '\0') {
		print_clean(stdout, field_text(answer, "text"));
		putchar('\n');
		return;
	}
	print_clean(stdout, from);
	fputs(" was primary, ", stdout);
	print_clean(stdout, to);
	printf(" is now: it took %s\n",
	       span_text(field_span_us(answer, "seconds"), span));
}

static int post(const char *socket, const char *to, json_t **ret_answer,
		struct err *err)
{
	json_t *body = json_object();
	struct client *client = NULL;
	int r;

	if (to != NULL)
		json_object_set_new(body, "to", json_string(to));
	r = client_new(socket, &client, err);
	if (r == 0)
		r = client_post(client, "/api/v1/switchover", body, ret_answer,
				err);
	client_free(client);
	json_decref(body);
	return r;
}

int switchover_run(const struct command *cmd, int argc, char **argv)
{
	const char *socket = NULL, *to = NULL;
	struct err err = { 0 };
	json_t *answer = NULL;
	bool json = false;
	int words, code;
	const struct option_row rows[] = {
		{ "to", 0, OPTION_TEXT, &to },
		{ "json", 0, OPTION_FLAG, &json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (words + 1 < argc)
		return usage_wrong(cmd, "%s is too much", argv[words + 1]);
	if (words < argc)
		return complain("%s: database groups are not built yet; "
				"without a name the primary node hands over",
				argv[words]);
	if (post(socket, to, &answer, &err) < 0)
		return complain("%s", err.text);
	if (json)
		json_print(answer, stdout);
	else
		print_answer(answer);
	json_decref(answer);
	return EXIT_FINE;
}
