/* bascule incidents: one row an incident. */

#include <inttypes.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/client.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "controller/core/instant.h"
#include "report/span.h"

/* Onset to whole again; maintenance ends an incident, but repairs nothing. */
static const char *repair_text(const json_t *inc,
			       char buf[static SPAN_TEXT_MAX])
{
	if (field_bool(inc, "open"))
		return "open";
	if (field_bool(inc, "maintenance"))
		return "maint";
	return span_text(field_span_us(inc, "recovery_seconds"), buf);
}

static void add_row(struct table *t, const json_t *inc, int64_t now_us)
{
	bool open = field_bool(inc, "open");
	char number[24], who[160], onset[WHEN_TEXT_MAX];
	char seen[SPAN_TEXT_MAX], acted[SPAN_TEXT_MAX], whole[SPAN_TEXT_MAX];

	snprintf(number, sizeof(number), "%" PRId64,
		 field_count(inc, "number"));
	snprintf(who, sizeof(who), "%s/%s", field_text(inc, "service"),
		 field_text(inc, "target"));
	span_text(field_span_us(inc, "detection_seconds"), seen);
	span_text(field_span_us(inc, "action_seconds"), acted);
	when_text(field_wall_us(inc, "onset_min"), now_us, onset);
	table_row(t,
		  (const char *const[]){
			  number, field_text(inc, "severity"), who, onset, seen,
			  field_bool(inc, "held") ? "held" : acted,
			  repair_text(inc, whole),
			  field_text(json_object_get(inc, "cause"), "line") });
	if (open)
		table_paint(t, 6, SGR_BAD);
	table_paint(t, 1, field_bool(inc, "total") ? SGR_BAD : NULL);
}

static void print_table(const json_t *doc)
{
	static const char *const head[] = { "NO",   "SEV",   "FIRST", "ONSET",
					    "MTTD", "ACTED", "MTTR",  "CAUSE" };
	const json_t *list = json_object_get(doc, "incidents"), *inc;
	struct table_style style = terminal_style();
	struct table *t = table_new("rlllrrrl", head);
	int64_t now_us;
	size_t i;

	/* The newest is near enough to now for the choice of a date. */
	now_us = field_wall_us(json_array_get(list, 0), "onset_min");
	json_array_foreach(list, i, inc) add_row(t, inc, now_us);
	if (json_array_size(list) > 0)
		table_text(t, &style, stdout);
	else
		puts("No incidents.");
	table_free(t);
	if (field_bool(doc, "more"))
		puts("and older ones (--limit)");
}

int incidents_run(const struct command *cmd, int argc, char **argv)
{
	const char *socket = NULL, *since = NULL, *service = NULL;
	const char *limit = NULL;
	char path[1024] = "/api/v1/incidents";
	bool json = false;
	json_t *doc;
	int code;
	const struct option_row rows[] = {
		{ "since", 0, OPTION_TEXT, &since },
		{ "service", 0, OPTION_TEXT, &service },
		{ "limit", 'n', OPTION_TEXT, &limit },
		{ "json", 0, OPTION_FLAG, &json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse_alone(cmd, argc, argv, rows);
	if (code != OPTIONS_GO_ON)
		return code;
	client_query(path, sizeof(path), "since", since);
	client_query(path, sizeof(path), "service", service);
	client_query(path, sizeof(path), "limit", limit);
	doc = ask(socket, path);
	if (doc == NULL)
		return EXIT_FAILED;
	if (json)
		json_print(doc, stdout);
	else
		print_table(doc);
	if (!field_bool(doc, "complete") && json_object_get(doc, "complete"))
		complain("the store cannot be read; only what is in memory is "
			 "shown");
	json_decref(doc);
	return EXIT_FINE;
}
