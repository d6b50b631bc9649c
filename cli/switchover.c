/* bascule switchover: a planned hand-over of the primary node, or of a group
 * of databases. */

#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/groups.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "report/span.h"

struct wish {
	const char *group, *to; /* NULL: the primary node; the best one */
	bool dry_run, json;
};

static void print_answer(const json_t *answer)
{
	const char *from = field_text(answer, "from");
	const char *to = field_text(answer, "to");
	const char *group = field_text(answer, "group");
	char span[SPAN_TEXT_MAX];

	if (from[0] == '\0' || to[0] == '\0' ||
	    (group[0] != '\0' && strcmp(from, to) == 0)) {
		print_clean(stdout, field_text(answer, "text"));
		putchar('\n');
		return;
	}
	print_clean(stdout, from);
	fputs(" was primary", stdout);
	if (group[0] != '\0') {
		fputs(" of ", stdout);
		print_clean(stdout, group);
	}
	fputs(", ", stdout);
	print_clean(stdout, to);
	printf(" is now: it took %s\n",
	       span_text(field_span_us(answer, "seconds"), span));
}

static int get_plan(struct client *client, const struct wish *wish,
		    json_t **ret_plan, struct err *err)
{
	char path[400] = "/api/v1/plan";

	if (client_query(path, sizeof(path), "group", wish->group) < 0 ||
	    client_query(path, sizeof(path), "to", wish->to) < 0)
		return err_set(err, -ENAMETOOLONG, "the names are too long");
	return client_get(client, path, ret_plan, err);
}

/* As long as the steps of the plan may take. */
static int wait_for_plan(struct client *client, const struct wish *wish,
			 struct err *err)
{
	double seconds = 2 * CLIENT_TIMEOUT;
	const json_t *step;
	json_t *plan;
	size_t i;
	int r;

	r = get_plan(client, wish, &plan, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(plan, "steps"), i, step) seconds +=
		field_number(step, "deadline_seconds", 0);
	json_decref(plan);
	client_wait(client, (long)seconds);
	return 0;
}

static int post(struct client *client, const struct wish *wish,
		json_t **ret_answer, struct err *err)
{
	json_t *body = json_object();
	int r = 0;

	if (wish->group != NULL) {
		json_object_set_new(body, "group", json_string(wish->group));
		r = wait_for_plan(client, wish, err);
	}
	if (wish->to != NULL)
		json_object_set_new(body, "to", json_string(wish->to));
	if (r == 0)
		r = client_post(client, "/api/v1/switchover", body, ret_answer,
				err);
	json_decref(body);
	return r;
}

static int carry_out(const char *socket, const struct wish *wish)
{
	const struct table_style style = terminal_style();
	struct client *client = NULL;
	struct err err = { 0 };
	json_t *answer = NULL;
	int r;

	r = client_new(socket, &client, &err);
	if (r == 0)
		r = wish->dry_run ? get_plan(client, wish, &answer, &err)
				  : post(client, wish, &answer, &err);
	client_free(client);
	if (r < 0)
		return complain("%s", err.text);
	if (wish->json)
		json_print(answer, stdout);
	else if (wish->dry_run)
		groups_print_plan(answer, &style, stdout);
	else
		print_answer(answer);
	json_decref(answer);
	return EXIT_FINE;
}

int switchover_run(const struct command *cmd, int argc, char **argv)
{
	const char *socket = NULL;
	struct wish wish = { .group = NULL };
	int words, code;
	const struct option_row rows[] = {
		{ "to", 0, OPTION_TEXT, &wish.to },
		{ "dry-run", 0, OPTION_FLAG, &wish.dry_run },
		{ "json", 0, OPTION_FLAG, &wish.json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (words + 1 < argc)
		return usage_wrong(cmd, "%s is too much", argv[words + 1]);
	if (words < argc)
		wish.group = argv[words];
	if (wish.dry_run && wish.group == NULL)
		return usage_wrong(cmd, "--dry-run wants the name of a group");
	return carry_out(socket, &wish);
}
