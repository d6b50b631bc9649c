/* bascule check-config: is the file right, and how fast does it detect? */

#include <stdio.h>

#include "cli/fields.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "controller/config/load.h"
#include "controller/core/result.h"
#include "controller/core/worst.h"
#include "report/span.h"

/* A service with more targets is one row: they share their settings. */
#define ROWS_MAX 20
#define SPANS    5

static const char explanation[] =
	"\nLongest time from a fault of a target to its detection:\n\n"
	"GONE      it refuses connections; mostly at once, where one is held\n"
	"WRONG     it answers wrongly; beside the time that its answers take\n"
	"SILENT    it hangs, or its host is gone\n"
	"LISTENER  it takes no new connections, but answers over the one held\n"
	"STRAINED  as SILENT, while this node is slow or packets are lost\n";

static void add_row(struct table *t, const struct service_settings *svc,
		    const char *target, const char *address)
{
	char name[2 * SETTINGS_NAME_MAX + 32];
	struct worst worst = worst_of(&svc->check);
	const int64_t spans[SPANS] = { worst.refused_us, worst.answer_us,
				       worst.silence_us, worst.listener_us,
				       worst.strained_us };
	char text[SPANS][SPAN_TEXT_MAX];

	for (unsigned i = 0; i < SPANS; i++)
		span_text(spans[i], text[i]);
	snprintf(name, sizeof(name), "%s/%s", svc->name, target);
	table_row(t, (const char *const[]){
			     name, check_type_name(svc->check.type), text[0],
			     text[1], text[2], text[3], text[4], address });
}

static void add_service(struct table *t, const struct settings *set,
			const struct service_settings *svc)
{
	char many[32];

	snprintf(many, sizeof(many), "* (%u targets)", svc->target_count);
	if (svc->target_count > ROWS_MAX) {
		add_row(t, svc, many, "");
		return;
	}
	for (unsigned i = 0; i < svc->target_count; i++) {
		const struct target_settings *target =
			&set->targets[svc->first_target + i];

		add_row(t, svc, target->name, target->address);
	}
}

static void print_fine(const char *path, const struct settings *set)
{
	static const char *const head[] = { "TARGET",   "CHECK",  "GONE",
					    "WRONG",    "SILENT", "LISTENER",
					    "STRAINED", "ADDRESS" };
	struct table_style style = terminal_style();
	struct table *t = table_new("llrrrrrl", head);

	printf("%s: fine\n", path);
	for (unsigned i = 0; i < set->service_count; i++)
		add_service(t, set, &set->services[i]);
	if (!table_empty(t)) {
		puts(explanation);
		table_text(t, &style, stdout);
	}
	table_free(t);
}

static json_t *targets_json(const struct settings *set)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < set->target_count; i++) {
		const struct target_settings *target = &set->targets[i];
		const struct service_settings *svc =
			&set->services[target->service];
		struct worst worst = worst_of(&svc->check);

		json_array_append_new(
			list,
			json_pack("{ss ss ss ss so so so so so}", "service",
				  svc->name, "name", target->name, "address",
				  target->address, "check",
				  check_type_name(svc->check.type),
				  "refused_seconds",
				  span_json(worst.refused_us), "answer_seconds",
				  span_json(worst.answer_us), "silence_seconds",
				  span_json(worst.silence_us),
				  "listener_seconds",
				  span_json(worst.listener_us),
				  "strained_seconds",
				  span_json(worst.strained_us)));
	}
	return list;
}

static json_t *entries_json(const struct report *report, bool warning)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++)
		if (report->entries[i].warning == warning)
			json_array_append_new(
				list, json_string(report->entries[i].text));
	return list;
}

static void print_json(const char *path, struct report *report,
		       const struct settings *set)
{
	json_t *doc;

	report_sort(report);
	doc = json_pack("{ss sb so so}", "file", path, "fine", set != NULL,
			"errors", entries_json(report, false), "warnings",
			entries_json(report, true));
	if (set != NULL)
		json_object_set_new(doc, "targets", targets_json(set));
	json_print(doc, stdout);
	json_decref(doc);
}

int check_config_run(const struct command *cmd, int argc, char **argv)
{
	struct settings *set = NULL;
	struct report report;
	bool json = false;
	int words, code;
	const struct option_row rows[] = {
		{ "json", 0, OPTION_FLAG, &json },
		{ 0 },
	};

	code = options_parse(cmd, argc, argv, rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (argc - words != 1)
		return usage_wrong(cmd, words < argc ? "one FILE at a time"
						     : "which FILE?");
	report_init(&report);
	code = EXIT_FINE;
	if (settings_load(argv[words], &set, &report) < 0)
		code = EXIT_FAILED;
	if (json)
		print_json(argv[words], &report, set);
	else
		report_print(&report, stderr);
	if (!json && set != NULL)
		print_fine(argv[words], set);
	settings_free(set);
	report_done(&report);
	return code;
}
