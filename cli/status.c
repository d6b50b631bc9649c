#include "cli/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "cli/groups.h"
#include "cli/nodes.h"
#include "cli/options.h"
#include "cli/targets.h"
#include "cli/terminal.h"
#include "report/span.h"

int status_code(const json_t *status)
{
	const char *summary = field_text(status, "summary");

	if (strcmp(summary, "outage") == 0)
		return STATUS_OUTAGE;
	return strcmp(summary, "degraded") == 0 ? STATUS_DEGRADED : STATUS_WELL;
}

/* The colour of a summary, of a service's state. */
static const char *state_sgr(const char *state)
{
	if (strcmp(state, "well") == 0)
		return SGR_GOOD;
	if (strcmp(state, "outage") == 0)
		return SGR_BAD;
	return SGR_POOR;
}

/* "until it is ended", "29 min left", and why. */
static void print_node_maintenance(const json_t *status, FILE *out)
{
	const json_t *m = json_object_get(status, "maintenance");
	char buf[MAINTENANCE_TEXT_MAX];

	if (json_is_object(m))
		fprintf(out, "The whole node is in maintenance: %s.\n",
			maintenance_text(m, buf));
}

static void print_cluster_maintenance(const json_t *status, FILE *out)
{
	const json_t *cluster = json_object_get(status, "cluster"), *name;
	const char *word = field_text(cluster, "maintenance");
	size_t i;

	if (strcmp(word, "ends") != 0 && word[0] != '\0')
		fputs("The whole cluster is in maintenance: routes stay, and "
		      "nobody fails over.\n",
		      out);
	if (strcmp(word, "ends") != 0)
		return;
	fputs("The cluster's maintenance ends; it waits for:", out);
	json_array_foreach(json_object_get(cluster, "maintenance_waits_for"), i,
			   name)
	{
		fputc(' ', out);
		print_clean(out, json_string_value(name));
	}
	fputc('\n', out);
}

static void print_stall(const json_t *status, int64_t now_us, FILE *out)
{
	const json_t *stall = json_object_get(status, "stall");
	char span[SPAN_TEXT_MAX], when[WHEN_TEXT_MAX];

	if (!json_is_object(stall))
		return;
	fprintf(out, "This node stood still for %s at %s.\n",
		span_text(field_span_us(stall, "seconds"), span),
		when_text(field_wall_us(stall, "at"), now_us, when));
}

static void print_doubt(const json_t *status, int64_t now_us, FILE *out)
{
	const json_t *doubt = json_object_get(status, "self_doubt");
	char when[WHEN_TEXT_MAX];

	if (!json_is_object(doubt))
		return;
	if (strcmp(field_text(doubt, "level"), "strained") == 0)
		fputs("This node is strained: ", out);
	else
		fputs("This node doubts itself: ", out);
	print_clean(out, field_text(doubt, "why"));
	fprintf(out, ", since %s%s.\n",
		when_text(field_wall_us(doubt, "since"), now_us, when),
		json_is_true(json_object_get(doubt, "acts"))
			? ""
			: "; silence withdraws nobody");
}

static void print_head(const json_t *status, const struct status_view *view,
		       FILE *out)
{
	const char *summary = field_text(status, "summary");
	const json_t *why;
	char up[SPAN_TEXT_MAX];
	size_t i;

	print_clean(out, field_text(status, "node"));
	fputs(": ", out);
	print_sgr(out, view->style.colour, state_sgr(summary), summary);
	fprintf(out, " (basculed %s, up %s)\n", field_text(status, "version"),
		span_text(field_span_us(status, "uptime_seconds"), up));
	json_array_foreach(json_object_get(status, "not_ready"), i, why)
	{
		fputs("Not ready: ", out);
		print_clean(out, json_string_value(why));
		fputc('\n', out);
	}
	print_node_maintenance(status, out);
	print_cluster_maintenance(status, out);
	print_stall(status, field_wall_us(status, "time"), out);
	print_doubt(status, field_wall_us(status, "time"), out);
}

/* What is to be said of a HAProxy besides that it answers. */
static const char *haproxy_note(const json_t *ha, char *buf, size_t size)
{
	int64_t absent = field_count(ha, "absent");
	int64_t differing = field_count(ha, "differing");

	if (!field_bool(ha, "up"))
		return field_text(ha, "why");
	if (absent == 0 && differing == 0)
		return "";
	snprintf(buf, size,
		 "%" PRId64 " targets unknown to it, %" PRId64
		 " not yet as wanted",
		 absent, differing);
	return buf;
}

static void print_haproxies(const json_t *status,
			    const struct status_view *view, FILE *out)
{
	static const char *const head[] = { "HAPROXY", "STATE", "ADDRESS", "" };
	struct table *t = table_new("llll", head);
	const json_t *ha;
	size_t i;

	json_array_foreach(json_object_get(status, "haproxies"), i, ha)
	{
		bool up = field_bool(ha, "up");
		char note[96];

		table_row(t, (const char *const[]){
				     field_text(ha, "name"), up ? "up" : "down",
				     field_text(ha, "address"),
				     haproxy_note(ha, note, sizeof(note)) });
		table_paint(t, 1, up ? SGR_GOOD : SGR_BAD);
	}
	if (!table_empty(t)) {
		fputc('\n', out);
		table_text(t, &view->style, out);
	}
	table_free(t);
}

