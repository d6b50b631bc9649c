#include "databases/redis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What can be said; each order is a row of these. */
enum say {
	SAY_END,
	SAY_GET_WRITE, /* how many replicas it wants */
	SAY_SET_WRITE,
	SAY_GET_LAG, /* ... how near */
	SAY_SET_LAG,
	SAY_USER,
	SAY_PASSWORD,
	SAY_NO_ONE,
	SAY_FOLLOW,
	SAY_KILL, /* the sessions of all clients but this one */
	SAY_ROLE,
	SAY_CAUGHT_UP,
	SAY_CANARY
};

#define SAYS_MAX 8

static const enum say rows[DATABASE_ORDERS][SAYS_MAX] = {
	/* A fence left from before would make a primary that takes no
	 * writes. */
	[DATABASE_PROMOTE] = { SAY_GET_LAG, SAY_SET_LAG, SAY_GET_WRITE,
			       SAY_SET_WRITE, SAY_NO_ONE, SAY_ROLE },
	/* A replica first: in between it must not take writes. */
	[DATABASE_FOLLOW] = { SAY_USER, SAY_PASSWORD, SAY_FOLLOW, SAY_ROLE,
			      SAY_GET_WRITE, SAY_SET_WRITE, SAY_GET_LAG,
			      SAY_SET_LAG },
	[DATABASE_FENCE] = { SAY_GET_LAG, SAY_SET_LAG, SAY_GET_WRITE,
			     SAY_SET_WRITE, SAY_KILL },
	[DATABASE_UNFENCE] = { SAY_GET_WRITE, SAY_SET_WRITE, SAY_GET_LAG,
			       SAY_SET_LAG },
	[DATABASE_CATCH_UP] = { SAY_CAUGHT_UP },
	[DATABASE_CANARY] = { SAY_CANARY },
};

