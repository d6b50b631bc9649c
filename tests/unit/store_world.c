#include "tests/unit/store_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

struct store_waits store_waits;

static void on_done(void *arg, uint64_t id, const char *error)
{
	struct world *w = arg;

	w->done_id = id;
	if (error == NULL)
		w->done++;
	else
		w->failed++;
	snprintf(w->text, sizeof(w->text), "%s", error != NULL ? error : "");
	loop_stop(w->loop);
}

static void on_changed(void *arg, bool ok, const char *why)
{
	struct world *w = arg;

	w->ok = ok;
	w->changes++;
	snprintf(w->text, sizeof(w->text), "%s", why);
	loop_stop(w->loop);
}

static void on_say(void *arg, enum note_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	w->said++;
	snprintf(w->text, sizeof(w->text), "%s", text);
	loop_stop(w->loop);
}

static void on_limit(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct world *w = timer->data;

	(void)ev;
	(void)events;
	w->late = true;
	loop_stop(w->loop);
}

void store_begin(struct world *w)
{
	const struct store_doors doors = {
		.arg = w,
		.done = on_done,
		.changed = on_changed,
		.say = on_say,
		.waits = &store_waits,
	};
	struct err err;

	assert_int_equal(
		store_open(&w->store, w->loop, &w->sample.set, &doors, &err),
		0);
}

void world_init(struct world *w)
{
	struct err err;

	memset(w, 0, sizeof(*w));
	w->ok = true;
	store_waits = store_usual;
	store_waits.retry_us = 20 * MS;
	sample_init(&w->sample);
	w->sample.set.history_us = 36500 * DAY;
	assert_int_equal(loop_new(&w->loop, &err), 0);
	ev_timer_init(&w->limit, on_limit, 60, 0);
	w->limit.data = w;
	ev_timer_start(loop_ev(w->loop), &w->limit);
}

void world_done(struct world *w)
{
	store_close(w->store);
	loop_free(w->loop);
	sample_done(&w->sample);
}

void store_again(struct world *w)
{
	store_close(w->store);
	store_begin(w);
}

struct store_order incident_order(uint32_t number, bool open)
{
	struct store_order order = {
		.kind = STORE_INCIDENT,
		.incident = {
			.number = number,
			.service = SAMPLE_API,
			.target = API2,
			.severity = SEVERITY_P2,
			.cause = result_make(RESULT_L4CON, 111, 300,
					     "connection refused"),
			.targets_down_max = 1,
			.onset_min = { 1000 },
			.onset_max = { 2000 },
			.detected = { 3000 },
			.acted = { 4000 },
			.recovered = INSTANT_NONE,
			.onset_min_wall_us = WALL + 1000,
			.onset_max_wall_us = WALL + 2000,
			.detected_wall_us = WALL + 3000,
			.acted_wall_us = WALL + 4000,
			.outage_us = 7,
			.outage_since = INSTANT_NONE,
		},
	};

	if (!open) {
		order.incident.recovered = (struct instant){ 9000 };
		order.incident.recovered_wall_us = WALL + 9000;
	}
	return order;
}

void write_order(struct world *w, uint64_t id, const struct store_order *order)
{
	unsigned before = w->done + w->failed;

	store_write(w->store, id, order);
	UNTIL(w, w->done + w->failed > before);
	assert_int_equal(w->done_id, id);
}

void write_event(struct world *w, int64_t id)
{
	struct note note = { .kind = NOTE_TARGET,
			     .wall_us = id,
			     .service = SAMPLE_API,
			     .target = API1,
			     .haproxy = NOTE_NONE };
	char json[40];

	snprintf(json, sizeof(json), "{\"id\":%lld}", (long long)id);
	store_event(w->store, id, &note, "text", json);
}

void on_answer(void *arg, const struct store_answer *answer)
{
	struct world *w = arg;

	w->answered = true;
	w->error[0] = w->json[0] = '\0';
	if (answer->error != NULL)
		snprintf(w->error, sizeof(w->error), "%s", answer->error);
	if (answer->json != NULL)
		snprintf(w->json, sizeof(w->json), "%s", answer->json);
	w->last = answer->last;
	w->more = answer->more;
	loop_stop(w->loop);
}

void ask(struct world *w, struct store_question question)
{
	w->answered = false;
	store_ask(w->store, &question, on_answer, w);
	UNTIL(w, w->answered);
}

void exec_sql(struct world *w, const char *sql)
{
	char path[100];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/bascule.db", w->sample.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
