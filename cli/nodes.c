#include "cli/nodes.h"

#include <inttypes.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/terminal.h"
#include "report/span.h"

#define CELL_MAX 96
#define NOTE_MAX 256

/* Why a node cannot become primary, in a person's words; a witness never
 * does, which its role says. */
static const struct {
	const char *name, *text;
} obstacles[] = {
	{ "maintenance", "in maintenance" },
	{ "checks", "what it requires is not well" },
	{ "late", "its event loop is late" },
	{ "guardless", "it has no guard" },
	{ "stopping", "it is stopping" },
	{ "promote", "its promote work failed" },
	{ "carrier", "its virtual address' interface has no carrier" },
	{ "disk", "its disk fails" },
	{ "blank", "its state was lost" },
	{ "witness", NULL },
};

#define OBSTACLES (sizeof(obstacles) / sizeof(obstacles[0]))

static const char *obstacle_text(const char *name)
{
	size_t i;

	for (i = 0; i < OBSTACLES; i++)
		if (strcmp(obstacles[i].name, name) == 0)
			return obstacles[i].text;
	return name;
}

static void note_add(char *note, const char *text)
{
	size_t used = strlen(note);

	snprintf(note + used, NOTE_MAX - used, "%s%s", used == 0 ? "" : ", ",
		 text);
}

/* What is to be said of a node besides its role. */
static const char *note_of(const json_t *node, char note[static NOTE_MAX])
{
	const json_t *why;
	const char *text;
	size_t i;

	note[0] = '\0';
	if (field_bool(node, "misconfigured"))
		note_add(note, "has other settings: counts for nothing");
	if (!field_bool(node, "self") && !field_bool(node, "up"))
		return note;
	json_array_foreach(json_object_get(node, "obstacles"), i, why)
	{
		text = json_string_value(why);
		text = text != NULL ? obstacle_text(text) : NULL;
		if (text != NULL)
			note_add(note, text);
	}
	if (note[0] == '\0' && !field_bool(node, "eligible") &&
	    !field_bool(node, "witness"))
		note_add(note, "cannot become primary");
	return note;
}

/* "node1, 480 ms": to whom, and for how long. */
static const char *promise_of(const json_t *node, char buf[static CELL_MAX])
{
	int64_t left_us = field_span_us(node, "promise_left_seconds");
	const char *to = field_text(node, "promised_to");
	char span[SPAN_TEXT_MAX];

	if (left_us == SPAN_NONE || left_us <= 0)
		return "-";
	snprintf(buf, CELL_MAX, "%.63s%s%s", to, to[0] != '\0' ? ", " : "",
		 span_text(left_us, span));
	return buf;
}

static const char *priority_of(const json_t *node, char buf[static CELL_MAX])
{
	if (field_bool(node, "witness"))
		return "-";
	snprintf(buf, CELL_MAX, "%" PRId64, field_count(node, "priority"));
	return buf;
}

static const char *role_sgr(const char *role)
{
	if (strcmp(role, "primary") == 0)
		return SGR_GOOD;
	return strcmp(role, "follower") == 0 || strcmp(role, "witness") == 0
		       ? ""
		       : SGR_POOR;
}

static void add_node(struct table *t, const json_t *node)
{
	bool up = field_bool(node, "self") || field_bool(node, "up");
	const char *role = field_text(node, "role");
	char name[CELL_MAX], priority[CELL_MAX], promise[CELL_MAX];
	char lease[SPAN_TEXT_MAX], rtt[SPAN_TEXT_MAX], note[NOTE_MAX];

	snprintf(name, sizeof(name), "%.63s%s", field_text(node, "name"),
		 field_bool(node, "self") ? " *" : "");
	table_row(t,
		  (const char *const[]){
			  name, up ? "up" : "down", role,
			  priority_of(node, priority),
			  span_text(field_span_us(node, "lease_left_seconds"),
				    lease),
			  promise_of(node, promise),
			  span_text(field_span_us(node, "rtt_seconds"), rtt),
			  note_of(node, note) });
	table_paint(t, 1, up ? SGR_GOOD : SGR_BAD);
	if (up && role_sgr(role)[0] != '\0')
		table_paint(t, 2, role_sgr(role));
}

/* "cluster medassist: node1 is primary, term 7". */
static void print_cluster(const json_t *cluster, const struct status_view *view,
			  FILE *out)
{
	const char *primary = field_text(cluster, "primary");
	const char *leader = field_text(cluster, "leader");
	bool colour = view->style.colour;

	fputs("\nCluster ", out);
	print_clean(out, field_text(cluster, "name"));
	fputs(": ", out);
	if (primary[0] != '\0') {
		print_clean(out, primary);
		fputs(" is primary", out);
	} else {
		print_sgr(out, colour, SGR_BAD, "no primary");
		if (leader[0] != '\0') {
			fputs(", led by ", out);
			print_clean(out, leader);
		}
	}
	fprintf(out, ", term %" PRId64, field_count(cluster, "term"));
	if (!field_bool(cluster, "quorum")) {
		fputs(", ", out);
		print_sgr(out, colour, SGR_BAD, "no quorum");
	}
	fputs("\n\n", out);
}

void nodes_print(const json_t *status, const struct status_view *view,
		 FILE *out)
{
	static const char *const head[] = { "NODE",     "STATE", "ROLE",
					    "PRIORITY", "LEASE", "PROMISED",
					    "RTT",      "" };
	const json_t *cluster = json_object_get(status, "cluster"), *node;
	struct table *t;
	size_t i;

	if (!json_is_object(cluster))
		return;
	print_cluster(cluster, view, out);
	t = table_new("lllrrlrl", head);
	json_array_foreach(json_object_get(cluster, "nodes"), i, node)
		add_node(t, node);
	table_text(t, &view->style, out);
	table_free(t);
}

const json_t *nodes_find(const json_t *status, const char *name)
{
	const json_t *cluster = json_object_get(status, "cluster"), *node;
	size_t i;

	json_array_foreach(json_object_get(cluster, "nodes"), i, node)
	{
		if (strcmp(field_text(node, "name"), name) == 0)
			return node;
	}
	return NULL;
}
