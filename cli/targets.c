#include "cli/targets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/terminal.h"
#include "report/span.h"

#define FEW  30 /* so many targets are always shown */
#define MANY 50 /* and of more, so many that are in trouble */

/* States in the order of what is to be read first. */
static const struct {
	const char *name, *sgr;
} states[] = {
	{ "DOWN", SGR_BAD },      { "RECOVERING", SGR_POOR },
	{ "DEGRADED", SGR_POOR }, { "UNKNOWN", SGR_POOR },
	{ "MAINT", SGR_POOR },    { "UP", SGR_GOOD },
};

#define STATES  (sizeof(states) / sizeof(states[0]))
#define RANK_UP (STATES - 1)

/* A target, and where it comes: by rank, then as in the configuration. */
struct row {
	const json_t *target;
	size_t rank, order;
};

static size_t state_rank(const char *state)
{
	size_t rank = 0;

	while (rank < RANK_UP && strcmp(states[rank].name, state) != 0)
		rank++;
	return rank;
}

/* An UP target that has no traffic is worth a look, after all others. */
static size_t rank_of(const json_t *target)
{
	size_t rank = state_rank(field_text(target, "state"));

	if (rank == RANK_UP && field_bool(target, "in_rotation") &&
	    !field_bool(target, "operator_hold"))
		rank++;
	return rank;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

const char *maintenance_text(const json_t *maintenance,
			     char buf[static MAINTENANCE_TEXT_MAX])
{
	int64_t left_us = field_span_us(maintenance, "left_seconds");
	const char *reason = field_text(maintenance, "reason");
	char left[SPAN_TEXT_MAX];

	snprintf(buf, MAINTENANCE_TEXT_MAX, "%.128s%s%s%s", reason,
		 reason[0] != '\0' ? ", " : "",
		 left_us == SPAN_NONE ? "until it is ended"
				      : span_text(left_us, left),
		 left_us == SPAN_NONE ? "" : " left");
	return buf;
}

/* Whether it has traffic, and if not, by whose will; what no HAProxy serves
 * is only observed. */
static const char *traffic(const json_t *target, char *buf, size_t size)
{
	int64_t weight = field_count(target, "weight_percent");

	if (json_object_size(json_object_get(target, "servers")) == 0)
		return "-";
	if (field_bool(target, "operator_hold"))
		return "operator";
	if (field_bool(target, "held"))
		return "held";
	if (field_bool(target, "drained"))
		return "drained";
	if (!field_bool(target, "in_rotation"))
		return "no";
	if (weight == 0 || weight == 100)
		return "yes";
	snprintf(buf, size, "%" PRId64 " %%", weight);
	return buf;
}

/* "L7OK, 1 ms: held back for 52 s: it flapped 6 times" */
static void held_back(const json_t *target, const char *line, char *buf,
		      size_t size)
{
	const json_t *held = json_object_get(target, "held_back");
	const char *why = field_text(held, "why");
	char left[SPAN_TEXT_MAX], times[32] = "";

	if (strcmp(why, "it flapped") == 0)
		snprintf(times, sizeof(times), " %" PRId64 " times",
			 field_count(held, "flaps"));
	snprintf(buf, size, "%s: held back for %s: %s%s", line,
		 span_text(field_span_us(held, "left_seconds"), left), why,
		 times);
}

static void excused(const json_t *target, const char *line, char *buf,
		    size_t size)
{
	int64_t grace_us = field_span_us(target, "grace_seconds");
	const char *root = field_text(target, "root");
	char left[SPAN_TEXT_MAX];

	if (grace_us > 0)
		snprintf(buf, size,
			 "%s: reports that %s was down, and has %s left to "
			 "connect to it again",
			 line, root, span_text(grace_us, left));
	else
		snprintf(buf, size, "%s: reports that %s is down", line, root);
}

/* Why it is as it is; of a target that is well, how it answers. */
static void why(const json_t *target, char *buf, size_t size)
{
	const json_t *maintenance = json_object_get(target, "maintenance");
	const char *line =
		field_text(json_object_get(target, "result"), "line");
	const char *reason = field_text(target, "why");
	char text[MAINTENANCE_TEXT_MAX];

	if (json_is_object(maintenance))
		snprintf(buf, size, "%s", maintenance_text(maintenance, text));
	else if (field_bool(target, "excused"))
		excused(target, line, buf, size);
	else if (state_rank(field_text(target, "state")) == RANK_UP)
		snprintf(buf, size, "%s", line);
	else if (json_is_object(json_object_get(target, "held_back")))
		held_back(target, line, buf, size);
	else if (field_text(target, "held_by")[0] != '\0')
		snprintf(buf, size, "%s: %s", line,
			 field_text(target, "held_by"));
	else
		snprintf(buf, size, "%s%s%s", line,
			 line[0] != '\0' && reason[0] != '\0' ? ": " : "",
			 reason);
}

static void add_target(struct table *t, const json_t *target)
{
	const char *state = field_text(target, "state");
	char name[160], since[SPAN_TEXT_MAX], used[16], text[256];

	snprintf(name, sizeof(name), "%s/%s", field_text(target, "service"),
		 field_text(target, "name"));
	why(target, text, sizeof(text));
	table_row(t, (const char *const[]){
			     name, state,
			     span_text(field_span_us(target, "for_seconds"),
				       since),
			     traffic(target, used, sizeof(used)), text });
	table_paint(t, 1, states[state_rank(state)].sgr);
}

static size_t count_targets(const json_t *services)
{
	const json_t *svc;
	size_t i, count = 0;

	json_array_foreach(services, i, svc) count +=
		json_array_size(json_object_get(svc, "targets"));
	return count;
}

static void collect(const json_t *services, struct row *rows)
{
	const json_t *svc, *target;
	size_t i, j, n = 0;

	json_array_foreach(services, i, svc)
	{
		json_array_foreach(json_object_get(svc, "targets"), j, target)
		{
			rows[n].target = target;
			rows[n].rank = rank_of(target);
			rows[n].order = n;
			n++;
		}
	}
	qsort(rows, n, sizeof(*rows), compare);
}

/* How many of the sorted rows are shown. */
static size_t shown_of(const struct row *rows, size_t count,
		       const struct status_view *view)
{
	size_t shown = 0;

	if (view->all || count <= FEW)
		return count;
	while (shown < count && shown < MANY && rows[shown].rank <= RANK_UP)
		shown++;
	return shown;
}

/* "and 4950 more: 4900 UP, 50 DOWN" */
static void print_rest(const struct row *rows, size_t count, FILE *out)
{
	size_t of[STATES] = { 0 };
	const char *gap = " ";

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		of[rows[i].rank < STATES ? rows[i].rank : RANK_UP]++;
	fprintf(out, "and %zu more:", count);
	for (size_t i = STATES; i-- > 0;) {
		if (of[i] == 0)
			continue;
		fprintf(out, "%s%zu %s", gap, of[i], states[i].name);
		gap = ", ";
	}
	fputs(" (--all shows them)\n", out);
}

void targets_print(const json_t *status, const struct status_view *view,
		   FILE *out)
{
	static const char *const head[] = { "TARGET", "STATE", "FOR", "TRAFFIC",
					    "" };
	const json_t *services = json_object_get(status, "services");
	size_t count = count_targets(services), shown;
	struct row *rows = calloc(count + 1, sizeof(*rows));
	struct table *t = table_new("llrll", head);

	if (rows == NULL || count == 0)
		goto end;
	collect(services, rows);
	shown = shown_of(rows, count, view);
	for (size_t i = 0; i < shown; i++)
		add_target(t, rows[i].target);
	fputc('\n', out);
	if (shown > 0)
		table_text(t, &view->style, out);
	print_rest(rows + shown, count - shown, out);
end:
	table_free(t);
	free(rows);
}
