/* bascule events: what happened and why. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "controller/core/instant.h"

#define PATH_MAX_ 1024
#define ALL       "10000" /* the most that one answer gives */

struct events {
	const char *socket, *since, *service, *target, *limit;
	bool follow, json, colour;
	struct client *client;
	int64_t last; /* the newest event seen */
	bool lost;    /* the daemon has gone; said once */
};

static bool wanted(const struct events *ev, const json_t *event)
{
	const char *service = field_text(event, "service");
	const char *target = field_text(event, "target");
	char full[160];

	if (ev->service != NULL && strcmp(ev->service, service) != 0)
		return false;
	if (ev->target == NULL || strcmp(ev->target, target) == 0)
		return true;
	snprintf(full, sizeof(full), "%s/%s", service, target);
	return strcmp(ev->target, full) == 0;
}

static const char *level_sgr(const char *level)
{
	if (strcmp(level, "err") == 0)
		return SGR_BAD;
	if (strcmp(level, "warning") == 0)
		return SGR_POOR;
	return strcmp(level, "notice") == 0 ? NULL : SGR_QUIET;
}

/* Thousandths matter here, and the date does when it is another. */
static void print_time(int64_t wall_us)
{
	char when[WHEN_TEXT_MAX];

	printf("%s ", when_full(wall_us, when));
}

static void print_event(const struct events *ev, const json_t *event)
{
	const char *level = field_text(event, "level");
	const char *sgr = ev->colour ? level_sgr(level) : NULL;

	if (ev->json) {
		json_dumpf(event, stdout,
			   JSON_COMPACT | JSON_PRESERVE_ORDER |
				   JSON_REAL_PRECISION(15));
		putchar('\n');
		return;
	}
	print_time(field_wall_us(event, "time"));
	if (sgr != NULL)
		printf("\033[%sm", sgr);
	if (strcmp(level, "err") == 0)
		fputs("error: ", stdout);
	else if (strcmp(level, "warning") == 0)
		fputs("warning: ", stdout);
	print_clean(stdout, field_text(event, "text"));
	puts(sgr != NULL ? "\033[0m" : "");
}

/* Leave the newest @limit of those that are wanted in @doc. */
static void thin_out(const struct events *ev, json_t *doc)
{
	json_t *list = json_object_get(doc, "events");
	size_t limit = strtoul(ev->limit, NULL, 10), i = 0;

	while (i < json_array_size(list)) {
		if (wanted(ev, json_array_get(list, i)))
			i++;
		else
			json_array_remove(list, i);
	}
	while (json_array_size(list) > limit)
		json_array_remove(list, 0);
}

static void print_stored(const struct events *ev, const json_t *doc)
{
	const json_t *event;
	size_t i;

	if (ev->json && !ev->follow) {
		json_print(doc, stdout);
		return;
	}
	json_array_foreach(json_object_get(doc, "events"), i, event)
		print_event(ev, event);
	fflush(stdout);
}

/* What the store has; sets where to follow on. */
static int show_stored(struct events *ev)
{
	bool filtered = ev->service != NULL || ev->target != NULL;
	char path[PATH_MAX_] = "/api/v1/events";
	struct err err = { 0 };
	json_t *doc;

	client_query(path, sizeof(path), "since", ev->since);
	client_query(path, sizeof(path), "limit", filtered ? ALL : ev->limit);
	if (client_get(ev->client, path, &doc, &err) < 0)
		return complain("%s", err.text);
	ev->last = field_count(doc, "last");
	thin_out(ev, doc);
	print_stored(ev, doc);
	if (!field_bool(doc, "complete") && json_object_get(doc, "complete"))
		complain("the store cannot be read; only what is in memory is "
			 "shown");
	if (field_bool(doc, "more") && ev->since != NULL && !ev->follow)
		complain("older ones are left out; --limit, or a shorter "
			 "--since");
	json_decref(doc);
	return EXIT_FINE;
}

static bool on_event(const json_t *event, void *arg)
{
	struct events *ev = arg;
	int64_t id = field_count(event, "id");

	ev->lost = false;
	if (id > ev->last)
		ev->last = id;
	if (wanted(ev, event)) {
		print_event(ev, event);
		fflush(stdout);
	}
	return !ferror(stdout);
}

/* Follow until somebody ends us; a daemon that restarts is waited for. */
static int follow(struct events *ev)
{
	struct client_stream stream = { .event = on_event,
					.arg = ev,
					.wake_fd = -1 };
	struct err err = { 0 };
	char path[PATH_MAX_];
	int r;

	for (;;) {
		snprintf(path, sizeof(path),
			 "/api/v1/events?follow=1&after=%" PRId64, ev->last);
		r = client_follow(ev->client, path, &stream, &err);
		if (r == 0)
			return EXIT_FINE;
		if (!client_unreachable(ev->client))
			return complain("%s", err.text);
		if (!ev->lost)
			complain("%s; waiting for it", err.text);
		ev->lost = true;
		sleep(1);
	}
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' &&
	       strlen(text) < 9;
}

int events_run(const struct command *cmd, int argc, char **argv)
{
	struct events ev = { .colour = terminal_colour() };
	struct err err = { 0 };
	int code;
	const struct option_row rows[] = {
		{ "follow", 'f', OPTION_FLAG, &ev.follow },
		{ "since", 0, OPTION_TEXT, &ev.since },
		{ "service", 0, OPTION_TEXT, &ev.service },
		{ "target", 0, OPTION_TEXT, &ev.target },
		{ "limit", 'n', OPTION_TEXT, &ev.limit },
		{ "json", 0, OPTION_FLAG, &ev.json },
		{ "socket", 0, OPTION_TEXT, &ev.socket },
		{ 0 },
	};

	code = options_parse_alone(cmd, argc, argv, rows);
	if (code != OPTIONS_GO_ON)
		return code;
	if (ev.limit != NULL && !is_number(ev.limit))
		return usage_wrong(cmd, "--limit wants a number, not %s",
				   ev.limit);
	if (ev.limit == NULL)
		ev.limit = ev.since != NULL ? ALL : ev.follow ? "10" : "100";
	if (client_new(ev.socket, &ev.client, &err) < 0)
		return complain("%s", err.text);
	code = show_stored(&ev);
	if (code == EXIT_FINE && ev.follow)
		code = follow(&ev);
	client_free(ev.client);
	return code;
}
