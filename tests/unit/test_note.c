/* Notes, events and actions as lines of text: what operators read and what is
 * recorded. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"
#include "tests/unit/golden.h"

static struct note note_of(enum note_kind kind)
{
	return (struct note){
		.kind = kind,
		.service = API,
		.target = API1,
		.haproxy = 0,
		.incident = 17,
		.from = HEALTH_UP,
		.to = HEALTH_DOWN,
		.severity = SEVERITY_P2,
		.count = 3,
		.span_us = 1234567,
		.result = result_make(RESULT_L7STS, 503, 12 * MS, "busy"),
		.text = "why",
	};
}

static void print_notes(const void *arg, FILE *out)
{
	const struct settings *set = arg;
	char text[400];
	unsigned kind;

	for (kind = NOTE_INCIDENT_OPENED; kind <= NOTE_INCIDENT_MERGED;
	     kind++) {
		struct note note = note_of(kind);

		note.service = INCIDENT_NODE;
		fprintf(out, "%d node's %s: %s\n", (int)note_level(&note),
			note_kind_name(kind),
			note_text(&note, set, text, sizeof(text)));
	}
	for (kind = 0; kind < NOTE_KINDS; kind++) {
		struct note note = note_of(kind);

		fprintf(out, "%d %s: %s\n", (int)note_level(&note),
			note_kind_name(kind),
			note_text(&note, set, text, sizeof(text)));
		/* The same while what it depends on is still down. */
		note.span_us = 0;
		if (kind == NOTE_AFFECTED)
			fprintf(out, "%d %s: %s\n", (int)note_level(&note),
				note_kind_name(kind),
				note_text(&note, set, text, sizeof(text)));
	}
}

static void reads_well(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	golden_check("notes.txt", print_notes, &w.set);
}

/* Each way to be left has its own command. */
static void a_server_that_is_left_says_how_to_bring_it_back(void **state)
{
	static const char *const commands[] = {
		[LEFT_MAINT] = "`set server why state ready` brings it back",
		[LEFT_AGENT] = "`set server why agent up` brings it back",
		[LEFT_EITHER] = "`set server why state ready` (`agent up`, if",
		[LEFT_WEIGHT] = "`set server why weight 100%` undoes it",
	};
	struct note note = note_of(NOTE_SERVER_LEFT);
	struct core_world w;
	char text[400];

	(void)state;
	core_init(&w);
	for (note.count = 0; note.count <= LEFT_WEIGHT; note.count++) {
		note_text(&note, &w.set, text, sizeof(text));
		assert_non_null(strstr(text, commands[note.count]));
	}
}

static void bears_names_that_are_gone(void **state)
{
	struct core_world w;
	char text[400];
	unsigned kind;

	(void)state;
	core_init(&w);
	for (kind = 0; kind < NOTE_KINDS; kind++) {
		struct note note = note_of(kind);

		note.service = NOTE_NONE;
		note.target = NOTE_NONE;
		note.haproxy = NOTE_NONE;
		assert_true(strlen(note_text(&note, &w.set, text,
					     sizeof(text))) > 0);
		note.service = 99;
		note.target = 99;
		note.haproxy = 99;
		assert_true(strlen(note_text(&note, &w.set, text,
					     sizeof(text))) > 0);
	}
}

static void is_cut_to_its_buffer(void **state)
{
	struct core_world w;
	char text[400];
	unsigned kind;
	size_t size;

	(void)state;
	core_init(&w);
	for (kind = 0; kind < NOTE_KINDS; kind++)
		for (size = 1; size < 60; size++) {
			struct note note = note_of(kind);

			memset(text, 'x', sizeof(text));
			note_text(&note, &w.set, text, size);
			assert_true(strlen(text) < size);
			assert_int_equal(text[size], 'x');
		}
	note_text(&(struct note){ .kind = NOTE_STARTED }, &w.set, text, 0);
}

static void long_spans_are_said_in_seconds(void **state)
{
	struct core_world w;
	struct note note = note_of(NOTE_STALL);
	char text[400];

	(void)state;
	core_init(&w);
	note.span_us = 63 * SECOND + 250 * MS;
	note_text(&note, &w.set, text, sizeof(text));
	assert_non_null(strstr(text, "63.2 s"));
}

static const char *event_line(const struct core_world *w, struct event *ev)
{
	static char text[400];

	ev->now = (struct instant){ 5 };
	return event_text(ev, &w->set, text, sizeof(text));
}

