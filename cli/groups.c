#include "cli/groups.h"

#include <inttypes.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/terminal.h"
#include "report/span.h"

#define CELL_MAX 64
#define NOTE_MAX 200

static bool is_known(const json_t *doc, const char *name)
{
	const json_t *value = json_object_get(doc, name);

	return value != NULL && !json_is_null(value);
}

static const char *count_text(const json_t *doc, const char *name,
			      char buf[static CELL_MAX])
{
	if (!is_known(doc, name))
		return "-";
	snprintf(buf, CELL_MAX, "%" PRId64, field_count(doc, name));
	return buf;
}

/* "2/184467" where the database counts timelines, else "184467". */
static const char *position_text(const json_t *doc, const char *name,
				 char buf[static CELL_MAX])
{
	if (!is_known(doc, name))
		return "-";
	if (field_count(doc, "timeline") == 0)
		return count_text(doc, name, buf);
	snprintf(buf, CELL_MAX, "%" PRId64 "/%" PRId64,
		 field_count(doc, "timeline"), field_count(doc, name));
	return buf;
}

/* "2048 B", "2048 B, 1.2 s" behind. */
static const char *lag_text(const json_t *db, char buf[static CELL_MAX])
{
	int64_t span_us = field_span_us(db, "lag_seconds");
	char span[SPAN_TEXT_MAX];
	size_t used = 0;

	if (is_known(db, "lag_bytes"))
		used = (size_t)snprintf(buf, CELL_MAX, "%" PRId64 " B",
					field_count(db, "lag_bytes"));
	if (span_us != SPAN_NONE)
		snprintf(buf + used, CELL_MAX - used, "%s%s",
			 used > 0 ? ", " : "", span_text(span_us, span));
	else if (used == 0)
		return "-";
	return buf;
}

static bool is_shut(const json_t *target)
{
	const json_t *door = json_object_get(target, "door");

	return json_is_object(door) && !field_bool(door, "open");
}

/* What its checks say tells the cause. */
static const char *with_result(const json_t *target, const char *what,
			       char buf[static NOTE_MAX])
{
	const json_t *result = json_object_get(target, "result");
	const char *why = field_text(result, "text");

	if (why[0] == '\0' || strcmp(field_text(target, "state"), "UP") == 0)
		return what;
	snprintf(buf, NOTE_MAX, "%s: %s", what, why);
	return buf;
}

static const char *note_text(const json_t *target, char buf[static NOTE_MAX])
{
	const json_t *db = json_object_get(target, "database");
	bool primary = field_bool(db, "primary");

	if (is_shut(target))
		return "its door is shut";
	if (!json_is_object(db))
		return with_result(target, "nothing fresh is known of it", buf);
	if (field_bool(db, "loading"))
		return "loads its data";
	if (!primary && strcmp(field_text(db, "role"), "primary") == 0)
		return "says that it is the primary, and is not";
	if (field_text(target, "unfit")[0] != '\0')
		return with_result(target, field_text(target, "unfit"), buf);
	if (primary && !field_bool(db, "writable"))
		return "takes no writes";
	if (!primary && !field_bool(db, "follows"))
		return "does not follow the primary";
	if (!primary && !field_bool(db, "source_up"))
		return "is not connected to its source";
	return field_bool(db, "synchronous") ? "synchronous" : "";
}

static void add_instance(struct table *t, const json_t *target,
			 const char *routed)
{
	const json_t *db = json_object_get(target, "database");
	const char *name = field_text(target, "name");
	const char *state = field_text(target, "state");
	const char *role = field_text(db, "role");
	char position[CELL_MAX], lag[CELL_MAX], note[NOTE_MAX];
	bool primary = field_bool(db, "primary");

	table_row(t, (const char *const[]){
			     name, state, role[0] != '\0' ? role : "-",
			     strcmp(name, routed) == 0 ? "yes" : "",
			     position_text(db, "received", position),
			     lag_text(db, lag), field_text(db, "source"),
			     note_text(target, note) });
	if (strcmp(state, "UP") != 0)
		table_paint(t, 1, SGR_BAD);
	if (primary)
		table_paint(t, 2, SGR_GOOD);
}

