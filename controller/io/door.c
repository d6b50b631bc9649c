#include "controller/io/door.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/io/door_rules.h"
#include "controller/io/loop.h"
#include "controller/io/rules.h"

/* A permission that was so long on its way is looked at once more. */
#define LATE_US (5 * MS)
#define TRIES   5
/* Whether the table is still there. */
#define LOOK_S 1
#define US_NS  1000

struct place {
	uint16_t port;
	struct instant wanted, given; /* NONE: shut */
	bool pending;
};

struct places {
	unsigned count;
	struct place list[DOOR_PLACES_MAX];
	bool regard; /* they are not guarded yet, or others are */
};

struct door {
	char node[DOOR_TABLE_MAX];
	struct rules *rules; /* the thread's, once there is one */
	struct door_text text;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct places places;
	bool wanted, stopping;
	char trouble[160];
};

static bool is_open(struct instant until, struct instant now)
{
	return !instant_is_none(until) && instant_before(now, until);
}

/* ---- what is to be so ---- */

/* All of it: it is to be guarded otherwise, or somebody else has removed the
 * table.  Who is let in already stays so. */
static int say_all(struct door *door, struct places *at, struct err *err)
{
	struct instant now = loop_clock();
	unsigned i;

	door_text_begin(&door->text, door->node);
	door_text_rules(&door->text, geteuid());
	door_text_guard_none(&door->text);
	for (i = 0; i < at->count; i++) {
		struct place *place = &at->list[i];

		if (is_open(place->wanted, now)) {
			door_text_open(&door->text, place->port,
				       instant_diff_us(now, place->wanted),
				       true);
			place->pending = true;
		}
		door_text_guard(&door->text, place->port);
	}
	return rules_run(door->rules, door->text.text, err);
}

static int make_table(struct door *door, const uint16_t *ports, unsigned count,
		      bool anew, struct err *err)
{
	unsigned i;

	door_text_begin(&door->text, door->node);
	if (anew)
		door_text_remove(&door->text);
	door_text_rules(&door->text, geteuid());
	for (i = 0; i < count; i++)
		door_text_guard(&door->text, ports[i]);
	return rules_run(door->rules, door->text.text, err);
}

static int say_one(struct door *door, const struct place *place,
		   struct instant now, struct err *err)
{
	bool renews = is_open(place->given, now);

	door_text_begin(&door->text, door->node);
	if (is_open(place->wanted, now))
		door_text_open(&door->text, place->port,
			       instant_diff_us(now, place->wanted), !renews);
	else
		door_text_shut(&door->text, place->port);
	return rules_run(door->rules, door->text.text, err);
}

/* What was on its way for long is open for longer than it may. */
static int work_on(struct door *door, struct place *place, struct err *err)
{
	struct instant before;
	int i, r = 0;

	for (i = 0; i < TRIES; i++) {
		before = loop_clock();
		r = say_one(door, place, before, err);
		if (r < 0)
			break;
		place->given = is_open(place->wanted, before) ? place->wanted
							      : INSTANT_NONE;
		if (instant_diff_us(before, loop_clock()) < LATE_US)
			break;
	}
	return r;
}

/* To guard once more what is guarded fails when there is no table. */
static int look(struct door *door, const struct places *at, struct err *err)
{
	unsigned i;

	if (at->count == 0)
		return 0;
	door_text_begin(&door->text, door->node);
	for (i = 0; i < at->count; i++)
		door_text_guard(&door->text, at->list[i].port);
	return rules_run(door->rules, door->text.text, err);
}

static int say_pending(struct door *door, struct places *at, struct err *err)
{
	bool any = false;
	unsigned i;
	int r = 0;

	for (i = 0; i < at->count && r == 0; i++) {
		if (!at->list[i].pending)
			continue;
		any = true;
		r = work_on(door, &at->list[i], err);
	}
	return any ? r : look(door, at, err);
}

static void carry_out(struct door *door, struct places *at, struct err *err)
{
	bool all = at->regard;
	int i, r;

	for (i = 0; i < 2; i++) {
		r = all ? say_all(door, at, err) : 0;
		if (r == 0)
			r = say_pending(door, at, err);
		if (r == 0) {
			*err = (struct err){ 0 };
			return;
		}
		all = true;
	}
}

/* ---- the thread ---- */

static struct place *find(struct places *at, uint16_t port)
{
	unsigned i;

	for (i = 0; i < at->count; i++)
		if (at->list[i].port == port)
			return &at->list[i];
	return NULL;
}

/* It may have been told otherwise meanwhile. */
static void take_note(struct door *door, struct places *done,
		      const struct err *err)
{
	unsigned i;
	struct place *place;

	for (i = 0; i < done->count; i++) {
		place = find(&door->places, done->list[i].port);
		if (place != NULL)
			place->given = done->list[i].given;
	}
	if (err->code != 0 && done->regard)
		door->places.regard = true;
	snprintf(door->trouble, sizeof(door->trouble), "%.*s",
		 (int)sizeof(door->trouble) - 1, err->text);
}

