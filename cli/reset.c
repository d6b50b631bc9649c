/* bascule reset: close the circuit of a target by hand. */

#include <string.h>

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "cli/terminal.h"

static bool is_service(const json_t *status, const char *name)
{
	const json_t *svc;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i, svc)
	{
		if (strcmp(field_text(svc, "name"), name) == 0)
			return true;
	}
	return false;
}

static int post(struct client *client, const char *name, json_t **ret_answer,
		struct err *err)
{
	json_t *status = NULL, *body = json_object();
	int r = client_get(client, "/api/v1/status", &status, err);

	if (r == 0) {
		json_object_set_new(
			body, is_service(status, name) ? "service" : "target",
			json_string(name));
		r = client_post(client, "/api/v1/reset", body, ret_answer, err);
	}
	json_decref(status);
	json_decref(body);
	return r;
}

int reset_run(const struct command *cmd, int argc, char **argv)
{
	struct client *client = NULL;
	const char *socket = NULL;
	struct err err = { 0 };
	json_t *answer = NULL;
	bool json = false;
	int words, code;
	const struct option_row rows[] = {
		{ "json", 0, OPTION_FLAG, &json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (words == argc)
		return usage_wrong(cmd, "of which target?");
	if (words + 1 < argc)
		return usage_wrong(cmd, "%s is too much", argv[words + 1]);
	if (client_new(socket, &client, &err) < 0 ||
	    post(client, argv[words], &answer, &err) < 0) {
		code = complain("%s", err.text);
	} else if (json) {
		code = EXIT_FINE;
		json_print(answer, stdout);
	} else {
		code = EXIT_FINE;
		print_clean(stdout, field_text(answer, "text"));
		putchar('\n');
	}
	json_decref(answer);
	client_free(client);
	return code;
}
