#include "controller/daemon/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "controller/io/loop.h"

#define MANAGER      "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_FACE MANAGER ".Manager"
#define NO_SUCH_UNIT MANAGER ".NoSuchUnit"

struct unit {
	sd_bus *bus; /* owned */
	enum unit_verb verb;
	char *job; /* owned: its object's path; NULL until answered */
	int state; /* what unit_work() returns */
	struct err err;
};

/* @result: "done", or how it failed. */
static void job_ended(struct unit *unit, const char *name, const char *result)
{
	unit->state = 0;
	if (strcmp(result, "done") != 0)
		unit->state = err_set(&unit->err, -EIO, "%s: its job ended: %s",
				      name, result);
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *job, *name, *result;
	struct unit *unit = arg;
	uint32_t id;

	(void)error;
	if (unit->job == NULL ||
	    sd_bus_message_read(m, "uoss", &id, &job, &name, &result) < 0)
		return 0;
	if (strcmp(job, unit->job) == 0)
		job_ended(unit, name, result);
	return 0;
}

/* Without the signal nobody would ever hear of the end. */
static int on_matched(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *why = sd_bus_message_get_error(m);
	struct unit *unit = arg;

	(void)error;
	if (why != NULL)
		unit->state =
			err_set(&unit->err, -EIO, "D-Bus: %s", why->message);
	return 0;
}

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *why = sd_bus_message_get_error(m);
	struct unit *unit = arg;
	const char *job;

	(void)error;
	if (why != NULL && unit->verb == UNIT_STOP &&
	    sd_bus_error_has_name(why, NO_SUCH_UNIT))
		unit->state = 0;
	else if (why != NULL)
		unit->state =
			err_set(&unit->err, -EIO, "systemd: %s", why->message);
	else if (sd_bus_message_read(m, "o", &job) < 0)
		unit->state =
			err_set(&unit->err, -EBADMSG, "systemd: not an answer");
	else if ((unit->job = strdup(job)) == NULL)
		unit->state = err_set(&unit->err, -ENOMEM, "out of memory");
	return 0;
}

/* The match goes out first: the end of the job cannot come before it. */
static int ask(struct unit *unit, const char *name)
{
	int r;

	r = sd_bus_match_signal_async(unit->bus, NULL, MANAGER, MANAGER_PATH,
				      MANAGER_FACE, "JobRemoved", on_removed,
				      on_matched, unit);
	if (r < 0)
		return r;
	return sd_bus_call_method_async(
		unit->bus, NULL, MANAGER, MANAGER_PATH, MANAGER_FACE,
		unit->verb == UNIT_START ? "StartUnit" : "StopUnit", on_answer,
		unit, "ss", name, "replace");
}

int unit_ask(struct unit **ret_unit, enum unit_verb verb, const char *name,
	     struct err *err)
{
	struct unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (unit == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	unit->verb = verb;
	unit->state = -EINPROGRESS;
	r = sd_bus_open_system(&unit->bus);
	if (r >= 0)
		r = ask(unit, name);
	if (r < 0) {
		unit_free(unit);
		return err_set(err, r, "D-Bus: %s", strerror(-r));
	}
	*ret_unit = unit;
	return 0;
}

void unit_free(struct unit *unit)
{
	if (unit == NULL)
		return;
	sd_bus_close_unref(unit->bus);
	free(unit->job);
	free(unit);
}

int unit_fd(struct unit *unit)
{
	return sd_bus_get_fd(unit->bus);
}

int unit_events(struct unit *unit)
{
	int events = sd_bus_get_events(unit->bus);

	return events < 0 ? 0 : events;
}

/* sd-bus counts on CLOCK_MONOTONIC: only the difference is of use. */
int64_t unit_wait_us(struct unit *unit)
{
	struct timespec ts;
	uint64_t due, now;

	if (sd_bus_get_timeout(unit->bus, &due) < 0 || due == UINT64_MAX)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
	return due <= now ? 0 : (int64_t)(due - now);
}

int unit_work(struct unit *unit, struct err *err)
{
	int r = 1;

	while (r > 0 && unit->state == -EINPROGRESS)
		r = sd_bus_process(unit->bus, NULL);
	if (r < 0 && unit->state == -EINPROGRESS)
		unit->state = err_set(&unit->err, r, "D-Bus: %s", strerror(-r));
	if (unit->state < 0 && unit->state != -EINPROGRESS && err != NULL)
		*err = unit->err;
	return unit->state;
}

int unit_wait(struct unit *unit, struct instant until, struct err *err)
{
	int64_t left_us;
	int r;

	while ((r = unit_work(unit, err)) == -EINPROGRESS) {
		left_us = instant_diff_us(loop_clock(), until);
		if (left_us <= 0)
			return err_set(err, -ETIME, "timed out");
		r = sd_bus_wait(unit->bus, (uint64_t)left_us);
		if (r < 0 && r != -EINTR)
			return err_set(err, r, "D-Bus: %s", strerror(-r));
	}
	return r;
}
