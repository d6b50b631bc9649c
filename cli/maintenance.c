/* bascule maintenance: observe and report, but act on nothing. */

#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/nodes.h"
#include "cli/options.h"
#include "cli/terminal.h"

struct maintenance_call {
	const char *socket, *span, *reason, *name;
	bool on, drain, cluster, force, json;
};

static bool has_service(const json_t *status, const char *name)
{
	const json_t *svc;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i,
			   svc) if (strcmp(field_text(svc, "name"), name) ==
				    0) return true;
	return false;
}

/* A name is looked for among the node, the services, the targets. */
static void set_subject(json_t *body, const char *name, const json_t *status)
{
	if (name == NULL || strcmp(name, field_text(status, "node")) == 0)
		json_object_set_new(body, "node", json_true());
	else if (has_service(status, name))
		json_object_set_new(body, "service", json_string(name));
	else
		json_object_set_new(body, "target", json_string(name));
}

static bool is_cluster(const json_t *status)
{
	const json_t *nodes =
		json_object_get(json_object_get(status, "cluster"), "nodes");

	return json_array_size(nodes) > 1;
}

/* What this node's daemon cannot do; 0, or -EBUSY and why. */
static int check_scope(const struct maintenance_call *call,
		       const json_t *status, struct err *err)
{
	const json_t *node = NULL;

	if (call->name != NULL && !has_service(status, call->name))
		node = nodes_find(status, call->name);
	if (node != NULL && !field_bool(node, "self"))
		return err_set(err, -EBUSY,
			       "%s is another node, and maintenance is each "
			       "node's own: run \"bascule maintenance %s\" "
			       "there",
			       call->name, call->on ? "on" : "off");
	return 0;
}

static json_t *make_body(const struct maintenance_call *call,
			 const json_t *status)
{
	json_t *body = json_pack("{sb}", "on", call->on);

	if (call->cluster && is_cluster(status))
		json_object_set_new(body, "cluster", json_true());
	else
		set_subject(body, call->name, status);
	if (call->force)
		json_object_set_new(body, "force", json_true());
	if (call->span != NULL)
		json_object_set_new(body, "for", json_string(call->span));
	if (call->reason != NULL)
		json_object_set_new(body, "reason", json_string(call->reason));
	if (call->drain)
		json_object_set_new(body, "drain", json_true());
	return body;
}

/* What the daemon has taken, in its words or else in ours. */
static void print_taken(const struct maintenance_call *call,
			const json_t *answer)
{
	const char *text = field_text(answer, "text");

	if (text[0] != '\0') {
		print_clean(stdout, text);
		putchar('\n');
		return;
	}
	print_clean(stdout, call->name != NULL ? call->name : "the whole node");
	printf(": maintenance %s", call->on ? "begins" : "is over");
	if (call->span != NULL)
		printf(", for %s", call->span);
	putchar('\n');
}

static void print_answer(const struct maintenance_call *call,
			 const json_t *status, const json_t *answer)
{
	if (call->json) {
		json_print(answer, stdout);
		return;
	}
	if (call->cluster && !is_cluster(status))
		puts("This is a cluster of one: the whole node is meant.");
	print_taken(call, answer);
}

static int post(const struct maintenance_call *call, struct client *client,
		struct err *err)
{
	json_t *status = NULL, *answer = NULL, *body = NULL;
	int r = client_get(client, "/api/v1/status", &status, err);

	if (r == 0)
		r = check_scope(call, status, err);
	if (r == 0) {
		body = make_body(call, status);
		r = client_post(client, "/api/v1/maintenance", body, &answer,
				err);
	}
	if (r == 0)
		print_answer(call, status, answer);
	json_decref(answer);
	json_decref(body);
	json_decref(status);
	return r;
}

/* Read "on" or "off" and the name; EXIT_USAGE or OPTIONS_GO_ON. */
static int read_words(const struct command *cmd, int count, char **words,
		      struct maintenance_call *call)
{
	if (count == 0)
		return usage_wrong(cmd, "on or off?");
	call->on = strcmp(words[0], "on") == 0;
	if (!call->on && strcmp(words[0], "off") != 0)
		return usage_wrong(cmd, "%s is neither on nor off", words[0]);
	if (count > 2)
		return usage_wrong(cmd, "%s is too much", words[2]);
	call->name = count == 2 ? words[1] : NULL;
	if (call->cluster && call->name != NULL)
		return usage_wrong(cmd, "--cluster takes no name");
	if (call->cluster && (call->span != NULL || call->drain))
		return usage_wrong(cmd, "--for and --drain are not of a "
					"cluster");
	if (call->force && (call->on || !call->cluster))
		return usage_wrong(cmd, "--force goes with off --cluster");
	if (!call->on && (call->span != NULL || call->drain))
		return usage_wrong(cmd, "--for and --drain go with on");
	return OPTIONS_GO_ON;
}

int maintenance_run(const struct command *cmd, int argc, char **argv)
{
	struct maintenance_call call = { 0 };
	struct client *client = NULL;
	struct err err = { 0 };
	int words, code;
	const struct option_row rows[] = {
		{ "for", 0, OPTION_TEXT, &call.span },
		{ "reason", 0, OPTION_TEXT, &call.reason },
		{ "drain", 0, OPTION_FLAG, &call.drain },
		{ "cluster", 0, OPTION_FLAG, &call.cluster },
		{ "force", 0, OPTION_FLAG, &call.force },
		{ "json", 0, OPTION_FLAG, &call.json },
		{ "socket", 0, OPTION_TEXT, &call.socket },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	code = read_words(cmd, argc - words, argv + words, &call);
	if (code != OPTIONS_GO_ON)
		return code;
	code = EXIT_FINE;
	if (client_new(call.socket, &client, &err) < 0 ||
	    post(&call, client, &err) < 0)
		code = complain("%s", err.text);
	client_free(client);
	return code;
}