static void print_group(const json_t *svc, const struct status_view *view,
			FILE *out)
{
	const json_t *group = json_object_get(svc, "group");
	const char *phase = field_text(group, "phase");
	const char *primary = field_text(group, "primary");
	bool colour = view->style.colour;

	fputs("\nGroup ", out);
	print_clean(out, field_text(svc, "name"));
	fputs(": ", out);
	if (phase[0] == '\0') {
		print_sgr(out, colour, SGR_POOR, "no primary is decided on");
	} else if (strcmp(phase, "fencing") == 0) {
		print_clean(out, field_text(group, "leaving"));
		print_sgr(out, colour, SGR_BAD, " is being left");
	} else {
		print_clean(out, primary);
		print_sgr(out, colour,
			  strcmp(phase, "steady") == 0 ? "" : SGR_BAD,
			  strcmp(phase, "steady") == 0 ? " is the primary"
						       : " is being promoted");
	}
	if (phase[0] != '\0')
		fprintf(out, ", epoch %" PRId64, field_count(group, "epoch"));
	fprintf(out, ", %s\n", field_text(group, "mode"));
	if (field_text(group, "held")[0] == '\0')
		return;
	print_sgr(out, colour, SGR_BAD, "No failover: ");
	print_clean(out, field_text(group, "held"));
	fputc('\n', out);
}

void groups_print(const json_t *status, const struct status_view *view,
		  FILE *out)
{
	static const char *const head[] = { "INSTANCE", "STATE",    "ROLE",
					    "ROUTED",   "POSITION", "BEHIND",
					    "FOLLOWS",  "" };
	const json_t *svc, *target, *group;
	struct table *t;
	size_t i, k;

	json_array_foreach(json_object_get(status, "services"), i, svc)
	{
		group = json_object_get(svc, "group");
		if (!json_is_object(group))
			continue;
		print_group(svc, view, out);
		fputc('\n', out);
		t = table_new("llllrrll", head);
		json_array_foreach(json_object_get(svc, "targets"), k, target)
			add_instance(t, target, field_text(group, "routed"));
		table_text(t, &view->style, out);
		table_free(t);
	}
}

static void print_candidates(const json_t *plan,
			     const struct table_style *style, FILE *out)
{
	static const char *const head[] = { "CANDIDATE", "POSITION", "BEHIND",
					    "PRIORITY",  "FIT",      "" };
	struct table *t = table_new("lrrrll", head);
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(plan, "candidates"), i, it)
	{
		char position[CELL_MAX], behind[CELL_MAX], prio[CELL_MAX];
		bool fit = field_bool(it, "fit");

		table_row(t, (const char *const[]){
				     field_text(it, "name"),
				     position_text(it, "position", position),
				     count_text(it, "behind_bytes", behind),
				     count_text(it, "priority", prio),
				     fit ? "yes" : "no",
				     field_bool(it, "chosen")
					     ? "the successor"
					     : field_text(it, "why") });
		table_paint(t, 4, fit ? SGR_GOOD : SGR_POOR);
	}
	table_text(t, style, out);
	table_free(t);
}

static void print_steps(const json_t *plan, FILE *out)
{
	const json_t *it;
	size_t i;

	json_array_foreach(json_object_get(plan, "steps"), i, it)
	{
		int64_t span_us = field_span_us(it, "deadline_seconds");
		char span[SPAN_TEXT_MAX];

		fprintf(out, "%zu. %s", i + 1, field_text(it, "step"));
		if (span_us != SPAN_NONE)
			fprintf(out, " (within %s)", span_text(span_us, span));
		fputc('\n', out);
	}
}

void groups_print_plan(const json_t *plan, const struct table_style *style,
		       FILE *out)
{
	const char *primary = field_text(plan, "primary");
	const char *successor = field_text(plan, "successor");

	fputs("Group ", out);
	print_clean(out, field_text(plan, "group"));
	fputs(": ", out);
	print_clean(out, primary[0] != '\0' ? primary : "nobody");
	fputs(" is the primary", out);
	if (is_known(plan, "epoch"))
		fprintf(out, ", epoch %" PRId64, field_count(plan, "epoch"));
	if (successor[0] != '\0') {
		fputs("; ", out);
		print_clean(out, successor);
		fputs(" would succeed it\n\n", out);
	} else {
		fputs("; nobody is fit to succeed it\n\n", out);
	}
	print_candidates(plan, style, out);
	fputc('\n', out);
	if (successor[0] != '\0')
		print_steps(plan, out);
}