/* Cut, so that only what never failed is 100 %. */
static const char *availability(const json_t *svc, char *buf, size_t size)
{
	double ratio = field_number(svc, "availability", -1);

	if (ratio < 0)
		return "-";
	if (ratio >= 1)
		return "100 %";
	snprintf(buf, size, "%.4f %%", floor(ratio * 1e6 + 1e-6) / 1e4);
	return buf;
}

static const char *incident_of(const json_t *svc, char *buf, size_t size)
{
	int64_t number = field_count(svc, "incident");

	if (number == 0)
		return "";
	snprintf(buf, size, "%" PRId64 " (%s)", number,
		 field_text(svc, "severity"));
	return buf;
}

static void add_service(struct table *t, const json_t *svc)
{
	const char *state = field_text(svc, "state");
	char serving[48], avail[24], incident[32];
	char mttd[SPAN_TEXT_MAX], mttr[SPAN_TEXT_MAX];

	snprintf(serving, sizeof(serving), "%" PRId64 " of %" PRId64,
		 field_count(svc, "serving"),
		 field_count(svc, "targets_total"));
	table_row(t,
		  (const char *const[]){
			  field_text(svc, "name"), state, serving,
			  availability(svc, avail, sizeof(avail)),
			  span_text(field_span_us(svc, "mttd_seconds"), mttd),
			  span_text(field_span_us(svc, "mttr_seconds"), mttr),
			  incident_of(svc, incident, sizeof(incident)) });
	table_paint(t, 1, state_sgr(state));
}

static void print_services(const json_t *status, const struct status_view *view,
			   FILE *out)
{
	static const char *const head[] = { "SERVICE",   "STATE", "SERVING",
					    "AVAILABLE", "MTTD",  "MTTR",
					    "INCIDENT" };
	struct table *t = table_new("llrrrrl", head);
	const json_t *svc;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i, svc)
		add_service(t, svc);
	if (!table_empty(t)) {
		fputc('\n', out);
		table_text(t, &view->style, out);
	}
	table_free(t);
}

/* The services that suffer from it. */
static void print_affected(const json_t *inc, FILE *out)
{
	const char *gap = "; affects ";
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(inc, "affected"), i, name)
	{
		fputs(gap, out);
		print_clean(out, json_string_value(name));
		gap = ", ";
	}
}

static void print_incident(const json_t *inc, int64_t now_us, FILE *out)
{
	char when[WHEN_TEXT_MAX];

	fprintf(out, "%" PRId64 " %s ", field_count(inc, "number"),
		field_text(inc, "severity"));
	print_clean(out, field_text(inc, "service"));
	fprintf(out, " since %s: ",
		when_text(field_wall_us(inc, "onset_min"), now_us, when));
	print_clean(out, field_text(inc, "target"));
	fputs(" first, ", out);
	print_clean(out, field_text(json_object_get(inc, "cause"), "line"));
	print_affected(inc, out);
	fprintf(out, "%s\n",
		field_bool(inc, "held")
			? "; a rule keeps a dead one in rotation"
			: "");
}

static void print_incidents(const json_t *status, FILE *out)
{
	const json_t *list = json_object_get(status, "incidents"), *inc;
	int64_t now_us = field_wall_us(status, "time");
	size_t i;

	if (json_array_size(list) == 0)
		return;
	fputs("\nOpen incidents\n", out);
	json_array_foreach(list, i, inc) print_incident(inc, now_us, out);
}

void status_print(const json_t *status, const struct status_view *view,
		  FILE *out)
{
	print_head(status, view, out);
	nodes_print(status, view, out);
	print_haproxies(status, view, out);
	print_services(status, view, out);
	groups_print(status, view, out);
	targets_print(status, view, out);
	print_incidents(status, out);
}

int status_run(const struct command *cmd, int argc, char **argv)
{
	const char *socket = NULL;
	struct status_view view = { .style = terminal_style() };
	struct client *client = NULL;
	struct err err = { 0 };
	json_t *status = NULL;
	bool json = false;
	int code;
	const struct option_row rows[] = {
		{ "all", 'a', OPTION_FLAG, &view.all },
		{ "json", 0, OPTION_FLAG, &json },
		{ "socket", 0, OPTION_TEXT, &socket },
		{ 0 },
	};

	code = options_parse_alone(cmd, argc, argv, rows);
	if (code != OPTIONS_GO_ON)
		return code;
	if (client_new(socket, &client, &err) < 0 ||
	    client_get(client, "/api/v1/status", &status, &err) < 0) {
		complain("%s", err.text);
		client_free(client);
		return STATUS_UNREACHABLE;
	}
	if (json)
		json_print(status, stdout);
	else
		status_print(status, &view, stdout);
	code = status_code(status);
	json_decref(status);
	client_free(client);
	return code;
}