static void tells_events(void **state)
{
	struct event ev = { .kind = EVENT_EVIDENCE };
	struct core_world w;

	(void)state;
	core_init(&w);
	ev.evidence.target = API2;
	ev.evidence.result = result_make(RESULT_L4CON, 111, 40, "refused");
	assert_string_equal(event_line(&w, &ev),
			    "5 EVIDENCE api2 L4CON 111, 40 us, refused");
	ev = (struct event){ .kind = EVENT_HAPROXY_SEEN };
	ev.haproxy.kind = HAPROXY_LINK_UP;
	ev.haproxy.fresh = true;
	assert_string_equal(event_line(&w, &ev), "5 HAPROXY_SEEN lb1 up fresh");
	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_LINK_DOWN,
					    .haproxy = 77,
					    .text = "gone" };
	assert_string_equal(event_line(&w, &ev), "5 HAPROXY_SEEN ? down gone");
	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_SERVER,
					    .target = WEB1,
					    .state = SERVER_DRAIN,
					    .weight_percent = 30 };
	assert_string_equal(event_line(&w, &ev),
			    "5 HAPROXY_SEEN lb1 web1 DRAIN 30%");
	ev = (struct event){ .kind = EVENT_ACTION_FAILED };
	ev.action.id = 0x1f;
	strcpy(ev.action.text, "no");
	assert_string_equal(event_line(&w, &ev), "5 ACTION_FAILED 1f no");
	ev = (struct event){ .kind = EVENT_ADMIN };
	ev.admin.maintenance.target = NOTE_NONE;
	assert_string_equal(event_line(&w, &ev),
			    "5 ADMIN maintenance off node");
	ev.kind = EVENT_DEADLINE;
	assert_string_equal(event_line(&w, &ev), "5 DEADLINE ");
}

static const char *action_line(const struct core_world *w,
			       const struct action *act)
{
	static char text[400];

	return action_text(act, &w->set, text, sizeof(text));
}

static void tells_actions(void **state)
{
	struct action act = { .kind = ACTION_CHECK };
	struct core_world w;

	(void)state;
	core_init(&w);
	act.check.target = API1;
	act.check.timeout_us = 20000;
	act.check.fresh = true;
	assert_string_equal(action_line(&w, &act),
			    "CHECK api1 within 20000 us fresh");
	act = (struct action){ .kind = ACTION_HAPROXY };
	act.haproxy = (struct server_order){ .target = API1,
					     .state = SERVER_MAINT,
					     .end_sessions = true };
	assert_string_equal(action_line(&w, &act),
			    "HAPROXY lb1 api1 MAINT 0% end sessions");
	act = (struct action){ .kind = ACTION_STORE };
	act.store.kind = STORE_CLAIM;
	act.store.claim = (struct claim){ 0, API1, true, false };
	assert_string_equal(action_line(&w, &act),
			    "STORE claim lb1 api1 weight");
	act.store.kind = STORE_INCIDENT;
	act.store.incident = (struct incident){ .number = 3 };
	act.store.incident.recovered = INSTANT_NONE;
	assert_string_equal(action_line(&w, &act), "STORE incident 3 open");
	act.store.kind = STORE_MAINTENANCE;
	act.store.maintenance =
		(struct maintenance){ .target = NOTE_NONE, .on = true };
	assert_string_equal(action_line(&w, &act), "STORE maintenance node on");
	act = (struct action){ .kind = ACTION_REPLY };
	act.reply.error = -2;
	strcpy(act.reply.text, "no such target");
	assert_string_equal(action_line(&w, &act), "REPLY -2 no such target");
}

static void names_every_kind(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < EVENT_KINDS; i++)
		assert_non_null(event_kind_name(i));
	for (i = 0; i < ACTION_KINDS; i++)
		assert_non_null(action_kind_name(i));
	for (i = SERVER_UNKNOWN; i <= SERVER_MAINT; i++)
		assert_non_null(server_state_name(i));
	for (i = 0; i < NOTE_KINDS; i++)
		assert_non_null(note_kind_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_well),
		cmocka_unit_test(
			a_server_that_is_left_says_how_to_bring_it_back),
		cmocka_unit_test(bears_names_that_are_gone),
		cmocka_unit_test(is_cut_to_its_buffer),
		cmocka_unit_test(long_spans_are_said_in_seconds),
		cmocka_unit_test(tells_events),
		cmocka_unit_test(tells_actions),
		cmocka_unit_test(names_every_kind),
	};

	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