static void go_round(struct door *door)
{
	struct places at = door->places;
	struct err err = { 0 };
	unsigned i;

	door->places.regard = door->wanted = false;
	for (i = 0; i < at.count; i++)
		door->places.list[i].pending = false;
	pthread_mutex_unlock(&door->lock);
	carry_out(door, &at, &err);
	pthread_mutex_lock(&door->lock);
	take_note(door, &at, &err);
}

static void *work(void *arg)
{
	struct door *door = arg;
	struct timespec until;

	pthread_mutex_lock(&door->lock);
	while (!door->stopping) {
		go_round(door);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_S;
		while (!door->stopping && !door->wanted &&
		       pthread_cond_timedwait(&door->changed, &door->lock,
					      &until) == 0)
			;
	}
	pthread_mutex_unlock(&door->lock);
	return NULL;
}

static int start(struct door *door)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&door->lock, NULL);
	pthread_cond_init(&door->changed, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&door->thread, NULL, work, door);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	door->running = r == 0;
	return r;
}

/* ---- from the loop's thread ---- */

int door_new(struct door **ret_door, const char *node, const uint16_t *ports,
	     unsigned count, struct err *err)
{
	struct door *door = calloc(1, sizeof(*door));
	struct err why = { 0 };
	int r;

	if (door == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(door->node, sizeof(door->node), "%s", node);
	r = rules_open(&door->rules, &why);
	/* One of another version is made anew, and nobody is let in for a
	 * moment. */
	if (r == 0 && make_table(door, ports, count, false, &why) < 0)
		r = make_table(door, ports, count, true, &why);
	if (r == 0)
		r = start(door);
	if (r < 0) {
		door_free(door);
		return err_set(err, r, "door: %s",
			       why.code != 0 ? why.text : strerror(-r));
	}
	*ret_door = door;
	return 0;
}

static void tell(struct door *door)
{
	door->wanted = true;
	pthread_cond_signal(&door->changed);
}

void door_guard(struct door *door, const struct door_place *places,
		unsigned count)
{
	struct places next = { .regard = true };
	const struct place *was;
	unsigned i;

	pthread_mutex_lock(&door->lock);
	for (i = 0; i < count && i < DOOR_PLACES_MAX; i++) {
		was = find(&door->places, places[i].port);
		next.list[next.count++] = (struct place){
			.port = places[i].port,
			.wanted =
				places[i].keep ? INSTANT_NONE : places[i].until,
			.pending = !places[i].keep,
			.given = was != NULL ? was->given : INSTANT_NONE,
		};
	}
	door->places = next;
	tell(door);
	pthread_mutex_unlock(&door->lock);
}

void door_set(struct door *door, uint16_t port, struct instant until)
{
	struct place *place;

	pthread_mutex_lock(&door->lock);
	place = find(&door->places, port);
	if (place != NULL) {
		place->wanted = until;
		place->pending = true;
		tell(door);
	}
	pthread_mutex_unlock(&door->lock);
}

struct instant door_open_until(struct door *door, uint16_t port)
{
	struct instant until = INSTANT_NONE;
	const struct place *place;

	pthread_mutex_lock(&door->lock);
	place = find(&door->places, port);
	if (place != NULL)
		until = place->given;
	pthread_mutex_unlock(&door->lock);
	return until;
}

void door_trouble(struct door *door, char *buf, unsigned size)
{
	pthread_mutex_lock(&door->lock);
	snprintf(buf, size, "%s", door->trouble);
	pthread_mutex_unlock(&door->lock);
}

void door_free(struct door *door)
{
	if (door == NULL)
		return;
	if (door->running) {
		pthread_mutex_lock(&door->lock);
		door->stopping = true;
		pthread_cond_signal(&door->changed);
		pthread_mutex_unlock(&door->lock);
		pthread_join(door->thread, NULL);
		pthread_cond_destroy(&door->changed);
		pthread_mutex_destroy(&door->lock);
	}
	rules_close(door->rules);
	free(door);
}

/* ---- without a daemon ---- */

/* 1: it was done; 0: there is no such table. */
static int do_once(const char *node, void (*say)(struct door_text *to),
		   struct err *err)
{
	struct door_text text;
	struct rules *rules;
	int r = rules_open(&rules, err);

	if (r < 0)
		return r;
	door_text_begin(&text, node);
	door_text_exists(&text);
	r = 0;
	if (rules_run(rules, text.text, NULL) == 0) {
		door_text_begin(&text, node);
		say(&text);
		r = rules_run(rules, text.text, err);
		r = r == 0 ? 1 : r;
	}
	rules_close(rules);
	return r;
}

int door_remove(const char *node, struct err *err)
{
	return do_once(node, door_text_remove, err);
}

int door_shut_all(const char *node, struct err *err)
{
	return do_once(node, door_text_shut_all, err);
}
