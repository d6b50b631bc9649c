/* bascule report: the availability report, from the daemon's record. */

#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "controller/config/value.h"
#include "controller/core/incident.h"
#include "controller/core/instant.h"
#include "report/render.h"

/* The most that one answer gives; a year of incidents is a few thousand. */
#define INCIDENTS_PATH "/api/v1/incidents?limit=10000"

/* The two documents, and what is computed from them. */
struct record {
	json_t *status, *incidents;            /* owned */
	struct availability_service *services; /* owned */
	struct availability_incident *list;    /* owned */
	struct availability_input in;
};

static void record_done(struct record *rec)
{
	json_decref(rec->status);
	json_decref(rec->incidents);
	free(rec->services);
	free(rec->list);
}

/* An objective that is not set reads as 0. */
static int64_t objective_us(const json_t *objective, const char *name)
{
	int64_t span_us = field_span_us(objective, name);

	return span_us != SPAN_NONE ? span_us : 0;
}

static void take_services(struct record *rec)
{
	const json_t *list = json_object_get(rec->status, "services"), *svc;
	size_t i;

	json_array_foreach(list, i, svc)
	{
		const json_t *obj = json_object_get(svc, "objective");

		rec->services[i] = (struct availability_service){
			.name = field_text(svc, "name"),
			.availability = field_number(obj, "availability", 0),
			.mttd_us = objective_us(obj, "mttd_seconds"),
			.mttr_us = objective_us(obj, "mttr_seconds"),
		};
	}
	rec->in.services = rec->services;
	rec->in.service_count = json_array_size(list);
}

/* A service that has left the configuration keeps its record; the nodes, which
 * are none, have theirs. */
static unsigned service_index(struct record *rec, const char *name)
{
	unsigned i;

	for (i = 0; i < rec->in.service_count; i++)
		if (strcmp(rec->services[i].name, name) == 0)
			return i;
	rec->services[i].name = name;
	rec->services[i].apart = strcmp(name, INCIDENT_NODE_NAME) == 0;
	rec->in.service_count++;
	return i;
}

static enum severity severity_of(const char *text)
{
	if (text[0] == 'P' && text[1] >= '1' && text[1] <= '4')
		return (enum severity)(text[1] - '0');
	return SEVERITY_P4;
}

static void take_incident(struct record *rec, const json_t *inc,
			  struct availability_incident *ret_inc)
{
	int64_t outage_us = field_span_us(inc, "outage_seconds");

	*ret_inc = (struct availability_incident){
		.number = (unsigned)field_count(inc, "number"),
		.service = service_index(rec, field_text(inc, "service")),
		.target = field_text(inc, "target"),
		.cause = field_text(json_object_get(inc, "cause"), "line"),
		.severity = severity_of(field_text(inc, "severity")),
		.onset_us = field_wall_us(inc, "onset_min"),
		.detected_us = field_wall_us(inc, "detected"),
		.recovered_us = field_wall_us(inc, "recovered"),
		.detection_us = field_span_us(inc, "detection_seconds"),
		.action_us = field_span_us(inc, "action_seconds"),
		.recovery_us = field_span_us(inc, "recovery_seconds"),
		.outage_us = outage_us != SPAN_NONE ? outage_us : 0,
		.held = field_bool(inc, "held"),
		.maintenance = field_bool(inc, "maintenance"),
	};
}

static bool take_record(struct record *rec, int64_t window_us)
{
	const json_t *list = json_object_get(rec->incidents, "incidents"), *inc;
	const json_t *services = json_object_get(rec->status, "services");
	size_t count = json_array_size(list), i;

	rec->services = calloc(json_array_size(services) + count + 1,
			       sizeof(*rec->services));
	rec->list = calloc(count + 1, sizeof(*rec->list));
	if (rec->services == NULL || rec->list == NULL)
		return false;
	take_services(rec);
	json_array_foreach(list, i, inc) take_incident(rec, inc, &rec->list[i]);
	rec->in.incidents = rec->list;
	rec->in.incident_count = count;
	rec->in.node = field_text(rec->status, "node");
	rec->in.now_us = field_wall_us(rec->status, "time");
	rec->in.record_us = field_wall_us(rec->incidents, "from");
	rec->in.window_us = window_us;
	rec->in.complete = field_bool(rec->incidents, "complete") &&
			   !field_bool(rec->incidents, "more");
	return true;
}

static bool print_json(const struct availability *av)
{
	json_t *json = availability_json(av);

	if (json == NULL)
		return false;
	json_print(json, stdout);
	json_decref(json);
	return true;
}

/* @paper: NULL means JSON. */
static int print(const struct record *rec, const struct paper *paper)
{
	struct availability *av = NULL;
	struct err err = { 0 };
	bool fine;

	if (availability_new(&rec->in, &av, &err) < 0)
		return complain("%s", err.text);
	if (paper == NULL)
		fine = print_json(av);
	else
		fine = availability_render(av, paper, stdout) == 0;
	availability_free(av);
	return fine ? EXIT_FINE : complain("out of memory");
}

static const struct {
	const char *name;
	const struct paper *paper;
} formats[] = {
	{ "text", &paper_text },
	{ "markdown", &paper_markdown },
	{ "html", &paper_html },
	{ "json", NULL },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static size_t find_format(const char *name)
{
	size_t i = 0;

	while (i < FORMATS && strcmp(formats[i].name, name) != 0)
		i++;
	return i;
}

static int make(const char *socket, int64_t window_us,
		const struct paper *paper)
{
	struct record rec = { 0 };
	int code = EXIT_FAILED;

	rec.status = ask(socket, "/api/v1/status");
	if (rec.status != NULL)
		rec.incidents = ask(socket, INCIDENTS_PATH);
	if (rec.incidents != NULL)
		code = take_record(&rec, window_us) ? print(&rec, paper)
						    : complain("out of memory");
	record_done(&rec);
	return code;
}

int report_run(const struct command *cmd, int argc, char **argv)
{
	const char *socket = NULL, *since = "30d", *format = "text";
	struct err err = { 0 };
	int64_t window_us;
	bool json = false;
	int code;
	const struct option_row rows[] = {
		{ "since", 0, OPTION_TEXT, &since },
		{ "format", 0, OPTION_TEXT, &format },
		{ "json", 0, OPTION_FLAG, &json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse_alone(cmd, argc, argv, rows);
	if (code != OPTIONS_GO_ON)
		return code;
	if (value_duration(since, &window_us, &err) < 0 || window_us <= 0)
		return usage_wrong(cmd,
				   "--since wants a span such as 30d, "
				   "not %s",
				   since);
	if (find_format(format) == FORMATS)
		return usage_wrong(cmd,
				   "--format is text, markdown, html or "
				   "json, not %s",
				   format);
	return make(socket, window_us,
		    json ? NULL : formats[find_format(format)].paper);
}