static enum say saying(const struct redis_order *o)
{
	return o->step < SAYS_MAX ? rows[o->what->kind][o->step] : SAY_END;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static enum redis_next fail(struct redis_order *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static enum redis_next fail(struct redis_order *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
	return REDIS_FAILED;
}

/* Up to four words; NULL: no more. */
static enum redis_next say(struct redis_order *o, const char *a, const char *b,
			   const char *c, const char *d)
{
	o->argv[0] = a;
	o->argv[1] = b;
	o->argv[2] = c;
	o->argv[3] = d;
	o->argc = d != NULL ? 4 : c != NULL ? 3 : 2;
	return REDIS_SAY;
}

static const char *number(struct redis_order *o, uint64_t value)
{
	snprintf(o->args[0], REDIS_ARG_MAX, "%" PRIu64, value);
	return o->args[0];
}

static enum redis_next say_step(struct redis_order *o)
{
	static const char lag[] = "min-replicas-max-lag";
	static const char count[] = "min-replicas-to-write";

	switch (saying(o)) {
	case SAY_END:
		return REDIS_DONE;
	case SAY_GET_LAG:
		return say(o, "CONFIG", "GET", lag, NULL);
	case SAY_SET_LAG:
		return say(o, "CONFIG", "SET", lag, o->args[0]);
	case SAY_GET_WRITE:
		return say(o, "CONFIG", "GET", count, NULL);
	case SAY_SET_WRITE:
		return say(o, "CONFIG", "SET", count, o->args[0]);
	case SAY_USER:
		return say(o, "CONFIG", "SET", "masteruser", o->user);
	case SAY_PASSWORD:
		return say(o, "CONFIG", "SET", "masterauth", o->password);
	case SAY_NO_ONE:
		return say(o, "REPLICAOF", "NO", "ONE", NULL);
	case SAY_FOLLOW:
		return say(o, "REPLICAOF", o->host, number(o, o->port), NULL);
	case SAY_KILL:
		return say(o, "CLIENT", "KILL", "TYPE", "normal");
	case SAY_ROLE:
	case SAY_CAUGHT_UP:
		return say(o, "INFO", "replication", NULL, NULL);
	case SAY_CANARY:
		return say(o, "SET", REDIS_CANARY, number(o, o->what->epoch),
			   NULL);
	}
	return REDIS_DONE;
}

static enum redis_next next(struct redis_order *o)
{
	o->step++;
	/* Only where it is given. */
	if (saying(o) == SAY_USER && o->user == NULL)
		o->step++;
	if (saying(o) == SAY_PASSWORD && o->password == NULL)
		o->step++;
	return say_step(o);
}

/* What was read is to be @value; as it is already, it need not be set. */
static enum redis_next set_to(struct redis_order *o, bool differs,
			      int64_t value)
{
	if (!differs)
		o->step++;
	else
		number(o, (uint64_t)value);
	return next(o);
}

/* How many replicas it wants was read. */
static enum redis_next heard_write(struct redis_order *o, const char *text)
{
	int64_t value = strtoll(text, NULL, 10);
	bool fenced = value >= REDIS_FENCE;

	if (o->what->kind == DATABASE_FENCE)
		return set_to(o, !fenced, value + REDIS_FENCE);
	return set_to(o, fenced, value - REDIS_FENCE);
}

static enum redis_next heard_lag(struct redis_order *o, const char *text)
{
	int64_t value = strtoll(text, NULL, 10);

	/* 0 switches the rule off. */
	if (o->what->kind == DATABASE_FENCE)
		return set_to(o, value == 0, REDIS_FENCE_LAG);
	return set_to(o, value == REDIS_FENCE_LAG, 0);
}

/* The value of @key in an INFO text, or NULL. */
static const char *info(const char *text, const char *key)
{
	size_t length = strlen(key);
	const char *at = text;

	while (at != NULL && *at != '\0') {
		if (strncmp(at, key, length) == 0 && at[length] == ':')
			return at + length + 1;
		at = strchr(at, '\n');
		if (at != NULL)
			at++;
	}
	return NULL;
}

static bool is_primary(const char *text)
{
	const char *role = info(text, "role");

	return role != NULL && starts(role, "master");
}

static enum redis_next heard_role(struct redis_order *o, const char *text)
{
	if (is_primary(text) != (o->what->kind == DATABASE_PROMOTE))
		return fail(o, "it said OK, and is still a %s",
			    is_primary(text) ? "primary" : "replica");
	return next(o);
}

static enum redis_next heard_position(struct redis_order *o, const char *text)
{
	const char *offset = info(text, "slave_repl_offset");

	if (is_primary(text) || offset == NULL)
		return fail(o, "it is no replica");
	if (starts(offset, "-") ||
	    strtoull(offset, NULL, 10) < o->what->position.offset)
		return REDIS_LATER;
	return next(o);
}

/* Whether an error is none: what could not be asked was not changed by us. */
static bool is_harmless(const struct redis_order *o, const char *text)
{
	switch (saying(o)) {
	case SAY_GET_WRITE:
	case SAY_GET_LAG:
		/* Without the right to it we cannot have fenced it. */
		return o->what->kind != DATABASE_FENCE &&
		       starts(text, "NOPERM");
	case SAY_CANARY:
		/* It is the primary, and told to wait for its replicas, which
		 * follow once it is routed. */
		return starts(text, "NOREPLICAS");
	default:
		return false;
	}
}

enum redis_next redis_order_begin(struct redis_order *order)
{
	order->step = 0;
	if (saying(order) == SAY_USER && order->user == NULL)
		order->step++;
	if (saying(order) == SAY_PASSWORD && order->password == NULL)
		order->step++;
	return say_step(order);
}

enum redis_next redis_order_heard(struct redis_order *o,
				  const struct redis_answer *answer)
{
	enum say said = saying(o);

	if (answer->error) {
		if (!is_harmless(o, answer->text))
			return fail(o, "%s: %s", o->argv[0], answer->text);
		if (said == SAY_GET_WRITE || said == SAY_GET_LAG)
			o->step++;
		return next(o);
	}
	switch (said) {
	case SAY_GET_WRITE:
		return heard_write(o, answer->text);
	case SAY_GET_LAG:
		return heard_lag(o, answer->text);
	case SAY_ROLE:
		return heard_role(o, answer->text);
	case SAY_CAUGHT_UP:
		return heard_position(o, answer->text);
	default:
		return next(o);
	}
}
